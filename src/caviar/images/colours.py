"""Colours: red, green and blue; hue, saturation and value; grey."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from caviar import config
from caviar.declarations import DataFormat
from caviar.errors import DataError, ShapeError
from caviar.images.axes import as_given, channels_last


def rgb_to_grayscale(images: jax.Array, data_format: DataFormat | None = None) -> jax.Array:
    """The brightness of each pixel, as a weighted sum of red, green and blue.

    >>> import jax.numpy as jnp
    >>> from caviar.images.colours import rgb_to_grayscale
    >>> print(rgb_to_grayscale(jnp.ones((1, 1, 3))).round(3))
    [[[1.]]]
    """
    x = channels_last(images, data_format, "rgb_to_grayscale")
    if x.shape[-1] == 1:
        return images
    _three(x, "rgb_to_grayscale")
    floats = x if jnp.issubdtype(x.dtype, jnp.floating) else x.astype(config.floatx())
    # How bright the eye sees each colour (ITU-R BT.601).
    grey = floats @ jnp.array([0.2989, 0.5870, 0.1140], floats.dtype)
    return as_given(grey[..., None].astype(x.dtype), data_format)


def rgb_to_hsv(images: jax.Array, data_format: DataFormat | None = None) -> jax.Array:
    """Red, green and blue from 0 to 1 as hue, saturation and value.

    >>> import jax.numpy as jnp
    >>> from caviar.images.colours import rgb_to_hsv
    >>> print(rgb_to_hsv(jnp.array([[[0.0, 1.0, 0.0]]])).round(4))
    [[[0.3333 1.     1.    ]]]
    """
    x = _floats(channels_last(images, data_format, "rgb_to_hsv"), "rgb_to_hsv")
    red, green, blue = jnp.moveaxis(jnp.where(jnp.abs(x) < jnp.finfo(x.dtype).eps, 0, x), -1, 0)
    value = jnp.maximum(jnp.maximum(red, green), blue)
    spread = value - jnp.minimum(jnp.minimum(red, green), blue)
    saturation = jnp.where(value > 0, spread / jnp.where(value > 0, value, 1), 0)
    sixth = 1 / (6 * jnp.where(spread > 0, spread, 1))
    from_blue, from_green = sixth * (red - green) + 4 / 6, sixth * (blue - red) + 2 / 6
    hue = jnp.where(value == red, sixth * (green - blue), jnp.where(value == green, from_green, from_blue))
    hue = jnp.where(spread > 0, hue, 0)
    return as_given(jnp.stack([hue + (hue < 0), saturation, value], -1), data_format)


def hsv_to_rgb(images: jax.Array, data_format: DataFormat | None = None) -> jax.Array:
    """Hue, saturation and value as red, green and blue.

    >>> import jax.numpy as jnp
    >>> from caviar.images.colours import hsv_to_rgb
    >>> hsv_to_rgb(jnp.array([[[0.0, 1.0, 0.5]]])).tolist()
    [[[0.5, 0.0, 0.0]]]
    """
    x = _floats(channels_last(images, data_format, "hsv_to_rgb"), "hsv_to_rgb")
    hue, saturation, value = jnp.moveaxis(x, -1, 0)
    sixths = jnp.mod(hue, 1) * 6
    parts = jnp.abs(sixths - 3) - 1, 2 - jnp.abs(sixths - 2), 2 - jnp.abs(sixths - 4)
    colours = [value * (1 - saturation + saturation * jnp.clip(part, 0, 1)) for part in parts]
    return as_given(jnp.stack(colours, -1), data_format)


def _floats(x: jax.Array, what: str) -> jax.Array:
    _three(x, what)
    if not jnp.issubdtype(x.dtype, jnp.floating):
        raise DataError(f"{what} takes numbers from 0 to 1, and was given whole ones ({x.dtype}): divide them by 255")
    return x


def _three(x: jax.Array, what: str) -> None:
    if x.shape[-1] != 3:
        raise ShapeError(f"{what} takes three channels, red, green and blue, and was given {x.shape[-1]}")
