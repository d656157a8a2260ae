"""Layers that rearrange values and compute nothing."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from caviar import config
from caviar.declarations import Counts, DataFormat, Each, Number, OneOf, Size, Sizes
from caviar.errors import ArgumentError, FrameError, ShapeError
from caviar.layers.base import Layer
from caviar.layers.lowering.windows import sizes
from caviar.live import Live
from caviar.placing import Placement

__all__ = [
    "Cropping1D",
    "Cropping2D",
    "Cropping3D",
    "Flatten",
    "Identity",
    "Permute",
    "RepeatVector",
    "Reshape",
    "UpSampling1D",
    "UpSampling2D",
    "UpSampling3D",
    "ZeroPadding1D",
    "ZeroPadding2D",
    "ZeroPadding3D",
]


class Identity(Layer):
    """The input itself: a layer that does nothing, for a place that needs one.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import Identity
    >>> Identity()(jnp.array([[1.0, 2.0]])).tolist()
    [[1.0, 2.0]]
    """

    supports_masking = True
    takes = "anything"

    def call(self, x: jax.Array) -> jax.Array:
        """The input."""
        return x

    def live(self, member: Placement, x: Live) -> Live:
        """The same."""
        return x


@dataclass(eq=False, repr=False)
class Flatten(Layer):
    """All axes of an example as one: what stands between convolutions and `Dense`.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import Flatten
    >>> Flatten()(jnp.ones((2, 3, 4))).shape
    (2, 12)
    """

    data_format: DataFormat | None = None

    takes = "anything"

    def call(self, x: jax.Array) -> jax.Array:
        """One row for each example, with the channels varying fastest in either data format."""
        if _channels_first(self.data_format) and x.ndim > 2:
            x = jnp.moveaxis(x, 1, -1)
        return x.reshape(x.shape[0], math.prod(x.shape[1:]))

    def live(self, member: Placement, x: Live) -> Live:
        """The live ones in the same order."""
        moved = _channels_first(self.data_format) and len(x) > 1
        return Live([Live([*x[1:], x[0]] if moved else x).flat()])


@dataclass(eq=False, repr=False)
class Reshape(Layer):
    """Another shape for each example; one axis may be -1, whose size follows from the others.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import Reshape
    >>> Reshape((-1, 2))(jnp.ones((5, 6))).shape
    (5, 3, 2)
    """

    target_shape: Annotated[Any, Each(Number(least=-1, whole=True), empty=True)]

    takes = "anything"

    def call(self, x: jax.Array) -> jax.Array:
        """The same values in the same order."""
        target = (self.target_shape,) if isinstance(self.target_shape, int) else tuple(self.target_shape)
        known, size = math.prod(n for n in target if n != -1), math.prod(x.shape[1:])
        if target.count(-1) > 1 or (size % known if -1 in target else size != known):
            raise ShapeError(f"{self.name}: examples of shape {x.shape[1:]} do not fit the target shape {target}")
        return x.reshape(x.shape[0], *target)

    def live(self, member: Placement, x: Live) -> Live:
        """The live ones in the same order, where they are live along whole axes again."""
        target = (self.target_shape,) if isinstance(self.target_shape, int) else tuple(self.target_shape)
        flat = x.flat().reshape(target)
        others = [tuple(a for a in range(flat.ndim) if a != axis) for axis in range(flat.ndim)]
        found = Live(np.asarray(flat.any(axes)) for axes in others)
        fixed = Live(axis for n, axis in zip(target, found, strict=True) if n != -1)
        if not np.array_equal(found.flat(), flat.ravel()) or not fixed.is_whole:
            raise FrameError(f"{self.name} would mix live units with others")
        return found


@dataclass(eq=False, repr=False)
class Permute(Layer):
    """The axes of each example in another order; the first is number 1, since 0 is the batch.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import Permute
    >>> Permute((2, 1))(jnp.ones((5, 3, 4))).shape
    (5, 4, 3)
    """

    dims: Annotated[Any, Each(Number(least=1, whole=True), alone=False)]

    takes = "anything"

    def call(self, x: jax.Array) -> jax.Array:
        """The transposed examples."""
        if sorted(self.dims) != list(range(1, x.ndim)):
            raise ShapeError(f"{self.name}: dims {tuple(self.dims)} must name each of the axes 1 to {x.ndim - 1} once")
        return x.transpose(0, *self.dims)

    def live(self, member: Placement, x: Live) -> Live:
        """The axes in the other order."""
        return Live(x[axis - 1] for axis in self.dims)


@dataclass(eq=False, repr=False)
class RepeatVector(Layer):
    """Each example n times, as a sequence.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import RepeatVector
    >>> RepeatVector(3)(jnp.ones((2, 4))).shape
    (2, 3, 4)
    """

    n: Size

    takes = "anything"

    def call(self, x: jax.Array) -> jax.Array:
        """A sequence of equal vectors."""
        if x.ndim != 2:
            raise ShapeError(f"{self.name} repeats vectors, of shape (batch, features), and was given {x.shape}")
        return jnp.broadcast_to(x[:, None], (x.shape[0], self.n, x.shape[1]))

    def live(self, member: Placement, x: Live) -> Live:
        """The same at every place of the sequence."""
        return Live([np.ones(self.n, bool), *x])


class _Framing(Layer):
    """The base of layers that change the sizes of the `rank` axes between batch and channels."""

    rank: ClassVar[int]
    data_format: DataFormat | None

    takes = "anything"

    def live(self, member: Placement, x: Live) -> Live:
        """Channels are treated alike."""
        return member.slid(self, x, _channels_first(self.data_format))

    def _axes(self, x: jax.Array) -> range:
        if x.ndim != self.rank + 2:
            raise ShapeError(f"{self.name} wants {self.rank + 2} axes, batch and channels included, and got {x.shape}")
        first = 2 if _channels_first(self.data_format) else 1
        return range(first, first + self.rank)

    def _pairs(self, given: Any, what: str) -> list[tuple[int, int]]:
        """A pair (before, after) for each axis, from one number, a number for each axis, or such pairs."""
        each = [given] * self.rank if isinstance(given, int) else [given] if self.rank == 1 else list(given)
        pairs = [(n, n) if isinstance(n, int) else tuple(n) for n in each]
        if len(pairs) != self.rank or any(len(pair) != 2 or min(pair) < 0 for pair in pairs):
            raise ArgumentError(f"{what} of {self.name} wants a number or a pair for {self.rank} axes, and got {given}")
        return pairs


class _ZeroPadding(_Framing):
    padding: Counts

    live = _Framing.live

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


class _Cropping(_Framing):
    cropping: Counts

    live = _Framing.live

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


class _UpSampling(_Framing):
    size: Sizes
    interpolation: Interpolation = "nearest"

    takes = "floats"

    live = _Framing.live

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


def _channels_first(data_format: str | None) -> bool:
    return (data_format or config.image_data_format()) == "channels_first"
