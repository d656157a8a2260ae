"""The fully connected layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax

from caviar import activations
from caviar.declarations import Size
from caviar.graph.products import matmul
from caviar.layers.base import Layer


@dataclass(eq=False, repr=False)
class Dense(Layer):
    """`activation(x @ kernel + bias)` on the last axis.

    >>> import numpy as np
    >>> Dense(4, activation="relu")(np.ones((2, 3), "float32")).shape
    (2, 4)
    """

    units: Size
    activation: Any = None
    use_bias: bool = True
    kernel_initializer: Any = "glorot_uniform"
    bias_initializer: Any = "zeros"
    kernel_regularizer: Any = None
    bias_regularizer: Any = None

    takes = "floats"

    def build(self, input_shape: Any) -> None:
        """Declare kernel and bias."""
        self.add_weight("kernel", (input_shape[-1], self.units), self.kernel_initializer, self.kernel_regularizer)
        if self.use_bias:
            self.add_weight("bias", (self.units,), self.bias_initializer, self.bias_regularizer)

    def call(self, x: jax.Array) -> jax.Array:
        """Each row times the kernel, plus the bias."""
        y = matmul(x, self.kernel)  # type: ignore[attr-defined]
        return activations.get(self.activation)(y + self.bias if self.use_bias else y)  # type: ignore[attr-defined]

    supports_masking = True
