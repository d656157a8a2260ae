"""Layers that rearrange values and compute nothing."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import numpy as np

from caviar.declarations import DataFormat, Each, Number, Size
from caviar.errors import FrameError, ShapeError
from caviar.layers.base import Layer
from caviar.layers.spatial import channels_first
from caviar.live import Live
from caviar.placing import Placement

__all__ = ["Flatten", "Identity", "Permute", "RepeatVector", "Reshape"]


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
        if channels_first(self.data_format) and x.ndim > 2:
            x = jnp.moveaxis(x, 1, -1)
        return x.reshape(x.shape[0], math.prod(x.shape[1:]))

    def live(self, member: Placement, x: Live) -> Live:
        """The live ones in the same order."""
        moved = channels_first(self.data_format) and len(x) > 1
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
