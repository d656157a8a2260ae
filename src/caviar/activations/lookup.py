"""From a name to an activation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax

from caviar import public
from caviar.activations.thresholds import linear
from caviar.errors import ArgumentError, unknown_name

__all__ = ["get"]

_LAYERS = {"prelu": "PReLU() learns its slope", "rrelu": "RReLU() draws its slopes"}


def get(identifier: Any) -> Callable[..., jax.Array]:
    """The activation function of a name; None is `linear`, and a callable is itself.

    >>> from caviar.activations import get
    >>> get("HardShrink").__name__, get("hard_shrink").__name__, get("swish").__name__, get(None).__name__
    ('hard_shrink', 'hard_shrink', 'silu', 'linear')
    """
    if identifier is None:
        return linear
    if callable(identifier):
        return identifier
    name = str(identifier).replace("_", "").lower()
    if name in _LAYERS:
        raise ArgumentError(f"{identifier!r} is not a function but a layer of its own: {_LAYERS[name]}")
    known = public.functions("caviar.activations")
    found = next((own for own in known if own.replace("_", "") == name), None)
    if found is None:
        raise unknown_name("activation", identifier, known)
    return known[found]
