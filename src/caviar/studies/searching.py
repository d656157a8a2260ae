"""`search`: a whole hyperparameter search, as easy to call as `fit`."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np

from caviar.closing import hyperparameters, snake_case
from caviar.errors import ArgumentError, FileError
from caviar.models.configs import Writer
from caviar.studies import strategies
from caviar.studies.board import Board
from caviar.studies.driver import Driver
from caviar.studies.listening import Listeners
from caviar.studies.progress import SearchProgress
from caviar.studies.space import Space, Template
from caviar.studies.store import Store
from caviar.studies.study import Study
from caviar.studies.task import Task, checksum, cut, first_that_works
from caviar.training.fit import check_counts
from caviar.training.monitor import check_monitor, direction
from caviar.training.rules import Rule
from caviar.training.scoring import as_list
from caviar.training.source import Source, compiled_of, with_validation


def search(
    model: Any,
    x: Any = None,
    y: Any = None,
    *,
    trials: int = 100,
    epochs: int = 1,
    strategy: Any = "random",
    monitor: str | None = None,
    mode: str = "auto",
    path: Any = None,
    seed: int | None = None,
    folds: int | None = None,
    repeats: int = 1,
    keep: int = 10,
    batch_size: Any = None,
    verbose: int | str = "auto",
    callbacks: Any = None,
    validation_split: float = 0.0,
    validation_data: Any = None,
    shuffle: bool = True,
    class_weight: dict[int, float] | None = None,
    sample_weight: Any = None,
    validation_batch_size: int | None = None,
    validation_freq: int = 1,
) -> Study:
    """Train many versions of a compiled model with ranges in it, all in one program, and find the best.

    Besides `fit`'s own arguments: how many `trials`, of at most how many `epochs`; the `strategy` ("random", "grid", "sobol",
    "halton", "optuna", "coarse_to_fine", "halving", "hyperband", "population", or an object of `caviar.studies`); what to
    `monitor` (the loss, of the validation if there is one); the file (`path`) in which the search lives: the same call goes on
    where a killed one ended; `folds` for cross-validation, `repeats` with other seeds; and how many trials `keep` their weights.

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
    compiled = compiled_of(model, "search")
    check_counts(trials=trials, epochs=epochs, repeats=repeats, keep=keep, validation_freq=validation_freq)
    fixed = {"epochs": epochs, "trials": trials, "shuffle": shuffle, "validation_split": validation_split}
    _check(fixed | {"class_weight": class_weight}, folds, validation_split or validation_data is not None)
    given = as_list(callbacks)
    listeners, asked = Listeners(given, trials, epochs), strategies.get(strategy)
    space = Space(Template(model, compiled, [c for c in given if isinstance(c, Rule)], batch_size))
    source = Source(model, x, y, sample_weight, class_weight, 32, shuffle)
    if source.stream or source.large:
        raise ArgumentError("search takes x and y as arrays that fit in memory: all members of a population share them")
    typical, names, units = first_that_works(space, source.first.x)
    rows, validation = with_validation(source.rows(names), names, validation_split, validation_data)
    assert rows is not None
    task = Task(space, rows, validation, None, None, mode, shuffle, validation_batch_size, validation_freq)
    logged = task.recipe(units)[0].logged(validation is not None or folds is not None)
    task.monitor = monitor or ("val_loss" if "val_loss" in logged else logged[0])
    check_monitor(task.monitor, logged)

    counts = {
        "trials": trials,
        "epochs": epochs,
        "folds": folds,
        "repeats": repeats,
        "monitor": task.monitor,
        "mode": mode,
    }
    batches = {"shuffle": shuffle, "validation_batch_size": validation_batch_size, "validation_freq": validation_freq}
    told = {**counts, "strategy": repr(asked), "seed": seed, **batches, **described(space, rows, validation)}
    store = Store.open(path, told)
    with contextlib.ExitStack() as closing:
        closing.enter_context(store)  # what goes wrong undoes what was not committed
        chosen = _seed(store, seed)
        task.folds = cut(rows.number, folds, chosen)
        _note_template(store, space, typical)
        board = Board(space, store, chosen, task.monitor, direction(task.monitor, mode), task.folds, repeats)
        driver = Driver(board, task, asked, trials, epochs, keep)
        driver.run(SearchProgress(trials, epochs, task.monitor, board.sign, verbose), listeners)
        closing.pop_all()
    if path is not None:  # the writer's place is free again; the study only looks
        store.close()
        board.store = Store.read(path)
    study = Study(board, typical.built_for, driver.interrupted)
    for tensorboard in listeners.boards:
        study.to_tensorboard(tensorboard.log_dir)
    return study


def _check(fixed: dict[str, Any], folds: Any, validated: Any) -> None:
    """Refuse ranges where nothing can vary, and folds that have nothing to do."""
    found = hyperparameters(**fixed)
    if found:
        raise ArgumentError(f"{found[0].name} cannot be a range: all members of a search share it")
    if folds is not None and validated:
        raise ArgumentError("folds validate on rows of x: leave out validation_split and validation_data")
    if folds is not None and (not isinstance(folds, int) or isinstance(folds, bool) or folds < 2):
        raise ArgumentError(f"folds must be a whole number of at least 2, and is {folds!r}")


def _seed(store: Store, seed: int | None) -> int:
    """The seed that was given, that of the search that goes on, or a fresh one."""
    found = store.noted("seed")
    if found is None:
        found = int(np.random.SeedSequence().generate_state(1)[0]) if seed is None else int(seed)
        store.note("seed", found)
    return int(found)


def described(space: Space, rows: Any, validation: Any) -> dict[str, Any]:
    """What a search is of, in words: the same call has the same description."""
    template = space.template
    compiled = {name: _spoken(value) for name, value in vars(template.compiled).items()}
    return {
        "model": [_spoken(layer) for layer in getattr(template.model, "layers", [template.model])],
        "compile": compiled,
        "callbacks": [_spoken(rule) for rule in template.rules],
        "batch_size": repr(template.batch_size),
        "hyperparameters": {h.name: repr(h.range) for h in space.found},
        "rows": rows.number,
        "data": checksum(rows),
        "validation": None if validation is None else checksum(validation),
    }


def _spoken(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_spoken(v) for v in value]
    if isinstance(value, dict):
        return {str(k): _spoken(v) for k, v in value.items()}
    return getattr(value, "__name__", None) or repr(value)


def _note_template(store: Store, space: Space, typical: Any) -> None:
    """Keep what the user wrote, so that the file can be opened without it; unless something in it has no name."""
    from caviar.models.saving import _shapes

    template, writer = space.template, Writer()
    try:
        written = {
            "model": writer(template.model),
            "compiled": {k: writer(v) for k, v in vars(template.compiled).items()},
        }
        rules = {snake_case(type(rule).__name__): writer(rule) for rule in template.rules}
        store.note("template", {**written, "rules": rules, "batch_size": writer(template.batch_size)})
        store.note("inputs", _shapes(typical.built_for))
    except FileError:
        store.note("template", None)
