"""The population: all members that train, sorted into groups, packed into blocks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import jax
import numpy as np

from caviar.errors import OpenRangeError
from caviar.graph.interrupts import Works
from caviar.ranges import Choice
from caviar.studies.blocks import Block, Member, MemberState, Seat, Slice, on_host, packed, unpacked
from caviar.studies.families import Families, Family, Pricing, seconds_to_compile
from caviar.studies.groups import Group
from caviar.studies.limits import OutOfTime, TimeLimit
from caviar.studies.task import Task
from caviar.training.vectorized import devices

_POLL = 0.2  # seconds to wait for a program, before somebody may look and interrupt
WAVE = 4
"""Blocks of a group that train to the end before others begin, where time is short: some trials are whole, not all begun."""


class Population:
    """Members by group: those of one frame are a group, and all others of one structure."""

    def __init__(
        self,
        task: Task,
        pricing: Pricing,
        lanes: Mapping[str, int] | None = None,
        frames: Mapping[str, Any] | None = None,
        limit: TimeLimit | None = None,
    ):
        self.space, self._make, self._lanes = task.space, task.make, dict(lanes or {})
        self._limit = TimeLimit(None) if limit is None else limit
        self._slowness = [1.0]  # how long compiling took, in terms of what was expected
        self._unbegun: set[Group] = set()  # what is not compiled, since that would not end in time
        self.groups: dict[Any, Group] = {}
        self._families = Families(task, pricing, frames)
        self._is_number: dict[str, bool] = {}
        self._checked: set[int] = set()
        self._works = Works([])
        self._missing: list[tuple[Group, list[Seat]]] = []  # what is compiled, or will be
        self._late: dict[Group, list[Seat]] = {}  # who starts when that is done
        self.failed: dict[Member, Exception] = {}  # who could not start after all

    # -- groups ---------------------------------------------------------------------------------------------------

    def is_number(self, name: str) -> bool:
        """Whether a hyperparameter varies within one program."""
        return self._is_number.get(name, False)

    def group_of(self, seat: Seat) -> Group:
        """The group of a member: one that is known, or a new one."""
        shared, frame = self._family_of(seat).frame_of(seat.values)
        key = self._key(seat) if frame is None else shared
        if key not in self.groups:
            return self.groups.setdefault(key, self._make(seat, frame))
        found = self.groups[key]
        if id(found) not in self._checked:  # the second member: numbers that no range varies must be equal
            if self._make(seat).constants() != found.constants():
                raise OpenRangeError(
                    "a number that a layer derives from a range in __init__ or build differs between members of one "
                    "structure: derive it in `call`, from the attribute that holds the range"
                )
            self._checked.add(id(found))
        return found

    def _family_of(self, seat: Seat) -> Family:
        if any(name not in self._is_number for name, value in seat.values.items() if not _is_zero(value)):
            self._learn(seat, self._make(seat))
        return self._families.of(seat, self._key(seat, self._families.shared(seat.values)))

    @property
    def frames(self) -> dict[str, Any]:
        """Which sizes share programs: a search that goes on keeps to them, as other machines do."""
        return self._families.decided

    @property
    def told(self) -> str:
        """The frames in words."""
        return self._families.told

    def _learn(self, seat: Seat, made: Group) -> None:
        for name, value in seat.values.items():
            if value != 0 or isinstance(value, bool):  # a zero is structure, which says nothing about other values
                self._is_number[name] = name in made.origins and self._is_number.get(name, True)

    def _key(self, seat: Seat, shared: Iterable[str] = ()) -> Any:
        """What sets a group apart: the options chosen, and every value that is not an argument of the program, nor shared."""
        ranges = {h.name: h.range for h in self.space.found}
        parts: list[Any] = [seat.fold]
        for name, value in seat.values.items():
            if name not in shared and (_is_zero(value) or not self._is_number[name]):
                found = ranges[name]
                parts.append((name, found._place(value) if isinstance(found, Choice) else value))
            else:
                parts.append(name)
        return tuple(parts)

    # -- who trains -----------------------------------------------------------------------------------------------

    def prepare(
        self, seats: Sequence[Seat], tell: Callable[[int, int], None], enough: int | None = None
    ) -> dict[Member, Exception]:
        """Compile what these members need, several programs at once, until all are there, or `enough` of them: the others are
        compiled while those train. No member changes, so Ctrl-C may end it anywhere.

        `tell(done, count)` is called as programs are compiled. Returns the errors of members that could not be built or compiled.
        """
        failed: dict[Member, Exception] = {}
        families = list(self._each(seats, self._family_of, failed))
        self._families.plan(families)
        wanted: dict[Group, list[Seat]] = {}
        for seat, group in self._each([seat for seat, _ in families], self.group_of, failed):
            wanted.setdefault(group, []).append(seat)
        missing = [(group, here) for group, here in wanted.items() if not group.is_ready]
        missing.sort(key=lambda pair: -len(pair[1]))  # most members can train while the rest is compiled
        works = [partial(self._compile, i, group, here) for i, (group, here) in enumerate(missing)]
        self._works, self._unbegun = Works(works, devices()), set()
        self._missing, self._tell = missing, tell
        most = len(missing) if enough is None else min(enough, len(missing))
        try:
            while self._works.done < len(missing) and sum(group.is_ready for group, _ in missing) < most:
                self._arrived(failed)
                tell(self._works.done, self._works.count)
        except BaseException:
            self._works.abandon()
            raise
        return failed

    def _compile(self, number: int, group: Group, seats: Sequence[Seat]) -> None:
        """Compile what a group needs, if that ends in time; the first of all is tried in any case."""
        expected = seconds_to_compile(group.recipe)
        if number and not self._limit.allows(expected * sum(self._slowness) / len(self._slowness)):
            raise OutOfTime
        began = time.monotonic()
        group.prepare(seats, self._lanes_of(group))
        self._slowness.append((time.monotonic() - began) / expected)

    def _each(
        self, seats: Sequence[Seat], find: Callable[[Seat], Any], failed: dict[Member, Exception]
    ) -> Iterator[Any]:
        """What is found for each seat; users' layers may raise anything."""
        for seat in seats:
            try:
                found = find(seat)
            except OpenRangeError:
                raise
            except Exception as error:
                failed[seat.member] = error
            else:
                yield seat, found

    def _arrived(self, failed: dict[Member, Exception], wait: float = _POLL) -> list[Group]:
        """The groups whose programs have come in the meantime; waits a moment for one."""
        ready = []
        for number, raised in self._works.ended(wait):
            group, here = self._missing[number]
            if raised is None:
                ready.append(group)
            elif isinstance(raised, OutOfTime):
                self._unbegun.add(group)
            elif isinstance(raised, Exception):
                failed |= {seat.member: raised for seat in here}
            else:
                raise raised
            if raised is not None:
                self._late.pop(group, None)
            self._tell(self._works.done, self._works.count)
        return ready

    def gather(self, seats: Sequence[Seat], parents: Mapping[Member, Member]) -> None:
        """Make exactly these members the population: new ones start, as soon as they are prepared, others leave, heirs take
        over a state."""
        wanted: dict[Group, list[Seat]] = {}
        for seat in seats:
            wanted.setdefault(self.group_of(seat), []).append(seat)
        late = {group: wanted.pop(group) for group in [*wanted] if not group.is_ready}
        self._late = {group: here for group, here in late.items() if group not in self._unbegun}
        states = self._states_to_move(wanted, parents)
        for group in [group for group in self.groups.values() if group.is_ready and group not in self._late]:
            _reseat(group, wanted.get(group, []), parents, states)

    @property
    def lanes(self) -> dict[str, int]:
        """The lanes in a block of each group. Results are rounded differently for another number, so a resumed search keeps it."""
        return self._lanes | {repr(key): group.lanes for key, group in self.groups.items() if group.is_ready}

    def _lanes_of(self, group: Group) -> int | None:
        return next((self._lanes.get(repr(key)) for key, s in self.groups.items() if s is group), None)

    def _states_to_move(
        self, wanted: dict[Group, list[Seat]], parents: Mapping[Member, Member]
    ) -> dict[Member, MemberState]:
        """The states of members whose blocks change: on the host, to be packed anew."""
        found: dict[Member, MemberState] = {}
        for group in self.groups.values():
            here = group.here
            staying = {seat.member for seat in wanted.get(group, [])} & here
            if here and (staying != here or set(parents) & here or set(parents.values()) & here):
                found |= group.taken_out()
        return found

    # -- training -------------------------------------------------------------------------------------------------

    def train(self, until: int) -> Iterator[list[Slice] | None]:
        """Train all members up to this epoch; yields the logs of each dispatch, and None when blocks may be packed.

        Raises `OutOfTime` at last if the programs of some were not begun.
        """
        while True:
            for group in [*self.groups.values()]:
                yield from _train(group, until, WAVE if self._limit.is_set else None)
            goes_on = any(group.unfinished(until) for group in self.groups.values())
            for group in self._arrived(self.failed, 0 if goes_on else _POLL) if self._late else []:
                group.start(self._late.pop(group, []))
                goes_on = True
            yield []  # somebody looks who could not start after all
            if not goes_on and not self._late:
                break
        if self._unbegun:
            raise OutOfTime

    def start(self, seats: Sequence[Seat]) -> None:
        """Let more members train, as soon as they are prepared."""
        for seat in seats:
            group = self.group_of(seat)
            if group not in self._unbegun:
                self._late.setdefault(group, []).append(seat)
        for group in [group for group in self._late if group.is_ready]:
            group.start(self._late.pop(group))

    def abandon(self, at_leisure: bool = False) -> None:
        """Nobody waits any more for what is not compiled; a process that ends at leisure waits for what is under way."""
        self._works.abandon(at_leisure)

    @property
    def here(self) -> list[Member]:
        """All members that have a seat."""
        return [seat.member for s in self.groups.values() for block in s.blocks for seat in block.seats]

    def clear(self) -> None:
        """Remove all members."""
        for group in self.groups.values():
            group.blocks = []

    @property
    def alive(self) -> int:
        """How many members still train."""
        return sum(int((~b.stopped).sum()) for s in self.groups.values() for b in s.blocks)

    def pack(self, leaving: Callable[[list[Member]], None]) -> None:
        """Pack survivors into fewer blocks where that saves one; `leaving` is told of members that lose their seats."""
        for group in self.groups.values():
            for blocks in _by_place(group.blocks):
                staying = [s for b in blocks for i, s in enumerate(b.seats) if not b.stopped[i]]
                if len(group.in_rows(staying)) < len(blocks):
                    leaving([s.member for b in blocks for i, s in enumerate(b.seats) if b.stopped[i]])
                    group.pack(blocks, staying)

    # -- saving and resuming --------------------------------------------------------------------------------------

    def saved(self) -> tuple[list[dict[str, Any]], Iterable[bytes]]:
        """Every block: its members, its place in training, and its state."""
        blocks = [block for group in self.groups.values() for block in group.blocks]
        told = [
            {
                "members": [list(seat.member) for seat in block.seats],
                "stopped": [bool(s) for s in block.stopped],
                "epoch": block.epoch,
                "position": block.position,
            }
            for block in blocks
        ]
        return told, (packed(on_host(block)) for block in blocks)

    def restore(self, told: list[dict[str, Any]], states: Iterable[bytes], seat: Callable[[Member], Seat]) -> None:
        """Restore saved blocks, whose members are prepared."""
        for one, content in zip(told, states, strict=True):
            row, leaves = [seat(Member(*m)) for m in one["members"]], unpacked(content)
            group = self.group_of(row[0])
            restored = [MemberState(leaves, i, one["epoch"], one["position"], s) for i, s in enumerate(one["stopped"])]
            group.blocks.append(group.restored(row, restored))

    def weights(self, member: Member) -> list[np.ndarray] | None:
        """The best weights of a member that is here."""
        return next((s.weights(member) for s in self.groups.values() if member in s.here), None)


def _reseat(
    group: Group, seats: list[Seat], parents: Mapping[Member, Member], states: dict[Member, MemberState]
) -> None:
    here = group.here
    old = [s for s in seats if s.member in here or s.member in parents]
    if any(member in states for member in here) or any(parents.get(s.member) in states for s in old):
        moved = {s.member: states[s.member] for s in old if s.member not in parents}
        moved |= {s.member: _inherited(group, s, states[parents[s.member]]) for s in old if s.member in parents}
        group.seat_again(old, moved)
    group.start([s for s in seats if s.member not in here and s.member not in parents])


def _inherited(group: Group, heir: Seat, state: MemberState) -> MemberState:
    """A parent's state for its heir, without the best value, since the heir has other hyperparameters."""
    run, statistics = jax.tree.unflatten(jax.tree.structure(group.pattern(heir)), state.leaves)
    rules = [*run.rules[:-1], group.recipe.rules[-1].without_best(run.rules[-1])]
    return state._replace(leaves=jax.tree.leaves((run._replace(rules=rules), statistics)))


def _train(group: Group, until: int, most: int | None) -> Iterator[list[Slice] | None]:
    """Train the first blocks of a group, at most so many, in step: each reaches the same epoch before any goes on."""
    mine = {seat.member for block in group.unfinished(until)[:most] for seat in block.seats}
    while True:
        blocks = [block for block in group.unfinished(until) if block.members & mine]
        if not blocks:
            return
        farthest = max(b.epoch + (b.position > 0) for b in blocks)
        behind = any(b.epoch != farthest or b.position for b in blocks)
        target = farthest if behind else min(until, farthest + group.epochs_at_once(blocks, until - farthest))
        for block in blocks:
            while block.alive and block.epoch < target:
                yield group.advance(block, target)
        yield None  # all are at the end of the same epoch


def _by_place(blocks: Sequence[Block]) -> list[list[Block]]:
    """Blocks that may be packed together: those at one place of training, and those of which nothing is left."""
    found: dict[Any, list[Block]] = {}
    for block in blocks:
        found.setdefault((block.epoch, block.position) if block.alive else None, []).append(block)
    return [*found.values()]


def _is_zero(value: Any) -> bool:
    return isinstance(value, (int, float, np.number)) and not isinstance(value, bool) and value == 0
