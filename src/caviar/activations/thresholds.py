"""Activations that round, clip or compare with a threshold; and the one that does nothing."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from caviar.telling import all_tell

__all__ = [
    "hard_shrink",
    "linear",
    "sign",
    "soft_shrink",
    "softsign",
    "tanh_shrink",
    "threshold",
]


def linear(x: jax.Array) -> jax.Array:
    """The input itself.

    >>> import jax.numpy as jnp
    >>> from caviar.activations import linear
    >>> linear(jnp.array([-1.0, 2.0])).tolist()
    [-1.0, 2.0]
    """
    return x


def threshold(x: jax.Array, threshold: float = 0.0, default_value: float = 0.0) -> jax.Array:
    """x above the threshold, `default_value` at and below it.

    >>> import jax.numpy as jnp
    >>> from caviar.activations import threshold
    >>> threshold(jnp.array([0.5, 1.0, 2.0]), 1.0, -5.0).tolist()
    [-5.0, -5.0, 2.0]
    """
    return jnp.where(x <= threshold, default_value, x)


def sign(x: jax.Array) -> jax.Array:
    """The sign of x: -1, 0 or 1. Its derivative is 0 everywhere, so nothing is learned through it.

    >>> import jax.numpy as jnp
    >>> from caviar.activations import sign
    >>> sign(jnp.array([-3.0, 0.0, 3.0])).tolist()
    [-1.0, 0.0, 1.0]
    """
    return jnp.sign(x)


def softsign(x: jax.Array) -> jax.Array:
    """x / (1 + |x|): between -1 and 1; it approaches its limits more slowly than tanh.

    >>> import jax.numpy as jnp
    >>> from caviar.activations import softsign
    >>> softsign(jnp.array([-1.0, 0.0, 3.0])).tolist()
    [-0.5, 0.0, 0.75]
    """
    return jax.nn.soft_sign(x)


def tanh_shrink(x: jax.Array) -> jax.Array:
    """x - tanh(x): values near 0 become almost 0, large ones lose 1.

    >>> import jax.numpy as jnp
    >>> from caviar.activations import tanh_shrink
    >>> tanh_shrink(jnp.array([0.0, 100.0])).tolist()
    [0.0, 99.0]
    """
    return x - jnp.tanh(x)


def soft_shrink(x: jax.Array, threshold: float = 0.5) -> jax.Array:
    """x moved towards 0 by the threshold; 0 where |x| is at most the threshold.

    >>> import jax.numpy as jnp
    >>> from caviar.activations import soft_shrink
    >>> soft_shrink(jnp.array([-2.0, 0.25, 2.0])).tolist()
    [-1.5, 0.0, 1.5]
    """
    return jnp.where(jnp.abs(x) <= threshold, 0, x - threshold * jnp.sign(x))


def hard_shrink(x: jax.Array, threshold: float = 0.5) -> jax.Array:
    """x, but 0 where |x| is at most the threshold.

    >>> import jax.numpy as jnp
    >>> from caviar.activations import hard_shrink
    >>> hard_shrink(jnp.array([-2.0, 0.25, 2.0])).tolist()
    [-2.0, 0.0, 2.0]
    """
    return jnp.where(jnp.abs(x) <= threshold, 0, x)


globals().update(all_tell(globals(), __all__))
