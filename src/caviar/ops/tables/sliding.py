"""Convolutions and pooling: windows that slide over the axes of space."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import jax
import jax.numpy as jnp

from caviar.declarations import DataFormat, OneOf, Sizes
from caviar.errors import ShapeError
from caviar.images.axes import is_first
from caviar.layers import adaptive_pooling as layers
from caviar.layers.lowering import convolution, pooling
from caviar.layers.lowering.windows import sizes
from caviar.ops.words import Function, table_of

Padding = Annotated[str, OneOf("valid", "same")]


def _last(x: jax.Array, data_format: Any) -> jax.Array:
    return jnp.moveaxis(x, 1, -1) if is_first(data_format) else x


def _as_given(y: jax.Array, data_format: Any) -> jax.Array:
    return jnp.moveaxis(y, -1, 1) if is_first(data_format) else y


def conv(
    inputs: jax.Array,
    kernel: jax.Array,
    strides: Sizes = 1,
    padding: Padding = "valid",
    data_format: DataFormat | None = None,
    dilation_rate: Sizes = 1,
) -> jax.Array:
    """Slide a kernel (*size, channels of a group, filters) over the inputs.

    >>> import jax.numpy as jnp
    >>> from caviar.ops.tables.sliding import conv
    >>> conv(jnp.ones((1, 5, 5, 3)), jnp.ones((3, 3, 3, 8))).shape
    (1, 3, 3, 8)
    """
    x, rank = _last(inputs, data_format), inputs.ndim - 2
    if x.shape[-1] % kernel.shape[-2]:
        raise ShapeError(f"conv: {x.shape[-1]} channels are no multiple of the kernel's {kernel.shape[-2]}")
    groups = x.shape[-1] // kernel.shape[-2]
    y = convolution.conv(x, kernel, sizes(strides, rank), padding, sizes(dilation_rate, rank), groups)
    return _as_given(y, data_format)


def depthwise_conv(
    inputs: jax.Array,
    kernel: jax.Array,
    strides: Sizes = 1,
    padding: Padding = "valid",
    data_format: DataFormat | None = None,
    dilation_rate: Sizes = 1,
) -> jax.Array:
    """Slide kernels of its own over each channel; their shape is (*size, channels, times).

    >>> import jax.numpy as jnp
    >>> from caviar.ops.tables.sliding import depthwise_conv
    >>> depthwise_conv(jnp.ones((1, 5, 5, 3)), jnp.ones((3, 3, 3, 2))).shape
    (1, 3, 3, 6)
    """
    one_group_each = kernel.reshape(*kernel.shape[:-2], 1, -1)
    return conv(inputs, one_group_each, strides, padding, data_format, dilation_rate)


def separable_conv(
    inputs: jax.Array,
    depthwise_kernel: jax.Array,
    pointwise_kernel: jax.Array,
    strides: Sizes = 1,
    padding: Padding = "valid",
    data_format: DataFormat | None = None,
    dilation_rate: Sizes = 1,
) -> jax.Array:
    """A depthwise convolution, followed by one with a window of 1, which mixes the channels.

    >>> import jax.numpy as jnp
    >>> from caviar.ops.tables.sliding import separable_conv
    >>> separable_conv(jnp.ones((1, 5, 5, 3)), jnp.ones((3, 3, 3, 2)), jnp.ones((1, 1, 6, 4))).shape
    (1, 3, 3, 4)
    """
    each = depthwise_conv(inputs, depthwise_kernel, strides, padding, data_format, dilation_rate)
    return conv(each, pointwise_kernel, 1, padding, data_format)


def conv_transpose(
    inputs: jax.Array,
    kernel: jax.Array,
    strides: Sizes = 1,
    padding: Padding = "valid",
    output_padding: Any = None,
    data_format: DataFormat | None = None,
    dilation_rate: Sizes = 1,
) -> jax.Array:
    """The gradient of a convolution with this kernel (*size, filters, channels).

    >>> import jax.numpy as jnp
    >>> from caviar.ops.tables.sliding import conv_transpose
    >>> conv_transpose(jnp.ones((1, 5, 3)), jnp.ones((4, 2, 3)), 3).shape
    (1, 16, 2)
    """
    rank = inputs.ndim - 2
    extra = None if output_padding is None else sizes(output_padding, rank)
    x = _last(inputs, data_format)
    y = convolution.conv_transpose(x, kernel, sizes(strides, rank), padding, sizes(dilation_rate, rank), extra)
    return _as_given(y, data_format)


def _pooled(
    pool: Callable[..., jax.Array], x: jax.Array, size: Sizes, strides: Sizes | None, padding: str, data_format: Any
) -> jax.Array:
    rank = x.ndim - 2
    steps = sizes(size if strides is None else strides, rank)
    return _as_given(pool(_last(x, data_format), sizes(size, rank), steps, padding), data_format)


def max_pool(
    inputs: jax.Array,
    pool_size: Sizes,
    strides: Sizes | None = None,
    padding: Padding = "valid",
    data_format: DataFormat | None = None,
) -> jax.Array:
    """The largest value of each window.

    >>> import jax.numpy as jnp
    >>> from caviar.ops.tables.sliding import max_pool
    >>> max_pool(jnp.arange(4.0).reshape(1, 4, 1), 2).ravel().tolist()
    [1.0, 3.0]
    """
    return _pooled(pooling.max_pool, inputs, pool_size, strides, padding, data_format)


def average_pool(
    inputs: jax.Array,
    pool_size: Sizes,
    strides: Sizes | None = None,
    padding: Padding = "valid",
    data_format: DataFormat | None = None,
) -> jax.Array:
    """The mean of each window.

    >>> import jax.numpy as jnp
    >>> from caviar.ops.tables.sliding import average_pool
    >>> average_pool(jnp.arange(4.0).reshape(1, 4, 1), 2).ravel().tolist()
    [0.5, 2.5]
    """
    return _pooled(pooling.mean_pool, inputs, pool_size, strides, padding, data_format)


def adaptive_average_pool(inputs: jax.Array, output_size: Sizes, data_format: DataFormat | None = None) -> jax.Array:
    """The means of so many parts of each axis of space.

    >>> import jax.numpy as jnp
    >>> from caviar.ops.tables.sliding import adaptive_average_pool
    >>> adaptive_average_pool(jnp.arange(4.0).reshape(1, 4, 1), 2).ravel().tolist()
    [0.5, 2.5]
    """
    rank = inputs.ndim - 2
    return getattr(layers, f"AdaptiveAveragePooling{rank}D")(output_size, data_format=data_format).call(inputs)


def adaptive_max_pool(inputs: jax.Array, output_size: Sizes, data_format: DataFormat | None = None) -> jax.Array:
    """The largest values of so many parts of each axis of space.

    >>> import jax.numpy as jnp
    >>> from caviar.ops.tables.sliding import adaptive_max_pool
    >>> adaptive_max_pool(jnp.arange(4.0).reshape(1, 4, 1), 2).ravel().tolist()
    [1.0, 3.0]
    """
    rank = inputs.ndim - 2
    return getattr(layers, f"AdaptiveMaxPooling{rank}D")(output_size, data_format=data_format).call(inputs)


TABLE: dict[str, Function] = table_of(
    adaptive_average_pool, adaptive_max_pool, average_pool, conv, conv_transpose, depthwise_conv, max_pool, separable_conv,
)  # fmt: skip
