"""Names in files for classes and functions that are defined in rooms below: models, and the dialects' modules and functions.

Each room registers its own when it is imported: `register({"torch.nn.Linear": Linear})`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_members: dict[str, Any] = {}


def register(members: Mapping[str, Any]) -> None:
    """Let files name these classes and functions.

    >>> from caviar.graph.registry import member, name_of, register
    >>> def double(x):
    ...     return 2 * x
    >>> register({"examples.double": double})
    >>> name_of(double), member("examples.double")(3)
    ('examples.double', 6)
    """
    _members.update(members)


def member(name: str) -> Any:
    """What was registered under a name, or None."""
    return _members.get(name)


def name_of(value: Any) -> str | None:
    """The name under which a class or a function was registered, or None."""
    return next((name for name, own in _members.items() if own is value), None)
