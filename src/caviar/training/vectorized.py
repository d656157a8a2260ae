"""Populations: many runs of one structure, trained by one program, each with its own numbers, keys and rules.

A program trains a *block* of members at once: `vmap` over its lanes, and one part of the block on every device. A population
is any number of blocks, so one compiled program serves all of them, and members that stopped leave when blocks are packed anew.
The members of a block are at the same place of the same epoch, so what depends on the place is decided once for all.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from caviar import config, engine
from caviar.graph.programs import cached
from caviar.layers.weights import Draw
from caviar.parts import Numbers, Structure
from caviar.training.compiled import first_run_of
from caviar.training.padding import Held
from caviar.training.program import Epoch, EpochLogs, Plan, train
from caviar.training.rules import watched
from caviar.training.state import Run, Statistics
from caviar.training.step import take

LANES = (4, 5, 6)
"""Members of a block on each CPU device: more are no faster, and in smaller blocks fewer lanes stay empty."""
LANE_BYTES = 2**21
"""The most bytes of the runs that one CPU trains side by side, so that they fit into its cache."""
_EACH, _ONCE = PartitionSpec("members"), PartitionSpec()
# How a run is mapped: every leaf has lanes, but for the position in the epoch, which is common to a block.
_AXES = Run(*[0] * len(Run._fields))._replace(position=None)  # type: ignore[arg-type]
_RUN = Run(*[_EACH] * len(Run._fields))._replace(position=_ONCE)  # type: ignore[arg-type]


class OwnRows(NamedTuple):
    """The rows that belong to a member: those of its fold. None where all members have the same."""

    rows: Any = None
    validation: Any = None


class Start(NamedTuple):
    """What the first run of a block is made from, besides the numbers."""

    keys: Any  # [lanes, 2] as in a run
    draws: Any  # [lanes] for the initial weights
    draw_numbers: Any  # of the initializers
    values: Any  # of the variables that are not drawn; None for those that are


def devices() -> int:
    """How many devices share a population."""
    engine.start()
    return len(jax.local_devices())


@functools.cache
def _mesh() -> Mesh:
    return Mesh(np.array(jax.local_devices()), ("members",))


def on_all_devices(tree: Any) -> Any:
    """A copy of the data on every device."""
    return jax.device_put(tree, NamedSharding(_mesh(), _ONCE))


def over_devices(tree: Any) -> Any:
    """The lanes of a block spread over the devices."""
    return jax.device_put(tree, NamedSharding(_mesh(), _EACH))


def keys_on_devices(data: np.ndarray) -> jax.Array:
    """Random keys, spread over the devices like their lanes."""
    return config.as_key(over_devices(data))


def run_on_devices(run: Run) -> Run:
    """A block's run from the host, spread over the devices."""
    return over_devices(run._replace(position=None))._replace(position=on_all_devices(run.position))


class Lanes(Epoch):
    """The parts of an epoch for each member of a block."""

    def __init__(self, structure: Structure, plan: Plan, varied: tuple[bool, ...], own: OwnRows, *rest: Any):
        super().__init__(structure, plan, *rest)
        self.varied, self.own = varied, own

    def _each(self, method: Callable[..., Any], out_axes: Any, run: Run, *args: Any) -> Any:
        """Apply a method of a run's own epoch to every lane."""

        def one(numbers: Numbers, own: OwnRows, run: Run, *args: Any) -> Any:
            mine = self.validation
            if own.validation is not None and mine is not None:
                mine = Held(take(mine.rows, own.validation))
            return method(Epoch(self.structure, self.most, numbers, Held(self.data), mine), own, run, *args)

        axes = ([0 if v else None for v in self.varied], 0, _AXES, *[0] * len(args))
        return jax.vmap(one, in_axes=axes, out_axes=out_axes)(self.numbers, self.own, run, *args)

    def goes_on(self, run: Run) -> Any:
        """Always: members that have stopped are removed between two dispatches."""
        return True

    def hold_stopped(self, before: Run, after: Run) -> Run:
        """A member that has stopped stays as it was."""

        def choose(old: Any, new: Any) -> Any:
            return jnp.where(before.stopped.reshape(-1, *[1] * (old.ndim - 1)), old, new)

        chosen = jax.tree.map(choose, before._replace(keys=None), after._replace(keys=None))
        return chosen._replace(keys=before.keys, position=after.position)

    def no_statistics(self, run: Run) -> Any:
        """Nothing counted yet."""
        return self._each(lambda epoch, own, run: epoch.no_statistics(run), 0, run)

    def outcomes(self, run: Run, statistics: Statistics) -> dict[str, Any]:
        """The logs so far."""
        return self._each(lambda epoch, own, run, s: epoch.outcomes(run, s), 0, run, statistics)

    def new_order(self, run: Run, rows: Any = None) -> Any:
        """The rows in the order of the coming epoch."""
        return self._each(lambda epoch, own, run: epoch.new_order(run, own.rows), 0, run)

    def step(self, run: Run, statistics: Statistics, rows: Any, real: Any = None) -> tuple[Run, Any]:
        """One step on these rows, of which so many are no padding."""
        return self._each(lambda epoch, own, *args: epoch.step(*args, real), (_AXES, 0), run, statistics, rows)

    def end(self, run: Run, statistics: Statistics) -> tuple[Run, dict[str, Any]]:
        """Logs, validation, rules. A member whose loss is NaN or infinite stops."""

        def one(epoch: Epoch, own: OwnRows, run: Run, statistics: Statistics) -> tuple[Run, dict[str, Any]]:
            run, logs = epoch.end(run, statistics)
            return run._replace(stopped=run.stopped | ~jnp.isfinite(watched(logs))), logs

        return self._each(one, (_AXES, 0), run, statistics)


def block_trainer(structure: Structure, plan: Plan, varied: tuple[bool, ...]) -> Any:
    """`advance(run, statistics, numbers, own, data, validation, steps, epochs, size)` for a block, whose batches have so many rows;
    numbers that vary have lanes."""

    def advance(
        run: Run,
        statistics: Statistics,
        numbers: Numbers,
        own: OwnRows,
        data: Any,
        validation: Any,
        steps: Any,
        epochs: Any,
        size: Any,
    ) -> Any:
        validated = None if validation is None else Held(validation)
        lanes = Lanes(structure, plan, varied, own, numbers, Held(data), validated, size)
        return train(lanes, run, statistics, steps, epochs)

    def make() -> Any:
        logs = PartitionSpec(None, "members")
        given = (_RUN, _EACH, [_EACH if v else _ONCE for v in varied], _EACH, *[_ONCE] * 5)
        found = (_RUN, _EACH, EpochLogs(logs, _ONCE, _EACH))  # type: ignore[arg-type]
        return jax.shard_map(advance, mesh=_mesh(), in_specs=given, out_specs=found, check_vma=False)

    return cached(("block", structure, plan, varied), make, donate=(0, 1))


def block_starter(
    structure: Structure,
    plan: Plan,
    varied: tuple[bool, ...],
    draw: Draw,
    draw_varied: tuple[bool, ...],
    drawn: tuple[int, ...],
) -> Any:
    """`start(start, numbers)`: the runs of a block before the first step. `drawn`: the places of the variables drawn."""

    def one(values: list[Any], drawn_values: list[Any], keys: Any, numbers: Numbers) -> Run:
        for place, value in zip(drawn, drawn_values, strict=True):
            values = [*values[:place], value, *values[place + 1 :]]
        return first_run_of(structure, plan.rows, numbers, values, keys, 0)

    def lanes(start: Start, numbers: Numbers) -> Run:
        # Lane by lane, since two of JAX's batched QR decompositions at once deadlock: each waits for threads that the other holds.
        each = [(n if v else None) for n, v in zip(start.draw_numbers, draw_varied, strict=True)]

        def values_of(key_and_own: Any) -> list[Any]:
            own = [o if v else n for o, n, v in zip(key_and_own[1], start.draw_numbers, draw_varied, strict=True)]
            return draw(key_and_own[0], own)

        found = jax.lax.map(values_of, (start.draws, each))
        axes = (None, 0, 0, [0 if v else None for v in varied])
        return jax.vmap(one, in_axes=axes, out_axes=_AXES)(start.values, found, start.keys, numbers)

    def make() -> Any:
        places = (
            Start(_EACH, _EACH, [_EACH if v else _ONCE for v in draw_varied], _ONCE),
            [_EACH if v else _ONCE for v in varied],
        )
        return jax.shard_map(lanes, mesh=_mesh(), in_specs=places, out_specs=_RUN, check_vma=False)

    return cached(("block start", structure, plan, varied, draw.key, draw_varied, drawn), make, runs_once=True)


def block_statistics(
    structure: Structure, plan: Plan, varied: tuple[bool, ...], run: Run, numbers: Numbers, x: Any
) -> Any:
    """The shapes of a block's statistics."""

    def find(run: Run, numbers: Numbers, x: Any) -> Any:
        lanes = Lanes(structure, plan, varied, OwnRows(), numbers, Held((x, [], [])), None)
        return lanes.no_statistics(run)

    return engine.shapes_of(find, run, numbers, x)


def lanes_for(members: int, bytes_each: int = 0, side_by_side: bool = True) -> int:
    """How many lanes a block should have on each device, for so many members whose runs have so many bytes.

    >>> from caviar.training.vectorized import lanes_for
    >>> lanes_for(1), lanes_for(10**6, bytes_each=2**20), lanes_for(10**6, side_by_side=False)
    (1, 2, 1)
    """
    needed = -(-members // devices())
    if jax.default_backend() != "cpu":
        return needed
    if not side_by_side:
        return 1
    fewest_empty = min(LANES, key=lambda lanes: (-needed % lanes, -lanes))
    return max(1, min(needed, fewest_empty, LANE_BYTES // max(bytes_each, 1)))


def bytes_needed(compiled: Any) -> int:
    """The memory that a compiled program takes while it runs."""
    found = compiled.memory_analysis()
    if found is None:
        return 0
    total = found.temp_size_in_bytes + found.argument_size_in_bytes + found.output_size_in_bytes
    return int(total - found.alias_size_in_bytes)


def bytes_free() -> int:
    """The memory that programs may take: of the smallest device, or of the machine."""
    device = jax.local_devices()[0]
    stats = device.memory_stats() if device.platform != "cpu" else None
    if stats:
        return int(stats["bytes_limit"] - stats["bytes_in_use"])
    try:
        with open("/proc/meminfo") as lines:
            free = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration):
        return 4 * 2**30  # a machine that does not say
    return free // devices()
