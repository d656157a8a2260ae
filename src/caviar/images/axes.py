"""The axes of images: where the channels are."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from caviar import config
from caviar.errors import ShapeError


def channels_last(images: jax.Array, data_format: str | None, what: str) -> jax.Array:
    """An image or a batch of images with the channels at the end.

    >>> import jax.numpy as jnp
    >>> from caviar.images.axes import channels_last
    >>> channels_last(jnp.ones((3, 5, 6)), "channels_first", "resize").shape
    (5, 6, 3)
    """
    images = jnp.asarray(images)
    if images.ndim not in (3, 4):
        raise ShapeError(
            f"{what} takes an image (height, width, channels) or a batch of them, and was given {images.shape}"
        )
    return jnp.moveaxis(images, -3, -1) if is_first(data_format) else images


def as_given(images: jax.Array, data_format: str | None) -> jax.Array:
    """The images with their channels moved back to where they were."""
    return jnp.moveaxis(images, -1, -3) if is_first(data_format) else images


def is_first(data_format: str | None) -> bool:
    """Whether the channels come first, as the argument or the library's setting says."""
    return (data_format or config.image_data_format()) == "channels_first"


def as_type(values: jax.Array, dtype: Any) -> jax.Array:
    """Floats in the type of an image; for an integer type they are rounded and clipped to its range."""
    if jnp.issubdtype(dtype, jnp.integer):
        ends = jnp.iinfo(dtype)
        values = jnp.clip(jnp.round(values), ends.min, ends.max)
    return values.astype(dtype)
