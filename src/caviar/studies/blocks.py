"""Blocks: members that are trained together, where their states lie, and those states on the host and in files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from safetensors.numpy import load, save

from caviar import config
from caviar.errors import FileError
from caviar.training import vectorized
from caviar.training.state import Run, Statistics


class Member(NamedTuple):
    """One training of a trial: trials may have several, for folds or repeats."""

    trial: int
    copy: int


class Seat(NamedTuple):
    """A member's place in a block, with all that its lane needs."""

    member: Member
    seed: int
    units: list[float]
    values: dict[str, Any]
    fold: tuple[int, int] | None = None  # the numbers of rows to train on and to validate on, if it has its own


class Block:
    """Members that are trained together; lanes beyond them repeat the first, and are stopped."""

    def __init__(self, seats: list[Seat], run: Any, statistics: Statistics | None):
        self.seats, self.run, self.statistics = seats, run, statistics
        self.epoch = self.position = 0
        self.stopped = np.zeros(len(seats), bool)
        self.arguments: Any = None  # numbers and rows of the lanes, as long as no member moves

    @property
    def alive(self) -> bool:
        """Whether any of its members still trains."""
        return not self.stopped.all()

    @property
    def members(self) -> set[Member]:
        """Who has a seat."""
        return {seat.member for seat in self.seats}


class Slice(NamedTuple):
    """The logs of a member from one dispatch."""

    member: Member
    start: int
    logs: dict[str, np.ndarray]  # of the epochs from `start` on
    stopped: bool

    @property
    def end(self) -> int:
        """How many epochs it has trained after this."""
        return self.start + len(next(iter(self.logs.values())))


class MemberState(NamedTuple):
    """The state of a member, as one lane of a block's arrays on the host."""

    leaves: list[np.ndarray]
    lane: int
    epoch: int
    position: int
    stopped: bool

    def leaf_values(self) -> list[np.ndarray]:
        """The member's part of every leaf."""
        return [leaf[self.lane] for leaf in self.leaves]


def storable(run: Run) -> Run:
    """A run as it is stored: only plain arrays with lanes."""
    return run._replace(keys=jax.random.key_data(run.keys), position=())


def on_host(block: Block) -> list[np.ndarray]:
    """The leaves of a block's run and statistics, without its position."""
    return [np.asarray(leaf) for leaf in jax.tree.leaves((storable(block.run), block.statistics))]


def on_devices(pattern: Any, leaves: list[np.ndarray], position: int) -> tuple[Run, Any]:
    """The run and the statistics of a block from their leaves."""
    wanted, structure = jax.tree.flatten(pattern)
    if [(w.shape[1:], w.dtype) for w in wanted] != [(leaf.shape[1:], leaf.dtype) for leaf in leaves]:
        raise FileError("the state in the study's file is of another network, optimizer or data")
    run, statistics = jax.tree.unflatten(structure, leaves)
    run = vectorized.run_on_devices(run._replace(position=np.int32(position)))
    return run._replace(keys=config.as_key(run.keys)), vectorized.over_devices(statistics)


def packed(leaves: Sequence[np.ndarray]) -> bytes:
    """Arrays as safetensors bytes, which execute nothing when read."""
    return bytes(save({f"{i:05d}": np.asarray(leaf, order="C") for i, leaf in enumerate(leaves)}))


def unpacked(content: bytes) -> list[np.ndarray]:
    """The arrays that `packed` made bytes of."""
    found = load(content)
    return [found[name] for name in sorted(found)]
