"""Clearing the state of the library, and small questions about values."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from caviar import config
from caviar.errors import ArgumentError
from caviar.graph import clear_programs
from caviar.graph.node import Node, forget_names

__all__ = [
    "clear_session",
    "is_keras_tensor",
    "pack_x_y_sample_weight",
    "standardize_dtype",
    "unpack_x_y_sample_weight",
]


def clear_session(free_memory: bool = True) -> None:
    """Restart the automatic names, and free compiled programs; existing models still work.

    >>> from caviar import layers, utils
    >>> utils.clear_session()
    >>> layers.Dense(1).name
    'dense'
    """
    forget_names()
    if free_memory:
        clear_programs()


def is_keras_tensor(x: Any) -> bool:
    """Whether something is a node of a graph, and no array.

    >>> from caviar import Input, utils
    >>> utils.is_keras_tensor(Input((3,))), utils.is_keras_tensor(3.0)
    (True, False)
    """
    return isinstance(x, Node)


def standardize_dtype(dtype: Any) -> str:
    """The name of a type.

    >>> from caviar import utils
    >>> utils.standardize_dtype(float), utils.standardize_dtype(None)
    ('float32', 'float32')
    """
    plain = {float: config.floatx(), int: "int32", None: config.floatx(), str: "string"}
    try:
        return str(plain[dtype]) if dtype in plain else jnp.dtype(dtype).name
    except TypeError as error:
        raise ArgumentError(f"{dtype!r} is not a type of numbers: write one such as 'float32'") from error


def pack_x_y_sample_weight(x: Any, y: Any = None, sample_weight: Any = None) -> Any:
    """A batch as one value: x alone ((x,) if x is a tuple or list), (x, y) or (x, y, sample_weight).

    >>> from caviar import utils
    >>> utils.pack_x_y_sample_weight([1], [2])
    ([1], [2])
    """
    if y is None:
        return (x,) if isinstance(x, (list, tuple, dict)) else x
    return (x, y) if sample_weight is None else (x, y, sample_weight)


def unpack_x_y_sample_weight(data: Any) -> tuple[Any, Any, Any]:
    """The parts x, y and sample_weight of a batch; None for those that are missing.

    >>> from caviar import utils
    >>> utils.unpack_x_y_sample_weight(([1], [2]))
    ([1], [2], None)
    """
    parts = tuple(data) if isinstance(data, (list, tuple)) else (data,)
    if not 1 <= len(parts) <= 3:
        raise ArgumentError(f"a batch has x, y and sample_weight, and was given {len(parts)} parts")
    return (*parts, None, None)[:3]
