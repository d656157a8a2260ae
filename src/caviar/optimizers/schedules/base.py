"""What every schedule shares: a number that is a function of the step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from caviar import config
from caviar.errors import ArgumentError
from caviar.parts import Part

float_or_schedule: TypeAlias = Any
"""How a field is declared that takes a number, or a schedule in its place."""


@dataclass(eq=False, repr=False)
class Schedule(Part):
    """A number that changes with the step: a learning rate, a momentum, a weight decay.

    A new schedule is a dataclass with `__call__`, written in `jax.numpy`, because inside a program the step is traced.

    >>> from caviar.optimizers.schedules import StepDecay
    >>> StepDecay(0.1, step_size=2, gamma=0.5).curve(5)
    array([0.1  , 0.1  , 0.05 , 0.05 , 0.025], dtype=float32)
    """

    def __call__(self, step: Any) -> jax.Array:
        """The value used by the given step; the first step is 0."""
        raise NotImplementedError(f"{type(self).__name__} needs a __call__(self, step)")

    def curve(self, steps: int) -> np.ndarray:
        """The values of the first steps, for plotting."""
        return np.asarray(jax.vmap(self)(jnp.arange(steps)))

    def every(self, steps: int) -> Schedule:
        """The same schedule counted in epochs of so many steps.

        >>> from caviar.optimizers.schedules import ExponentialDecay
        >>> ExponentialDecay(1.0, 1, 0.5).every(2).curve(4)
        array([1. , 1. , 0.5, 0.5], dtype=float32)
        """
        return Every(self, steps)


@dataclass(eq=False, repr=False)
class Every(Schedule):
    """A schedule that moves on once in so many steps; `schedule.every(steps)` makes it.

    >>> from caviar.optimizers.schedules import StepDecay
    >>> StepDecay(1.0, 1, 0.5).every(3)
    Every(StepDecay(1.0, step_size=1, gamma=0.5), steps=3)
    """

    schedule: Schedule
    steps: int

    def __call__(self, step: Any) -> jax.Array:
        """The schedule's value at the epoch in which the step lies."""
        return self.schedule(jnp.asarray(step) // self.steps)


def as_float(value: Any) -> jax.Array:
    """A step or a number in the float type of the library."""
    return jnp.asarray(value, config.floatx())


def value_at(value: float_or_schedule | Callable[[Any], Any], step: Any) -> Any:
    """The number itself, or what the schedule says for this step.

    >>> value_at(0.1, 7)
    0.1
    """
    return value(step) if callable(value) else value


def positive(schedule: Schedule, **counts: Any) -> None:
    """Refuse counts of steps that are not above zero; traced ones were checked before."""
    for name, count in counts.items():
        if isinstance(count, (int, float)) and count <= 0:
            raise ArgumentError(f"{type(schedule).__name__} needs {name} above 0, and was given {count}")
