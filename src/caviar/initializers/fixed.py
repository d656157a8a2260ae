"""Initializers without randomness."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from caviar.declarations import Several
from caviar.errors import ShapeError
from caviar.initializers.base import Initializer, Shape
from caviar.live import Within

__all__ = [
    "Constant",
    "Identity",
    "Ones",
    "Zeros",
    "constant",
    "identity",
    "ones",
    "zeros",
]


@dataclass(eq=False, repr=False, frozen=True)
class Constant(Initializer):
    """The same value everywhere; or an array of the weight's own shape.

    >>> from caviar.initializers import Constant
    >>> Constant(0.5)(None, (2,)).tolist()
    [0.5, 0.5]
    """

    value: Several = 0.0

    @property
    def in_frames(self) -> bool:  # type: ignore[override]
        """An array has one shape."""
        return not np.ndim(self.value)

    def _draw(self, key: jax.Array, shape: Shape, dtype: Any) -> jax.Array:
        shape = shape.frame if isinstance(shape, Within) else shape
        given = jnp.shape(self.value)
        if given not in ((), shape):
            raise ShapeError(f"a weight of shape {shape} cannot start as an array of shape {given}")
        return jnp.broadcast_to(jnp.asarray(self.value, dtype), shape)


@dataclass(eq=False, repr=False, frozen=True)
class Zeros(Constant):
    """0 everywhere: for biases. Units with equal weights learn equal features, so not for kernels.

    >>> from caviar.initializers import Zeros
    >>> Zeros()(None, (2,)).tolist()
    [0.0, 0.0]
    """

    value: float = field(default=0.0, init=False)


@dataclass(eq=False, repr=False, frozen=True)
class Ones(Constant):
    """1 everywhere: for the scale (`gamma`) of normalization.

    >>> from caviar.initializers import Ones
    >>> Ones()(None, (2,)).tolist()
    [1.0, 1.0]
    """

    value: float = field(default=1.0, init=False)


@dataclass(eq=False, repr=False, frozen=True)
class Identity(Initializer):
    """The identity matrix times `gain`: a layer that at first passes its input on.

    >>> from caviar.initializers import Identity
    >>> Identity(2.0)(None, (2, 2)).tolist()
    [[2.0, 0.0], [0.0, 2.0]]
    """

    gain: float = 1.0

    in_frames = True

    def _draw(self, key: jax.Array, shape: Shape, dtype: Any) -> jax.Array:
        if len(shape) != 2:
            raise ShapeError(f"Identity starts matrices, and was asked for the shape {shape}")
        if isinstance(shape, Within):
            return jnp.asarray(self.gain, dtype) * jnp.equal(*jnp.meshgrid(*shape.ranks, indexing="ij"))
        return jnp.asarray(self.gain, dtype) * jnp.eye(shape[0], shape[1], dtype=dtype)


constant = Constant
zeros = Zeros
ones = Ones
identity = Identity
