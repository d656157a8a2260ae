"""All trials for all epochs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from caviar.studies import samplers
from caviar.studies.samplers import Sampler
from caviar.studies.strategies.base import (
    BoardView,
    Round,
    Strategy,
    ask,
    require_ints,
)

__all__ = ["Full"]


@dataclass(eq=False, repr=False, frozen=True)
class Full(Strategy):
    """All trials for all epochs; in batches, if the sampler learns from the ones before (Optuna, 16 at a time).

    >>> from caviar.studies import Full
    >>> Full("sobol")
    Full('sobol')
    """

    sampler: str | Sampler = "random"
    batch: int | None = None
    grows = True

    def rounds(self, board: BoardView, trials: int, epochs: int) -> Iterator[Round]:
        """One round, or one for each batch."""
        require_ints(trials=trials, epochs=epochs, batch=self.batch)
        sampler = samplers.get(self.sampler)
        size = self.batch or (16 if sampler.learns else trials)
        for i, points in enumerate(_batches(board, sampler, trials, size)):
            yield Round(board.add(points, i), epochs, {}, f"batch {i + 1}" if size < trials else "")


def _batches(board: BoardView, sampler: Sampler, trials: int, size: int) -> Iterator[np.ndarray]:
    """The points, batch by batch; a sampler that does not learn (a grid, say) gives all of them at once."""
    if sampler.learns:
        for start in range(0, trials, size):
            yield ask(board, sampler, min(size, trials - start))
    else:
        points = ask(board, sampler, trials)
        yield from (points[start : start + size] for start in range(0, len(points), size))
