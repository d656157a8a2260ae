"""Adam and its relatives: a running mean of gradients gives the direction, one of their squares the size of a step."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import optax

from caviar.declarations import OneOf
from caviar.optimizers.base import Optimizer
from caviar.optimizers.schedules.base import fraction_or_schedule, rate_or_schedule
from caviar.optimizers.transforms import leafwise, root

__all__ = ["Adam", "AdamW", "Adamax", "Nadam", "RAdam"]


def averages(g: jax.Array, m: jax.Array, v: jax.Array, beta_1: Any, beta_2: Any) -> tuple[jax.Array, jax.Array]:
    """The running averages of the gradient and of its square, with one more gradient."""
    return beta_1 * m + (1 - beta_1) * g, beta_2 * v + (1 - beta_2) * jnp.square(g)


def corrected(t: Any, m: Any, v: Any, beta_1: Any, beta_2: Any, epsilon: Any, epsilon_at: str) -> jax.Array:
    """`m_hat / sqrt(v_hat)`, both corrected for having started from zero; `epsilon_at` says where epsilon is added."""
    first, second = 1 - beta_1**t, 1 - beta_2**t
    if epsilon_at == "hat":
        return m * (jnp.sqrt(second) / first) / (jnp.sqrt(v) + epsilon)
    return m / first / root(v / second, epsilon, epsilon_at)


@dataclass(eq=False, repr=False)
class Adam(Optimizer):
    """`w -= rate * m_hat / (sqrt(v_hat) + epsilon)`: works nearly everywhere, with little tuning.

    `epsilon_at`: "hat" adds epsilon to the root of v before it is corrected (Kingma and Ba's "epsilon hat", Keras),
    "outside" to the root of v_hat (their Algorithm 1, PyTorch), "inside" to v_hat under the root.

    >>> from caviar.optimizers import Adam
    >>> Adam(0.01, beta_1=0.8)
    Adam(0.01, beta_1=0.8)
    """

    beta_1: fraction_or_schedule = 0.9
    beta_2: fraction_or_schedule = 0.999
    epsilon: rate_or_schedule = 1e-7
    amsgrad: bool = False
    _: KW_ONLY
    epsilon_at: Annotated[str, OneOf("hat", "outside", "inside")] = "hat"

    by_element = True

    def transform(self) -> optax.GradientTransformation:
        """`m_hat / sqrt(v_hat)`; with `amsgrad` v never shrinks."""

        def step(t: jax.Array, g: jax.Array, _: Any, m: jax.Array, v: jax.Array, *most: jax.Array) -> tuple[Any, ...]:
            m, v = averages(g, m, v, self.beta_1, self.beta_2)
            most = tuple(jnp.maximum(top, v) for top in most)
            size = most[0] if self.amsgrad else v
            return corrected(t, m, size, self.beta_1, self.beta_2, self.epsilon, self.epsilon_at), m, v, *most

        return leafwise(step, *[jnp.zeros_like] * (3 if self.amsgrad else 2))


@dataclass(eq=False, repr=False)
class AdamW(Adam):
    """Adam with decoupled weight decay: it shrinks the weights directly, and is not added to the gradient.

    >>> from caviar.optimizers import AdamW
    >>> AdamW(0.01, weight_decay=0.1)
    AdamW(0.01, weight_decay=0.1)
    """

    weight_decay: rate_or_schedule | None = 0.004


@dataclass(eq=False, repr=False)
class Adamax(Optimizer):
    """Adam that divides by the largest recent |gradient| (with decay) in place of the root of the mean square.

    `epsilon_at` is "outside" that maximum, or "inside" it as in PyTorch.

    >>> from caviar.optimizers import Adamax
    >>> Adamax(0.01)
    Adamax(0.01)
    """

    beta_1: fraction_or_schedule = 0.9
    beta_2: fraction_or_schedule = 0.999
    epsilon: rate_or_schedule = 1e-7
    _: KW_ONLY
    epsilon_at: Annotated[str, OneOf("inside", "outside")] = "outside"

    by_element = True

    def transform(self) -> optax.GradientTransformation:
        """`m_hat / max(|g|)`."""
        inside = self.epsilon_at == "inside"

        def step(t: jax.Array, g: jax.Array, _: Any, m: jax.Array, top: jax.Array) -> tuple[jax.Array, ...]:
            m = self.beta_1 * m + (1 - self.beta_1) * g
            top = jnp.maximum(self.beta_2 * top, jnp.abs(g) + (self.epsilon if inside else 0))
            return m / ((1 - self.beta_1**t) * (top if inside else top + self.epsilon)), m, top

        return leafwise(step, jnp.zeros_like, jnp.zeros_like)


@dataclass(eq=False, repr=False)
class Nadam(Optimizer):
    """Adam with Nesterov's look ahead; the momentum grows to `beta_1` at the pace of `momentum_decay`.

    >>> from caviar.optimizers import Nadam
    >>> Nadam(0.01)
    Nadam(0.01)
    """

    beta_1: fraction_or_schedule = 0.9
    beta_2: fraction_or_schedule = 0.999
    epsilon: rate_or_schedule = 1e-7
    _: KW_ONLY
    momentum_decay: rate_or_schedule = 1.0

    by_element = True

    def transform(self) -> optax.GradientTransformation:
        """Adam with the next step's momentum."""

        def momentum(t: jax.Array) -> jax.Array:
            return self.beta_1 * (1 - 0.5 * 0.96 ** (t * self.momentum_decay))

        def step(t: jax.Array, g: jax.Array, _: Any, m: Any, v: Any, product: Any) -> tuple[jax.Array, ...]:
            m, v = averages(g, m, v, self.beta_1, self.beta_2)
            product = product * momentum(t)
            ahead = momentum(t + 1) * m / (1 - product * momentum(t + 1)) + (1 - momentum(t)) * g / (1 - product)
            return ahead / (jnp.sqrt(v / (1 - self.beta_2**t)) + self.epsilon), m, v, product

        return leafwise(step, jnp.zeros_like, jnp.zeros_like, lambda w: jnp.ones((), w.dtype))


@dataclass(eq=False, repr=False)
class RAdam(Optimizer):
    """Adam that divides only when it has seen enough gradients to estimate their squares, so that it needs no warm-up.

    >>> from caviar.optimizers import RAdam
    >>> RAdam(0.01)
    RAdam(0.01)
    """

    beta_1: fraction_or_schedule = 0.9
    beta_2: fraction_or_schedule = 0.999
    epsilon: rate_or_schedule = 1e-8

    by_element = True

    def transform(self) -> optax.GradientTransformation:
        """Adam's step times the rectification; at first only the momentum."""

        def step(t: jax.Array, g: jax.Array, _: Any, m: jax.Array, v: jax.Array) -> tuple[jax.Array, ...]:
            m, v = averages(g, m, v, self.beta_1, self.beta_2)
            most = 2 / (1 - self.beta_2) - 1
            seen = most - 2 * t * self.beta_2**t / (1 - self.beta_2**t)
            share = (seen - 4) * (seen - 2) * most / ((most - 4) * (most - 2) * seen)
            adam = corrected(t, m, v, self.beta_1, self.beta_2, self.epsilon, "hat")
            return jnp.where(seen > 5, jnp.sqrt(jnp.maximum(share, 0)) * adam, m / (1 - self.beta_1**t)), m, v

        return leafwise(step, jnp.zeros_like, jnp.zeros_like)
