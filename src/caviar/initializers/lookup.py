"""From a name, a number, an array, a class or a function to an initializer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from caviar import public
from caviar.errors import ArgumentError, unknown_name
from caviar.initializers.base import Initializer
from caviar.initializers.fixed import Constant, Ones, Zeros
from caviar.initializers.random import RandomNormal, RandomUniform
from caviar.initializers.scaling import GlorotNormal, GlorotUniform, HeNormal, HeUniform

__all__ = ["get"]

_SHORT: dict[str, type[Initializer]] = {
    "zero": Zeros,
    "one": Ones,
    "normal": RandomNormal,
    "uniform": RandomUniform,
    "xavier_normal": GlorotNormal,
    "xavier_uniform": GlorotUniform,
    "kaiming_normal": HeNormal,
    "kaiming_uniform": HeUniform,
}


def _known() -> dict[str, type[Initializer]]:
    return public.named("caviar.initializers", Initializer, Initializer) | _SHORT


def get(identifier: Any) -> Callable[..., jax.Array]:
    """The initializer of a name; None is `GlorotUniform()`, an array starts as itself, a callable is itself.

    >>> from caviar.initializers import get
    >>> get("he_normal"), get("HeNormal"), get("xavier_uniform"), get(None)
    (HeNormal(), HeNormal(), GlorotUniform(), GlorotUniform())
    """
    if identifier is None:
        return GlorotUniform()
    if isinstance(identifier, str):
        if identifier not in _known():
            raise unknown_name("initializer", identifier, (n for n in _known() if n.islower()))
        return _known()[identifier]()
    if isinstance(identifier, (int, float, np.ndarray, jax.Array)):
        return Constant(identifier)  # type: ignore[arg-type]
    if isinstance(identifier, type):
        return identifier()
    if not callable(identifier):
        raise ArgumentError(f"an initializer is a name or a function of (key, shape, dtype), not {identifier!r}")
    return identifier
