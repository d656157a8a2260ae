"""The graph: what a user wrote down, and its evaluation as a pure function."""

from __future__ import annotations

from caviar.graph.context import Context, current, evaluating
from caviar.graph.evaluation import Graph, evaluate, fetch, gradients, run_apart
from caviar.graph.node import Input, Node, Operation, apply, placeholder
from caviar.graph.node import Node as KerasTensor
from caviar.graph.programs import clear_programs
from caviar.graph.variable import Variable

__all__ = [
    "Context",
    "Graph",
    "Input",
    "KerasTensor",
    "Node",
    "Operation",
    "Variable",
    "apply",
    "clear_programs",
    "current",
    "evaluate",
    "evaluating",
    "fetch",
    "gradients",
    "placeholder",
    "run_apart",
]


def __dir__() -> list[str]:
    return __all__
