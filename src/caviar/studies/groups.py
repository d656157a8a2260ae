"""A group: the members of a search that share a structure, the programs that train them, and the blocks they are in."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from caviar import config, engine
from caviar.closing import Closed
from caviar.graph.evaluation import as_arrays
from caviar.layers.base import Layer
from caviar.layers.weights import Draw
from caviar.live import Varied
from caviar.parts import Numbers, parts_of, take_apart
from caviar.studies.blocks import Block, Member, MemberState, Seat, Slice, on_devices, on_host, storable
from caviar.studies.frames import Frame
from caviar.training import vectorized
from caviar.training.clock import Clock
from caviar.training.program import Plan
from caviar.training.recipe import Recipe
from caviar.training.step import merge
from caviar.training.vectorized import OwnRows, Start

MEMORY_SHARE = 0.6
"""The share of the free memory that a block may take."""


class Data(NamedTuple):
    """The data that all members train on, on every device, and the rows of each fold."""

    rows: Any
    validation: Any
    folds: list[tuple[np.ndarray, np.ndarray]] | None


def _type_of(number: Any) -> np.dtype[Any]:
    """Whole numbers stay; all others are of the library's float type."""
    is_whole = isinstance(number, Varied) and np.issubdtype(number.dtype, np.integer)
    return number.dtype if is_whole else np.dtype(config.floatx())


class Group:
    """The members that share one structure, or one frame, and their programs."""

    def __init__(self, recipe: Recipe, plan: Plan, data: Data, frame: Frame | None = None):
        self.recipe, self.plan, self.data, self.frame = recipe, plan, data, frame
        self.apart = take_apart(recipe)
        drawn = [i for i, v in enumerate(self.apart.variables) if v.is_drawn]
        self.drawn, self.draw = (
            tuple(drawn),
            Draw([self.apart.variables[i] for i in drawn], None if frame is None else [frame.live[i] for i in drawn]),
        )
        self.varied = tuple(isinstance(n, Closed | Varied) for n in self.apart.numbers)
        self.draw_varied = tuple(isinstance(n, Closed | Varied) for n in self.draw.numbers)
        self.lanes = 0
        self._clocks: dict[int, Clock] = {}  # by the rows of a batch
        self.blocks: list[Block] = []
        self._lock = threading.Lock()
        self._ready = False
        self._statistics: Any = None  # shapes

    @property
    def origins(self) -> set[str]:
        """The hyperparameters that vary within this group."""
        return {n.origin for n in [*self.apart.numbers, *self.draw.numbers] if isinstance(n, Closed)}

    def constants(self) -> list[Any]:
        """The numbers that no hyperparameter varies: all members of the group must have the same."""
        return [np.asarray(n).tolist() for n in self.apart.numbers if not isinstance(n, Closed | Varied)]

    @property
    def is_ready(self) -> bool:
        """Whether its programs are compiled."""
        return self._ready

    @property
    def here(self) -> set[Member]:
        """All members that have a seat in a block."""
        return {seat.member for block in self.blocks for seat in block.seats}

    def unfinished(self, until: int) -> list[Block]:
        """The blocks that have not reached this epoch."""
        return [block for block in self.blocks if block.alive and block.epoch < until]

    # -- programs -------------------------------------------------------------------------------------------------

    def batch_of(self, seats: Sequence[Seat]) -> int:
        """How many rows a batch of these members has, who are of one block."""
        return self.plan.batch_size if self.frame is None else self.frame.batch_of(seats[0].values)

    def steps_of(self, block: Block) -> int:
        """The steps of its epochs."""
        return -(-self.plan.rows // self.batch_of(block.seats)) if self.plan.smaller else self.plan.steps

    def clock_of(self, block: Block) -> Clock:
        """How fast its steps are."""
        return self._clocks.setdefault(self.batch_of(block.seats), Clock(self.steps_of(block)))

    def in_rows(self, seats: Sequence[Seat]) -> list[list[Seat]]:
        """Members as they fill blocks: those of one block have equal batches."""
        lanes = max(self.lanes, 1)
        return [here[i : i + lanes] for here in self._alike(seats) for i in range(0, len(here), lanes)]

    def _alike(self, seats: Sequence[Seat]) -> list[list[Seat]]:
        """Members by the rows of their batches."""
        found: dict[int, list[Seat]] = {}
        for seat in seats:
            found.setdefault(self.batch_of([seat]), []).append(seat)
        return [*found.values()]

    def prepare(self, seats: Sequence[Seat], lanes: int | None = None) -> None:
        """Decide how many lanes a block has, and compile; several groups do so at once, each in a thread."""
        with self._lock:
            if self._ready or not seats:
                return
            each = lanes // vectorized.devices() if lanes else self._lanes_each(max(map(len, self._alike(seats))))
            while True:
                self.lanes, self._statistics = each * vectorized.devices(), None
                block = self._seated([seats[0]])
                needed = vectorized.bytes_needed(self._program.lower(*self._given(block, 0, 0)).compile())
                if each == 1 or needed <= MEMORY_SHARE * vectorized.bytes_free():
                    break
                each //= 2
            self._ready = True

    def _lanes_each(self, members: int) -> int:
        """How many lanes on each device: one, where layers gain nothing from `vmap` or the weights exceed the processor's cache."""
        slots = [slot for slot in self.apart.structure.slots if slot.trainable]
        run = 4 * sum(int(np.prod(slot.shape)) * np.dtype(slot.dtype).itemsize for slot in slots)
        return vectorized.lanes_for(members, run, all(la.side_by_side for la in parts_of(self.recipe.network, Layer)))

    @property
    def _program(self) -> Any:
        return vectorized.block_trainer(self.apart.structure, self.plan, self.varied)

    @property
    def _starter(self) -> Any:
        given = self.apart.structure, self.plan, self.varied, self.draw, self.draw_varied, self.drawn
        return vectorized.block_starter(*given)

    def _given(self, block: Block, steps: int, epochs: int) -> tuple[Any, ...]:
        if block.arguments is None:
            seats = self._padded(block.seats)
            own = vectorized.over_devices(self._own(seats))
            block.arguments = (self._numbers(self.apart.numbers, seats), own)
        counts = map(np.int32, (steps, epochs, self.batch_of(block.seats)))
        rest = (self.data.rows, self.data.validation, *counts)
        return (block.run, block.statistics, *block.arguments, *rest)

    def _numbers(self, numbers: Numbers, seats: list[Seat]) -> list[Any]:
        """Each number as an array: one for all members, or one a lane."""
        values = [seat.values if self.frame is None else seat.values | self.frame.own(seat.values) for seat in seats]
        return [
            vectorized.over_devices(np.asarray([v[n.origin] for v in values], _type_of(n)))
            if isinstance(n, Closed | Varied)
            else vectorized.on_all_devices(as_arrays([n])[0])
            for n in numbers
        ]

    def _own(self, seats: list[Seat]) -> OwnRows:
        if self.data.folds is None:
            return OwnRows()
        folds = [self.data.folds[seat.member.copy % len(self.data.folds)] for seat in seats]
        return OwnRows(*(np.stack(part).astype(np.int32) for part in zip(*folds, strict=True)))

    def _padded(self, seats: list[Seat]) -> list[Seat]:
        return [*seats, *[seats[0]] * (self.lanes - len(seats))]

    # -- blocks ---------------------------------------------------------------------------------------------------

    def start(self, seats: Sequence[Seat]) -> None:
        """Seat new members, each with its own initial weights."""
        self.blocks += [self._seated(here) for here in self.in_rows(seats)]

    def _seated(self, seats: list[Seat]) -> Block:
        padded = self._padded(seats)
        keys = [config.keys_of(seat.seed) for seat in padded]
        fixed = [None if i in self.drawn else v.value for i, v in enumerate(self.apart.variables)]
        start = Start(
            vectorized.keys_on_devices(np.stack([run for _, run in keys])),
            vectorized.keys_on_devices(np.stack([weights for weights, _ in keys])),
            self._numbers(self.draw.numbers, padded),
            vectorized.on_all_devices(fixed),
        )
        numbers = self._numbers(self.apart.numbers, padded)
        run = vectorized.run_on_devices(self._starter(start, numbers))
        if self._statistics is None:
            given = (self.apart.structure, self.plan, self.varied, run, numbers, self.data.rows.x)
            self._statistics = vectorized.block_statistics(*given)
        empty = jax.tree.map(lambda s: np.zeros(s.shape, s.dtype), self._statistics)
        block = Block(seats, run, vectorized.over_devices(empty))
        self._stop_padding(block)
        return block

    def _stop_padding(self, block: Block) -> None:
        stopped = np.ones(self.lanes, bool)
        stopped[: len(block.seats)] = block.stopped
        block.run = block.run._replace(stopped=vectorized.over_devices(stopped))

    def advance(self, block: Block, until: int) -> list[Slice]:
        """Train a block for about a dispatch's time, and at most until so many epochs."""
        clock = self.clock_of(block)
        steps, epochs = clock.amount("run", block.position, until - block.epoch)
        began = time.perf_counter()
        block.run, block.statistics, brought = self._program(*self._given(block, steps, epochs))
        finished, position = int(brought.finished), int(block.run.position)
        clock.measure(time.perf_counter() - began, finished * self.steps_of(block) + position - block.position)
        start, block.position, block.epoch = block.epoch, position, block.epoch + finished
        ended = np.asarray(block.run.epoch)
        was, block.stopped = block.stopped, np.asarray(block.run.stopped)[: len(block.seats)]
        logs = {name: np.asarray(values)[:finished].astype(np.float64) for name, values in brought.logs.items()}
        return [
            Slice(
                seat.member, start, {n: v[: int(ended[i]) - start, i] for n, v in logs.items()}, bool(block.stopped[i])
            )
            for i, seat in enumerate(block.seats)
            if not was[i] and int(ended[i]) > start
        ]

    def epochs_at_once(self, blocks: Sequence[Block], left: int) -> int:
        """How many epochs a block should train before the next of these has its turn."""
        return max(1, min(self.clock_of(block).amount("run", 0, left)[1] for block in blocks))

    # -- leaving and moving -------------------------------------------------------------------------------------

    def weights(self, member: Member) -> list[np.ndarray] | None:
        """The best weights of a member, if it is here."""
        for block in self.blocks:
            for lane, seat in enumerate(block.seats):
                if seat.member == member:
                    trainable, fixed = block.run.rules[-1]["weights"]
                    found = [np.asarray(v)[lane] for v in merge(self.apart.structure, trainable, fixed)]
                    return found if self.frame is None else self.frame.cut(seat.values, found)
        return None

    def taken_out(self, blocks: Sequence[Block] | None = None) -> dict[Member, MemberState]:
        """The state of every member of these blocks, or of all, on the host."""
        found: dict[Member, MemberState] = {}
        for block in self.blocks if blocks is None else blocks:
            leaves = on_host(block)
            for lane, seat in enumerate(block.seats):
                found[seat.member] = MemberState(leaves, lane, block.epoch, block.position, bool(block.stopped[lane]))
        return found

    def pack(self, blocks: Sequence[Block], staying: Sequence[Seat]) -> None:
        """Pack those who stay of some blocks, which are at one place, into as few as possible."""
        states, others = self.taken_out(blocks), [block for block in self.blocks if block not in blocks]
        self.seat_again(staying, states)
        self.blocks += others

    def seat_again(self, seats: Sequence[Seat], states: dict[Member, MemberState]) -> None:
        """Pack members, whose states are on the host, into as few blocks as possible; none may be inside an epoch."""
        rows = self.in_rows(seats)
        self.blocks = [self.restored(here, [states[seat.member] for seat in here]) for here in rows]

    def restored(self, seats: list[Seat], states: list[MemberState]) -> Block:
        """A block from the states of its members."""
        block = Block(seats, None, None)
        values = [state.leaf_values() for state in [*states, *[states[0]] * (self.lanes - len(states))]]
        leaves = [np.stack(column) for column in zip(*values, strict=True)]
        block.run, block.statistics = on_devices(self.pattern(seats[0]), leaves, states[0].position)
        block.epoch, block.position = states[0].epoch, states[0].position
        block.stopped = np.asarray([state.stopped for state in states])
        self._stop_padding(block)
        return block

    def pattern(self, seat: Seat) -> Any:
        """The shapes and types of a member's state."""
        if not hasattr(self, "_kept_pattern"):
            block = self._seated([seat])
            self._kept_pattern = engine.shapes_of(lambda: (storable(block.run), block.statistics))
        return self._kept_pattern
