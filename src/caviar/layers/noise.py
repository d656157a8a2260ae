"""Noise against overfitting: dropout and its relatives. They act only while training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from caviar.declarations import DataFormat, Each, NotNegative, Number, OneOf, Seed, Share
from caviar.dice import beside, keep, normal
from caviar.errors import ArgumentError
from caviar.layers.base import Layer
from caviar.live import Live, is_first
from caviar.parts import is_off
from caviar.placing import Placement

__all__ = [
    "AlphaDropout",
    "Dropout",
    "GaussianDropout",
    "GaussianNoise",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "SpatialDropout3D",
]

NoiseShape = Annotated[Any, Each(Number(least=1, whole=True) | OneOf(None), alone=False)] | None


@dataclass(eq=False, repr=False)
class Dropout(Layer):
    """While training, set each value to 0 with probability `rate`, and divide the others by 1 - rate, so that the mean stays.

    `noise_shape` has a 1 for each axis along which values are dropped together. Layers with different `seed`s draw differently.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import Dropout
    >>> x = jnp.ones((2, 3))
    >>> Dropout(0.5)(x).tolist()
    [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]
    >>> set(Dropout(0.5)(x, training=True).ravel().tolist()) <= {0.0, 2.0}
    True
    """

    rate: Share
    noise_shape: NoiseShape = None
    seed: Seed | None = None

    supports_masking = True
    takes = "floats"

    def call(self, x: jax.Array, rng: jax.Array | None = None) -> jax.Array:
        """The values that remain, scaled up."""
        if rng is None or is_off(self.rate):
            return x
        kept = _in_places(self, keep(_own(rng, self.seed), self.rate, self._noise_shape(x)))
        return jnp.where(kept, x * _scale(self.rate, x), 0)

    places: ClassVar[Any] = None

    def live(self, member: Placement, x: Live) -> Live:
        """The same ones; each draws what it would draw if the others were not there."""
        return _placed(self, member, x)

    def _noise_shape(self, x: jax.Array) -> tuple[int, ...]:
        return _filled(self.noise_shape, x)


@dataclass(eq=False, repr=False)
class _SpatialDropout(Layer):
    rate: Share
    data_format: DataFormat | None = None
    seed: Seed | None = None

    supports_masking = True
    takes = "floats"
    call = Dropout.call
    live = Dropout.live
    places: ClassVar[Any] = None

    def _noise_shape(self, x: jax.Array) -> tuple[int, ...]:
        channels = 1 if self.data_format == "channels_first" else x.ndim - 1
        return tuple(n if axis in (0, channels) else 1 for axis, n in enumerate(x.shape))


class SpatialDropout1D(_SpatialDropout):
    """Drop whole channels of a sequence.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import SpatialDropout1D
    >>> y = SpatialDropout1D(0.5)(jnp.ones((2, 5, 3)), training=True)
    >>> bool((y == y[:, :1]).all())
    True
    """


class SpatialDropout2D(_SpatialDropout):
    """Drop whole channels of an image.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import SpatialDropout2D
    >>> y = SpatialDropout2D(0.5)(jnp.ones((2, 5, 5, 3)), training=True)
    >>> bool((y == y[:, :1, :1]).all())
    True
    """


class SpatialDropout3D(_SpatialDropout):
    """Drop whole channels of a volume.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import SpatialDropout3D
    >>> y = SpatialDropout3D(0.5)(jnp.ones((2, 5, 5, 5, 3)), training=True)
    >>> bool((y == y[:, :1, :1, :1]).all())
    True
    """


@dataclass(eq=False, repr=False)
class AlphaDropout(Layer):
    """Dropout for SELU: dropped values become its negative saturation, and mean and variance stay.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import AlphaDropout
    >>> AlphaDropout(0.5)(jnp.ones((2, 3))).tolist()
    [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]
    """

    rate: Share
    noise_shape: NoiseShape = None
    seed: Seed | None = None

    supports_masking = True
    takes = "floats"
    saturation: ClassVar[float] = -1.0507009873554805 * 1.6732632423543772

    places: ClassVar[Any] = None

    def call(self, x: jax.Array, rng: jax.Array | None = None) -> jax.Array:
        """The values, some of them at the saturation, rescaled to mean 0 and variance 1."""
        if rng is None or is_off(self.rate):
            return x
        kept = _in_places(self, keep(_own(rng, self.seed), self.rate, _filled(self.noise_shape, x)))
        rate = jnp.asarray(self.rate, x.dtype)
        a = ((1 - rate) * (1 + rate * self.saturation**2)) ** -0.5
        return a * (jnp.where(kept, x, self.saturation) - self.saturation * rate)

    def live(self, member: Placement, x: Live) -> Live:
        """The same ones; each draws what it would draw if the others were not there."""
        return _placed(self, member, x)


@dataclass(eq=False, repr=False)
class GaussianDropout(Layer):
    """Multiply by normal noise of mean 1, with the variance rate / (1 - rate) that dropout has.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import GaussianDropout
    >>> GaussianDropout(0.5)(jnp.ones((2, 3))).tolist()
    [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]
    """

    rate: Share
    seed: Seed | None = None

    supports_masking = True
    takes = "floats"

    places: ClassVar[Any] = None

    def call(self, x: jax.Array, rng: jax.Array | None = None) -> jax.Array:
        """The values times noise."""
        if rng is None or is_off(self.rate):
            return x
        noise = _in_places(self, normal(_own(rng, self.seed), x.shape, x.dtype))
        return x * (1 + noise * jnp.sqrt(self.rate * _scale(self.rate, x)).astype(x.dtype))

    def live(self, member: Placement, x: Live) -> Live:
        """The same ones; each draws what it would draw if the others were not there."""
        return _placed(self, member, x)


@dataclass(eq=False, repr=False)
class GaussianNoise(Layer):
    """Add normal noise of mean 0.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import GaussianNoise
    >>> GaussianNoise(0.1)(jnp.ones((2, 3))).tolist()
    [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]
    """

    stddev: NotNegative
    seed: Seed | None = None

    supports_masking = True
    takes = "floats"

    places: ClassVar[Any] = None

    def call(self, x: jax.Array, rng: jax.Array | None = None) -> jax.Array:
        """The values plus noise."""
        if rng is None or is_off(self.stddev):
            return x
        return x + _in_places(self, normal(_own(rng, self.seed), x.shape, x.dtype)) * jnp.asarray(self.stddev, x.dtype)

    def live(self, member: Placement, x: Live) -> Live:
        """The same ones; each draws what it would draw if the others were not there."""
        return _placed(self, member, x)


def _placed(layer: Layer, member: Placement, x: Live) -> Live:
    """Tell a layer that draws for every unit which place each has among those that are live."""
    together = (
        getattr(layer, "noise_shape", None) is not None or getattr(layer, "data_format", None) == "channels_first"
    )
    member.need_whole(layer, x if together else Live(x[:-1]))
    places = np.cumsum(x[-1]) - 1
    member.tell(layer, not is_first(x[-1]), places=np.maximum(places, 0).astype(np.int32))
    return x


def _in_places(layer: Any, drawn: jax.Array) -> jax.Array:
    """What was drawn for the units: in a frame each has what it would have alone."""
    return drawn if layer.places is None else jnp.take(drawn, layer.places, -1)


def _scale(rate: float | jax.Array, x: jax.Array) -> jax.Array:
    """1 / (1 - rate), and finite for a rate of 1."""
    return (1 / jnp.maximum(1 - jnp.asarray(rate, x.dtype), 2.0**-16)).astype(x.dtype)


def _own(rng: jax.Array, seed: int | None) -> jax.Array:
    return rng if seed is None else beside(rng, draw=seed + 1)


def _filled(noise_shape: NoiseShape, x: jax.Array) -> tuple[int, ...]:
    if noise_shape is None:
        return x.shape
    filled = tuple(n if given is None else given for given, n in zip(noise_shape, x.shape, strict=False))
    if len(noise_shape) != x.ndim or any(given not in (1, n) for given, n in zip(filled, x.shape, strict=False)):
        raise ArgumentError(f"noise_shape {noise_shape} wants None or 1 for each of the {x.ndim} axes of the input")
    return filled
