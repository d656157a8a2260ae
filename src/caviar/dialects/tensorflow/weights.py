"""Variables as caviar's layers and models see them, whose values live in sessions; and assignments to them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from caviar.dialects.tensorflow.building import tensor
from caviar.dialects.tensorflow.graphs import Graph
from caviar.errors import ArgumentError, ShapeError
from caviar.graph import Node, Operation
from caviar.graph import Variable as GraphVariable
from caviar.graph.node import replace_nodes
from caviar.graph.runners import current_runner


class Weight(GraphVariable):
    """The variable itself, as models see it: its value is the one in the default session, or else its own."""

    graph: Graph
    initial: Node
    first_value: Callable[[], Any]

    @property
    def value(self) -> jax.Array:
        """The present value in the default session; outside of one, the value of its own, at first the initial one."""
        session = self._session()
        if session is not None:
            return session.value_of(self)
        if self._value is None:
            self._value = jnp.asarray(self.first_value(), self.dtype)
        return self._value

    def assign(self, value: Any) -> GraphVariable:
        """Give the variable another value at once, in the default session too, if that is one of its graph."""
        super().assign(value)
        session = self._session()
        if session is not None:
            session.store(self, self._value)
        return self

    def _session(self) -> Any:
        """The default session, unless that runs another graph."""
        session = current_runner()
        return session if session is not None and session.graph is self.graph else None


def read(weight: Any) -> Any:
    """The value of a variable."""
    return weight


def weight_of(variable: Any) -> GraphVariable:
    """caviar's variable behind a variable of TensorFlow's, or of a layer."""
    found = variable.saved_as if isinstance(variable, Node) else None
    if isinstance(found, GraphVariable):
        return found
    raise ArgumentError(f"{variable!r} is not a variable: only variables can be assigned to, trained and saved")


class Assign(Operation):
    """An operation that assigns to a variable when it is run; its value is the new value."""

    unwalked = Operation.unwalked | {"target"}  # so that a run needs no value of what it only assigns to

    def __init__(self, variable: Any, value: Any):
        self.target = weight_of(variable)
        node, shape, dtype = tensor(value), self.target.shape, self.target.dtype
        super().__init__(read, (node, shape, dtype), {}, shape, dtype)
        self.name = self.target.path
        if len(node.shape) != len(shape) or any(a not in (b, None) for a, b in zip(node.shape, shape, strict=True)):
            raise unassignable(self.name, shape, node.shape)

    def compute(self, known: dict[int, Any]) -> Any:
        """The new value, in the type of the variable."""
        value, shape, dtype = replace_nodes(self.args, lambda node: known[id(node)])
        if jnp.shape(value) != shape:
            raise unassignable(self.name, shape, jnp.shape(value))
        return jnp.asarray(value, dtype)


def unassignable(name: Any, shape: Any, given: Any) -> ShapeError:
    """The error for a value of another shape."""
    return ShapeError(f"variable {name!r} has shape {tuple(shape)} and cannot take a value of {tuple(given)}")
