"""The model: a network that can be compiled, trained, used to predict, and saved."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from caviar import config
from caviar.arguments import check
from caviar.errors import ArgumentError, ShapeError, unknown_name
from caviar.files import FilePath
from caviar.graph.context import current
from caviar.graph.evaluation import Graph
from caviar.graph.node import Input, Node, Operation, nodes_in
from caviar.layers.applied import FromGraph, one_or_several, place_of
from caviar.layers.base import Layer, ensure_built, is_built
from caviar.layers.explaining import check_shape
from caviar.models import saving, summary
from caviar.models.rewriting import written_again
from caviar.outside import spoken
from caviar.placing import PASSES_ON
from caviar.training.trainee import Trainee


class Model(Trainee):
    """A network: made from nodes, `Model(inputs, outputs)`, or subclassed with layers in `__init__` and a `call`.

    >>> from caviar.models import Model
    >>> import numpy as np
    >>> from caviar.layers import Dense, Input
    >>> x = Input((4,))
    >>> model = Model(x, Dense(3, activation="softmax")(x))
    >>> model.compile(optimizer="adam", loss="sparse_categorical_crossentropy")
    >>> history = model.fit(np.ones((8, 4)), np.zeros(8), epochs=2, verbose=0)
    >>> model.predict(np.ones((2, 4)), verbose=0).shape
    (2, 3)
    """

    _graph: Graph | None = None
    live = PASSES_ON

    def __init__(self, inputs: Any = None, outputs: Any = None, name: str | None = None, **kwargs: Any):
        super().__init__(name=name, **kwargs)
        if inputs is None and outputs is None:
            return
        given = [jax.tree.leaves(nodes, is_leaf=lambda leaf: leaf is None) for nodes in (inputs, outputs)]
        if not all(nodes and all(isinstance(node, Node) for node in nodes) for nodes in given):
            raise ArgumentError("Model(inputs, outputs) takes nodes: x = Input((4,)); Model(x, Dense(3)(x))")
        names = [node.name for node in {id(node): node for node in given[0]}.values()]
        if twice := [name for name in names if names.count(name) > 1]:
            raise ArgumentError(f"two inputs of a model have the name {twice[0]!r}: give each its own")
        self._graph = Graph(inputs, outputs)
        self._check_connected()
        vars(self)["built"] = True

    def path_of_ranges(self, path: str, numbered: Callable[[str], str]) -> str:
        """A model made from nodes does not appear in the names of the ranges in it."""
        return super().path_of_ranges(path, numbered) if self._graph is None else ""

    def __write__(self, writer: Any, number: int) -> Any:
        return super().__write__(writer, number) if self._graph is None else writer.model(self, self._graph, number)

    # -- the network ----------------------------------------------------------------------------------------------

    @property
    def takes(self) -> str:  # type: ignore[override]
        """A model made from nodes converts integers to floats itself, before the first layer that does not take ids."""
        return "ids" if self._graph is not None else "given"

    def call(self, inputs: Any) -> Any:
        """The outputs, computed from the nodes; subclasses define their own `call`."""
        if self._graph is None:
            raise ArgumentError(f"model {type(self).__name__} defines no `call(self, x)`, and was not made from nodes")
        return self._graph(*self._fed(inputs))

    def _fed(self, inputs: Any) -> list[Any]:
        """The values of the inputs in the graph's order; those of a dict are found by the inputs' names."""
        wanted = nodes_in(self._graph.inputs)  # type: ignore[union-attr]
        if isinstance(inputs, dict):
            missing = [str(n.name) for n in wanted if n.name not in inputs]
            if missing:
                raise ArgumentError(
                    f"input {missing[0]!r} of model {self.name!r} is missing; given: {', '.join(map(str, inputs))}"
                )
            return [inputs[n.name] for n in wanted]
        given = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
        if len(given) != len(wanted):
            raise ArgumentError(f"model {self.name!r} has {len(wanted)} inputs, and was given {len(given)}")
        return given

    def check_inputs(self, inputs: Any) -> None:
        """Raise for inputs that do not fit the model's."""
        if self._graph is None:
            return
        for node, given in zip(nodes_in(self._graph.inputs), self._fed(inputs), strict=True):
            fits = (
                hasattr(given, "shape")
                and len(given.shape) == len(node.shape)
                and all(e in (None, g) for e, g in zip(node.shape[1:], given.shape[1:], strict=True))
            )
            if not fits:
                raise ShapeError(
                    f"input {node.name!r} of model {self.name!r} wants shape {_spoken(node.shape)}, and was given {spoken(given)}"
                )

    def _check_connected(self) -> None:
        known = {id(n) for n in nodes_in(self._graph.inputs)}  # type: ignore[union-attr]
        loose = [n for n in self._graph.nodes if isinstance(n, Input) and id(n) not in known]  # type: ignore[union-attr]
        if loose:
            raise ArgumentError(f"the outputs also depend on {loose[0]!r}, which is not among the inputs of the model")

    @property
    def inputs(self) -> list[Node]:
        """The input nodes of a model made from nodes."""
        return nodes_in(self._graph.inputs) if self._graph else []

    @property
    def outputs(self) -> list[Node]:
        """The output nodes of a model made from nodes."""
        return nodes_in(self._graph.outputs) if self._graph else []

    @FromGraph
    def input(self) -> Any:
        """The input node of a model made from nodes or a list of layers, or a list of them."""
        return one_or_several(self.inputs) if self.inputs else place_of(self)[0]

    @FromGraph
    def output(self) -> Any:
        """The output node of a model made from nodes or a list of layers, or a list of them."""
        return one_or_several(self.outputs) if self.outputs else place_of(self)[1]

    @FromGraph
    def output_shape(self) -> Any:
        """The shape of the output, None where it is not known; of several outputs a list."""
        shapes = [tuple(node.shape) for node in self.outputs]
        return shapes[0] if len(shapes) == 1 else shapes

    def rewrite(self) -> None:
        """Apply the layers, which have no weights yet, to the inputs again: shapes follow from the values of its ranges."""
        vars(self).pop("_key", None)  # the key from which the former weights were to be drawn
        if self._graph is not None and not is_built(self):
            self._graph = written_again(self._graph)

    @property
    def input_specs(self) -> Any:
        """The shapes and types of the inputs, where they are known: of a model made from nodes, for one row."""
        if self.built_for is not None or self._graph is None:
            return super().input_specs
        specs = [
            jax.ShapeDtypeStruct([1 if d is None else d for d in n.shape], jnp.dtype(n.dtype)) for n in self.inputs
        ]
        return specs[0] if len(specs) == 1 else specs

    @property
    def input_names(self) -> list[str]:
        """The names of the input nodes, in their order."""
        return [str(n.name) for n in self.inputs]

    @property
    def output_names(self) -> list[str]:
        """The names of the outputs: those of the layers that make them."""
        if self._graph is not None and isinstance(self._graph.outputs, dict):
            return sorted(self._graph.outputs)
        found: list[str] = []
        for i, node in enumerate(self.outputs):
            name = str(getattr(getattr(node, "function", None), "name", None) or f"output_{i}")
            found.append(name if name not in found else f"{name}_{i}")
        return found

    @property
    def layers(self) -> list[Layer]:
        """The layers of the model, in the order of computation; not those inside other layers."""
        if self._graph is None:
            own = [v for name, v in vars(self).items() if name not in self.unwalked]
            return list({id(v): v for v in _flat(own) if isinstance(v, Layer)}.values())
        functions = [n.function for n in self._graph.nodes if isinstance(n, Operation)]
        return list({id(f): f for f in functions if isinstance(f, Layer)}.values())

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """A layer by its name or its place."""
        check(Model.get_layer, {"name": name, "index": index}, "get_layer")
        if index is not None:
            if not -len(self.layers) <= index < len(self.layers):
                raise ArgumentError(f"model {self.name!r} has {len(self.layers)} layers, and no index {index}")
            return self.layers[index]
        found = {layer.name: layer for layer in self.layers}
        if name not in found:
            raise unknown_name("layer", name, [str(n) for n in found])
        return found[name]

    def build(self, input_shape: Any) -> None:
        """Make the weights for inputs of this shape, batch first: `model.build((None, 10))`."""
        if current() is None and self._graph is None:
            check_shape(self, input_shape)
            self.called_with = abstract(input_shape)
            ensure_built(self, self.called_with)

    # -- showing and saving ---------------------------------------------------------------------------------------

    def summary(self, line_length: int | None = None, print_fn: Any = None) -> None:
        """Print a table of layers, output shapes and parameter counts."""
        summary.summary(self, line_length, print_fn)

    def save(self, filepath: FilePath, overwrite: bool = True) -> None:
        """Save architecture, weights, and the state of training, as one file that executes nothing when loaded."""
        check(Model.save, {"overwrite": overwrite}, "save")
        saving.save_model(self, filepath, overwrite)

    def to_json(self, **kwargs: Any) -> str:
        """The architecture as text, without weights: `models.model_from_json` makes it again."""
        return saving.to_json(self, **kwargs)

    def save_weights(self, filepath: FilePath, overwrite: bool = True) -> None:
        """Save the weights alone."""
        check(Model.save_weights, {"overwrite": overwrite}, "save_weights")
        saving.save_weights(self, filepath, overwrite)

    def load_weights(self, filepath: FilePath) -> None:
        """Load weights that `save_weights` or `save` wrote."""
        saving.load_weights(self, filepath)

    def save_run(self, filepath: FilePath) -> None:
        """Save the complete state of the training under way (for `BackupAndRestore`)."""
        saving.save_run(self, filepath)

    def restore_run(self, filepath: FilePath) -> None:
        """Go on with a training that `save_run` saved."""
        saving.restore_run(self, filepath)


def _spoken(shape: Any) -> str:
    return f"(batch, {', '.join('any' if d is None else str(d) for d in shape[1:])})" if len(shape) > 1 else "(batch,)"


def _flat(values: list[Any]) -> list[Any]:
    found: list[Any] = []
    for value in values:
        found += (
            _flat(list(value))
            if isinstance(value, (list, tuple))
            else _flat(list(value.values()))
            if isinstance(value, dict)
            else [value]
        )
    return found


def abstract(shape: Any) -> Any:
    """Inputs of a shape, as far as building needs them."""
    if isinstance(shape, dict):
        return {name: abstract(s) for name, s in shape.items()}
    if isinstance(shape, list):
        return [abstract(s) for s in shape]
    return jax.ShapeDtypeStruct([1 if d is None else d for d in shape], jnp.dtype(config.floatx()))
