"""The base of initializers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from caviar import config, engine
from caviar.parts import Part

__all__ = [
    "Initializer",
]

Shape = tuple[int, ...]


@dataclass(eq=False, repr=False, frozen=True)
class Initializer(Part):
    """The first value of a weight. One of your own is a function of (key, shape, dtype), or a subclass with `__call__`.

    >>> import jax.numpy as jnp
    >>> from caviar.initializers import get
    >>> get(lambda key, shape, dtype: jnp.full(shape, 7, dtype))(None, (2,), "float32").tolist()
    [7.0, 7.0]
    """

    @engine.own_rules()
    def __call__(self, key: jax.Array | None, shape: Sequence[int], dtype: Any = None) -> jax.Array:
        """A new array of this shape. A `seed` makes it independent of the key; without both, a fresh key is taken."""
        seed = getattr(self, "seed", None)
        if seed is not None:
            key = jax.random.key(seed, impl="threefry2x32")
        elif key is None:
            key = config.next_key()
        return self._draw(key, tuple(shape), jnp.dtype(config.floatx() if dtype is None else dtype))

    def _draw(self, key: jax.Array, shape: Shape, dtype: Any) -> jax.Array:
        raise NotImplementedError(f"{type(self).__name__} has no __call__(self, key, shape, dtype)")
