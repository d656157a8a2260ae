"""Images resampled, cropped or padded to another size."""

from __future__ import annotations

from typing import Annotated, Any

import jax
import jax.numpy as jnp

from caviar import config
from caviar.declarations import Count, DataFormat, OneOf, Size, Sizes
from caviar.errors import ArgumentError, ShapeError
from caviar.images.axes import as_given, as_type, channels_last

Interpolation = Annotated[str, OneOf("bilinear", "nearest", "lanczos3", "lanczos5", "bicubic")]
_METHODS = OneOf("linear", "bilinear", "trilinear", "triangle", "cubic", "bicubic", "tricubic", "lanczos3", "lanczos5")


def resize(
    images: jax.Array,
    size: Sizes,
    interpolation: Interpolation = "bilinear",
    antialias: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    fill_mode: Annotated[str, OneOf("constant")] = "constant",
    fill_value: Any = 0.0,
    data_format: DataFormat | None = None,
) -> jax.Array:
    """Images resampled to this (height, width); they may be cropped or padded first, to keep their proportions.

    >>> import jax.numpy as jnp
    >>> from caviar.images.resizing import resize
    >>> resize(jnp.ones((2, 4, 4, 3)), (2, 2)).shape
    (2, 2, 2, 3)
    """
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ArgumentError(
            "resize crops or pads to keep proportions: give crop_to_aspect_ratio or pad_to_aspect_ratio"
        )
    height, width = (size, size) if isinstance(size, int) else tuple(size)
    x = channels_last(images, data_format, "resize")
    across, down = int(x.shape[-2] * height / width), int(x.shape[-3] * width / height)
    if crop_to_aspect_ratio:
        x = _middle(x, min(x.shape[-3], across), min(x.shape[-2], down))
    if pad_to_aspect_ratio:
        x = _framed(x, max(x.shape[-3], across), max(x.shape[-2], down), fill_value)
    method = {"bilinear": "linear", "bicubic": "cubic"}.get(interpolation, interpolation)
    floats = x if jnp.issubdtype(x.dtype, jnp.floating) else x.astype(config.floatx())
    made = jax.image.resize(floats, (*x.shape[:-3], height, width, x.shape[-1]), method, antialias)
    return as_given(as_type(made, x.dtype), data_format)


def _middle(x: jax.Array, height: int, width: int) -> jax.Array:
    top, left = (x.shape[-3] - height) // 2, (x.shape[-2] - width) // 2
    return x[..., top : top + height, left : left + width, :]


def _framed(x: jax.Array, height: int, width: int, value: Any) -> jax.Array:
    top, left = (height - x.shape[-3]) // 2, (width - x.shape[-2]) // 2
    edges = [(top, top), (left, left), (0, 0)]  # an odd line is dropped, as in Keras
    return jnp.pad(x, [(0, 0)] * (x.ndim - 3) + edges, constant_values=value)


def crop_images(
    images: jax.Array,
    top_cropping: Count | None = None,
    left_cropping: Count | None = None,
    bottom_cropping: Count | None = None,
    right_cropping: Count | None = None,
    target_height: Size | None = None,
    target_width: Size | None = None,
    data_format: DataFormat | None = None,
) -> jax.Array:
    """The part of images between these edges, or of this size from these edges.

    >>> import jax.numpy as jnp
    >>> from caviar.images.resizing import crop_images
    >>> crop_images(jnp.ones((5, 5, 3)), 1, 1, target_height=2, target_width=3).shape
    (2, 3, 3)
    """
    x = channels_last(images, data_format, "crop_images")
    height, width = x.shape[-3:-1]
    top, bottom = _edges("crop_images", "height", height, top_cropping, bottom_cropping, target_height, -1)
    left, right = _edges("crop_images", "width", width, left_cropping, right_cropping, target_width, -1)
    return as_given(x[..., top : height - bottom, left : width - right, :], data_format)


def pad_images(
    images: jax.Array,
    top_padding: Count | None = None,
    left_padding: Count | None = None,
    bottom_padding: Count | None = None,
    right_padding: Count | None = None,
    target_height: Size | None = None,
    target_width: Size | None = None,
    data_format: DataFormat | None = None,
) -> jax.Array:
    """Images padded with zeros, by these widths or up to this size.

    >>> import jax.numpy as jnp
    >>> from caviar.images.resizing import pad_images
    >>> pad_images(jnp.ones((2, 2, 1)), 1, 1, target_height=4, target_width=5).shape
    (4, 5, 1)
    """
    x = channels_last(images, data_format, "pad_images")
    edges = [
        _edges("pad_images", "height", x.shape[-3], top_padding, bottom_padding, target_height, 1),
        _edges("pad_images", "width", x.shape[-2], left_padding, right_padding, target_width, 1),
    ]
    return as_given(jnp.pad(x, [(0, 0)] * (x.ndim - 3) + edges + [(0, 0)]), data_format)


def _edges(
    what: str, axis: str, size: int, before: int | None, behind: int | None, target: int | None, sign: int
) -> tuple[int, int]:
    """How much to crop or pad at both ends of an axis, from two of the three arguments."""
    if [before, behind, target].count(None) != 1:
        raise ArgumentError(f"{what} wants two of three for the {axis}: one edge, the other edge, target_{axis}")
    change = 0 if target is None else sign * (target - size)
    before = change - (behind or 0) if before is None else before
    behind = change - before if behind is None else behind
    if before < 0 or behind < 0 or size + sign * (before + behind) < 1:
        raise ShapeError(f"{what}: a {axis} of {size} cannot be changed by {before} and {behind}")
    return before, behind


def scale_and_translate(
    images: jax.Array,
    output_shape: Any,
    scale: Any,
    translation: Any,
    spatial_dims: Any,
    method: Annotated[str, _METHODS],
    antialias: bool = True,
) -> jax.Array:
    """Images scaled and moved along some axes.

    >>> import jax.numpy as jnp
    >>> from caviar.images.resizing import scale_and_translate
    >>> scale_and_translate(jnp.ones((2, 2)), (4, 4), jnp.ones(2) * 2, jnp.zeros(2), (0, 1), "linear").shape
    (4, 4)
    """
    method = {"triangle": "linear"}.get(method, method)
    return jax.image.scale_and_translate(
        images,
        tuple(output_shape),
        tuple(spatial_dims),
        jnp.asarray(scale),
        jnp.asarray(translation),
        method,
        antialias,
    )
