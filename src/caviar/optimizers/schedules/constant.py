"""Schedules made of level pieces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import jax
import jax.numpy as jnp

from caviar.declarations import Each, NotNegative, Number, Positive
from caviar.errors import ArgumentError
from caviar.optimizers.schedules.base import Schedule, as_float

__all__ = ["ConstantStart", "MultiStepDecay", "PiecewiseConstantDecay", "StepDecay"]


@dataclass(eq=False, repr=False)
class PiecewiseConstantDecay(Schedule):
    """A level for each stretch of steps: `values[i]` up to and including the step `boundaries[i]`.

    >>> from caviar.optimizers.schedules import PiecewiseConstantDecay
    >>> PiecewiseConstantDecay([1, 3], [1.0, 0.5, 0.1]).curve(5)
    array([1. , 1. , 0.5, 0.5, 0.1], dtype=float32)
    """

    boundaries: Annotated[Any, Each(Number(least=0), alone=False)]
    values: Annotated[Any, Each(Number(least=0), alone=False)]
    name: str | None = None

    def __post_init__(self) -> None:
        if len(self.values) != len(self.boundaries) + 1:
            raise ArgumentError(
                f"PiecewiseConstantDecay was given {len(self.boundaries)} boundaries and {len(self.values)} values: "
                "there must be one value more than boundaries"
            )
        numbers = [b for b in self.boundaries if isinstance(b, (int, float))]  # others are still ranges
        if numbers != sorted(numbers):
            raise ArgumentError(f"PiecewiseConstantDecay was given boundaries={self.boundaries}: they must rise")

    def __call__(self, step: Any) -> jax.Array:
        """The level of the stretch in which the step lies."""
        passed = sum(as_float(step) > b for b in self.boundaries)
        return jnp.stack([as_float(v) for v in self.values])[passed]


@dataclass(eq=False, repr=False)
class StepDecay(Schedule):
    """Times `gamma` after every `step_size` steps (PyTorch's `StepLR`).

    >>> from caviar.optimizers.schedules import StepDecay
    >>> StepDecay(1.0, step_size=2, gamma=0.5).curve(5)
    array([1.  , 1.  , 0.5 , 0.5 , 0.25], dtype=float32)
    """

    initial_learning_rate: NotNegative
    step_size: Positive
    gamma: NotNegative = 0.1

    def __call__(self, step: Any) -> jax.Array:
        """`initial_learning_rate * gamma ** floor(step / step_size)`."""
        return self.initial_learning_rate * as_float(self.gamma) ** jnp.floor(as_float(step) / self.step_size)


@dataclass(eq=False, repr=False)
class MultiStepDecay(Schedule):
    """Times `gamma` at each of the given steps (PyTorch's `MultiStepLR`).

    >>> from caviar.optimizers.schedules import MultiStepDecay
    >>> MultiStepDecay(1.0, milestones=[1, 3], gamma=0.5).curve(4)
    array([1.  , 0.5 , 0.5 , 0.25], dtype=float32)
    """

    initial_learning_rate: NotNegative
    milestones: Annotated[Any, Each(Number(least=0), alone=False)]
    gamma: NotNegative = 0.1

    def __call__(self, step: Any) -> jax.Array:
        """`initial_learning_rate * gamma ** (milestones reached)`."""
        reached = sum(as_float(as_float(step) >= m) for m in self.milestones)
        return self.initial_learning_rate * as_float(self.gamma) ** reached


@dataclass(eq=False, repr=False)
class ConstantStart(Schedule):
    """A fraction of the learning rate for the first steps, then all of it (PyTorch's `ConstantLR`).

    >>> from caviar.optimizers.schedules import ConstantStart
    >>> ConstantStart(1.0, factor=0.5, total_iters=2).curve(4)
    array([0.5, 0.5, 1. , 1. ], dtype=float32)
    """

    initial_learning_rate: NotNegative
    factor: NotNegative = 1 / 3
    total_iters: Positive = 5

    def __call__(self, step: Any) -> jax.Array:
        """`initial_learning_rate`, times `factor` before the step `total_iters`."""
        return self.initial_learning_rate * jnp.where(as_float(step) < self.total_iters, as_float(self.factor), 1.0)
