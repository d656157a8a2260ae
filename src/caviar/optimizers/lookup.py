"""From a name, a configuration or an optax transformation to an optimizer."""

from __future__ import annotations

from typing import Any

import optax

from caviar import public
from caviar.errors import ArgumentError, unknown_name
from caviar.optimizers import schedules
from caviar.optimizers.base import Optax, Optimizer

__all__ = ["get"]


def get(identifier: Any) -> Any:
    """The optimizer meant by a name, a `{"class_name", "config"}`, an `Optimizer` or an optax transformation.

    >>> from caviar.optimizers import get
    >>> get("rmsprop")
    RMSprop()
    """
    if identifier is None or isinstance(identifier, Optimizer):
        return identifier
    if isinstance(identifier, optax.GradientTransformation):
        return Optax(identifier)
    if isinstance(identifier, str):
        return _named(identifier)()
    if isinstance(identifier, dict) and "class_name" in identifier:
        arguments = dict(identifier.get("config", {}))
        if "learning_rate" in arguments:
            arguments["learning_rate"] = schedules.get(arguments["learning_rate"])
        return _named(identifier["class_name"]).from_config(arguments)
    raise ArgumentError(
        f"an optimizer was given as {identifier!r}: a name like 'adam', an Optimizer like Adam(1e-3) "
        "or an optax transformation is needed"
    )


def _named(name: str) -> type[Optimizer]:
    known = public.members("caviar.optimizers", Optimizer, Optimizer, Optax)
    for known_name, kind in known.items():
        if known_name.lower() == name.lower().replace("_", ""):
            return kind
    raise unknown_name("optimizer", name, known)
