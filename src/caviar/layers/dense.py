"""The fully connected layer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import jax

from caviar import activations
from caviar.declarations import Size
from caviar.graph.products import matmul
from caviar.layers.argument_types import ActivationLike, ConstraintLike, InitializerLike, RegularizerLike, Weight
from caviar.layers.base import Layer
from caviar.live import Live
from caviar.placing import Placement

__all__ = ["Dense"]


@dataclass(eq=False, repr=False)
class Dense(Layer):
    """`activation(x @ kernel + bias)` on the last axis.

    >>> from caviar.layers import Dense
    >>> import numpy as np
    >>> Dense(4, activation="relu")(np.ones((2, 3), "float32")).shape
    (2, 4)
    """

    units: Size
    activation: ActivationLike = None
    use_bias: bool = True
    kernel_initializer: InitializerLike = "glorot_uniform"
    bias_initializer: InitializerLike = "zeros"
    kernel_regularizer: RegularizerLike = None
    bias_regularizer: RegularizerLike = None
    kernel_constraint: ConstraintLike = field(default=None, kw_only=True)
    bias_constraint: ConstraintLike = field(default=None, kw_only=True)

    kernel: ClassVar[Weight]
    bias: ClassVar[Weight]

    takes = "floats"

    def build(self, input_shape: Any) -> None:
        """Declare kernel and bias."""
        self.add_weight("kernel", (input_shape[-1], self.units), self.kernel_initializer, self.kernel_regularizer)
        if self.use_bias:
            self.add_weight("bias", (self.units,), self.bias_initializer, self.bias_regularizer)

    def call(self, x: jax.Array) -> jax.Array:
        """Each row times the kernel, plus the bias."""
        y = matmul(x, self.kernel)
        return activations.get(self.activation)(y + self.bias if self.use_bias else y)

    def live(self, member: Placement, x: Live) -> Live:
        """The first units, of the inputs that are live."""
        units = member.axis(self.units)
        member.weigh(self.kernel, x[-1], units)
        if self.use_bias:
            member.weigh(self.bias, units)
        return member.activated(activations.get(self.activation), Live((*x[:-1], units)))

    may_differ = ("units", "activation")
    supports_masking = True
