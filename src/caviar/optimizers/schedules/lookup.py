"""From a number, a callable or a saved configuration to a schedule."""

from __future__ import annotations

from typing import Any

from caviar import public
from caviar.errors import ArgumentError, unknown_name
from caviar.optimizers.schedules.base import Schedule

__all__ = ["get"]


def get(identifier: Any) -> Any:
    """The schedule (or number) meant by a number, a callable of the step, or a saved `{"class_name", "config"}`.

    >>> from caviar.optimizers.schedules import get
    >>> get({"class_name": "StepDecay", "config": {"initial_learning_rate": 0.1, "step_size": 10}})
    StepDecay(0.1, step_size=10)
    """
    if identifier is None or isinstance(identifier, (int, float)) or callable(identifier):
        return identifier
    if not isinstance(identifier, dict) or "class_name" not in identifier:
        raise ArgumentError(f"a schedule was given as {identifier!r}: a number, a Schedule or a callable is needed")
    names = public.members("caviar.optimizers.schedules", Schedule)
    if identifier["class_name"] not in names:
        raise unknown_name("schedule", identifier["class_name"], names)
    return names[identifier["class_name"]].from_config(identifier.get("config", {}))
