"""Trials in ever smaller boxes around the best."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from caviar.ranges import Choice, IntUniform, Range
from caviar.studies import samplers
from caviar.studies.samplers import Sampler, nothing_told
from caviar.studies.strategies.base import (
    BoardView,
    Round,
    Strategy,
    best_of,
    require_ints,
    split,
)

__all__ = ["CoarseToFine"]


class CoarseToFine(Strategy):
    """Sample the whole space, then more finely the box around the best trials, and so on, with equally many trials each time.

    The lecture's picture: 25 random points, of which the 3 best lie in a corner, and 25 finer ones there.

    >>> from caviar.studies import CoarseToFine
    >>> CoarseToFine(rounds=2, best=3)
    CoarseToFine(2, best=3)
    """

    def __init__(self, rounds: int = 3, best: int = 3, sampler: str | Sampler = "random"):
        self.count, self.best, self.sampler = rounds, best, sampler  # the name `rounds` is taken by the method

    def rounds(self, board: BoardView, trials: int, epochs: int) -> Iterator[Round]:
        """One round for the whole space, and one for each finer box."""
        require_ints(trials=trials, epochs=epochs, rounds=self.count, best=self.best)
        box = Box.whole(board.ranges)
        sizes = [size for size in split(trials, [1] * self.count) if size]
        for i, size in enumerate(sizes):
            best = best_of(board, board.numbers(), self.best, epochs) if i else []
            box = box.around(board.units(best)) if best else box
            numbers = board.add(box.points(self.sampler, board, size), i)
            yield Round(numbers, epochs, {}, f"round {i + 1} of {len(sizes)}")


MARGIN = 0.1
"""The margin around the best trials, as a share of the box's width: half a step of a square grid of 25 points."""


class Box(NamedTuple):
    """A part of the unit cube: an interval of each dimension, and the options that are left of each choice.

    >>> import numpy as np
    >>> from caviar.studies.strategies.boxes import Box
    >>> from caviar.ranges import Uniform
    >>> box = Box.whole([Uniform(0, 1)]).around(np.array([[0.7], [0.8]]))
    >>> box.low.round(2).tolist(), box.high.round(2).tolist()
    ([0.6], [0.9])
    """

    ranges: Sequence[Range]
    low: np.ndarray
    high: np.ndarray
    options: dict[int, list[float]]  # by dimension, as units

    @classmethod
    def whole(cls, ranges: Sequence[Range]) -> Box:
        """The unit cube."""
        options = {i: r.grid(len(r.options)) for i, r in enumerate(ranges) if isinstance(r, Choice)}
        return cls(ranges, np.zeros(len(ranges)), np.ones(len(ranges)), options)

    def around(self, best: np.ndarray) -> Box:
        """The box of the best points and a margin, never wider than this one; of choices, the options among the best."""
        width, middle = self.high - self.low, (best.min(0) + best.max(0)) / 2
        half = np.minimum((best.max(0) - best.min(0)) / 2 + MARGIN * width, width / 2)
        options = {i: sorted({_middle(self.ranges[i], u) for u in best[:, i]}) for i in self.options}
        return self._replace(low=np.maximum(middle - half, 0), high=np.minimum(middle + half, 1), options=options)

    def points(self, sampler: str | Sampler, board: BoardView, count: int) -> np.ndarray:
        """The sampler's points for a whole cube, scaled into the box."""
        left = {i: IntUniform(0, len(kept) - 1) for i, kept in self.options.items()}
        ranges = [left.get(i, r) for i, r in enumerate(self.ranges)]
        drawn = len(board.numbers())
        points = samplers.get(sampler).points(count, ranges, board.seed, drawn, nothing_told(ranges))
        units = self.low + points * (self.high - self.low)
        for i, kept in self.options.items():
            units[:, i] = [kept[left[i].at(p)] for p in points[:, i]]
        return units


def _middle(of: Range, unit: float) -> float:
    """The middle of the interval of an option in which a unit lies."""
    return of.unit(of.at(unit))
