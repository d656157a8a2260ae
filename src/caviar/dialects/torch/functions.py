"""Functions of tensors: one table, from which `torch.x(...)` and `Tensor.x(...)` are both made.

A new one is a function of arrays with PyTorch's argument names, entered with the number of its leading arguments that are
tensors or numbers; what follows them is structure.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from caviar import activations
from caviar.declarations import Counts
from caviar.dialects.torch import bounds, kinks
from caviar.dialects.torch.dtypes import dtype, held_as
from caviar.dialects.torch.tensor import Tensor, wrap
from caviar.errors import CONFUSED, DataError, ShapeError, retell
from caviar.graph.context import current
from caviar.outside import spoken
from caviar.recording.tensor import record as write_down
from caviar.telling import tells

Array = jax.Array
Dim = Any  # None, an int, or several


def operand(value: Any) -> Any:
    """A tensor or number as an input of a recorded call."""
    if value is None or isinstance(value, (Tensor, np.int32)) or type(value) in (int, float):
        return value
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (float, np.floating)):
        return float(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    return wrap(value)


def frozen(value: Any) -> Any:
    """A static argument as part of a structure: hashable, types as arrays hold them."""
    if value is None or type(value) in (int, float, str, bool):
        return value
    if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
        return tuple(frozen(v) for v in value)
    if isinstance(value, dtype):
        return held_as(value)
    if isinstance(value, Tensor):  # a number of a module is traced inside an evaluation
        return value.item() if current() is None else value.array()
    return value.item() if isinstance(value, np.generic) else value


def record(function: Any, *operands: Any, **static: Any) -> Any:
    """Record the call of a function of arrays, whose keyword arguments are static."""
    options = tuple([(k, frozen(v)) for k, v in static.items()]) if static else ()
    return write_down(Tensor, function, [v if type(v) is Tensor else operand(v) for v in operands], options)


def operation(function: Callable[..., Any], operands: int = 1, gathers: bool = False) -> Callable[..., Any]:
    """The function on tensors that a function on arrays means; `gathers` takes `(x, 2, 3)` for `(x, (2, 3))`.

    >>> from caviar.dialects.torch.functions import operation
    >>> import caviar.dialects.torch as torch
    >>> operation(lambda input, dim=None: input.sum(dim))(torch.ones(2, 3), dim=1)
    tensor([3., 3.])
    """
    parameters = list(inspect.signature(function).parameters.values())
    names = [p.name for p in parameters]
    leading = frozenset(names[:operands])

    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return record(function, *args) if len(args) == operands and not kwargs else arranged(args, kwargs)
        except CONFUSED as error:  # as `tells` does, written out: a call of it costs 4 % of recording
            retell(error, lambda: f"{function.__name__} of {spoken((*args, *kwargs.values()))}")
            raise

    def arranged(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if "out" in kwargs:
            return put_into(kwargs.pop("out"), call(*args, **kwargs))
        if gathers and len(args) > operands and not isinstance(args[operands], (tuple, list)):
            args = (*args[:operands], args[operands:])
        if kwargs:
            kwargs = {_SPELLINGS.get(k, k): v for k, v in kwargs.items()}
        if len(args) > len(names):
            raise TypeError(f"{function.__name__}() takes {', '.join(names)}, and was given {len(args)} arguments")
        if len(args) < operands or not leading.isdisjoint(kwargs):
            given = dict(zip(names, args, strict=False)) | kwargs
            defaults = {p.name: p.default for p in parameters if p.default is not p.empty}
            if missing := [n for n in names[:operands] if n not in given and n not in defaults]:
                raise TypeError(f"{function.__name__}() missing required arguments: {', '.join(missing)}")
            args = tuple(given.pop(n) if n in given else defaults[n] for n in names[:operands])
            return record(function, *args, **given)
        static = dict(zip(names[operands:], args[operands:], strict=False)) | kwargs if len(args) > operands else kwargs
        return record(function, *args[:operands], **static)

    call.__name__ = call.__qualname__ = function.__name__
    call.__doc__ = function.__doc__ or f"`{function.__name__}`, element by element."
    call.__wrapped__, call.tells_itself = function, True  # type: ignore[attr-defined]
    return call


def put_into(out: Tensor | None, result: Tensor) -> Tensor:
    """The result, written into `out` if that is given."""
    if out is None:
        return result
    if out.shape != result.shape:
        raise ShapeError(f"out= has shape {tuple(out.shape)}, and the result {tuple(result.shape)}")
    return out.become(result)


_SPELLINGS = {"axis": "dim", "keepdims": "keepdim", "self": "input"}


def floats(input: Array, name: str) -> Array:
    """An integer tensor as floats, where the result has fractions."""
    if not jnp.issubdtype(input.dtype, jnp.floating):
        raise DataError(f"{name} takes floats, and was given {input.dtype}: say x.float()")
    return input


# -- along dimensions -------------------------------------------------------------------------------------------------


def _summary(name: str, function: Any) -> Callable[..., Array]:
    def summary(input: Array, dim: Dim = None, keepdim: bool = False, dtype: Any = None) -> Array:
        input = input if dtype is None else input.astype(dtype)
        return function(input, axis=dim, keepdims=keepdim)

    summary.__name__, summary.__doc__ = name, f"The {name} of all elements, or along `dim`."
    return summary


def _where_most(name: str, function: Any) -> Callable[..., Array]:
    def arg(input: Array, dim: int | None = None, keepdim: bool = False) -> Array:
        return function(input, axis=dim, keepdims=keepdim)

    arg.__name__, arg.__doc__ = name, f"`{name}` of all elements, or along `dim`."
    return arg


def cumsum(input: Array, dim: int) -> Array:
    """The sums of the first 1, 2, 3, ... elements along `dim`."""
    return jnp.cumsum(input, dim)


def cumprod(input: Array, dim: int) -> Array:
    """The products of the first 1, 2, 3, ... elements along `dim`."""
    return jnp.cumprod(input, dim)


def softmax(input: Array, dim: int | None = None, dtype: Any = None) -> Array:
    """exp(x_i) / sum_j exp(x_j) along `dim`: probabilities that sum to 1."""
    return activations.softmax(
        floats(input if dtype is None else input.astype(dtype), "softmax"), -1 if dim is None else dim
    )


def log_softmax(input: Array, dim: int | None = None, dtype: Any = None) -> Array:
    """log(softmax(x)) along `dim`, computed without overflow."""
    return activations.log_softmax(
        floats(input if dtype is None else input.astype(dtype), "log_softmax"), -1 if dim is None else dim
    )


def logsumexp(input: Array, dim: Dim, keepdim: bool = False) -> Array:
    """The logarithm of the sum of exponentials along `dim`."""
    return jax.scipy.special.logsumexp(input, axis=dim, keepdims=keepdim)


# -- of two -----------------------------------------------------------------------------------------------------------


def add(input: Array, other: Any, alpha: Any = 1) -> Array:
    """`input + alpha * other`."""
    return jnp.add(input, other if alpha == 1 else alpha * other)


def sub(input: Array, other: Any, alpha: Any = 1) -> Array:
    """`input - alpha * other`."""
    return jnp.subtract(input, other if alpha == 1 else alpha * other)


def rsub(input: Array, other: Any) -> Array:
    """`other - input`."""
    return jnp.subtract(other, input)


def div(input: Array, other: Any, rounding_mode: str | None = None) -> Array:
    """`input / other`, rounded to "floor" or "trunc" if wanted."""
    if rounding_mode == "floor":
        return jnp.floor_divide(input, other)
    quotient = jnp.true_divide(input, other)
    return jnp.trunc(quotient) if rounding_mode == "trunc" else quotient


def rdiv(input: Array, other: Any) -> Array:
    """`other / input`."""
    return jnp.true_divide(other, input)


def powers(input: Array, exponent: Any) -> Array:
    """`input ** exponent` for an exponent that is structure, so that squares are products."""
    return jnp.power(input, exponent)


def rpow(input: Array, other: Any) -> Array:
    """`other ** input`."""
    return jnp.power(other, input)


def where(condition: Array, input: Any, other: Any) -> Array:
    """`input` where the condition is true, else `other`."""
    return jnp.where(condition, input, other)


def masked_fill(input: Array, mask: Array, value: Any) -> Array:
    """`value` where the mask is true."""
    return jnp.where(mask, jnp.asarray(value, input.dtype), input)


def isclose(input: Array, other: Array, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> Array:
    """Whether elements are nearly the same: |input - other| <= atol + rtol |other|."""
    return jnp.isclose(input, other, rtol, atol, equal_nan)


def lerp(input: Array, end: Array, weight: Any) -> Array:
    """`input + weight * (end - input)`."""
    return input + weight * (end - input)


def gather(input: Array, index: Array, dim: int) -> Array:
    """The elements at the indices along `dim`."""
    return jnp.take_along_axis(input, index, dim)


def index_select(input: Array, index: Array, dim: int) -> Array:
    """Whole slices at the indices along `dim`."""
    return jnp.take(input, index, dim)


# -- shapes -----------------------------------------------------------------------------------------------------------


def repeat(input: Array, repeats: Counts) -> Array:
    """The tensor repeated so many times along each dimension."""
    return jnp.tile(input, repeats)


def roll(input: Array, shifts: Any, dims: Dim = None) -> Array:
    """The elements shifted along dimensions; those that leave one end enter at the other."""
    return jnp.roll(input, shifts, dims)


def flip(input: Array, dims: Dim) -> Array:
    """The elements in reverse order along dimensions."""
    return jnp.flip(input, dims)


def expand(input: Array, size: Any) -> Array:
    """Dimensions of size 1 repeated; -1 leaves one as it is."""
    missing = len(size) - input.ndim
    sizes = [input.shape[i - missing] if n == -1 else n for i, n in enumerate(size)]
    return jnp.broadcast_to(input, sizes)


def tril(input: Array, diagonal: int = 0) -> Array:
    """The lower triangle, zeros elsewhere."""
    return jnp.tril(input, diagonal)


def triu(input: Array, diagonal: int = 0) -> Array:
    """The upper triangle, zeros elsewhere."""
    return jnp.triu(input, diagonal)


class Entry(NamedTuple):
    """A row of the table."""

    function: Callable[..., Any]
    operands: int = 1
    gathers: bool = False


def _named(name: str, function: Any) -> Callable[..., Any]:
    def renamed(input: Array) -> Array:
        return function(input)

    renamed.__name__ = renamed.__qualname__ = name
    return renamed


def _named2(name: str, function: Any) -> Callable[..., Any]:
    def renamed(input: Array, other: Any) -> Array:
        return function(input, other)

    renamed.__name__ = renamed.__qualname__ = name
    return renamed


TABLE: dict[str, Entry] = {
    **{name: Entry(_named(name, getattr(jnp, numpy))) for name, numpy in {
        **{n: n for n in ("ceil", "cos", "cosh", "exp", "exp2", "expm1", "floor", "isfinite", "isinf", "isnan", "log",
            "log10", "log1p", "log2", "logical_not", "reciprocal", "round", "sign", "sin", "sinh", "sqrt", "square", "tan",
            "tanh", "trunc")},
        "acos": "arccos", "asin": "arcsin", "atan": "arctan", "neg": "negative", "bitwise_not": "bitwise_not",
    }.items()},
    **{name: Entry(_named(name, function)) for name, function in {
        "erf": jax.scipy.special.erf, "rsqrt": jax.lax.rsqrt, "trace": jnp.trace, "abs": kinks.magnitude,
        "absolute": kinks.magnitude, "relu": activations.relu, "sigmoid": activations.sigmoid,
        "lgamma": jax.scipy.special.gammaln, "logit": jax.scipy.special.logit,
    }.items()},
    **{name: Entry(_named2(name, getattr(jnp, numpy)), 2) for name, numpy in {
        "mul": "multiply", "maximum": "maximum", "minimum": "minimum", "atan2": "arctan2", "remainder": "mod", "fmod": "fmod",
        "floor_divide": "floor_divide", "eq": "equal", "ne": "not_equal", "lt": "less", "le": "less_equal", "gt": "greater",
        "ge": "greater_equal", "logical_and": "logical_and", "logical_or": "logical_or", "logical_xor": "logical_xor",
        "bitwise_and": "bitwise_and", "bitwise_or": "bitwise_or", "bitwise_xor": "bitwise_xor", "matmul": "matmul",
        "mm": "matmul", "bmm": "matmul", "mv": "matmul", "dot": "dot", "outer": "outer",
    }.items()},
    **{name: Entry(_summary(name, function)) for name, function in {
        "sum": jnp.sum, "mean": jnp.mean, "prod": jnp.prod, "any": jnp.any, "all": jnp.all, "amax": jnp.max, "amin": jnp.min,
    }.items()},
    "var": Entry(kinks.var), "std": Entry(kinks.std), "norm": Entry(kinks.norm), "isclose": Entry(isclose, 2),
    "argmax": Entry(_where_most("argmax", jnp.argmax)), "argmin": Entry(_where_most("argmin", jnp.argmin)),
    "cumsum": Entry(cumsum), "cumprod": Entry(cumprod), "softmax": Entry(softmax), "log_softmax": Entry(log_softmax),
    "logsumexp": Entry(logsumexp), "add": Entry(add, 2), "sub": Entry(sub, 2), "rsub": Entry(rsub, 2), "div": Entry(div, 2),
    "clamp": Entry(kinks.clamp, 3), "where": Entry(where, 3), "masked_fill": Entry(masked_fill, 3), "lerp": Entry(lerp, 3),
    "repeat": Entry(repeat, 1, True), "roll": Entry(roll), "flip": Entry(flip, 1, True), "expand": Entry(expand, 1, True),
    "tril": Entry(tril), "triu": Entry(triu),
}  # fmt: skip

ALIASES = {"subtract": "sub", "multiply": "mul", "divide": "div", "true_divide": "div", "clip": "clamp", "negative": "neg",
    "greater": "gt", "greater_equal": "ge", "less": "lt", "less_equal": "le", "not_equal": "ne"}  # fmt: skip

FUNCTIONS: dict[str, Callable[..., Any]] = {name: operation(*entry) for name, entry in TABLE.items()}
FUNCTIONS |= {alias: FUNCTIONS[name] for alias, name in ALIASES.items()}
_gather, _select = operation(gather, 2), operation(index_select, 2)


def _pow(input: Any, exponent: Any) -> Tensor:
    """`input ** exponent`."""
    if isinstance(exponent, Tensor):
        return record(jnp.power, input, exponent)
    return record(powers, input, exponent=float(exponent) if isinstance(exponent, float) else int(exponent))


def _where(condition: Any, input: Any = None, other: Any = None) -> Any:
    """`input` where the condition is true, else `other`; of a condition alone, the places where it is true."""
    if input is None:
        return tuple(wrap(at.astype(np.int32)) for at in np.nonzero(np.asarray(wrap(condition).array())))
    return record(where, condition, input, other)


def _gathered(input: Any, dim: int, index: Any) -> Tensor:
    """The elements at the indices along `dim`."""
    bounds.check_inside(index, input.shape[dim], "index")
    return _gather(input, index, dim=dim)


def _selected(input: Any, dim: int, index: Any) -> Tensor:
    """Whole slices at the indices along `dim`."""
    bounds.check_inside(index, input.shape[dim], "index")
    return _select(input, index, dim=dim)


FUNCTIONS |= {
    "pow": tells(_pow, "pow"),
    "where": tells(_where, "where"),
    "gather": tells(_gathered, "gather"),
    "index_select": tells(_selected, "index_select"),
}
