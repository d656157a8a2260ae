"""The base of initializers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from caviar import config, engine
from caviar.declarations import Each, Number, fits
from caviar.errors import ArgumentError
from caviar.live import Within
from caviar.parts import Part

__all__ = [
    "Initializer",
]

Shape = tuple[int, ...]
_SHAPE = Each(Number(least=0, whole=True), alone=False, empty=True)


@dataclass(eq=False, repr=False, frozen=True)
class Initializer(Part):
    """The first value of a weight. One of your own is a function of (key, shape, dtype), or a subclass with `__call__`.

    >>> import jax.numpy as jnp
    >>> from caviar.initializers import get
    >>> get(lambda key, shape, dtype: jnp.full(shape, 7, dtype))(None, (2,), "float32").tolist()
    [7.0, 7.0]
    """

    in_frames: ClassVar[bool] = False
    """Whether `_draw` can draw a member's own shape within a frame (see `caviar.live.Within`)."""

    @engine.own_rules()
    def __call__(self, key: Any = None, shape: Any = None, dtype: Any = None) -> jax.Array:
        """A new array of this shape: called with (key, shape, dtype), or as in Keras with (shape, dtype).

        A `seed` makes it independent of the key; without both, a fresh key is taken.
        """
        if not isinstance(shape, (Sequence, Within)) or isinstance(shape, str):
            key, shape, dtype = None, key, shape if dtype is None else dtype
        if not isinstance(shape, Within) and not fits(_SHAPE, shape):
            raise ArgumentError(
                f"{type(self).__name__} draws an array of a shape such as (3, 4), and was given {shape!r}"
            )
        seed = getattr(self, "seed", None)
        if seed is not None:
            key = jax.random.key(seed, impl="threefry2x32")
        elif key is None:
            key = config.next_key()
        shape = shape if isinstance(shape, Within) else tuple(shape)
        return self._draw(key, shape, jnp.dtype(config.floatx() if dtype is None else dtype))

    def _draw(self, key: jax.Array, shape: Shape, dtype: Any) -> jax.Array:
        raise NotImplementedError(f"{type(self).__name__} has no __call__(self, key, shape, dtype)")


def drawn(draw: Callable[..., jax.Array], key: jax.Array, shape: Shape, dtype: Any) -> jax.Array:
    """Random numbers of a shape. Those of a shape within a frame are the same: JAX counts numbers through all axes.

    >>> import jax
    >>> from caviar.initializers.base import drawn
    >>> drawn(jax.random.normal, jax.random.key(0), (2, 3), "float32").shape
    (2, 3)
    """
    if not isinstance(shape, Within):
        return draw(key, shape, dtype)
    return draw(key, (math.prod(shape.frame),), dtype)[shape.places]


def truncated(key: jax.Array, shape: Shape, dtype: Any) -> jax.Array:
    """Standard normal numbers within two standard deviations.

    >>> import jax
    >>> from caviar.initializers.base import truncated
    >>> bool(abs(truncated(jax.random.key(0), (99,), "float32")).max() <= 2)
    True
    """
    return jax.random.truncated_normal(key, -2, 2, shape, dtype)
