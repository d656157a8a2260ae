"""Batch normalization in training, with a gradient of its own: as few passes over the data as there can be."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from caviar.layers.lowering.platform import stored
from caviar.layers.lowering.sums import sums

Array = jax.Array


@jax.custom_vjp
def batch_normalize(x: Array, gamma: Array, beta: Array, epsilon: Array) -> tuple[Array, Array, Array]:
    """x normalized over all axes but the last, then scaled and shifted; with the means and the (biased) variances.

    >>> y, mean, variance = batch_normalize(jnp.array([[1.0], [3.0]]), jnp.ones(1), jnp.zeros(1), 0.0)
    >>> y.ravel().tolist(), mean.item(), variance.item()
    ([-1.0, 1.0], 2.0, 1.0)
    """
    return _forward(x, gamma, beta, epsilon)[0]


def _forward(x: Array, gamma: Array, beta: Array, epsilon: Array) -> Any:
    count = x.size // x.shape[-1]
    near = x[0].reshape(-1, x.shape[-1]).mean(0)  # sums of what differs from it stay exact, however far from zero x is
    mean = stored(near + sums(x - stored(near)) / count)
    variance = sums(jnp.square(x - mean)) / count
    inverse = stored(jax.lax.rsqrt(variance + epsilon))
    return ((x - mean) * (inverse * gamma) + beta, mean, variance), (x, gamma, mean, inverse, epsilon)


def _backward(residuals: Any, gradients: tuple[Array, Array, Array]) -> tuple[Array, Array, Array, Array]:
    x, gamma, mean, inverse, epsilon = residuals
    dy, d_mean, d_variance = stored(gradients[0]), *gradients[1:]
    count = x.size // x.shape[-1]
    d_beta, d_gamma = sums(dy), sums(dy * (x - mean)) * inverse
    d_variance = d_variance - 0.5 * d_gamma * gamma * jnp.square(inverse)
    slope, pull, shift = stored((gamma * inverse, 2 * d_variance / count, (d_mean - gamma * inverse * d_beta) / count))
    dx = dy * slope + (x - mean) * pull + shift
    return dx, d_gamma, d_beta, jnp.sum(-0.5 * d_gamma * gamma * jnp.square(inverse)).astype(epsilon.dtype)


batch_normalize.defvjp(_forward, _backward)
