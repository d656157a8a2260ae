"""Declarations: what a value may be, written inside an annotation.

    units: Size     rate: Share     axis: Axis | None     padding: Annotated[str, OneOf("same", "valid")]

`caviar.arguments` checks what users give against them.
"""

from __future__ import annotations

import collections.abc
import difflib
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import numpy as np

INT32_MAX = 2**31 - 1  # the largest count in a program; messages do not mention it
LARGEST = {True: 2**63 - 1, False: float(np.finfo("float32").max)}  # whole numbers, and all others


class Declaration:
    """What a value must be. Use `fits` to test a value, which may also be traced or stand for others."""

    @property
    def expected(self) -> str:
        """The words for "must be ..." in an error."""
        return "anything"

    @property
    def is_float(self) -> bool:
        """Whether an attribute declared so is a number, an argument of programs, and not structure."""
        return False

    def allows(self, value: Any) -> bool:
        """Whether the value is one of those."""
        return True

    def hint(self, value: Any) -> str:
        """What to write instead of a value that is not allowed."""
        return ""

    def __or__(self, other: Declaration) -> Either:
        return Either((self, other))


@dataclass(frozen=True)
class Number(Declaration):
    """A number in an interval; its ends `least` and `most` belong to it, `above` and `below` do not.

    >>> from caviar.declarations import Number
    >>> Number(above=0).allows(0.5), Number(above=0).allows(0), Number(least=1, whole=True).allows(2.5)
    (True, False, False)
    """

    least: float = -math.inf
    most: float = math.inf
    above: float = -math.inf
    below: float = math.inf
    whole: bool = False
    infinite: bool = False

    @property
    def is_float(self) -> bool:
        """All but whole numbers."""
        return not self.whole

    @property
    def expected(self) -> str:
        """The interval in words."""
        named = {"of at least": self.least, "above": self.above, "of at most": self.most, "below": self.below}
        ends = [f"{words} {end:g}" for words, end in named.items() if abs(end) < INT32_MAX]
        return " ".join(
            ["a whole number" if self.whole else "a number", " and ".join(ends).replace("and of", "and")]
        ).strip()

    def allows(self, value: Any) -> bool:
        """Whether it is a number of this kind, and inside."""
        if not _is_number(value) or (self.whole and not isinstance(value, (int, np.integer))):
            return False
        value = value.item() if isinstance(value, np.generic) else value  # Python's numbers have no largest one
        if abs(value) == math.inf:
            return self.infinite
        inside = self.least <= value <= self.most and abs(value) <= LARGEST[self.whole]  # which NaN is not
        return inside and self.above < value and (value < self.below)

    def hint(self, value: Any) -> str:
        """The nearest number that is allowed."""
        near: Any = _as_number(value) if isinstance(value, str) else value
        if not _is_number(near):
            return ""
        near = near.item() if isinstance(near, np.generic) else near
        if not abs(near) < math.inf:
            return "write a finite number"
        near = min(max(near, self.least), self.most)
        near = round(near) if self.whole else near
        return f"write {near:g}" if self.allows(near) else ""


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)


def _as_number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


@dataclass(frozen=True, init=False)
class OneOf(Declaration):
    """One of a few names or values.

    >>> from caviar.declarations import OneOf
    >>> OneOf("same", "valid").expected
    "'same' or 'valid'"
    """

    options: tuple[Any, ...]

    def __init__(self, *options: Any):
        object.__setattr__(self, "options", options)

    @property
    def expected(self) -> str:
        """All of them."""
        return " or ".join(map(repr, self.options))

    def allows(self, value: Any) -> bool:
        """Whether it is one of them."""
        return any(type(value) is type(option) and value == option for option in self.options)

    def hint(self, value: Any) -> str:
        """The nearest name."""
        names = [option for option in self.options if isinstance(option, str)]
        near = difflib.get_close_matches(value.lower(), names, 1, 0.5) if isinstance(value, str) else []
        return f"did you mean {near[0]!r}?" if near else ""


@dataclass(frozen=True)
class Kind(Declaration):
    """An object of a type.

    >>> from caviar.declarations import Kind
    >>> Kind(str).allows("text"), Kind(str, "a name").expected
    (True, 'a name')
    """

    kind: Any
    words: str = ""

    @property
    def expected(self) -> str:
        """The type's name, or the words for it."""
        return self.words or f"a {self.kind.__name__}"

    def allows(self, value: Any) -> bool:
        """Whether it is of the type."""
        return callable(value) if self.kind is collections.abc.Callable else isinstance(value, self.kind)


class NumberType(Declaration):
    """A type of numbers, by its name or as NumPy and JAX have it.

    >>> from caviar.declarations import NumberType
    >>> NumberType().allows("bfloat16"), NumberType().allows("float31")
    (True, False)
    """

    expected = "a type such as 'float32'"

    def allows(self, value: Any) -> bool:
        """Whether JAX knows it."""
        try:
            return isinstance(value, (str, type, np.dtype)) and jnp.dtype(value).kind in "fiubV"  # V: bfloat16
        except TypeError:
            return False


class Pattern(Declaration):
    """A regular expression, as a text.

    >>> from caviar.declarations import Pattern
    >>> Pattern().allows("^head"), Pattern().allows("(")
    (True, False)
    """

    expected = "a regular expression"

    def allows(self, value: Any) -> bool:
        """Whether it can be searched for."""
        try:
            return isinstance(value, str) and re.compile(value) is not None
        except re.error:
            return False


@dataclass(frozen=True)
class Each(Declaration):
    """One value of a kind, or a list or tuple of such values, which may nest if it is `deep`.

    >>> from caviar.declarations import Each, Number
    >>> Each(Number(least=1, whole=True)).allows((3, 3)), Each(Number(least=1, whole=True)).allows((3, 0))
    (True, False)
    """

    kind: Declaration
    alone: bool = True
    empty: bool = False
    deep: bool = False

    @property
    def is_float(self) -> bool:
        """What each of them is."""
        return self.kind.is_float

    @property
    def expected(self) -> str:
        """One, or several."""
        return f"{self.kind.expected}, or several" if self.alone else f"a list, each of it {self.kind.expected}"

    def allows(self, value: Any) -> bool:
        """Whether every one is of the kind."""
        if isinstance(value, (np.ndarray, jax.Array)):
            value = np.asarray(value)
            value = (value.min(), value.max()) if value.size and value.dtype.kind in "fiub" else ()
        if isinstance(value, (list, tuple, range)):
            inner = self if self.deep else self.kind
            return (self.empty or len(value) > 0) and all(fits(inner, v) for v in value)
        return self.alone and self.kind.allows(value)

    def hint(self, value: Any) -> str:
        """The hint for a single value."""
        return self.kind.hint(value) if self.alone else ""


@dataclass(frozen=True)
class Either(Declaration):
    """What one of several declarations allows; annotations write it `Size | None`."""

    kinds: tuple[Declaration, ...]

    @property
    def is_float(self) -> bool:
        """Whether one of them is."""
        return any(kind.is_float for kind in self.kinds)

    @property
    def expected(self) -> str:
        """All of them."""
        return " or ".join(kind.expected for kind in self.kinds)

    def allows(self, value: Any) -> bool:
        """Whether one of them does."""
        return any(kind.allows(value) for kind in self.kinds)

    def hint(self, value: Any) -> str:
        """The first that there is."""
        return next((hint for hint in (kind.hint(value) for kind in self.kinds) if hint), "")


def fits(declaration: Declaration, value: Any) -> bool:
    """Whether a value is allowed. A traced value is not known, and passes; a range passes if all that it stands for does."""
    if type(value) in PLAIN:  # most are
        return declaration.allows(value)
    if isinstance(value, jax.core.Tracer):
        return True
    if hasattr(value, "stands_for") and not declaration.allows(value):
        return all(fits(declaration, v) for v in value.stands_for())
    if isinstance(value, (np.ndarray, jax.Array)) and value.ndim == 0:
        value = value.item()
    return declaration.allows(value)


FLAG = Kind((bool, np.bool_), "True or False")
PLAIN: dict[Any, Declaration] = {
    int: Number(whole=True),
    float: Number(),
    bool: FLAG,
    str: Kind(str, "a text"),
    type(None): OneOf(None),
}

Size = Annotated[int, Number(least=1, whole=True)]
Sizes = Annotated[int | Sequence[int], Each(Number(least=1, most=INT32_MAX, whole=True))]
Count = Annotated[int, Number(least=0, most=INT32_MAX, whole=True)]
Counts = Annotated[int | Sequence[int | Sequence[int]], Each(Number(least=0, most=INT32_MAX, whole=True), deep=True)]
Times = Annotated[int, Number(least=1, most=INT32_MAX, whole=True)]
Seed = Annotated[int, Number(least=0, most=2**32 - 1, whole=True)]
Axis = Annotated[int, Number(least=-64, most=63, whole=True)]  # NumPy has arrays of 64 axes at most
Axes = Annotated[int | Sequence[int], Each(Number(least=-64, most=63, whole=True))]
Share = Annotated[float, Number(least=0, most=1)]
Fraction = Annotated[float, Number(least=0, below=1)]
Positive = Annotated[float, Number(above=0)]
NotNegative = Annotated[float, Number(least=0)]
Limit = Annotated[float, Number(infinite=True)]
Several = Annotated[float, Each(Number(), deep=True)]
DataFormat = Annotated[str, OneOf("channels_last", "channels_first")]
DataType = Annotated[Any, NumberType()]
Verbosity = Annotated[int, Number(least=0, most=2, whole=True) | FLAG]
