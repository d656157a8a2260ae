"""Models as plain JSON, and back: names of known classes with their arguments; nothing in it can execute."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from caviar.errors import FileError
from caviar.graph.evaluation import Graph
from caviar.graph.node import Input, Node, Operation
from caviar.graph.variable import Variable
from caviar.models import names
from caviar.parts import Part

_DTYPES = ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "bfloat16", "float32",
    "float64", "complex64", "complex128")  # fmt: skip


class Writer:
    """Turns parts into JSON; a shared part is written once and referred to afterwards."""

    def __init__(self) -> None:
        self.seen: dict[int, int] = {}
        self.alive: list[Any] = []

    def __call__(self, value: Any) -> Any:
        """The JSON of a value."""
        if value is None or isinstance(value, (bool, int, float, str)):
            return value
        if isinstance(value, (list, tuple)):
            return {type(value).__name__ if isinstance(value, list) else "tuple": [self(v) for v in value]}
        if isinstance(value, dict):
            return {"dict": [[self(k), self(v)] for k, v in value.items()]}
        if isinstance(value, (np.ndarray, np.generic, jax.Array)):
            return {"array": np.asarray(value).tolist(), "dtype": str(value.dtype)}
        if isinstance(value, slice):
            return {"slice": [value.start, value.stop, value.step]}
        if isinstance(value, Part):
            return self._part(value)
        return self._function(value)

    def _part(self, part: Part) -> Any:
        part = part.saved_as
        if id(part) in self.seen:
            return {"again": self.seen[id(part)]}
        number = self.seen[id(part)] = len(self.alive)
        self.alive.append(part)
        return part.__write__(self, number)

    def part(self, part: Part, number: int, **more: Any) -> Any:
        """A class and its arguments."""
        config = {k: self(v) for k, v in {**more, **part.get_config()}.items()}
        return {"class": names.name_of_class(type(part)), "number": number, "config": config}

    def model(self, model: Part, graph: Graph, number: int) -> Any:
        """A model made from nodes."""
        return {"model": number, "name": vars(model)["name"], "graph": self(graph)}

    def graph(self, graph: Graph, number: int) -> Any:
        """Its nodes in the order of computation."""
        nodes = [self(node) for node in graph.nodes]
        return {"graph": number, "nodes": nodes, "inputs": self(graph.inputs), "outputs": self(graph.outputs)}

    def node(self, node: Node, number: int) -> Any:
        """Raise for a kind of node that cannot be saved."""
        raise FileError(f"{node!r} in the graph of the model cannot be saved")

    def input(self, node: Input, number: int) -> Any:
        """An input node."""
        return {"input": number, "shape": list(node.shape), "dtype": node.dtype, "name": node.name}

    def variable(self, node: Variable, number: int) -> Any:
        """A variable, whose value is among the weights."""
        shape = {"shape": list(node.shape), "dtype": node.dtype}
        return {"variable": number, **shape, "trainable": node.trainable, "name": node.name}

    def operation(self, node: Operation, number: int) -> Any:
        """A function applied to nodes."""
        of = {"of": self(node.function), "args": self(node.args), "kwargs": self(node.kwargs)}
        return {"operation": number, **of, "shape": list(node.shape), "dtype": node.dtype}

    def _function(self, function: Any) -> Any:
        operation, name = names.name_of_operation(function), names.name_of_function(function)
        if operation is None and name is None:
            raise FileError(
                f"{function!r} cannot be saved: it has no name to find it by again. Define it with `def` at the top of a module, "
                "and pass it as custom_objects={'name': function} when loading"
            )
        return {"op": operation} if operation is not None else {"function": name}


class Reader:
    """Turns JSON back into parts. Classes are caviar's own, or those that the caller passes in; nothing else is looked up."""

    def __init__(self, custom_objects: dict[str, Any] | None = None, most: int | None = None):
        self.custom = custom_objects or {}
        self.made: dict[int, Any] = {}
        self.most = most  # how many numbers its variables may have in all

    def __call__(self, value: Any) -> Any:
        """The value that the JSON stands for."""
        if not isinstance(value, dict):
            return value
        for kind in (
            "again",
            "list",
            "tuple",
            "dict",
            "array",
            "slice",
            "op",
            "function",
            "nodes",
            "input",
            "operation",
            "variable",
            "model",
            "class",
        ):
            if kind in value:
                return getattr(self, f"_{kind}")(value)
        raise FileError(f"the file holds something that caviar does not know: {', '.join(map(str, value))}")

    def _again(self, value: Any) -> Any:
        return self.made[value["again"]]

    def _list(self, value: Any) -> Any:
        return [self(v) for v in value["list"]]

    def _tuple(self, value: Any) -> Any:
        return tuple(self(v) for v in value["tuple"])

    def _dict(self, value: Any) -> Any:
        return {self(k): self(v) for k, v in value["dict"]}

    def _array(self, value: Any) -> Any:
        if value["dtype"] not in _DTYPES:
            raise FileError(f"it has an array of type {value['dtype']!r}, which caviar does not write")
        return np.asarray(value["array"], np.dtype(value["dtype"]))

    def _slice(self, value: Any) -> Any:
        return slice(*value["slice"])

    def _op(self, value: Any) -> Any:
        if value["op"] not in names.OPERATIONS:
            raise FileError(f"the operation {value['op']!r} is not caviar's own")
        return names.OPERATIONS[value["op"]]

    def _input(self, value: Any) -> Any:
        made = Input(batch_shape=value["shape"], dtype=value["dtype"], name=value["name"])
        return self._made(value["input"], made)

    def _variable(self, value: Any) -> Any:
        if self.most is not None:
            self.most -= math.prod(value["shape"])
            if self.most < 0:
                raise FileError("its variables are larger than its weights")
        zeros = np.zeros(value["shape"])
        made = Variable(zeros, dtype=value["dtype"], trainable=value["trainable"], name=value["name"])
        return self._made(value["variable"], made)

    def _operation(self, value: Any) -> Any:
        function, args, kwargs = self(value["of"]), self(value["args"]), self(value["kwargs"])
        node = Operation(function, args, kwargs, tuple(value["shape"]), value["dtype"])
        return self._made(value["operation"], node)

    def _nodes(self, value: Any) -> Any:
        for node in value["nodes"]:
            self(node)
        return self._made(value["graph"], Graph(self(value["inputs"]), self(value["outputs"])))

    def _model(self, value: Any) -> Any:
        graph, model = self(value["graph"]), names.class_of("Model")
        assert model is not None
        return self._made(value["model"], model(graph.inputs, graph.outputs, name=value["name"]))

    def _class(self, value: Any) -> Any:
        cls = self._find(value["class"], names.class_of)
        return self._made(value["number"], cls.from_config({k: self(v) for k, v in value["config"].items()}))

    def _function(self, value: Any) -> Any:
        return self._find(value["function"], names.function_of)

    def _made(self, number: int, value: Any) -> Any:
        self.made[number] = value
        return value

    def _find(self, name: str, known: Callable[[str], Any]) -> Any:
        own = name.removeprefix(names.OWN)
        found = self.custom.get(own) or (known(name) if own == name else None)
        if found is None:
            raise FileError(
                f"it needs {own!r}, which is not caviar's own: pass it as custom_objects={{{own!r}: {own}}}"
            )
        return found
