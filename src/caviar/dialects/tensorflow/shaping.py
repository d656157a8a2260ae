"""Arrays in other shapes, types and orders under TensorFlow 1's names, with its arguments; all take `name=`."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from caviar.dialects.tensorflow.building import (
    as_dtype,
    constant,
    first,
    known,
    lengths,
    shape_of,
    sizes,
    tensor,
    writes,
)
from caviar.errors import ArgumentError
from caviar.graph import Node, apply
from caviar.graph.node import nodes_in

__all__ = [
    "cast", "concat", "convert_to_tensor", "expand_dims", "eye", "fill", "gather", "linspace", "one_hot", "ones",
    "pad", "range", "rank", "reshape", "reverse", "shape", "size", "split", "squeeze", "stack", "tile", "to_float",
    "to_int32", "transpose", "unstack", "where", "zeros",
]  # fmt: skip

Array = Any


@writes
def cast(x: Array, dtype: Any) -> Array:
    """The values converted to another type; floats become integers by rounding towards 0.

    >>> from caviar.dialects.tensorflow.shaping import cast
    >>> cast([1.5, 2.5], "int32").dtype
    'int32'
    """
    return jnp.asarray(x).astype(as_dtype(dtype))


def to_float(x: Any, name: str | None = None) -> Node:
    """The values as floats."""
    return cast(x, "float32")


def to_int32(x: Any, name: str | None = None) -> Node:
    """The values as integers."""
    return cast(x, "int32")


def reshape(tensor: Any, shape: Any, name: str | None = None) -> Node:
    """The values in another shape; -1 stands for the size that follows from the others, `tf.shape(x)[0]` for a length at the run.

    >>> from caviar.dialects.tensorflow.shaping import reshape
    >>> reshape([1, 2, 3, 4], [-1, 2]).shape
    (2, 2)
    """
    return _reshape(tensor, sizes(shape))


@writes
def _reshape(tensor: Array, shape: Any) -> Array:
    return jnp.reshape(jnp.asarray(tensor), known(shape))


@writes
def transpose(a: Array, perm: Any = None) -> Array:
    """The axes in another order, by default the opposite one."""
    return jnp.transpose(jnp.asarray(a), perm)


@writes
def expand_dims(input: Array, axis: int | None = None, dim: int | None = None) -> Array:
    """The array with a new axis of length 1."""
    return jnp.expand_dims(jnp.asarray(input), first(axis, dim))


@writes
def squeeze(input: Array, axis: Any = None, squeeze_dims: Any = None) -> Array:
    """The array without its axes of length 1: all of them, or those given."""
    axes = squeeze_dims if axis is None else axis
    return jnp.squeeze(jnp.asarray(input), tuple(axes) if isinstance(axes, (list, tuple)) else axes)


@writes
def concat(values: Any, axis: int) -> Array:
    """Arrays one after the other along an axis.

    >>> from caviar.dialects.tensorflow.shaping import concat
    >>> concat([[[1, 2]], [[3, 4], [5, 6]]], axis=0).shape
    (3, 2)
    """
    return jnp.concatenate([jnp.asarray(v) for v in values], axis)


@writes
def stack(values: Any, axis: int = 0) -> Array:
    """Arrays of one shape, joined along a new axis."""
    return jnp.stack([jnp.asarray(v) for v in values], axis)


@writes
def unstack(value: Array, num: int | None = None, axis: int = 0) -> Any:
    """The slices along an axis, as a list."""
    return [jnp.squeeze(part, axis) for part in jnp.split(jnp.asarray(value), jnp.shape(value)[axis], axis)]


@writes
def split(value: Array, num_or_size_splits: Any, axis: int = 0) -> Any:
    """A list of so many equal parts along an axis, or of parts with the lengths given."""
    cuts = num_or_size_splits
    return jnp.split(jnp.asarray(value), cuts if isinstance(cuts, int) else np.cumsum(cuts)[:-1].tolist(), axis)


def tile(input: Any, multiples: Any, name: str | None = None) -> Node:
    """The array repeated along each of its axes."""
    return _tile(input, lengths(multiples))


@writes
def _tile(input: Array, multiples: Any) -> Array:
    return jnp.tile(jnp.asarray(input), known(multiples))


@writes
def gather(params: Array, indices: Array, validate_indices: Any = None, axis: int | None = None) -> Array:
    """The slices at the indices along an axis, by default the rows.

    >>> from caviar.dialects.tensorflow.shaping import gather
    >>> gather([[1.0], [2.0]], [1, 1, 0]).shape
    (3, 1)
    """
    return jnp.take(jnp.asarray(params), jnp.asarray(indices), axis=axis or 0)


@writes
def one_hot(
    indices: Array, depth: int, on_value: Any = None, off_value: Any = None, axis: int | None = None, dtype: Any = None
) -> Array:
    """Class numbers as rows of zeros with one 1.

    >>> from caviar.dialects.tensorflow.shaping import one_hot
    >>> one_hot([0, 2], depth=3).shape
    (2, 3)
    """
    hot = jax.nn.one_hot(jnp.asarray(indices), depth, dtype=bool, axis=-1 if axis is None else axis)
    on, off = 1 if on_value is None else on_value, 0 if off_value is None else off_value
    return jnp.where(hot, on, off).astype(as_dtype(dtype or (None if on_value is None else jnp.result_type(on))))


@writes
def where(condition: Array, x: Array, y: Array) -> Array:
    """x where the condition is true, else y. `tf.where(condition)` alone is refused, since the number of places is not known."""
    condition, x = jnp.asarray(condition), jnp.asarray(x)
    rows = condition.ndim == 1 < x.ndim  # a vector chooses rows
    chosen = condition.reshape(-1, *(1,) * (x.ndim - 1)) if rows else condition
    return jnp.where(chosen, x, jnp.asarray(y))


@writes
def pad(tensor: Array, paddings: Any, mode: str = "CONSTANT", constant_values: Any = 0) -> Array:
    """The array with values before and after it along each axis."""
    options = {"constant_values": constant_values} if mode.upper() == "CONSTANT" else {}
    return jnp.pad(jnp.asarray(tensor), [tuple(p) for p in paddings], mode.lower(), **options)


@writes
def reverse(tensor: Array, axis: Any) -> Array:
    """The values in opposite order along axes."""
    return jnp.flip(jnp.asarray(tensor), tuple(axis))


def shape(input: Any, name: str | None = None, out_type: Any = None) -> Node:
    """The shape, as a node; `tf.shape(x)` and `tf.shape(x)[i]` also serve where functions take a shape.

    >>> from caviar.dialects.tensorflow import constant
    >>> from caviar.dialects.tensorflow.shaping import shape
    >>> shape(constant([[1, 2]])).shape
    (2,)
    """
    return apply(shape_of, tensor(input))


@writes
def size(input: Array) -> Array:
    """How many values there are."""
    return jnp.asarray(jnp.size(jnp.asarray(input)), jnp.int32)


@writes
def rank(input: Array) -> Array:
    """How many axes there are."""
    return jnp.asarray(jnp.ndim(jnp.asarray(input)), jnp.int32)


def zeros(shape: Any, dtype: Any = None, name: str | None = None) -> Node:
    """An array of this shape filled with 0."""
    return fill(shape, constant(0, as_dtype(dtype)))


def ones(shape: Any, dtype: Any = None, name: str | None = None) -> Node:
    """An array of this shape filled with 1.

    >>> from caviar.dialects.tensorflow.shaping import ones
    >>> ones([2, 3]).shape
    (2, 3)
    """
    return fill(shape, constant(1, as_dtype(dtype)))


def fill(dims: Any, value: Any, name: str | None = None) -> Node:
    """An array of this shape filled with one value."""
    return _fill(sizes(dims), tensor(value))


@writes
def _fill(dims: Any, value: Array) -> Array:
    return jnp.broadcast_to(jnp.asarray(value), known(dims))


def range(start: Any, limit: Any = None, delta: Any = 1, dtype: Any = None, name: str | None = None) -> Node:
    """The numbers from `start`, or 0, up to but without `limit`.

    >>> from caviar.dialects import tensorflow as tf
    >>> tf.range(3).shape, tf.range(0.0, 1.0, 0.25).shape
    ((3,), (4,))
    """
    given = (0, start, delta) if limit is None else (start, limit, delta)
    if nodes_in(given):
        raise ArgumentError(f"tf.range{given!r} would have a length that is not known before the run: give numbers")
    return constant(np.arange(*given), dtype)


def linspace(start: float, stop: float, num: int, name: str | None = None) -> Node:
    """`num` evenly spaced numbers from `start` to `stop`, both included."""
    return constant(np.linspace(start, stop, num))


def eye(num_rows: int, num_columns: int | None = None, dtype: Any = None, name: str | None = None) -> Node:
    """The identity matrix of this size."""
    return constant(np.eye(num_rows, num_columns), as_dtype(dtype))


def convert_to_tensor(value: Any, dtype: Any = None, name: str | None = None) -> Node:
    """Anything array-like as a node."""
    return tensor(value, dtype)
