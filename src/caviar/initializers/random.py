"""Random initializers with a given spread, whatever the shape of the weight; and orthogonal matrices."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from caviar.declarations import NotNegative, Seed
from caviar.errors import ShapeError
from caviar.initializers.base import Initializer, Shape, drawn, truncated
from caviar.live import Within

__all__ = [
    "Orthogonal",
    "RandomNormal",
    "RandomUniform",
    "SmallRandom",
    "TruncatedNormal",
    "orthogonal",
    "random_normal",
    "random_uniform",
    "small_random",
    "truncated_normal",
]


@dataclass(eq=False, repr=False, frozen=True)
class RandomNormal(Initializer):
    """Normally distributed with the given mean and standard deviation.

    >>> from caviar.initializers import RandomNormal
    >>> RandomNormal(stddev=1.0, seed=0)(None, (2, 3)).shape
    (2, 3)
    """

    mean: float = 0.0
    stddev: NotNegative = 0.05
    seed: Seed | None = None

    in_frames = True

    def _draw(self, key: jax.Array, shape: Shape, dtype: Any) -> jax.Array:
        found = drawn(jax.random.normal, key, shape, dtype)
        return found * jnp.asarray(self.stddev, found.dtype) + jnp.asarray(self.mean, found.dtype)


@dataclass(eq=False, repr=False, frozen=True)
class TruncatedNormal(Initializer):
    """Normally distributed, but never further than two standard deviations from the mean.

    >>> import jax
    >>> from caviar.initializers import TruncatedNormal
    >>> bool(abs(TruncatedNormal(stddev=1.0)(jax.random.key(0), (99,))).max() <= 2)
    True
    """

    mean: float = 0.0
    stddev: NotNegative = 0.05
    seed: Seed | None = None

    in_frames = True

    def _draw(self, key: jax.Array, shape: Shape, dtype: Any) -> jax.Array:
        found = drawn(truncated, key, shape, dtype)
        return found * jnp.asarray(self.stddev, found.dtype) + jnp.asarray(self.mean, found.dtype)


@dataclass(eq=False, repr=False, frozen=True)
class RandomUniform(Initializer):
    """Uniformly distributed in [`minval`, `maxval`).

    >>> import jax
    >>> from caviar.initializers import RandomUniform
    >>> bool(RandomUniform(0.0, 1.0)(jax.random.key(0), (99,)).min() >= 0)
    True
    """

    minval: float = -0.05
    maxval: float = 0.05
    seed: Seed | None = None

    in_frames = True

    def _draw(self, key: jax.Array, shape: Shape, dtype: Any) -> jax.Array:
        return drawn(partial(jax.random.uniform, minval=self.minval, maxval=self.maxval), key, shape, dtype)


@dataclass(eq=False, repr=False, frozen=True)
class SmallRandom(RandomUniform):
    """Uniform in [-0.01, 0.01), as in early machine learning; in deep networks the signal vanishes with it.

    >>> import jax
    >>> from caviar.initializers import SmallRandom
    >>> bool(abs(SmallRandom()(jax.random.key(0), (99,))).max() <= 0.01)
    True
    """

    minval: float = -0.01
    maxval: float = 0.01


@dataclass(eq=False, repr=False, frozen=True)
class Orthogonal(Initializer):
    """A matrix with orthonormal rows or columns, times `gain`; all axes but the last count as rows.

    >>> import jax
    >>> import jax.numpy as jnp
    >>> from caviar.initializers import Orthogonal
    >>> w = Orthogonal()(jax.random.key(0), (4, 4))
    >>> bool(jnp.allclose(w @ w.T, jnp.eye(4), atol=1e-5))
    True
    """

    gain: float = 1.0
    seed: Seed | None = None

    in_frames = True

    def _draw(self, key: jax.Array, shape: Shape, dtype: Any) -> jax.Array:
        if len(shape) < 2:
            raise ShapeError(f"Orthogonal starts matrices and kernels, and was asked for the shape {shape}")
        precise = jnp.promote_types(dtype, jnp.float32)  # LAPACK has no half precision
        if isinstance(shape, Within):
            return (self.gain * _orthogonal_within(key, shape, precise)).astype(dtype)
        return jax.nn.initializers.orthogonal(self.gain)(key, shape, precise).astype(dtype)


def _orthogonal_within(key: jax.Array, shape: Within, dtype: Any) -> jax.Array:
    """The member's own orthogonal matrix: zeros below and beside a matrix change nothing in its QR decomposition."""
    rows, columns = math.prod(shape.frame[:-1]), shape.frame[-1]
    normal = jax.random.normal(key, (rows * columns,), dtype)

    def tall(frame: tuple[int, int], own: tuple[Any, Any]) -> jax.Array:
        i, j = jnp.arange(frame[0])[:, None], jnp.arange(frame[1])
        q, r = jnp.linalg.qr(
            jnp.where((i < own[0]) & (j < own[1]), normal[jnp.minimum(i * own[1] + j, normal.size - 1)], 0)
        )
        q = q * jnp.sign(jnp.diag(r))
        return jnp.pad(q, ((0, 0), (0, frame[1] - q.shape[1])))

    own = math.prod(shape[:-1]), shape[-1]
    wide = own[0] < own[1]
    found = jnp.where(wide, tall((columns, rows), own[::-1]).T, tall((rows, columns), own))
    leading = Within(shape[:-1])
    leading.frame, leading.ranks = shape.frame[:-1], shape.ranks[:-1]
    return found[leading.places[..., None], shape.ranks[-1]]


random_normal = RandomNormal
truncated_normal = TruncatedNormal
random_uniform = RandomUniform
small_random = SmallRandom
orthogonal = Orthogonal
