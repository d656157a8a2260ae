"""The table of operations: functions that compute on arrays and write the graph down on nodes. Public as `caviar.ops`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from caviar import engine
from caviar.graph.node import apply, nodes_in


def operation(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let a function of arrays also take nodes.

    >>> from caviar.graph import Input
    >>> operation(jnp.tanh)(Input((3,))).shape
    (None, 3)
    """

    @functools.wraps(function)
    def either(*args: Any, **kwargs: Any) -> Any:
        if nodes_in((args, kwargs)):
            return apply(function, *args, **kwargs)
        with engine.own_rules():
            return function(*args, **kwargs)

    return either


def cast(x: jax.Array, dtype: Any) -> jax.Array:
    """The array in another type."""
    return x.astype(jnp.dtype(dtype))


def convert_to_tensor(x: Any, dtype: Any = None) -> jax.Array:
    """Anything array-like as an array."""
    return jnp.asarray(x, dtype)


def shape(x: Any) -> tuple[int | None, ...]:
    """The shape as a tuple, None where it is not known.

    >>> shape(jnp.ones((2, 3)))
    (2, 3)
    """
    return tuple(x.shape)


# name in caviar.ops -> function of arrays; Keras' names where it has one
TABLE: dict[str, Callable[..., Any]] = {
    **{name: getattr(jnp, name) for name in (
        "abs", "add", "all", "any", "arange", "arccos", "arcsin", "arctan", "arctan2", "argmax", "argmin", "argsort", "array",
        "average", "broadcast_to", "ceil", "clip", "concatenate", "cos", "cosh", "cross", "cumprod", "cumsum", "diag",
        "divide", "dot", "einsum", "equal", "exp", "expand_dims", "expm1", "eye", "flip", "floor", "floor_divide",
        "full", "full_like", "greater", "greater_equal", "isfinite", "isinf", "isnan", "less", "less_equal", "linspace",
        "log", "log10", "log1p", "log2", "logaddexp", "logical_and", "logical_not", "logical_or", "matmul", "max", "maximum", "mean",
        "median", "min", "minimum", "mod", "moveaxis", "multiply", "negative", "not_equal", "ones", "ones_like", "outer",
        "pad", "power", "prod", "ravel", "reciprocal", "repeat", "reshape", "roll", "round", "sign", "sin", "sinh", "sort",
        "split", "sqrt", "square", "squeeze", "stack", "std", "subtract", "sum", "swapaxes", "take", "take_along_axis", "tan", "tanh",
        "tensordot", "tile", "trace", "transpose", "tril", "triu", "true_divide", "var", "vdot", "where", "zeros", "zeros_like",
    )},
    **{name: getattr(jax.nn, name) for name in ("logsumexp", "one_hot")},
    "cast": cast,
    "convert_to_tensor": convert_to_tensor,
    "erf": jax.scipy.special.erf,
    "norm": jnp.linalg.norm,
    "rsqrt": jax.lax.rsqrt,
    "stop_gradient": jax.lax.stop_gradient,
    "top_k": jax.lax.top_k,
    "segment_sum": jax.ops.segment_sum,
    "scan": jax.lax.scan,
    "vectorized_map": jax.vmap,
}  # fmt: skip
