"""Metrics written as in Keras, whose `update_state` assigns to variables, turned into pure functions of those variables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from caviar.metrics.base import Metric
from caviar.metrics.states import State
from caviar.outside import as_given
from caviar.parts import parts_of, put_together, take_apart

_WRITTEN = {"update_state", "result", "reset_state"}


@dataclass(eq=False, repr=False)
class Adopted(Metric):
    """A metric computed by its own `update_state`, `result` and `reset_state`, each called on a copy.

    >>> import jax.numpy as jnp
    >>> from caviar.metrics import Metric
    >>> from caviar.metrics.adopted import Adopted
    >>> class Largest(Metric):
    ...     def __init__(self, name: str = "largest"):
    ...         super().__init__(name=name)
    ...         self.seen = self.add_variable((), "zeros")
    ...     def update_state(self, y_true, y_pred, sample_weight=None):
    ...         self.seen.assign(jnp.maximum(self.seen.value, jnp.max(jnp.abs(y_true - y_pred))))
    ...     def result(self):
    ...         return self.seen
    >>> largest = Adopted(Largest())
    >>> float(largest.outcome(largest.accumulate(largest.initial(1), jnp.zeros(2), jnp.ones(2))))
    1.0
    """

    metric: Metric

    def initial(self, outputs: int | None = None) -> Any:
        """The values of its variables after `reset_state`, and the states of caviar's metrics inside it."""
        copy = self._copy()
        copy.reset_state()
        for metric in _counting(copy):
            vars(metric).setdefault("_state", metric.start(outputs))
        return _values(copy)

    def accumulate(self, state: Any, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The values of its variables after `update_state`."""
        copy = self._copy(state)
        weights = {} if sample_weight is None else {"sample_weight": sample_weight}
        copy.update_state(y_true, y_pred, **weights)
        return jax.tree.map(lambda new, old: jnp.asarray(new, old.dtype), _values(copy), state)

    def count(self, state: Any, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The state with a batch counted. A mask stays attached to the predictions, as in Keras, for metrics inside to find it."""
        return self.accumulate(state, y_true, y_pred, sample_weight)

    def outcome(self, state: Any) -> jax.Array:
        """What `result` returns."""
        return as_given(self._copy(state).result(), f"result() of metric {self.name!r}")

    def _copy(self, state: Any = None) -> Any:
        apart = take_apart(self.metric)
        copy = put_together(apart.structure, apart.numbers, apart.variables)
        if state is not None:
            for part, value in zip([*copy.variables, *_counting(copy)], state, strict=True):
                vars(part)["_value" if isinstance(part, State) else "_state"] = value
        return copy


def adopted(metric: Any) -> Any:
    """The metric itself, or, if a user wrote its class as in Keras, adopted."""
    foreign = [c for c in type(metric).__mro__ if c.__module__.split(".")[0] != "caviar"]
    return Adopted(metric, name=metric.name) if any(_WRITTEN & vars(c).keys() for c in foreign) else metric


def _counting(metric: Metric) -> list[Metric]:
    """The metric, and those inside it, whose state is caviar's."""
    return [m for m in parts_of(metric, Metric) if type(m).initial is not Metric.initial]


def _values(metric: Metric) -> list[Any]:
    return [*(state.value for state in metric.variables), *(vars(m)["_state"] for m in _counting(metric))]
