"""Layers of several inputs: `Add()([a, b])`, or `add([a, b])`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from caviar.errors import ArgumentError, ShapeError
from caviar.layers.base import Layer
from caviar.live import Live
from caviar.placing import Placement

__all__ = [
    "Add",
    "Average",
    "Maximum",
    "Minimum",
    "Multiply",
    "Subtract",
    "add",
    "average",
    "maximum",
    "minimum",
    "multiply",
    "subtract",
]


class _Merge(Layer):
    """A function of two values, applied to all inputs from the first to the last."""

    operation: ClassVar[Callable[..., jax.Array]]
    supports_masking = True
    takes = "floats"

    def build(self, input_shape: Any) -> None:
        """Check that the inputs fit."""
        check_list(self, input_shape)
        rank = max(map(len, input_shape))
        shapes = [(*shape[:1], *[1] * (rank - len(shape)), *shape[1:]) for shape in input_shape]
        for axis in range(rank):
            sizes = {shape[axis] for shape in shapes} - {None, 1}
            if len(sizes) > 1:
                raise ShapeError(f"{self.name} of {listed(input_shape)}: sizes {sorted(sizes)} differ at axis {axis}")

    def call(self, inputs: Sequence[jax.Array]) -> jax.Array:
        """The merged inputs; one with fewer axes is repeated along the axes that it lacks, after the batch."""
        rank = max(x.ndim for x in inputs)
        inputs = [x.reshape(*x.shape[:1], *[1] * (rank - x.ndim), *x.shape[1:]) for x in inputs]
        return functools.reduce(type(self).operation, inputs)

    def live(self, member: Placement, inputs: Sequence[Live]) -> Live:
        """Those that are live in all inputs, or in one that is the same along an axis for all."""
        rank = max(map(len, inputs))
        axes = zip(*([*[np.ones(1, bool)] * (rank - len(x)), *x] for x in inputs), strict=True)
        return Live(member.common(self, along) for along in axes)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """True where the mask of any input is; no mask if one of the inputs has none."""
        if mask is None or any(m is None for m in mask):
            return None
        return functools.reduce(jnp.logical_or, mask)


class Add(_Merge):
    """The sum of the inputs.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import Add
    >>> Add()([jnp.array([[1.0]]), jnp.array([[2.0]])]).tolist()
    [[3.0]]
    """

    operation = staticmethod(jnp.add)


class Subtract(_Merge):
    """The first of two inputs minus the second.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import Subtract
    >>> Subtract()([jnp.array([[1.0]]), jnp.array([[2.0]])]).tolist()
    [[-1.0]]
    """

    operation = staticmethod(jnp.subtract)

    def build(self, input_shape: Any) -> None:
        """Check that there are two inputs that fit."""
        check_list(self, input_shape, 2)
        super().build(input_shape)


class Multiply(_Merge):
    """The product of the inputs, element by element.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import Multiply
    >>> Multiply()([jnp.array([[2.0]]), jnp.array([[3.0]])]).tolist()
    [[6.0]]
    """

    operation = staticmethod(jnp.multiply)

    def call(self, inputs: Sequence[jax.Array], mask: Any = None) -> jax.Array:
        """The product of the values that are not masked; 0 where all are."""
        if mask is None:
            return super().call(inputs)
        product = super().call(
            [x if m is None else jnp.where(_over(m, x), x, 1) for x, m in zip(inputs, mask, strict=True)]
        )
        there = self.compute_mask(inputs, mask)
        return product if there is None else jnp.where(_over(there, product), product, 0)

    live = _Merge.live


class Average(_Merge):
    """The mean of the inputs.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import Average
    >>> Average()([jnp.array([[1.0]]), jnp.array([[2.0]])]).tolist()
    [[1.5]]
    """

    operation = staticmethod(jnp.add)

    def call(self, inputs: Sequence[jax.Array]) -> jax.Array:
        """The sum divided by the number of inputs."""
        return super().call(inputs) / len(inputs)

    live = _Merge.live


class _Extreme(_Merge):
    def call(self, inputs: Sequence[jax.Array], mask: Any = None) -> jax.Array:
        """The largest, or smallest, of the values that are not masked."""
        if mask is None:
            return super().call(inputs)
        best, there = inputs[0], mask[0]
        for x, m in zip(inputs[1:], mask[1:], strict=True):
            x = x if m is None else jnp.where(_over(m, x), x, best)
            best = type(self).operation(best if there is None else jnp.where(_over(there, best), best, x), x)
            there = None if there is None or m is None else jnp.logical_or(there, m)
        return best

    live = _Merge.live


class Maximum(_Extreme):
    """The larger of the inputs, element by element.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import Maximum
    >>> Maximum()([jnp.array([[1.0, 4.0]]), jnp.array([[2.0, 3.0]])]).tolist()
    [[2.0, 4.0]]
    """

    operation = staticmethod(jnp.maximum)


class Minimum(_Extreme):
    """The smaller of the inputs, element by element.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import Minimum
    >>> Minimum()([jnp.array([[1.0, 4.0]]), jnp.array([[2.0, 3.0]])]).tolist()
    [[1.0, 3.0]]
    """

    operation = staticmethod(jnp.minimum)


def _over(mask: jax.Array, x: jax.Array) -> jax.Array:
    """A mask of steps, repeated over their features."""
    return mask.reshape(mask.shape + (1,) * (x.ndim - mask.ndim))


def check_list(layer: Layer, shapes: Any, wanted: int | None = None) -> None:
    if not isinstance(shapes, list) or (wanted and len(shapes) != wanted):
        raise ArgumentError(
            f"{layer.name} merges a list of {wanted or 'several'} inputs: {type(layer).__name__}()([a, b])"
        )


def listed(shapes: Any) -> str:
    return " and ".join(str(tuple(s)) for s in shapes)


def add(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """The sum of the inputs, as `Add()(inputs)`.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import add
    >>> add([jnp.array([[1.0]]), jnp.array([[2.0]])]).tolist()
    [[3.0]]
    """
    return Add(**kwargs)(inputs)


def subtract(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """The first input minus the second, as `Subtract()(inputs)`.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import subtract
    >>> subtract([jnp.array([[1.0]]), jnp.array([[2.0]])]).tolist()
    [[-1.0]]
    """
    return Subtract(**kwargs)(inputs)


def multiply(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """The product of the inputs, element by element, as `Multiply()(inputs)`.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import multiply
    >>> multiply([jnp.array([[2.0]]), jnp.array([[3.0]])]).tolist()
    [[6.0]]
    """
    return Multiply(**kwargs)(inputs)


def average(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """The mean of the inputs, element by element, as `Average()(inputs)`.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import average
    >>> average([jnp.array([[1.0]]), jnp.array([[2.0]])]).tolist()
    [[1.5]]
    """
    return Average(**kwargs)(inputs)


def maximum(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """The largest of the inputs, element by element, as `Maximum()(inputs)`.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import maximum
    >>> maximum([jnp.array([[1.0]]), jnp.array([[2.0]])]).tolist()
    [[2.0]]
    """
    return Maximum(**kwargs)(inputs)


def minimum(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """The smallest of the inputs, element by element, as `Minimum()(inputs)`.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import minimum
    >>> minimum([jnp.array([[1.0]]), jnp.array([[2.0]])]).tolist()
    [[1.0]]
    """
    return Minimum(**kwargs)(inputs)
