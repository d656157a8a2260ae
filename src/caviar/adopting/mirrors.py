"""Variables whose values stay where they are: in the model of another library."""

from __future__ import annotations

from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from caviar.graph.variable import Variable


class Origin:
    """What was adopted. Copies of a layer share it: they have weights of their own, and the same code."""

    def __init__(self, it: Any):
        self.it = it

    def __deepcopy__(self, memo: Any) -> Origin:
        return self

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Origin) and self.it is other.it

    def __hash__(self) -> int:
        return id(self.it)


class Mirror(Variable):
    """A variable that reads and writes the value of another library's variable, so that both are always the same."""

    unwalked: ClassVar[frozenset[str]] = Variable.unwalked | {"source"}

    def __init__(self, source: Any, trainable: bool, name: str):
        self.source = source
        super().__init__(jnp.asarray(source.value), trainable=trainable, name=name)
        vars(self).pop("_value", None)

    @property
    def _value(self) -> jax.Array:
        return jnp.asarray(self.source.value)

    @_value.setter
    def _value(self, value: Any) -> None:
        """Nothing to keep: the value is there already."""

    def assign(self, value: Any) -> Variable:
        """Give the other library's variable another value of the same shape."""
        super().assign(value)
        self.source.assign(vars(self).pop("_value"))
        return self

    def __deepcopy__(self, memo: Any) -> Variable:
        copy = Variable(jnp.array(self.value), trainable=self.trainable, name=self.name)
        memo[id(self)] = copy  # its array, too: Keras gives its own away when it trains
        return copy
