"""For large models and large batches: less memory, steps in proportion to the weights, orthogonal steps."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import optax

from caviar.declarations import Each, Number, OneOf, Pattern, Size
from caviar.optimizers.adam import Adam, averages, corrected
from caviar.optimizers.base import Optimizer
from caviar.optimizers.schedules.base import (
    OrSchedule,
    float_or_schedule,
    fraction_or_schedule,
    positive_or_schedule,
    rate_or_schedule,
    share_or_schedule,
)
from caviar.optimizers.transforms import LeafwiseState, leafwise, orthogonalize
from caviar.parts import is_off

__all__ = ["Adafactor", "Lamb", "Muon"]


@dataclass(eq=False, repr=False)
class Lamb(Optimizer):
    """Adam, where each weight's step is scaled to the length of the weight times the learning rate.

    >>> from caviar.optimizers import Lamb
    >>> Lamb(0.01)
    Lamb(0.01)
    """

    beta_1: fraction_or_schedule = 0.9
    beta_2: fraction_or_schedule = 0.999
    epsilon: rate_or_schedule = 1e-7

    by_element = True

    def transform(self) -> optax.GradientTransformation:
        """Adam's step, scaled to the length of the weight."""
        adam = Adam(beta_1=self.beta_1, beta_2=self.beta_2, epsilon=self.epsilon, epsilon_at="outside")
        return optax.chain(adam.transform(), optax.scale_by_trust_ratio())


@dataclass(eq=False, repr=False)
class Adafactor(Optimizer):
    """Adam without momentum that stores, in place of a matrix of squares, only its row and column means.

    `epsilon_1` is added to the squared gradients; with `epsilon_floor` it is a floor under them instead, as in PyTorch
    (None: the smallest difference from 1). With `relative_step` the rate is at most `1 / sqrt(t)`.

    >>> from caviar.optimizers import Adafactor
    >>> Adafactor(0.01)
    Adafactor(0.01)
    """

    beta_2_decay: float_or_schedule = -0.8
    epsilon_1: rate_or_schedule | None = 1e-30
    epsilon_2: rate_or_schedule = 0.001
    clip_threshold: positive_or_schedule = 1.0
    relative_step: bool = True
    _: KW_ONLY
    epsilon_floor: bool = False

    def rule(self) -> optax.GradientTransformation:
        """The direction, no longer than `clip_threshold`, in proportion to the weight and the rate."""

        def step(t: jax.Array, g: jax.Array, w: jax.Array, rows: jax.Array, columns: Any) -> tuple[jax.Array, ...]:
            epsilon = jnp.finfo(g.dtype).eps if self.epsilon_1 is None else self.epsilon_1
            new, floor = t**self.beta_2_decay, epsilon if self.epsilon_floor else 0.0
            square = jnp.square(g) + (0.0 if self.epsilon_floor else epsilon)
            if columns is None:
                rows = size = rows + new * (square - rows)
            else:
                rows = rows + new * (square.mean(-1) - rows)
                columns = columns + new * (square.mean(-2) - columns)
                scale = jnp.maximum(rows.mean(-1, keepdims=True), floor)
                size = (rows / scale)[..., None] * columns[..., None, :]
            move = g / jnp.sqrt(jnp.maximum(size, floor * floor))
            move = move / jnp.maximum(1, rms(move) / self.clip_threshold)
            rate = jnp.minimum(self.learning_rate, 1 / jnp.sqrt(t)) if self.relative_step else self.learning_rate
            return -rate * jnp.maximum(self.epsilon_2, rms(w)) * move, rows, columns

        return leafwise(
            step,
            lambda w: jnp.zeros(w.shape[:-1] if w.ndim > 1 else w.shape, w.dtype),
            lambda w: jnp.zeros(w.shape[:-2] + w.shape[-1:], w.dtype) if w.ndim > 1 else None,
        )


def rms(x: jax.Array) -> jax.Array:
    """The root of the mean square.

    >>> import jax.numpy as jnp
    >>> from caviar.optimizers.large import rms
    >>> float(rms(jnp.array([1.0, 7.0])))
    5.0
    """
    return jnp.sqrt(jnp.mean(jnp.square(x)))


@dataclass(eq=False, repr=False)
class Muon(Optimizer):
    """Steps along the momentum of each matrix, made orthogonal; weights that are no matrices are trained by AdamW.

    So are embeddings (unless `exclude_embeddings=False`), and weights at whose path, such as 'head/kernel', one of the
    regular expressions `exclude_layers` is found: name the last layer there.

    >>> from caviar.optimizers import Muon
    >>> Muon(0.02, exclude_layers=["head"])
    Muon(0.02, exclude_layers=['head'])
    """

    adam_beta_1: fraction_or_schedule = 0.9
    adam_beta_2: fraction_or_schedule = 0.999
    adam_weight_decay: rate_or_schedule | None = 0.004
    epsilon: rate_or_schedule = 1e-7
    weight_decay: rate_or_schedule | None = field(default=0.004, kw_only=True)
    _: KW_ONLY
    exclude_layers: Annotated[Sequence[str], Each(Pattern(), alone=False, empty=True)] | None = None
    exclude_embeddings: bool = True
    muon_a: float = 3.4445
    muon_b: float = -4.775
    muon_c: float = 2.0315
    adam_lr_ratio: rate_or_schedule = 1.0
    momentum: share_or_schedule = 0.95
    ns_steps: Size = 5
    nesterov: bool = True
    rms_rate: Annotated[float | None, OrSchedule(Number(least=0)) | OneOf(None)] = 0.2

    def transform(self) -> optax.GradientTransformation:
        """Orthogonal steps for matrices, Adam's for the rest."""

        def step(t: jax.Array, g: jax.Array, _: Any, m: jax.Array, v: Any) -> tuple[Any, ...]:
            if v is None:
                m = self.momentum * m + g
                return self._orthogonal(g + self.momentum * m if self.nesterov else m), m, v
            m, v = averages(g, m, v, self.adam_beta_1, self.adam_beta_2)
            adam = corrected(t, m, v, self.adam_beta_1, self.adam_beta_2, self.epsilon, "hat")
            return self.adam_lr_ratio * adam, m, v

        def init(params: Any) -> LeafwiseState:
            zeros = jax.tree.map(jnp.zeros_like, params)
            return LeafwiseState(
                jnp.zeros((), jnp.int32),
                (zeros, jax.tree.map(lambda z, by_muon: None if by_muon else z, zeros, self._by_muon(params))),
            )

        return optax.GradientTransformation(init, leafwise(step).update)

    def set_aside(self, paths: Sequence[str]) -> list[bool]:
        """The embeddings and the excluded layers, which are trained by AdamW."""
        patterns = [re.compile(pattern) for pattern in self.exclude_layers or []]
        return [
            (self.exclude_embeddings and "embedding" in path.lower()) or any(p.search(path) for p in patterns)
            for path in paths
        ]

    def _by_muon(self, params: Any) -> Any:
        """Of each weight, whether its steps are made orthogonal."""
        leaves, tree = jax.tree.flatten(params)
        aside = self.aside or [False] * len(leaves)
        return jax.tree.unflatten(tree, [w.ndim == 2 and not apart for w, apart in zip(leaves, aside, strict=True)])

    def _orthogonal(self, matrix: jax.Array) -> jax.Array:
        step = orthogonalize(matrix, (self.muon_a, self.muon_b, self.muon_c), self.ns_steps)
        return step if self.rms_rate is None else step * max(matrix.shape) ** 0.5 * self.rms_rate

    def decayed(self, params: Any) -> Any:
        """The weights after one step's decay: `weight_decay` for matrices, `adam_weight_decay` for the rest."""

        def decay(w: jax.Array, by_muon: bool) -> jax.Array:
            strength: Any = self.weight_decay if by_muon else self.adam_weight_decay
            return w if is_off(strength) else w - w * strength * self.learning_rate

        return jax.tree.map(decay, params, self._by_muon(params))
