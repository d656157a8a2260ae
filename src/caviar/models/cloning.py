"""A model written again: from another model, or from text."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from caviar.arguments import check
from caviar.errors import ArgumentError, FileError
from caviar.files import FilePath
from caviar.graph.node import Operation
from caviar.layers.base import Layer, ensure_built
from caviar.models.as_json import Reader, Writer
from caviar.models.model import Model
from caviar.models.saving import save_model as write_model
from caviar.models.sequential import Sequential
from caviar.parts import Part, parts_of

__all__ = ["clone_model", "model_from_json", "save_model"]


class Remembering(Writer):
    """A writer that keeps functions and classes without a name to find them by, for a reader in the same process."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[str, Any] = {}

    def _function(self, function: Any) -> Any:
        try:
            return super()._function(function)
        except FileError:
            name = f"kept.{len(self.kept)}"
            self.kept[name] = function
            return {"function": name}


def clone_model(
    model: Model,
    input_tensors: Any = None,
    clone_function: Callable[[Layer], Layer] | None = None,
    call_function: Any = None,
    recursive: bool = False,
    **kwargs: Any,
) -> Model:
    """The same architecture with new layers, whose weights are drawn anew; each layer is made by `clone_function`, if given.

    >>> from caviar import layers, models
    >>> model = models.Sequential([layers.Dense(2, input_dim=3)])
    >>> again = models.clone_model(model)
    >>> again.count_params(), again.layers[0] is model.layers[0]
    (8, False)
    """
    if not isinstance(model, Model):
        raise ArgumentError(f"clone_model takes a model, and was given {model!r}")
    if input_tensors is not None or call_function is not None:
        raise ArgumentError("clone_model makes inputs of its own: leave input_tensors and call_function out")
    writer = Remembering()
    document = writer(model)
    own = {type(part).__name__: type(part) for part in parts_of(model, Part)}
    functions = {f.__name__: f for f in _functions_of(model)}
    made: Model = Reader({**functions, **own, **writer.kept})(document)
    if clone_function is not None:
        made = _with(made, clone_function)
    made.built_for = model.built_for
    return _with_weights(made)


def _with_weights(model: Model) -> Model:
    """The model with its weights drawn, if its inputs are known."""
    if model.input_specs is not None:
        ensure_built(model, model.input_specs)
    return model


def _functions_of(model: Model) -> list[Any]:
    """The users' functions that layers and operations hold."""
    held = [v for part in parts_of(model, Part) for v in vars(part).values()]
    return [v for v in held if callable(v) and hasattr(v, "__name__") and not isinstance(v, type)]


def _with(model: Model, clone_function: Callable[[Layer], Layer]) -> Model:
    """The model with each layer replaced by what a function makes of it."""
    if isinstance(model, Sequential):
        model.sequence[:] = [clone_function(layer) for layer in model.sequence]
        return model
    if model._graph is None:
        raise ArgumentError("clone_function is for models made from nodes, or from a list of layers")
    layers = {id(layer): clone_function(layer) for layer in model.layers}
    for node in model._graph.nodes:
        if isinstance(node, Operation) and id(node.function) in layers:
            node.function = layers[id(node.function)]
    return Model(model._graph.inputs, model._graph.outputs, name=model.name)


def model_from_json(json_string: str, custom_objects: dict[str, Any] | None = None) -> Model:
    """The model that a text of `model.to_json()` describes, with weights drawn anew; nothing in it is executed.

    >>> from caviar import layers, models
    >>> model = models.Sequential([layers.Dense(2, input_dim=3)])
    >>> models.model_from_json(model.to_json()).count_params()
    8
    """
    check(model_from_json, locals())
    try:
        document = json.loads(json_string)
    except ValueError as error:
        raise FileError(f"the text is no JSON that describes a model: {error}") from error
    made = Reader(custom_objects)(document)
    if not isinstance(made, Model):
        raise FileError(f"the text describes {made!r}, which is no model")
    return _with_weights(made)


def save_model(model: Model, filepath: FilePath, overwrite: bool = True, zipped: Any = None, **kwargs: Any) -> None:
    """Save a model, as `model.save(filepath)` does.

    >>> import tempfile
    >>> from caviar import layers, models
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     models.save_model(models.Sequential([layers.Dense(2, input_dim=3)]), f"{folder}/model.caviar")
    """
    del zipped
    write_model(model, filepath, overwrite)
