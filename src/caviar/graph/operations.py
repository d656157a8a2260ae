"""The table of operations: functions that compute on arrays and write the graph down on nodes. Public as `caviar.ops`."""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from caviar import config, engine
from caviar.errors import ArgumentError, nothing_foreign
from caviar.graph.evaluation import current
from caviar.graph.node import apply, nodes_in
from caviar.numbers import spoken


def operation(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let a function of arrays also take nodes.

    >>> import jax.numpy as jnp
    >>> from caviar.graph.operations import operation
    >>> from caviar.graph import Input
    >>> operation(jnp.tanh)(Input((3,))).shape
    (None, 3)
    """

    known = list(inspect.signature(function).parameters)
    shape_at = known.index("shape") if "shape" in known else len(known)

    @functools.wraps(function)
    def either(*args: Any, **kwargs: Any) -> Any:
        told = nothing_foreign(lambda: f"{function.__name__} of {spoken(args)}")
        with told if current() is None else contextlib.nullcontext():  # a layer says itself what it was given
            if nodes_in((args[shape_at : shape_at + 1], kwargs.get("shape"))):
                raise ArgumentError(
                    f"{function.__name__} takes a shape of whole numbers, and not a node, whose value is not known"
                )
            if nodes_in((args, kwargs)):
                return apply(function, *args, **kwargs)
            with engine.own_rules():
                return function(*args, **kwargs)

    return either


def cast(x: Any, dtype: Any) -> jax.Array:
    """The array in another type."""
    return jnp.asarray(x).astype(jnp.dtype(dtype))


def convert_to_tensor(x: Any, dtype: Any = None) -> jax.Array:
    """Anything array-like as an array."""
    return jnp.asarray(x, dtype)


def shape(x: Any) -> tuple[int | None, ...]:
    """The shape as a tuple, None where it is not known.

    >>> import jax.numpy as jnp
    >>> from caviar.ops import shape
    >>> shape(jnp.ones((2, 3)))
    (2, 3)
    """
    return tuple(x.shape)


def full(shape: Any, fill_value: Any, dtype: Any = None) -> jax.Array:
    """An array of one value, of floats unless said otherwise."""
    return jnp.full(shape, fill_value, dtype or config.floatx())


def one_hot(x: Any, num_classes: int, axis: int = -1, dtype: Any = None) -> jax.Array:
    """A row of zeros with a one at each number's place."""
    return jax.nn.one_hot(x, num_classes, axis=axis, dtype=dtype or config.floatx())


def pad(x: Any, pad_width: Any, mode: str = "constant", constant_values: Any = None) -> jax.Array:
    """The array with more entries before and behind each axis."""
    return jnp.pad(
        jnp.asarray(x), pad_width, mode, **({} if constant_values is None else {"constant_values": constant_values})
    )


def take_along_axis(x: Any, indices: Any, axis: int | None = None) -> jax.Array:
    """The entries at these places of an axis, or of the flattened array."""
    return jnp.take_along_axis(x, jnp.asarray(indices), axis)


def top_k(x: Any, k: int, sorted: bool = True) -> list[jax.Array]:
    """The k largest entries of the last axis, the largest first, and their places."""
    del sorted  # sorted is what they are
    return list(jax.lax.top_k(x, k))


def unstack(x: Any, num: int | None = None, axis: int = 0) -> list[jax.Array]:
    """The slices along an axis."""
    del num  # the array knows
    return list(jnp.moveaxis(x, axis, 0))


def vectorized_map(function: Callable[..., Any], elements: Any) -> Any:
    """A function of one element, applied to all elements of an array at once."""
    return jax.vmap(function)(elements)


def gelu(x: Any, approximate: bool = True) -> jax.Array:
    """x times the normal distribution's share below it; by default its approximation by a tanh."""
    return jax.nn.gelu(x, approximate)


def in_keras_words(function: Callable[..., Any], words: str) -> Callable[..., Any]:
    """A function of arrays that takes its arguments in Keras' order and names, and lists and numbers for arrays.

    The words before the "/" are arguments that the function takes by place, those behind it by these names.

    >>> import jax.numpy as jnp
    >>> from caviar.graph.operations import in_keras_words
    >>> in_keras_words(jnp.clip, "x x_min x_max /")([1, 5], x_min=2, x_max=3).tolist()
    [2, 3]
    """
    placed, named = (part.split() for part in words.split("/"))
    arrays = {"x", "x1", "x2", "indices", "weights"}

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if len(args) > len(placed) + len(named):
            raise TypeError(
                f"{function.__name__} takes {', '.join([*placed, *named])}, and was given {len(args)} arguments"
            )
        given = {**dict(zip([*placed, *named], args, strict=False)), **kwargs}
        given = {name: _as_array(v) if name in arrays else v for name, v in given.items()}
        first = [given.pop(name) for name in placed if name in given]
        return function(*first, **given)

    return call


def _as_array(value: Any) -> Any:
    return jnp.asarray(value) if isinstance(value, (list, tuple)) else value


def _of_floats(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function whose results are floats, of whole numbers too."""
    return functools.wraps(function)(lambda x: function(jnp.asarray(x) * 1.0))


_ELEMENTWISE = "x /"
_PAIRWISE = "x1 x2 /"
_REDUCING = "x / axis keepdims"
_WORDS = {
    _ELEMENTWISE: "abs arccos arcsin arctan cos cosh exp expm1 isfinite isinf isnan log log10 log1p log2 logical_not "
    "negative ravel reciprocal sign sin sinh sqrt square tan tanh",
    _PAIRWISE: "add arctan2 divide dot equal floor_divide greater greater_equal less less_equal logaddexp logical_and "
    "logical_or matmul maximum minimum mod multiply not_equal outer power subtract true_divide vdot",
    _REDUCING: "all any argmax argmin mean median std var",
    "x / axis keepdims initial": "max min",
    "x / axis keepdims dtype": "prod sum",
    "x / axis dtype": "cumprod cumsum",
    "x / axis weights": "average",
    "x / dtype": "array ones_like zeros_like",
    "x / k": "diag tril triu",
    "x / axes": "transpose",
    "x / decimals": "round",
    "x / offset axis1 axis2": "trace",
    "x axis /": "expand_dims",
    "x axis1 axis2 /": "swapaxes",
    "x fill_value / dtype": "full_like",
    "x indices / axis": "take",
    "x indices_or_sections / axis": "split",
    "x newshape /": "reshape",
    "x repeats /": "tile",
    "x repeats / axis": "repeat",
    "x shape /": "broadcast_to",
    "x shift / axis": "roll",
    "x source destination /": "moveaxis",
    "x x_min x_max /": "clip",
    "x1 x2 / axes": "tensordot",
    "x1 x2 / axisa axisb axisc axis": "cross",
    "x / axis": "argsort flip sort squeeze stack",
    "xs / axis": "concatenate",
    "condition x1 x2 /": "where",
    "shape / dtype": "ones zeros",
}
"""How Keras writes the arguments of NumPy's functions."""

# name in caviar.ops -> function of arrays; Keras' names where it has one
TABLE: dict[str, Callable[..., Any]] = {
    **{name: in_keras_words(getattr(jnp, name), words) for words, names in _WORDS.items() for name in names.split()},
    **{name: getattr(jnp, name) for name in ("arange", "einsum", "eye", "linspace")},
    **{name: in_keras_words(_of_floats(getattr(jnp, name)), _ELEMENTWISE) for name in ("ceil", "floor")},
    "cast": cast,
    "convert_to_numpy": np.array,
    "convert_to_tensor": convert_to_tensor,
    "erf": jax.scipy.special.erf,
    "full": full,
    "gelu": gelu,
    "logsumexp": in_keras_words(jax.nn.logsumexp, _REDUCING),
    "norm": in_keras_words(jnp.linalg.norm, "x / ord axis keepdims"),
    "one_hot": one_hot,
    "pad": pad,
    "rsqrt": in_keras_words(jax.lax.rsqrt, _ELEMENTWISE),
    "segment_sum": in_keras_words(jax.ops.segment_sum, "data segment_ids num_segments sorted /"),
    "stop_gradient": in_keras_words(jax.lax.stop_gradient, "variable /"),
    "take_along_axis": take_along_axis,
    "top_k": top_k,
    "scan": jax.lax.scan,
    "unstack": unstack,
    "vectorized_map": vectorized_map,
}
TABLE["absolute"] = TABLE["abs"]
