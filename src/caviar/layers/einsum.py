"""A dense layer over any axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

import jax

from caviar import activations
from caviar.declarations import Each, Number, OneOf
from caviar.errors import ArgumentError, ShapeError
from caviar.graph.products import einsum
from caviar.layers.argument_types import ActivationLike, ConstraintLike, InitializerLike, RegularizerLike, Weight
from caviar.layers.base import Layer

__all__ = ["EinsumDense"]

OutputShape = Annotated[int | Sequence[int | None], Each(Number(least=1, whole=True) | OneOf(None))]


@dataclass(eq=False, repr=False)
class EinsumDense(Layer):
    """A product with a kernel summed over the axes that an equation names: "abc,cd->abd" is a dense layer of sequences.

    `output_shape` is that of an example, None where it is that of the input; `bias_axes` are the letters that have a bias.

    >>> import numpy as np
    >>> from caviar.layers import EinsumDense
    >>> EinsumDense("abc,cd->abd", (None, 4), bias_axes="d")(np.ones((2, 3, 5), "float32")).shape
    (2, 3, 4)
    """

    equation: str
    output_shape: OutputShape
    activation: ActivationLike = None
    bias_axes: str | None = None
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
        inputs, kernel, outputs = self._letters()
        sizes = self._sizes(inputs, outputs, input_shape)
        if unknown := [letter for letter in kernel if sizes.get(letter) is None]:
            raise ShapeError(
                f"EinsumDense {self.name!r}: axis {unknown[0]!r} of the kernel of {self.equation!r} has no known size"
            )
        self.add_weight("kernel", tuple(sizes[c] for c in kernel), self.kernel_initializer, self.kernel_regularizer)
        if self.bias_axes:
            if wrong := [letter for letter in self.bias_axes if letter not in outputs]:
                raise ArgumentError(
                    f"bias_axes of EinsumDense {self.name!r} names {wrong[0]!r}, which is no axis of {outputs!r}"
                )
            first = min(outputs.index(letter) for letter in self.bias_axes)
            shape = tuple(sizes[c] if c in self.bias_axes else 1 for c in outputs[first:])
            self.add_weight("bias", shape, self.bias_initializer, self.bias_regularizer)

    def _letters(self) -> tuple[str, str, str]:
        """The axes of input, kernel and output; those that dots stand for are left out."""
        left, arrow, outputs = self.equation.replace(" ", "").partition("->")
        inputs, comma, kernel = left.partition(",")
        if not (arrow and comma and kernel):
            raise ArgumentError(f"equation of EinsumDense is written as 'ab,bc->ac', and is {self.equation!r}")
        return inputs, kernel, outputs

    def _sizes(self, inputs: str, outputs: str, input_shape: Any) -> dict[str, Any]:
        """The size of every letter's axis."""
        given = self.output_shape if isinstance(self.output_shape, (tuple, list)) else (self.output_shape,)
        sizes: dict[str, Any] = {}
        for letters, shape in ((outputs, (None, *given)), (inputs, tuple(input_shape))):
            before, dots, behind = letters.partition("...")
            if not dots and len(letters) != len(shape):
                raise ShapeError(
                    f"EinsumDense {self.name!r}: {letters!r} of {self.equation!r} has {len(letters)} axes, and {shape} has {len(shape)}"
                )
            known = [*zip(before, shape, strict=False), *zip(reversed(behind), reversed(shape), strict=False)]
            sizes |= {letter: size for letter, size in known if size is not None or letter not in sizes}
        return sizes

    def call(self, x: jax.Array) -> jax.Array:
        """The product, plus the bias."""
        y = einsum(self.equation, x, self.kernel)
        return activations.get(self.activation)(y + self.bias if self.bias_axes else y)
