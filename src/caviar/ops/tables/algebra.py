"""Linear algebra."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from caviar.ops.words import Function, in_words, table_of

_WORDS = {
    "x /": "det eig eigh inv",
    "x / mode='reduced'": "qr",
    "x / ord=None axis=None keepdims=False": "norm",
    "x / rcond=None": "pinv",
    "x / tol=None": "matrix_rank",
    "x / full_matrices=True compute_uv=True": "svd",
    "a b /": "solve",
}


def cholesky(x: jax.Array, upper: bool = False) -> jax.Array:
    """The triangular matrix whose product with its own transpose is x.

    >>> import jax.numpy as jnp
    >>> from caviar.ops.tables.algebra import cholesky
    >>> cholesky(jnp.array([[4.0, 0.0], [0.0, 9.0]])).tolist()
    [[2.0, 0.0], [0.0, 3.0]]
    """
    return jnp.linalg.cholesky(x, upper=upper)


def cholesky_inverse(x: jax.Array, upper: bool = False) -> jax.Array:
    """The inverse of the matrix that has this Cholesky factor.

    >>> import jax.numpy as jnp
    >>> from caviar.ops.tables.algebra import cholesky_inverse
    >>> cholesky_inverse(jnp.array([[2.0, 0.0], [0.0, 1.0]])).tolist()
    [[0.25, 0.0], [0.0, 1.0]]
    """
    return jax.scipy.linalg.cho_solve((x, not upper), jnp.eye(x.shape[-1], dtype=x.dtype))


def lu_factor(x: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The factors of Gauss' elimination in one matrix, and the order of rows.

    >>> import jax.numpy as jnp
    >>> from caviar.ops.tables.algebra import lu_factor
    >>> lu_factor(jnp.array([[2.0, 0.0], [1.0, 3.0]]))[1].tolist()
    [0, 1]
    """
    return jax.scipy.linalg.lu_factor(x)


def lstsq(a: jax.Array, b: jax.Array, rcond: float | None = None) -> jax.Array:
    """The x for which a @ x is nearest to b.

    >>> import jax.numpy as jnp
    >>> from caviar.ops.tables.algebra import lstsq
    >>> print(lstsq(jnp.array([[1.0], [1.0]]), jnp.array([1.0, 3.0])).round(4))
    [2.]
    """
    return jnp.linalg.lstsq(a, b, rcond=rcond)[0]


def solve_triangular(a: jax.Array, b: jax.Array, lower: bool = False) -> jax.Array:
    """The x for which a @ x is b, where one half of a is zero.

    >>> import jax.numpy as jnp
    >>> from caviar.ops.tables.algebra import solve_triangular
    >>> solve_triangular(jnp.array([[2.0, 0.0], [0.0, 4.0]]), jnp.array([1.0, 1.0])).tolist()
    [0.5, 0.25]
    """
    return jax.scipy.linalg.solve_triangular(a, b, lower=lower)


def jvp(fun: Callable[..., Any], primals: Any, tangents: Any, has_aux: bool = False) -> Any:
    """A function's value, and its derivative in a direction.

    >>> import jax.numpy as jnp
    >>> from caviar.ops.tables.algebra import jvp
    >>> [float(v) for v in jvp(lambda x: x**2, [jnp.array(3.0)], [jnp.array(1.0)])]
    [9.0, 6.0]
    """
    return jax.jvp(fun, tuple(primals), tuple(tangents), has_aux=has_aux)


TABLE: dict[str, Function] = {
    **in_words(jnp.linalg, _WORDS),
    **table_of(cholesky, cholesky_inverse, jvp, lstsq, lu_factor, solve_triangular),
}
