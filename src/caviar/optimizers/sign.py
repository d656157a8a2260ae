"""Optimizers that use only the sign of the gradient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import optax

from caviar.declarations import Number
from caviar.optimizers.base import Optimizer
from caviar.optimizers.schedules.base import OrSchedule, fraction_or_schedule, positive_or_schedule
from caviar.optimizers.transforms import leafwise

__all__ = ["Lion", "Rprop"]


@dataclass(eq=False, repr=False)
class Lion(Optimizer):
    """The sign of the momentum: half of Adam's memory; use a rate a few times smaller than Adam's.

    >>> from caviar.optimizers import Lion
    >>> Lion(1e-4)
    Lion(0.0001)
    """

    beta_1: fraction_or_schedule = 0.9
    beta_2: fraction_or_schedule = 0.99

    by_element = True

    def transform(self) -> optax.GradientTransformation:
        """The sign of the momentum with the present gradient."""
        return optax.scale_by_lion(self.beta_1, self.beta_2)


@dataclass(eq=False, repr=False)
class Rprop(Optimizer):
    """Every weight has its own step, longer while its gradient keeps its sign; for whole batches only.

    The learning rate is the first step of all weights.

    >>> from caviar.optimizers import Rprop
    >>> Rprop(0.01)
    Rprop(0.01)
    """

    eta_minus: Annotated[float, OrSchedule(Number(above=0, below=1))] = 0.5
    eta_plus: Annotated[float, OrSchedule(Number(above=1))] = 1.2
    min_step: positive_or_schedule = 1e-6
    max_step: positive_or_schedule = 50.0

    by_element = True

    def rule(self) -> optax.GradientTransformation:
        """Lengthen a weight's step while the sign stays the same; shorten it, and do not move, when it changes."""

        def step(_: Any, g: jax.Array, __: Any, before: jax.Array, size: jax.Array) -> tuple[jax.Array, ...]:
            turn = jnp.sign(g * before)
            factor = jnp.where(turn > 0, self.eta_plus, jnp.where(turn < 0, self.eta_minus, 1))
            size = jnp.clip(size * factor, self.min_step, self.max_step)
            g = jnp.where(turn < 0, 0, g)
            return -jnp.sign(g) * size, g, size

        return leafwise(step, jnp.zeros_like, lambda w: jnp.full_like(w, self.learning_rate))
