"""Follow the regularized leader."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import jax
import jax.numpy as jnp
import optax

from caviar.declarations import NotNegative, Number
from caviar.optimizers.base import Optimizer
from caviar.optimizers.schedules.base import OrSchedule, rate_or_schedule
from caviar.optimizers.transforms import leafwise

__all__ = ["Ftrl"]


@dataclass(eq=False, repr=False)
class Ftrl(Optimizer):
    """Follow the regularized leader: for wide, sparse linear models; its L1 makes weights exactly zero.

    >>> from caviar.optimizers import Ftrl
    >>> Ftrl(0.1, l1_regularization_strength=0.01)
    Ftrl(0.1, l1_regularization_strength=0.01)
    """

    learning_rate_power: Annotated[float, OrSchedule(Number(most=0))] = -0.5
    initial_accumulator_value: NotNegative = 0.1
    l1_regularization_strength: rate_or_schedule = 0.0
    l2_regularization_strength: rate_or_schedule = 0.0
    l2_shrinkage_regularization_strength: rate_or_schedule = 0.0
    beta: rate_or_schedule = 0.0

    by_element = True

    def rule(self) -> optax.GradientTransformation:
        """Move to the minimum of the sum of all linearized losses so far and the regularization."""
        rate, l1 = self.learning_rate, self.l1_regularization_strength

        def step(_: object, g: jax.Array, w: jax.Array, total: jax.Array, linear: jax.Array) -> tuple[jax.Array, ...]:
            before, total = total**-self.learning_rate_power, total + jnp.square(g)
            after = total**-self.learning_rate_power
            linear = linear + g + 2 * self.l2_shrinkage_regularization_strength * w - (after - before) / rate * w
            quadratic = (after + self.beta) / rate + 2 * self.l2_regularization_strength
            return (jnp.clip(linear, -l1, l1) - linear) / quadratic - w, total, linear

        return leafwise(step, lambda w: jnp.full_like(w, self.initial_accumulator_value), jnp.zeros_like)
