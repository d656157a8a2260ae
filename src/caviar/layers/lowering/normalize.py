"""Batch normalization in training, with a gradient of its own that makes as few passes over the data as possible."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from caviar.layers.lowering.platform import materialized, uses_own_lowering
from caviar.layers.lowering.sums import sums

Array = jax.Array


def batch_normalize(
    x: Array, gamma: Array, beta: Array, epsilon: Array, real: Any = None
) -> tuple[Array, Array, Array]:
    """x normalized over all axes but the last, then scaled and shifted; with the means and the (biased) variances.

    Where a batch is padded, `real` is the number of rows that count.

    >>> import jax.numpy as jnp
    >>> from caviar.layers.lowering.normalize import batch_normalize
    >>> y, mean, variance = batch_normalize(jnp.array([[1.0], [3.0]]), jnp.ones(1), jnp.zeros(1), 0.0)
    >>> y.ravel().tolist(), mean.item(), variance.item()
    ([-1.0, 1.0], 2.0, 1.0)
    """
    given = x, gamma, beta, epsilon, None if real is None else jnp.asarray(real, x.dtype)
    return _normalize(*given) if uses_own_lowering() else _forward(*given)[0]


@jax.custom_vjp
def _normalize(x: Array, gamma: Array, beta: Array, epsilon: Array, real: Any) -> tuple[Array, Array, Array]:
    return _forward(x, gamma, beta, epsilon, real)[0]


def _forward(x: Array, gamma: Array, beta: Array, epsilon: Array, real: Any) -> Any:
    count = _count(x, real)
    # Near the mean, and subtracted first, so that the variance of values far from 0 is exact.
    near = jax.lax.stop_gradient(x[0].reshape(-1, x.shape[-1]).mean(0))
    rest = sums(_real(x - near, real)) / count
    variance = sums(_real(jnp.square(x - near - rest), real)) / count
    inverse = jax.lax.rsqrt(variance + epsilon)
    y = (x - near - rest) * (inverse * gamma) + beta
    return (y, near + rest, variance), (x, gamma, near, rest, inverse, epsilon, real)


def _backward(residuals: Any, gradients: tuple[Array, Array, Array]) -> tuple[Any, ...]:
    """The gradient of x has three parts: `dy`, scaled; `pull * (x - mean)`, through the variance; and `shift`, through the mean."""
    x, gamma, near, rest, inverse, epsilon, real = residuals
    dy, d_mean, d_variance = materialized(gradients[0]), *gradients[1:]
    count = _count(x, real)
    d_beta, d_gamma = sums(dy), sums(dy * (x - near - rest)) * inverse
    through_variance = -0.5 * d_gamma * gamma * jnp.square(inverse)
    pull, shift = 2 * (d_variance + through_variance) / count, (d_mean - gamma * inverse * d_beta) / count
    dx = dy * (gamma * inverse) + _real((x - near - rest) * pull + shift, real)
    nothing = None if real is None else jnp.zeros_like(real)
    return dx, d_gamma, d_beta, through_variance.sum().astype(epsilon.dtype), nothing


_normalize.defvjp(_forward, _backward)


def _count(x: Array, real: Any) -> Any:
    """Of how many numbers each mean is."""
    return x.size // x.shape[-1] if real is None else real * (x.size // (x.shape[0] * x.shape[-1]))


def _real(x: Array, real: Any) -> Array:
    """x with zeros in the rows of padding."""
    return x if real is None else jnp.where(jax.lax.broadcasted_iota(x.dtype, x.shape, 0) < real, x, 0)
