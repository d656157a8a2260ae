"""The public modules of operations: the functions of a table, which also take nodes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from caviar.errors import unknown_name
from caviar.graph.operations import operation
from caviar.ops.words import Function
from caviar.telling import tells


def shown(*tables: Mapping[str, Function], asked: Mapping[str, Function] | None = None) -> tuple[Any, Any, list[str]]:
    """`__getattr__`, `__dir__` and `__all__` of a module of these tables; what is asked is answered of nodes at once.

    >>> from caviar.ops.shown import shown
    >>> get, _, names = shown({"double": lambda x: 2 * x})
    >>> get("double")(3), names
    (6, ['double'])
    """
    known = {name: function for table in tables for name, function in table.items()}
    made: dict[str, Callable[..., Any]] = {name: tells(function, name) for name, function in (asked or {}).items()}

    def get(name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name not in made:
            if name not in known:
                raise AttributeError(str(unknown_name("operation", name, {**known, **made})))
            made[name] = operation(known[name])
        return made[name]

    names = sorted({*known, *made})
    return get, lambda: names, names
