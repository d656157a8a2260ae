"""Schedules that fall (or rise) along a power, an exponential or a line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from caviar.declarations import NotNegative, Positive
from caviar.optimizers.schedules.base import Schedule, as_float

__all__ = ["ExponentialDecay", "InverseTimeDecay", "LinearRamp", "PolynomialDecay"]


def time_passed(step: Any, decay_steps: Any, staircase: bool) -> jax.Array:
    """How many times `decay_steps` have passed; with `staircase` only the whole ones count."""
    passed = as_float(step) / decay_steps
    return jnp.floor(passed) if staircase else passed


@dataclass(eq=False, repr=False)
class ExponentialDecay(Schedule):
    """Times `decay_rate` in every `decay_steps` steps, gradually; with `staircase`, at once at their end.

    PyTorch's `ExponentialLR` is the one with `decay_steps=1`.

    >>> from caviar.optimizers.schedules import ExponentialDecay
    >>> ExponentialDecay(1.0, decay_steps=1, decay_rate=0.5).curve(4)
    array([1.   , 0.5  , 0.25 , 0.125], dtype=float32)
    """

    initial_learning_rate: NotNegative
    decay_steps: Positive
    decay_rate: NotNegative
    staircase: bool = False
    name: str | None = None

    def __call__(self, step: Any) -> jax.Array:
        """`initial_learning_rate * decay_rate ** (step / decay_steps)`."""
        passed = time_passed(step, self.decay_steps, self.staircase)
        return self.initial_learning_rate * as_float(self.decay_rate) ** passed


@dataclass(eq=False, repr=False)
class InverseTimeDecay(Schedule):
    """Divided by one plus the time passed; PyTorch's `Adagrad(lr_decay=...)` is the one with `decay_steps=1`.

    >>> from caviar.optimizers.schedules import InverseTimeDecay
    >>> InverseTimeDecay(1.0, decay_steps=1, decay_rate=1.0).curve(4)
    array([1.        , 0.5       , 0.33333334, 0.25      ], dtype=float32)
    """

    initial_learning_rate: NotNegative
    decay_steps: Positive
    decay_rate: NotNegative
    staircase: bool = False
    name: str | None = None

    def __call__(self, step: Any) -> jax.Array:
        """`initial_learning_rate / (1 + decay_rate * step / decay_steps)`."""
        return self.initial_learning_rate / (1 + self.decay_rate * time_passed(step, self.decay_steps, self.staircase))


@dataclass(eq=False, repr=False)
class PolynomialDecay(Schedule):
    """From the first to the last learning rate along a power of the time left; with `cycle`, again and again.

    PyTorch's `PolynomialLR` is the one with `end_learning_rate=0`.

    >>> from caviar.optimizers.schedules import PolynomialDecay
    >>> PolynomialDecay(1.0, decay_steps=4, end_learning_rate=0.0, power=2.0).curve(5)
    array([1.    , 0.5625, 0.25  , 0.0625, 0.    ], dtype=float32)
    """

    initial_learning_rate: NotNegative
    decay_steps: Positive
    end_learning_rate: NotNegative = 0.0001
    power: NotNegative = 1.0
    cycle: bool = False
    name: str | None = None

    def __call__(self, step: Any) -> jax.Array:
        """`end + (initial - end) * (1 - step / decay_steps) ** power`."""
        passed = as_float(step) / self.decay_steps
        passed = passed / jnp.maximum(jnp.ceil(passed), 1) if self.cycle else jnp.minimum(passed, 1)
        height = self.initial_learning_rate - self.end_learning_rate
        return self.end_learning_rate + height * (1 - passed) ** self.power


@dataclass(eq=False, repr=False)
class LinearRamp(Schedule):
    """Along a line from one fraction of the learning rate to another, and on there (PyTorch's `LinearLR`).

    >>> from caviar.optimizers.schedules import LinearRamp
    >>> LinearRamp(1.0, start_factor=0.5, end_factor=1.0, total_iters=2).curve(4)
    array([0.5 , 0.75, 1.  , 1.  ], dtype=float32)
    """

    initial_learning_rate: NotNegative
    start_factor: NotNegative = 1 / 3
    end_factor: NotNegative = 1.0
    total_iters: Positive = 5

    def __call__(self, step: Any) -> jax.Array:
        """`initial_learning_rate` times a factor that moves from `start_factor` to `end_factor`."""
        passed = jnp.minimum(as_float(step) / self.total_iters, 1)
        return self.initial_learning_rate * (self.start_factor + (self.end_factor - self.start_factor) * passed)
