"""Most trials stop early, and the better ones go on."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from caviar.errors import ArgumentError
from caviar.studies.samplers import Sampler
from caviar.studies.strategies.base import (
    BoardView,
    Round,
    Strategy,
    ask,
    best_of,
    require_factor,
    require_ints,
    split,
)

__all__ = ["Halving", "Hyperband"]


@dataclass(eq=False, repr=False, frozen=True)
class Halving(Strategy):
    """Successive halving: all trials start, and at each rung the best 1/factor go on to `factor` times as many epochs.

    >>> from caviar.studies import Halving
    >>> Halving(factor=3).rungs(trials=100, epochs=81)
    [1, 3, 9, 27, 81]
    """

    factor: float = 3
    min_epochs: int | None = None
    sampler: str | Sampler = "random"

    def rounds(self, board: BoardView, trials: int, epochs: int) -> Iterator[Round]:
        """One round for each rung."""
        rungs = self.rungs(trials, epochs)
        yield from _climb(board, board.add(ask(board, self.sampler, trials), 0), rungs, self.factor)

    def rungs(self, trials: int, epochs: int) -> list[int]:
        """The epochs at which the worse trials end."""
        require_ints(trials=trials, epochs=epochs, min_epochs=self.min_epochs)
        require_factor(self.factor)
        least = self.min_epochs or 1
        if least > epochs:
            raise ArgumentError(
                f"halving was given min_epochs={least}, and only {epochs} epochs: one of them must change"
            )
        return _rungs(epochs, self.factor, min(_divisions(trials, self.factor), _divisions(epochs, self.factor, least)))


def _rungs(epochs: int, factor: float, halvings: int) -> list[int]:
    return sorted({max(1, int(epochs / factor**k)) for k in range(halvings + 1)})


def _divisions(whole: float, factor: float, least: float = 1) -> int:
    """How often a number can be divided by a factor without falling below the least."""
    count = 0
    while whole >= least * factor ** (count + 1):
        count += 1
    return count


def _climb(board: BoardView, numbers: list[int], rungs: list[int], factor: float, note: str = "") -> Iterator[Round]:
    """Train until each rung in turn, with the survivors of the one before."""
    began = len(numbers)
    for i, rung in enumerate(rungs):
        if i:
            numbers = sorted(best_of(board, numbers, max(1, int(len(numbers) / factor)), rungs[i - 1]))
        if not numbers:
            return  # all failed
        yield Round(numbers, rung, {}, f"{note}rung {i + 1}: {len(numbers)} of {began}")


@dataclass(eq=False, repr=False, frozen=True)
class Hyperband(Strategy):
    """Brackets of successive halving, from many trials that mostly end early to a few that all train to the end.

    >>> from caviar.studies import Hyperband
    >>> Hyperband(factor=3).brackets(trials=17, epochs=9)
    [(9, [1, 3, 9]), (5, [3, 9]), (3, [9])]
    """

    factor: float = 3
    sampler: str | Sampler = "random"

    def rounds(self, board: BoardView, trials: int, epochs: int) -> Iterator[Round]:
        """The rounds of one bracket after the other."""
        brackets = self.brackets(trials, epochs)
        for i, (count, rungs) in enumerate(brackets):
            numbers = board.add(ask(board, self.sampler, count), i)
            yield from _climb(board, numbers, rungs, self.factor, f"bracket {i + 1} of {len(brackets)}, ")

    def brackets(self, trials: int, epochs: int) -> list[tuple[int, list[int]]]:
        """The trials and the rungs of each bracket."""
        require_ints(trials=trials, epochs=epochs)
        require_factor(self.factor)
        most = _divisions(epochs, self.factor)
        halvings = range(most, -1, -1)
        counts = split(trials, [math.ceil((most + 1) / (s + 1) * self.factor**s) for s in halvings])
        return [
            (count, _rungs(epochs, self.factor, min(_divisions(count, self.factor), s)))
            for count, s in zip(counts, halvings, strict=True)
            if count
        ]
