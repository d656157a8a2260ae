"""Layers of several inputs that may differ in their sizes: put end to end, or multiplied as matrices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from caviar.declarations import Axes, Axis
from caviar.errors import ArgumentError, ShapeError
from caviar.graph.products import einsum
from caviar.layers.base import Layer
from caviar.layers.merging import check_list, listed
from caviar.live import Live
from caviar.placing import Placement

__all__ = ["Concatenate", "Dot", "concatenate", "dot"]


@dataclass(eq=False, repr=False)
class Concatenate(Layer):
    """The inputs side by side along an axis.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import Concatenate
    >>> Concatenate()([jnp.ones((2, 3)), jnp.ones((2, 4))]).shape
    (2, 7)
    """

    axis: Axis = -1

    supports_masking = True
    takes = "anything"

    def build(self, input_shape: Any) -> None:
        """Check that all other axes are equal."""
        check_list(self, input_shape)
        rank = len(input_shape[0])
        if any(len(shape) != rank for shape in input_shape) or not -rank <= self.axis < rank:
            raise ShapeError(
                f"{self.name} along axis {self.axis} of {listed(input_shape)}: the numbers of axes do not fit"
            )
        for axis in set(range(rank)) - {self.axis % rank}:
            sizes = {shape[axis] for shape in input_shape} - {None}
            if len(sizes) > 1:
                raise ShapeError(f"{self.name} of {listed(input_shape)}: sizes {sorted(sizes)} differ at axis {axis}")

    def call(self, inputs: Sequence[jax.Array]) -> jax.Array:
        """One array."""
        return jnp.concatenate(inputs, self.axis)

    def live(self, member: Placement, inputs: Sequence[Live]) -> Live:
        """Those of each input, side by side."""
        if self.axis == 0:
            member.need_whole(self, *inputs)
        joined = self.axis - 1 if self.axis > 0 else self.axis % len(inputs[0])
        axes = enumerate(zip(*inputs, strict=True))
        return Live(np.concatenate(along) if i == joined else member.common(self, along) for i, along in axes)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The masks concatenated; an input without one counts as True everywhere."""
        if mask is None or all(m is None for m in mask):
            return None
        whole = [
            jnp.ones(x.shape, bool) if m is None else jnp.broadcast_to(m if m.ndim == x.ndim else m[..., None], x.shape)
            for x, m in zip(inputs, mask, strict=True)
        ]
        return jnp.concatenate(whole, self.axis).any(-1)


@dataclass(eq=False, repr=False)
class Dot(Layer):
    """The sum of products along an axis of each of two inputs; with `normalize`, their cosine.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import Dot
    >>> Dot(axes=(1, 2))([jnp.ones((2, 3, 5)), jnp.ones((2, 10, 3))]).shape
    (2, 5, 10)
    """

    axes: Axes
    normalize: bool = False

    takes = "floats"

    def build(self, input_shape: Any) -> None:
        """Check that the two axes have the same size."""
        check_list(self, input_shape, 2)
        first, second = input_shape
        a, b = self._axes(len(first), len(second))
        if a == 0 or b == 0:
            raise ArgumentError(f"{self.name} cannot sum over axis 0, which is the batch")
        if first[a] != second[b]:
            raise ShapeError(f"{self.name} of {listed(input_shape)}: axis {a} has {first[a]}, and axis {b} {second[b]}")

    def _axes(self, *ranks: int) -> tuple[int, int]:
        axes = (self.axes, self.axes) if isinstance(self.axes, int) else self.axes
        return axes[0] % ranks[0], axes[1] % ranks[1]

    def call(self, inputs: Sequence[jax.Array]) -> jax.Array:
        """An array of the axes that are left: the batch, those of the first input, those of the second."""
        x, y = inputs
        a, b = self._axes(x.ndim, y.ndim)
        if self.normalize:
            x, y = _unit(x, a), _unit(y, b)
        left, right = "zabcdefg"[: x.ndim], list("zmnopqrs"[: y.ndim])
        right[b] = left[a]
        free = "".join(c for c in (*left, *right[1:]) if c != left[a])
        product = einsum(f"{left},{''.join(right)}->{free}", x, y)
        return product[:, None] if product.ndim == 1 else product


def _unit(x: jax.Array, axis: int) -> jax.Array:
    squares = jnp.sum(jnp.square(x), axis, keepdims=True)
    return x * jax.lax.rsqrt(jnp.maximum(squares, 1e-24))  # so that zeros stay zeros


def concatenate(inputs: Sequence[Any], axis: int = -1, **kwargs: Any) -> Any:
    """The inputs joined along an axis, as `Concatenate(axis)(inputs)`.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import concatenate
    >>> concatenate([jnp.ones((2, 3)), jnp.ones((2, 4))]).shape
    (2, 7)
    """
    return Concatenate(axis, **kwargs)(inputs)


def dot(inputs: Sequence[Any], axes: Any = -1, **kwargs: Any) -> Any:
    """Sums of products along an axis of each of two inputs, as `Dot(axes)(inputs)`.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import dot
    >>> dot([jnp.ones((2, 3)), jnp.ones((2, 3))]).tolist()
    [[3.0], [3.0]]
    """
    return Dot(axes, **kwargs)(inputs)
