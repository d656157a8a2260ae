"""caviar's layers and models as modules, which compute with tensors, and whose weights are parameters."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from caviar.dialects.torch import creation
from caviar.dialects.torch.functions import record
from caviar.dialects.torch.nn.module import Module
from caviar.dialects.torch.tensor import Tensor
from caviar.dialects.torch.weights import Parameter
from caviar.graph.evaluation import as_arrays, evaluate
from caviar.layers.base import Layer, ensure_built
from caviar.parts import Structure, take_apart
from caviar.recording.encoding import LEAF, NO_GRADIENT
from caviar.recording.values import Value


class SharedParameter(Parameter):
    """A parameter that shares its value with a variable of caviar's: changing one changes the other."""

    def __new__(cls, variable: Any) -> Any:
        """The parameter that a variable is."""
        self = cls.holding(Value(variable.value), LEAF if variable.trainable else NO_GRADIENT)
        vars(self)["variable"] = variable
        return self

    def hold(self, value: Value) -> None:
        """Take another value, and assign it to the variable too."""
        super().hold(value)
        vars(self)["variable"].assign(self.array())

    def follow(self) -> SharedParameter:
        """Take the variable's present value."""
        value = vars(self)["variable"].value
        if self._held.array is not value:
            self._held = Value(value)
        return self


def called(
    seed: Any, draw: Any, *given: jax.Array, structure: Structure, inputs: int, training: bool
) -> tuple[Any, ...]:
    """The leaves of a layer's outputs, then the values of its variables after the call."""
    args, values = given[:inputs], given[inputs : inputs + len(structure.slots)]
    numbers, key = given[inputs + len(structure.slots) :], creation.key_of(seed, draw)
    found = evaluate(structure, numbers, list(values), training=training, rng=key, call=lambda layer: layer(*args))
    return *jax.tree.leaves(found.outputs), *found.values


class FromCaviar(Module):
    """The module that `from_caviar` makes."""

    def __init__(self, layer: Layer) -> None:
        super().__init__()
        self.layer = layer
        self._weights: list[SharedParameter] = []

    def _parameters(self) -> list[SharedParameter]:
        variables = self.layer.variables
        if [id(vars(w)["variable"]) for w in self._weights] != [id(v) for v in variables]:
            self._weights = [SharedParameter(v) for v in variables]
        return [w.follow() for w in self._weights]

    def named_parameters(self, prefix: str = "", recurse: bool = True) -> Any:
        """The weights that training changes, by name."""
        return ((vars(w)["variable"].path.replace("/", "."), w) for w in self._parameters() if w.requires_grad)

    def state_dict(self) -> Any:
        """All weights by name."""
        return {vars(w)["variable"].path.replace("/", "."): w.detach() for w in self._parameters()}

    def forward(self, *inputs: Tensor) -> Any:
        """The layer's outputs; while training its state is updated."""
        ensure_built(self.layer, *(jax.ShapeDtypeStruct(x.shape, x.held().spec.dtype) for x in inputs))
        weights, apart = self._parameters(), take_apart(self.layer)
        seed, draw = creation.next_draw()
        made = record(
            called, np.int32(seed), np.int32(draw), *inputs, *weights, *as_arrays(apart.numbers),
            structure=apart.structure, inputs=len(inputs), training=self.training,
        )  # fmt: skip
        outputs = made[: len(made) - len(weights)] if isinstance(made, tuple) else (made,)
        for weight, new in zip(weights, made[len(outputs) :] if weights else (), strict=True):
            if not weight.requires_grad and self.training:
                weight.hold(new.held())
        return outputs[0] if len(outputs) == 1 else outputs


def from_caviar(model: Layer) -> FromCaviar:
    """A layer or model of caviar's as a module, for loops in PyTorch's words; they share their weights.

    >>> from caviar.dialects.torch import from_caviar
    >>> import caviar, caviar.dialects.torch as torch
    >>> module = from_caviar(caviar.layers.Dense(2))
    >>> module(torch.ones(3, 4)).shape, [tuple(p.shape) for p in module.parameters()]
    (torch.Size([3, 2]), [(4, 2), (2,)])
    """
    return FromCaviar(model)
