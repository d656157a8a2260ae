"""Ranges of floats, by their distributions."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

from caviar.declarations import Positive
from caviar.errors import ArgumentError
from caviar.ranges.base import Float, Range

__all__ = ["LogNormal", "LogUniform", "Normal", "Uniform"]


@dataclass(eq=False, repr=False, frozen=True)
class Uniform(Range, Float):
    """Every value from `low` to `high` is equally likely: for numbers whose magnitude is known, like a share or an angle.

    >>> from caviar import Uniform
    >>> Uniform(10, 20).at(0.25)
    12.5
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise ArgumentError(f"{self!r} is reversed: write {type(self).__name__}({self.high!r}, {self.low!r})")
        if self.low == self.high:
            raise ArgumentError(f"{self!r} is empty: write the number {self.low!r}, or a high end above it")

    def at(self, u: float) -> float:
        """`low` plus the share `u` of the way to `high`."""
        return self._within(self.low * (1 - u) + self.high * u)

    def unit(self, value: float) -> float:
        """The share of the way from `low` to `high`."""
        return (self._within(value) - self.low) / (self.high - self.low)

    def _within(self, value: float) -> float:
        return float(min(max(value, self.low), self.high))

    @property
    def in_whole_numbers(self) -> str:
        """The range of ints that was meant, as code."""
        return f"IntUniform({self.low:.0f}, {self.high:.0f})" if type(self) is Uniform else super().in_whole_numbers


@dataclass(eq=False, repr=False, frozen=True)
class LogUniform(Uniform):
    """Every power of ten is equally likely: `10 ** r`, r uniform from log10(low) to log10(high). For learning rates, L2, ...

    >>> from caviar import LogUniform
    >>> LogUniform(1e-4, 1).at(0.25)
    0.001
    """

    scale = "log"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.low <= 0:
            raise ArgumentError(f"{self!r} begins at {self.low!r}, which has no logarithm: write a low end like 1e-4")

    def at(self, u: float) -> float:
        """Ten to the power that lies the share `u` of the way."""
        return self._within(10 ** (math.log10(self.low) * (1 - u) + math.log10(self.high) * u))

    def unit(self, value: float) -> float:
        """The share of the way on the logarithmic scale."""
        low, high = math.log10(self.low), math.log10(self.high)
        return (math.log10(self._within(value)) - low) / (high - low)


@dataclass(eq=False, repr=False, frozen=True)
class Normal(Range, Float):
    """Values around `mean`, two thirds of them within one `stddev`.

    >>> from caviar import Normal
    >>> Normal(5, 2).at(0.5), round(Normal(5, 2).at(0.841345), 3)
    (5.0, 7.0)
    """

    mean: float
    stddev: Positive

    def at(self, u: float) -> float:
        """The quantile at `u`; 0 and 1, whose quantiles are infinite, are moved inwards by a little."""
        return NormalDist(self.mean, self.stddev).inv_cdf(min(max(u, 2**-53), 1 - 2**-53))

    def unit(self, value: float) -> float:
        """The share of values below this one."""
        return NormalDist(self.mean, self.stddev).cdf(value)

    def grid(self, count: int) -> list[float]:
        """The middles of equally likely stretches."""
        return [(i + 0.5) / count for i in range(count)]


@dataclass(eq=False, repr=False, frozen=True)
class LogNormal(Normal):
    """Values whose natural logarithm is normal; `mean` and `stddev` are the logarithm's.

    >>> from caviar import LogNormal
    >>> LogNormal(0, 1).at(0.5)
    1.0
    """

    scale = "log"

    def __post_init__(self) -> None:
        if self.mean + 9 * self.stddev > 700:
            raise ArgumentError(f"{self!r} goes beyond all floats: write mean and stddev of the natural logarithm")

    def at(self, u: float) -> float:
        """e to the normal quantile."""
        return math.exp(super().at(u))

    def unit(self, value: float) -> float:
        """The share of values below this one."""
        return super().unit(math.log(value)) if value > 0 else 0.0
