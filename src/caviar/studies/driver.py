"""The search under way: one round after the other, written to the file so that it may be killed at any moment."""

from __future__ import annotations

import contextlib
import itertools
import math
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

from caviar.errors import ArgumentError
from caviar.studies.blocks import Member, Seat, packed
from caviar.studies.board import ENDED, Board
from caviar.studies.callbacks import SearchCallbacks
from caviar.studies.families import Pricing
from caviar.studies.limits import OutOfTime, TimeLimit, next_course
from caviar.studies.population import Population
from caviar.studies.progress import SearchProgress
from caviar.studies.strategies.base import Change, Round, Strategy
from caviar.studies.task import Task

SECONDS_BETWEEN_COMMITS = 2.0  # at least: so much may be lost when a search is killed
NOT_BEGUN = "the time was over before its first epoch ended"
COMMIT_SHARE = 0.05
"""The largest share of the time that is spent on writing the study's file."""


class _Interrupted(KeyboardInterrupt):
    """Raised after Ctrl-C, at a moment when everything is in order."""


class Driver:
    """Runs a strategy's rounds on a population."""

    def __init__(
        self,
        board: Board,
        task: Task,
        strategy: Strategy,
        trials: int | None,
        epochs: int,
        keep: int,
        frames: int | None = None,
        limit: TimeLimit | None = None,
    ):
        self.board, self.store, self.task, self.strategy = board, board.store, task, strategy
        self.trials, self.epochs, self.keep = trials, epochs, keep
        self.limit = TimeLimit(None) if limit is None else limit
        decided = self.store.noted("frames")
        if decided is None and self.store.noted("begun", 0):
            frames = 0  # the search of an earlier version, whose states lie in arrays of their own size
        members = None if trials is None else trials * board.copies
        pricing = Pricing(members, task.rows.number * epochs, frames, self.limit.seconds)
        self.population = Population(task, pricing, self.store.noted("lanes"), decided, self.limit)
        self.gone = {Member(*m) for m in self.store.noted("gone", [])}
        self.saved: dict[str, float] = self.store.noted("saved", {})
        self.moved: list[list[int]] = self.store.noted("moved", [])  # the trials that changed, round by round
        self.round, self.note = Round([], 0, {}), ""
        self.interrupted = self.out_of_time = self._stopping = self._prepares = False
        self._restored = not self.store.noted("begun", 0)  # whether the members are in the state that the file has
        self._began = self._shown = time.monotonic()
        self._commit_at = self._began + SECONDS_BETWEEN_COMMITS

    def run(self, progress: SearchProgress, callbacks: SearchCallbacks) -> None:
        """Search; Ctrl-C ends it in an orderly way, a second one at once."""
        self.progress, self.callbacks = progress, callbacks
        with progress, self._interruptible():
            try:
                self._run_rounds()
                self._end()
            except _Interrupted:
                self.interrupted = True
                self.population.abandon()
                self._commit() if self._restored else self.store.undo()
            except OutOfTime:
                self._end_in_time()
            progress.finish(self._summary())

    @contextlib.contextmanager
    def _interruptible(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.getsignal(signal.SIGINT)

        def stop(*_: Any) -> None:
            self._stopping = True
            signal.signal(signal.SIGINT, before)
            if self._prepares:
                raise _Interrupted

        signal.signal(signal.SIGINT, stop)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    # -- rounds ---------------------------------------------------------------------------------------------------

    def _run_rounds(self) -> None:
        begun = self.store.noted("begun", 0)  # rounds, the last of which may be under way
        over = begun if self.store.noted("done", False) else begun - 1
        for index, following in enumerate(self._rounds()):
            self.round = following._replace(changes=self._possible(index, following.changes))
            for number, change in self.round.changes.items():
                self.board.move(number, change.units)
            if index >= over:
                self._check_validated()
                self.note = self.round.note
                if index < begun:
                    self._go_on()
                else:
                    self._begin(index)
                self._train()
            self.board.seen.update(dict.fromkeys(self.round.trials, self.round.epochs))

    def _rounds(self) -> Iterator[Round]:
        """The strategy's rounds. Without a number of trials it is asked again and again, until the time is over."""
        if self.trials is not None:
            yield from self.strategy.rounds(self.board, self.trials, self.epochs)
            return
        courses = self.store.noted("courses", [])
        for i in itertools.count():
            if i == len(courses):
                courses.append((next_course(courses, self.limit), self.limit.spent))
                self.store.note("courses", courses)
            yield from self.strategy.rounds(self.board, courses[i][0], self.epochs)
            if not self.strategy.repeats:
                return

    def _check_time(self) -> None:
        if self._stopping:
            raise _Interrupted
        if self.limit.left <= 0:
            raise OutOfTime

    def _check_validated(self) -> None:
        """Raise if a round ends before the first validation by which it is judged."""
        every, validates = self.task.validation_freq, self.board.monitor.startswith("val_")
        if validates and self.round.epochs < every:
            raise ArgumentError(
                f"{self.strategy!r} judges trials after {self.round.epochs} epochs by {self.board.monitor}, and "
                f"validation_freq={every} validates first after {every}: validate more often, or train longer"
            )

    def _possible(self, index: int, changes: dict[int, Change]) -> dict[int, Change]:
        """The changes without those whose parent has ended, and so has no run to take over. A replay decides as the search did."""
        if index == len(self.moved):
            ended = {n for n, c in changes.items() if self.gone.intersection(self.board.members(c.parent))}
            self.moved.append([n for n in changes if n not in ended])
        return {n: changes[n] for n in self.moved[index]}

    def _go_on(self) -> None:
        """Restore all members as the last commit left them."""
        blocks = self.store.noted("blocks")
        for error in self._prepare([self.board.seat(Member(*m)) for b in blocks for m in b["members"]]).values():
            raise error
        states = (self.store.get("state", str(i)) or b"" for i in range(len(blocks)))
        self.population.restore(blocks, states, self.board.seat)
        self._restored = True
        self.board.set_status([n for n in self.round.trials if not self._has_ended(n)], "running")
        here = {Member(*m) for b in blocks for m in b["members"]} | self.gone
        late = [self.board.seat(m) for n in self.round.trials for m in self.board.members(n) if m not in here]
        failed = self._prepare(late, enough=1)
        self.population.start([seat for seat in late if seat.member not in failed])
        self._fail(failed)

    def _prepare(self, seats: list[Seat], enough: int | None = None) -> dict[Member, Exception]:
        """Compile what is needed. That may take minutes, and no member has changed yet, so Ctrl-C ends it at once."""
        self._check_time()
        self._prepares = True
        try:
            return self.population.prepare(seats, self._tell_compiling, enough)
        finally:
            self._prepares = False
            self._began, self.board.trained = time.monotonic(), 0

    def _begin(self, index: int) -> None:
        changes = {m: Member(c.parent, m.copy) for n, c in self.round.changes.items() for m in self.board.members(n)}
        members = [m for n in self.round.trials for m in self.board.members(n)]
        seats = {m: self.board.seat(m) for m in members if m not in self.gone or m in changes}
        failed = self._prepare([*seats.values()], enough=1)
        self.progress.tell(self.population.told)
        self._restored = True
        self.gone -= set(changes)
        self._leave([m for m in self.population.here if m not in seats])
        self.population.gather([seat for m, seat in seats.items() if m not in failed], changes)
        self._fail(failed)
        if index == 0:
            self.board.numeric = [self.population.is_number(name) for name in self.board.space.names]
            self.store.note("numeric", self.board.numeric)
        self.store.note("begun", index + 1)
        self.board.set_status([n for n in self.round.trials if not self._has_ended(n)], "running")
        self._commit()

    def _fail(self, failed: dict[Member, Exception]) -> None:
        for member, error in failed.items():
            self.gone.add(member)
            self.board.set_status([member.trial], "failed", f"{type(error).__name__}: {error}")
        first = next(iter(failed.values()), None)
        failed.clear()
        if first is not None and all(trial.status == "failed" for trial in self.board.trials):
            raise first  # every trial fails, so the cause is not in the values of ranges

    def _train(self) -> None:
        for pieces in self.population.train(self.round.epochs):
            if pieces is None:
                self.population.pack(self._leave)
            for piece in pieces or []:
                self.board.record(piece)
                self.callbacks.hear(piece)
            self._end_members([piece.member for piece in pieces or [] if piece.stopped or piece.end >= self.epochs])
            self._fail(self.population.failed)
            self._show()
            self._check_time()
            if time.monotonic() > self._commit_at and self.store.lasts:
                self._commit()
        self._end_members([m for m in self.population.here if self.round.epochs >= self.epochs])
        self._save_best()

    def _end_members(self, members: list[Member]) -> None:
        self.gone |= set(members)
        for number in {m.trial for m in members}:
            if self._has_ended(number):
                self.board.set_status([number], *self._verdict(number))

    def _has_ended(self, number: int) -> bool:
        return all(m in self.gone for m in self.board.members(number))

    def _verdict(self, number: int) -> tuple[str, str]:
        trial, epochs = self.board.trials[number], max(map(self.board.epochs_of, self.board.members(number)))
        if trial.status == "failed":
            return trial.status, trial.note
        if not self.board.is_sound(number):
            return "diverged", f"the loss was no finite number in epoch {epochs}"
        return ("finished", "") if epochs >= self.epochs else ("stopped", f"after epoch {epochs}")

    def _leave(self, members: list[Member]) -> None:
        """Save what is to be kept of members that are about to lose their seats."""
        if members:
            self._save_best()
            self._end_members(members)

    # -- what is saved ---------------------------------------------------------------------------------------------

    def _save_best(self) -> None:
        """Save the weights of the best trials, and drop those of trials that are no longer among them."""
        best = self.board.ranking()[: self.keep]
        wanted = {f"{m.trial}/{m.copy}": m for n in best for m in self.board.members(n)}
        for key in set(self.saved) - set(wanted):
            self.store.drop("weights", key)
            del self.saved[key]
        for key, member in wanted.items():
            value = self.board.best_of(member)
            if value > -math.inf and self.saved.get(key) != value:
                weights = self.population.weights(member)
                if weights is not None:
                    self.store.put("weights", key, packed(weights))
                    self.saved[key] = value

    def _commit(self) -> None:
        """Write one moment of the search: curves, verdicts, and the state of every member that trains."""
        began = time.monotonic()
        self._save_best()
        if self.store.lasts:
            blocks, states = self.population.saved()
            for i, state in enumerate(states):
                self.store.put("state", str(i), state)
            for key in self.store.keys("state"):
                if int(key) >= len(blocks):
                    self.store.drop("state", key)
            self.store.note("blocks", blocks)
            self.store.note("lanes", self.population.lanes)
        self.store.note("frames", self.population.frames)
        self.store.note("gone", sorted(self.gone))
        self.store.note("saved", self.saved)
        self.store.note("moved", self.moved)
        if self.limit.is_set:
            self.store.note("spent", self.limit.spent)
            self.store.note("out_of_time", self.out_of_time)
        self.store.commit()
        cost = self.limit.closing = time.monotonic() - began
        self._commit_at = time.monotonic() + max(SECONDS_BETWEEN_COMMITS, cost / COMMIT_SHARE)

    def _end(self) -> None:
        """End the search: a trial that did not reach its last epoch counts as stopped."""
        left = [n for n in self.board.numbers() if self.board.trials[n].status in ("running", "waiting")]
        self.gone |= {m for n in left for m in self.board.members(n)}
        for number in left:
            self.board.set_status([number], *self._verdict(number))
        self.population.clear()
        self.store.note("done", True)
        self._commit()
        self._show(at_last=True)
        self.callbacks.end()

    def _end_in_time(self) -> None:
        """End a search whose time is over, with what there is. The same call with more minutes goes on."""
        self.out_of_time = True
        self.population.abandon(at_leisure=True)
        if self._restored:
            for trial in [t for t in self.board.trials if t.status in ("running", "waiting")]:
                epochs = max(map(self.board.epochs_of, self.board.members(trial.number)))
                verdict = self._verdict(trial.number) if epochs else ("not begun", NOT_BEGUN)
                self.board.set_status([trial.number], *verdict)
            self._commit()
        else:
            self.store.undo()
        self._show(at_last=True)
        self.callbacks.end()

    # -- what users see -------------------------------------------------------------------------------------------

    def _tell_compiling(self, done: int, of: int) -> None:
        self.note = f"{done} of {of} programs compiled" if done < of else self.round.note
        self._show()
        if self._prepares:
            self._check_time()

    def _show(self, at_last: bool = False) -> None:
        now = time.monotonic()
        if (now - self._shown < 0.25 and not at_last) or not self.progress.verbose:
            return
        self._shown = now
        rows = [self.board.row(n) for n in self.board.ranking()[:5]]
        ended = sum(t.status in ENDED for t in self.board.trials)
        rate = self.board.trained / max(now - self._began, 1e-9)
        members = [m for n in self.round.trials for m in self.board.members(n) if m not in self.gone]
        left = sum(max(0, self.round.epochs - self.board.epochs_of(m)) for m in members)
        to_come = 0 if self.trials is None else self.trials - len(self.board.trials)
        left += to_come * self.board.copies * self.round.epochs
        self.progress.update(
            alive=self.population.alive,
            done=ended,
            epoch=max(map(self.board.epochs_of, members), default=self.round.epochs),
            rate=rate,
            left_seconds=None if at_last else self._left(left / rate if rate > 0 else math.inf),
            best=rows[0] if rows else None,
            leaders=rows,
            note=self.note,
            waited=now - self._began,
        )

    def _left(self, at_this_rate: float) -> float | None:
        """The seconds until the end: all that is left of the time where the number of trials is open."""
        found = self.limit.left if self.trials is None else min(at_this_rate, self.limit.left)
        return found if math.isfinite(found) else None

    def _summary(self) -> str:
        best = [self.board.row(n) for n in self.board.ranking()[:1]]
        found = (
            f"best {self.board.monitor}: {best[0][self.board.monitor]:.4g} (trial {best[0]['trial']})"
            if best
            else "no result"
        )
        counts = {s: sum(t.status == s for t in self.board.trials) for s in (*ENDED, "not begun")}
        told = ", ".join(f"{count} {status}" for status, count in counts.items() if count)
        end = "search interrupted; the same call goes on" if self.interrupted and self.store.path else "search"
        end = "search interrupted" if self.interrupted and not self.store.path else end
        end = "search ended by its time limit" if self.out_of_time else end
        why = [f" (trial {t.number}: {t.note})" for t in self.board.trials if t.status == "failed"][:1]
        return f"{end} - {told or 'no trials ended'}{''.join(why)} - {found}"
