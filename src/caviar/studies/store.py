"""The content of a search's file: its trials, their curves, and what it needs to resume after it was killed."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from caviar.errors import ArgumentError, ShapeError
from caviar.studies.sqlite import StudyFile, to_text

PART = 1 << 28  # bytes in one row; SQLite allows at most 1e9


class Trial(NamedTuple):
    """One point of a search: where it is, the values of the hyperparameters there, and how far it has trained.

    >>> from caviar.studies.store import Trial
    >>> Trial(0, [0.5], {"learning_rate": 0.01}, round=0).status
    'waiting'
    """

    number: int
    units: list[float]  # its point in the unit cube
    values: dict[str, Any]  # None for hyperparameters that are not active
    round: int
    status: str = "waiting"  # waiting, running, finished, stopped, diverged, failed, not begun
    note: str = ""


class Store(StudyFile):
    """The content of a search's file; opened by `Store.open` for writing and by `Store.read` for reading.

    >>> from caviar.studies.store import Store, Trial
    >>> import numpy as np
    >>> with Store.open(None, {"epochs": 3}) as store:  # no path: in memory
    ...     store.add_trials([Trial(0, [0.5], {"learning_rate": 0.01}, round=0)])
    ...     store.add_epochs(0, copy=0, start=0, curves={"loss": np.array([3.0, 2.0, 1.0])})
    ...     store.commit()
    ...     store.curve(0)["loss"].tolist()
    [3.0, 2.0, 1.0]
    """

    def add_trials(self, trials: Iterable[Trial]) -> None:
        """Add trials; their numbers must be new."""
        self._insert("trials", map(_row, trials))

    def set_trials(self, trials: Iterable[Trial]) -> None:
        """Replace the trials with the same numbers."""
        self._insert("trials", map(_row, trials), replace=True)

    def trials(self) -> list[Trial]:
        """All trials, by number."""
        return [Trial(number, *map(json.loads, rest)) for number, *rest in self._rows("trials ORDER BY number")]

    def add_epochs(self, trial: int, copy: int, start: int, curves: dict[str, np.ndarray]) -> None:
        """Add the logs of epochs start, start+1, ... of one copy of a trial, after those it has."""
        shapes = [np.shape(curve) for curve in curves.values()]
        if len(set(shapes)) != 1 or len(shapes[0]) != 1:
            raise ShapeError(
                f"trial {trial}: each log has one number for each epoch, not {dict(zip(curves, shapes, strict=True))}"
            )
        table = np.stack([np.asarray(curve, "<f8") for curve in curves.values()], axis=1)
        last = self._rows("curves WHERE trial = ? AND copy = ? ORDER BY start DESC LIMIT 1", int(trial), int(copy))
        if last and start < (stop := last[0][3]):
            raise ArgumentError(
                f"trial {trial}, copy {copy} has epochs up to {stop}: forget_epochs before those from {start} on"
            )
        row = (int(trial), int(copy), int(start), int(start) + len(table), to_text(list(curves)), table.tobytes())
        self._insert("curves", [row] if len(table) else [])

    def curves(self) -> dict[tuple[int, int], dict[str, np.ndarray]]:
        """The logs of all epochs by (trial, copy), in order; NaN where a log is missing in epochs that have others."""
        return self._curves("")

    def curve(self, trial: int, copy: int = 0) -> dict[str, np.ndarray]:
        """The logs of all epochs of one copy of a trial."""
        return self._curves("WHERE trial = ? AND copy = ?", int(trial), int(copy)).get((trial, copy), {})

    def _curves(self, where: str, *values: int) -> dict[tuple[int, int], dict[str, np.ndarray]]:
        rows = self._rows(f"curves {where} ORDER BY trial, copy, start", *values)
        return {which: _joined(list(chunks)) for which, chunks in itertools.groupby(rows, key=lambda row: row[:2])}

    def forget_epochs(self, trial: int, copy: int, start: int) -> None:
        """Drop epoch `start` and all later ones."""
        which, where = (int(trial), int(copy), int(start)), "WHERE trial = ? AND copy = ? AND stop > ?"
        rows = self._rows(f"curves {where}", *which)
        self._write(f"DELETE FROM curves {where}", [which])
        for *chunk, begin, stop, names, logs in rows:
            if begin < start:
                kept = logs[: len(logs) // (stop - begin) * (start - begin)]
                self._insert("curves", [(*chunk, begin, int(start), names, kept)])

    def put(self, kind: str, key: str, content: bytes) -> None:
        """Keep bytes (weights, states of populations) under a kind and a key."""
        view = memoryview(content).cast("B")
        starts = range(0, len(view) or 1, PART)  # at least one part, also of empty content
        self.drop(kind, key)
        self._insert("blobs", [(kind, key, i, view[i : i + PART]) for i in starts])

    def get(self, kind: str, key: str) -> bytes | None:
        """The bytes under a kind and a key."""
        rows = self._rows("blobs WHERE kind = ? AND key = ? ORDER BY part", kind, key)
        return b"".join(content for *_, content in rows) if rows else None

    def keys(self, kind: str) -> list[str]:
        """The keys of a kind, sorted."""
        query = "SELECT DISTINCT key FROM blobs WHERE kind = ? ORDER BY key"
        with self._telling() as database:
            return [key for (key,) in database.execute(query, (kind,)).fetchall()]

    def drop(self, kind: str, key: str) -> None:
        """Delete the bytes under a kind and a key."""
        self._write("DELETE FROM blobs WHERE kind = ? AND key = ?", [(kind, key)])

    def note(self, key: str, value: Any) -> None:
        """Note a small fact, a JSON value."""
        self._insert("notes", [(key, to_text(value))], replace=True)

    def noted(self, key: str, default: Any = None) -> Any:
        """The fact that was noted."""
        rows = self._rows("notes WHERE key = ?", key)
        return json.loads(rows[0][1]) if rows else default


def _row(trial: Trial) -> tuple[int | str, ...]:
    return (int(trial.number), *map(to_text, trial[1:]))


def _joined(chunks: list[tuple[Any, ...]]) -> dict[str, np.ndarray]:
    """The rows of one curve, one after the other."""
    total, end = sum(stop - start for _, _, start, stop, _, _ in chunks), 0
    curves: dict[str, np.ndarray] = {}
    for *_, start, stop, names, logs in chunks:
        here = slice(end, end := end + stop - start)
        for name, log in zip(json.loads(names), np.frombuffer(logs, "<f8").reshape(stop - start, -1).T, strict=True):
            curves.setdefault(name, np.full(total, np.nan))[here] = log
    return curves
