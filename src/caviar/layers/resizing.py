"""Layers that change the size of images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import jax
import jax.numpy as jnp

from caviar import config
from caviar.declarations import DataFormat, OneOf, Size
from caviar.images import axes
from caviar.images.resizing import resize
from caviar.layers.base import Layer

__all__ = ["CenterCrop", "RandomCrop", "Resizing"]


@dataclass(eq=False, repr=False)
class Resizing(Layer):
    """Images resampled to another height and width, as floats.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import Resizing
    >>> Resizing(2, 3)(jnp.ones((1, 4, 4, 3))).shape
    (1, 2, 3, 3)
    """

    height: Size
    width: Size
    interpolation: Annotated[str, OneOf("bilinear", "nearest", "bicubic", "lanczos3", "lanczos5")] = "bilinear"
    crop_to_aspect_ratio: bool = False
    pad_to_aspect_ratio: bool = False
    fill_mode: Annotated[str, OneOf("constant")] = "constant"
    fill_value: float = 0.0
    antialias: bool = False
    data_format: DataFormat | None = None

    takes = "floats"

    def call(self, x: jax.Array) -> jax.Array:
        """The images, resampled."""
        ratio = self.crop_to_aspect_ratio, self.pad_to_aspect_ratio
        size = self.height, self.width
        return resize(
            x, size, self.interpolation, self.antialias, *ratio, self.fill_mode, self.fill_value, self.data_format
        )


@dataclass(eq=False, repr=False)
class CenterCrop(Layer):
    """The middle of images; smaller ones are enlarged first.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import CenterCrop
    >>> CenterCrop(1, 2)(jnp.arange(12.0).reshape(1, 3, 4, 1)).ravel().tolist()
    [5.0, 6.0]
    """

    height: Size
    width: Size
    data_format: DataFormat | None = None

    takes = "floats"

    def call(self, x: jax.Array) -> jax.Array:
        """The part in the middle."""
        images = axes.channels_last(x, self.data_format, "CenterCrop")
        top, left = (images.shape[-3] - self.height) // 2, (images.shape[-2] - self.width) // 2
        return axes.as_given(self._cut(images, top, left), self.data_format)

    def _cut(self, images: jax.Array, top: Any, left: Any) -> jax.Array:
        if images.shape[-3] < self.height or images.shape[-2] < self.width:
            size = self.height, self.width
            return resize(images, size, crop_to_aspect_ratio=True, data_format="channels_last")
        cut = jax.lax.dynamic_slice_in_dim(images, top, self.height, axis=images.ndim - 3)
        return jax.lax.dynamic_slice_in_dim(cut, left, self.width, axis=images.ndim - 2)


@dataclass(eq=False, repr=False)
class RandomCrop(Layer):
    """A random part of images at every step of training; otherwise the largest part in the middle, resized.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import RandomCrop
    >>> RandomCrop(2, 3)(jnp.ones((1, 4, 6, 3)), training=True).shape
    (1, 2, 3, 3)
    """

    height: Size
    width: Size
    seed: int | None = None
    data_format: DataFormat | None = None

    takes = "floats"

    def call(self, x: jax.Array, rng: jax.Array | None = None) -> jax.Array:
        """A part of each batch."""
        images = axes.channels_last(x, self.data_format, "RandomCrop")
        size = self.height, self.width
        spare = images.shape[-3] - self.height, images.shape[-2] - self.width
        if rng is None or min(spare) < 0:
            made = resize(images, size, crop_to_aspect_ratio=True, data_format="channels_last")
            return axes.as_given(made, self.data_format)
        keys = jax.random.split(rng if self.seed is None else jax.random.fold_in(rng, self.seed))
        top, left = (jax.random.randint(key, (), 0, n + 1) for key, n in zip(keys, spare, strict=True))
        cut = CenterCrop._cut(self, images, top, left)  # type: ignore[arg-type]
        return axes.as_given(cut.astype(jnp.dtype(config.floatx())), self.data_format)
