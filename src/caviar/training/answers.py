"""Predictions for any number of rows, computed by a few compiled programs."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import jax
import numpy as np
from jax._src.config import trace_context  # JAX has no public way to ask for the settings of a thread

from caviar import engine
from caviar.graph.evaluation import numbers_of
from caviar.parts import Apart
from caviar.training.passes import States
from caviar.training.program import answerer
from caviar.training.progress import Progress
from caviar.training.step import separate

AHEAD = 8
"""The number of batches computed at the same time: enough to keep the device busy, and few enough to fit in memory."""
LONG = 5e-4
"""The seconds of a batch from which it is worth handing to another thread."""


class Answers:
    """Computes a network's outputs batch by batch.

    The last batch is padded to a power of two with copies of its last row, so that a few programs serve any number of rows. That
    is exact where rows do not influence each other; where they do, as in a mean over the batch, the last batch is not padded.
    """

    def __init__(self, apart: Apart, progress: Progress):
        self.apart, self.progress, self.program = apart, progress, answerer(apart.structure)
        self.numbers, self.values = numbers_of(apart), [v.value for v in apart.variables]
        self.changed: States = {}

    def of(self, x: Any, rows: int, size: int) -> Iterator[tuple[int, Any]]:
        """The outputs for so many rows, batch by batch, each with the number of its first row."""
        starts = range(0, rows, size)
        yield from self._in_turn(x, starts[:1], rows, size)  # it may compile: the second tells how long a batch takes
        began = time.perf_counter()
        yield from self._in_turn(x, starts[1:2], rows, size)
        is_long = time.perf_counter() - began >= LONG and jax.default_backend() == "cpu"
        full = starts[2 : rows // size] if is_long and not self.changed else starts[:0]
        yield from self._side_by_side(x, full, rows, size)
        yield from self._in_turn(x, starts[2 + len(full) :], rows, size)
        store_states(self.apart, self.changed)

    def _in_turn(self, x: Any, starts: range, rows: int, size: int) -> Iterator[tuple[int, Any]]:
        """Batch after batch, from this thread; where JAX computes while Python goes on, a few batches ahead."""
        under_way: deque[tuple[int, int, Any]] = deque()
        for start in starts:
            batch, count = x if rows <= size else _taken(x, start, size), min(size, rows - start)
            room = min(size, power_of_two(count))
            states, outputs = self._asked(
                batch if self._is_alone(batch, count, room) else _filled(batch, room, np.repeat)
            )
            self._change(states)
            under_way.append((start, count, outputs))
            if len(under_way) == AHEAD:
                yield _arrived(*under_way.popleft())
        yield from (_arrived(*item) for item in under_way)

    def _side_by_side(self, x: Any, starts: range, rows: int, size: int) -> Iterator[tuple[int, Any]]:
        """Full batches that change no state, as many at once as there are cores."""
        if len(starts) < 2 or engine.cores() < 2:
            yield from self._in_turn(x, starts, rows, size)
            return

        def outputs(start: int) -> Any:
            return jax.block_until_ready(self.program(self.numbers, self.values, _taken(x, start, size)))[1]

        with ThreadPoolExecutor(min(engine.cores(), AHEAD)) as pool:
            # what JAX sets by a `with` holds in this thread only
            if pool.submit(trace_context).result() != trace_context():
                yield from self._in_turn(x, starts, rows, size)
                return
            under_way: deque[tuple[int, Future[Any]]] = deque()
            for start in starts:
                under_way.append((start, pool.submit(outputs, start)))
                if len(under_way) == AHEAD:
                    first, answer = under_way.popleft()
                    yield _arrived(first, size, answer.result())
            yield from (_arrived(start, size, answer.result()) for start, answer in under_way)

    def _asked(self, batch: Any) -> tuple[States, Any]:
        return self.progress.call(self.program, self.numbers, self.values, batch)

    def _is_alone(self, batch: Any, count: int, room: int) -> bool:
        """Whether a batch is computed without padding: it needs none, or padding would change its outputs."""
        if count == room:
            return True
        leaves, form = jax.tree.flatten(batch)
        key = ("mixes", form, *((leaf.shape[1:], leaf.dtype) for leaf in leaves))
        return self.apart.finding(key, lambda: self._mixes(batch, count, room))

    def _mixes(self, batch: Any, count: int, room: int) -> bool:
        """Whether a row's output depends on other rows, or changes a state: padding with zeros must not change one bit of it."""
        (states, ours), (_, theirs) = (self._asked(_filled(batch, room, fill)) for fill in (np.repeat, _zeros))
        pairs = zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True)
        return bool(states) or any(np.asarray(a)[:count].tobytes() != np.asarray(b)[:count].tobytes() for a, b in pairs)

    def _change(self, states: States) -> None:
        """Pass the layers' states on to the next batch."""
        if states:
            self.changed |= states
            fixed = [slot.place for slot in self.apart.structure.slots if not slot.trainable]
            for place, value in states.items():
                self.values[fixed[place]] = value


def store_states(apart: Apart, states: States) -> None:
    """Store the values of the variables that an evaluation changed."""
    fixed = separate(apart.structure, apart.variables)[1] if states else []
    for place, value in states.items():
        fixed[place].assign(value)


def _arrived(start: int, count: int, outputs: Any) -> tuple[int, Any]:
    return start, jax.tree.map(lambda o: np.asarray(o)[:count], outputs)


def _taken(x: Any, start: int, size: int) -> Any:
    return jax.tree.map(lambda a: a[start : start + size], x)


def _zeros(row: np.ndarray, count: int, axis: int) -> np.ndarray:
    return np.zeros((count, *row.shape[1:]), row.dtype)


def _filled(x: Any, rows: int, fill: Callable[[np.ndarray, int, int], np.ndarray]) -> Any:
    return jax.tree.map(lambda a: np.concatenate([a, fill(a[-1:], rows - len(a), 0)]), x)


def power_of_two(n: int) -> int:
    """The least power of two that is not below a number.

    >>> from caviar.training.answers import power_of_two
    >>> [power_of_two(n) for n in (1, 3, 4, 5)]
    [1, 4, 4, 8]
    """
    return 1 << max(0, n - 1).bit_length()
