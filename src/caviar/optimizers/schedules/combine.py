"""Schedules made of schedules."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any

import jax
import jax.numpy as jnp

from caviar.declarations import Each, Kind, NotNegative, Number, Size
from caviar.errors import ArgumentError
from caviar.optimizers.schedules.base import Schedule, as_float, rate_or_schedule, value_at

__all__ = ["Chained", "LinearWarmup", "Sequential"]


@dataclass(eq=False, repr=False)
class Chained(Schedule):
    """Several schedules at the same time: their product, so all but one start from the learning rate 1.

    >>> from caviar.optimizers.schedules import Chained, ExponentialDecay
    >>> Chained([ExponentialDecay(0.1, 1, 3 / 2), ExponentialDecay(1.0, 1, 2 / 3)]).curve(3).round(6)
    array([0.1, 0.1, 0.1], dtype=float32)
    """

    schedules: Annotated[Any, Each(Kind(Schedule), alone=False)]

    def __call__(self, step: Any) -> jax.Array:
        """The product of their values at this step."""
        return as_float(math.prod(value_at(schedule, step) for schedule in self.schedules))


@dataclass(eq=False, repr=False)
class Sequential(Schedule):
    """Several schedules one after another; each begins at its milestone, from its own first step.

    >>> from caviar.optimizers.schedules import ExponentialDecay, Sequential
    >>> Sequential([ExponentialDecay(1.0, 1, 2.0), ExponentialDecay(1.0, 1, 0.5)], milestones=[2]).curve(5)
    array([1.  , 2.  , 1.  , 0.5 , 0.25], dtype=float32)
    """

    schedules: Annotated[Any, Each(Kind(Schedule), alone=False)]
    milestones: Annotated[Any, Each(Number(least=0, whole=True), alone=False)]

    def __call__(self, step: Any) -> jax.Array:
        """The value of the schedule in whose stretch the step lies, counted from its milestone."""
        if len(self.schedules) != len(self.milestones) + 1:
            raise ArgumentError(
                f"Sequential was given {len(self.schedules)} schedules and {len(self.milestones)} milestones: "
                "there must be one schedule more than milestones"
            )
        value = as_float(value_at(self.schedules[0], step))
        for schedule, milestone in zip(self.schedules[1:], self.milestones, strict=True):
            since = jnp.maximum(jnp.asarray(step) - milestone, 0)
            value = jnp.where(jnp.asarray(step) >= milestone, as_float(value_at(schedule, since)), value)
        return value


@dataclass(eq=False, repr=False)
class LinearWarmup(Schedule):
    """Up along a line to where a schedule (or a number) begins, then that schedule.

    >>> from caviar.optimizers.schedules import LinearWarmup
    >>> LinearWarmup(0.1, steps=4).curve(6)
    array([0.   , 0.025, 0.05 , 0.075, 0.1  , 0.1  ], dtype=float32)
    """

    schedule: rate_or_schedule
    steps: Size
    start: NotNegative = 0.0

    def __call__(self, step: Any) -> jax.Array:
        """The line before `steps`, the schedule after."""
        first = value_at(self.schedule, 0)
        rise = self.start + (first - self.start) * (as_float(step) / self.steps)
        later = value_at(self.schedule, jnp.maximum(jnp.asarray(step) - self.steps, 0))
        return jnp.where(jnp.asarray(step) < self.steps, rise, as_float(later))
