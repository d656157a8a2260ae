"""Whether a function computes each value from one value."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from caviar import config, engine

_BY_ELEMENT = {
    "abs", "acos", "acosh", "add", "and", "asin", "asinh", "atan", "atan2", "atanh", "cbrt", "ceil", "clamp", "copy",
    "cos", "convert_element_type", "cosh", "div", "eq", "erf", "erf_inv", "erfc", "exp", "exp2", "expm1", "floor",
    "ge", "gt", "integer_pow", "is_finite", "le", "log", "log1p", "logistic", "lt", "max", "min", "mul", "ne", "neg",
    "not", "or", "pow", "rem", "round", "rsqrt", "select_n", "sign", "sin", "sinh", "sqrt", "square", "stop_gradient",
    "sub", "tan", "tanh",
}  # fmt: skip
_WRAPPERS = {"jit": "jaxpr", "pjit": "jaxpr", "custom_jvp_call": "call_jaxpr", "custom_vjp_call": "call_jaxpr"}


def by_element(function: Any) -> bool:
    """Whether a function works element by element: it may say so itself, else its operations are looked at.

    >>> import jax
    >>> from caviar.elementwise import by_element
    >>> by_element(jax.nn.relu), by_element(jax.nn.softmax)
    (True, False)
    """
    said = getattr(function, "by_element", None)
    return bool(said) if said is not None else _traced_by_element(function)


@functools.lru_cache(maxsize=256)
def _traced_by_element(function: Callable[..., Any]) -> bool:
    try:
        with engine.own_rules():
            made = jax.make_jaxpr(function)(jax.ShapeDtypeStruct((3, 5), jnp.dtype(config.floatx())))
    except Exception:  # a function of the user's may raise anything
        return False
    return [v.aval.shape for v in made.jaxpr.outvars] == [(3, 5)] and _is_by_element(made.jaxpr)


def _is_by_element(jaxpr: Any) -> bool:
    """Whether there are only operations on single elements, with constants that are the same for all."""
    if any(v.aval.shape for v in jaxpr.constvars):
        return False
    for equation in jaxpr.eqns:
        name = equation.primitive.name
        if name in _WRAPPERS:
            inner = equation.params[_WRAPPERS[name]]
            if not _is_by_element(getattr(inner, "jaxpr", inner)):
                return False
        elif name == "broadcast_in_dim":
            if any(v.aval.shape for v in equation.invars):
                return False
        elif name not in _BY_ELEMENT:
            return False
    return True
