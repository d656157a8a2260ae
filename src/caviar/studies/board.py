"""The board: all trials of a search with their curves, as a strategy, a table and a progress line look at them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from caviar.errors import FileError
from caviar.ranges import Range
from caviar.studies.blocks import Member, Seat, Slice
from caviar.studies.space import Space
from caviar.studies.store import Store, Trial

ENDED = ("finished", "stopped", "diverged", "failed")


class Board:
    """Trials and curves, written to the store as they come."""

    def __init__(
        self, space: Space, store: Store, seed: int, monitor: str, sign: int, folds: list[Any] | None, repeats: int
    ):
        self.space, self.store, self.seed, self.monitor, self.sign = space, store, seed, monitor, sign
        self.folds, self.copies = folds, repeats * len(folds or [None])
        self.trials: list[Trial] = []
        self.known = {trial.number: trial for trial in store.trials()}  # those of a search that was killed
        self.curves = {Member(*key): curve for key, curve in store.curves().items()}
        self.seen: dict[int, int] = {}  # the epochs of each trial that have happened so far, also in a replay
        self.numeric: list[bool] = store.noted("numeric", [False] * len(space.found))
        self.trained = 0  # epochs of all members, since this process began
        # The epoch at which a trial took over another's run.
        self.since: dict[int, int] = dict(store.noted("since", []))
        self._best: dict[Member, float] = {}
        for member in self.curves:
            self._note_best(member, self.since.get(member.trial, 0))

    # -- what a strategy sees -------------------------------------------------------------------------------------

    @property
    def ranges(self) -> Sequence[Range]:
        """The hyperparameters' ranges."""
        return [h.range for h in self.space.found]

    def add(self, units: np.ndarray, round: int) -> list[int]:
        """New trials at these points; in a replay, the ones that are there already."""
        rows: list[Trial] = []
        for point in np.asarray(units, float).tolist():
            values = self.space.labels(self.space.values(point))
            rows.append(Trial(len(self.trials) + len(rows), point, values, round))
        self._check_grown(rows)
        rows = [self._as_known(row) for row in rows]
        self.trials += rows
        self.store.set_trials(r for r in rows if r.number in self.known)
        self.store.add_trials(r for r in rows if r.number not in self.known)
        return [row.number for row in rows]

    def _check_grown(self, rows: Sequence[Trial]) -> None:
        """Raise if a search that grows would place its first trials elsewhere."""
        elsewhere = [r for r in rows if r.number in self.known and r.units != self.known[r.number].units]
        if self.store.grown_from is not None and elsewhere:
            raise FileError(
                f"{self.store.path} holds a search of {self.store.grown_from} trials, and with more of them trial "
                f"{elsewhere[0].number} would lie elsewhere: name another file"
            )

    def _as_known(self, row: Trial) -> Trial:
        known = self.known.get(row.number)
        return row if known is None else row._replace(status=known.status, note=known.note)

    def units(self, numbers: Sequence[int]) -> np.ndarray:
        """Where these trials are."""
        return np.asarray([self.trials[n].units for n in numbers], float).reshape(len(numbers), len(self.space.found))

    def scores(self, numbers: Sequence[int], epochs: int | None = None) -> np.ndarray:
        """The best value of each trial, larger is better; -inf for one that failed or has not begun."""
        return np.asarray([self.score(n, min(self.seen.get(n, 0), epochs or 2**31)) for n in numbers], float)

    def numbers(self) -> list[int]:
        """All trials so far."""
        return list(range(len(self.trials)))

    def score(self, number: int, epochs: int) -> float:
        """The mean over the copies of their best value within so many epochs."""
        return float(np.mean([self._member_score(m, epochs) for m in self.members(number)]))

    def _member_score(self, member: Member, epochs: int) -> float:
        curve = self.curves.get(member)
        if curve is None or not epochs or not _is_sound(curve, epochs):
            return -math.inf
        values = curve[self.monitor][:epochs] * self.sign
        return float(np.fmax.reduce(values, initial=-math.inf))

    # -- what the driver tells it ---------------------------------------------------------------------------------------------

    def members(self, number: int) -> list[Member]:
        """The copies of a trial."""
        return [Member(number, copy) for copy in range(self.copies)]

    def seat(self, member: Member) -> Seat:
        """The seat of a member, with all that a population needs."""
        fold = self.folds[member.copy % len(self.folds)] if self.folds else None
        sizes = None if fold is None else (len(fold[0]), len(fold[1]))
        units = self.trials[member.trial].units
        return Seat(member, self.seed_of(member), units, self.space.values(units), sizes)

    def seed_of(self, member: Member) -> int:
        """A member's seed: after `set_random_seed(seed)`, one model trains as this member does. Folds of a repeat share it."""
        repeat = member.copy // len(self.folds or [None])
        return int(np.random.SeedSequence([self.seed, member.trial, repeat]).generate_state(1, np.uint64)[0] >> 1)

    def record(self, piece: Slice) -> None:
        """Record the logs of a member from one dispatch."""
        before = self.curves.get(piece.member, {})
        missing = piece.start - self.epochs_of(piece.member)
        if missing:  # it had ended before it took over another's run: its last logs are repeated up to then
            last = {name: before[name][-1] if before else math.nan for name in piece.logs}
            rest = {name: np.full(missing, value) for name, value in last.items()}
            self.record(piece._replace(start=piece.start - missing, logs=rest))
            before = self.curves[piece.member]
        length = len(next(iter(piece.logs.values())))
        self.curves[piece.member] = {
            name: np.concatenate([before.get(name, values[:0]), values]) for name, values in piece.logs.items()
        }
        self.trained += length
        self.store.add_epochs(piece.member.trial, piece.member.copy, piece.start, piece.logs)
        self._note_best(piece.member, piece.start)

    def _note_best(self, member: Member, start: int) -> None:
        values = self.curves.get(member, {}).get(self.monitor, np.empty(0))[start:] * self.sign
        best = float(np.fmax.reduce(values, initial=-math.inf))
        self._best[member] = max(best, self._best.get(member, -math.inf))

    def move(self, number: int, units: np.ndarray) -> None:
        """Change the hyperparameters of a trial that goes on training."""
        point = np.asarray(units, float).tolist()
        values = self.space.labels(self.space.values(point))
        self.trials[number] = self.trials[number]._replace(units=point, values=values)
        self.store.set_trials([self.trials[number]])
        self.since[number] = self.seen[number]
        self.store.note("since", sorted(self.since.items()))
        for member in self.members(number):  # earlier values are not due to these hyperparameters
            self._best.pop(member, None)
            self._note_best(member, self.since[number])

    def set_status(self, numbers: Sequence[int], status: str, note: str = "") -> None:
        """Set the status of some trials."""
        changed = [n for n in numbers if (self.trials[n].status, self.trials[n].note) != (status, note)]
        for n in changed:
            self.trials[n] = self.trials[n]._replace(status=status, note=note)
        self.store.set_trials([self.trials[n] for n in changed])

    def best_of(self, member: Member) -> float:
        """The best value of a member so far, larger is better."""
        return self._best.get(member, -math.inf)

    # -- what users see -------------------------------------------------------------------------------------------

    def epochs_of(self, member: Member) -> int:
        """How many epochs a member has trained."""
        return max(map(len, self.curves.get(member, {}).values()), default=0)

    def is_sound(self, number: int) -> bool:
        """Whether no copy of a trial has diverged."""
        return all(_is_sound(self.curves[m], 2**31) for m in self.members(number) if m in self.curves)

    def row(self, number: int) -> dict[str, Any]:
        """A trial as a row of the table."""
        trial, members = self.trials[number], self.members(number)
        found = [self._best[m] for m in members if self._best.get(m, -math.inf) > -math.inf]
        value = float(np.mean(found)) * self.sign if found else math.nan
        spread = {f"{self.monitor}_std": float(np.std(found)) if found else math.nan} if self.copies > 1 else {}
        epochs = max(map(self.epochs_of, members))
        head = {"trial": number, "round": trial.round, **trial.values, "status": trial.status}
        return {**head, "epochs": epochs, self.monitor: value, **spread}

    def ranking(self) -> list[int]:
        """The trials that have a value, best first; those that diverged last."""
        means = {n: float(np.mean([self._best.get(m, -math.inf) for m in self.members(n)])) for n in self.numbers()}
        begun = [n for n, value in means.items() if value > -math.inf]
        return sorted(begun, key=lambda n: (self.trials[n].status in ("diverged", "failed"), -means[n], n))


def _is_sound(curve: dict[str, np.ndarray], epochs: int) -> bool:
    """Whether a member's last loss is finite."""
    logged = curve.get("loss", next(values for name, values in curve.items() if not name.startswith("val_")))
    return bool(np.isfinite(logged[:epochs][-1]))
