"""Variables, whose values live in sessions, and the operations that assign to them.

As in TensorFlow, what a program computes with is an operation that reads the variable. The variable itself is caviar's.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from caviar import initializers
from caviar.dialects.tensorflow.building import as_dtype, sizes, tensor
from caviar.dialects.tensorflow.graphs import AUTO_REUSE, get_default_graph
from caviar.dialects.tensorflow.random import drawn
from caviar.dialects.tensorflow.session import Session
from caviar.dialects.tensorflow.weights import Assign, Weight, read
from caviar.errors import ArgumentError, ShapeError
from caviar.graph import Node, Operation

__all__ = [
    "Variable", "assign", "assign_add", "assign_sub", "get_variable", "global_variables_initializer", "group",
    "no_op", "variables_initializer",
]  # fmt: skip


class Variable(Operation):
    """A value that a session keeps from run to run, once `tf.global_variables_initializer()` was run in it.

    >>> from caviar.dialects.tensorflow import Variable
    >>> from caviar.dialects.tensorflow.session import Session
    >>> w = Variable(0, dtype="float32", name="w")
    >>> with Session() as session:
    ...     session.run(w.initializer)
    ...     float(session.run(w.assign_add(0.5)))
    0.5
    """

    def __init__(
        self,
        initial_value: Any,
        trainable: bool = True,
        name: str | None = None,
        dtype: Any = None,
        *,
        path: str | None = None,  # the whole name, if it includes the scopes already
    ):
        graph = get_default_graph()
        initial = tensor(initial_value() if callable(initial_value) else initial_value, dtype)
        if None in initial.shape:
            raise ShapeError(f"a variable needs a whole shape, and its initial value has {initial.shape}")
        path = graph.unique(path or graph.prefixed(name or "Variable"))
        weight: Any = Weight.planned(initial.shape, initial.dtype, None, trainable, path)
        weight.graph, weight.initial, weight.is_drawn = graph, initial, False
        weight.first_value = lambda: Session(graph=graph).run(initial)
        super().__init__(read, (weight,), {}, initial.shape, initial.dtype)
        self.name = f"{path}:0"
        graph.variables.append(self)

    @property
    def weight(self) -> Weight:
        """caviar's variable."""
        return self.args[0]

    saved_as = weight

    @property
    def trainable(self) -> bool:
        """Whether `minimize` changes it."""
        return self.weight.trainable

    @property
    def initial_value(self) -> Node:
        """The node that gives the first value."""
        return self.weight.initial

    def initialized_value(self) -> Node:
        """The first value, for the first values of other variables."""
        return self.weight.initial

    def read_value(self) -> Variable:
        """The value, as a node: the variable itself."""
        return self

    @property
    def initializer(self) -> Group:
        """The operation that gives the first value."""
        return Group([Assign(self, self.weight.initial)])

    def assign(self, value: Any) -> Assign:
        """An operation: when it is run, the variable gets this value."""
        return Assign(self, value)

    def assign_add(self, delta: Any) -> Assign:
        """An operation: when it is run, this is added to the variable."""
        return Assign(self, self + tensor(delta))

    def assign_sub(self, delta: Any) -> Assign:
        """An operation: when it is run, this is subtracted from the variable."""
        return Assign(self, self - tensor(delta))

    def load(self, value: Any, session: Any) -> None:
        """Set the variable in a session, at once."""
        session.store(self.weight, value)

    def __repr__(self) -> str:
        return f"<tf.Variable {self.name!r}: shape={self.shape}, dtype={self.dtype}>"


class Group(Operation):
    """Operations that are run together; the value is None."""

    def __init__(self, operations: Iterable[Node]):
        super().__init__(_nothing, tuple(operations), {}, (), "None")


def _nothing(*values: Any) -> None:
    """The value, None, of operations that are run for their effect."""


def group(*inputs: Any) -> Group:
    """One operation that runs all of these.

    >>> from caviar.dialects.tensorflow import Variable
    >>> from caviar.dialects.tensorflow.variables import group
    >>> group(Variable(1.0).initializer, Variable(2.0).initializer).shape
    ()
    """
    return Group([n for given in inputs for n in (given if isinstance(given, (list, tuple)) else [given])])


def no_op() -> Group:
    """An operation that does nothing."""
    return Group([])


def assign(ref: Any, value: Any, name: str | None = None) -> Assign:
    """An operation: when it is run, the variable gets this value."""
    return Assign(ref, value)


def assign_add(ref: Any, value: Any, name: str | None = None) -> Assign:
    """An operation: when it is run, this is added to the variable."""
    return Assign(ref, ref + tensor(value))


def assign_sub(ref: Any, value: Any, name: str | None = None) -> Assign:
    """An operation: when it is run, this is subtracted from the variable."""
    return Assign(ref, ref - tensor(value))


def variables_initializer(var_list: Iterable[Variable], name: str | None = None) -> Group:
    """The operation that gives these variables their first values."""
    return Group([v.initializer for v in var_list])


def global_variables_initializer() -> Group:
    """The operation that gives all variables made so far their first values.

    >>> from caviar.dialects.tensorflow import Session, Variable, global_variables_initializer, reset_default_graph
    >>> reset_default_graph()
    >>> w = Variable(3.0)
    >>> session = Session()
    >>> session.run(global_variables_initializer())
    >>> session.run(w).item()
    3.0
    """
    return variables_initializer(get_default_graph().variables)


def get_variable(
    name: str, shape: Any = None, dtype: Any = None, initializer: Any = None, trainable: bool = True
) -> Variable:
    """A new variable, or the one of this name in a scope with `reuse`; the initializer is caviar's or a value.

    >>> from caviar.dialects.tensorflow import get_variable
    >>> get_variable("kernel", [3, 4]).shape
    (3, 4)
    """
    graph = get_default_graph()
    path = graph.prefixed(name, only_variable_scopes=True)
    reuse = next((s.reuse for s in reversed(graph.scopes) if s.reuse is not None), False)
    if path in graph.shared and reuse:
        return _same(graph.shared[path], shape)
    if path in graph.shared:
        raise ArgumentError(
            f"variable {path!r} is there already: use tf.variable_scope(..., reuse=True), or another name"
        )
    if reuse and reuse != AUTO_REUSE:
        raise ArgumentError(f"variable {path!r} is not there: make it first, or use reuse=tf.AUTO_REUSE")
    value = _first_value(path, shape, dtype, initializer)
    graph.shared[path] = made = Variable(value, trainable, dtype=dtype, path=path)
    return made


def _first_value(path: str, shape: Any, dtype: Any, initializer: Any) -> Any:
    if shape is None:
        if initializer is None or callable(initializer):
            raise ArgumentError(f"variable {path!r} needs a shape: tf.get_variable({path!r}, [3, 4])")
        return initializer
    made = initializers.get(initializer() if isinstance(initializer, type) else initializer)
    return drawn(made, sizes(shape), as_dtype(dtype), getattr(made, "seed", None))


def _same(variable: Variable, shape: Any) -> Variable:
    if shape is not None and tuple(sizes(shape)) != variable.shape:
        raise ShapeError(f"{variable!r} is there already, and was asked for with shape {tuple(sizes(shape))}")
    return variable
