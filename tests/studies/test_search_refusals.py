"""Wrong searches get an answer before anything compiles: what was given, where, what to do. No file is damaged by it."""

from __future__ import annotations

import re
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from compiles import compiles

import caviar
from caviar import Choice, IntUniform, LogUniform, Sequential, Uniform, errors, search
from caviar.callbacks import Callback, EarlyStopping, LearningRateScheduler, ModelCheckpoint
from caviar.layers import LSTM, Conv1D, Dense, Embedding, Layer, RepeatVector, Reshape
from caviar.optimizers import SGD
from caviar.studies import Halving, PopulationBased, driver
from caviar.studies.sqlite import StudyFile
from caviar.training.clock import Clock

X = np.random.default_rng(0).normal(size=(20, 3)).astype("float32")
Y = X[:, :1]
LABELS = np.arange(20) % 3


def model(*layers: Any, loss: Any = "mse", optimizer: Any = None, **options: Any) -> Sequential:
    made = Sequential(list(layers) or [Dense(4), Dense(1)])
    made.compile(SGD(LogUniform(1e-3, 1e-1)) if optimizer is None else optimizer, loss, **options)
    return made


def quick(made: Any = None, x: Any = X, y: Any = Y, **arguments: Any) -> caviar.Study:
    given = {"trials": 3, "epochs": 2, "seed": 0, "verbose": 0, **arguments}
    return search(model() if made is None else made, x, y, **given)


def batches() -> Iterator[Any]:
    while True:
        yield X, Y


def with_nan() -> np.ndarray:
    x = X.copy()
    x[7, 2] = np.nan
    return x


class Doubling(Layer):
    """Derives a number from its argument as soon as it is made."""

    def __init__(self, rate: Any):
        super().__init__()
        self.rate = rate * 2

    def call(self, x: Any) -> Any:
        return self.rate * x


class Building(Layer):
    """Derives a number from its argument when it is built."""

    def __init__(self, rate: Any):
        super().__init__()
        self.rate = rate

    def build(self, input_shape: Any) -> None:
        self.twice = self.rate * 2

    def call(self, x: Any) -> Any:
        return self.twice * x


class EveryEpoch(Callback):
    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """It wants the model."""


SEARCH: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    # ranges
    "of the name of a layer": (
        lambda: quick(model(Dense(3, name=Choice("a", "b")))),
        errors.OpenRangeError,
        r"Choice\('a', 'b'\) stands where",
    ),
    "of the split": (
        lambda: quick(validation_split=Uniform(0.1, 0.5)),
        errors.ArgumentError,
        "validation_split cannot be a range: all members",
    ),
    "of the epochs": (lambda: quick(epochs=IntUniform(1, 5)), errors.ArgumentError, "epochs cannot be a range"),
    "of the trials": (lambda: quick(trials=IntUniform(1, 5)), errors.ArgumentError, "trials cannot be a range"),
    "of the monitor": (
        lambda: quick(monitor=Choice("loss", "mae")),
        errors.ArgumentError,
        "monitor cannot be a range",
    ),
    "of the input": (
        lambda: quick(model(Dense(3, input_shape=(IntUniform(2, 4),)), Dense(1))),
        errors.ArgumentError,
        "range cannot stand at dense.input_shape",
    ),
    "of floats for units": (
        lambda: quick(model(Dense(Uniform(50, 100)), Dense(1))),
        errors.ArgumentError,
        r"units of Dense .* Uniform\(50, 100\) reaches 50.0: write IntUniform\(50, 100\)",
    ),
    "of floats, twice": (
        lambda: quick(model(Dense(Uniform(5, 10)), Dense(LogUniform(1, 100)), Dense(1))),
        errors.ArgumentError,
        r"units of Dense .* Uniform\(5, 10\) .* write IntUniform",
    ),
    "of floats, far in": (
        lambda: quick(model(Dense(5), Dense(LogUniform(1, 100)), Dense(1))),
        errors.ArgumentError,
        r"units of Dense .* write Quantized\(LogUniform\(1, 100\), 1\)",
    ),
    "of floats for a kernel": (
        lambda: quick(model(Reshape((3, 1)), Conv1D(2, Uniform(1, 3)), Dense(1))),
        errors.ArgumentError,
        "kernel_size of Conv1D .* whole number",
    ),
    "of floats for cells": (
        lambda: quick(model(Reshape((3, 1)), LSTM(Uniform(2, 9)), Dense(1))),
        errors.ArgumentError,
        "units of LSTM .* whole number",
    ),
    "of floats for repetitions": (
        lambda: quick(model(RepeatVector(Uniform(2, 9)), Dense(1))),
        errors.ArgumentError,
        "n of RepeatVector .* whole number",
    ),
    "of floats for batches": (
        lambda: quick(batch_size=Uniform(8, 32)),
        errors.ArgumentError,
        "batch_size must be a whole number",
    ),
    "of what is no activation": (
        lambda: quick(model(Dense(3, activation=Uniform(0, 1)))),
        errors.UnknownNameError,
        "unknown activation 0.5",
    ),
    "without content": (lambda: Uniform(1, 1), errors.ArgumentError, "is empty"),
    "reversed": (lambda: Uniform(2, 1), errors.ArgumentError, r"reversed: write Uniform\(1, 2\)"),
    "with log of zero": (lambda: LogUniform(0, 1), errors.ArgumentError, "which has no logarithm"),
    "in a layer that computes with it": (
        lambda: Doubling(Uniform(0.1, 1)),
        errors.OpenRangeError,
        r"Uniform\(0.1, 1\) stands where",
    ),
    # arguments
    "monitor misspelt": (
        lambda: quick(monitor="val_los", validation_split=0.2),
        errors.UnknownNameError,
        "did you mean 'val_loss'",
    ),
    "metric misspelt": (
        lambda: quick(model(metrics=["mae"]), monitor="val_mae"),
        errors.UnknownNameError,
        "did you mean 'mae'",
    ),
    "rule's monitor misspelt": (
        lambda: quick(callbacks=[EarlyStopping("los")]),
        errors.UnknownNameError,
        "did you mean 'loss'",
    ),
    "mode unknown": (lambda: quick(mode="maximum"), errors.UnknownNameError, "mode of search .* did you mean 'max'"),
    "no trials": (
        lambda: quick(trials=0),
        errors.ArgumentError,
        "trials of search must be a whole number of at least 1 or None, and is 0",
    ),
    "half a trial": (lambda: quick(trials=1.5), errors.ArgumentError, "trials .* 1.5"),
    "a true trial": (lambda: quick(trials=True), errors.ArgumentError, "trials .* True"),
    "no epochs": (
        lambda: quick(epochs=0),
        errors.ArgumentError,
        "epochs of search must be a whole number of at least 1",
    ),
    "no repeats": (lambda: quick(repeats=0), errors.ArgumentError, "repeats .* at least 1"),
    "keep less than nothing": (lambda: quick(keep=-1), errors.ArgumentError, "keep .* at least 1, and is -1"),
    "one fold": (lambda: quick(folds=1), errors.ArgumentError, "folds .* at least 2 or None, and is 1"),
    "more folds than rows": (lambda: quick(folds=21), errors.ArgumentError, "number of rows, 20, and is 21"),
    "folds and a split": (
        lambda: quick(folds=3, validation_split=0.2),
        errors.ArgumentError,
        "folds validate on rows of x: leave out",
    ),
    "folds and data": (lambda: quick(folds=3, validation_data=(X, Y)), errors.ArgumentError, "leave out"),
    "a seed that is a word": (lambda: quick(seed="one"), errors.ArgumentError, "seed .* 'one'"),
    "a seed below zero": (lambda: quick(seed=-1), errors.ArgumentError, "seed .* at least 0"),
    "verbose": (lambda: quick(verbose=7), errors.ArgumentError, "verbose of search must be .* and is 7"),
    "batches of nothing": (lambda: quick(batch_size=0), errors.ArgumentError, "batch_size .* 0"),
    "validated too seldom": (
        lambda: quick(validation_freq=3, validation_split=0.2),
        errors.ArgumentError,
        "validation_freq=3 validates first after 3",
    ),
    "judged before validated": (
        lambda: quick(strategy=Halving(2), epochs=4, trials=4, validation_freq=2, validation_split=0.2),
        errors.ArgumentError,
        r"Halving\(2\) judges trials after 1 epochs by val_loss",
    ),
    "strategy unknown": (lambda: quick(strategy="halvin"), errors.UnknownNameError, "did you mean 'halving'"),
    "strategy no strategy": (lambda: quick(strategy=3), errors.ArgumentError, "a strategy is a name like"),
    "strategy of bad numbers": (
        lambda: quick(strategy=PopulationBased(share=2)),
        errors.ArgumentError,
        "share was given as 2",
    ),
    # the model and the data
    "not compiled": (
        lambda: quick(Sequential([Dense(1)])),
        errors.NotCompiledError,
        r"call model.compile\(.*\) before search",
    ),
    "no model": (lambda: quick("model"), errors.ArgumentError, "takes a compiled model, and was given 'model'"),
    "a stream": (lambda: quick(x=batches(), y=None), errors.ArgumentError, "arrays that fit in memory"),
    "no x": (lambda: quick(x=None), errors.ArgumentError, "search needs x"),
    "no y": (lambda: quick(y=None), errors.ArgumentError, "y is missing"),
    "NaN in x": (lambda: quick(x=with_nan()), errors.DataError, "x holds nan in column 2, first in row 7"),
    "a label too many": (
        lambda: quick(model(Dense(2, "softmax"), loss="sparse_categorical_crossentropy"), y=LABELS),
        errors.DataError,
        r"row 2 holds 2; the last layer has 2 units",
    ),
    # callbacks
    "a callback at every epoch": (
        lambda: quick(callbacks=[EveryEpoch()]),
        errors.ArgumentError,
        'EveryEpoch wants the model at every epoch.*declare `pace = "run"`',
    ),
    "checkpoints": (
        lambda: quick(callbacks=[ModelCheckpoint("x.caviar")]),
        errors.ArgumentError,
        "the study itself keeps the best",
    ),
    "rates by hand": (
        lambda: quick(callbacks=[LearningRateScheduler(lambda epoch: 0.1)]),
        errors.ArgumentError,
        "learning rates change by a schedule",
    ),
    "no callback": (lambda: quick(callbacks=[3]), errors.ArgumentError, "Callback objects, not 3"),
}


@pytest.mark.parametrize("case", SEARCH)
def test_a_search_is_refused_before_anything_compiles(case: str, tmp_path: Path, monkeypatch: Any) -> None:
    attempt, kind, words = SEARCH[case]
    monkeypatch.chdir(tmp_path)
    with compiles() as count, pytest.raises(errors.CaviarError) as caught:
        attempt()
    assert type(caught.value) is kind
    assert re.search(words, str(caught.value)), str(caught.value)
    assert count() == 0


OPEN: dict[str, Callable[[Any], Any]] = {
    "fit": lambda made: made.fit(X, Y),
    "evaluate": lambda made: made.evaluate(X, Y),
    "predict": lambda made: made.predict(X),
    "train_on_batch": lambda made: made.train_on_batch(X, Y),
    "test_on_batch": lambda made: made.test_on_batch(X, Y),
}


@pytest.mark.parametrize("method", OPEN)
@pytest.mark.parametrize(
    ("made", "names"),
    [
        (lambda: model(), "1 open range: learning_rate = LogUniform"),
        (lambda: model(Dense(IntUniform(3, 9)), Dense(1)), "2 open ranges: dense.units = IntUniform.*learning_rate"),
    ],
)
def test_a_model_with_open_ranges_is_sent_to_search(method: str, made: Callable[[], Any], names: str) -> None:
    with compiles() as count, pytest.raises(errors.OpenRangeError, match=rf"{names}.*caviar.search\(model"):
        OPEN[method](made())
    assert count() == 0


def test_a_number_that_is_derived_too_early_is_told(tmp_path: Path) -> None:
    with pytest.raises(errors.OpenRangeError, match=r"derives from a range in __init__ or build.*derive it in `call`"):
        quick(model(Building(Uniform(0.1, 1)), Dense(1)), trials=5)
    assert len(quick(model(Building(0.5), Dense(1))).table()) == 3


def test_a_column_too_many() -> None:
    with pytest.raises(errors.ShapeError, match=r"\(batch, 4\).*\(20, 3\)"):
        quick(model(Dense(1, input_dim=4)))


# -- trials that fail alone -------------------------------------------------------------------------------------------

ALONE: dict[str, tuple[Callable[[], Any], Callable[[dict[str, Any]], bool], str]] = {
    "too few units for the labels": (
        lambda: quick(
            model(Dense(IntUniform(1, 4), "softmax"), loss="sparse_categorical_crossentropy"), y=LABELS, trials=9
        ),
        lambda row: row["dense.units"] < 3,
        "DataError.*labels",
    ),
    "outputs of another shape": (
        lambda: quick(model(Dense(IntUniform(2, 4))), y=X, trials=9),
        lambda row: row["dense.units"] != 3,
        "ShapeError: mean_squared_error",
    ),
    "batches of nothing": (
        lambda: quick(batch_size=Choice(0, 8), trials=6),
        lambda row: row["batch_size"] == 0,
        "batch_size must be",
    ),
    "one fold's worth": (
        lambda: quick(model(Dense(IntUniform(2, 4))), y=X, trials=5, repeats=2),
        lambda row: row["dense.units"] != 3,
        "ShapeError",
    ),
}


@pytest.mark.parametrize("case", ALONE)
def test_what_cannot_work_fails_alone(case: str) -> None:
    attempt, fails, words = ALONE[case]
    study = attempt()
    rows = study.table()
    assert {row["status"] == "failed" for row in rows} == {True, False}
    for row in rows:
        assert (row["status"] == "failed") == fails(row)
        assert row["epochs"] == (0 if fails(row) else 2)
        if fails(row):
            assert re.search(words, study._board.trials[row["trial"]].note)


def test_the_last_line_tells_why_a_trial_failed(capsys: pytest.CaptureFixture[str]) -> None:
    quick(model(Dense(IntUniform(2, 4))), y=X, trials=9, verbose=2)
    assert re.search(r"6 failed \(trial \d: ShapeError: .*\) - best loss", capsys.readouterr().out.splitlines()[-1])


def test_if_nothing_works_the_reason_is_raised() -> None:
    with pytest.raises(errors.ShapeError, match="mean_squared_error"):
        quick(model(Dense(IntUniform(4, 5))), y=X)


# -- files ------------------------------------------------------------------------------------------------------------


def content(path: Path) -> bytes:
    return path.read_bytes()


OTHERS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "fewer trials": (lambda path: quick(path=path, trials=2), "trials was 3 and is 2"),
    "more epochs": (lambda path: quick(path=path, epochs=4), "epochs was 2 and is 4"),
    "another seed": (lambda path: quick(path=path, seed=1), "seed was 0 and is 1"),
    "another strategy": (lambda path: quick(path=path, strategy="sobol"), "strategy was .*Full.* and is .*sobol"),
    "other data": (lambda path: quick(path=path, x=X + 1), "data was .* and is"),
    "other labels": (lambda path: quick(path=path, y=Y + 1), "data was .* and is"),
    "other validation": (lambda path: quick(path=path, validation_data=(X, Y)), "validation was null and is"),
    "another model": (lambda path: quick(model(Dense(5), Dense(1)), path=path), r"model was .*Dense\(4\).* and is .*"),
    "another range": (
        lambda path: quick(model(optimizer=SGD(LogUniform(1e-3, 1))), path=path),
        r"hyperparameters was .*LogUniform\(0.001, 0.1\)",
    ),
    "another loss": (lambda path: quick(model(loss="mae"), path=path), "compile was .*mse.* and is .*mae"),
}


@pytest.mark.parametrize("case", OTHERS)
def test_another_search_in_the_same_file(case: str, tmp_path: Path) -> None:
    attempt, words = OTHERS[case]
    study = quick(path=tmp_path / "x.study")
    before = content(tmp_path / "x.study")
    with pytest.raises(errors.FileError, match=f"holds another search: .*({words})"):
        attempt(tmp_path / "x.study")
    assert content(tmp_path / "x.study") == before
    assert quick(path=tmp_path / "x.study").table() == study.table()


def test_another_model_of_the_same_layers_with_other_weights(tmp_path: Path) -> None:
    def given(weight: float) -> Sequential:
        base = Sequential([Dense(4, input_dim=3)])
        base.set_weights([np.full((3, 4), weight), np.ones(4)])
        return model(base, Dense(1))

    quick(given(1.0), path=tmp_path / "x.study")
    quick(given(1.0), path=tmp_path / "x.study")
    with pytest.raises(errors.FileError, match="weights was"):
        quick(given(2.0), path=tmp_path / "x.study")


def test_another_precision(tmp_path: Path) -> None:
    quick(path=tmp_path / "x.study")
    with caviar.config.precision("float64"), pytest.raises(errors.FileError, match=r"precision was .*float32"):
        quick(path=tmp_path / "x.study")


def of_another_version(path: Path) -> None:
    quick(path=path).close()
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()


def truncated(path: Path) -> None:
    quick(path=path).close()
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def altered(path: Path) -> None:
    quick(path=path).close()
    with sqlite3.connect(path) as database:
        database.execute("UPDATE trials SET status = '\"running\"'")
    database.close()


def other_database(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE friends (name TEXT)")
    database.close()


FILES: dict[str, tuple[Callable[[Path], Any], str]] = {
    "text": (lambda path: path.write_text("my notes\n" * 500), "not a study, nor any SQLite file"),
    "another database": (other_database, "not a study of caviar"),
    "another version": (of_another_version, "has format 99; .* reads format 1"),
    "truncated": (truncated, "damaged or truncated"),
    "altered": (altered, "damaged or truncated .*altered"),
    "a folder": (lambda path: path.mkdir(), "is a folder"),
}


@pytest.mark.parametrize("case", FILES)
def test_a_file_that_is_no_study_is_left_as_it_is(case: str, tmp_path: Path) -> None:
    path = tmp_path / "x.study"
    make, words = FILES[case]
    make(path)
    before = None if path.is_dir() else content(path)
    for attempt in (lambda: quick(path=path), lambda: caviar.load_study(path)):
        with pytest.raises(errors.FileError, match=words):
            attempt()
    assert (None if path.is_dir() else content(path)) == before


def test_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(errors.FileError, match=r"the folder .* does not exist: make it first"):
        quick(path=tmp_path / "nowhere" / "x.study")


def test_a_search_that_could_not_begin_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(errors.ShapeError):
        quick(model(Dense(IntUniform(4, 5))), y=X, path=tmp_path / "x.study")
    assert list(tmp_path.iterdir()) == []
    assert quick(path=tmp_path / "x.study").table()


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file holds everything up to its last commit, and the same call goes on when there is room."""
    path, begin, commits = tmp_path / "x.study", StudyFile._begin, iter(range(100))
    monkeypatch.setattr(driver, "SECONDS_BETWEEN_COMMITS", 0)
    monkeypatch.setattr(driver, "COMMIT_SHARE", 1e9)
    monkeypatch.setattr(Clock, "amount", lambda *_: (1, 1))

    def narrow(self: StudyFile, database: sqlite3.Connection, *before: str) -> None:
        begin(self, database, *before)
        if next(commits) >= 4:
            database.execute("PRAGMA max_page_count = 1")  # none beyond those it has

    given: dict[str, Any] = {"trials": 6, "epochs": 6, "path": path}
    with monkeypatch.context() as patch:
        patch.setattr(StudyFile, "_begin", narrow)
        with pytest.raises(errors.FileError, match=r"could not be written, .* last commit: .*full"):
            quick(**given)
    assert caviar.load_study(path).interrupted
    assert quick(**given).table() == quick(**{**given, "path": None}).table()


# -- where a search may run -------------------------------------------------------------------------------------------


def test_in_a_thread() -> None:
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(quick().table()))
    thread.start()
    thread.join()
    assert found == [quick().table()]


def test_integers_stay_integers() -> None:
    made = model(Embedding(5, IntUniform(2, 3)), caviar.layers.Flatten(), Dense(1))
    study = quick(made, x=np.arange(20).reshape(20, 1) % 5)
    assert {row["status"] for row in study.table()} == {"finished"}


def test_a_study_is_asked_for_what_it_has(tmp_path: Path) -> None:
    model = Sequential([Dense(1)])
    model.compile(SGD(LogUniform(1e-3, 1e-1)), "mse")
    x = np.ones((8, 1), np.float32)
    study = search(model, x, x, trials=2, seed=0, verbose=0)
    for number in (2, -1, "0", 0.0, None, True):
        for asked in (study.model, study.untrained, *([study.curves] if number is not None else [])):
            with pytest.raises(errors.ArgumentError, match=r"there is no trial .*: they are numbered 0 to 1"):
                asked(number)
        with pytest.raises(errors.ArgumentError, match=r"there is no copy .*: they are numbered 0 to 0"):
            study.curves(0, 1 if number is None else number)
    for count in (0, -1, "a", 1.0, True):
        with pytest.raises(errors.ArgumentError, match="count must be a whole number of at least 1"):
            study.ensemble(count)
        with pytest.raises(errors.ArgumentError, match="count must be a whole number of at least 1"):
            study.table().best(count)
    for wrong in ({"monitor": ""}, {"validation_batch_size": 0, "validation_data": (x, x)}):
        with pytest.raises(errors.CaviarError):
            search(model, x, x, trials=2, verbose=0, **wrong)
