"""A layer's weights and states, including those of its sublayers, and their values."""

from __future__ import annotations

from typing import Any

import numpy as np

from caviar.errors import ArgumentError, ShapeError
from caviar.graph.variable import Variable
from caviar.outside import checked, finite, spoken
from caviar.parts import Part, take_apart


class WeightHolder(Part):
    """A part with weights.

    >>> from caviar.layers import Dense, Input
    >>> layer = Dense(2)
    >>> layer(Input((3,))).shape, [w.shape for w in layer.weights], layer.count_params()
    ((None, 2), [(3, 2), (2,)], 8)
    """

    name: str | None

    @property
    def variables(self) -> list[Variable]:
        """All weights and states, those of sublayers included."""
        return take_apart(self).variables

    @property
    def weights(self) -> list[Variable]:
        """All weights: the variables except the states that a stateful layer carries from batch to batch."""
        return [v for v in self.variables if not v.is_state]

    @property
    def trainable_variables(self) -> list[Variable]:
        """The weights that training changes."""
        return self._variables_that(trainable=True)

    @property
    def non_trainable_variables(self) -> list[Variable]:
        """State, and frozen weights."""
        return self._variables_that(trainable=False)

    def _variables_that(self, trainable: bool) -> list[Variable]:
        apart = take_apart(self)
        return [
            v for v, slot in zip(apart.variables, apart.structure.slots, strict=True) if slot.trainable == trainable
        ]

    trainable_weights = trainable_variables

    @property
    def non_trainable_weights(self) -> list[Variable]:
        """Frozen weights, and those that layers update themselves, such as moving averages."""
        return [v for v in self.non_trainable_variables if not v.is_state]

    def get_weights(self) -> list[np.ndarray]:
        """The values of all weights as NumPy arrays, layer by layer."""
        return [np.array(v.value) for v in self.weights]

    def set_weights(self, weights: list[Any]) -> None:
        """Give all weights new values, in the order of `get_weights`."""
        variables = self.weights
        if not isinstance(weights, (list, tuple)):
            raise ArgumentError(
                f"set_weights takes a list of arrays, as get_weights gives it, and not {spoken(weights)}"
            )
        if len(weights) != len(variables):
            raise ShapeError(f"layer {self.name!r} has {len(variables)} weights, and {len(weights)} values were given")
        for variable, value in zip(variables, weights, strict=True):
            where = f"the value for weight {variable.path!r}"
            variable.assign(finite(checked(value, where, variable.dtype, finite=False), where))

    def count_params(self) -> int:
        """How many numbers the weights are, in all."""
        return sum(int(np.prod(v.shape)) for v in self.weights)
