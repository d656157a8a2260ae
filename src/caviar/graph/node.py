"""Nodes: the computation a user wrote down, before it is computed."""

from __future__ import annotations

import operator
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import numpy as np

from caviar import config, engine
from caviar.declarations import INT32_MAX, DataType, Each, Number, OneOf, Size
from caviar.errors import ArgumentError, BoundsError, nothing_foreign
from caviar.graph.runners import Runnable
from caviar.outside import spoken
from caviar.parts import Part

__all__ = ["Input", "KerasTensor", "Node", "Operation", "apply", "placeholder"]

Shape = tuple[int | None, ...]
SHAPE = Each(Number(least=1, most=INT32_MAX, whole=True) | OneOf(None), empty=True)

# Sizes that stand for an unknown axis while shapes are inferred; an axis that changes with them is unknown itself. They are
# primes that no network has, so that no other size equals one by chance.
UNKNOWN_SIZES = (7919, 7907)


class Node(Runnable, Part):
    """A value of the graph: an input, a variable, or an operation applied to nodes.

    >>> from caviar.graph import Node
    >>> from caviar.layers import Input
    >>> x = Input((3,))
    >>> isinstance(2 * x + 1, Node), (2 * x + 1).shape
    (True, (None, 3))
    """

    unwalked = Part.unwalked | {"shape", "dtype", "is_open"}
    __array_priority__ = 1000

    is_open = False  # whether its shape may change when ranges are closed

    def __init__(self, shape: Shape, dtype: str, name: str | None = None):
        self.shape: Any = tuple(shape)
        self.dtype = dtype
        self.name = name

    def __write__(self, writer: Any, number: int) -> Any:
        return writer.node(self, number)

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    def __len__(self) -> int:
        if not self.shape or self.shape[0] is None:
            raise TypeError(f"{self!r} has no known length")
        return int(self.shape[0])

    def __iter__(self) -> Iterator[Node]:
        return (self[i] for i in range(len(self)))

    def __bool__(self) -> bool:
        raise ArgumentError(
            f"{self!r} has no value yet, so Python's `if` and `while` cannot look at it: use caviar.ops.where"
        )

    def __float__(self) -> float:
        raise ArgumentError(f"{self!r} has no value yet: it is known where a model or a session computes it")

    __int__ = __float__

    def __neg__(self) -> Any:
        return apply(jnp.negative, self)

    def __abs__(self) -> Any:
        return apply(jnp.abs, self)

    def __getitem__(self, index: Any) -> Any:
        self._check_index(index)
        return apply(item, self, index)

    def _check_index(self, index: Any) -> None:
        """Raise for a place that no axis has: in a program it would be the nearest one, in silence."""
        parts = list(index) if isinstance(index, tuple) else [index]
        axes = [part for part in parts if part is not None and part is not Ellipsis]
        if any(not isinstance(part, (int, np.integer, slice)) for part in axes):
            return
        if Ellipsis in parts:
            parts[parts.index(Ellipsis) : parts.index(Ellipsis) + 1] = [slice(None)] * (len(self.shape) - len(axes))
        axes = [part for part in parts if part is not None]
        for axis, (part, size) in enumerate(zip(axes, self.shape, strict=False)):
            if not isinstance(part, slice) and size is not None and not -size <= part < size:
                raise BoundsError(f"index {part} is out of bounds for axis {axis} of {self!r}, which has size {size}")

    __hash__ = object.__hash__


KerasTensor = Node  # Keras' name


class Input(Node):
    """A leaf that is fed: `Input((28, 28, 1))` is a batch of such images, of any number.

    >>> from caviar.layers import Input
    >>> Input((28, 28, 1)).shape
    (None, 28, 28, 1)
    """

    def __init__(
        self,
        shape: Annotated[Any, SHAPE] | None = None,
        batch_size: Size | None = None,
        dtype: DataType | None = None,
        name: str | None = None,
        batch_shape: Annotated[Any, SHAPE] | None = None,
    ):
        if shape is None and batch_shape is None:
            raise ArgumentError("Input needs a shape, without the batch: Input((28, 28, 1))")
        whole = _as_shape(batch_shape) if batch_shape is not None else (batch_size, *_as_shape(shape))
        super().__init__(whole, jnp.dtype(dtype or config.floatx()).name, name or unique_name("input"))

    def __write__(self, writer: Any, number: int) -> Any:
        return writer.input(self, number)

    def __repr__(self) -> str:
        return f"Input({self.shape[1:]}, name={self.name!r})"


def placeholder(dtype: str | None = None, shape: Iterable[int | None] = (), name: str | None = None) -> Input:
    """A leaf that is fed, with its whole shape given.

    >>> from caviar.graph import placeholder
    >>> placeholder("float32", [3, 1]).shape
    (3, 1)
    """
    return Input(batch_shape=tuple(shape), dtype=dtype and np.dtype(dtype).name, name=name)


class Operation(Node):
    """A function or a layer applied to nodes. Made by `apply`, which knows the shape.

    >>> import jax.numpy as jnp
    >>> from caviar.graph import apply
    >>> from caviar.layers import Input
    >>> apply(jnp.tanh, Input((3,)))
    <tanh: shape=(None, 3), dtype=float32>
    """

    __array_ufunc__ = None  # NumPy cannot compute with it, and says so

    def __init__(self, function: Callable[..., Any], args: Any, kwargs: Any, shape: Shape, dtype: str):
        super().__init__(shape, dtype)
        self.function, self.args, self.kwargs = function, args, kwargs
        self.is_open = any(node.is_open for node in nodes_in((args, kwargs)))

    def __write__(self, writer: Any, number: int) -> Any:
        return writer.operation(self, number)

    def compute(self, known: dict[int, Any]) -> Any:
        """The value, from the values of the nodes before it."""
        args, kwargs = replace_nodes((self.args, self.kwargs), lambda node: known[id(node)])
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        name = getattr(self.function, "name", None) or getattr(self.function, "__name__", "operation")
        return f"<{name}: shape={self.shape}, dtype={self.dtype}>"


def item(value: Any, index: Any) -> Any:
    """`value[index]`, as an operation.

    >>> from caviar.graph.node import item
    >>> item([5, 6], 1)
    6
    """
    return value[index]


def nodes_in(tree: Any) -> list[Node]:
    """The nodes in nested tuples, lists and dicts, in order."""
    if isinstance(tree, Node):
        return [tree]
    if isinstance(tree, (tuple, list)):
        return [n for item in tree for n in nodes_in(item)]
    if isinstance(tree, dict):
        return [n for item in tree.values() for n in nodes_in(item)]
    return []


def replace_nodes(tree: Any, replace: Callable[[Node], Any]) -> Any:
    """The same nesting with every node replaced."""
    if isinstance(tree, Node):
        return replace(tree)
    if isinstance(tree, (tuple, list)):
        items = [replace_nodes(item, replace) for item in tree]
        return items if isinstance(tree, list) else type(tree)(*items) if hasattr(tree, "_fields") else tuple(items)
    if isinstance(tree, dict):
        return {key: replace_nodes(item, replace) for key, item in tree.items()}
    return tree


def in_order(outputs: Any) -> list[Node]:
    """All nodes that the outputs need, each after those it needs itself. Without recursion: graphs may be deep."""
    order: list[Node] = []
    seen: set[int] = set()
    stack: list[tuple[Node, bool]] = [(n, False) for n in reversed(nodes_in(outputs))]
    while stack:
        node, expanded = stack.pop()
        if expanded:
            order.append(node)
        elif id(node) not in seen:
            seen.add(id(node))
            before = nodes_in((node.args, node.kwargs)) if isinstance(node, Operation) else []
            stack.append((node, True))
            stack.extend((n, False) for n in reversed(before) if id(n) not in seen)
    return order


def compute(nodes: list[Any], known: dict[int, Any]) -> dict[int, Any]:
    """The values of nodes given in order, from those already known (inputs, variables)."""
    for node in nodes:
        if isinstance(node, Operation) and id(node) not in known:
            known[id(node)] = node.compute(known)
    return known


def infer(function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """The shapes and types that the function would give, with None for axes that depend on unknown ones."""
    first, second = (_trial(function, args, kwargs, size) for size in UNKNOWN_SIZES)
    return jax.tree.map(lambda a, b: (_common(a.shape, b.shape), str(a.dtype)), first, second)


def _trial(function: Callable[..., Any], args: Any, kwargs: Any, size: int) -> Any:
    nodes = nodes_in((args, kwargs))
    specs = [jax.ShapeDtypeStruct([size if d is None else d for d in n.shape], jnp.dtype(n.dtype)) for n in nodes]

    def run(*values: Any) -> Any:
        known = dict(zip(map(id, nodes), values, strict=True))
        given, named = replace_nodes((args, kwargs), lambda node: known[id(node)])
        return function(*given, **named)

    return engine.shapes_of(run, *specs)


def _common(a: Shape, b: Shape) -> Shape:
    return tuple(x if x == y else None for x, y in zip(a, b, strict=True))


def apply(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """The node of a function applied to nodes; a function with several results gives a node for each.

    >>> import jax.numpy as jnp
    >>> from caviar.graph import apply
    >>> from caviar.layers import Input
    >>> x = Input((3,))
    >>> apply(jnp.tanh, x).shape
    (None, 3)
    """
    return written(infer(function, args, kwargs), function, args, kwargs)


def _applied(function: Callable[..., Any], *args: Any) -> Any:
    """The node of an operator; what does not fit together is told in caviar's words."""
    with nothing_foreign(lambda: f"{function.__name__} of {spoken(args)}"):
        return apply(function, *args)


def written(spec: Any, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """The nodes of a function whose results have these shapes and types."""
    if _is_leaf(spec):
        return Operation(function, args, kwargs, *spec)
    whole = Operation(function, args, kwargs, (), "tuple")
    keys = spec if isinstance(spec, dict) else range(len(spec))
    items = {k: written(spec[k], operator.getitem, (whole, k), {}) for k in keys if spec[k] is not None}
    if isinstance(spec, dict):
        return items
    return type(spec)(*items.values()) if hasattr(spec, "_fields") else type(spec)(items.values())


def _is_leaf(spec: Any) -> bool:
    return isinstance(spec, tuple) and len(spec) == 2 and isinstance(spec[1], str)


def _as_shape(shape: Any) -> Shape:
    if hasattr(shape, "stands_for"):
        raise ArgumentError(
            f"the shape of an input or a variable is fixed, and {shape!r} was given: write one, as (28, 28)"
        )
    return (int(shape),) if isinstance(shape, (int, np.integer)) else tuple(shape)


_names: Counter[str] = Counter()
_lock = threading.Lock()


def forget_names() -> None:
    """Begin the numbers behind names anew."""
    with _lock:
        _names.clear()


def unique_name(stem: str) -> str:
    """The stem, or the stem with a number when it was given before: dense, dense_1, ..."""
    with _lock:
        count = _names[stem]
        _names[stem] += 1
    return f"{stem}_{count}" if count else stem


def _forward(function: Any) -> Callable[..., Any]:
    return lambda self, other: _applied(function, self, other)


def _reflected(function: Any) -> Callable[..., Any]:
    return lambda self, other: _applied(function, other, self)


_OPERATORS = {
    "add": jnp.add, "sub": jnp.subtract, "mul": jnp.multiply, "truediv": jnp.true_divide, "floordiv": jnp.floor_divide,
    "mod": jnp.mod, "pow": jnp.power, "matmul": jnp.matmul,
}  # fmt: skip
_COMPARISONS = {"lt": jnp.less, "le": jnp.less_equal, "gt": jnp.greater, "ge": jnp.greater_equal}

for _name, _function in _OPERATORS.items():
    setattr(Node, f"__{_name}__", _forward(_function))
    setattr(Node, f"__r{_name}__", _reflected(_function))
for _name, _function in _COMPARISONS.items():
    setattr(Node, f"__{_name}__", _forward(_function))
