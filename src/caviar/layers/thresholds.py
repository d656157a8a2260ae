"""Activations that shrink, clip or compare with a threshold, as layers."""

from __future__ import annotations

from dataclasses import dataclass

from caviar import activations
from caviar.layers.activation import FunctionLayer

__all__ = ["HardShrink", "Sign", "SoftShrink", "TanhShrink", "Threshold"]


@dataclass(eq=False, repr=False)
class Threshold(FunctionLayer):
    """x above the threshold, `default_value` at and below it.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import Threshold
    >>> Threshold(1.0, -5.0)(jnp.array([[1.0, 2.0]])).tolist()
    [[-5.0, 2.0]]
    """

    threshold: float = 0.0
    default_value: float = 0.0

    function = staticmethod(activations.threshold)


class Sign(FunctionLayer):
    """The sign of x: -1, 0 or 1. Its gradient is 0 everywhere, so nothing below it learns.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import Sign
    >>> Sign()(jnp.array([[-3.0, 0.0]])).tolist()
    [[-1.0, 0.0]]
    """

    function = staticmethod(activations.sign)


class TanhShrink(FunctionLayer):
    """x - tanh(x): small values become smaller, large ones lose 1.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import TanhShrink
    >>> TanhShrink()(jnp.array([[0.0, 100.0]])).tolist()
    [[0.0, 99.0]]
    """

    function = staticmethod(activations.tanh_shrink)


@dataclass(eq=False, repr=False)
class SoftShrink(FunctionLayer):
    """x moved towards 0 by the threshold; 0 where |x| is at most the threshold.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import SoftShrink
    >>> SoftShrink()(jnp.array([[0.25, 2.0]])).tolist()
    [[0.0, 1.5]]
    """

    threshold: float = 0.5

    function = staticmethod(activations.soft_shrink)


@dataclass(eq=False, repr=False)
class HardShrink(FunctionLayer):
    """x, but 0 where |x| is at most the threshold.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import HardShrink
    >>> HardShrink()(jnp.array([[0.25, 2.0]])).tolist()
    [[0.0, 2.0]]
    """

    threshold: float = 0.5

    function = staticmethod(activations.hard_shrink)
