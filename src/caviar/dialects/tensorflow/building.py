"""How TensorFlow's functions become nodes of caviar's graph: types, sizes, and the decorator that all of them use."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from caviar import config
from caviar.errors import CONFUSED, ArgumentError, CaviarError, ShapeError
from caviar.graph import Input, Node, Operation, apply, registry
from caviar.graph.node import SHAPE, UNKNOWN_SIZES, Shape, item, nodes_in, unique_name

__all__ = [
    "as_dtype",
    "constant",
    "float16",
    "float32",
    "float64",
    "int8",
    "int16",
    "int32",
    "int64",
    "placeholder",
    "placeholder_with_default",
    "uint8",
]  # fmt: skip

float16, float32, float64 = (np.dtype(f"float{n}") for n in (16, 32, 64))
int8, int16, int32, int64 = (np.dtype(f"int{n}") for n in (8, 16, 32, 64))
uint8, bool_ = np.dtype("uint8"), np.dtype("bool")


def as_dtype(dtype: Any) -> np.dtype[Any]:
    """The type that is meant: 'float' is float32, None the library's float type. int64 is int32 unless the library computes in float64.

    >>> from caviar.dialects.tensorflow.building import as_dtype, int64
    >>> as_dtype("float"), as_dtype(int64)
    (dtype('float32'), dtype('int32'))
    """
    if dtype is None:
        return np.dtype(config.floatx())
    wanted = np.dtype({"float": "float32"}.get(dtype, dtype) if isinstance(dtype, str) else dtype)
    found = np.dtype(jax.dtypes.canonicalize_dtype(wanted))
    if wanted == float64 != found:
        raise ArgumentError("tf.float64 needs double precision: call caviar.config.set_floatx('float64') first")
    return found


def as_array(value: Any, dtype: Any = None) -> np.ndarray:
    """A constant: floats in the library's float type unless a type is given."""
    try:
        array = np.asarray(value)
    except ValueError:  # rows of different lengths
        array = np.array(None)
    if array.dtype.kind not in "biuf" and array.dtype != jnp.bfloat16:
        raise ArgumentError(f"{value!r} is neither a number nor an array of numbers")
    return array.astype(as_dtype(dtype or (config.floatx() if array.dtype.kind == "f" else array.dtype)))


class Placeholder(Input):
    """A leaf that is fed. Without a shape it is taken for a number in the graph; arrays of any shape may be fed.

    >>> from caviar.dialects.tensorflow.building import Placeholder, float32
    >>> Placeholder(float32, (None, 3), "x")
    <placeholder 'x': shape=(None, 3), dtype=float32>
    """

    def __init__(self, dtype: Any, shape: Annotated[Any, SHAPE] | None, name: str | None):
        super().__init__(batch_shape=() if shape is None else shape, dtype=as_dtype(dtype).name, name=name)
        self.any_shape = shape is None

    def __repr__(self) -> str:
        return f"<placeholder {self.name!r}: shape={self.shape}, dtype={self.dtype}>"


class PlaceholderWithDefault(Operation):
    """A node that may be fed, and has a default value."""


def placeholder(dtype: Any, shape: Any = None, name: str | None = None) -> Placeholder:
    """A leaf that is fed: `session.run(y, feed_dict={x: array})`.

    Give the shape, with None for axes of any length, wherever an operation has to know the number of axes (reductions
    over an axis, products, indexing): without one the placeholder counts as a number until it is fed.

    >>> from caviar.dialects.tensorflow import placeholder
    >>> from caviar.dialects.tensorflow.building import float32
    >>> placeholder(float32, [3, 1], name="x")
    <placeholder 'x': shape=(3, 1), dtype=float32>
    """
    return Placeholder(dtype, shape, name or unique_name("Placeholder"))


def placeholder_with_default(input: Any, shape: Any, name: str | None = None) -> Operation:
    """A node that may be fed; its default is the value of `input`.

    >>> from caviar.dialects.tensorflow import placeholder_with_default
    >>> placeholder_with_default(1.0, shape=[]).shape
    ()
    """
    value = tensor(input)
    node = PlaceholderWithDefault(jnp.asarray, (value,), {}, tuple(shape), value.dtype)
    node.name = name or unique_name("PlaceholderWithDefault")
    return node


def constant(value: Any, dtype: Any = None, shape: Any = None, name: str | None = None) -> Operation:
    """A node with a constant value.

    >>> from caviar.dialects.tensorflow import constant
    >>> from caviar.dialects.tensorflow.building import float32
    >>> constant([1, 2, 3], dtype=float32).shape
    (3,)
    """
    array = as_array(value, dtype)
    return apply(jnp.asarray, array if shape is None else np.broadcast_to(array, tuple(shape)))


def tensor(value: Any, dtype: Any = None) -> Any:
    """A node, or anything array-like, as a node.

    >>> from caviar.dialects.tensorflow import constant
    >>> from caviar.dialects.tensorflow.building import tensor
    >>> tensor([1.0, constant(2.0)]).shape
    (2,)
    """
    if isinstance(value, Node):
        return value if dtype is None or as_dtype(dtype) == value.dtype else apply(jnp.asarray, value, as_dtype(dtype))
    return apply(jnp.stack, list(map(tensor, value))) if nodes_in(value) else constant(value, dtype)


class Axis(NamedTuple):
    """The length of an axis that is known only when values are fed: `tf.shape(x)[0]`."""

    of: Any
    at: int


def shape_of(x: Any) -> jax.Array:
    """The shape as a tensor."""
    return jnp.asarray(jnp.shape(x), jnp.int32)


def sizes(shape: Any) -> Any:
    """A shape as users write it, with `tf.shape(x)` and `tf.shape(x)[i]` made into axes that are looked up at each run.

    >>> from caviar.dialects.tensorflow.building import sizes
    >>> sizes([2, 3])
    (2, 3)
    """
    if isinstance(shape, Operation) and shape.function is shape_of:
        of = shape.args[0]
        return tuple(Axis(of, i) if known is None else known for i, known in enumerate(of.shape))
    if isinstance(shape, Node):
        raise ArgumentError(f"{shape!r} is not a shape that is known before the run: give ints, or tf.shape(x)")
    return tuple(map(_size, shape)) if np.ndim(shape) or nodes_in(shape) else (int(shape),)


def lengths(shape: Any) -> Any:
    """The shape of a new array, in which no size may be None.

    >>> from caviar.dialects.tensorflow.building import lengths
    >>> lengths([2, 0])
    (2, 0)
    """
    found = sizes(shape)
    if any(isinstance(size, int) and not isinstance(size, Axis) and size < 0 for size in found):
        raise ArgumentError(f"{shape!r} holds a size below 0")
    return found


def _size(size: Any) -> Any:
    if not isinstance(size, Node):
        return -1 if size is None else int(size)
    if isinstance(size, Operation) and size.function is item:
        source, at = size.args
        if isinstance(source, Operation) and source.function is shape_of:
            return Axis(source.args[0], at)
    raise ArgumentError(f"{size!r} is not a size that is known before the run: give an int, or tf.shape(x)[i]")


def known(shape: Any) -> Shape:
    """The sizes, when the arrays are known."""
    return tuple(jnp.shape(s.of)[s.at] if isinstance(s, Axis) else s for s in shape)


def first(*choices: int | None) -> int:
    """What was given under the first of an argument's several names, or 0.

    >>> from caviar.dialects.tensorflow.building import first
    >>> first(None, 1), first(None, None)
    (1, 0)
    """
    return next((c for c in choices if c is not None), 0)


def writes(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make a function of arrays return nodes instead; it takes `name=`, as every function of TensorFlow does.

    >>> import jax.numpy as jnp
    >>> from caviar.dialects.tensorflow import constant
    >>> from caviar.dialects.tensorflow.building import writes
    >>> writes(jnp.tanh)(constant(0.0), name="y")
    <tanh: shape=(), dtype=float32>
    """
    signature = inspect.signature(function)
    place = "tf.nn." if function.__module__.endswith(".nn") else "tf."
    registry.register({place + function.__name__: function})  # a file that holds this graph names it

    @functools.wraps(function)
    def write(*args: Any, name: str | None = None, **kwargs: Any) -> Any:
        signature.bind(*args, **kwargs)  # a wrong argument is Python's own error
        try:
            return apply(function, *args, **kwargs)
        except CaviarError:
            raise
        except CONFUSED as error:
            raise misfit(f"tf.{function.__name__.lstrip('_')}", (args, kwargs), error) from error

    write.tells_itself = True  # type: ignore[attr-defined]
    return write


def misfit(what: str, given: Any, error: Exception) -> ShapeError:
    """The error for arguments that do not fit together."""
    nodes = nodes_in(given)
    loose = [n.name for n in nodes if isinstance(n, Placeholder) and n.any_shape]
    hint = f"; placeholder {loose[0]!r} was made without a shape: give tf.placeholder(dtype, shape)" if loose else ""
    if any(None in n.shape for n in nodes) and any(None not in n.shape for n in nodes):
        hint += "; an axis of any length (None) goes with others such, not with one of a known length"
    shapes = ", ".join(str(n.shape) for n in nodes) or "no nodes"
    reason = str(error).splitlines()[0]
    for size in UNKNOWN_SIZES:
        reason = reason.replace(str(size), "None")
    return ShapeError(f"{what} was given {shapes}, which does not work: {reason}{hint}")
