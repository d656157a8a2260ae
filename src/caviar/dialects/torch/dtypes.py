"""Types, devices and sizes, by PyTorch's names."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from caviar import config, engine
from caviar.errors import ArgumentError, unknown_name


class dtype:
    """The type of a tensor's elements.

    >>> from caviar.dialects.torch import float32, int64, long
    >>> float32
    torch.float32
    >>> long is int64
    True
    """

    def __init__(self, name: str):
        self.name = name
        self.numpy = jax.numpy.dtype(name)

    @property
    def is_floating_point(self) -> bool:
        """Whether it is a type of floats."""
        return bool(jax.numpy.issubdtype(self.numpy, jax.numpy.floating))

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __reduce__(self) -> Any:
        return self.name


NAMES = ("float16", "bfloat16", "float32", "float64", "uint8", "int8", "int16", "int32", "int64", "bool")
TYPES = {name: dtype(name) for name in NAMES}
TYPES |= {alias: TYPES[name] for alias, name in {
    "half": "float16", "float": "float32", "double": "float64", "short": "int16", "int": "int32", "long": "int64",
}.items()}  # fmt: skip
float32, float64, int64, long = (TYPES[n] for n in ("float32", "float64", "int64", "long"))
_OF_NUMPY = {TYPES[name].numpy: TYPES[name] for name in NAMES}


def doubles() -> bool:
    """Whether 64-bit numbers are held as such."""
    return bool(jax.config.jax_enable_x64)  # type: ignore[attr-defined]


def type_of(held: Any) -> dtype:
    """The name of the type of an array. PyTorch's int64 is held in 32 bits unless numbers are doubles.

    >>> import numpy as np
    >>> from caviar.dialects.torch.dtypes import type_of
    >>> type_of(np.dtype("int32")), type_of(np.dtype("float32"))
    (torch.int64, torch.float32)
    """
    found = _OF_NUMPY[held]
    return int64 if found.name == "int32" and not doubles() else found


def held_as(wanted: Any) -> np.dtype:
    """The type of the array that holds elements of this type."""
    if isinstance(wanted, str):
        raise ArgumentError(f"dtype={wanted!r} is a string: write torch.{wanted.removeprefix('torch.')}")
    numpy = wanted.numpy if isinstance(wanted, dtype) else np.dtype(wanted)
    if doubles():
        return numpy
    if numpy == np.float64:
        raise ArgumentError(
            "float64 needs double precision throughout: call torch.set_default_dtype(torch.float64) first"
        )
    return np.dtype("int32") if numpy == np.int64 else numpy


def default() -> np.dtype:
    """The type of new floats."""
    return jax.numpy.dtype(config.floatx())


def get_default_dtype() -> dtype:
    """The type of new floats.

    >>> from caviar.dialects.torch import get_default_dtype
    >>> get_default_dtype()
    torch.float32
    """
    return TYPES[config.floatx()]


def set_default_dtype(d: dtype) -> None:
    """Choose the type of new floats: torch.float32, or torch.float64 (double precision throughout).

    >>> from caviar.dialects.torch import float32, set_default_dtype
    >>> set_default_dtype(float32)
    """
    if not isinstance(d, dtype) or not d.is_floating_point:
        raise ArgumentError(
            f"set_default_dtype takes a type of floats, torch.float32 or torch.float64, and was given {d!r}"
        )
    config.set_floatx(d.name)


class Size(tuple[int, ...]):
    """The shape of a tensor.

    >>> from caviar.dialects.torch import Size
    >>> Size((2, 3)), Size((2, 3)).numel()
    (torch.Size([2, 3]), 6)
    """

    def numel(self) -> int:
        """The number of elements."""
        return int(np.prod(self))

    def __repr__(self) -> str:
        return f"torch.Size({list(self)})"


class device:
    """Where tensors live: caviar uses one device, the GPU if JAX found one.

    >>> from caviar.dialects.torch import device
    >>> device("cpu")
    device(type='cpu')
    """

    def __init__(self, type: Any = None, index: int | None = None):
        given = "cpu" if type is None else f"cuda:{type}" if isinstance(type, int) else str(getattr(type, "type", type))
        self.type, _, number = given.partition(":")
        self.index = int(number) if number else index
        if self.type not in ("cpu", "cuda"):
            raise unknown_name("device", given, ("cpu", "cuda"))
        if self.type == "cuda" and not is_available():
            raise ArgumentError(
                "there is no GPU that JAX can use: write device = 'cuda' if torch.cuda.is_available() else 'cpu', "
                "or install jax[cuda12] on a machine that has one"
            )

    def __eq__(self, other: object) -> bool:
        return str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __repr__(self) -> str:
        index = "" if self.index is None else f", index={self.index}"
        return f"device(type={self.type!r}{index})"


def is_available() -> bool:
    """Whether there is a GPU that JAX can use."""
    engine.start()
    return jax.default_backend() == "gpu"
