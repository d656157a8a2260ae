"""TensorFlow 1's default graph: its variables, their names, and the scopes that name them."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

from caviar.errors import ArgumentError, unknown_name

__all__ = [
    "AUTO_REUSE", "Graph", "GraphKeys", "control_dependencies", "get_collection", "get_default_graph",
    "global_variables", "name_scope", "reset_default_graph", "trainable_variables", "variable_scope",
]  # fmt: skip


class Scope(NamedTuple):
    """A `with tf.variable_scope(name, reuse)` or `tf.name_scope(name)` under way."""

    name: str
    reuse: Any
    of_variables: bool


class Graph:
    """The variables of a graph, by name. Its nodes are not listed: each holds what it is computed from.

    >>> from caviar.dialects.tensorflow import Graph, get_default_graph
    >>> with Graph().as_default() as graph:
    ...     get_default_graph() is graph
    True
    """

    def __init__(self) -> None:
        self.variables: list[Any] = []
        self.shared: dict[str, Any] = {}  # made by get_variable
        self.seed: int | None = None
        self.scopes: list[Scope] = []
        self.names: Counter[str] = Counter()
        self.draws = 0

    @contextlib.contextmanager
    def as_default(self) -> Iterator[Graph]:
        """Make this the default graph inside a `with` block."""
        _stack.append(self)
        try:
            yield self
        finally:
            _stack.remove(self)

    def unique(self, name: str) -> str:
        """The name, or the name with a number when it was given before: Variable, Variable_1, ..."""
        count = self.names[name]
        self.names[name] += 1
        return f"{name}_{count}" if count else name

    def prefixed(self, name: str, only_variable_scopes: bool = False) -> str:
        """The name with those of the scopes under way before it."""
        return "/".join([s.name for s in self.scopes if s.of_variables or not only_variable_scopes] + [name])

    @contextlib.contextmanager
    def inside(self, scope: Scope) -> Iterator[str]:
        """Name what is made inside a `with` block."""
        self.scopes.append(scope)
        try:
            yield "/".join(s.name for s in self.scopes)
        finally:
            self.scopes.pop()

    def get_collection(self, key: str) -> list[Any]:
        """The variables of a kind; the collection of update operations is empty, since nothing here makes any."""
        found = {
            GraphKeys.GLOBAL_VARIABLES: self.variables,
            GraphKeys.TRAINABLE_VARIABLES: [v for v in self.variables if v.trainable],
            GraphKeys.UPDATE_OPS: [],
        }
        if key not in found:
            raise unknown_name("collection", key, found)
        return list(found[key])


class GraphKeys:
    """The names of the collections."""

    GLOBAL_VARIABLES = "variables"
    TRAINABLE_VARIABLES = "trainable_variables"
    UPDATE_OPS = "update_ops"


_stack: list[Graph] = [Graph()]
AUTO_REUSE = "auto"


def get_default_graph() -> Graph:
    """The present default graph.

    >>> from caviar.dialects.tensorflow import get_default_graph
    >>> get_default_graph() is get_default_graph()
    True
    """
    return _stack[-1]


def reset_default_graph() -> None:
    """Begin an empty default graph; variables made before belong to the old one.

    >>> from caviar.dialects.tensorflow import reset_default_graph
    >>> from caviar.dialects.tensorflow.graphs import global_variables
    >>> reset_default_graph(); global_variables()
    []
    """
    if len(_stack) > 1:
        raise ArgumentError("tf.reset_default_graph() does not work inside `with graph.as_default():`")
    _stack[-1] = Graph()


def global_variables() -> list[Any]:
    """All variables of the graph, those of optimizers included."""
    return get_default_graph().get_collection(GraphKeys.GLOBAL_VARIABLES)


def trainable_variables() -> list[Any]:
    """The variables that `minimize` changes."""
    return get_default_graph().get_collection(GraphKeys.TRAINABLE_VARIABLES)


def get_collection(key: str) -> list[Any]:
    """The variables of a kind: `tf.get_collection(tf.GraphKeys.TRAINABLE_VARIABLES)`.

    >>> from caviar.dialects.tensorflow import GraphKeys
    >>> from caviar.dialects.tensorflow.graphs import get_collection
    >>> get_collection(GraphKeys.UPDATE_OPS)
    []
    """
    return get_default_graph().get_collection(key)


def name_scope(name: str) -> contextlib.AbstractContextManager[str]:
    """Put a name before those of the variables made inside a `with` block; not before those of `get_variable`.

    >>> from caviar.dialects.tensorflow.graphs import name_scope
    >>> with name_scope("layer") as scope:
    ...     scope
    'layer'
    """
    return get_default_graph().inside(Scope(name, None, False))


def variable_scope(name: str, reuse: Any = None) -> contextlib.AbstractContextManager[str]:
    """Put a name before those of the variables made inside a `with` block.

    With `reuse=True` `get_variable` gives the variables that are there, with `reuse=tf.AUTO_REUSE` those and new ones.
    """
    return get_default_graph().inside(Scope(name, reuse, True))


def control_dependencies(control_inputs: Any) -> contextlib.AbstractContextManager[None]:
    """Accepted for an empty list only: a run computes its fetches from the values before it, so there is no order to control.

    >>> from caviar.dialects.tensorflow import GraphKeys
    >>> from caviar.dialects.tensorflow.graphs import control_dependencies, get_collection
    >>> with control_dependencies(get_collection(GraphKeys.UPDATE_OPS)):
    ...     pass
    """
    if control_inputs:
        raise ArgumentError(
            "tf.control_dependencies: a run computes everything from the values before it, and then assigns, so there is no order"
            " within it; run the operations together, session.run([a, b]), or one after the other: session.run(a); session.run(b)"
        )
    return contextlib.nullcontext()
