"""Ranges: what may stand wherever a number or a choice stands, for `search` to close.

Every sampler works in the unit cube; a range maps a point `u` of the unit interval to a value by its inverse distribution
function. One range object that is used in two places is one hyperparameter.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import jax
import numpy as np

from caviar.errors import ArgumentError, OpenRangeError
from caviar.parts import Part

__all__ = ["Range"]

if TYPE_CHECKING:  # type checkers accept a range wherever they accept what it stands for
    Float = float
    Int = int
    Anything = Any
else:
    Float = Int = Anything = object


@dataclass(eq=False, repr=False, frozen=True)
class Range(Part):
    """Values that a hyperparameter may take. A range of your own is a subclass with `at` and `unit`.

    >>> from caviar import Uniform
    >>> Uniform(0, 10, name="width").name
    'width'
    """

    scale: ClassVar[str] = "linear"
    """How a plot draws its axis: "linear", "log", "one_minus_log" or "choice"."""

    name: str | None = field(default=None, kw_only=True)

    def at(self, u: float) -> Any:
        """The value at `u`, between 0 and 1."""
        raise NotImplementedError(f"{type(self).__name__} has no at(self, u)")

    def unit(self, value: Any) -> float:
        """Where a value lies between 0 and 1; the inverse of `at`. A value outside counts as the nearest end."""
        raise NotImplementedError(f"{type(self).__name__} has no unit(self, value)")

    def draw(self, key: Any) -> Any:
        """A random value; the same one for the same key: an int, a NumPy generator or a JAX key.

        >>> from caviar import IntUniform
        >>> IntUniform(50, 100).draw(0) == IntUniform(50, 100).draw(0)
        True
        """
        return self.at(_generator(key).random())

    def grid(self, count: int) -> list[float]:
        """Units of at most `count` evenly spread values, the ends among them.

        >>> from caviar import LogUniform
        >>> [round(LogUniform(1e-4, 1).at(u), 6) for u in LogUniform(1e-4, 1).grid(5)]
        [0.0001, 0.001, 0.01, 0.1, 1.0]
        """
        return [0.5] if count == 1 else np.linspace(0, 1, count).tolist()

    def stands_for(self) -> Sequence[Any]:
        """The values that must be allowed wherever this range stands: its ends."""
        return self.at(0.0), self.at(1.0)

    @property
    def in_whole_numbers(self) -> str:
        """The range of ints that was meant, as code."""
        return f"Quantized({self!r}, 1)"

    def _written_down(self) -> Sequence[Any]:
        """The arguments that a user writes without their names."""
        return [value for name, value in self.get_config().items() if name != "name"]

    def __repr__(self) -> str:
        arguments = [getattr(a, "__name__", None) or repr(a) for a in self._written_down()]
        named = [] if self.name is None else [f"name={self.name!r}"]
        return f"{type(self).__name__}({', '.join(arguments + named)})"


def _generator(key: Any) -> np.random.Generator:
    if isinstance(key, jax.Array):
        return np.random.default_rng(np.asarray(jax.random.key_data(key)).ravel())
    if isinstance(key, np.random.Generator) or (isinstance(key, (int, np.integer)) and key >= 0):
        return np.random.default_rng(key)
    raise ArgumentError(f"draw wants an int that is not negative, a NumPy generator or a JAX key, and not {key!r}")


def _refusing(operation: str) -> Callable[..., Any]:
    def refuse(self: Range, *_: Any, **__: Any) -> Any:
        raise OpenRangeError(
            f"{self!r} stands where {operation} needs a value: caviar.search closes ranges; a layer of your own keeps one as it is, "
            "and computes with it in `call`"
        )

    return refuse


_BOTH_SIDES = ["add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul"]
_ONE_SIDE = ["neg", "pos", "abs", "round", "lt", "le", "gt", "ge", "float", "int", "index", "complex", "bool", "array"]
for _name in (*_BOTH_SIDES, *(f"r{name}" for name in _BOTH_SIDES), *_ONE_SIDE):
    setattr(Range, f"__{_name}__", _refusing(f"__{_name}__"))
