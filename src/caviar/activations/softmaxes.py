"""Activations over an axis: shares of a whole, and gates."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from caviar.graph.context import squeezed
from caviar.telling import all_tell

__all__ = [
    "glu",
    "hardmax",
    "log_softmax",
    "softmax",
    "softmin",
    "sparsemax",
]

Axis = int | tuple[int, ...]


def softmax(x: jax.Array, axis: Axis = -1) -> jax.Array:
    """exp(x_i) / sum_j exp(x_j): probabilities, positive and with sum 1.

    >>> import jax.numpy as jnp
    >>> from caviar.activations import softmax
    >>> softmax(jnp.array([1e4, 1e4])).tolist()
    [0.5, 0.5]
    """
    return squeezed(jax.nn.softmax(x, axis), "softmax", x, axis)


def log_softmax(x: jax.Array, axis: Axis = -1) -> jax.Array:
    """log(softmax(x)), without overflow.

    >>> import jax.numpy as jnp
    >>> from caviar.activations import log_softmax
    >>> log_softmax(jnp.array([0.0, -1e4])).tolist()
    [0.0, -10000.0]
    """
    return jax.nn.log_softmax(x, axis)


def softmin(x: jax.Array, axis: Axis = -1) -> jax.Array:
    """softmax(-x): the smallest input gets the largest share.

    >>> import jax.numpy as jnp
    >>> from caviar.activations import softmin
    >>> softmin(jnp.array([0.0, 1e4])).tolist()
    [1.0, 0.0]
    """
    return jax.nn.softmax(-x, axis)


def hardmax(x: jax.Array, axis: int = -1) -> jax.Array:
    """1 at the (first) largest input, 0 elsewhere.

    >>> import jax.numpy as jnp
    >>> from caviar.activations import hardmax
    >>> hardmax(jnp.array([5.0, 2.0, -1.0, 3.0])).tolist()
    [1.0, 0.0, 0.0, 0.0]
    """
    return jax.nn.one_hot(jnp.argmax(x, axis), x.shape[axis], axis=axis, dtype=x.dtype)


def sparsemax(x: jax.Array, axis: int = -1) -> jax.Array:
    """The point of the probability simplex nearest to x: a softmax with exact zeros.

    >>> import jax.numpy as jnp
    >>> from caviar.activations import sparsemax
    >>> sparsemax(jnp.array([1.0, 0.5, -1.0])).tolist()
    [0.75, 0.25, 0.0]
    """
    z = jnp.moveaxis(x, axis, -1)
    z = z - jax.lax.stop_gradient(z.max(-1, keepdims=True))
    ordered = jnp.sort(z, descending=True)
    support = 1 + jnp.arange(1, z.shape[-1] + 1) * ordered > jnp.cumsum(ordered, -1)
    total = jnp.sum(jnp.where(support, ordered, 0), -1, keepdims=True)
    return jnp.moveaxis(jax.nn.relu(z - (total - 1) / support.sum(-1, keepdims=True)), -1, axis)


def glu(x: jax.Array, axis: int = -1) -> jax.Array:
    """a * sigmoid(b), where a and b are the two halves of x: b decides how much of a passes.

    >>> import jax.numpy as jnp
    >>> from caviar.activations import glu
    >>> glu(jnp.array([4.0, 0.0])).tolist()
    [2.0]
    """
    return jax.nn.glu(x, axis)


globals().update(all_tell(globals(), __all__))
