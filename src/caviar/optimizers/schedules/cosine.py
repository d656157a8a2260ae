"""Schedules along a half wave of the cosine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from caviar.declarations import NotNegative, Positive, Size
from caviar.optimizers.schedules.base import Schedule, as_float

__all__ = ["CosineAnnealing", "CosineAnnealingRestarts", "CosineDecay", "CosineDecayRestarts"]


def half_wave(passed: Any) -> jax.Array:
    """From 1 to 0 along a cosine while `passed` goes from 0 to 1."""
    return 0.5 * (1 + jnp.cos(jnp.pi * as_float(passed)))


@dataclass(eq=False, repr=False)
class CosineDecay(Schedule):
    """Down along a cosine to the fraction `alpha`, if wanted after a linear rise to `warmup_target`.

    >>> from caviar.optimizers.schedules import CosineDecay
    >>> CosineDecay(1.0, decay_steps=2).curve(3).round(6)
    array([1. , 0.5, 0. ], dtype=float32)
    """

    initial_learning_rate: NotNegative
    decay_steps: Positive
    alpha: NotNegative = 0.0
    name: str | None = None
    warmup_target: NotNegative | None = None
    warmup_steps: NotNegative = 0

    def __call__(self, step: Any) -> jax.Array:
        """The cosine from `initial_learning_rate`, or the rise and then the cosine from `warmup_target`."""
        if self.warmup_target is None:
            return self._decay(as_float(step), self.initial_learning_rate)
        since = as_float(step) - self.warmup_steps
        rise = self.initial_learning_rate + (self.warmup_target - self.initial_learning_rate) * (
            as_float(step) / jnp.maximum(self.warmup_steps, 1)
        )
        return jnp.where(since < 0, rise, self._decay(since, self.warmup_target))

    def _decay(self, since: jax.Array, start: Any) -> jax.Array:
        wave = half_wave(jnp.clip(since / self.decay_steps, 0, 1))
        return start * ((1 - self.alpha) * wave + self.alpha)


@dataclass(eq=False, repr=False)
class CosineDecayRestarts(Schedule):
    """Down along a cosine, then up at once and down again, each time `t_mul` times longer and `m_mul` times as high.

    >>> from caviar.optimizers.schedules import CosineDecayRestarts
    >>> CosineDecayRestarts(1.0, first_decay_steps=2).curve(4).round(6)
    array([1.      , 0.5     , 1.      , 0.853553], dtype=float32)
    """

    initial_learning_rate: NotNegative
    first_decay_steps: Positive
    t_mul: Positive = 2.0
    m_mul: NotNegative = 1.0
    alpha: NotNegative = 0.0
    name: str | None = None

    fixed = ("t_mul",)

    def __call__(self, step: Any) -> jax.Array:
        """The cosine of the present period."""
        period, passed = restarts(as_float(step) / self.first_decay_steps, self.t_mul)
        wave = as_float(self.m_mul) ** period * half_wave(passed)
        return self.initial_learning_rate * ((1 - self.alpha) * wave + self.alpha)


@dataclass(eq=False, repr=False)
class CosineAnnealing(Schedule):
    """Down along a cosine to `eta_min` in `T_max` steps, and up again the same way (PyTorch's `CosineAnnealingLR`).

    >>> from caviar.optimizers.schedules import CosineAnnealing
    >>> CosineAnnealing(1.0, T_max=2, eta_min=0.5).curve(5).round(6)
    array([1.  , 0.75, 0.5 , 0.75, 1.  ], dtype=float32)
    """

    initial_learning_rate: NotNegative
    T_max: Positive
    eta_min: NotNegative = 0.0

    def __call__(self, step: Any) -> jax.Array:
        """`eta_min + (initial - eta_min) * (1 + cos(pi * step / T_max)) / 2`."""
        return self.eta_min + (self.initial_learning_rate - self.eta_min) * half_wave(as_float(step) / self.T_max)


@dataclass(eq=False, repr=False)
class CosineAnnealingRestarts(Schedule):
    """Down along a cosine in `T_0` steps, then at once up again (PyTorch's `CosineAnnealingWarmRestarts`).

    >>> from caviar.optimizers.schedules import CosineAnnealingRestarts
    >>> CosineAnnealingRestarts(1.0, T_0=2).curve(4).round(6)
    array([1. , 0.5, 1. , 0.5], dtype=float32)
    """

    initial_learning_rate: NotNegative
    T_0: Positive
    T_mult: Size = 1
    eta_min: NotNegative = 0.0

    def __call__(self, step: Any) -> jax.Array:
        """The cosine of the present period, each `T_mult` times as long as the one before."""
        _, passed = restarts(as_float(step) / self.T_0, self.T_mult)
        return self.eta_min + (self.initial_learning_rate - self.eta_min) * half_wave(passed)


def restarts(time: jax.Array, longer: float) -> tuple[jax.Array, jax.Array]:
    """Which period the time is in, and how much of it has passed; the first has length 1, each next `longer` times."""
    if longer == 1:
        return jnp.floor(time), time - jnp.floor(time)

    def length(period: jax.Array) -> jax.Array:
        power = as_float(longer) ** period
        return jnp.round(power) if longer == int(longer) else power

    def start(period: jax.Array) -> jax.Array:
        return (length(period) - 1) / (longer - 1)

    period = jnp.floor(jnp.log1p(time * (longer - 1)) / jnp.log(as_float(longer)))
    # The logarithm may be rounded to the next period.
    period = period + (time >= start(period + 1)) - (time < start(period))
    return period, (time - start(period)) / length(period)
