"""Ranges made of another range"s values."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Integral

from caviar.declarations import Positive
from caviar.errors import ArgumentError
from caviar.ranges.base import Anything, Float, Range
from caviar.ranges.listed import Choice

__all__ = ["OneMinus", "Quantized"]


@dataclass(eq=False, repr=False, frozen=True)
class _Derived(Range):
    """Made of another range's values."""

    range: Range

    def __post_init__(self) -> None:
        if not isinstance(self.range, Range) or isinstance(self.range, Choice):
            kind = type(self).__name__
            raise ArgumentError(f"{kind} was given {self.range!r}: write a range of numbers, like Uniform(0, 1)")

    @property
    def scale(self) -> str:  # type: ignore[override]
        """How a plot draws the axis of the inner range."""
        return self.range.scale

    def grid(self, count: int) -> list[float]:
        """The grid of the inner range, without values that have become equal."""
        return list({self.at(u): u for u in self.range.grid(count)}.values())


@dataclass(eq=False, repr=False, frozen=True)
class OneMinus(_Derived, Float):
    """One minus the value of another range: for numbers that matter most close to one, like momentum.

    >>> from caviar import LogUniform, OneMinus
    >>> momentum = OneMinus(LogUniform(1e-3, 1e-1))
    >>> momentum.at(0.0), momentum.at(0.5), momentum.at(1.0)
    (0.999, 0.99, 0.9)
    """

    @property
    def scale(self) -> str:  # type: ignore[override]
        """The scale of the inner range, measured from one."""
        return {"log": "one_minus_log", "one_minus_log": "log"}.get(self.range.scale, self.range.scale)

    def at(self, u: float) -> float:
        """One minus the inner value; it falls where the inner one rises."""
        return 1 - self.range.at(u)

    def unit(self, value: float) -> float:
        """Where the inner range has one minus the value."""
        return self.range.unit(1 - value)


@dataclass(eq=False, repr=False, frozen=True)
class Quantized(_Derived, Anything):
    """Another range's values, rounded to multiples of a step, within its ends; an int step gives ints.

    >>> from caviar import LogUniform, Quantized
    >>> batch_size = Quantized(LogUniform(16, 512), 16)
    >>> [batch_size.at(u) for u in (0.0, 0.5, 1.0)]
    [16, 96, 512]
    """

    step: Positive

    def __post_init__(self) -> None:
        super().__post_init__()
        first, last = self._multiples()
        if first > last:
            raise ArgumentError(f"{self!r} is empty: no multiple of {self.step!r} lies in it, write a smaller step")

    def _multiples(self) -> tuple[int, int]:
        """The first and the last multiple in the range; 0.3 counts as a multiple of 0.1 in spite of rounding."""
        low, high = sorted((self.range.at(0.0), self.range.at(1.0)))
        return math.ceil(low / self.step - 1e-9), math.floor(high / self.step + 1e-9)

    def at(self, u: float) -> float:
        """The multiple of the step nearest to the inner value."""
        first, last = self._multiples()
        multiple = min(max(round(self.range.at(u) / self.step), first), last)
        return multiple * int(self.step) if isinstance(self.step, Integral) else float(f"{multiple * self.step:.12g}")

    def unit(self, value: float) -> float:
        """The middle of the value's share."""
        return (self.range.unit(value - self.step / 2) + self.range.unit(value + self.step / 2)) / 2
