"""The host's side of training: dispatch a program, tell the listeners, dispatch again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import jax
import numpy as np

from caviar import engine
from caviar.data.arrays import Rows
from caviar.data.streams import chunks
from caviar.errors import FileError, warn
from caviar.graph.evaluation import as_arrays
from caviar.graph.programs import remembered
from caviar.parts import Apart, take_apart
from caviar.training.clock import Clock
from caviar.training.listeners import Listeners
from caviar.training.padding import Held
from caviar.training.program import Plan, chunk_trainer, epoch_ender, no_statistics, trainer
from caviar.training.recipe import Recipe
from caviar.training.state import Run, Statistics
from caviar.training.step import merge, separate


@dataclass
class Training:
    """One `fit` under way."""

    recipe: Recipe
    run: Run
    plan: Plan
    room: int  # the most rows that the program serves; 0 for a stream
    epochs: int
    listeners: Listeners
    validation: Any = None
    statistics: Statistics | None = None
    running: Any = None  # the logs of the epoch under way
    restored: list[Any] | None = None  # the statistics of an epoch that was interrupted
    taken: int = 0  # the steps before the interruption
    finished: Run = field(init=False)  # the run at the end of the last whole epoch
    controls: dict[str, float] = field(init=False)  # the numbers as they were before a callback changed any

    def __post_init__(self) -> None:
        self.finished = self.run
        self.controls = {} if self.listeners.pace == "run" else self.listeners.model.controls.snapshot()

    @property
    def shared(self) -> Plan:
        """The plan of the program, for the most rows that it serves."""
        return self.plan.of(self.room)

    @property
    def is_midway(self) -> bool:
        """Whether the run is inside an epoch and can be saved there, to continue from that step."""
        return int(self.run.position) > 0 and not self.listeners.stopping()

    @property
    def going(self) -> bool:
        """Whether there is more to train."""
        return int(self.run.epoch) < self.epochs and not bool(self.run.stopped) and not self.listeners.stopping()

    def store(self) -> None:
        """Store the run's values in the model's variables, where users and callbacks find them."""
        store_values(take_apart(self.recipe), self.run)

    def take_changes(self, apart: Apart) -> None:
        """Take over into the run what callbacks assigned to the variables."""
        trainable, fixed = separate(apart.structure, [v.value for v in apart.variables])
        self.run = self.run._replace(trainable=trainable, fixed=fixed)


def readable(recipe: Recipe, logs: Any, validated: bool = False) -> dict[str, Any]:
    """Logs on the host, in readable order: loss, metrics, the same for validation, the rest. (A program sorts them by name.)"""
    found, names = jax.device_get(logs), recipe.log_names
    wanted = [*names, *(f"val_{name}" for name in recipe.scored_names if validated), "learning_rate"]
    return {name: as_python(found[name]) for name in wanted if name in found}


def store_values(apart: Apart, run: Run) -> None:
    """Put a run's values into variables."""
    for variable, value in zip(apart.variables, merge(apart.structure, run.trainable, run.fixed), strict=True):
        variable.assign(value)


def as_python(value: Any) -> Any:
    """A scalar as a float, anything else as an array."""
    return float(value) if np.ndim(value) == 0 else np.asarray(value)


def train_resident(training: Training, data: Held) -> None:
    """Train on data that is on the device as a whole: many epochs in one dispatch."""
    clock = Clock(training.plan.steps)
    while training.going:
        _dispatch(training, data, clock)
    if int(training.run.position):  # stopped inside an epoch: the logs are those of the steps taken
        apart, epoch = take_apart(training.recipe), int(training.run.epoch)
        _end_epoch(training, apart, epoch, clock.epoch_seconds(1))


def _dispatch(training: Training, data: Held, clock: Clock) -> None:
    """Call the program once, and tell the listeners."""
    listeners, plan, shared = training.listeners, training.plan, training.shared
    epoch, position = int(training.run.epoch), int(training.run.position)
    if position == 0:
        listeners.epoch_begins(epoch)
    listeners.steps_begin(position)
    apart = take_apart(training.recipe)  # for each dispatch: callbacks may have changed numbers, or even structure
    numbers = as_arrays(apart.numbers)
    if training.statistics is None:
        key = ("statistics", apart.structure, shared, str(jax.tree.map(lambda a: (a.shape, a.dtype), data.rows.x)))
        make = partial(no_statistics, apart.structure, plan.batch_size)
        spec = remembered(key, lambda: engine.shapes_of(make, numbers, training.run, data.rows.x))
        training.statistics = _as_restored(spec, training.restored)
    steps, epochs = clock.amount(listeners.pace, position, training.epochs - epoch)
    shown, program = listeners.progress, trainer(apart.structure, shared)
    given = (training.run, training.statistics, numbers, data, training.validation, np.int32(steps), np.int32(epochs))
    start = shown.now()
    training.run, training.statistics, ended = shown.call(program, *given)
    finished, now = int(ended.finished), int(training.run.position)
    clock.measure(shown.now() - start, finished * plan.steps + now - position)
    live = listeners.pace != "run"
    if live:
        store_values(apart, training.run)
    if finished:
        training.finished = training.run
        _tell_epochs(training, jax.device_get(ended.logs), epoch, finished, clock.epoch_seconds(finished))
    else:
        listeners.steps_end(now, readable(training.recipe, ended.running))
    if live:
        training.take_changes(apart)


def _as_restored(spec: Any, restored: list[Any] | None) -> Any:
    """The statistics to begin with; except inside an epoch, only their shapes matter."""
    leaves, structure = jax.tree.flatten(spec)
    if restored and [(a.shape, a.dtype) for a in restored] != [(s.shape, s.dtype) for s in leaves]:
        raise FileError("the backup is of another training: its losses, metrics or outputs differ")
    return jax.tree.unflatten(structure, restored or [np.zeros(s.shape, s.dtype) for s in leaves])


def _tell_epochs(training: Training, logs: dict[str, Any], epoch: int, count: int, seconds: float) -> None:
    listeners, every = training.listeners, training.plan.validation_freq
    for i in range(count):
        if i:
            listeners.epoch_begins(epoch + i)
        validated = training.validation is not None and (epoch + i + 1) % every == 0
        line = readable(training.recipe, {name: values[i] for name, values in logs.items()}, validated)
        if listeners.pace == "batch":
            steps = int(training.plan.steps_of(epoch + i))
            listeners.steps_end(steps, {n: v for n, v in line.items() if n in training.recipe.log_names})
        listeners.epoch_ends(epoch + i, line, seconds, more=i + 1 < count)


def train_stream(training: Training, batches_of_epoch: Any, limit: int | None) -> None:
    """Train on batches that come one after another: a chunk of them in each dispatch."""
    told = False
    while training.going:
        epoch = int(training.run.epoch)
        training.listeners.epoch_begins(epoch)
        start, taken = training.listeners.progress.now(), 0
        apart = take_apart(training.recipe)
        training.statistics = None
        for chunk, count in _paced(chunks(batches_of_epoch(), limit), training.listeners.pace):
            training.listeners.steps_begin(taken)
            apart = take_apart(training.recipe)
            taken += count
            _train_chunk(training, apart, chunk)
            _tell_steps(training, apart, taken)
            if training.listeners.stopping():
                break
        short = not taken or (limit is not None and taken < limit)
        if short and not told and not training.listeners.stopping():
            _tell_used_up(epoch, training.epochs, taken, limit)
            told = True
        if not taken:
            return
        _end_epoch(training, apart, epoch, training.listeners.progress.now() - start)


def _tell_used_up(epoch: int, epochs: int, taken: int, limit: int | None) -> None:
    wanted = "" if limit is None else f" of {limit}"
    warn(
        f"x gave {taken}{wanted} batches in epoch {epoch + 1} of {epochs} and was used up: a generator gives its batches once. "
        "Give a list of batches or an object that begins anew for every epoch, or fewer epochs, or a smaller steps_per_epoch"
    )


def _paced(pieces: Iterable[tuple[Rows, int]], pace: str) -> Iterable[tuple[Rows, int]]:
    """The chunks; split into single batches if a callback wants each batch."""
    for chunk, count in pieces:
        if pace == "batch":
            yield from ((jax.tree.map(lambda a, i=i: a[i : i + 1], chunk), 1) for i in range(count))
        else:
            yield chunk, count


def _train_chunk(training: Training, apart: Apart, chunk: Rows) -> None:
    numbers = as_arrays(apart.numbers)
    if training.statistics is None:
        first = jax.tree.map(lambda a: a[0], chunk.x)
        size = int(jax.tree.leaves(first)[0].shape[0])
        training.statistics = no_statistics(apart.structure, size, numbers, training.run, first)
    given = (training.run, training.statistics, numbers, chunk)
    called = training.listeners.progress.call(chunk_trainer(apart.structure), *given)
    training.run, training.statistics, training.running = called


def _tell_steps(training: Training, apart: Apart, taken: int) -> None:
    live = training.listeners.pace != "run"
    if live:
        store_values(apart, training.run)
    training.listeners.steps_end(taken, readable(training.recipe, training.running))
    if live:
        training.take_changes(apart)


def _end_epoch(training: Training, apart: Apart, epoch: int, seconds: float) -> None:
    program = epoch_ender(apart.structure, training.shared)
    validated = training.validation is not None and (epoch + 1) % training.plan.validation_freq == 0
    validation = training.validation if validated or training.plan.validation_freq == 1 else None
    numbers = as_arrays(apart.numbers)
    given = (training.run, training.statistics, numbers, validation)
    training.run, logs = training.listeners.progress.call(program, *given)
    training.finished = training.run
    live = training.listeners.pace != "run"
    if live:
        store_values(apart, training.run)
    training.listeners.epoch_ends(epoch, readable(training.recipe, logs, validated), seconds, more=False)
    if live:
        training.take_changes(apart)
