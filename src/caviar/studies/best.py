"""The rule that each member of a population trains with: it keeps the best value, and the weights of that epoch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from caviar import config
from caviar.training.monitor import better, direction, worst
from caviar.training.rules import Rule, Ruling


@dataclass(eq=False, repr=False)
class KeepBest(Rule):
    """Keep the weights of the best epoch; it never stops anything.

    >>> from caviar.studies.best import KeepBest
    >>> KeepBest("val_accuracy")
    KeepBest('val_accuracy')
    """

    monitor: str
    mode: str = "auto"

    def initial(self, weights: Any) -> Any:
        """The first weights, and no best value."""
        start = jnp.asarray(worst(direction(self.monitor, self.mode)), config.floatx())
        return {"best": start, "weights": jax.tree.map(jnp.copy, weights)}

    def epoch_end(self, state: Any, epoch: Any, logs: dict[str, Any], weights: Any, rate: Any) -> tuple[Any, Ruling]:
        """Store the weights if the epoch is better than all before."""
        value, sign = logs[self.monitor], direction(self.monitor, self.mode)
        improved = better(value, state["best"], sign) & jnp.isfinite(logs.get("loss", value))
        kept = jax.tree.map(lambda new, old: jnp.where(improved, new, old), weights, state["weights"])
        return {"best": jnp.where(improved, value, state["best"]), "weights": kept}, Ruling(jnp.zeros((), bool), rate)

    def without_best(self, state: Any) -> Any:
        """The state with no best value, but with the weights."""
        return {**state, "best": np.full_like(state["best"], worst(direction(self.monitor, self.mode)))}

    def final_weights(self, state: Any, weights: Any) -> Any:
        """The best weights."""
        return state["weights"]
