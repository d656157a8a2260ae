"""Functions of each pixel's neighbourhood: blurring, edges, similarity, patches."""

from __future__ import annotations

from typing import Annotated, Any

import jax
import jax.numpy as jnp

from caviar import config
from caviar.declarations import DataFormat, OneOf, Positive, Size, Sizes
from caviar.errors import ArgumentError, ShapeError
from caviar.images.axes import as_given, as_type, channels_last, is_first


def gaussian_blur(
    images: jax.Array, kernel_size: Sizes = (3, 3), sigma: Any = (1.0, 1.0), data_format: DataFormat | None = None
) -> jax.Array:
    """Images blurred with Gaussian kernels of these standard deviations.

    >>> import jax.numpy as jnp
    >>> from caviar.images.filters import gaussian_blur
    >>> print(gaussian_blur(jnp.ones((3, 3, 1)))[1, 1].round(4))
    [1.]
    """
    x = channels_last(images, data_format, "gaussian_blur")
    floats = x.astype(jnp.promote_types(x.dtype, config.floatx()) if jnp.issubdtype(x.dtype, jnp.integer) else x.dtype)
    size = (kernel_size, kernel_size) if isinstance(kernel_size, int) else kernel_size
    return as_given(as_type(blurred(floats, size, sigma), x.dtype), data_format)


def blurred(x: jax.Array, size: Any, sigma: Any) -> jax.Array:
    """Floats (..., height, width, channels), blurred; pixels beyond the edges are 0."""
    for axis, count, deviation in zip((-2, -3), size, sigma, strict=True):  # horizontally first, as in Keras
        x = _along(x, axis, _bell(count, deviation, x.dtype), "same")
    return x


def _bell(size: int, sigma: Any, dtype: Any) -> jax.Array:
    places = jnp.arange(size, dtype=dtype) - (size - 1) / 2
    weights = jnp.exp(-(places**2) / (2 * sigma**2))
    return weights / jnp.sum(weights)


def _along(x: jax.Array, axis: int, weights: jax.Array, padding: str) -> jax.Array:
    """Weighted sums of neighbours along an axis."""
    size = weights.shape[0]
    if padding == "same":
        edges = [(0, 0)] * x.ndim
        edges[axis] = ((size - 1) // 2, size // 2)
        x = jnp.pad(x, edges)
    count = x.shape[axis] - size + 1
    parts = [jax.lax.slice_in_dim(x, i, i + count, axis=axis) for i in range(size)]
    return sum((part * weights[i] for i, part in enumerate(parts)), jnp.zeros((), x.dtype))


def sobel_edges(images: jax.Array, data_format: DataFormat | None = None) -> jax.Array:
    """The gradients of brightness, downwards and to the right, at each pixel; pixels beyond the edges are 0.

    >>> import jax.numpy as jnp
    >>> from caviar.images.filters import sobel_edges
    >>> sobel_edges(jnp.ones((1, 4, 4, 1))).shape
    (1, 4, 4, 1, 2)
    """
    if images.ndim != 4:
        raise ShapeError(f"sobel_edges takes a batch of images (n, height, width, channels), not {images.shape}")
    x = channels_last(images, data_format, "sobel_edges")
    x = jnp.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)])
    smooth, slope = jnp.array([1, 2, 1], x.dtype), jnp.array([-1, 0, 1], x.dtype)
    down = _along(_along(x, -3, slope, "valid"), -2, smooth, "valid")
    right = _along(_along(x, -3, smooth, "valid"), -2, slope, "valid")
    edges = jnp.stack([down, right], -1)
    return jnp.moveaxis(edges, -2, 1) if is_first(data_format) else edges


def ssim(
    image1: jax.Array,
    image2: jax.Array,
    max_val: Positive = 1.0,
    filter_size: Size = 11,
    filter_sigma: Positive = 1.5,
    k1: Any = 0.01,
    k2: Any = 0.03,
    data_format: DataFormat | None = None,
) -> jax.Array:
    """The structural similarity of two images: 1 if they are equal.

    >>> import jax.numpy as jnp
    >>> from caviar.images.filters import ssim
    >>> ssim(jnp.ones((12, 12, 1)), jnp.ones((12, 12, 1))).item()
    1.0
    """
    if image1.shape != image2.shape:
        raise ShapeError(f"ssim compares images of one shape, and was given {image1.shape} and {image2.shape}")
    a, b = (channels_last(v, data_format, "ssim").astype(config.floatx()) for v in (image1, image2))
    bell = _bell(filter_size, filter_sigma, a.dtype)

    def around(x: jax.Array) -> jax.Array:
        return _along(_along(x, -3, bell, "valid"), -2, bell, "valid")

    mean_a, mean_b = around(a), around(b)
    spread_a, spread_b = around(a * a) - mean_a**2, around(b * b) - mean_b**2
    both = around(a * b) - mean_a * mean_b
    c1, c2 = (k1 * max_val) ** 2, (k2 * max_val) ** 2
    light = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
    return jnp.mean(light * (2 * both + c2) / (spread_a + spread_b + c2), (-3, -2, -1))


def extract_patches(
    images: jax.Array,
    size: Sizes,
    strides: Sizes | None = None,
    dilation_rate: Sizes = 1,
    padding: Annotated[str, OneOf("same", "valid")] = "valid",
    data_format: DataFormat | None = None,
) -> jax.Array:
    """The patches of images, or of volumes if `size` has three numbers, as long rows (pixel by pixel, channel by channel).

    >>> import jax.numpy as jnp
    >>> from caviar.images.filters import extract_patches
    >>> extract_patches(jnp.ones((2, 20, 20, 3)), (5, 5)).shape
    (2, 4, 4, 75)
    """
    rank = 2 if isinstance(size, int) else len(size)
    return _patches(images, size, strides, dilation_rate, padding, data_format, rank)


def extract_patches_3d(
    volumes: jax.Array,
    size: Sizes,
    strides: Sizes | None = None,
    dilation_rate: Sizes = 1,
    padding: Annotated[str, OneOf("same", "valid")] = "valid",
    data_format: DataFormat | None = None,
) -> jax.Array:
    """The patches of volumes (depth, height, width, channels), as long rows.

    >>> import jax.numpy as jnp
    >>> from caviar.images.filters import extract_patches_3d
    >>> extract_patches_3d(jnp.ones((4, 4, 4, 1)), 2).shape
    (2, 2, 2, 8)
    """
    return _patches(volumes, size, strides, dilation_rate, padding, data_format, 3)


def _patches(
    images: jax.Array, size: Any, strides: Any, dilation: Any, padding: str, data_format: Any, rank: int
) -> jax.Array:
    if images.ndim not in (rank + 1, rank + 2):
        raise ShapeError(f"patches of {rank} axes of space are of {rank + 1} or {rank + 2} axes, not {images.shape}")
    size, dilation = (_several(v, rank) for v in (size, dilation))
    strides = size if strides is None else _several(strides, rank)
    if len(size) != rank:
        raise ArgumentError(f"the size of a patch has {rank} numbers here, not {size}")
    first = is_first(data_format)
    x = jnp.moveaxis(images, -rank - 1, -1) if first else images
    places = []
    edges = [(0, 0)] * x.ndim
    for i, (k, s, d) in enumerate(zip(size, strides, dilation, strict=True)):
        n, span = x.shape[x.ndim - 1 - rank + i], d * (k - 1) + 1
        count = -(-n // s) if padding == "same" else (n - span) // s + 1
        missing = max((count - 1) * s + span - n, 0) if padding == "same" else 0
        edges[x.ndim - 1 - rank + i] = (missing // 2, missing - missing // 2)
        places.append(jnp.arange(count)[:, None] * s + jnp.arange(k) * d)
    shape = [
        [1] * i + [p.shape[0]] + [1] * (rank - 1) + [p.shape[1]] + [1] * (rank - 1 - i) for i, p in enumerate(places)
    ]
    at = tuple(p.reshape(s) for p, s in zip(places, shape, strict=True))
    found = jnp.pad(x, edges)[(..., *at, slice(None))]
    made = found.reshape(*found.shape[: -rank - 1], -1)
    return jnp.moveaxis(made, -1, -rank - 1) if first else made


def _several(value: Any, rank: int) -> tuple[int, ...]:
    return (value,) * rank if isinstance(value, int) else tuple(value)
