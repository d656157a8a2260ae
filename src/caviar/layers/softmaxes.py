"""Softmaxes as layers: outputs that sum to 1, or their logarithms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from caviar import activations
from caviar.declarations import Axes, Axis
from caviar.layers.activation import FunctionLayer
from caviar.layers.base import Layer

__all__ = ["LogSoftmax", "Softmax", "Softmin"]


@dataclass(eq=False, repr=False)
class Softmax(Layer):
    """exp(x_i) / sum_j exp(x_j) along `axis`, with 0 where a mask is False.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import Softmax
    >>> Softmax()(jnp.array([[1e4, 1e4]])).tolist()
    [[0.5, 0.5]]
    """

    axis: Axes = -1

    supports_masking = True
    takes = "floats"

    def call(self, x: jax.Array, mask: Any = None) -> jax.Array:
        """Probabilities that sum to 1 along the axis."""
        axis = tuple(self.axis) if isinstance(self.axis, Sequence) else self.axis
        if mask is None:
            return activations.softmax(x, axis)
        kept = jnp.asarray(mask) > 0.5 if jnp.asarray(mask).dtype != bool else mask
        y = activations.softmax(jnp.where(kept, x, jnp.finfo(x.dtype).min), axis)
        return jnp.where(kept, y, 0)


@dataclass(eq=False, repr=False)
class LogSoftmax(FunctionLayer):
    """log(softmax(x)) along `axis`, computed without overflow: log probabilities.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import LogSoftmax
    >>> LogSoftmax()(jnp.array([[0.0, -1e4]])).tolist()
    [[0.0, -10000.0]]
    """

    axis: Axis = -1

    function = staticmethod(activations.log_softmax)


@dataclass(eq=False, repr=False)
class Softmin(FunctionLayer):
    """softmax(-x) along `axis`: the smallest input gets the largest share.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import Softmin
    >>> Softmin()(jnp.array([[0.0, 1e4]])).tolist()
    [[1.0, 0.0]]
    """

    axis: Axis = -1

    function = staticmethod(activations.softmin)
