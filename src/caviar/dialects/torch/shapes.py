"""Functions that return several tensors, take several, or return a view."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from caviar.dialects.torch.functions import FUNCTIONS, put_into, record
from caviar.dialects.torch.tensor import Tensor, wrap
from caviar.errors import ShapeError
from caviar.telling import tells


class Extreme(NamedTuple):
    """Values along a dimension, and where they are."""

    values: Any
    indices: Any

    def __repr__(self) -> str:
        return f"torch.return_types.{type(self).__name__}(\nvalues={self.values},\nindices={self.indices})"


# -- views: other shapes of the same elements; writing into one writes into all -------------------------------------


def _view(x: Tensor, get: Any, put: Any, static: dict[str, Any], operands: tuple[Any, ...] = ()) -> Tensor:
    """A view: `get` computes it from the tensor, `put` writes it back."""
    made = record(get, x, *operands, **static)
    frozen = tuple(static.items())
    made.become_view(x, (get, frozen, operands), (put, frozen, operands))
    return made


def reshape_array(x: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """The elements in another shape."""
    return x.reshape(shape)


def reshape_back(x: jax.Array, value: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """The elements in the shape they came from."""
    return value.reshape(x.shape)


def permute_array(x: jax.Array, dims: tuple[int, ...]) -> jax.Array:
    """The dimensions in another order."""
    return jnp.transpose(x, dims)


def permute_back(x: jax.Array, value: jax.Array, dims: tuple[int, ...]) -> jax.Array:
    """The dimensions in the order they came in."""
    return jnp.transpose(value, [dims.index(i) for i in range(len(dims))])


def diagonal_array(x: jax.Array, offset: int, dim1: int, dim2: int) -> jax.Array:
    """The diagonal of two dimensions, as the last one."""
    return jnp.diagonal(x, offset, dim1, dim2)


def diagonal_back(x: jax.Array, value: jax.Array, offset: int, dim1: int, dim2: int) -> jax.Array:
    """The array with another diagonal."""
    places = jnp.arange(x.size, dtype=jnp.int32).reshape(x.shape)
    return x.reshape(-1).at[jnp.diagonal(places, offset, dim1, dim2)].set(value).reshape(x.shape)


def diagonal(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """The diagonal of a matrix, or of two dimensions; writing into it writes into the tensor."""
    return _view(input, diagonal_array, diagonal_back, {"offset": offset, "dim1": dim1, "dim2": dim2})


def _shaped(shape: tuple[Any, ...]) -> tuple[int, ...]:
    given = shape[0] if len(shape) == 1 and isinstance(shape[0], (tuple, list)) else shape
    return tuple(int(n) for n in given)


def reshape(input: Tensor, *shape: Any) -> Tensor:
    """The elements in another shape; -1 stands for the size that follows from the others."""
    return _view(input, reshape_array, reshape_back, {"shape": _shaped(shape)})


def permute(input: Tensor, *dims: Any) -> Tensor:
    """The dimensions in another order."""
    order = tuple(d % input.ndim for d in _shaped(dims))
    return _view(input, permute_array, permute_back, {"dims": order})


def transpose(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """Two dimensions swapped."""
    order = list(range(input.ndim))
    order[dim0], order[dim1] = order[dim1], order[dim0]
    return permute(input, order)


def t(input: Tensor) -> Tensor:
    """A matrix transposed."""
    if input.ndim > 2:
        raise ShapeError(
            f"t() is for matrices, and this tensor has shape {tuple(input.shape)}: use transpose or permute"
        )
    return permute(input, *range(input.ndim)[::-1])


def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Some dimensions, by default all, merged into one."""
    shape = tuple(input.shape) or (1,)
    start, end = start_dim % len(shape), end_dim % len(shape)
    return reshape(input, *shape[:start], math.prod(shape[start : end + 1]), *shape[end + 1 :])


def unflatten(input: Tensor, dim: int, sizes: Any) -> Tensor:
    """One dimension split into several."""
    at = dim % input.ndim
    return reshape(input, *input.shape[:at], *_shaped((tuple(sizes),)), *input.shape[at + 1 :])


def squeeze(input: Tensor, dim: Any = None) -> Tensor:
    """Without the dimensions of size 1, or those of them that are given."""
    dims = range(input.ndim) if dim is None else dim if isinstance(dim, tuple) else (dim,)
    gone = {d % max(input.ndim, 1) for d in dims}
    return reshape(input, tuple(n for i, n in enumerate(input.shape) if n != 1 or i not in gone))


def unsqueeze(input: Tensor, dim: int) -> Tensor:
    """With one more dimension, of size 1."""
    at = dim % (input.ndim + 1)
    return reshape(input, (*input.shape[:at], 1, *input.shape[at:]))


def narrow(input: Tensor, dim: int, start: int, length: int) -> Tensor:
    """A slice along one dimension."""
    return input[(slice(None),) * (dim % input.ndim) + (slice(start, start + length),)]


def split(tensor: Tensor, split_size_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Slices of a size, or of the given sizes."""
    n, size = tensor.shape[dim], split_size_or_sections
    sizes = size if isinstance(size, (list, tuple)) else [min(size, n - at) for at in range(0, n, size)]
    starts = np.cumsum([0, *sizes])[:-1]
    return tuple(narrow(tensor, dim, int(at), s) for at, s in zip(starts, sizes, strict=True))


def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """At most so many slices of equal size; the last may be smaller."""
    return split(input, -(-input.shape[dim] // chunks), dim)


def unbind(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """The slices along one dimension, without it."""
    return tuple(input[(slice(None),) * (dim % input.ndim) + (i,)] for i in range(input.shape[dim]))


# -- of several -------------------------------------------------------------------------------------------------------


def concatenated(*arrays: jax.Array, dim: int = 0) -> jax.Array:
    """The arrays one after the other."""
    return jnp.concatenate(arrays, dim)


def stacked(*arrays: jax.Array, dim: int = 0) -> jax.Array:
    """The arrays along a new dimension."""
    return jnp.stack(arrays, dim)


def product(*arrays: jax.Array, equation: str) -> jax.Array:
    """Sums of products as the equation says: `einsum("ij,jk->ik", a, b)` is the matrix product."""
    return jnp.einsum(equation, *arrays)


def cat(tensors: Sequence[Tensor], dim: int = 0, *, out: Any = None) -> Tensor:
    """The tensors one after the other."""
    return put_into(out, record(concatenated, *tensors, dim=dim))


def stack(tensors: Sequence[Tensor], dim: int = 0, *, out: Any = None) -> Tensor:
    """The tensors along a new dimension."""
    return put_into(out, record(stacked, *tensors, dim=dim))


def einsum(equation: str, *operands: Any) -> Tensor:
    """Sums of products as the equation says: `einsum("ij,jk->ik", a, b)` is the matrix product."""
    given = operands[0] if len(operands) == 1 and isinstance(operands[0], (list, tuple)) else operands
    return record(product, *given, equation=equation)


# -- values with their places -----------------------------------------------------------------------------------------


def largest(input: jax.Array, dim: int, keepdim: bool, sign: int) -> tuple[jax.Array, jax.Array]:
    """The largest elements along a dimension (with sign -1 the smallest), and where they are."""
    at = (jnp.argmax if sign > 0 else jnp.argmin)(input, dim, keepdims=True)
    values = jnp.take_along_axis(input, at, dim)
    return (values, at) if keepdim else (values.squeeze(dim), at.squeeze(dim))


def sorted_array(input: jax.Array, dim: int, descending: bool) -> tuple[jax.Array, jax.Array]:
    """The elements in order along a dimension, and where they were."""
    order = jnp.argsort(input, dim, stable=True, descending=descending)
    return jnp.take_along_axis(input, order, dim), order


def _extreme(name: str, sign: int) -> Any:
    kind = type(name, (Extreme,), {})

    def extreme(input: Tensor, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:
        other = dim if isinstance(dim, Tensor) else other
        if other is not None:
            return FUNCTIONS["maximum" if sign > 0 else "minimum"](input, other)
        if dim is None:
            return FUNCTIONS["amax" if sign > 0 else "amin"](input)
        return kind(*record(largest, input, dim=dim, keepdim=keepdim, sign=sign))

    extreme.__name__ = extreme.__qualname__ = name
    extreme.__doc__ = (
        f"The {name} of all elements, `(values, indices)` along `dim`, or element by element of two tensors."
    )
    return extreme


def sort(input: Tensor, dim: int = -1, descending: bool = False) -> Extreme:
    """The elements in order along a dimension, and where they were."""
    return Extreme(*record(sorted_array, input, dim=dim, descending=descending))


def argsort(input: Tensor, dim: int = -1, descending: bool = False) -> Tensor:
    """Where the elements stand that come first, second, ... in order."""
    return sort(input, dim, descending).indices


def topk(input: Tensor, k: int, dim: int = -1, largest: bool = True) -> Extreme:
    """The k largest (or smallest) elements along a dimension, and where they are."""
    values, indices = sort(input, dim, descending=largest)
    return Extreme(narrow(values, dim, 0, k), narrow(indices, dim, 0, k))


def nonzero(input: Tensor, as_tuple: bool = False) -> Any:
    """The places of the elements that are not zero; looks at the values."""
    at = [a.astype(np.int32) for a in np.nonzero(np.asarray(input.array()))]
    return tuple(map(wrap, at)) if as_tuple else wrap(np.stack(at, 1))


def unique(input: Tensor) -> Tensor:
    """The different elements, sorted; looks at the values."""
    return wrap(np.unique(np.asarray(input.array())))


def equal(input: Tensor, other: Tensor) -> bool:
    """Whether shapes and all elements are the same."""
    return input.shape == other.shape and bool(np.array_equal(np.asarray(input.array()), np.asarray(other.array())))


def allclose(input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> bool:
    """Whether all elements are nearly the same."""
    return bool(np.allclose(np.asarray(input.array()), np.asarray(other.array()), rtol, atol, equal_nan))


SHAPES = {f.__name__: tells(f) for f in (
    diagonal, reshape, permute, transpose, t, flatten, unflatten, squeeze, unsqueeze, narrow, split, chunk, unbind, sort, argsort, topk,
    nonzero, unique, equal, allclose, _extreme("max", 1), _extreme("min", -1),
)}  # fmt: skip
OF_SEVERAL = {
    name: tells(f)
    for name, f in {"cat": cat, "concat": cat, "concatenate": cat, "stack": stack, "einsum": einsum}.items()
}
