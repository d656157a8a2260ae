"""Predictions for any number of rows, computed by a few compiled programs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from caviar.graph.evaluation import numbers_of
from caviar.parts import Apart
from caviar.training.passes import States
from caviar.training.program import answerer, predictor
from caviar.training.progress import Progress
from caviar.training.step import separate


class Answers:
    """Computes a network's outputs batch by batch.

    The last batch is padded with copies of its last row, so that a few programs serve any number of rows. That is exact
    where rows do not influence each other; where they do, as in a mean over the batch, the last batch is not padded.
    """

    def __init__(self, apart: Apart, size: int, progress: Progress):
        self.apart, self.size, self.progress = apart, size, progress
        self.numbers, self.values = numbers_of(apart), [v.value for v in apart.variables]

    def of(self, x: Any, rows: int) -> Iterator[tuple[int, Any]]:
        """The outputs for so many rows, in one or two pieces, each with the number of its first row."""
        room, spare = self.size * power_of_two(-(-rows // self.size)), rows % self.size
        whole = rows - spare if spare and self._mixes(_some(x, rows - spare, rows), room) else rows
        for start, end, held in ((0, whole, room), (whole, rows, spare)):
            if end > start:
                states, outputs = self._asked(_some(x, start, end), held)
                self._keep(states)
                yield start, jax.tree.map(lambda o, n=end - start: np.asarray(o)[:n], outputs)

    def _asked(self, x: Any, room: int, fill: Any = np.repeat) -> tuple[States, Any]:
        """The outputs for rows padded to so many: one batch in one call, several in a loop inside the program."""
        batches, filled = -(-_count(x) // self.size), _filled(x, room, fill)
        if room <= self.size:
            return self.progress.call(answerer(self.apart.structure), self.numbers, self.values, filled)
        program = predictor(self.apart.structure, self.size)
        return self.progress.call(program, self.numbers, self.values, filled, np.int32(batches))

    def _mixes(self, x: Any, room: int) -> bool:
        """Whether a row's output depends on other rows: padding with zeros instead must not change one bit of it."""
        leaves, form = jax.tree.flatten(x)
        key = ("mixes", form, *((leaf.shape[1:], leaf.dtype) for leaf in leaves))
        return self.apart.finding(key, lambda: self._differs(x, room))

    def _differs(self, x: Any, room: int) -> bool:
        (states, ours), (_, theirs) = (self._asked(x, room, fill) for fill in (np.repeat, _zeros))
        rows, pairs = _count(x), zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True)
        return bool(states) or any(np.asarray(a)[:rows].tobytes() != np.asarray(b)[:rows].tobytes() for a, b in pairs)

    def _keep(self, states: States) -> None:
        """Let the variables that an answer changed be as it left them."""
        if states:
            store_states(self.apart, states)
            self.values = [v.value for v in self.apart.variables]


def store_states(apart: Apart, states: States) -> None:
    """Let the variables that an evaluation changed be as it left them."""
    fixed = separate(apart.structure, apart.variables)[1] if states else []
    for place, value in states.items():
        fixed[place].assign(value)


def _count(x: Any) -> int:
    return len(jax.tree.leaves(x)[0])


def _some(x: Any, start: int, end: int) -> Any:
    return jax.tree.map(lambda a: a[start:end], x)


def _zeros(row: np.ndarray, count: int, axis: int) -> np.ndarray:
    return np.zeros((count, *row.shape[1:]), row.dtype)


def _filled(x: Any, rows: int, fill: Any) -> Any:
    def filled(a: np.ndarray) -> np.ndarray:
        return a if len(a) == rows else np.concatenate([a, fill(a[-1:], rows - len(a), 0)])

    return jax.tree.map(filled, x)


def power_of_two(n: int) -> int:
    """The least power of two that is not below a number.

    >>> from caviar.training.answers import power_of_two
    >>> [power_of_two(n) for n in (1, 3, 4, 5)]
    [1, 4, 4, 8]
    """
    return 1 << max(0, n - 1).bit_length()
