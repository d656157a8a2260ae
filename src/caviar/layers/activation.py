"""Any activation as a layer, and the base of those that have a class of their own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import ClassVar

import jax

from caviar import activations
from caviar.layers.argument_types import ActivationLike
from caviar.layers.base import Layer
from caviar.live import Live
from caviar.placing import Placement

__all__ = ["Activation"]


@dataclass(eq=False, repr=False)
class Activation(Layer):
    """Any activation, by its name or as a function.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import Activation
    >>> Activation("relu")(jnp.array([[-1.0, 2.0]])).tolist()
    [[0.0, 2.0]]
    """

    activation: ActivationLike

    supports_masking = True
    takes = "floats"

    def call(self, x: jax.Array) -> jax.Array:
        """The function of each input."""
        return activations.get(self.activation)(x)

    def live(self, member: Placement, x: Live) -> Live:
        """The same, if each is computed by itself."""
        return member.activated(activations.get(self.activation), x)

    may_differ = ("activation",)


class FunctionLayer(Layer):
    """A layer whose fields are the arguments of a function of `caviar.activations`."""

    function: ClassVar[Callable[..., jax.Array]]
    supports_masking = True
    takes = "floats"

    def call(self, x: jax.Array) -> jax.Array:
        """The function of each input."""
        inherited = {f.name for f in fields(Layer)}
        own = [f.name for f in fields(self) if f.name not in inherited]
        return type(self).function(x, **{name: getattr(self, name) for name in own})

    def live(self, member: Placement, x: Live) -> Live:
        """The same, if each is computed by itself."""
        return member.activated(type(self).function, x)
