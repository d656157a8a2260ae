"""Trials that take over from better ones while they train."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from caviar.errors import ArgumentError
from caviar.studies.samplers import Sampler
from caviar.studies.strategies.base import (
    BoardView,
    Change,
    Round,
    Strategy,
    ask,
    require_ints,
)

__all__ = ["PopulationBased"]


@dataclass(eq=False, repr=False, frozen=True)
class PopulationBased(Strategy):
    """All trials train to the end, but every `interval` epochs the worst take over the run of one of the best, and vary it.

    So hyperparameters change while a network trains: what is found is a schedule. `interval` is a tenth of the epochs.

    >>> from caviar.studies import PopulationBased
    >>> PopulationBased(interval=5, share=0.2)
    PopulationBased(5, share=0.2)
    """

    interval: int | None = None
    share: float = 0.25
    sampler: str | Sampler = "random"

    def rounds(self, board: BoardView, trials: int, epochs: int) -> Iterator[Round]:
        """One round for each interval."""
        require_ints(trials=trials, epochs=epochs, interval=self.interval)
        if not (isinstance(self.share, (int, float)) and 0 < self.share <= 0.5):
            raise ArgumentError(f"share was given as {self.share!r}: write a number above 0 and at most 0.5, like 0.25")
        interval = self.interval or max(1, epochs // 10)
        ends = [*range(interval, epochs, interval), epochs]
        numbers = board.add(ask(board, self.sampler, trials), 0)
        for i, end in enumerate(ends):
            changes = self._changes(board, numbers, ends[i - 1], numbers[0] + i) if i else {}
            yield Round(numbers, end, changes, f"generation {i + 1} of {len(ends)}")

    def _changes(self, board: BoardView, numbers: list[int], epochs: int, round: int) -> dict[int, Change]:
        """For each of the worst, the run of one of the best, and units near that one's."""
        scores = dict(zip(numbers, board.scores(numbers, epochs), strict=True))
        ranked = sorted(numbers, key=lambda n: -scores[n])
        count = min(max(1, int(len(numbers) * self.share)), len(numbers) // 2)
        rng = np.random.default_rng([board.seed, _TAG, round])
        changes = {}
        for worse in ranked[len(numbers) - count :]:
            parent = ranked[rng.integers(count)]
            units = _varied(board.units([parent])[0], np.asarray(board.numeric), rng)
            if scores[parent] > scores[worse]:
                changes[worse] = Change(parent, units)
        return changes


_TAG = 20171127  # makes these random numbers independent of the samplers'


def _varied(units: np.ndarray, numeric: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A small random step, reflected at the walls of the cube, or sometimes a new point; what needs another program stays."""
    stepped = np.abs(units + rng.normal(0, 0.1, units.shape)) % 2
    stepped = np.where(stepped > 1, 2 - stepped, stepped)
    anew = rng.random(units.shape)
    return np.where(numeric, np.where(rng.random(units.shape) < 0.25, anew, stepped), units)
