"""Applying the layers of a graph again, when they have changed."""

from __future__ import annotations

import operator
from typing import Any

from caviar.graph.context import Context, evaluating
from caviar.graph.evaluation import Graph
from caviar.graph.node import Input, Node, Operation, apply, replace_nodes
from caviar.layers.base import Layer
from caviar.layers.weights import drawing


def written_again(graph: Graph) -> Graph:
    """The same graph, made by applying its layers again; they have no weights yet, and shapes follow from the values chosen."""
    made: dict[int, Any] = {}
    with drawing(), evaluating(Context(building=True)):
        for node in graph.nodes:
            made[id(node)] = _again(node, made)
    outputs = replace_nodes(graph.outputs, lambda node: made[id(node)])
    return Graph(graph.inputs, outputs)


def _again(node: Node, made: dict[int, Any]) -> Any:
    if isinstance(node, Input) or not isinstance(node, Operation):
        return node
    args, kwargs = replace_nodes((node.args, node.kwargs), lambda n: made[id(n)])
    if isinstance(node.function, Layer):
        return node.function(*args, **kwargs)
    if node.function is operator.getitem and isinstance(args[0], (tuple, list, dict)):
        return args[0][args[1]]  # one of several results, each of which is a node
    return apply(node.function, *args, **kwargs)
