"""Activations with an exponential side."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from caviar.telling import all_tell

__all__ = [
    "celu",
    "elu",
    "exponential",
    "selu",
]


def elu(x: jax.Array, alpha: float = 1.0) -> jax.Array:
    """x above 0 and alpha (exp(x) - 1) below.

    >>> import jax.numpy as jnp
    >>> from caviar.activations import elu
    >>> elu(jnp.array([-1e4, 2.0]), 0.5).tolist()
    [-0.5, 2.0]
    """
    return jax.nn.elu(x, alpha)


def selu(x: jax.Array) -> jax.Array:
    """`elu`, scaled so that mean 0 and variance 1 are kept from layer to layer.

    >>> import jax.numpy as jnp
    >>> from caviar.activations import selu
    >>> selu(jnp.array([0.0, 1.0])).round(4).tolist()
    [0.0, 1.0506999492645264]
    """
    return jax.nn.selu(x)


def celu(x: jax.Array, alpha: float = 1.0) -> jax.Array:
    """x above 0 and alpha (exp(x / alpha) - 1) below: without a kink for every alpha.

    >>> import jax.numpy as jnp
    >>> from caviar.activations import celu
    >>> celu(jnp.array([-1e4, 2.0]), 0.5).tolist()
    [-0.5, 2.0]
    """
    return jax.nn.celu(x, alpha)


def exponential(x: jax.Array) -> jax.Array:
    """exp(x).

    >>> import jax.numpy as jnp
    >>> from caviar.activations import exponential
    >>> exponential(jnp.array([0.0])).tolist()
    [1.0]
    """
    return jnp.exp(x)


globals().update(all_tell(globals(), __all__))
