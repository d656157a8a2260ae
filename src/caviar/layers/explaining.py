"""What went wrong inside a layer's `call`, in words, where JAX's own words are about its insides."""

from __future__ import annotations

from typing import Any

import jax

from caviar.errors import ArgumentError, CaviarError, ShapeError

_LOOKS_AT_VALUES = (
    jax.errors.ConcretizationTypeError,  # of which TracerBoolConversionError is one
    jax.errors.TracerArrayConversionError,
    jax.errors.TracerIntegerConversionError,
)


def explained(layer: Any, args: Any, error: Exception) -> CaviarError | None:
    """The error that a user can act on; None for one that is the user's own, or caviar's.

    >>> explained(None, (), ValueError("a user's own")) is None
    True
    """
    if isinstance(error, _LOOKS_AT_VALUES):
        return ArgumentError(
            f"`call` of layer {layer.name!r} looks at a value in Python (an `if`, a `while`, `float(...)` or NumPy), which "
            "is not known while the program is compiled: use caviar.ops.where, jax.lax.cond or jax.numpy"
        )
    own = type(layer).__module__.startswith("caviar.")
    if isinstance(error, CaviarError) or not (own or "shape" in str(error)) or not _raised_by_jax(error):
        return None
    given = ", ".join(str(tuple(a.shape)) for a in jax.tree.leaves(args))
    weights = ", ".join(f"{k} {tuple(v.shape)}" for k, v in vars(layer).items() if isinstance(v, jax.Array) and v.ndim)
    misfit = f"its weights: {weights}" if weights else "what its `call` computes"
    return ShapeError(
        f"layer {layer.name!r} was given {given}, which does not fit {misfit} ({str(error).splitlines()[0]})"
    )


def _raised_by_jax(error: Exception) -> bool:
    """Whether JAX itself complains, and not the user's own code."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    owner = "" if trace is None else str(trace.tb_frame.f_globals.get("__name__"))
    return owner.partition(".")[0] in ("jax", "jaxlib", "numpy")
