"""The names that a file may contain: of public parts, functions and operations, in tables; nothing else is looked up.

Models and dialects add theirs (`graph/registry.py`).
"""

from __future__ import annotations

import functools
import operator
import types
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

from caviar import (
    activations,
    constraints,
    initializers,
    layers,
    losses,
    metrics,
    open_dialect,
    optimizers,
    public,
    ranges,
    regularizers,
)
from caviar.graph import registry
from caviar.graph.node import item
from caviar.ops import TABLES
from caviar.ops.tables import images
from caviar.optimizers import schedules
from caviar.parts import Part

_MODULES: dict[str, Any] = {
    "layers": layers, "losses": losses, "metrics": metrics, "optimizers": optimizers, "optimizers.schedules": schedules,
    "initializers": initializers, "regularizers": regularizers, "constraints": constraints, "ranges": ranges,
}  # fmt: skip
OPERATIONS: dict[str, Callable[..., Any]] = {
    "asarray": jnp.asarray, "stack": jnp.stack, "getitem": item, **{n: f for table in (images.TABLE, *TABLES) for n, f in table.items()},
}  # fmt: skip
OWN = "own."  # prefix of a user's class or function that has the name of one of caviar's


@functools.cache
def classes() -> dict[str, type[Part]]:
    """Every public part by its name; one that models or an earlier module have too is prefixed by its module.

    >>> from caviar.models.names import classes
    >>> classes()["MeanSquaredError"] is classes()["metrics.MeanSquaredError"]
    False
    """
    found: dict[str, type[Part]] = {}
    for module, space in _MODULES.items():
        for name, cls in public.members(space.__name__, Part).items():
            first = registry.member(name) or found.get(name, cls)
            found[name if first is cls else f"{module}.{name}"] = cls
    return found


@functools.cache
def functions() -> dict[str, Callable[..., Any]]:
    """The activations and losses that are functions, by name.

    >>> from caviar.models.names import functions
    >>> "relu" in functions(), "get" in functions()
    (True, False)
    """
    made = {n: f for n, f in public.functions(losses.__name__).items() if hasattr(f, "made_from")}
    return {**made, **public.functions(activations.__name__)}


def name_of_class(cls: type) -> str:
    """The name of a class in files.

    >>> from caviar.models.names import name_of_class
    >>> from caviar import initializers
    >>> name_of_class(initializers.Identity)
    'initializers.Identity'
    """
    names = sorted(name for name, own in classes().items() if own is cls)
    names.sort(key=lambda name: name.rpartition(".")[2] != cls.__name__)  # the class's own name before its second ones
    known = registry.name_of(cls) or next(iter(names), None)
    return known or (OWN if class_of(cls.__name__) else "") + cls.__name__


def name_of_function(function: Any) -> str | None:
    """The name of a function in files, if it has one."""
    added = registry.name_of(function)
    if added is not None:
        return added
    if not isinstance(function, types.FunctionType) or "<" in function.__qualname__:
        return None
    name = function.__name__
    return name if functions().get(name, function) in (function, _inside(function)) else OWN + name


def name_of_operation(function: Any) -> str | None:
    """The name of an operation in the table.

    >>> import jax.numpy as jnp
    >>> from caviar.models.names import name_of_operation
    >>> name_of_operation(jnp.tanh)
    'tanh'
    """
    function = item if function is operator.getitem else function
    return next((name for name, known in OPERATIONS.items() if function in (known, _inside(known))), None)


def _inside(function: Any) -> Any:
    """The function that a wrapper calls; any other function itself."""
    return getattr(function, "__wrapped__", function)


def _added(name: str) -> Any:
    """What a model or a dialect registered under a name; the dialect is imported for that."""
    open_dialect(name)
    return registry.member(name)


def class_of(name: str) -> type[Part] | None:
    """The public part of this name."""
    added = _added(name)
    return added if isinstance(added, type) else classes().get(name)


def function_of(name: str) -> Any:
    """The public function of this name."""
    added = _added(name)
    return functions().get(name) if added is None or isinstance(added, type) else added
