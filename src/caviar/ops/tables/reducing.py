"""NumPy's functions that Keras defines in another way."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from caviar.declarations import Axis, Count, DataType
from caviar.graph.node import item
from caviar.ops.words import Function, table_of


def bincount(x: jax.Array, weights: jax.Array | None = None, minlength: Count = 0, sparse: bool = False) -> jax.Array:
    """How often each number occurs, in each row of a matrix.

    >>> import jax.numpy as jnp
    >>> from caviar.ops.tables.reducing import bincount
    >>> bincount(jnp.array([0, 2, 2])).tolist()
    [1, 0, 2]
    """
    del sparse  # every array is dense
    length = max(int(x.max()) + 1 if minlength == 0 or not isinstance(x, jax.core.Tracer) else 0, minlength)

    def count(row: jax.Array, weight: jax.Array | None) -> jax.Array:
        return jnp.bincount(row, weight, length=length)

    if x.ndim == 1:
        return count(x, weights)
    return jax.vmap(count)(x, weights) if weights is not None else jax.vmap(lambda row: count(row, None))(x)


def divide_no_nan(x1: jax.Array, x2: jax.Array) -> jax.Array:
    """x1 / x2, and zero where x2 is zero.

    >>> import jax.numpy as jnp
    >>> from caviar.ops.tables.reducing import divide_no_nan
    >>> divide_no_nan(jnp.array([1.0, 2.0]), jnp.array([0.0, 4.0])).tolist()
    [0.0, 0.5]
    """
    return jnp.where(x2 == 0, 0, jnp.divide(x1, jnp.where(x2 == 0, 1, x2)))


def get_item(x: jax.Array, key: Any) -> Any:
    """The element or slice x[key].

    >>> import jax.numpy as jnp
    >>> from caviar.ops.tables.reducing import get_item
    >>> get_item(jnp.arange(5), slice(1, 3)).tolist()
    [1, 2]
    """
    return item(x, key)


def nonzero(x: jax.Array) -> tuple[jax.Array, ...]:
    """The places of the values that are not zero, an array of indices for each axis.

    >>> import jax.numpy as jnp
    >>> from caviar.ops.tables.reducing import nonzero
    >>> [i.tolist() for i in nonzero(jnp.array([0, 5, 7]))]
    [[1, 2]]
    """
    return jnp.nonzero(x)


def pad(x: jax.Array, pad_width: Any, mode: str = "constant", constant_values: Any = None) -> jax.Array:
    """The array with more entries before and behind each axis.

    >>> import jax.numpy as jnp
    >>> from caviar.ops.tables.reducing import pad
    >>> pad(jnp.ones(2), 1).tolist()
    [0.0, 1.0, 1.0, 0.0]
    """
    return jnp.pad(x, pad_width, mode, **({} if constant_values is None else {"constant_values": constant_values}))


def unique(
    x: jax.Array,
    sorted: bool = True,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: Axis | None = None,
    size: Count | None = None,
    fill_value: Any = None,
) -> Any:
    """The different values, each once; with `size` as many as that, so that a program can hold them.

    >>> import jax.numpy as jnp
    >>> from caviar.ops.tables.reducing import unique
    >>> unique(jnp.array([3, 1, 3])).tolist()
    [1, 3]
    """
    del sorted  # they always are
    return jnp.unique(x, return_index, return_inverse, return_counts, axis, size=size, fill_value=fill_value)


def view(x: jax.Array, dtype: DataType | None = None) -> jax.Array:
    """The same bits, read as another type.

    >>> import jax.numpy as jnp
    >>> from caviar.ops.tables.reducing import view
    >>> view(jnp.array([1.0]), "int32").tolist()
    [1065353216]
    """
    return x.view(dtype)


TABLE: dict[str, Function] = table_of(bincount, divide_no_nan, get_item, nonzero, pad, unique, view)
