"""Activations between two bounds, as layers."""

from __future__ import annotations

from dataclasses import dataclass

from caviar import activations
from caviar.layers.activation import FunctionLayer

__all__ = ["HardSigmoid", "HardTanh", "LogSigmoid", "Sigmoid", "Softsign", "Tanh"]


class Softsign(FunctionLayer):
    """x / (1 + |x|): between -1 and 1, as `Tanh`, but approaching its limits more slowly.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import Softsign
    >>> Softsign()(jnp.array([[-1.0, 3.0]])).tolist()
    [[-0.5, 0.75]]
    """

    function = staticmethod(activations.softsign)


class Sigmoid(FunctionLayer):
    """1 / (1 + exp(-x)), between 0 and 1: the probability of the second of two classes.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import Sigmoid
    >>> Sigmoid()(jnp.array([[0.0, 1e4]])).tolist()
    [[0.5, 1.0]]
    """

    function = staticmethod(activations.sigmoid)


class LogSigmoid(FunctionLayer):
    """log(sigmoid(x)), computed without overflow.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import LogSigmoid
    >>> LogSigmoid()(jnp.array([[-1e4]])).tolist()
    [[-10000.0]]
    """

    function = staticmethod(activations.log_sigmoid)


class Tanh(FunctionLayer):
    """tanh(x) = (exp(x) - exp(-x)) / (exp(x) + exp(-x)), between -1 and 1.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import Tanh
    >>> Tanh()(jnp.array([[0.0, 1e4]])).tolist()
    [[0.0, 1.0]]
    """

    function = staticmethod(activations.tanh)


class HardSigmoid(FunctionLayer):
    """x / 6 + 1/2, clipped to [0, 1]: straight lines in place of `Sigmoid`.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import HardSigmoid
    >>> HardSigmoid()(jnp.array([[0.0, 3.0]])).tolist()
    [[0.5, 1.0]]
    """

    function = staticmethod(activations.hard_sigmoid)


@dataclass(eq=False, repr=False)
class HardTanh(FunctionLayer):
    """x, clipped to [`min_val`, `max_val`].

    >>> import jax.numpy as jnp
    >>> from caviar.layers import HardTanh
    >>> HardTanh()(jnp.array([[-2.0, 0.5]])).tolist()
    [[-1.0, 0.5]]
    """

    min_val: float = -1.0
    max_val: float = 1.0

    function = staticmethod(activations.hard_tanh)
