"""What `add_weight` is asked for, in caviar's order or in Keras'."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from caviar import config
from caviar.errors import ArgumentError, ShapeError, unknown_name
from caviar.layers.explaining import is_size

_OURS = ("name", "shape", "initializer", "regularizer", "trainable", "dtype", "constraint")
_KERAS = ("shape", "initializer", "dtype", "trainable", "autocast", "regularizer", "constraint", "aggregation",
    "overwrite_with_gradient", "name")  # fmt: skip


class ShapeOfSeveral(ShapeError):
    """A weight for several inputs where the layer takes one; whoever gave the inputs tells what they are.

    >>> from caviar.errors import ShapeError
    >>> from caviar.layers.wanted import ShapeOfSeveral
    >>> issubclass(ShapeOfSeveral, ShapeError)
    True
    """


class WantedWeight(NamedTuple):
    """A weight to be."""

    name: str
    shape: tuple[int, ...]
    initializer: Any
    dtype: str
    trainable: bool
    regularizer: Any
    constraint: Any


def wanted_weight(layer: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> WantedWeight:
    """The weight that a call of `add_weight` asks for; one without a name is a variable, until it is assigned.

    >>> from caviar.layers import Layer
    >>> from caviar.layers.wanted import wanted_weight
    >>> wanted_weight(Layer(), ((2, 3), "zeros"), {})[:3]
    ('variable', (2, 3), 'zeros')
    """
    order = _OURS if args and isinstance(args[0], str) else _KERAS
    if len(args) > len(order):
        raise ArgumentError(f"add_weight takes {', '.join(order)}, and was given {len(args)} arguments")
    given = {**dict(zip(order, args, strict=False)), **kwargs}
    if unknown := [name for name in given if name not in _KERAS]:
        raise unknown_name("argument of add_weight:", unknown[0], _KERAS)
    name = given.get("name") or _unnamed(layer)
    shape = given.get("shape")
    shape = () if shape is None else tuple(shape) if np.iterable(shape) else (shape,)
    _check(layer, name, shape)
    dtype = str(jnp.dtype(given.get("dtype") or layer.dtype or config.floatx()))
    usual = "glorot_uniform" if jnp.issubdtype(dtype, jnp.floating) else "zeros"
    initializer = given.get("initializer")
    constraint = given.get("constraint")
    if constraint is None:  # layers of caviar have an argument for it
        constraint = getattr(layer, f"{name.removesuffix('_kernel')}_constraint", None)
    trainable = given.get("trainable", True)
    return WantedWeight(
        name,
        shape,
        usual if initializer is None else initializer,
        dtype,
        trainable,
        given.get("regularizer"),
        constraint,
    )


def _unnamed(layer: Any) -> str:
    names = itertools.chain(["variable"], (f"variable_{i}" for i in itertools.count(1)))
    return next(name for name in names if name not in vars(layer))


def _check(layer: Any, name: str, shape: tuple[Any, ...]) -> None:
    if any(d is None for d in shape):
        raise ShapeError(
            f"weight {name!r} of layer {layer.name!r} would have shape {shape}: the input needs a known last axis"
        )
    if any(isinstance(d, (tuple, list, dict)) for d in shape):
        raise ShapeOfSeveral(
            f"weight {name!r} of layer {layer.name!r} would have shape {shape}: give the layer one input"
        )
    if not all(map(is_size, shape)):
        raise ShapeError(
            f"weight {name!r} of layer {layer.name!r} would have shape {shape}: sizes are whole numbers, such as 64 or "
            "IntUniform(50, 100)"
        )
