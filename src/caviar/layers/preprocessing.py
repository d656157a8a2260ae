"""Layers that prepare data: scaling, categories, bins, and any function."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from caviar import config
from caviar.declarations import Axes, Each, Number, OneOf, Several, Size
from caviar.errors import ArgumentError, DataError, NotBuiltError, ShapeError
from caviar.layers.argument_types import Weight
from caviar.layers.base import Layer, ensure_built
from caviar.outside import numeric, spoken

__all__ = ["CategoryEncoding", "Discretization", "Lambda", "Normalization", "Rescaling"]


@dataclass(eq=False, repr=False)
class Rescaling(Layer):
    """`scale * x + offset`, as floats.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import Rescaling
    >>> Rescaling(1 / 255)(jnp.array([[0, 255]])).tolist()
    [[0.0, 1.0]]
    """

    scale: Several
    offset: Several = 0.0

    supports_masking = True
    takes = "floats"

    def call(self, x: jax.Array) -> jax.Array:
        """The scaled input."""
        x = _as_floats(self, x)
        return x * jnp.asarray(self.scale, x.dtype) + jnp.asarray(self.offset, x.dtype)


@dataclass(eq=False, repr=False)
class Normalization(Layer):
    """`(x - mean) / sqrt(variance)`, with a mean and a variance for each index of `axis` that `adapt` takes from data.

    >>> import jax.numpy as jnp
    >>> import numpy as np
    >>> from caviar.layers import Normalization
    >>> layer = Normalization()
    >>> layer.adapt(np.array([[2.0], [4.0], [6.0], [8.0]], "float32"))
    >>> layer(jnp.array([[5.0]])).tolist()
    [[0.0]]
    """

    axis: Axes | None = -1
    mean: Any = None
    variance: Any = None
    invert: bool = False

    adapt_mean: ClassVar[Weight]
    adapt_variance: ClassVar[Weight]

    supports_masking = True
    takes = "floats"

    def build(self, input_shape: Any) -> None:
        """Declare mean and variance, unless they are given."""
        if (self.mean is None) != (self.variance is None):
            raise ArgumentError(f"{self.name} wants both mean and variance, or neither and then adapt(data)")
        if self.mean is None:
            shape = tuple(input_shape[axis] for axis in self._own_axes(len(input_shape)))
            if None in shape:
                raise ShapeError(
                    f"{self.name}: axis {self.axis} of {input_shape} has no known size; axis=None takes all"
                )
            self.add_weight("adapt_mean", shape, "zeros", trainable=False)
            self.add_weight("adapt_variance", shape, "ones", trainable=False)

    def _own_axes(self, rank: int) -> tuple[int, ...]:
        axes = () if self.axis is None else (self.axis,) if isinstance(self.axis, int) else self.axis
        return tuple(sorted(axis % rank for axis in axes))

    def adapt(self, data: Any) -> None:
        """Take mean and variance from an array, or from an iterable of batches."""
        if self.mean is not None:
            raise ArgumentError(f"{self.name} has its mean given, so it does not adapt")
        count, mean, spread = 0, 0.0, 0.0
        for batch in _batches(data):
            ensure_built(self, jax.ShapeDtypeStruct(batch.shape, jnp.dtype(config.floatx())))
            others = tuple(axis for axis in range(batch.ndim) if axis not in self._own_axes(batch.ndim))
            n = math.prod(batch.shape[axis] for axis in others)
            step, total = batch.mean(others, dtype="float64") - mean, count + n
            mean = mean + step * n / total
            spread = spread + batch.var(others, dtype="float64") * n + step**2 * count * n / total
            count = total
        _check_data(self, count, mean)
        self.adapt_mean.assign(mean)
        self.adapt_variance.assign(spread / count)

    def call(self, x: jax.Array) -> jax.Array:
        """The normalized input; with `invert`, the opposite: `x * sqrt(variance) + mean`."""
        x = _as_floats(self, x)
        given = self.mean is not None
        mean = self._along(self.mean if given else self.adapt_mean, x)
        variance = self._along(self.variance if given else self.adapt_variance, x)
        deviation = jnp.maximum(jnp.sqrt(variance), 1e-7)  # Keras' epsilon: a column that never changes becomes 0
        return x * deviation + mean if self.invert else (x - mean) / deviation

    def _along(self, value: Any, x: jax.Array) -> jax.Array:
        value, shape = jnp.asarray(value, x.dtype), [1] * x.ndim
        for axis, size in zip(reversed(self._own_axes(x.ndim)), reversed(value.shape), strict=False):
            shape[axis] = size
        return value.reshape(shape)


@dataclass(eq=False, repr=False)
class CategoryEncoding(Layer):
    """Integers below `num_tokens` as vectors: 'one_hot' for each; 'multi_hot' or 'count' for all along the last axis.

    An integer that is out of range adds nothing.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import CategoryEncoding
    >>> CategoryEncoding(3, "one_hot")(jnp.array([2, 0])).tolist()
    [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
    >>> CategoryEncoding(3, "count")(jnp.array([[2, 0, 2]])).tolist()
    [[1.0, 0.0, 2.0]]
    """

    num_tokens: Size
    output_mode: Annotated[str, OneOf("one_hot", "multi_hot", "count")] = "multi_hot"

    takes = "ids"

    @property
    def known_ids(self) -> int:  # type: ignore[override]
        """As many as there are tokens."""
        return int(self.num_tokens)

    def call(self, x: jax.Array, count_weights: jax.Array | None = None) -> jax.Array:
        """The vectors; `count_weights` says how much each integer counts."""
        return _encoded(self, x, self.num_tokens, count_weights)


@dataclass(eq=False, repr=False)
class Discretization(Layer):
    """The number of the bin that each value falls into; `adapt` makes `num_bins` bins with equally many values in each.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import Discretization
    >>> Discretization([0.0, 1.0, 2.0])(jnp.array([[-1.5, 1.0, 3.4, 0.5]])).tolist()
    [[0, 2, 3, 1]]
    """

    bin_boundaries: Annotated[Any, Each(Number(), alone=False) | OneOf(None)] = None
    num_bins: Size | None = None
    output_mode: Annotated[str, OneOf("int", "one_hot", "multi_hot", "count")] = "int"

    takes = "floats"

    def build(self, input_shape: Any) -> None:
        """Check the boundaries."""
        if self.bin_boundaries is None:
            raise NotBuiltError(f"{self.name} has no bins yet: give bin_boundaries, or num_bins and then adapt(data)")
        if sorted(self.bin_boundaries) != list(self.bin_boundaries):
            raise ArgumentError(f"bin_boundaries of {self.name} must increase, and are {self.bin_boundaries}")

    def adapt(self, data: Any) -> None:
        """Take the boundaries from an array, or from an iterable of batches."""
        if self.num_bins is None:
            raise ArgumentError(f"{self.name} adapts when it has num_bins instead of bin_boundaries")
        values = np.concatenate([np.zeros(0), *(batch.ravel() for batch in _batches(data))])
        _check_data(self, values.size, values)
        shares = np.arange(1, self.num_bins) / self.num_bins
        boundaries = np.quantile(values, shares, method="interpolated_inverted_cdf").tolist()
        vars(self)["bin_boundaries"] = boundaries

    def call(self, x: jax.Array) -> jax.Array:
        """The numbers of the bins, as integers or encoded."""
        x = _as_floats(self, x)
        bins = jnp.digitize(x, jnp.asarray(self.bin_boundaries, x.dtype)).astype("int32")
        return bins if self.output_mode == "int" else _encoded(self, bins, len(self.bin_boundaries) + 1)


@dataclass(eq=False, repr=False)
class Lambda(Layer):
    """Any function as a layer; it may ask for `mask` and `training`. The shape of its output is inferred.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import Lambda
    >>> Lambda(lambda x: x**2)(jnp.array([[3.0]])).tolist()
    [[9.0]]
    """

    function: Callable[..., Any]
    output_shape: Any = None
    mask: Any = None
    arguments: dict[str, Any] | None = None

    def call(self, x: Any, mask: Any = None, training: bool = False) -> Any:
        """The function of the input."""
        wanted = inspect.signature(self.function).parameters
        known = {"mask": mask, "training": training}
        return self.function(x, **(self.arguments or {}), **{k: v for k, v in known.items() if k in wanted})

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The mask given, or the result of the function given as mask."""
        return self.mask(inputs, mask) if callable(self.mask) else self.mask


def _encoded(
    layer: CategoryEncoding | Discretization, x: jax.Array, depth: int, weights: jax.Array | None = None
) -> jax.Array:
    mode = layer.output_mode
    if weights is not None and mode != "count":
        raise ArgumentError(f"{layer.name} takes count_weights with output_mode='count', and not with {mode!r}")
    if mode == "one_hot" and x.ndim > 1 and x.shape[-1] == 1:
        x = x[..., 0]
    hot = jax.nn.one_hot(x.astype("int32"), depth, dtype=layer.dtype or config.floatx())
    match mode:
        case "one_hot":
            return hot
        case "multi_hot":
            return hot.max(-2)
        case _:
            return (hot if weights is None else hot * weights[..., None].astype(hot.dtype)).sum(-2)


def _as_floats(layer: Layer, x: jax.Array) -> jax.Array:
    if layer.dtype is None and jnp.issubdtype(x.dtype, jnp.floating):
        return x
    return x.astype(layer.dtype or config.floatx())


def _batches(data: Any) -> Iterator[np.ndarray]:
    """An array as one batch; an iterable as its batches, where a pair (x, y) stands for x."""
    numbers = isinstance(data, (list, tuple)) and len(data) and not any(hasattr(item, "shape") for item in data)
    whole = hasattr(data, "shape") or numbers or not isinstance(data, Iterable) or isinstance(data, (str, bytes))
    for batch in [data] if whole else data:
        array = numeric(batch[0] if isinstance(batch, tuple) and len(batch) else batch, "the data to adapt to")
        if array.ndim == 0 or array.dtype.kind == "c":
            raise DataError(f"adapt takes rows of real numbers, and was given {spoken(batch)}")
        yield array


def _check_data(layer: Layer, count: int, values: Any) -> None:
    if not count:
        raise DataError(f"{layer.name} was to adapt to no data at all")
    if not np.isfinite(values).all():
        raise DataError(f"{layer.name} was to adapt to data that holds NaN or infinity")
