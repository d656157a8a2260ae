"""Schedules that go up and down; the momentum goes the other way."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Annotated, Any

import jax
import jax.numpy as jnp

from caviar.declarations import NotNegative, OneOf, Positive, Share
from caviar.optimizers.schedules.base import Schedule, as_float
from caviar.optimizers.schedules.cosine import half_wave

__all__ = ["Cyclic", "OneCycle"]


@dataclass(eq=False, repr=False)
class Cyclic(Schedule):
    """Up and down between two learning rates (PyTorch's `CyclicLR`).

    `mode`: "triangular", "triangular2" (half as high each time) or "exp_range" (times `gamma ** step`).

    >>> from caviar.optimizers.schedules import Cyclic
    >>> Cyclic(0.0, max_lr=1.0, step_size_up=2).curve(6)
    array([0. , 0.5, 1. , 0.5, 0. , 0.5], dtype=float32)
    """

    initial_learning_rate: NotNegative
    max_lr: NotNegative
    step_size_up: Positive = 2000
    step_size_down: Positive | None = None
    mode: Annotated[str, OneOf("triangular", "triangular2", "exp_range")] = "triangular"
    gamma: NotNegative = 1.0
    base_momentum: Share = 0.8
    max_momentum: Share = 0.9

    def __call__(self, step: Any) -> jax.Array:
        """`initial + (max_lr - initial) * height`, the height between 0 and 1."""
        down = self.step_size_up if self.step_size_down is None else self.step_size_down
        cycle = jnp.floor(as_float(step) / (self.step_size_up + down))
        since = as_float(step) - cycle * (self.step_size_up + down)
        height = jnp.minimum(since / self.step_size_up, 1 - (since - self.step_size_up) / down)
        width = self.max_lr - self.initial_learning_rate
        return self.initial_learning_rate + width * height * self._scale(step, cycle)

    def _scale(self, step: Any, cycle: jax.Array) -> Any:
        scales = {
            "triangular": lambda: 1.0,
            "triangular2": lambda: 0.5**cycle,
            "exp_range": lambda: as_float(self.gamma) ** as_float(step),
        }
        return scales[self.mode]()

    def momentum(self) -> Cyclic:
        """The momentum that goes with it: high where the learning rate is low.

        >>> from caviar.optimizers.schedules import Cyclic
        >>> Cyclic(0.0, max_lr=1.0, step_size_up=2).momentum().curve(3).round(2)
        array([0.9 , 0.85, 0.8 ], dtype=float32)
        """
        return self.replace(initial_learning_rate=self.max_momentum, max_lr=self.base_momentum)


@dataclass(eq=False, repr=False)
class OneCycle(Schedule):
    """Up from `max_lr / div_factor`, then down to `1 / final_div_factor` of where it began (PyTorch's `OneCycleLR`).

    `pct_start` is the share of the steps going up; with `three_phase` as many go back down before the last fall.

    >>> from caviar.optimizers.schedules import OneCycle
    >>> OneCycle(1.0, total_steps=5, pct_start=0.6, anneal_strategy="linear").curve(5).round(4)
    array([0.04, 0.52, 1.  , 0.5 , 0.  ], dtype=float32)
    """

    max_lr: NotNegative
    total_steps: Positive
    pct_start: Share = 0.3
    anneal_strategy: Annotated[str, OneOf("cos", "linear")] = "cos"
    base_momentum: Share = 0.85
    max_momentum: Share = 0.95
    div_factor: Positive = 25.0
    final_div_factor: Positive = 1e4
    three_phase: bool = False

    def __call__(self, step: Any) -> jax.Array:
        """The value on the way from one turning point to the next."""
        total, low = as_float(self.total_steps), self.max_lr / as_float(self.div_factor)
        up = self.pct_start * total
        turns = [(as_float(0.0), low), (up - 1, self.max_lr), (total - 1, low / self.final_div_factor)]
        if self.three_phase:
            turns.insert(2, (2 * up - 2, low))
        return self._between(jnp.minimum(as_float(step), turns[-1][0]), turns)

    def _between(self, step: jax.Array, turns: list[tuple[jax.Array, Any]]) -> jax.Array:
        value = as_float(turns[-1][1])
        for (begin, start), (end, stop) in reversed(list(itertools.pairwise(turns))):
            passed = jnp.where(end > begin, (step - begin) / jnp.where(end > begin, end - begin, 1), 1)
            left = half_wave(passed) if self.anneal_strategy == "cos" else 1 - passed
            value = jnp.where(step <= end, stop + (start - stop) * left, value)
        return value

    def momentum(self) -> OneCycle:
        """The momentum that goes with it: down to `base_momentum` and back to `max_momentum`.

        >>> from caviar.optimizers.schedules import OneCycle
        >>> OneCycle(1.0, total_steps=5, pct_start=0.6, anneal_strategy="linear").momentum().curve(5).round(2)
        array([0.95, 0.9 , 0.85, 0.9 , 0.95], dtype=float32)
        """
        div_factor = self.base_momentum / self.max_momentum
        return self.replace(max_lr=self.base_momentum, div_factor=div_factor, final_div_factor=1.0)
