"""Reducing the learning rate when a metric no longer improves: a state and its update, both inside the program."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple

import jax
import jax.numpy as jnp

from caviar import config, engine
from caviar.declarations import Count, NotNegative, OneOf
from caviar.optimizers.schedules.base import as_float
from caviar.parts import Part

__all__ = ["Plateau", "PlateauState"]


class PlateauState(NamedTuple):
    """What is remembered from epoch to epoch."""

    best: jax.Array
    bad_epochs: jax.Array
    cooldown_left: jax.Array


@dataclass(eq=False, repr=False)
class Plateau(Part):
    """The rate times `factor` after more than `patience` epochs without improvement (PyTorch's `ReduceLROnPlateau`).

    Keras reduces when the `patience`-th bad epoch ends, and counts the last epoch of a cooldown again: its
    `ReduceLROnPlateau(patience=p, cooldown=c, min_delta=d)` is
    `Plateau(patience=max(p - 1, 0), cooldown=max(c - 1, 0), threshold=d, threshold_mode="abs", eps=0.0)`.

    >>> from caviar.optimizers.schedules import Plateau
    >>> plateau = Plateau(factor=0.5, patience=1)
    >>> state, rate = plateau.initial(), 0.1
    >>> for loss in [1.0, 1.0, 1.0]:
    ...     state, rate = plateau.update(state, loss, rate)
    >>> round(float(rate), 4)
    0.05
    """

    factor: NotNegative = 0.1
    patience: Count = 10
    threshold: NotNegative = 1e-4
    threshold_mode: Annotated[str, OneOf("rel", "abs")] = "rel"
    cooldown: Count = 0
    min_lr: NotNegative = 0.0
    mode: Annotated[str, OneOf("min", "max")] = "min"
    eps: NotNegative = 1e-8

    def initial(self) -> PlateauState:
        """The state before the first epoch."""
        # finite, with its margins, since `jax_debug_infs` refuses infinities
        worst = float(jnp.finfo(config.floatx()).max) / 4 * (1 if self.mode == "min" else -1)
        return PlateauState(as_float(worst), jnp.zeros((), jnp.int32), jnp.zeros((), jnp.int32))

    @engine.own_rules()
    def update(self, state: PlateauState, metric: Any, rate: Any) -> tuple[PlateauState, jax.Array]:
        """The state after one more epoch, and the learning rate to go on with."""
        metric, rate = jnp.asarray(metric, state.best.dtype), as_float(rate)
        better = self.improved(metric, state.best)
        cooling = state.cooldown_left > 0
        bad = jnp.where(better | cooling, 0, state.bad_epochs + 1)
        left = state.cooldown_left - cooling
        reduce = bad > self.patience
        lower = jnp.maximum(rate * self.factor, self.min_lr)
        now = PlateauState(
            jnp.where(better, metric, state.best),
            jnp.where(reduce, 0, bad).astype(jnp.int32),
            jnp.where(reduce, self.cooldown, left).astype(jnp.int32),
        )
        return now, jnp.where(reduce & (rate - lower > self.eps), lower, rate)

    def improved(self, metric: Any, best: Any) -> jax.Array:
        """Whether the metric is better than the best one by more than the threshold."""
        sign = 1 if self.mode == "max" else -1
        margin = best * (1 + sign * self.threshold) if self.threshold_mode == "rel" else best + sign * self.threshold
        return metric > margin if self.mode == "max" else metric < margin
