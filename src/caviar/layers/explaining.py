"""Errors about a layer's `call` in the user's terms, in place of JAX's, which speak of its internals."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from caviar.describing import misuse
from caviar.errors import ArgumentError, CaviarError, ShapeError
from caviar.outside import spoken


def explained(layer: Any, args: Any, error: Exception) -> CaviarError | None:
    """The error to raise in place of this one; None if it is the user's own, or caviar's.

    >>> from caviar.layers.explaining import explained
    >>> explained(None, (), ValueError("a user's own")) is None
    True
    """
    if isinstance(error, AttributeError) and "Tracer has no attribute" in str(error):
        return ArgumentError(
            f"layer {layer.name!r} computes with JAX arrays inside a program ({error}): use caviar.ops or jax.numpy on them"
        )
    told = misuse(error, f"`call` of layer {layer.name!r}" if layer else "")
    if told is not None:
        return told
    own = type(layer).__module__.startswith("caviar.")
    if isinstance(error, CaviarError) or not (own or "shape" in str(error)) or not _raised_by_jax(error):
        return None
    given = ", ".join(map(spoken, jax.tree.leaves(args)))
    weights = ", ".join(f"{k} {tuple(v.shape)}" for k, v in vars(layer).items() if isinstance(v, jax.Array) and v.ndim)
    misfit = f"its weights: {weights}" if weights else "what its `call` computes"
    return ShapeError(
        f"layer {layer.name!r} was given {given}, which does not fit {misfit} ({str(error).splitlines()[0]})"
    )


def check_shape(layer: Any, shape: Any) -> None:
    """Raise if what a layer is built for is no shape, nor a list or dict of shapes."""
    sizes = [] if shape is None else jax.tree.leaves(shape, is_leaf=lambda size: size is None)
    if not isinstance(shape, (tuple, list, dict)) or not all(size is None or is_size(size) for size in sizes):
        raise ShapeError(
            f"layer {layer.name!r} is built for a shape such as (None, 3), batch first, and was given {shape!r}"
        )


def is_size(value: Any) -> bool:
    """Whether a value is a whole number from 0 on.

    >>> from caviar.layers.explaining import is_size
    >>> is_size(3), is_size(-3), is_size("a")
    (True, False, False)
    """
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool) and bool(value >= 0)


def _raised_by_jax(error: Exception) -> bool:
    """Whether the error comes from JAX and not from the user's code."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    owner = "" if trace is None else str(trace.tb_frame.f_globals.get("__name__"))
    return owner.partition(".")[0] in ("jax", "jaxlib", "numpy")
