"""Arithmetic under TensorFlow 1's names, with its arguments; all take `name=`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from caviar import activations
from caviar.dialects.tensorflow.building import as_dtype, first, tensor, writes
from caviar.graph import Node

__all__ = [
    "add_n", "argmax", "argmin", "clip_by_global_norm", "clip_by_norm", "clip_by_value", "cumprod", "cumsum", "diag",
    "einsum", "global_norm", "matmul", "norm", "tensordot", "trace",
]  # fmt: skip

Array = Any


def _squared_difference(x: Array, y: Array) -> Array:
    """(x - y)²."""
    return jnp.square(x - y)


def _div(x: Array, y: Array) -> Array:
    """x / y, of integers rounded down."""
    return jnp.floor_divide(x, y) if jnp.issubdtype(jnp.result_type(x, y), jnp.integer) else jnp.true_divide(x, y)


_UNARY: dict[str, Callable[..., Array]] = {
    "abs": jnp.abs, "acos": jnp.arccos, "asin": jnp.arcsin, "atan": jnp.arctan, "ceil": jnp.ceil, "cos": jnp.cos, "cosh": jnp.cosh,
    "erf": jax.scipy.special.erf, "exp": jnp.exp, "expm1": jnp.expm1, "floor": jnp.floor, "identity": jnp.asarray,
    "is_finite": jnp.isfinite, "is_inf": jnp.isinf, "is_nan": jnp.isnan, "log": jnp.log, "log1p": jnp.log1p,
    "log_sigmoid": jax.nn.log_sigmoid, "logical_not": jnp.logical_not, "negative": jnp.negative, "ones_like": jnp.ones_like,
    "reciprocal": jnp.reciprocal, "round": jnp.round, "rsqrt": jax.lax.rsqrt, "sigmoid": activations.sigmoid, "sign": jnp.sign,
    "sin": jnp.sin, "sinh": jnp.sinh, "sqrt": jnp.sqrt, "square": jnp.square, "tan": jnp.tan, "tanh": jnp.tanh,
    "zeros_like": jnp.zeros_like,
}  # fmt: skip

_BINARY: dict[str, Callable[..., Array]] = {
    "add": jnp.add, "atan2": jnp.arctan2, "div": _div, "divide": jnp.true_divide, "equal": jnp.equal, "floordiv": jnp.floor_divide,
    "floormod": jnp.mod, "greater": jnp.greater, "greater_equal": jnp.greater_equal, "less": jnp.less, "less_equal": jnp.less_equal,
    "logical_and": jnp.logical_and, "logical_or": jnp.logical_or, "logical_xor": jnp.logical_xor, "maximum": jnp.maximum,
    "minimum": jnp.minimum, "mod": jnp.mod, "multiply": jnp.multiply, "not_equal": jnp.not_equal, "pow": jnp.power,
    "squared_difference": _squared_difference, "subtract": jnp.subtract, "truediv": jnp.true_divide,
}  # fmt: skip


def _mean(x: Array, axis: Any, keepdims: bool) -> Array:
    """The mean, in the type of what is averaged."""
    return jnp.mean(x, axis=axis, keepdims=keepdims).astype(x.dtype)


_REDUCTIONS: dict[str, Callable[..., Array]] = {
    "reduce_all": jnp.all, "reduce_any": jnp.any, "reduce_logsumexp": jax.nn.logsumexp, "reduce_max": jnp.max, "reduce_mean": _mean,
    "reduce_min": jnp.min, "reduce_prod": jnp.prod, "reduce_sum": jnp.sum,
}  # fmt: skip


def _unary(name: str, function: Callable[..., Array]) -> Callable[..., Node]:
    def compute(x: Array) -> Array:
        return function(jnp.asarray(x))

    return _named(name, compute, f"`{name}` of every element.")


def _binary(name: str, function: Callable[..., Array]) -> Callable[..., Node]:
    def compute(x: Array, y: Array) -> Array:
        return function(jnp.asarray(x), jnp.asarray(y))

    return _named(name, compute, f"`{name}` of elements in the same place; axes of length 1 are stretched.")


def _reduction(name: str, function: Callable[..., Array]) -> Callable[..., Node]:
    def compute(
        input_tensor: Array,
        axis: Any = None,
        keepdims: Any = None,
        reduction_indices: Any = None,
        keep_dims: Any = None,
    ) -> Array:
        axes = reduction_indices if axis is None else axis
        axes = tuple(axes) if isinstance(axes, (list, tuple, np.ndarray)) else axes
        return function(jnp.asarray(input_tensor), axis=axes, keepdims=bool(keepdims or keep_dims))

    return _named(name, compute, f"The {name.removeprefix('reduce_')} over axes, by default over all.")


def _named(name: str, function: Callable[..., Array], doc: str) -> Callable[..., Node]:
    function.__name__, function.__doc__ = name, doc
    return writes(function)


TABLE: dict[str, Callable[..., Any]] = {
    **{name: _unary(name, function) for name, function in _UNARY.items()},
    **{name: _binary(name, function) for name, function in _BINARY.items()},
    **{name: _reduction(name, function) for name, function in _REDUCTIONS.items()},
}


@writes
def matmul(a: Array, b: Array, transpose_a: bool = False, transpose_b: bool = False) -> Array:
    """The matrix product, of matrices or of stacks of them.

    >>> from caviar.dialects.tensorflow.operations import matmul
    >>> matmul([[1.0, 2.0]], [[3.0, 4.0]], transpose_b=True).shape
    (1, 1)
    """
    a, b = jnp.asarray(a), jnp.asarray(b)
    return jnp.matmul(a.swapaxes(-1, -2) if transpose_a else a, b.swapaxes(-1, -2) if transpose_b else b)


@writes
def tensordot(a: Array, b: Array, axes: Any) -> Array:
    """The product summed over axes."""
    return jnp.tensordot(jnp.asarray(a), jnp.asarray(b), axes)


@writes
def einsum(equation: str, *inputs: Array) -> Array:
    """Sums of products as the equation says: `einsum("ij,jk->ik", a, b)` is the matrix product.

    >>> from caviar.dialects.tensorflow.operations import einsum
    >>> einsum("ij,jk->ik", [[1.0]], [[2.0, 3.0]]).shape
    (1, 2)
    """
    return jnp.einsum(equation, *map(jnp.asarray, inputs))


@writes
def add_n(inputs: Any) -> Array:
    """The sum of a list of arrays."""
    return sum(map(jnp.asarray, inputs))


@writes
def argmax(input: Array, axis: int | None = None, dimension: int | None = None, output_type: Any = "int64") -> Array:
    """The place of the largest value along an axis, by default along the first.

    >>> from caviar.dialects.tensorflow.operations import argmax
    >>> argmax([[1.0, 3.0, 2.0]], axis=1).shape
    (1,)
    """
    return jnp.argmax(jnp.asarray(input), first(axis, dimension)).astype(as_dtype(output_type))


@writes
def argmin(input: Array, axis: int | None = None, dimension: int | None = None, output_type: Any = "int64") -> Array:
    """The place of the smallest value along an axis, by default along the first."""
    return jnp.argmin(jnp.asarray(input), first(axis, dimension)).astype(as_dtype(output_type))


@writes
def clip_by_value(t: Array, clip_value_min: Array, clip_value_max: Array) -> Array:
    """The values clipped to a range."""
    return jnp.clip(jnp.asarray(t), clip_value_min, clip_value_max)


@writes
def clip_by_norm(t: Array, clip_norm: Array, axes: Any = None) -> Array:
    """The array, scaled down to the norm `clip_norm` if its norm is larger."""
    t = jnp.asarray(t)
    norm = jnp.sqrt(jnp.sum(jnp.square(t), axis=tuple(axes) if axes else None, keepdims=True))
    return t * clip_norm / jnp.maximum(norm, clip_norm)


def global_norm(t_list: Any, name: str | None = None) -> Node:
    """The norm of all arrays as one vector; None is left out."""
    return _global_norm([tensor(t) for t in t_list if t is not None])


@writes
def _global_norm(t_list: Any) -> Array:
    return jnp.sqrt(sum(jnp.sum(jnp.square(t)) for t in t_list))


def clip_by_global_norm(
    t_list: Any, clip_norm: Any, use_norm: Any = None, name: str | None = None
) -> tuple[list[Any], Node]:
    """All arrays, scaled down by one factor to the global norm `clip_norm` if it is larger; and their global norm before.

    >>> from caviar.dialects.tensorflow.building import tensor
    >>> from caviar.dialects.tensorflow.operations import clip_by_global_norm
    >>> len(clip_by_global_norm([tensor([3.0, 4.0]), None], 1.0)[0])
    2
    """
    norm = global_norm(t_list) if use_norm is None else use_norm
    scale = TABLE["divide"](clip_norm, TABLE["maximum"](norm, clip_norm))
    return [None if t is None else TABLE["multiply"](t, scale) for t in t_list], norm


@writes
def norm(tensor: Array, ord: Any = "euclidean", axis: Any = None, keepdims: bool = False) -> Array:
    """The norm over axes, by default of all values as one vector."""
    x, order = jnp.asarray(tensor), 2 if ord == "euclidean" else ord
    return jnp.linalg.norm(x, order, axis, keepdims) if axis is not None else jnp.linalg.norm(x.ravel(), order)


@writes
def cumsum(x: Array, axis: int = 0) -> Array:
    """The running sum along an axis."""
    return jnp.cumsum(jnp.asarray(x), axis)


@writes
def cumprod(x: Array, axis: int = 0) -> Array:
    """The running product along an axis."""
    return jnp.cumprod(jnp.asarray(x), axis)


@writes
def diag(diagonal: Array) -> Array:
    """The matrix with this diagonal."""
    return jnp.diag(jnp.asarray(diagonal))


@writes
def trace(x: Array) -> Array:
    """The sum of the diagonal."""
    return jnp.trace(jnp.asarray(x))
