"""Ranges: what may stand wherever a number or a choice stands, for `search` to close.

Every sampler works in the unit cube; a range maps a point `u` of the unit interval to a value by its inverse distribution
function. One range object that is used in two places is one hyperparameter.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from numbers import Integral
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, ClassVar, Self

import jax
import numpy as np

from caviar.declarations import Positive, Size
from caviar.errors import ArgumentError, OpenRangeError
from caviar.parts import Part

__all__ = ["Choice", "IntUniform", "LogNormal", "LogUniform", "Normal", "OneMinus", "Quantized", "Range", "Uniform"]
__dir__ = __all__.copy

if TYPE_CHECKING:  # type checkers accept a range wherever they accept what it stands for
    _Float = float
    _Int = int
    _Anything = Any
else:
    _Float = _Int = _Anything = object


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
        return f"IntUniform({self.low:.0f}, {self.high:.0f})" if type(self) is Uniform else f"Quantized({self!r}, 1)"

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


@dataclass(eq=False, repr=False, frozen=True)
class Uniform(Range, _Float):
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
class OneMinus(_Derived, _Float):
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
class Quantized(_Derived, _Anything):
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


@dataclass(eq=False, repr=False, frozen=True)
class Normal(Range, _Float):
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
class IntUniform(_Listed, _Int):
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
class Choice(_Listed, _Anything):
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
