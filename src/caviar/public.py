"""What a package shows: the names that its modules list in `__all__`, and no others.

A package imports `*` from each of its modules and calls `show(globals())`; so a new member is listed once, where it stands.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any, TypeVar

Kind = TypeVar("Kind")


def show(space: dict[str, Any], *modules: str) -> None:
    """Let a package list and complete what it imported from caviar's modules, and the named ones of these modules.

    >>> space = {"sys": sys, "members": members, "_hidden": members}
    >>> show(space, "sys")
    >>> space["__all__"], space["__dir__"]()
    (['members', 'sys'], ['members', 'sys'])
    """
    own = [n for n, v in space.items() if n[0] != "_" and getattr(v, "__module__", "").startswith("caviar.")]
    space["__all__"] = sorted([*own, *modules], key=_place)
    space["__dir__"] = lambda: space["__all__"]


def _place(name: str) -> tuple[int, str]:
    """Constants, then classes, then functions, as tools sort them."""
    return 0 if name.isupper() and len(name) > 1 else 1 if name[0].isupper() else 2, name


def members(package: str, kind: type[Kind], *besides: type) -> dict[str, type[Kind]]:
    """The classes of a kind that a package shows, by name, but for those that are no members, such as the kind itself.

    >>> from caviar import regularizers
    >>> sorted(members("caviar.regularizers", regularizers.L2))
    ['L2']
    """
    module: ModuleType = sys.modules[package]
    shown = {name: getattr(module, name) for name in module.__all__}
    return {n: v for n, v in shown.items() if isinstance(v, type) and issubclass(v, kind) and v not in besides}
