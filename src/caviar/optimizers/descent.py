"""Gradient descent: without or with momentum, or with an average of the weights."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any

import jax
import jax.numpy as jnp
import optax

from caviar.optimizers.base import Optimizer, OptimizerState
from caviar.optimizers.schedules.base import float_or_schedule, rate_or_schedule, share_or_schedule
from caviar.optimizers.transforms import leafwise
from caviar.parts import is_off

__all__ = ["ASGD", "SGD"]


@dataclass(eq=False, repr=False)
class SGD(Optimizer):
    """Gradient descent, with momentum if wanted: `v = momentum v - rate g; w = w + v`.

    With `rate_inside=False` the momentum is multiplied by the rate, and not the gradients that enter it (PyTorch's way; the two
    differ only while the rate changes). `dampening` is PyTorch's. `average=True` makes the momentum an average:
    `v = momentum v + (1 - momentum) rate g`.

    >>> from caviar.optimizers import SGD
    >>> SGD(0.1, momentum=0.9, nesterov=True)
    SGD(0.1, momentum=0.9, nesterov=True)
    """

    learning_rate: rate_or_schedule = 0.01
    momentum: share_or_schedule = 0.0
    nesterov: bool = False
    _: KW_ONLY
    dampening: float_or_schedule = 0.0
    average: bool = False
    rate_inside: bool = True

    by_element = True

    def transform(self) -> optax.GradientTransformation:
        """The gradients that enter the momentum."""
        if self.average:
            return optax.scale(1 - self.momentum)
        if is_off(self.dampening):
            return optax.identity()
        return optax.scale_by_schedule(lambda count: jnp.where(count == 0, 1, 1 - self.dampening))

    def rule(self) -> optax.GradientTransformation:
        """The step with momentum and learning rate, in the order that `rate_inside` says."""
        return with_momentum(self, self.nesterov)


def with_momentum(optimizer: Any, nesterov: bool) -> optax.GradientTransformation:
    """The optimizer's direction with momentum and learning rate; the rate multiplies before the momentum or after it."""
    direction, rate = optimizer.transform(), optax.scale(-optimizer.learning_rate)
    if is_off(optimizer.momentum):
        return optax.chain(direction, rate)
    momentum = optax.trace(optimizer.momentum, nesterov)
    return optax.chain(direction, *((rate, momentum) if optimizer.rate_inside else (momentum, rate)))


@dataclass(eq=False, repr=False)
class ASGD(Optimizer):
    """Averaged descent (Polyak): SGD, beside which the mean of its weights is computed; training ends with the mean.

    As in PyTorch the rate falls to `rate / (1 + lambd rate t) ** alpha`, the weights decay by `lambd` times the rate,
    and the mean counts the weights of the steps after `t0 + 1`; before, it is just the weights.

    >>> from caviar.optimizers import ASGD
    >>> ASGD(0.1, t0=100)
    ASGD(0.1, t0=100)
    """

    learning_rate: rate_or_schedule = 0.01
    lambd: rate_or_schedule = 0.0001
    alpha: rate_or_schedule = 0.75
    t0: rate_or_schedule = 1e6

    by_element = True

    def rule(self) -> optax.GradientTransformation:
        """A step of descent, and of the mean."""

        def step(t: jax.Array, g: jax.Array, w: jax.Array, mean: jax.Array) -> tuple[jax.Array, jax.Array]:
            rate = self.learning_rate / (1 + self.lambd * self.learning_rate * (t - 1)) ** self.alpha
            move = -rate * (g + self.lambd * w)
            share = 1 / jnp.maximum(1, t - 1 - self.t0)
            return move, mean + share * (w + move - mean)

        return leafwise(step, lambda w: w)

    def averaged(self, state: OptimizerState, params: Any) -> Any:
        """The mean of the weights."""
        return super().averaged(state, state.rule[-1].slots[0] if not self.use_ema else params)
