"""The base of normalization layers: a learned scale and shift, and the axes that are normalized."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from caviar.errors import ShapeError
from caviar.layers.argument_types import ConstraintLike, InitializerLike, RegularizerLike, Weight
from caviar.layers.base import Layer
from caviar.layers.lowering.sums import add, scale


@dataclass(eq=False, repr=False)
class Scaled(Layer):
    """The first arguments of `ScaledAndShifted`; Keras has those of batch normalization between its first and its last."""

    center: bool = True
    scale: bool = True
    beta_initializer: InitializerLike = "zeros"
    gamma_initializer: InitializerLike = "ones"


@dataclass(eq=False, repr=False)
class ScaledAndShifted(Scaled):
    """The base of layers that multiply by a learned `gamma` and add a learned `beta`.

    Arguments come in Keras' order: those of the bases from the last to the first.
    """

    beta_regularizer: RegularizerLike = None
    gamma_regularizer: RegularizerLike = None
    beta_constraint: ConstraintLike = field(default=None, kw_only=True)
    gamma_constraint: ConstraintLike = field(default=None, kw_only=True)

    gamma: ClassVar[Weight]
    beta: ClassVar[Weight]

    supports_masking = True
    takes = "floats"

    def _add_scale_and_shift(self, shape: tuple[int, ...]) -> None:
        if self.scale:
            self.add_weight("gamma", shape, self.gamma_initializer, self.gamma_regularizer)
        if self.center:
            self.add_weight("beta", shape, self.beta_initializer, self.beta_regularizer)

    def _scaled_and_shifted(self, y: jax.Array) -> jax.Array:
        """y (..., features) times gamma, plus beta, where the layer has them."""
        y = scale(y, self.gamma.reshape(-1).astype(y.dtype)) if self.scale else y
        return add(y, self.beta.reshape(-1).astype(y.dtype)) if self.center else y


def precise(x: jax.Array) -> jax.Array:
    """x in float32 at least, since means of half precision are too coarse.

    >>> import jax.numpy as jnp
    >>> from caviar.layers.scale_and_shift import precise
    >>> precise(jnp.ones(2, "bfloat16")).dtype.name
    'float32'
    """
    return x.astype(jnp.promote_types(x.dtype, jnp.float32))


def several(axis: Any) -> list[int]:
    """One axis or several, as a list.

    >>> from caviar.layers.scale_and_shift import several
    >>> several(-1), several((1, 2))
    ([-1], [1, 2])
    """
    return [axis] if isinstance(axis, int) else list(axis)


def normalized_sizes(layer: Layer, input_shape: Any, axes: list[int]) -> tuple[int, ...]:
    """The sizes of the axes that a layer normalizes, checked against its input."""
    rank = len(input_shape)
    if not all(-rank <= a < rank for a in axes):
        raise ShapeError(
            f"axis {axes} of {type(layer).__name__} {layer.name!r} is not among the axes of its input {tuple(input_shape)}"
        )
    found = tuple(input_shape[a] for a in sorted(a % rank for a in axes))
    if None in found:
        raise ShapeError(
            f"axis {axes} of {type(layer).__name__} {layer.name!r} has no known size in its input {tuple(input_shape)}"
        )
    return found
