"""Activations between two bounds."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from caviar.graph.context import squeezed
from caviar.telling import all_tell

__all__ = [
    "hard_sigmoid",
    "hard_tanh",
    "log_sigmoid",
    "sigmoid",
    "sparse_sigmoid",
    "tanh",
]


def sigmoid(x: jax.Array) -> jax.Array:
    """1 / (1 + exp(-x)): between 0 and 1, as probabilities are; saturates at both ends.

    >>> import jax.numpy as jnp
    >>> from caviar.activations import sigmoid
    >>> sigmoid(jnp.array([-1e4, 0.0, 1e4])).tolist()
    [0.0, 0.5, 1.0]
    """
    return squeezed(jax.nn.sigmoid(x), "sigmoid", x)


def log_sigmoid(x: jax.Array) -> jax.Array:
    """log(sigmoid(x)), without overflow.

    >>> import jax.numpy as jnp
    >>> from caviar.activations import log_sigmoid
    >>> log_sigmoid(jnp.array([-1e4, 1e4])).tolist()
    [-10000.0, -0.0]
    """
    return jax.nn.log_sigmoid(x)


def tanh(x: jax.Array) -> jax.Array:
    """(exp(x) - exp(-x)) / (exp(x) + exp(-x)): between -1 and 1, centred at 0.

    >>> import jax.numpy as jnp
    >>> from caviar.activations import tanh
    >>> tanh(jnp.array([-1e4, 0.0, 1e4])).tolist()
    [-1.0, 0.0, 1.0]
    """
    return jnp.tanh(x)


def hard_sigmoid(x: jax.Array) -> jax.Array:
    """x / 6 + 1/2, clipped to [0, 1]: a cheap sigmoid.

    >>> import jax.numpy as jnp
    >>> from caviar.activations import hard_sigmoid
    >>> hard_sigmoid(jnp.array([-3.0, 0.0, 3.0])).tolist()
    [0.0, 0.5, 1.0]
    """
    # The input is compared, and not the result, which is rounded.
    return jnp.where(x <= -3, 0, jnp.where(x >= 3, 1, x / 6 + 0.5))


def hard_tanh(x: jax.Array, min_val: float = -1.0, max_val: float = 1.0) -> jax.Array:
    """x, clipped to [`min_val`, `max_val`]: a cheap tanh.

    >>> import jax.numpy as jnp
    >>> from caviar.activations import hard_tanh
    >>> hard_tanh(jnp.array([-2.0, 0.5, 5.0])).tolist()
    [-1.0, 0.5, 1.0]
    """
    return within(x, min_val, max_val)


def sparse_sigmoid(x: jax.Array) -> jax.Array:
    """(x + 1) / 2, clipped to [0, 1]: `sparsemax` for two classes.

    >>> import jax.numpy as jnp
    >>> from caviar.activations import sparse_sigmoid
    >>> sparse_sigmoid(jnp.array([-1.0, 0.0, 1.0])).tolist()
    [0.0, 0.5, 1.0]
    """
    return within(0.5 * (x + 1), 0, 1)


def within(x: jax.Array, low: float, high: float) -> jax.Array:
    """`clip`, with derivative 0 at both ends."""
    return jnp.where(x <= low, low, jnp.where(x >= high, high, x))


globals().update(all_tell(globals(), __all__))
