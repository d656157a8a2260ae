"""Settings and types of the whole library, as Keras' `backend` names them."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from caviar.config import (
    epsilon,
    floatx,
    image_data_format,
    set_epsilon,
    set_floatx,
    set_image_data_format,
)
from caviar.graph.node import unique_name
from caviar.utils.session import clear_session, is_keras_tensor, standardize_dtype

__all__ = [
    "backend",
    "clear_session",
    "epsilon",
    "floatx",
    "get_uid",
    "image_data_format",
    "is_float_dtype",
    "is_int_dtype",
    "is_keras_tensor",
    "result_type",
    "set_epsilon",
    "set_floatx",
    "set_image_data_format",
    "standardize_dtype",
]


def backend() -> str:
    """The name of the library that computes: 'jax'.

    >>> from caviar import backend
    >>> backend.backend()
    'jax'
    """
    return "jax"


def get_uid(prefix: str = "") -> int:
    """The number of calls with this prefix so far, this one included.

    >>> from caviar import backend
    >>> backend.get_uid("thing"), backend.get_uid("thing")
    (1, 2)
    """
    stem = f"uid:{prefix}"
    return int(unique_name(stem).removeprefix(stem).removeprefix("_") or 0) + 1


def is_float_dtype(dtype: Any) -> bool:
    """Whether a type is one of floats.

    >>> from caviar import backend
    >>> backend.is_float_dtype("bfloat16"), backend.is_float_dtype("int32")
    (True, False)
    """
    return bool(jnp.issubdtype(standardize_dtype(dtype), jnp.floating))


def is_int_dtype(dtype: Any) -> bool:
    """Whether a type is one of integers.

    >>> from caviar import backend
    >>> backend.is_int_dtype("uint8"), backend.is_int_dtype("float32")
    (True, False)
    """
    return bool(jnp.issubdtype(standardize_dtype(dtype), jnp.integer))


def result_type(*dtypes: Any) -> str:
    """The type of the result of an operation on values of these types.

    >>> from caviar import backend
    >>> backend.result_type("int32", "float32")
    'float32'
    """
    return str(jnp.result_type(*(standardize_dtype(d) for d in dtypes))) if dtypes else floatx()


def __dir__() -> list[str]:
    return __all__
