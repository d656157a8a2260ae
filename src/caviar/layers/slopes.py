"""Leaky activations whose slope below zero is learned, or random."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from caviar import activations
from caviar.declarations import Axes
from caviar.layers.argument_types import InitializerLike, RegularizerLike, Weight
from caviar.layers.base import Layer
from caviar.live import Live, whole
from caviar.placing import Placement

__all__ = ["PReLU", "RReLU"]


@dataclass(eq=False, repr=False)
class PReLU(Layer):
    """x above 0 and `alpha * x` below, with a learned alpha for each input; inputs along `shared_axes` share one.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import PReLU
    >>> PReLU("ones")(jnp.array([[-2.0, 2.0]])).tolist()
    [[-2.0, 2.0]]
    """

    alpha_initializer: InitializerLike = "zeros"
    alpha_regularizer: RegularizerLike = None
    shared_axes: Axes | None = None

    alpha: ClassVar[Weight]

    supports_masking = True
    takes = "floats"

    def build(self, input_shape: Any) -> None:
        """Declare the slopes, one for each input of an example."""
        shared = (self.shared_axes,) if isinstance(self.shared_axes, int) else self.shared_axes or ()
        shape = tuple(1 if axis in shared else n for axis, n in enumerate(input_shape) if axis > 0)
        self.add_weight("alpha", shape, self.alpha_initializer, self.alpha_regularizer)

    def call(self, x: jax.Array) -> jax.Array:
        """The leaky function of each input."""
        return activations.prelu(x, self.alpha)

    def live(self, member: Placement, x: Live) -> Live:
        """Each has a slope of its own, or shares it along a whole axis."""
        axes = zip(x, self.alpha.shape, strict=True)
        member.weigh(self.alpha, *(axis if len(axis) == n else whole((n,))[0] for axis, n in axes))
        return x


@dataclass(eq=False, repr=False)
class RReLU(Layer):
    """x above 0 and slope * x below: while training, a random slope between the bounds for each value; else their mean.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import RReLU
    >>> RReLU(0.25, 0.75)(jnp.array([[-2.0, 2.0]])).tolist()
    [[-1.0, 2.0]]
    """

    lower: float = 1 / 8
    upper: float = 1 / 3

    supports_masking = True
    takes = "floats"

    def call(self, x: jax.Array, rng: jax.Array | None = None) -> jax.Array:
        """The leaky function of each input."""
        lower, upper = jnp.asarray(self.lower, x.dtype), jnp.asarray(self.upper, x.dtype)
        if rng is None:
            return activations.rrelu(x, lower, upper)  # type: ignore[arg-type]
        return activations.prelu(x, lower + (upper - lower) * jax.random.uniform(rng, x.shape, x.dtype))
