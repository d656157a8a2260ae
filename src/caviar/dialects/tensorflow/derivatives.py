"""Gradients as nodes of the graph."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from caviar.dialects.tensorflow.building import PlaceholderWithDefault, tensor, writes
from caviar.dialects.tensorflow.variables import Variable
from caviar.errors import ArgumentError
from caviar.graph import Graph, Input, Node, Operation, evaluate
from caviar.graph.node import in_order, nodes_in, written
from caviar.parts import Part, Structure, take_apart

__all__ = ["gradients", "stop_gradient"]

stop_gradient = writes(jax.lax.stop_gradient)


class Nudged(Graph):
    """A graph in which some nodes are moved from their values by small amounts (nudges), to differentiate by these nodes.

    The value of such a node is its given value, plus the change in what it is computed from, plus its nudge. So the gradient by
    a node that is computed from another nudged one is complete, and gradients of gradients can move the given value.
    """

    def __init__(self, inputs: list[Any], outputs: list[Any], nudged: list[Any]):
        super().__init__(inputs, outputs)
        self.nudged = nudged

    def unmoved(self, fed: list[Any], at: list[Any]) -> list[Any]:
        """What the nudged nodes compute without nudges."""
        values = dict(zip(map(id, self.nudged), at, strict=True))
        found = dict(values)
        known = dict(zip(map(id, nodes_in(self.inputs)), fed, strict=True))
        for node in self.nodes:
            if isinstance(node, Operation):
                found[id(node)] = known[id(node)] = node.compute(known)
            known.update({id(node): values[id(node)]} if id(node) in values else {})
        return [found[id(node)] for node in self.nudged]

    def __call__(self, fed: list[Any], at: list[Any], unmoved: list[Any], nudges: list[Any]) -> list[Any]:
        """The outputs, with every nudged node moved."""
        known = dict(zip(map(id, nodes_in(self.inputs)), fed, strict=True))
        moves = {id(n): more for n, *more in zip(self.nudged, at, unmoved, nudges, strict=True)}
        for node in self.nodes:
            if isinstance(node, Operation) and id(node) not in known:
                known[id(node)] = node.compute(known)
            if id(node) in moves:
                value, before, nudge = moves[id(node)]
                moved = known[id(node)] - before if isinstance(node, Operation) else 0
                known[id(node)] = value + moved + nudge
        return [known[id(node)] if isinstance(node, Node) else node for node in self.outputs]


class Gradients(Part):
    """The gradients with respect to some variables of a graph, given by their places, and to its nudged nodes."""

    unwalked = Part.unwalked | {"inside"}
    fixed = ("structure", "places")

    def __init__(self, structure: Structure, numbers: list[Any], variables: list[Any], places: tuple[int, ...]):
        self.structure, self.numbers, self.variables, self.places = structure, numbers, variables, places
        self.inside: list[Any] = []  # nodes between, by which a gradient of the gradient cannot be taken

    def __call__(self, fed: list[Any], at: list[Any], weights: list[Any]) -> tuple[Any, ...]:
        """The gradients at the present values: of the variables, then of the nudged nodes."""

        def within(values: Any, call: Any) -> Any:
            return evaluate(self.structure, self.numbers, values, call=call).outputs

        unmoved = within(self.variables, lambda graph: graph.unmoved(fed, at)) if at else []

        def outputs(moving: list[Any], nudges: list[Any]) -> Any:
            values = list(self.variables)
            for i, value in zip(self.places, moving, strict=True):
                values[i] = value
            return within(values, lambda graph: graph(fed, at, unmoved, nudges))

        ys, pull = jax.vjp(outputs, [self.variables[i] for i in self.places], [jnp.zeros_like(x) for x in at])
        of_variables, of_nodes = pull([_weight(w, y) for w, y in zip(weights, ys, strict=True)])
        return (*of_variables, *of_nodes)


def _weight(given: Any, y: Any) -> Any:
    return jnp.ones_like(y) if given is None else jnp.broadcast_to(given, y.shape).astype(y.dtype)


def gradients(ys: Any, xs: Any, grad_ys: Any = None, name: str | None = None) -> list[Any]:
    """Nodes: the gradients of the sum of `ys` with respect to each of `xs`; None for one that they do not depend on.

    >>> from caviar.dialects.tensorflow import Variable, gradients
    >>> from caviar.dialects.tensorflow.session import Session
    >>> w = Variable(3.0)
    >>> session = Session()
    >>> session.run(w.initializer)
    >>> session.run([gradients(w * w, w)[0], gradients(gradients(w * w, w), w)[0]])
    [np.float32(6.0), np.float32(2.0)]
    """
    ys, xs = _nodes(ys), [x.weight if isinstance(x, Variable) else x for x in _nodes(xs)]
    if whole := [y for y in ys if not _is_smooth(y)]:
        raise ArgumentError(f"{whole[0]!r} is of type {whole[0].dtype}, and only floats have gradients: use tf.cast")
    order = in_order(ys)
    fed = [n for n in order if isinstance(n, (Input, PlaceholderWithDefault))]
    variables = take_apart(Graph(fed, ys)).variables
    smooth = list({id(x): x for x in xs if _is_smooth(x)}.values())
    nudged = [x for x in smooth if not _among(x, variables) and _among(x, order)]
    _check_reachable([x for x in smooth if not _among(x, variables)], order)
    apart = take_apart(Nudged(fed, ys, nudged))
    places = tuple(i for i, v in enumerate(apart.variables) if _among(v, smooth))
    slopes = Gradients(apart.structure, apart.numbers, apart.variables, places)
    slopes.inside = [*_inside(order), *(n for n in order if not _among(n, nudged))]
    weights = [None if g is None else tensor(g) for g in (grad_ys or [None] * len(ys))]
    moved = [*[apart.variables[i] for i in places], *nudged]
    made = written(tuple((x.shape, x.dtype) for x in moved), slopes, (fed, nudged, weights), {})
    found = dict(zip(map(id, moved), made, strict=True))
    return [found.get(id(x)) for x in xs]


def _nodes(given: Any) -> list[Any]:
    nodes = list(given) if isinstance(given, (list, tuple)) else [given]
    if strange := [n for n in nodes if not isinstance(n, Node)]:
        raise ArgumentError(f"gradients are of nodes with respect to nodes, and {strange[0]!r} is not a node")
    return nodes


def _is_smooth(node: Any) -> bool:
    return bool(jnp.issubdtype(jnp.dtype(node.dtype), jnp.inexact))


def _among(node: Any, others: list[Any]) -> bool:
    return any(node is other for other in others)


def _inside(order: list[Any]) -> list[Any]:
    """The nodes that gradients compute within."""
    found = [n.function.inside for n in order if isinstance(n, Operation) and isinstance(n.function, Gradients)]
    return [node for inside in found for node in inside if not isinstance(node, (Input, PlaceholderWithDefault))]


def _check_reachable(xs: list[Any], order: list[Any]) -> None:
    inside = _inside(order)
    if hidden := [x for x in xs if _among(x, inside)]:
        raise ArgumentError(
            f"{hidden[0]!r} is computed inside a gradient, so a gradient of that gradient cannot see it:"
            " take the first gradient with respect to it too, tf.gradients(y, [..., x])"
        )
