"""A model whose layers follow one another."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from caviar import config
from caviar.closing import is_open
from caviar.errors import ArgumentError, ShapeError, unknown_name
from caviar.graph.context import as_floats
from caviar.graph.node import Input, Node, nodes_in
from caviar.layers.applied import belongs
from caviar.layers.base import Layer, ensure_built, is_built
from caviar.models.model import Model
from caviar.placing import PASSES_ON
from caviar.ranges import Range

_written: weakref.WeakKeyDictionary[Any, tuple[list[int], list[Any]]] = weakref.WeakKeyDictionary()


class Sequential(Model):
    """Layers one after another: `Sequential([Dense(64, activation="relu"), Dense(1)])`, or added one by one with `add`.

    >>> from caviar.models import Sequential
    >>> from caviar.layers import Dense
    >>> model = Sequential([Dense(3, input_dim=4), Dense(1)])
    >>> model.count_params()
    19
    """

    unwalked: ClassVar[frozenset[str]] = Model.unwalked | {"_input", "_building"}
    spoken_names: ClassVar[Mapping[str, str]] = {"sequence": "layers"}

    _input: Input | None = None
    input_type: str | None = None  # of an Input of whole numbers, to which everything given is rounded
    has_input: bool = False  # whether the first entry is an Input: then a dict may name x as that does
    live = PASSES_ON

    def __init__(self, layers: Iterable[Any] | None = None, name: str | None = None, **kwargs: Any):
        super().__init__(name=name, **kwargs)
        self.sequence: list[Layer] = []
        for layer in () if layers is None else layers:
            self.add(layer)
        self._build_if_known()

    def add(self, layer: Any) -> None:
        """Append a layer; an `Input` as the first one gives the shape."""
        if isinstance(layer, Input) and not self.sequence:
            self._input, self.has_input = layer, True
            if not jnp.issubdtype(layer.dtype, jnp.floating):
                self.input_type = str(layer.dtype)
        elif isinstance(layer, (Layer, Range)):
            self.sequence.append(layer)  # type: ignore[arg-type]
            self._take_key()
        else:
            hint = f": write {layer.__name__}()" if isinstance(layer, type) else "; an Input can only stand first"
            raise ArgumentError(f"Sequential takes layers, and was given {layer!r}{hint}")

    def __deepcopy__(self, memo: Any) -> Sequential:
        """A copy, in which a choice that became a list of layers is replaced by them."""
        made: Any = super().__deepcopy__(memo)
        given, made.sequence = made.sequence, []
        for item in given:
            made.sequence += item if isinstance(item, (list, tuple)) else [] if item is None else [item]
        return made

    def _take_key(self) -> None:
        """Take the random key of the weights now, though they are drawn only when they are first looked at."""
        if "_key" not in vars(self) and self._known_input() is not None:
            self._key = config.next_key()

    def pop(self) -> Layer:
        """Remove the last layer."""
        if not self.sequence:
            raise ArgumentError("there is no layer to remove")
        return self.sequence.pop()

    @property
    def layers(self) -> list[Layer]:
        """The layers in order."""
        self._build_if_known()
        for layer in self.sequence:
            belongs(layer, self)
        return list(self.sequence)

    def write_nodes(self) -> list[Node]:
        """The nodes of the layers applied to an input of the known shape, written down when somebody wants to know."""
        known = self._known_input()
        if known is None or is_open(self.sequence):
            return []
        written = _written.get(self)
        if written is None or written[0] != [id(layer) for layer in self.sequence]:
            x = known if isinstance(known, Input) else Input(known.shape[1:], dtype=str(known.dtype))
            nodes: list[Any] = [x]
            for layer in self.sequence:
                nodes.append(layer(nodes[-1]))
            written = _written[self] = [id(layer) for layer in self.sequence], nodes
        return written[1]

    @property
    def inputs(self) -> list[Node]:
        """The input node, if its shape is known."""
        return nodes_in(self.write_nodes()[:1])

    @property
    def outputs(self) -> list[Node]:
        """The output nodes, if the input's shape is known."""
        return nodes_in(self.write_nodes()[-1:])

    @property
    def output_names(self) -> list[str]:
        """The name of the last layer."""
        return [str(self.sequence[-1].name)] if self.sequence else []

    def call(self, inputs: Any) -> Any:
        """Each layer applied to the output of the one before."""
        x = only(inputs) if self.has_input or not isinstance(inputs, dict) else inputs
        if self.input_type is not None:
            x = jax.tree.map(lambda a: a.astype(self.input_type), x)
        passed_on = True  # the layer gets the model's input: integers stay for one that takes ids, and become floats for any other
        for layer in self.sequence:
            x = layer(x if not passed_on or layer.takes in ("ids", "anything") else as_floats(x))
            passed_on = passed_on and layer.takes == "anything"
        return as_floats(x) if passed_on else x

    @property
    def takes(self) -> str:  # type: ignore[override]
        """Integers are accepted, and become floats at the first layer that does not take ids."""
        return "ids"

    def check_inputs(self, inputs: Any) -> None:
        """Raise for an empty model, and for inputs of another shape than the model was built for."""
        if not self.sequence:
            raise ArgumentError(f"model {self.name!r} has no layers: add some first")
        known = self._known_input()
        if isinstance(inputs, dict) and isinstance(known, Input) and list(inputs) != [known.name]:
            raise unknown_name(f"input of model {self.name!r}:", ", ".join(map(str, inputs)), [str(known.name)])
        given = jax.tree.leaves(inputs)
        if known is None or len(given) != 1:
            return
        shape = given[0].shape
        if len(shape) != len(known.shape) or any(
            e not in (None, g) for e, g in zip(known.shape[1:], shape[1:], strict=True)
        ):
            wanted = ", ".join("any" if d is None else str(d) for d in known.shape[1:])
            raise ShapeError(
                f"model {self.name!r} wants inputs of shape (batch, {wanted}), and was given {tuple(shape)}"
            )

    def _known_input(self) -> Any:
        """What is known of the input before any data: from an Input, from the first layer, or from an earlier build."""
        if self._input is None and self.sequence and isinstance(self.sequence[0], Layer):
            self._input = _told_by(self.sequence[0])
        if self._input is not None:
            return self._input
        return self.built_for if is_shaped(self.built_for) else None

    def path_of_ranges(self, path: str, numbered: Callable[[str], str]) -> str:
        """That of what holds it: a Sequential itself does not appear in the names of ranges."""
        return ""

    def __write__(self, writer: Any, number: int) -> Any:
        return writer.part(self, number, name=self.name)

    def __walk__(self, walk: Any, path: str, trainable: bool) -> Any:
        self._build_if_known()
        walk.passing |= not self.built
        return super().__walk__(walk, path, trainable)

    def _build_if_known(self) -> None:
        """Declare the weights as soon as the input's shape is known; they are drawn when they are first looked at."""
        if "_building" in vars(self) or not vars(self).get("sequence"):
            return
        known = None if self.built and all(layer.built for layer in self.sequence) else self._known_input()
        if known is None or is_open(self.sequence):
            return
        self._building = True
        try:
            shape = [1 if d is None else d for d in known.shape]
            self.built_for = jax.ShapeDtypeStruct(shape, jnp.dtype(known.dtype))
            if not is_built(self):
                ensure_built(self, self.built_for)
        finally:
            del self._building

    def get_config(self) -> dict[str, Any]:
        """The layers, as given."""
        known = [self._input] if self._input is not None and _told_by(self.sequence[0]) is None else []
        return {**super().get_config(), "layers": [*known, *self.sequence]}


def only(inputs: Any) -> Any:
    """The input itself, of a list or a dict that holds no other.

    >>> from caviar.models.sequential import only
    >>> only([3]), only({"x": 3}), only(3)
    (3, 3, 3)
    """
    if isinstance(inputs, dict) and len(inputs) == 1:
        return next(iter(inputs.values()))
    return inputs[0] if isinstance(inputs, (list, tuple)) and len(inputs) == 1 else inputs


def is_shaped(value: Any) -> bool:
    """Whether a value has one shape."""
    return hasattr(value, "shape")


def _told_by(layer: Layer) -> Input | None:
    """The input given by a first layer's `input_shape` or `input_dim`."""
    if isinstance(layer, Sequential):
        return layer._known_input() if isinstance(layer._known_input(), Input) else None
    if layer.input_shape is not None:
        return Input(layer.input_shape, dtype=layer.dtype)
    told_by_dim = layer.input_dim is not None and "input_dim" not in _own_fields(layer)
    return Input((layer.input_dim,), dtype=layer.dtype) if told_by_dim else None


def _own_fields(layer: Layer) -> set[str]:
    """Fields that a layer declares for itself, such as Embedding's input_dim."""
    return {
        n
        for c in type(layer).__mro__
        if c is not Layer and issubclass(c, Layer)
        for n in vars(c).get("__annotations__", {})
    }
