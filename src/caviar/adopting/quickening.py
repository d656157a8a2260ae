"""Functions of others, traced and written again where JAX's own operations are slow on a CPU, above all inside loops.

Convolutions, windows and sums are replaced by caviar's own (`layers/lowering`), before gradients are taken: so those are quick, too.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal

from caviar.layers.lowering.convolution import Window, slide
from caviar.layers.lowering.platform import materialized, uses_own_lowering
from caviar.layers.lowering.pooling import highest, total
from caviar.layers.lowering.sums import add, scale, sums

_LARGE = 2**14  # elements, below which a sum is quick however it is computed


def quick(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function of arrays, with quick operations in place of slow ones."""

    def quickened(*args: Any) -> Any:
        if not uses_own_lowering():
            return function(*args)
        traced, shapes = jax.make_jaxpr(function, return_shape=True)(*args)
        outputs = _evaluated(traced.jaxpr, traced.consts, jax.tree.leaves(args))
        return jax.tree.unflatten(jax.tree.structure(shapes), outputs)

    return quickened


def _evaluated(jaxpr: Jaxpr, consts: list[Any], args: list[Any]) -> list[Any]:
    """The outputs of a traced function; every operation that has a rule is computed by it."""
    values = dict(zip([*jaxpr.constvars, *jaxpr.invars], [*consts, *args], strict=True))

    def read(variable: Any) -> Any:
        return variable.val if isinstance(variable, Literal) else values[variable]

    for equation in jaxpr.eqns:
        found = _computed(equation, list(map(read, equation.invars)))
        values.update(zip(equation.outvars, found, strict=True))
    return list(map(read, jaxpr.outvars))


def _computed(equation: Any, given: list[Any]) -> list[Any]:
    name, params = equation.primitive.name, equation.params
    if name in ("jit", "pjit") and isinstance(params["jaxpr"], ClosedJaxpr):
        return _evaluated(params["jaxpr"].jaxpr, params["jaxpr"].consts, given)
    found = _RULES[name](*given, **params) if name in _RULES else None
    if found is not None:
        return [found.astype(equation.outvars[0].aval.dtype)]
    with equation.ctx.manager:
        found = equation.primitive.bind(*given, **equation.primitive.get_bind_params(params))
    return list(found) if equation.primitive.multiple_results else [found]


def _convolution(x: Any, kernel: Any, **params: Any) -> Any:
    spec, groups = params["dimension_numbers"], params["feature_group_count"]
    if params["batch_group_count"] > 1 or not 3 <= x.ndim <= 5:
        return None
    (n, c, *space), (o, i, *size), (on, oc, *ospace) = spec
    window = Window(*(tuple(params[p]) for p in ("window_strides", "padding", "lhs_dilation", "rhs_dilation")))
    y = slide(x.transpose(n, *space, c), kernel.transpose(*size, i, o), window, groups)
    return y.transpose(np.argsort((on, *ospace, oc)))


def _window(function: Any, x: Any, **params: Any) -> Any:
    """A reduction over windows along space, wherever the channels are."""
    sizes, strides, pads = (params[p] for p in ("window_dimensions", "window_strides", "padding"))
    dilated = {*params["base_dilation"], *params["window_dilation"]} != {1}
    if dilated or sizes[0] != 1 or not 3 <= x.ndim <= 5 or 1 not in (sizes[1], sizes[-1]):
        return None
    c = x.ndim - 1 if sizes[-1] == 1 else 1
    space = [axis for axis in range(1, x.ndim) if axis != c]
    own = (tuple(v[axis] for axis in space) for v in (sizes, strides, pads))
    return jnp.moveaxis(function(jnp.moveaxis(x, c, -1), *own), -1, c)


def _sum(x: Any, **params: Any) -> Any:
    over_rows = tuple(params["axes"]) == tuple(range(x.ndim - 1))
    return _summed(x) if over_rows and x.ndim > 2 and x.size >= _LARGE and _is_float(x) else None


def _broadcast(x: Any, *dynamic: Any, **params: Any) -> Any:
    shape, axes = params["shape"], params["broadcast_dimensions"]
    per_channel = bool(axes) and axes[-1] == len(shape) - 1 and x.size == x.shape[-1] == shape[-1]
    wide = len(shape) > 2 and np.prod(shape) >= _LARGE
    return _spread(x, tuple(shape), tuple(axes)) if per_channel and wide and _is_float(x) and not dynamic else None


def _with_channels(function: Any, x: Any, other: Any, **_: Any) -> Any:
    """An operation of a large array and one number for each channel, which has sums as its gradient."""
    wide, narrow = (x, other) if np.size(x) >= np.size(other) else (other, x)
    if np.ndim(wide) < 3 or wide.size < _LARGE or np.shape(narrow) != (1,) * (wide.ndim - 1) + wide.shape[-1:]:
        return None
    return function(wide, jnp.reshape(narrow, -1)) if _is_float(wide) and _is_float(narrow) else None


def _difference(x: Any, other: Any, **_: Any) -> Any:
    return _with_channels(add, x, -other) if np.size(x) > np.size(other) else None


def _is_float(x: Any) -> bool:
    return x.dtype == np.float32


@jax.custom_vjp
def _summed(x: Any) -> Any:
    return sums(x)


_summed.defvjp(lambda x: (sums(x), x.shape), lambda shape, dy: (jnp.broadcast_to(dy, shape),))


@partial(jax.custom_vjp, nondiff_argnums=(1, 2))
def _spread(x: Any, shape: Any, axes: Any) -> Any:
    return lax.broadcast_in_dim(x, shape, axes)


def _spread_backward(shape: Any, axes: Any, before: Any, dy: Any) -> Any:
    return (sums(materialized(dy)).reshape(before),)


_spread.defvjp(lambda x, shape, axes: (_spread(x, shape, axes), x.shape), _spread_backward)

_RULES: dict[str, Callable[..., Any]] = {
    "conv_general_dilated": _convolution,
    "reduce_window_max": partial(_window, highest),
    "reduce_window_sum": partial(_window, total),
    "reduce_sum": _sum,
    "broadcast_in_dim": _broadcast,
    "add": partial(_with_channels, add),
    "mul": partial(_with_channels, scale),
    "sub": _difference,
}
