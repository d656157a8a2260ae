"""Optimizers that scale the step of every single weight by the squares of its gradients."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import optax

from caviar.declarations import NotNegative, OneOf
from caviar.optimizers.base import Optimizer
from caviar.optimizers.descent import with_momentum
from caviar.optimizers.schedules.base import rate_or_schedule, share_or_schedule
from caviar.optimizers.transforms import leafwise, root

__all__ = ["Adadelta", "Adagrad", "RMSprop"]


@dataclass(eq=False, repr=False)
class Adagrad(Optimizer):
    """Divides by the root of the sum of all squared gradients so far: rarely used weights take larger steps.

    `epsilon_at` is "inside" the root, or "outside" as in the paper and in PyTorch.

    >>> from caviar.optimizers import Adagrad
    >>> Adagrad(0.1)
    Adagrad(0.1)
    """

    initial_accumulator_value: NotNegative = 0.1
    epsilon: rate_or_schedule = 1e-7
    _: KW_ONLY
    epsilon_at: Annotated[str, OneOf("inside", "outside")] = "inside"

    by_element = True

    def transform(self) -> optax.GradientTransformation:
        """`g / sqrt(sum of g^2)`."""

        def step(_: Any, g: jax.Array, __: Any, total: jax.Array) -> tuple[jax.Array, jax.Array]:
            total = total + jnp.square(g)
            return g / root(total, self.epsilon, self.epsilon_at), total

        return leafwise(step, lambda w: jnp.full_like(w, self.initial_accumulator_value))


@dataclass(eq=False, repr=False)
class RMSprop(Optimizer):
    """Adagrad that forgets: divides by the root of a running average of the squared gradients.

    `centered` takes their variance instead. `epsilon_at` is "inside" the root, or "outside" as in PyTorch;
    `rate_inside=False` lets the rate multiply after the momentum, as there.

    >>> from caviar.optimizers import RMSprop
    >>> RMSprop(0.01, momentum=0.9)
    RMSprop(0.01, momentum=0.9)
    """

    rho: share_or_schedule = 0.9
    momentum: share_or_schedule = 0.0
    epsilon: rate_or_schedule = 1e-7
    centered: bool = False
    _: KW_ONLY
    epsilon_at: Annotated[str, OneOf("inside", "outside")] = "inside"
    rate_inside: bool = True

    by_element = True

    def transform(self) -> optax.GradientTransformation:
        """`g / sqrt(average of g^2)`."""

        def step(_: Any, g: jax.Array, __: Any, square: jax.Array, *mean: jax.Array) -> tuple[jax.Array, ...]:
            square = self.rho * square + (1 - self.rho) * jnp.square(g)
            mean = tuple(self.rho * m + (1 - self.rho) * g for m in mean)
            spread = square - sum(jnp.square(m) for m in mean)
            return g / root(spread, self.epsilon, self.epsilon_at), square, *mean

        return leafwise(step, *[jnp.zeros_like] * (2 if self.centered else 1))

    def rule(self) -> optax.GradientTransformation:
        """The step with momentum and learning rate, in the order that `rate_inside` says."""
        return with_momentum(self, nesterov=False)


@dataclass(eq=False, repr=False)
class Adadelta(Optimizer):
    """RMSprop, multiplied by the root of the mean squared step, so that steps have the units of weights. The paper's rate is 1.

    >>> from caviar.optimizers import Adadelta
    >>> Adadelta(1.0)
    Adadelta(1.0)
    """

    rho: share_or_schedule = 0.95
    epsilon: rate_or_schedule = 1e-7

    by_element = True

    def transform(self) -> optax.GradientTransformation:
        """`g * sqrt(average of steps^2) / sqrt(average of g^2)`."""

        def step(_: Any, g: jax.Array, __: Any, square: jax.Array, moved: jax.Array) -> tuple[jax.Array, ...]:
            square = self.rho * square + (1 - self.rho) * jnp.square(g)
            move = g * jnp.sqrt(moved + self.epsilon) / jnp.sqrt(square + self.epsilon)
            return move, square, self.rho * moved + (1 - self.rho) * jnp.square(move)

        return leafwise(step, jnp.zeros_like, jnp.zeros_like)
