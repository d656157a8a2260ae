"""Activations that are near 0 on one side and near the input on the other."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from caviar.activations.sigmoids import hard_sigmoid, within
from caviar.parts import is_off
from caviar.telling import all_tell

__all__ = [
    "gelu",
    "hard_silu",
    "hard_swish",
    "leaky_relu",
    "mish",
    "prelu",
    "relu",
    "relu6",
    "rrelu",
    "silu",
    "softplus",
    "sparse_plus",
    "squareplus",
    "swish",
]


def relu(
    x: jax.Array, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0
) -> jax.Array:
    """max(x, 0); or: x above the threshold, at most `max_value`, and `negative_slope * (x - threshold)` below.

    >>> import jax.numpy as jnp
    >>> from caviar.activations import relu
    >>> relu(jnp.array([-1.0, 0.0, 8.0])).tolist()
    [0.0, 0.0, 8.0]
    >>> relu(jnp.array([-1.0, 0.5, 8.0]), negative_slope=0.5, max_value=6.0, threshold=1.0).tolist()
    [-1.0, -0.25, 6.0]
    """
    if is_off(negative_slope) and is_off(threshold):
        y = jax.nn.relu(x)
    else:
        below = 0 if is_off(negative_slope) else negative_slope * (x - threshold)
        y = jnp.where(x <= threshold, below, x)
    return y if max_value is None else jnp.where(x >= max_value, max_value, y)


def leaky_relu(x: jax.Array, negative_slope: float = 0.2) -> jax.Array:
    """x above 0 and `negative_slope * x` below, so that no neuron dies.

    >>> import jax.numpy as jnp
    >>> from caviar.activations import leaky_relu
    >>> leaky_relu(jnp.array([-10.0, 10.0])).tolist()
    [-2.0, 10.0]
    """
    return jnp.where(x > 0, x, negative_slope * x)


def prelu(x: jax.Array, alpha: float | jax.Array = 0.25) -> jax.Array:
    """`leaky_relu` with a slope that is learned: `alpha` is a weight of the layer `PReLU`.

    >>> import jax.numpy as jnp
    >>> from caviar.activations import prelu
    >>> prelu(jnp.array([-8.0, 8.0]), jnp.array([0.5, 0.25])).tolist()
    [-4.0, 8.0]
    """
    return leaky_relu(x, alpha)  # type: ignore[arg-type]


def relu6(x: jax.Array) -> jax.Array:
    """min(max(x, 0), 6): a ReLU that cannot grow beyond 6.

    >>> import jax.numpy as jnp
    >>> from caviar.activations import relu6
    >>> relu6(jnp.array([-1.0, 3.0, 8.0])).tolist()
    [0.0, 3.0, 6.0]
    """
    return within(x, 0, 6)


def rrelu(x: jax.Array, lower: float = 1 / 8, upper: float = 1 / 3) -> jax.Array:
    """`leaky_relu` with the mean of the slopes that the layer `RReLU` draws while training.

    >>> import jax.numpy as jnp
    >>> from caviar.activations import rrelu
    >>> rrelu(jnp.array([-8.0, 8.0]), 0.25, 0.75).tolist()
    [-4.0, 8.0]
    """
    return leaky_relu(x, (lower + upper) / 2)


def softplus(x: jax.Array, beta: float = 1.0) -> jax.Array:
    """log(1 + exp(beta x)) / beta: a smooth ReLU.

    >>> import jax.numpy as jnp
    >>> from caviar.activations import softplus
    >>> softplus(jnp.array([-1e4, 1e4])).tolist()
    [0.0, 10000.0]
    """
    return jax.nn.softplus(beta * x) / beta


def gelu(x: jax.Array, approximate: bool = False) -> jax.Array:
    """`x * P(X <= x)` for a standard normal X; approximated with tanh if `approximate`.

    >>> import jax.numpy as jnp
    >>> from caviar.activations import gelu
    >>> gelu(jnp.array([-1e4, 0.0, 1e4])).tolist()
    [-0.0, 0.0, 10000.0]
    """
    return jax.nn.gelu(x, approximate)


def silu(x: jax.Array) -> jax.Array:
    """x * sigmoid(x), also called swish.

    >>> import jax.numpy as jnp
    >>> from caviar.activations import silu
    >>> silu(jnp.array([-1e4, 0.0, 1e4])).tolist()
    [-0.0, 0.0, 10000.0]
    """
    return jax.nn.silu(x)


def hard_silu(x: jax.Array) -> jax.Array:
    """x * hard_sigmoid(x), also called hard swish.

    >>> import jax.numpy as jnp
    >>> from caviar.activations import hard_silu
    >>> hard_silu(jnp.array([-3.0, 0.0, 3.0])).tolist()
    [-0.0, 0.0, 3.0]
    """
    return x * hard_sigmoid(x)


def mish(x: jax.Array) -> jax.Array:
    """x * tanh(softplus(x)).

    >>> import jax.numpy as jnp
    >>> from caviar.activations import mish
    >>> mish(jnp.array([-1e4, 0.0, 1e4])).tolist()
    [-0.0, 0.0, 10000.0]
    """
    return jax.nn.mish(x)


def squareplus(x: jax.Array, b: float = 4.0) -> jax.Array:
    """(x + sqrt(x^2 + b)) / 2: a smooth ReLU without exponentials.

    >>> import jax.numpy as jnp
    >>> from caviar.activations import squareplus
    >>> squareplus(jnp.array([0.0])).tolist()
    [1.0]
    """
    return jax.nn.squareplus(x, b)


def sparse_plus(x: jax.Array) -> jax.Array:
    """0 below -1, x above 1, and (x + 1)^2 / 4 between.

    >>> import jax.numpy as jnp
    >>> from caviar.activations import sparse_plus
    >>> sparse_plus(jnp.array([-2.0, 0.0, 2.0])).tolist()
    [0.0, 0.25, 2.0]
    """
    return jax.nn.sparse_plus(x)


swish, hard_swish = silu, hard_silu


globals().update(all_tell(globals(), __all__))
