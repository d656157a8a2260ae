"""Strategies: which trials train, and for how long.

A strategy is a generator over a board. It looks at nothing but the board, and draws its random numbers from the board"s
seed, so a search that was killed is replayed to where it was: the same board, the same rounds.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any, ClassVar, NamedTuple, Protocol

import numpy as np

from caviar.errors import ArgumentError
from caviar.parts import Part
from caviar.ranges import Range
from caviar.studies import samplers
from caviar.studies.samplers import Sampler, nothing_told

__all__ = ["Strategy"]


class Change(NamedTuple):
    """Population-based training: take over the parent's run, and train on with these units."""

    parent: int
    units: np.ndarray


class Round(NamedTuple):
    """The next round of training."""

    trials: list[int]  # those that train in this round; a trial of the population that is not among them is finished
    epochs: int  # until they have this many epochs in all
    changes: dict[int, Change]  # made before the round
    note: str = ""  # a few words for the progress line: "round 2 of 3", "rung 3: 11 of 100"


class BoardView(Protocol):
    """What a strategy sees of a search. In a replay it shows what it showed the first time."""

    @property
    def seed(self) -> int:
        """The seed of the search."""

    @property
    def ranges(self) -> Sequence[Range]:
        """The hyperparameters, one dimension each."""

    @property
    def numeric(self) -> Sequence[bool]:
        """Which dimensions vary within one program; known after the first round."""

    def add(self, units: np.ndarray, round: int) -> list[int]:
        """New trials at these points; their numbers."""

    def units(self, numbers: Sequence[int]) -> np.ndarray:
        """Where these trials are now, [trials, dimensions]."""

    def scores(self, numbers: Sequence[int], epochs: int | None = None) -> np.ndarray:
        """The best of each so far, or within so many epochs; larger is better, -inf for a failed trial."""

    def numbers(self) -> list[int]:
        """All trials so far."""


@dataclass(eq=False, repr=False, frozen=True)
class Strategy(Part):
    """Decides who trains how long. A strategy of your own is a subclass with `rounds`.

    >>> from caviar.studies import Strategy
    >>> from caviar.studies.strategies.lookup import get
    >>> isinstance(get("halving"), Strategy)
    True
    """

    grows: ClassVar[bool] = False
    """Whether a search with more trials begins with the same ones, trained in the same way, so that a finished one can grow."""

    @property
    def repeats(self) -> bool:
        """Whether it has other trials when it is asked again: a search of so many minutes asks until they are over."""
        sampler = getattr(self, "sampler", None)
        return sampler is None or not samplers.get(sampler).exhausts

    def rounds(self, board: BoardView, trials: int, epochs: int) -> Iterator[Round]:
        """The rounds of a search with this many more trials, of at most this many epochs each."""
        raise NotImplementedError(f"{type(self).__name__} has no rounds(self, board, trials, epochs)")


def ask(board: BoardView, sampler: str | Sampler, count: int) -> np.ndarray:
    """New points from a sampler, which is told the results of all trials so far."""
    numbers = board.numbers()
    told = (board.units(numbers), board.scores(numbers)) if numbers else nothing_told(board.ranges)
    return samplers.get(sampler).points(count, board.ranges, board.seed, len(numbers), told)


def best_of(board: BoardView, numbers: Sequence[int], count: int, epochs: int) -> list[int]:
    """The best trials, best first; failed ones are never among them."""
    scores = np.asarray(board.scores(numbers, epochs))
    return [numbers[i] for i in np.argsort(-scores, kind="stable")[:count] if scores[i] > -math.inf]


def split(whole: int, weights: Sequence[float]) -> list[int]:
    """Integers that add up to the whole, in proportion to the weights."""
    ends = np.round(np.cumsum(weights) / np.sum(weights) * whole).astype(int)
    return np.diff(ends, prepend=0).tolist()


def require_ints(**given: Any) -> None:
    for name, value in given.items():
        if value is not None and (isinstance(value, bool) or not isinstance(value, Integral) or value < 1):
            raise ArgumentError(f"{name} was given as {value!r}: write an int of at least 1")


def require_factor(factor: Any) -> None:
    if not (isinstance(factor, (int, float)) and 1 < factor < math.inf):
        raise ArgumentError(f"factor was given as {factor!r}: write a number above 1, like 3")
