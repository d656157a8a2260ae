"""Layers that make the axes of space longer or shorter: padding, cropping, repeating."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import jax
import jax.numpy as jnp

from caviar.declarations import Counts, DataFormat, OneOf, Sizes
from caviar.errors import ArgumentError, ShapeError
from caviar.layers.base import Layer
from caviar.layers.lowering.windows import sizes
from caviar.layers.spatial import channels_first
from caviar.live import Live
from caviar.placing import Placement

__all__ = [
    "Cropping1D",
    "Cropping2D",
    "Cropping3D",
    "UpSampling1D",
    "UpSampling2D",
    "UpSampling3D",
    "ZeroPadding1D",
    "ZeroPadding2D",
    "ZeroPadding3D",
]


class _Extent(Layer):
    """The base of layers that change the sizes of the `rank` axes between batch and channels."""

    rank: ClassVar[int]
    data_format: DataFormat | None

    takes = "anything"

    def live(self, member: Placement, x: Live) -> Live:
        """Channels are treated alike."""
        return member.slid(self, x, channels_first(self.data_format))

    def _axes(self, x: jax.Array) -> range:
        if x.ndim != self.rank + 2:
            raise ShapeError(f"{self.name} wants {self.rank + 2} axes, batch and channels included, and got {x.shape}")
        first = 2 if channels_first(self.data_format) else 1
        return range(first, first + self.rank)

    def _pairs(self, given: Any, what: str) -> list[tuple[int, int]]:
        """A pair (before, after) for each axis, from one number, a number for each axis, or such pairs."""
        each = [given] * self.rank if isinstance(given, int) else [given] if self.rank == 1 else list(given)
        pairs = [(n, n) if isinstance(n, int) else tuple(n) for n in each]
        if len(pairs) != self.rank or any(len(pair) != 2 or min(pair) < 0 for pair in pairs):
            raise ArgumentError(f"{what} of {self.name} wants a number or a pair for {self.rank} axes, and got {given}")
        return pairs


class _ZeroPadding(_Extent):
    padding: Counts

    live = _Extent.live

    def call(self, x: jax.Array) -> jax.Array:
        """The input with zeros around it."""
        axes, widths = self._axes(x), [(0, 0)] * x.ndim
        widths[axes.start : axes.stop] = self._pairs(self.padding, "padding")
        return jnp.pad(x, widths)


@dataclass(eq=False, repr=False)
class ZeroPadding1D(_ZeroPadding):
    """Zeros before and after a sequence.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import ZeroPadding1D
    >>> ZeroPadding1D((1, 2))(jnp.ones((2, 5, 3))).shape
    (2, 8, 3)
    """

    padding: Counts = 1
    data_format: DataFormat | None = None

    rank = 1


@dataclass(eq=False, repr=False)
class ZeroPadding2D(_ZeroPadding):
    """Zeros around an image: a number, (rows, columns), or ((top, bottom), (left, right)).

    >>> import jax.numpy as jnp
    >>> from caviar.layers import ZeroPadding2D
    >>> ZeroPadding2D(((1, 2), (0, 1)))(jnp.ones((2, 5, 5, 3))).shape
    (2, 8, 6, 3)
    """

    padding: Counts = (1, 1)
    data_format: DataFormat | None = None

    rank = 2


@dataclass(eq=False, repr=False)
class ZeroPadding3D(_ZeroPadding):
    """Zeros around a volume.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import ZeroPadding3D
    >>> ZeroPadding3D(1)(jnp.ones((2, 5, 5, 5, 3))).shape
    (2, 7, 7, 7, 3)
    """

    padding: Counts = ((1, 1), (1, 1), (1, 1))
    data_format: DataFormat | None = None

    rank = 3


class _Cropping(_Extent):
    cropping: Counts

    live = _Extent.live

    def call(self, x: jax.Array) -> jax.Array:
        """The middle of the input."""
        for axis, (before, after) in zip(self._axes(x), self._pairs(self.cropping, "cropping"), strict=True):
            if before + after >= x.shape[axis]:
                raise ShapeError(f"{self.name} crops {before} + {after} from axis {axis} of {x.shape}: nothing is left")
            x = jax.lax.slice_in_dim(x, before, x.shape[axis] - after, axis=axis)
        return x


@dataclass(eq=False, repr=False)
class Cropping1D(_Cropping):
    """A sequence without its ends.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import Cropping1D
    >>> Cropping1D((1, 2))(jnp.ones((2, 5, 3))).shape
    (2, 2, 3)
    """

    cropping: Counts = (1, 1)
    data_format: DataFormat | None = None

    rank = 1


@dataclass(eq=False, repr=False)
class Cropping2D(_Cropping):
    """An image without its borders: a number, (rows, columns), or ((top, bottom), (left, right)).

    >>> import jax.numpy as jnp
    >>> from caviar.layers import Cropping2D
    >>> Cropping2D(((1, 2), (0, 1)))(jnp.ones((2, 5, 5, 3))).shape
    (2, 2, 4, 3)
    """

    cropping: Counts = ((0, 0), (0, 0))
    data_format: DataFormat | None = None

    rank = 2


@dataclass(eq=False, repr=False)
class Cropping3D(_Cropping):
    """A volume without its borders.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import Cropping3D
    >>> Cropping3D(1)(jnp.ones((2, 5, 5, 5, 3))).shape
    (2, 3, 3, 3, 3)
    """

    cropping: Counts = ((1, 1), (1, 1), (1, 1))
    data_format: DataFormat | None = None

    rank = 3


Interpolation = Annotated[str, OneOf("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5")]


class _UpSampling(_Extent):
    size: Sizes
    interpolation: Interpolation = "nearest"

    takes = "floats"

    live = _Extent.live

    def call(self, x: jax.Array) -> jax.Array:
        """The enlarged input."""
        axes = self._axes(x)
        size = sizes(self.size, self.rank)
        if len(size) != self.rank:
            raise ArgumentError(f"size {size} of {self.name!r} wants one whole number, or {self.rank} of them")
        if self.interpolation == "nearest":
            for axis, times in zip(axes, size, strict=True):
                x = jnp.repeat(x, times, axis)
            return x
        shape = [n * size[i - axes.start] if i in axes else n for i, n in enumerate(x.shape)]
        return jax.image.resize(x, shape, self.interpolation)


@dataclass(eq=False, repr=False)
class UpSampling1D(_UpSampling):
    """Every step of a sequence `size` times.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import UpSampling1D
    >>> UpSampling1D(2)(jnp.array([[[1.0], [2.0]]])).ravel().tolist()
    [1.0, 1.0, 2.0, 2.0]
    """

    size: Sizes = 2
    data_format: DataFormat | None = None

    rank = 1


@dataclass(eq=False, repr=False)
class UpSampling2D(_UpSampling):
    """An image enlarged `size` times, or (rows, columns) times; `interpolation` may be 'bilinear'.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import UpSampling2D
    >>> UpSampling2D((2, 3))(jnp.ones((2, 5, 5, 3))).shape
    (2, 10, 15, 3)
    """

    size: Sizes = (2, 2)
    data_format: DataFormat | None = None
    interpolation: Interpolation = "nearest"

    rank = 2


@dataclass(eq=False, repr=False)
class UpSampling3D(_UpSampling):
    """A volume enlarged `size` times.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import UpSampling3D
    >>> UpSampling3D(2)(jnp.ones((2, 2, 2, 2, 3))).shape
    (2, 4, 4, 4, 3)
    """

    size: Sizes = (2, 2, 2)
    data_format: DataFormat | None = None

    rank = 3
