"""Normalization over the batch, with moving averages for inference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from caviar.declarations import Axis, NotNegative, Share
from caviar.graph.context import current
from caviar.layers.argument_types import InitializerLike, Weight
from caviar.layers.base import Layer
from caviar.layers.lowering.normalize import batch_normalize
from caviar.layers.scale_and_shift import Scaled, ScaledAndShifted, normalized_sizes, precise
from caviar.live import Live
from caviar.placing import Placement

__all__ = ["BatchNormalization"]


@dataclass(eq=False, repr=False)
class _Moments(Layer):
    axis: Axis = -1
    momentum: Share = 0.99
    epsilon: NotNegative = 1e-3


@dataclass(eq=False, repr=False)
class _Averages(Scaled):
    moving_mean_initializer: InitializerLike = "zeros"
    moving_variance_initializer: InitializerLike = "ones"


@dataclass(eq=False, repr=False)
class BatchNormalization(ScaledAndShifted, _Averages, _Moments):
    """Mean 0 and variance 1 of every channel over the batch, then scaled and shifted.

    In inference, and where `trainable` is False, moving averages from training are used in place of the batch's moments.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import BatchNormalization
    >>> layer = BatchNormalization(momentum=0.5)
    >>> layer(jnp.array([[1.0], [3.0]]), training=True).round(2).tolist(), layer.moving_mean.numpy().tolist()
    ([[-1.0], [1.0]], [1.0])
    """

    moving_mean: ClassVar[Weight]
    moving_variance: ClassVar[Weight]

    def build(self, input_shape: Any) -> None:
        """Declare scale, shift and the moving averages."""
        shape = normalized_sizes(self, input_shape, [self.axis])
        self._add_scale_and_shift(shape)
        self.add_weight("moving_mean", shape, self.moving_mean_initializer, trainable=False)
        self.add_weight("moving_variance", shape, self.moving_variance_initializer, trainable=False)

    def call(self, x: jax.Array, training: bool = False, mask: jax.Array | None = None) -> jax.Array:
        """The normalized batch; in training, its mean and variance also update the moving averages."""
        given, x = x.dtype, jnp.moveaxis(precise(x), self.axis, -1)
        if not (training and self.trainable):
            y = self._scaled_and_shifted((x - self.moving_mean) * jax.lax.rsqrt(self.moving_variance + self.epsilon))
        elif mask is None:
            to_normalize = x, self._gamma(x), self._beta(x), jnp.asarray(self.epsilon, x.dtype)
            y, mean, variance = batch_normalize(*to_normalize, _real_rows())
            self._follow(mean, variance)
        else:
            mean, variance = _masked_moments(x, jnp.moveaxis(_of_real_rows(mask)[..., None], self.axis, -1))
            y = self._scaled_and_shifted((x - mean) * jax.lax.rsqrt(variance + self.epsilon))
            self._follow(mean, variance)
        return jnp.moveaxis(y, -1, self.axis).astype(given)

    def live(self, member: Placement, x: Live) -> Live:
        """Every channel is normalized by itself."""
        for name in ("gamma", "beta", "moving_mean", "moving_variance"):
            if hasattr(self, name):
                member.weigh(getattr(self, name), x[self.axis - 1 if self.axis > 0 else self.axis])
        return x

    def _gamma(self, x: jax.Array) -> jax.Array:
        return self.gamma.astype(x.dtype) if self.scale else jnp.ones(x.shape[-1], x.dtype)

    def _beta(self, x: jax.Array) -> jax.Array:
        return self.beta.astype(x.dtype) if self.center else jnp.zeros(x.shape[-1], x.dtype)

    def _follow(self, mean: jax.Array, variance: jax.Array) -> None:
        for name, now in (("moving_mean", mean), ("moving_variance", variance)):
            before = getattr(self, name)
            setattr(
                self,
                name,
                (before * self.momentum + jax.lax.stop_gradient(now) * (1 - self.momentum)).astype(before.dtype),
            )


def _real_rows() -> Any:
    """How many rows of the batch under evaluation are no padding; None where all are real."""
    context = current()
    return None if context is None else context.real


def _of_real_rows(mask: jax.Array) -> jax.Array:
    """The mask without rows of padding."""
    real = _real_rows()
    rows = jnp.arange(mask.shape[0]).reshape(-1, *[1] * (mask.ndim - 1))
    return mask if real is None else mask & (rows < real)


def _masked_moments(x: jax.Array, mask: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Means and variances over the values that are not masked."""
    counts = jnp.broadcast_to(mask, x.shape).astype(x.dtype)
    axes = tuple(range(x.ndim - 1))
    total = jnp.maximum(counts.sum(axes), 1)
    mean = (x * counts).sum(axes) / total
    return mean, (jnp.square(x - mean) * counts).sum(axes) / total
