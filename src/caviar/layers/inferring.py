"""Standing in for a layer's inputs and weights while shapes are inferred."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from caviar import config
from caviar.errors import ArgumentError
from caviar.graph.node import UNKNOWN_SIZES
from caviar.graph.variable import Variable
from caviar.layers.wanted import wanted_weight

if TYPE_CHECKING:
    from caviar.layers.base import Layer


def stand_in(layer: Layer) -> Layer:
    """A shallow copy with zeros for weights, to infer shapes."""
    copy = object.__new__(type(layer))
    vars(copy).update({k: _zeros(v) for k, v in vars(layer).items()}, add_weight=functools.partial(_too_late, layer))
    return copy


def _too_late(layer: Layer, *args: Any, **kwargs: Any) -> Variable:
    wanted = wanted_weight(layer, args, kwargs)
    raise ArgumentError(
        f"weight {wanted.name!r} of layer {layer.name!r} is made in `call`, which runs anew for every batch: "
        "make it in `build(self, input_shape)` or __init__"
    )


def _zeros(value: Any) -> Any:
    if isinstance(value, Variable):
        return jnp.zeros(value.shape, value.dtype)
    if isinstance(value, (list, tuple)):
        return jax.tree.map(_zeros, value, is_leaf=lambda v: v is not value)
    if isinstance(value, dict):
        return {k: _zeros(v) for k, v in value.items()}
    return value


def of_shape(shape: Any) -> Any:
    """Inputs of a shape, for `build` to look at."""
    if isinstance(shape, dict):
        return {name: of_shape(s) for name, s in shape.items()}
    if isinstance(shape, (list, tuple)) and any(isinstance(s, (list, tuple)) for s in shape):
        return [of_shape(s) for s in shape]
    return jax.ShapeDtypeStruct([1 if d is None else d for d in shape], jnp.dtype(config.floatx()))


def known_shape(x: Any) -> tuple[int | None, ...]:
    """The shape, with None for the batch and every unknown axis."""
    return tuple(None if i == 0 or d in UNKNOWN_SIZES else d for i, d in enumerate(jnp.shape(x)))
