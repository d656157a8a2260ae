"""Random changes of images while training, others for each image: rotation, shift, brightness. Otherwise images pass unchanged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import jax
import jax.numpy as jnp

from caviar.declarations import DataFormat, Each, Number, OneOf, Seed, Share
from caviar.errors import ArgumentError
from caviar.images.axes import as_given, channels_last
from caviar.images.colours import rgb_to_grayscale
from caviar.images.warping import affine_transform
from caviar.layers.base import Layer

__all__ = [
    "RandomBrightness",
    "RandomContrast",
    "RandomFlip",
    "RandomGrayscale",
    "RandomRotation",
    "RandomTranslation",
    "RandomZoom",
]

Factor = Annotated[float | Sequence[float], Each(Number(least=-10, most=10))]
Ends = Annotated[Any, Each(Number(), alone=False)]
Fill = Annotated[str, OneOf("constant", "nearest", "wrap", "reflect")]
Between = Annotated[str, OneOf("nearest", "bilinear")]


class RandomImages(Layer):
    """The base of layers that change images at random."""

    seed: int | None
    data_format: DataFormat | None

    takes = "floats"
    factors: ClassVar[tuple[str, ...]] = ("factor",)

    def __post_init__(self) -> None:
        """Raise for intervals whose ends are in the wrong order."""
        super().__post_init__()
        for name in self.factors:
            value: Any = getattr(self, name)
            ordered = not isinstance(value, (tuple, list)) or (len(value) == 2 and value[0] <= value[1])
            if value is not None and not ordered:
                raise ArgumentError(f"{name} of {type(self).__name__} is a number or (low, high), and is {value!r}")

    def call(self, x: jax.Array, rng: jax.Array | None = None) -> jax.Array:
        """The images, changed at random while training."""
        if rng is None:
            return x
        given = channels_last(x, getattr(self, "data_format", None), type(self).__name__)
        images = given if given.ndim == 4 else given[None]
        changed = self.changed(images, rng if self.seed is None else jax.random.fold_in(rng, self.seed))
        return as_given(changed if given.ndim == 4 else changed[0], getattr(self, "data_format", None)).astype(x.dtype)

    def changed(self, images: jax.Array, rng: jax.Array) -> jax.Array:
        """A batch of images (n, height, width, channels), changed."""
        raise NotImplementedError

    def drawn(self, name: str, rng: jax.Array, images: jax.Array) -> jax.Array:
        """A number for each image, between the ends that an argument gives: -f to f for a number f."""
        value: Any = getattr(self, name)
        low, high = value if isinstance(value, (tuple, list)) else (-value, value)
        return jax.random.uniform(rng, images.shape[:1], images.dtype, low, high)


@dataclass(eq=False, repr=False)
class RandomFlip(RandomImages):
    """Mirror half of the images: left and right, top and bottom, or both.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import RandomFlip
    >>> RandomFlip("horizontal")(jnp.arange(4.0).reshape(1, 2, 2, 1)).ravel().tolist()
    [0.0, 1.0, 2.0, 3.0]
    """

    mode: Annotated[str, OneOf("horizontal", "vertical", "horizontal_and_vertical")] = "horizontal_and_vertical"
    seed: Seed | None = None
    data_format: DataFormat | None = None

    factors = ()

    def changed(self, images: jax.Array, rng: jax.Array) -> jax.Array:
        """Each image mirrored or not."""
        for axis, word, key in zip((2, 1), ("horizontal", "vertical"), jax.random.split(rng), strict=True):
            if word in self.mode:
                turned = jax.random.bernoulli(key, 0.5, (len(images), 1, 1, 1))
                images = jnp.where(turned, jnp.flip(images, axis), images)
        return images


class _Moved(RandomImages):
    """The base of layers that move pixels."""

    fill_mode: str
    interpolation: str
    fill_value: float

    def _moved(self, images: jax.Array, *numbers: Any) -> jax.Array:
        zero = jnp.zeros(len(images), images.dtype)
        eight = jnp.stack([zero + n for n in (*numbers, 0.0, 0.0)], -1)
        return affine_transform(images, eight, self.interpolation, self.fill_mode, self.fill_value, "channels_last")


@dataclass(eq=False, repr=False)
class RandomRotation(_Moved):
    """Rotate images about their centre, counterclockwise by a factor of a whole turn.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import RandomRotation
    >>> layer = RandomRotation((0.25, 0.25))
    >>> layer(jnp.arange(4.0).reshape(1, 2, 2, 1), training=True).ravel().astype(int).tolist()
    [1, 3, 0, 2]
    """

    factor: Factor
    fill_mode: Fill = "reflect"
    interpolation: Between = "bilinear"
    seed: Seed | None = None
    fill_value: float = 0.0
    data_format: DataFormat | None = None

    def changed(self, images: jax.Array, rng: jax.Array) -> jax.Array:
        """Each image turned."""
        angle = self.drawn("factor", rng, images) * 2 * jnp.pi
        cos, sin = jnp.cos(angle), jnp.sin(angle)
        height, width = images.shape[1] - 1, images.shape[2] - 1
        across = (width - (cos * width - sin * height)) / 2
        down = (height - (sin * width + cos * height)) / 2
        return self._moved(images, cos, -sin, across, sin, cos, down)


@dataclass(eq=False, repr=False)
class RandomTranslation(_Moved):
    """Shift images by factors of their height (downwards) and width (to the right).

    >>> import jax.numpy as jnp
    >>> from caviar.layers import RandomTranslation
    >>> layer = RandomTranslation((0.0, 0.0), (0.5, 0.5), fill_mode="constant")
    >>> layer(jnp.arange(4.0).reshape(1, 2, 2, 1), training=True).ravel().tolist()
    [0.0, 0.0, 0.0, 2.0]
    """

    height_factor: Factor
    width_factor: Factor
    fill_mode: Fill = "reflect"
    interpolation: Between = "bilinear"
    seed: Seed | None = None
    fill_value: float = 0.0
    data_format: DataFormat | None = None

    factors = ("height_factor", "width_factor")

    def changed(self, images: jax.Array, rng: jax.Array) -> jax.Array:
        """Each image moved."""
        keys = jax.random.split(rng)
        down = self.drawn("height_factor", keys[0], images) * images.shape[1]
        right = self.drawn("width_factor", keys[1], images) * images.shape[2]
        return self._moved(images, 1.0, 0.0, -right, 0.0, 1.0, -down)


@dataclass(eq=False, repr=False)
class RandomZoom(_Moved):
    """Zoom images out (positive factors) or in; without `width_factor` their proportions stay.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import RandomZoom
    >>> RandomZoom(0.2)(jnp.ones((1, 4, 4, 3)), training=True).shape
    (1, 4, 4, 3)
    """

    height_factor: Factor
    width_factor: Factor | None = None
    fill_mode: Fill = "reflect"
    interpolation: Between = "bilinear"
    seed: Seed | None = None
    fill_value: float = 0.0
    data_format: DataFormat | None = None

    factors = ("height_factor", "width_factor")

    def changed(self, images: jax.Array, rng: jax.Array) -> jax.Array:
        """Each image zoomed."""
        keys = jax.random.split(rng)
        down = 1 + self.drawn("height_factor", keys[0], images)
        across = down if self.width_factor is None else 1 + self.drawn("width_factor", keys[1], images)
        top, left = ((n - 1) / 2 * (1 - zoom) for n, zoom in zip(images.shape[1:3], (down, across), strict=True))
        return self._moved(images, across, 0.0, left, 0.0, down, top)


class _Coloured(RandomImages):
    """The base of layers that change values within a range."""

    value_range: Any

    def _inside(self, images: jax.Array) -> jax.Array:
        low, high = self.value_range
        return jnp.clip(images, low, high)


@dataclass(eq=False, repr=False)
class RandomBrightness(_Coloured):
    """Make images brighter or darker, by a factor of the range of values.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import RandomBrightness
    >>> RandomBrightness((0.5, 0.5), (0, 1))(jnp.zeros((1, 1, 1, 3)), training=True).ravel().tolist()
    [0.5, 0.5, 0.5]
    """

    factor: Factor
    value_range: Ends = (0, 255)
    seed: Seed | None = None

    def changed(self, images: jax.Array, rng: jax.Array) -> jax.Array:
        """Each image brighter or darker."""
        low, high = self.value_range
        more = self.drawn("factor", rng, images)[:, None, None, None] * (high - low)
        return self._inside(images + more)


@dataclass(eq=False, repr=False)
class RandomContrast(_Coloured):
    """Change the contrast: the distance of values from their channel's mean is multiplied by a factor of 1 - f to 1 + f.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import RandomContrast
    >>> RandomContrast(0.5)(jnp.ones((1, 2, 2, 3)), training=True).ravel()[0].item()
    1.0
    """

    factor: Factor
    value_range: Ends = (0, 255)
    seed: Seed | None = None

    def changed(self, images: jax.Array, rng: jax.Array) -> jax.Array:
        """Each image of more or less contrast."""
        factor: Any = self.factor
        low, high = factor if isinstance(factor, (tuple, list)) else (factor, factor)
        contrast = jax.random.uniform(rng, (len(images), 1, 1, 1), images.dtype, 1 - low, 1 + high)
        mean = jnp.mean(images, (1, 2), keepdims=True)
        return self._inside((images - mean) * contrast + mean)


@dataclass(eq=False, repr=False)
class RandomGrayscale(RandomImages):
    """Convert a share of the images to grey.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import RandomGrayscale
    >>> print(RandomGrayscale(1.0)(jnp.array([[[[1.0, 0.0, 0.0]]]]), training=True).ravel())
    [0.2989 0.2989 0.2989]
    """

    factor: Share = 0.5
    data_format: DataFormat | None = None
    seed: Seed | None = None

    def changed(self, images: jax.Array, rng: jax.Array) -> jax.Array:
        """Each image in its colours, or in grey."""
        grey = jnp.broadcast_to(rgb_to_grayscale(images, "channels_last"), images.shape)
        return jnp.where(jax.random.bernoulli(rng, self.factor, (len(images), 1, 1, 1)), grey, images)
