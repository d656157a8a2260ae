"""Making arrays from sizes and numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from caviar import config
from caviar.ops.words import Function, table_of


def arange(start: Any, stop: Any = None, step: Any = None, dtype: Any = None) -> jax.Array:
    """Numbers from start, before stop, a step apart.

    >>> from caviar.ops.tables.making import arange
    >>> arange(2, 5).tolist()
    [2, 3, 4]
    """
    return jnp.arange(start, stop, step, dtype)


def empty(shape: Any, dtype: Any = None) -> jax.Array:
    """An array of zeros, for values that are assigned later.

    >>> from caviar.ops.tables.making import empty
    >>> empty((2,)).shape
    (2,)
    """
    return jnp.zeros(shape, dtype or config.floatx())


def eye(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> jax.Array:
    """Ones on a diagonal, zeros elsewhere.

    >>> from caviar.ops.tables.making import eye
    >>> eye(2, 3, 1).tolist()
    [[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    return jnp.eye(N, M, k, dtype or config.floatx())


def full(shape: Any, fill_value: Any, dtype: Any = None) -> jax.Array:
    """An array of one value, of floats unless said otherwise.

    >>> from caviar.ops.tables.making import full
    >>> full((2,), 3).tolist()
    [3.0, 3.0]
    """
    return jnp.full(shape, fill_value, dtype or config.floatx())


def identity(n: int, dtype: Any = None) -> jax.Array:
    """The identity matrix of this size.

    >>> from caviar.ops.tables.making import identity
    >>> identity(2).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    return jnp.identity(n, dtype or config.floatx())


def ones(shape: Any, dtype: Any = None) -> jax.Array:
    """An array of this shape filled with 1.

    >>> from caviar.ops.tables.making import ones
    >>> ones(2).tolist()
    [1.0, 1.0]
    """
    return jnp.ones(shape, dtype or config.floatx())


def zeros(shape: Any, dtype: Any = None) -> jax.Array:
    """An array of this shape filled with 0.

    >>> from caviar.ops.tables.making import zeros
    >>> zeros((1, 2)).tolist()
    [[0.0, 0.0]]
    """
    return jnp.zeros(shape, dtype or config.floatx())


def tri(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> jax.Array:
    """Ones at and below a diagonal.

    >>> from caviar.ops.tables.making import tri
    >>> tri(2).tolist()
    [[1.0, 0.0], [1.0, 1.0]]
    """
    return jnp.tri(N, M, k, dtype or config.floatx())


def meshgrid(*x: Any, indexing: str = "xy") -> list[jax.Array]:
    """The coordinates of a grid, an array for each axis.

    >>> from caviar.ops.tables.making import meshgrid
    >>> [g.tolist() for g in meshgrid([1, 2], [3])]
    [[[1, 2]], [[3, 3]]]
    """
    return list(jnp.meshgrid(*map(jnp.asarray, x), indexing=indexing))


def einsum(subscripts: str, *operands: Any, **kwargs: Any) -> jax.Array:
    """Products summed over the axes that the letters after the arrow leave out.

    >>> from caviar.ops.tables.making import einsum
    >>> einsum("ij,j->i", [[1, 2], [3, 4]], [1, 1]).tolist()
    [3, 7]
    """
    return jnp.einsum(subscripts, *map(jnp.asarray, operands), **kwargs)


def vectorize(pyfunc: Callable[..., Any], *, excluded: Any = None, signature: str | None = None) -> Callable[..., Any]:
    """A function of numbers, as one of arrays.

    >>> import jax.numpy as jnp
    >>> from caviar.ops.tables.making import vectorize
    >>> vectorize(lambda a, b: a + b)(jnp.arange(3), 1).tolist()
    [1, 2, 3]
    """
    return jnp.vectorize(pyfunc, excluded=excluded or frozenset(), signature=signature)


def bartlett(x: Any) -> jax.Array:
    """A window that rises and falls in straight lines.

    >>> from caviar.ops.tables.making import bartlett
    >>> bartlett(3).tolist()
    [0.0, 1.0, 0.0]
    """
    return jnp.bartlett(int(x)).astype(config.floatx())


def blackman(x: Any) -> jax.Array:
    """Blackman's window, a sum of three cosines: low side lobes.

    >>> from caviar.ops.tables.making import blackman
    >>> blackman(3).round(3).tolist()[1]
    1.0
    """
    return jnp.blackman(int(x)).astype(config.floatx())


def hamming(x: Any) -> jax.Array:
    """Hamming's window: a raised cosine that does not reach 0.

    >>> from caviar.ops.tables.making import hamming
    >>> hamming(3).round(2).tolist()[1]
    1.0
    """
    return jnp.hamming(int(x)).astype(config.floatx())


def hanning(x: Any) -> jax.Array:
    """Hann's window: a raised cosine that reaches 0 at both ends.

    >>> from caviar.ops.tables.making import hanning
    >>> hanning(3).tolist()
    [0.0, 1.0, 0.0]
    """
    return jnp.hanning(int(x)).astype(config.floatx())


def kaiser(x: Any, beta: Any) -> jax.Array:
    """Kaiser's window; `beta` trades the width of the main lobe for lower side lobes.

    >>> from caviar.ops.tables.making import kaiser
    >>> kaiser(3, 0.0).tolist()
    [1.0, 1.0, 1.0]
    """
    return jnp.kaiser(int(x), beta).astype(config.floatx())


TABLE: dict[str, Function] = table_of(
    arange, bartlett, blackman, einsum, empty, eye, full, hamming, hanning, identity, kaiser, meshgrid, ones, tri, vectorize,
    zeros,
)  # fmt: skip
