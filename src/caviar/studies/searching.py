"""`search`: a whole hyperparameter search, as easy to call as `fit`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np

from caviar.arguments import check
from caviar.closing import hyperparameters
from caviar.declarations import INT32_MAX, Count, Fraction, Number, OneOf, Positive, Times, Verbosity
from caviar.errors import ArgumentError
from caviar.files import FilePath
from caviar.studies.board import Board
from caviar.studies.callbacks import SearchCallbacks
from caviar.studies.driver import Driver
from caviar.studies.limits import TimeLimit
from caviar.studies.progress import SearchProgress
from caviar.studies.resuming import described, grow, note_template, seed_of, written
from caviar.studies.space import Space, Template
from caviar.studies.store import Store
from caviar.studies.strategies import Strategy
from caviar.studies.strategies.lookup import get
from caviar.studies.study import Study
from caviar.studies.task import Task, first_that_works, split_folds
from caviar.training.argument_types import Callbacks, Data, RowWeights
from caviar.training.monitor import MODES, check_monitor, direction
from caviar.training.rules import Rule
from caviar.training.scoring import as_list
from caviar.training.source import Source, build_for, with_validation
from caviar.training.trainee import Trainee

__all__ = ["search"]


_COUNTS = ("trials", "epochs", "folds", "repeats")
_BATCHES = ("shuffle", "validation_batch_size", "validation_freq")
_CHECKED = (
    *_COUNTS, *_BATCHES, "keep", "minutes", "frames", "seed", "validation_split", "class_weight", "monitor", "mode",
)  # fmt: skip

Folds = Annotated[int, Number(least=2, most=INT32_MAX, whole=True)]


def search(
    model: Trainee,
    x: Data = None,
    y: Data = None,
    *,
    trials: Times | None = None,
    epochs: Times = 1,
    strategy: str | Strategy | type[Strategy] = "random",
    minutes: Positive | None = None,
    monitor: str | None = None,
    mode: Annotated[str, OneOf(*MODES)] = "auto",
    path: FilePath | None = None,
    seed: Count | None = None,
    folds: Folds | None = None,
    repeats: Times = 1,
    keep: Times = 10,
    frames: Count | None = None,
    batch_size: int | None = None,
    verbose: Verbosity | Annotated[str, OneOf("auto")] = "auto",
    callbacks: Callbacks = None,
    validation_split: Fraction = 0.0,
    validation_data: Data = None,
    shuffle: bool = True,
    class_weight: dict[int, float] | str | None = None,
    sample_weight: RowWeights = None,
    validation_batch_size: Times | None = None,
    validation_freq: Times = 1,
) -> Study:
    """Train many versions of a compiled model with ranges in it, all in one program, and find the best.

    Besides `fit`'s own arguments: how many `trials` (100), of at most how many `epochs`; the `strategy` ("random", "grid", "sobol",
    "halton", "optuna", "coarse_to_fine", "halving", "hyperband", "population", or an object of `caviar.studies`); what to
    `monitor` (the loss, of the validation if there is one); the file (`path`) in which the search lives: the same call goes on
    where a killed one ended; `folds` for cross-validation, `repeats` with other seeds; and how many trials `keep` their weights.

    `minutes` end a search in time, compiling included, with the best so far: what would not be compiled in time is not begun. Without
    `trials` there are as many as fit; the same call with more minutes goes on. Members of several layer sizes share arrays of
    the largest, a *frame*: as many frames as pay for themselves, or at most so many `frames` for each structure (0: every
    size has a program of its own).

    >>> import numpy as np
    >>> from caviar.studies import search
    >>> from caviar.layers import Dense
    >>> from caviar.models import Sequential
    >>> from caviar.optimizers import SGD
    >>> from caviar.ranges import LogUniform
    >>> x = np.linspace(-1, 1, 32).reshape(32, 1)
    >>> model = Sequential([Dense(1)])
    >>> model.compile(SGD(LogUniform(1e-3, 1)), "mse")
    >>> study = search(model, x, 3 * x, trials=8, epochs=20, seed=0, verbose=0)
    >>> bool(study.best_value < 0.5)
    True
    """
    given = dict(locals())
    began, compiled = time.monotonic(), _checked(given)
    if trials is None and minutes is None:
        trials = 100
    heard, asked = SearchCallbacks(as_list(callbacks), trials, epochs), get(strategy)
    rules = [c for c in as_list(callbacks) if isinstance(c, Rule)]
    source = Source(model, x, y, sample_weight, class_weight, 32, shuffle)
    task, typical = _task(Space(Template(model, compiled, rules, batch_size)), source, given)
    monitored = str(task.monitor)
    sign = direction(monitored, mode)
    progress = SearchProgress(trials, epochs, monitored, sign, verbose)
    with written(path, _told(task, {**given, "trials": trials, "strategy": repr(asked)})) as store:
        chosen = seed_of(store, seed)
        if store.grown_from is not None:
            grow(store, asked, trials)
        task.folds = split_folds(task.rows.number, folds, chosen)
        board = Board(task.space, store, chosen, monitored, sign, task.folds, repeats)
        if store.noted("template") is None:
            note_template(store, task.space, typical)
        limit = TimeLimit(minutes, store.noted("spent", 0.0), began)
        driver = Driver(board, task, asked, trials, epochs, keep, None if frames is None else int(frames), limit)
        driver.run(progress, heard)
    board.store = store if store.path is None else Store.read(store.path)  # the study only reads
    study = Study(board, typical.built_for, driver.interrupted)
    for tensorboard in heard.boards:
        study.to_tensorboard(tensorboard.log_dir)
    return study


def _checked(given: dict[str, Any]) -> Any:
    """What the model was compiled with, if the arguments of `search` make sense."""
    model, plain = given["model"], {name: given[name] for name in _CHECKED}
    if not isinstance(model, Trainee):
        raise ArgumentError(f"search takes a compiled model, and was given {model!r}")
    compiled = model.require_compiled("search")
    _check_fixed(**plain)
    check(search, {**plain, "verbose": given["verbose"]})
    if given["x"] is None:
        raise ArgumentError("search needs x: arrays of rows")
    if given["folds"] is not None and (given["validation_split"] or given["validation_data"] is not None):
        raise ArgumentError("folds validate on rows of x: leave out validation_split and validation_data")
    return compiled


def _task(space: Space, source: Source, given: dict[str, Any]) -> tuple[Task, Trainee]:
    """The task, still without folds, and a built network of the space."""
    if source.stream or source.large:
        raise ArgumentError("search takes x and y as arrays that fit in memory: all members of a population share them")
    typical, names, units = first_that_works(space, source.first.x)
    source.outputs = build_for(typical, source.first.x)[0]
    rows, validation = with_validation(source, names, given["validation_split"], given["validation_data"])
    assert rows is not None
    task = Task(space, rows, validation, None, None, given["mode"], *(given[name] for name in _BATCHES))
    is_validated = validation is not None or given["folds"] is not None
    task.monitor = _monitored(task.recipe(space.at(units))[0].logged(is_validated), given["monitor"])
    task.held_out = rows if given["folds"] is None else source.rows(names)
    return task, typical


def _told(task: Task, given: dict[str, Any]) -> dict[str, Any]:
    """What a later call must say again to go on with this search."""
    plain = {name: given[name] for name in (*_COUNTS, "mode", "strategy", "seed", *_BATCHES)}
    return _as_python({**plain, "monitor": task.monitor, **described(task.space, task.rows, task.validation)})


def _monitored(logged: Sequence[str], monitor: str | None) -> str:
    """What decides which trial is best: what was asked for, or the loss, of the validation if there is one."""
    found = next((n for n in ("val_loss", "loss") if n in logged), logged[0]) if monitor is None else monitor
    check_monitor(found, logged)
    return found


def _check_fixed(**fixed: Any) -> None:
    """Raise for ranges in arguments that all members share."""
    found = hyperparameters(**fixed)
    if found:
        raise ArgumentError(f"{found[0].name} cannot be a range: all members of a search share it")


def _as_python(told: dict[str, Any]) -> dict[str, Any]:
    """The same, with NumPy's integers as Python's, which JSON holds."""
    return {name: int(value) if isinstance(value, np.integer) else value for name, value in told.items()}
