"""What a package makes public: the names that its modules list in `__all__`, and no others.

A package imports `*` from each of its modules and calls `show(globals())`; so a new member is listed once, where it stands.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Mapping
from types import FunctionType, ModuleType
from typing import Any, TypeVar

from caviar.errors import ArgumentError, unknown_name
from caviar.text import snake_case

Kind = TypeVar("Kind")


def show(space: dict[str, Any], *modules: str) -> None:
    """Set `__all__` and `__dir__` of a package to what it imported from caviar's modules, and to the modules named here.

    >>> import sys
    >>> from caviar.public import members, show
    >>> space = {"sys": sys, "members": members, "_hidden": members}
    >>> show(space, "sys")
    >>> space["__all__"], space["__dir__"]()
    (['members', 'sys'], ['members', 'sys'])
    """
    own = [n for n, v in space.items() if n[0] != "_" and getattr(v, "__module__", "").startswith("caviar.")]
    space["__all__"] = sorted([*own, *modules], key=_place)
    space["__dir__"] = lambda: space["__all__"]


def collected(*modules: ModuleType) -> dict[str, Any]:
    """What several modules list in `__all__`, by name.

    >>> from caviar import regularizers
    >>> from caviar.public import collected
    >>> collected(regularizers)["L2"] is regularizers.L2
    True
    """
    return {name: getattr(module, name) for module in modules for name in module.__all__}


def _place(name: str) -> tuple[int, str]:
    """Constants, then classes, then functions, as tools sort them."""
    return 0 if name.isupper() and len(name) > 1 else 1 if name[0].isupper() else 2, name


def members(package: str, kind: type[Kind], *besides: type) -> dict[str, type[Kind]]:
    """The public classes of a package that extend `kind`, by name, without those in `besides`, such as the base class itself.

    >>> from caviar.public import members
    >>> from caviar import regularizers
    >>> sorted(members("caviar.regularizers", regularizers.L2))
    ['L2', 'l2']
    """
    return {
        n: v for n, v in _shown(package).items() if isinstance(v, type) and issubclass(v, kind) and v not in besides
    }


@functools.cache
def named(package: str, kind: type[Kind], *besides: type) -> dict[str, type[Kind]]:
    """The same members under both their names: the class's, and Keras' in snake case.

    >>> from caviar.public import named
    >>> from caviar import regularizers
    >>> sorted(named("caviar.regularizers", regularizers.OrthogonalRegularizer))
    ['OrthogonalRegularizer', 'orthogonal_regularizer']
    """
    classes = members(package, kind, *besides)
    return classes | {snake_case(name): cls for name, cls in classes.items()}


@functools.cache
def functions(package: str) -> dict[str, Callable[..., Any]]:
    """The public functions of a package, by name, without `get`, which looks them up.

    >>> from caviar.public import functions
    >>> from caviar import activations
    >>> "relu" in functions("caviar.activations"), "get" in functions("caviar.activations")
    (True, False)
    """
    return {n: v for n, v in _shown(package).items() if isinstance(v, FunctionType) and n != "get"}


def made(identifier: Any, kind: type[Kind], known: Mapping[str, Callable[[], Kind]], wanted: str) -> Kind:
    """One of a kind: itself, of its class, or of its name.

    >>> from caviar import public
    >>> from caviar.regularizers import L2, Regularizer
    >>> public.made("l2", Regularizer, {"l2": L2}, "a regularizer is a name"), public.made(L2, Regularizer, {}, "")
    (L2(), L2())
    """
    if isinstance(identifier, kind):
        return identifier
    if isinstance(identifier, type) and issubclass(identifier, kind):
        return identifier()
    if not isinstance(identifier, str):
        raise ArgumentError(f"{wanted}, and not {identifier!r}")
    if identifier.lower() not in known:
        raise unknown_name(kind.__name__.lower(), identifier, known)
    return known[identifier.lower()]()


def _shown(package: str) -> dict[str, Any]:
    """What a package shows, by name; whoever asks for it has imported the package."""
    module = sys.modules[package]
    return {name: getattr(module, name) for name in module.__all__}
