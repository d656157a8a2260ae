"""What a file may name: caviar's own public parts, functions and operations, in tables; nothing is looked up elsewhere."""

from __future__ import annotations

import functools
import importlib
import operator
import types
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

from caviar.graph.node import item
from caviar.graph.operations import TABLE
from caviar.parts import Part

_MODULES = (
    "layers", "models", "losses", "metrics", "optimizers", "optimizers.schedules", "initializers", "regularizers", "ranges",
)  # fmt: skip
OPERATIONS: dict[str, Callable[..., Any]] = {"asarray": jnp.asarray, "stack": jnp.stack, **TABLE, "getitem": item}
OWN = "own."  # before the name of a user's class or function that is called as one of caviar's is
_TORCH = "torch.nn."


@functools.cache
def classes() -> dict[str, type[Part]]:
    """Every public part by its name; where two modules use one, the second's stands behind its module.

    >>> classes()["MeanSquaredError"] is classes()["metrics.MeanSquaredError"]
    False
    """
    found: dict[str, type[Part]] = {}
    for module in _MODULES:
        for name, cls in _public(f"caviar.{module}").items():
            if isinstance(cls, type) and issubclass(cls, Part) and cls is not Part:
                found[name if found.get(name, cls) is cls else f"{module}.{name}"] = cls
    return found


@functools.cache
def modules_of_torch() -> dict[str, type[Part]]:
    """The modules of PyTorch's words; only who asks for one imports them."""
    public = _public("caviar.dialects.torch.nn")
    return {f"{_TORCH}{n}": c for n, c in public.items() if isinstance(c, type) and issubclass(c, Part)}


@functools.cache
def functions() -> dict[str, Callable[..., Any]]:
    """The activations and losses that are functions.

    >>> "relu" in functions(), "get" in functions()
    (True, False)
    """
    activations, losses = _public("caviar.activations"), _public("caviar.losses")
    own = {n: f for n, f in activations.items() if getattr(f, "__module__", "") == "caviar.activations" and n != "get"}
    made = {n: f for n, f in losses.items() if hasattr(f, "made_from")}
    return {n: f for n, f in {**made, **own}.items() if isinstance(f, types.FunctionType)}


def name_of_class(cls: type) -> str:
    """The name under which a class is found again.

    >>> from caviar import initializers
    >>> name_of_class(initializers.Identity)
    'initializers.Identity'
    """
    if cls.__module__.startswith("caviar.dialects.torch.nn."):
        return _TORCH + cls.__name__
    known = next((name for name, own in classes().items() if own is cls), None)
    return known or (OWN if cls.__name__ in classes() else "") + cls.__name__


def name_of_function(function: Any) -> str | None:
    """The name under which a function is found again, if it has one."""
    if of_tensorflow(getattr(function, "saved_as", "")) is function:
        return str(function.saved_as)
    if not isinstance(function, types.FunctionType) or "<" in function.__qualname__:
        return None
    name = function.__name__
    return name if functions().get(name, function) in (function, _inside(function)) else OWN + name


def name_of_operation(function: Any) -> str | None:
    """The name of an operation in the table.

    >>> name_of_operation(jnp.tanh)
    'tanh'
    """
    function = item if function is operator.getitem else function
    return next((name for name, known in OPERATIONS.items() if function in (known, _inside(known))), None)


def _inside(function: Any) -> Any:
    """The function that one in Keras' words calls; others are what they are."""
    return getattr(function, "__wrapped__", function)


def of_tensorflow(name: str) -> Any:
    """The function of arrays behind a name of that dialect: one that says of itself that it is saved under it."""
    *place, last = name.split(".")
    if place not in (["tf"], ["tf", "nn"]) or last.startswith("_"):
        return None
    module = importlib.import_module(".".join(["caviar.dialects.tensorflow", *place[1:]]))
    found = getattr(getattr(module, last, None), "__wrapped__", None)
    return found if getattr(found, "saved_as", None) == name else None


def class_of(name: str) -> type[Part] | None:
    """The public part of this name."""
    return (modules_of_torch() if name.startswith(_TORCH) else classes()).get(name)


def function_of(name: str) -> Any:
    """The public function of this name."""
    return of_tensorflow(name) or functions().get(name)


def _public(module: str) -> dict[str, Any]:
    found = importlib.import_module(module)
    names = getattr(found, "__all__", None) or [name for name in vars(found) if not name.startswith("_")]
    return {name: getattr(found, name) for name in names}
