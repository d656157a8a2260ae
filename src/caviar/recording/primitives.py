"""JAX's primitives in NumPy: a table from a primitive's name to its function, or to a maker of one from its parameters.

What is not in the table is computed by XLA, with a kernel for each shape. The results are the same to rounding.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.special

from caviar.recording.gathering import assign, gather, scatter

Arrays = list[Any]


def _divide(a: Any, b: Any) -> Any:
    if a.dtype.kind == "f":
        return np.divide(a, b)
    return np.where(b == 0, -1, (a - np.fmod(a, b)) // np.where(b == 0, 1, b)).astype(a.dtype)  # towards zero


def _sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def _same(x: Any) -> Any:
    return x


ELEMENTWISE: dict[str, Callable[..., Any]] = {
    **{name: getattr(np, name) for name in (
        "abs", "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "cbrt", "ceil", "cos", "cosh", "exp", "exp2", "expm1",
        "floor", "log", "log1p", "nextafter", "sign", "sin", "sinh", "sqrt", "square", "tan", "tanh",
    )},
    **{name: getattr(np, numpy) for name, numpy in {
        "add": "add", "add_any": "add", "sub": "subtract", "mul": "multiply", "max": "maximum", "min": "minimum", "neg": "negative",
        "pow": "power", "rem": "fmod", "eq": "equal", "ne": "not_equal", "lt": "less", "le": "less_equal", "gt": "greater",
        "ge": "greater_equal", "and": "bitwise_and", "or": "bitwise_or", "xor": "bitwise_xor", "not": "bitwise_not",
        "is_finite": "isfinite", "shift_left": "left_shift",
    }.items()},
    **{name: getattr(scipy.special, special) for name, special in {
        "erf": "erf", "erfc": "erfc", "erf_inv": "erfinv", "lgamma": "gammaln", "digamma": "psi",
    }.items()},
    "div": _divide, "logistic": _sigmoid, "rsqrt": lambda x: 1 / np.sqrt(x),
    "copy": _same, "copy_p": _same, "stop_gradient": _same,
    "clamp": lambda low, x, high: np.minimum(np.maximum(x, low), high),
    "select_n": lambda which, *cases: np.where(which, cases[1], cases[0]) if which.dtype == bool else np.choose(which, cases),
}  # fmt: skip
"""Primitives without parameters that matter here."""


# -- shapes: each takes the primitive's parameters, and gives a function of arrays ------------------------------------


def _broadcast(shape: Any, broadcast_dimensions: Any, **_: Any) -> Any:
    def run(x: Any) -> Any:
        between = [1] * len(shape)
        for at, size in zip(broadcast_dimensions, np.shape(x), strict=True):
            between[at] = size
        return np.broadcast_to(np.reshape(x, between), shape)

    return run


def _reshape(new_sizes: Any, dimensions: Any = None, **_: Any) -> Any:
    return lambda x: np.reshape(x, new_sizes)


def _slice(start_indices: Any, limit_indices: Any, strides: Any = None, **_: Any) -> Any:
    steps = strides or [1] * len(start_indices)
    places = tuple(map(slice, start_indices, limit_indices, steps))
    return lambda x: x[places]


def _start(starts: Any, sizes: Any, shape: Any) -> tuple[slice, ...]:
    """The block of these sizes at these places, moved inside the array as XLA does."""
    at = [min(max(int(i), 0), n - size) for i, size, n in zip(starts, sizes, shape, strict=True)]
    return tuple(slice(i, i + size) for i, size in zip(at, sizes, strict=True))


def _dynamic_slice(slice_sizes: Any, **_: Any) -> Any:
    return lambda x, *starts: x[_start(starts, slice_sizes, x.shape)]


def _dynamic_update_slice(**_: Any) -> Any:
    def run(x: Any, block: Any, *starts: Any) -> Any:
        made = x.copy()
        made[_start(starts, block.shape, x.shape)] = block
        return made

    return run


def _pad(padding_config: Any) -> Any:
    def run(x: Any, value: Any) -> Any:
        for axis, (low, high, inside) in enumerate(padding_config):
            n = x.shape[axis]
            size = low + high + n + max(n - 1, 0) * inside
            first = -(-max(-low, 0) // (inside + 1))  # the first element that is not cut off
            made = np.full((*x.shape[:axis], size, *x.shape[axis + 1 :]), value, x.dtype)
            taken = made[(slice(None),) * axis + (slice(low + first * (inside + 1), None, inside + 1),)]
            count = min(taken.shape[axis], n - first)
            here = (slice(None),) * axis
            taken[(*here, slice(count))] = x[(*here, slice(first, first + count))]
            x = made
        return x

    return run


def _split(sizes: Any, axis: int) -> Any:
    ends = np.cumsum(sizes)[:-1]
    return lambda x: np.split(x, ends, axis)


def _iota(dtype: Any, shape: Any, dimension: int, **_: Any) -> Any:
    places = np.arange(shape[dimension], dtype=dtype)
    made = _broadcast(shape, (dimension,))(places)
    return lambda: made


# -- along dimensions -------------------------------------------------------------------------------------------------


def _reduce(ufunc: Any) -> Any:
    return lambda axes, **_: lambda x: ufunc.reduce(x, axis=tuple(axes), dtype=x.dtype)


def _extreme(ufunc: Any, of_nothing: float) -> Any:
    def make(axes: Any, **_: Any) -> Any:
        def run(x: Any) -> Any:
            start = None if x.size or x.dtype.kind != "f" else of_nothing
            return ufunc.reduce(x, axis=tuple(axes), dtype=x.dtype, initial=start)

        return run

    return make


def _where_most(function: Any) -> Any:
    return lambda axes, index_dtype: lambda x: function(x, axes[0]).astype(index_dtype)


def _accumulate(ufunc: Any) -> Any:
    def make(axis: int, reverse: bool) -> Any:
        if reverse:
            return lambda x: np.flip(ufunc.accumulate(np.flip(x, axis), axis, x.dtype), axis)
        return lambda x: ufunc.accumulate(x, axis, x.dtype)

    return make


def _sort(dimension: int, num_keys: int, **_: Any) -> Any:
    def run(*arrays: Any) -> Arrays:
        keys = arrays[:num_keys]
        order = np.argsort(keys[0], dimension, stable=True) if num_keys == 1 else np.lexsort(keys[::-1], dimension)
        return [np.take_along_axis(a, order, dimension) for a in arrays]

    return run


def _integer_pow(y: int) -> Any:
    return lambda x: x**y


def _round(rounding_method: Any) -> Any:
    if rounding_method.name == "TO_NEAREST_EVEN":
        return np.rint
    return lambda x: np.trunc(x + np.copysign(np.asarray(0.5, x.dtype), x))


def _dot(dimension_numbers: Any, preferred_element_type: Any = None, **_: Any) -> Any:
    (left, right), (left_batch, right_batch) = dimension_numbers

    def run(a: Any, b: Any) -> Any:
        if not left_batch and a.ndim == b.ndim == 2 and len(left) == 1:
            made = (a if left[0] else a.T) @ (b.T if right[0] else b)
        else:
            free = [i for i in range(a.ndim) if i not in left and i not in left_batch]
            other = [i for i in range(b.ndim) if i not in right and i not in right_batch]
            rows, columns = [a.shape[i] for i in free], [b.shape[i] for i in other]
            batch, inner = [a.shape[i] for i in left_batch], math.prod(a.shape[i] for i in left)
            x = a.transpose(*left_batch, *free, *left).reshape(*batch, math.prod(rows), inner)
            y = b.transpose(*right_batch, *right, *other).reshape(*batch, inner, math.prod(columns))
            made = np.matmul(x, y).reshape((*batch, *rows, *columns))
        return made if preferred_element_type is None else made.astype(preferred_element_type, copy=False)

    return run


MADE: dict[str, Callable[..., Any]] = {
    "broadcast_in_dim": _broadcast, "reshape": _reshape, "slice": _slice, "dynamic_slice": _dynamic_slice, "pad": _pad,
    "dynamic_update_slice": _dynamic_update_slice, "split": _split, "iota": _iota,
    "transpose": lambda permutation: lambda x: np.transpose(x, permutation),
    "squeeze": lambda dimensions: lambda x: np.squeeze(x, tuple(dimensions)),
    "expand_dims": lambda dimensions: lambda x: np.expand_dims(x, tuple(dimensions)),
    "rev": lambda dimensions: lambda x: np.flip(x, tuple(dimensions)),
    "stack": lambda axis: lambda *arrays: np.stack(arrays, axis),
    "unstack": lambda axis: lambda x: [np.squeeze(part, axis) for part in np.split(x, x.shape[axis], axis)],
    "tile": lambda reps: lambda x: np.tile(x, reps),
    "concatenate": lambda dimension: lambda *arrays: np.concatenate(arrays, dimension),
    "convert_element_type": lambda new_dtype, **_: lambda x: x.astype(new_dtype, copy=False),
    "reduce_sum": _reduce(np.add), "reduce_prod": _reduce(np.multiply), "reduce_max": _extreme(np.maximum, -np.inf),
    "reduce_min": _extreme(np.minimum, np.inf), "reduce_and": _reduce(np.bitwise_and), "reduce_or": _reduce(np.bitwise_or),
    "argmax": _where_most(np.argmax), "argmin": _where_most(np.argmin), "cumsum": _accumulate(np.add),
    "cumprod": _accumulate(np.multiply), "cummax": _accumulate(np.maximum), "cummin": _accumulate(np.minimum),
    "sort": _sort, "integer_pow": _integer_pow, "round": _round, "dot_general": _dot, "gather": gather,
    "scatter": scatter(assign), "scatter-add": scatter(np.add.at), "scatter-sub": scatter(np.subtract.at),
    "scatter-mul": scatter(np.multiply.at), "scatter-min": scatter(np.minimum.at), "scatter-max": scatter(np.maximum.at),
    "optimization_barrier": lambda: lambda *arrays: list(arrays),
}  # fmt: skip
"""Primitives with parameters: what takes these, and gives a function of arrays."""
