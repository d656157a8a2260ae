"""From what a user wrote with ranges in it to what can be trained: finding the ranges, and closing them with values."""

from __future__ import annotations

import copy
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from caviar.errors import ArgumentError, OpenRangeError
from caviar.parts import Part
from caviar.ranges import Choice, Range


class _OfHyperparameter:
    """What makes a number one that remembers the hyperparameter it came from."""

    origin: str

    def __new__(cls, value: Any, origin: str) -> Self:
        """Make the number."""
        self = super().__new__(cls, value)  # type: ignore[call-arg]
        self.origin = origin
        return self

    def __getnewargs__(self) -> tuple[Any, str]:
        return +self, self.origin  # type: ignore[operator]


class Closed(_OfHyperparameter, float):  # type: ignore[misc]
    """A number that remembers the hyperparameter it came from.

    >>> from caviar.closing import Closed
    >>> Closed(0.01, "learning_rate"), Closed(0.01, "learning_rate").origin
    (0.01, 'learning_rate')
    """


class ClosedSize(_OfHyperparameter, int):  # type: ignore[misc]
    """A whole number that remembers the hyperparameter it came from.

    >>> from caviar.closing import ClosedSize
    >>> ClosedSize(64, "units"), ClosedSize(64, "units").origin
    (64, 'units')
    """


@dataclass(eq=False)
class Hyperparameter:
    """A range at its place in what the user wrote. It is active always, or only while one of its conditions holds."""

    name: str
    range: Range
    # Pairs (a choice, the number of its option).
    conditions: list[tuple[Hyperparameter, int]] | None = field(default_factory=list)
    within: list[Hyperparameter] = field(default_factory=list)  # the choices in whose options it stands

    @property
    def depth(self) -> int:
        """How deep it stands in choices."""
        return 1 + max((choice.depth for choice in self.within), default=-1)

    def is_active(self, chosen: Mapping[str, int]) -> bool:
        """Whether this range has an effect, given the options chosen, by name."""
        return self.conditions is None or any(
            outer.is_active(chosen) and chosen.get(outer.name) == option for outer, option in self.conditions
        )


def hyperparameters(*parts: Any, **named: Any) -> list[Hyperparameter]:
    """Every range in what a user wrote, by name: "learning_rate", "dense.units", "dense_1.kernel_regularizer.l2".

    A range used twice is one hyperparameter. Layers are numbered within the model, so names do not depend on what was made before.

    >>> from caviar.closing import hyperparameters
    >>> from caviar.ranges import LogUniform
    >>> from caviar.regularizers import L1L2
    >>> [h.name for h in hyperparameters(L1L2(LogUniform(1e-6, 1e-3), LogUniform(1e-6, 1e-3)))]
    ['l1', 'l2']
    """
    search = _Search()
    for path, part in [*(("", p) for p in parts), *named.items()]:
        search(part, path, None)
    return list(search.found.values())


class _Search:
    """One walk, in the order in which things were written."""

    def __init__(self) -> None:
        self.found: dict[int, Hyperparameter] = {}
        self.seen: set[int] = set()
        self.alive: list[Any] = []  # keeps ids unique during the walk
        self.counts: Counter[str] = Counter()

    def __call__(self, value: Any, path: str, condition: tuple[Hyperparameter, int] | None) -> None:
        if isinstance(value, Range):
            self._range(value, path, condition)
        elif isinstance(value, (list, tuple)):
            for i, item in enumerate(value):
                self(item, f"{path}[{i}]", condition)
        elif isinstance(value, dict):
            for key, item in value.items():
                self(item, f"{path}[{key!r}]" if path else str(key), condition)
        elif isinstance(value, Part) and id(value) not in self.seen:
            self.seen.add(id(value))
            self.alive.append(value)
            self._part(value, path, condition)

    def _part(self, part: Part, path: str, condition: tuple[Hyperparameter, int] | None) -> None:
        path = part.path_of_ranges(path, self._numbered)
        for name, value in vars(part).items():
            if name not in part.unwalked:
                spoken = part.spoken_names.get(name, name)
                self(value, f"{path}.{spoken}" if path else spoken, condition)
            elif any(isinstance(v, Range) for v in (value if isinstance(value, (list, tuple)) else [value])):
                raise ArgumentError(f"a range cannot stand at {path}.{name}, which does not change what is computed")

    def _numbered(self, name: str) -> str:
        stem = re.sub(r"_\d+$", "", name)
        count = self.counts[stem]
        self.counts[stem] += 1
        return f"{stem}_{count}" if count else stem

    def _range(self, found: Range, path: str, condition: tuple[Hyperparameter, int] | None) -> None:
        if id(found) not in self.found:
            name = self._unused(found.name or path)
            self.found[id(found)] = Hyperparameter(name, found, None if condition is None else [condition])
        elif condition is None or self.found[id(found)].conditions is None:
            self.found[id(found)].conditions = None
        else:
            self.found[id(found)].conditions.append(condition)  # type: ignore[union-attr]
        if condition is not None:
            self.found[id(found)].within.append(condition[0])
        if isinstance(found, Choice):
            for i, option in enumerate(found.options):
                place = path_word(type(option).__name__) if isinstance(option, Part) else path
                self(option, place, (self.found[id(found)], i))

    def _unused(self, name: str) -> str:
        taken = {h.name for h in self.found.values()}
        return name if name not in taken else next(f"{name}_{i}" for i in range(1, 10**6) if f"{name}_{i}" not in taken)


def path_word(name: str) -> str:
    """The name of a class as one word of a hyperparameter's name.

    >>> from caviar.closing import path_word
    >>> path_word("CosineDecay")
    'cosine_decay'
    """
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def closed(part: Any, found: Iterable[Hyperparameter], values: Mapping[str, Any]) -> Any:
    """A copy of what a user wrote in which every range is replaced by its value; numbers remember which range they came from.

    >>> from caviar.closing import closed, hyperparameters
    >>> from caviar.ranges import LogUniform
    >>> from caviar.regularizers import L2
    >>> open = L2(LogUniform(1e-6, 1e-3))
    >>> closed(open, hyperparameters(open), {"l2": 0.0001})
    L2(0.0001)
    """
    memo: dict[int, Any] = {}
    hypers = list(found)
    for hyper in sorted(hypers, key=lambda h: -h.depth):  # a range inside a choice is closed before it
        value = copy.deepcopy(values[hyper.name], memo)
        memo[id(hyper.range)] = _remembering(value, hyper.name)
    return copy.deepcopy(part, memo)


def _remembering(value: Any, name: str) -> Any:
    kind = Closed if isinstance(value, float) else ClosedSize if type(value) is int else None
    return value if kind is None else kind(value, name)


def typical(part: Any) -> Any:
    """A copy with every range at the middle of its values: enough to know shapes.

    >>> from caviar.closing import typical
    >>> from caviar.ranges import Uniform
    >>> from caviar.regularizers import L2
    >>> typical(L2(Uniform(0.0, 0.5)))
    L2(0.25)
    """
    found = hyperparameters(part)
    return closed(part, found, {h.name: h.range.at(0.5) for h in found})


def is_open(part: Any) -> bool:
    """Whether there is a range somewhere in it.

    >>> from caviar.closing import is_open
    >>> from caviar.regularizers import L2
    >>> is_open(L2(0.1))
    False
    """
    return bool(hyperparameters(part))


def hyperparameters_of(model: Any, compiled: Any, **more: Any) -> list[Hyperparameter]:
    """The ranges of a model and of what `compile` was given; the optimizer's have names without a prefix: "learning_rate"."""
    given = {} if compiled is None else dict(vars(compiled))
    optimizer = given.get("optimizer")
    plain = [] if isinstance(optimizer, Range) else [given.pop("optimizer", None)]
    return hyperparameters(model, *plain, **given, **more)


def check_closed(model: Any, compiled: Any) -> None:
    """Raise if something that is to be trained has open ranges, and name them."""
    found = hyperparameters_of(model, compiled)
    if found:
        text = ", ".join(f"{h.name} = {h.range!r}" for h in found[:5]) + (", ..." if len(found) > 5 else "")
        raise OpenRangeError(
            f"training needs numbers, and the model has {len(found)} open range{'s' * (len(found) > 1)}: {text}. "
            "caviar.search(model, x, y, trials=..., epochs=...) closes them, and takes fit's arguments"
        )
