"""Arrays of the largest size, which members of several sizes share: a member's own values fill the *live* places.

The other places hold zeros, and gradients count at live places only.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

Axis = np.ndarray
"""Which places along an axis are live."""


class Live(tuple[Axis, ...]):
    """The live places along each axis of an array, without the batch. An element is live if it is so along all axes."""

    @property
    def is_whole(self) -> bool:
        """Whether every place is live."""
        return all(axis.all() for axis in self)

    def flat(self) -> Axis:
        """The places of the array with all axes in one."""
        return functools.reduce(np.multiply.outer, self, np.ones((), bool)).ravel()


def whole(shape: Iterable[int]) -> Live:
    """All places of an array with such axes.

    >>> from caviar.live import whole
    >>> whole((2,))
    (array([ True,  True]),)
    """
    return Live(np.ones(n, bool) for n in shape)


class Varied(np.ndarray):
    """An array of which each member has its own values, which are found by their origin."""

    origin: Any

    def __array_finalize__(self, made_from: Any) -> None:
        """Copies remember it, too."""
        self.origin = getattr(made_from, "origin", None)

    @classmethod
    def of(cls, values: Any, origin: Any) -> Varied:
        """These values in the frame itself."""
        made = np.asarray(values).view(cls)
        made.origin = origin
        return made


def is_first(axis: Axis) -> bool:
    """Whether the live places are the first ones.

    >>> import numpy as np
    >>> from caviar.live import is_first
    >>> is_first(np.array([True, False])), is_first(np.array([False, True]))
    (True, False)
    """
    return bool(axis[: int(axis.sum())].all())


def masked(values: jax.Array, live: Iterable[Any] | None) -> jax.Array:
    """The values at places that are live along all axes, and zeros elsewhere; None stands for a whole axis.

    >>> import jax.numpy as jnp
    >>> from caviar.live import masked
    >>> masked(jnp.ones((2, 3)), [None, jnp.array([1, 1, 0])]).tolist()
    [[1.0, 1.0, 0.0], [1.0, 1.0, 0.0]]
    """
    for axis, along in enumerate(live or ()):
        if along is not None:
            here = along.reshape([-1 if a == axis else 1 for a in range(values.ndim)]) > 0
            values = jnp.where(here, values, 0)
    return values


class Within(tuple[Any, ...]):
    """The shape of a member's own weight, traced, and where each place of the frame's weight lies in it."""

    frame: tuple[int, ...]
    ranks: list[Any]  # along each axis, the place of each unit among those that are live

    @classmethod
    def of(cls, frame: tuple[int, ...], live: Iterable[Any]) -> Within:
        """A shape within that of the frame; None stands for a whole axis."""
        axes = [jnp.ones(n) if along is None else along for n, along in zip(frame, live, strict=True)]
        counted = [jnp.cumsum(axis > 0, dtype=jnp.int32) for axis in axes]
        made = cls(n if along is None else count[-1] for n, along, count in zip(frame, live, counted, strict=True))
        made.frame, made.ranks = frame, [jnp.maximum(count - 1, 0) for count in counted]
        return made

    @property
    def places(self) -> Any:
        """The number of each place in the member's own weight, counted through all its axes."""
        found: Any = jnp.zeros((), jnp.int32)
        for size, rank in zip(self, self.ranks, strict=True):
            found = found[..., None] * size + rank
        return found
