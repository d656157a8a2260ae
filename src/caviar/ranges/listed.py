"""Ranges of separate values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from caviar.declarations import Size
from caviar.errors import ArgumentError
from caviar.ranges.base import Anything, Int, Range

__all__ = ["Choice", "IntUniform"]


class _Listed(Range):
    """Separate values, each with an equal share of the unit interval."""

    @property
    def values(self) -> Sequence[Any]:
        """All of them, in order."""
        raise NotImplementedError

    def _place(self, value: Any) -> int:
        raise NotImplementedError

    def at(self, u: float) -> Any:
        """The value in whose share `u` lies."""
        return self.values[min(int(u * len(self.values)), len(self.values) - 1)]

    def unit(self, value: Any) -> float:
        """The middle of the value's share."""
        return (self._place(value) + 0.5) / len(self.values)

    def grid(self, count: int) -> list[float]:
        """Units of at most `count` different values, no more than there are."""
        size = len(self.values)
        return [(round(share * (size - 1)) + 0.5) / size for share in super().grid(min(count, size))]


@dataclass(eq=False, repr=False, frozen=True)
class IntUniform(_Listed, Int):
    """The ints from `low` to `high`, both included: for units, layers, filters.

    >>> from caviar import IntUniform
    >>> IntUniform(50, 100).at(0.0), IntUniform(50, 100).at(0.999), list(IntUniform(32, 128, step=32).values)
    (50, 100, [32, 64, 96, 128])
    """

    low: int
    high: int
    step: Size = 1

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise ArgumentError(f"{self!r} is reversed: write {type(self).__name__}({self.high!r}, {self.low!r})")

    @property
    def values(self) -> Sequence[int]:
        """All of them, in order."""
        return range(int(self.low), int(self.high) + 1, int(self.step))

    def _place(self, value: float) -> int:
        return min(max(round((value - self.low) / self.step), 0), len(self.values) - 1)


@dataclass(eq=False, repr=False, frozen=True, init=False)
class Choice(_Listed, Anything):
    """One of the options, whatever they are: names, numbers, None, layers, lists of layers, optimizers with ranges inside.

    >>> from caviar import Choice
    >>> Choice("relu", "tanh").at(0.7)
    'tanh'
    """

    scale = "choice"

    options: tuple[Any, ...]

    def __init__(self, *options: Any, name: str | None = None):
        self.__dict__.update(options=options, name=name)
        if not options:
            raise ArgumentError("Choice() has no options: write them one after the other, like Choice('relu', 'tanh')")
        if len(options) == 1 and isinstance(options[0], (list, tuple)):
            raise ArgumentError(f"the only option of {self!r} is a list: write Choice(*options) for its items")

    @property
    def values(self) -> Sequence[Any]:
        """The options."""
        return self.options

    def _place(self, value: Any) -> int:
        """The place of an option: the same object, or, for a value read back from a file, the one with the same `repr`."""
        places = [i for i, o in enumerate(self.options) if o is value]
        places += [i for i, o in enumerate(self.options) if type(o) is type(value) and repr(o) == repr(value)]
        if not places:
            raise ArgumentError(f"{value!r} is not among the options of {self!r}")
        return places[0]

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Make a choice from what `get_config` gave."""
        return cls(*config["options"], name=config.get("name"))

    def replace(self, **changes: Any) -> Self:
        """A new choice with other options, or another name."""
        return self.from_config({**self.get_config(), **changes})

    def stands_for(self) -> Sequence[Any]:
        """Every option."""
        return self.options

    def _written_down(self) -> Sequence[Any]:
        return self.options
