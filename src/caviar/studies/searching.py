"""`search`: a whole hyperparameter search, as easy to call as `fit`."""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from caviar import config
from caviar.arguments import check
from caviar.closing import hyperparameters
from caviar.declarations import INT32_MAX, Count, Fraction, Number, OneOf, Positive, Times, Verbosity
from caviar.errors import ArgumentError, FileError
from caviar.files import FilePath, as_path
from caviar.models.as_json import Writer
from caviar.models.model import Model
from caviar.models.saving import write_specs
from caviar.studies.board import Board
from caviar.studies.callbacks import SearchCallbacks
from caviar.studies.driver import Driver
from caviar.studies.limits import TimeLimit
from caviar.studies.progress import SearchProgress
from caviar.studies.space import Space, Template
from caviar.studies.store import Store
from caviar.studies.strategies import Strategy
from caviar.studies.strategies.lookup import get
from caviar.studies.study import Study
from caviar.studies.task import Task, checksum, first_that_works, split_folds
from caviar.training.argument_types import Callbacks, Data, RowWeights
from caviar.training.monitor import MODES, check_monitor, direction
from caviar.training.rules import Rule
from caviar.training.scoring import as_list
from caviar.training.source import Source, with_validation
from caviar.training.trainee import Trainee

__all__ = ["search"]

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
    if not isinstance(model, Trainee):
        raise ArgumentError(f"search takes a compiled model, and was given {model!r}")
    began, compiled = time.monotonic(), model.require_compiled("search")
    trials = 100 if trials is None and minutes is None else trials
    counts = {"trials": trials, "epochs": epochs, "folds": folds, "repeats": repeats}
    batches = {"shuffle": shuffle, "validation_batch_size": validation_batch_size, "validation_freq": validation_freq}
    rest = {
        "keep": keep,
        "minutes": minutes,
        "frames": frames,
        "seed": seed,
        "validation_split": validation_split,
        "class_weight": class_weight,
    }
    _check_fixed(**counts, **batches, **rest, monitor=monitor, mode=mode)
    check(search, {**counts, **batches, **rest, "monitor": monitor, "mode": mode, "verbose": verbose})
    if x is None:
        raise ArgumentError("search needs x: arrays of rows")
    if folds is not None and (validation_split or validation_data is not None):
        raise ArgumentError("folds validate on rows of x: leave out validation_split and validation_data")
    given = as_list(callbacks)
    heard, asked = SearchCallbacks(given, trials, epochs), get(strategy)
    space = Space(Template(model, compiled, [c for c in given if isinstance(c, Rule)], batch_size))
    source = Source(model, x, y, sample_weight, class_weight, 32, shuffle)
    if source.stream or source.large:
        raise ArgumentError("search takes x and y as arrays that fit in memory: all members of a population share them")
    typical, names, units = first_that_works(space, source.first.x)
    rows, validation = with_validation(source, names, validation_split, validation_data)
    assert rows is not None
    task = Task(space, rows, validation, None, None, mode, shuffle, validation_batch_size, validation_freq)
    task.monitor = _monitored(
        task.recipe(space.at(units))[0].logged(validation is not None or folds is not None), monitor
    )
    sign = direction(task.monitor, mode)
    progress = SearchProgress(trials, epochs, task.monitor, sign, verbose)

    aim = {"monitor": task.monitor, "mode": mode, "strategy": repr(asked), "seed": seed}
    told = _as_python({**counts, **aim, **batches, **described(space, rows, validation)})
    with _written(path, told) as store:
        chosen = _seed(store, seed)
        if store.grown_from is not None:
            _grow(store, asked, trials)
        task.folds = split_folds(rows.number, folds, chosen)
        task.held_out = rows if folds is None else source.rows(names)
        board = Board(space, store, chosen, task.monitor, sign, task.folds, repeats)
        if store.noted("template") is None:
            _note_template(store, space, typical)
        limit = TimeLimit(minutes, store.noted("spent", 0.0), began)
        driver = Driver(board, task, asked, trials, epochs, keep, None if frames is None else int(frames), limit)
        driver.run(progress, heard)
    board.store = store if store.path is None else Store.read(store.path)  # the study only reads
    study = Study(board, typical.built_for, driver.interrupted)
    for tensorboard in heard.boards:
        study.to_tensorboard(tensorboard.log_dir)
    return study


def _monitored(logged: Sequence[str], monitor: str | None) -> str:
    """What decides which trial is best: what was asked for, or the loss, of the validation if there is one."""
    found = ("val_loss" if "val_loss" in logged else logged[0]) if monitor is None else monitor
    check_monitor(found, logged)
    return found


@contextlib.contextmanager
def _written(path: Any, told: dict[str, Any]) -> Iterator[Store]:
    """The study's file, open for writing; an error undoes what was not committed, and others may write afterwards."""
    is_new = path is not None and not os.path.exists(as_path(path))
    store = Store.open(path, told, growing="trials")
    with contextlib.ExitStack() as closing:
        if is_new:
            closing.callback(_forget_unless_begun, as_path(path))
        closing.enter_context(store)
        yield store
        closing.pop_all()
    store.commit()
    if store.path is not None:  # else the file is lost, and the study keeps what is in memory
        store.close()


def _grow(store: Store, asked: Strategy, trials: int | None) -> None:
    """Reopen the last round of a finished search, to add more trials."""
    had = f"{store.path} holds a search of {store.grown_from} trials"
    if not asked.grows:
        raise FileError(f"{had}, and with {trials} {asked!r} would have treated those differently: name another file")
    if not store.noted("done", False):
        raise FileError(
            f"{had} that is not finished: call it with trials={store.grown_from} once more, then with {trials}"
        )
    store.note("done", False)
    store.note("begun", store.noted("begun", 0) - 1)
    store.note("lanes", {})


def _check_fixed(**fixed: Any) -> None:
    """Raise for ranges in arguments that all members share."""
    found = hyperparameters(**fixed)
    if found:
        raise ArgumentError(f"{found[0].name} cannot be a range: all members of a search share it")


def _as_python(told: dict[str, Any]) -> dict[str, Any]:
    """The same, with NumPy's integers as Python's, which JSON holds."""
    return {name: int(value) if isinstance(value, np.integer) else value for name, value in told.items()}


def _forget_unless_begun(path: Path) -> None:
    """Delete the file of a search that failed before its first round: it would refuse the corrected call."""
    with contextlib.suppress(FileError):  # it is gone, or another search's
        store = Store.read(path)
        begun = store.noted("begun")
        store.close()
        if begun is None:
            path.unlink()


def _seed(store: Store, seed: int | None) -> int:
    """The seed given, that of the search being resumed, or a new one."""
    found = store.noted("seed")
    if found is None:
        found = int(np.random.SeedSequence().generate_state(1)[0]) if seed is None else int(seed)
        store.note("seed", found)
    return int(found)


def described(space: Space, rows: Any, validation: Any) -> dict[str, Any]:
    """A description of a search; the same call always gives the same one."""
    template = space.template
    layers = template.model.layers if isinstance(template.model, Model) else [template.model]
    compiled = {name: _spoken(value) for name, value in vars(template.compiled).items()}
    return {
        "model": [_spoken(layer) for layer in layers],
        "compile": compiled,
        "callbacks": [_spoken(rule) for rule in template.rules],
        "batch_size": repr(template.batch_size),
        "hyperparameters": {h.name: repr(h.range) for h in space.found},
        "weights": checksum([v.value for v in template.model.variables if not v.is_drawn]),
        "precision": [config.floatx(), config.dtype_policy()],
        "rows": rows.number,
        "data": checksum(rows),
        "validation": None if validation is None else checksum(validation),
    }


def _spoken(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_spoken(v) for v in value]
    if isinstance(value, dict):
        return {str(k): _spoken(v) for k, v in value.items()}
    # Without addresses, which differ between processes.
    return getattr(value, "__name__", None) or re.sub(r" at 0x[0-9a-f]+", "", repr(value))


def _note_template(store: Store, space: Space, typical: Any) -> None:
    """Save the model with its ranges, so that the file can be opened without it; unless something in it cannot be saved."""
    template, writer = space.template, Writer()
    try:
        written = {
            "model": writer(template.model),
            "compiled": {k: writer(v) for k, v in vars(template.compiled).items()},
        }
        written |= {"rules": writer(template.rules), "batch_size": writer(template.batch_size)}
        store.note("template", {"written": written})
        store.note("inputs", write_specs(typical.built_for))
    except FileError as error:
        store.note("template", {"refused": str(error)})
    store.commit()  # from now on others can read it
