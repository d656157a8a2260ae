"""Models as plain JSON, and back: names of known classes with their arguments; nothing in it can execute."""

from __future__ import annotations

import importlib
import operator
import types
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from caviar.errors import FileError
from caviar.graph.evaluation import Graph
from caviar.graph.node import Input, Node, Operation, item
from caviar.graph.operations import TABLE
from caviar.graph.variable import Variable
from caviar.parts import Part

_MODULES = (
    "layers", "models", "losses", "metrics", "optimizers", "optimizers.schedules", "initializers", "regularizers", "ranges",
)  # fmt: skip
_FUNCTION_MODULES = ("activations", "losses", "regularizers", "initializers")
_OPERATIONS: dict[str, Callable[..., Any]] = {"asarray": jnp.asarray, "stack": jnp.stack, **TABLE, "getitem": item}


_TORCH = "torch.nn."  # modules of that dialect, some of which are called as layers are


def _class_name(cls: type) -> str:
    return (_TORCH if cls.__module__.startswith("caviar.dialects.torch.nn.") else "") + cls.__name__


def _of_tensorflow(name: str) -> Any:
    """The function of arrays behind a name of that dialect."""
    *place, last = name.split(".")
    if place not in (["tf"], ["tf", "nn"]) or last.startswith("_"):
        return None
    module = importlib.import_module(".".join(["caviar.dialects.tensorflow", *place[1:]]))
    return getattr(getattr(module, last, None), "__wrapped__", None)


class Writer:
    """Turns parts into JSON; what is shared is written once and referred to afterwards."""

    def __init__(self) -> None:
        self.seen: dict[int, int] = {}
        self.alive: list[Any] = []

    def __call__(self, value: Any) -> Any:
        """The JSON of a value."""
        if value is operator.getitem:
            value = item
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
        part = getattr(part, "saved_as", part)  # a dialect's way to write what caviar knows
        if id(part) in self.seen:
            return {"again": self.seen[id(part)]}
        number = self.seen[id(part)] = len(self.alive)
        self.alive.append(part)
        if isinstance(part, Graph):
            nodes = [self(node) for node in part.nodes]
            return {"graph": number, "nodes": nodes, "inputs": self(part.inputs), "outputs": self(part.outputs)}
        if isinstance(part, Input):
            return {"input": number, "shape": list(part.shape), "dtype": part.dtype, "name": part.name}
        if isinstance(part, Operation):
            return self._operation(part, number)
        if isinstance(part, Variable):  # its value is among the weights
            shape = {"shape": list(part.shape), "dtype": part.dtype}
            return {"variable": number, **shape, "trainable": part.trainable, "name": part.name}
        if isinstance(part, Node):
            raise FileError(f"{part!r} in the graph of the model is nothing that a file can hold")
        graph = getattr(part, "_graph", None)
        if graph is not None:
            return {"model": number, "name": vars(part)["name"], "graph": self(graph)}
        config = part.get_config()
        named = {"name": vars(part)["name"]} if "sequence" in vars(part) else {}
        return {
            "class": _class_name(type(part)),
            "number": number,
            "config": {k: self(v) for k, v in {**named, **config}.items()},
        }

    def _operation(self, node: Operation, number: int) -> Any:
        shape = {"shape": list(node.shape), "dtype": node.dtype}
        return {
            "operation": number,
            "of": self(node.function),
            "args": self(node.args),
            "kwargs": self(node.kwargs),
            **shape,
        }

    def _function(self, function: Any) -> Any:
        for name, known in _OPERATIONS.items():
            if known is function:
                return {"op": name}
        if _of_tensorflow(getattr(function, "saved_as", "")) is function:
            return {"function": function.saved_as}
        if isinstance(function, types.FunctionType) and "<" not in function.__qualname__:
            return {"function": function.__name__}
        raise FileError(
            f"{function!r} cannot be saved: it has no name to find it by again. Define it with `def` at the top of a module, "
            "and pass it as custom_objects={'name': function} when loading"
        )


class Reader:
    """Turns JSON back into parts. Classes are caviar's own, or those that the caller passes in; nothing else is looked up."""

    def __init__(self, custom_objects: dict[str, Any] | None = None):
        self.custom = custom_objects or {}
        self.made: dict[int, Any] = {}

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
        return np.asarray(value["array"], value["dtype"])

    def _slice(self, value: Any) -> Any:
        return slice(*value["slice"])

    def _op(self, value: Any) -> Any:
        return _OPERATIONS[value["op"]]

    def _input(self, value: Any) -> Any:
        made = Input(batch_shape=value["shape"], dtype=value["dtype"], name=value["name"])
        return self._made(value["input"], made)

    def _variable(self, value: Any) -> Any:
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
        from caviar.models.model import Model

        graph = self(value["graph"])
        return self._made(value["model"], Model(graph.inputs, graph.outputs, name=value["name"]))

    def _class(self, value: Any) -> Any:
        cls = self._find(value["class"], _MODULES, lambda found: isinstance(found, type) and issubclass(found, Part))
        return self._made(value["number"], cls.from_config({k: self(v) for k, v in value["config"].items()}))

    def _function(self, value: Any) -> Any:
        dialect = _of_tensorflow(value["function"])
        if dialect is not None:
            return dialect
        return self._find(value["function"], _FUNCTION_MODULES, lambda found: isinstance(found, types.FunctionType))

    def _made(self, number: int, value: Any) -> Any:
        self.made[number] = value
        return value

    def _find(self, name: str, modules: tuple[str, ...], fits: Callable[[Any], bool]) -> Any:
        if name in self.custom:
            return self.custom[name]
        if name.startswith(_TORCH):
            name, modules = name.removeprefix(_TORCH), ("dialects.torch.nn",)
        for module in modules:
            found = getattr(importlib.import_module(f"caviar.{module}"), name, None)
            if fits(found):
                return found
        raise FileError(
            f"the file needs {name!r}, which is not caviar's own: pass it as custom_objects={{{name!r}: {name}}}"
        )
