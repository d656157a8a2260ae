"""Putting a file's weights into a model: checking their number, names, shapes and types."""

from __future__ import annotations

import re
from typing import Any

import jax.numpy as jnp
import numpy as np

from caviar.errors import FileError, ShapeError, warn
from caviar.layers.base import Layer


def fitting(model: Layer, tensors: dict[str, np.ndarray], path: Any = "the file") -> list[np.ndarray]:
    """The tensors for the model's variables, in their types; raises where they do not fit."""
    variables, names = model.variables, [name.split(" ", 1)[-1] for name in tensors]
    if len(tensors) != len(variables):
        own = [variable.path for variable in variables]
        raise ShapeError(
            f"{path} holds {len(tensors)} weights, and model {model.name!r} has {len(variables)}: not the same architecture "
            f"({_first_other(names, own)})"
        )
    for variable, name, tensor in zip(variables, names, tensors.values(), strict=True):
        if tuple(tensor.shape) != variable.shape:
            raise ShapeError(
                f"{path}: weight {name!r} has shape {tensor.shape}, and {variable.path!r} of the model {variable.shape}"
            )
    return [
        cast(t, v.dtype, f"{path}: weight {n!r}") for t, v, n in zip(tensors.values(), variables, names, strict=True)
    ]


def _first_other(stored: list[str], own: list[str]) -> str:
    """The first weight in which two architectures differ."""
    for i in range(max(len(stored), len(own))):
        pair = [names[i] if i < len(names) else "nothing" for names in (stored, own)]
        if _kind(pair[0]) != _kind(pair[1]):
            return f"weight {i}: {pair[0]} there, {pair[1]} here"
    return "their shapes differ"


def _kind(name: str) -> str:
    """A weight's name without the numbers that tell layers of one class apart."""
    return re.sub(r"_\d+(?=/)", "", name)


def check_names(model: Layer, tensors: dict[str, np.ndarray]) -> None:
    """Raise if the weights in a file have other names than the model that it describes."""
    expected = [f"{i:05d} {_kind(v.path)}" for i, v in enumerate(model.variables)]
    other = next((n for n, e in zip(tensors, expected, strict=True) if _kind(n) != e), None)
    if other is not None:
        raise FileError(f"its weight {other!r} does not belong to the model that it describes")


def cast(tensor: np.ndarray, dtype: str, name: str = "it") -> np.ndarray:
    """The tensor in the model's type: floats are rounded, integers must be equal, and other types are refused.

    >>> import numpy as np
    >>> from caviar.models.weights import cast
    >>> cast(np.array([0.1]), "float32")
    array([0.1], dtype=float32)
    """
    wanted = jnp.dtype(dtype)
    if tensor.dtype == wanted:
        return tensor
    floats, integers = (all(jnp.issubdtype(t, k) for t in (tensor.dtype, wanted)) for k in (jnp.floating, jnp.integer))
    with np.errstate(over="ignore"):
        changed = tensor.astype(wanted) if floats or integers else tensor
    kept = np.isfinite(changed) == np.isfinite(tensor) if floats else changed == tensor
    if not (floats or integers) or not kept.all():
        raise FileError(f"{name} is of type {tensor.dtype}, and does not fit into the model's {wanted}")
    return changed


def assign_all(model: Layer, values: list[np.ndarray], tensors: dict[str, np.ndarray], path: Any) -> None:
    """Assign the model's weights, and warn of other types and of numbers that are not finite."""
    for variable, value in zip(model.variables, values, strict=True):
        variable.assign(jnp.asarray(value, variable.dtype))
    other = [n for (n, t), value in zip(tensors.items(), values, strict=True) if t.dtype != value.dtype]
    if other:
        kinds = f"{tensors[other[0]].dtype}, and the model's {values[list(tensors).index(other[0])].dtype}"
        warn(f"{path}: {_listed(other)} of type {kinds}: the numbers were cast")
    broken = [n for n, t in tensors.items() if jnp.issubdtype(t.dtype, jnp.inexact) and not np.isfinite(t).all()]
    if broken:
        warn(f"{path}: {_listed(broken)} not finite: NaN or infinity was saved there")


def _listed(names: list[str]) -> str:
    first = repr(names[0].split(" ", 1)[-1])
    return f"weight {first} is" if len(names) == 1 else f"{len(names)} weights ({first} is the first) are"
