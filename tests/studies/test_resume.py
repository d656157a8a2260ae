"""Killed at any moment, the same call resumes a search: no trial is lost or done twice, and the result is the same."""

from __future__ import annotations

import importlib.util
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from compiles import compiles

import caviar
from caviar import Choice, LogUniform, Sequential, errors, search
from caviar.callbacks import Callback, EarlyStopping
from caviar.layers import Dense, Dropout, Lambda
from caviar.optimizers import SGD, Adam
from caviar.studies import PopulationBased, driver
from caviar.training.clock import Clock

RNG = np.random.default_rng(0)
X = RNG.normal(size=(22, 3)).astype("float32")
Y = (X @ RNG.normal(size=(3, 1)) + 0.5 * RNG.normal(size=(22, 1))).astype("float32")


class Killed(BaseException):
    """As a kill, it goes through everything, and what was not committed is gone."""


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    commit_often(monkeypatch)


def commit_often(patch: pytest.MonkeyPatch) -> None:
    """Short dispatches, in the middle of epochs too, with a commit after each: many moments to be killed at."""
    patch.setattr(driver, "SECONDS_BETWEEN_COMMITS", 0)
    patch.setattr(driver, "COMMIT_SHARE", 1e9)
    patch.setattr(Clock, "amount", lambda *_: (2, 1))  # steps, and epochs at most


def one(optimizer: Any = None) -> Sequential:
    model = Sequential([Dense(2, activation="tanh"), Dense(1)])
    model.compile(optimizer or SGD(LogUniform(1e-4, 1e-1)), "mse")
    return model


def several() -> Sequential:
    """Several structures, one of which loses itself, and dropout, which draws random numbers."""
    model = Sequential([Dense(Choice(1, 3), activation="tanh"), Dropout(0.2), Dense(1)])
    model.compile(Choice(SGD(LogUniform(1e-3, 1e3)), Adam(LogUniform(1e-3, 1e-1))), "mse")
    return model


def stopping() -> dict[str, Any]:
    return {"callbacks": [EarlyStopping(patience=1)], "trials": 20, "epochs": 6}


SEARCHES: dict[str, tuple[Callable[[], Sequential], Callable[[], dict[str, Any]]]] = {
    "random": (one, dict),
    "early stopping": (one, stopping),
    "folds": (one, lambda: {"folds": 3, "validation_split": 0.0, "trials": 2}),
    "repeats": (several, lambda: {"repeats": 2, "trials": 2}),
    "several structures": (several, lambda: {"trials": 8}),
    "coarse to fine": (several, lambda: {"strategy": "coarse_to_fine", "trials": 9}),
    "halving": (several, lambda: {"strategy": "halving", "trials": 9, "epochs": 9}),
    "hyperband": (one, lambda: {**stopping(), "strategy": "hyperband", "trials": 12}),
    "population": (several, lambda: {"strategy": PopulationBased(1, share=0.5), "trials": 8, "epochs": 6}),
    "population that stops": (one, lambda: {**stopping(), "strategy": PopulationBased(1, share=0.5), "trials": 12}),
    "optuna": (several, lambda: {"strategy": caviar.studies.Full("optuna", batch=4), "trials": 8}),
}
if importlib.util.find_spec("optuna") is None:
    del SEARCHES["optuna"]


def started(kind: str, path: Any = None, **more: Any) -> caviar.Study:
    model, given = SEARCHES[kind][0](), SEARCHES[kind][1]()
    plain = {"trials": 4, "epochs": 4, "seed": 0, "verbose": 0, "validation_split": 0.2, "batch_size": 6, "keep": 3}
    return search(model, X, Y, path=path, **{**plain, **given, **more})


def whole(study: caviar.Study) -> list[Any]:
    """All that a study is, to be compared to the bit."""
    board = study._board
    curves = {m: {name: log.tobytes() for name, log in logs.items()} for m, logs in board.curves.items()}
    weights = {key: board.store.get("weights", key) for key in board.store.keys("weights")}
    return [repr(list(study.table())), curves, weights, board.trials]


@pytest.fixture(scope="module")
def reference() -> Callable[[str], list[Any]]:
    """What each search brings if nobody kills it."""
    known: dict[str, list[Any]] = {}

    def find(kind: str) -> list[Any]:
        if kind not in known:
            known[kind] = whole(started(kind))
        return known[kind]

    return find


def killed_at_commit(monkeypatch: pytest.MonkeyPatch, number: int, after: bool) -> None:
    """Let the process die just before its n-th commit, or just after it."""
    commit, count = driver.Driver._commit, iter(range(1, 10**6))

    def dying(self: driver.Driver) -> None:
        last = next(count) == number
        if after or not last:
            commit(self)
        if last:
            raise Killed

    monkeypatch.setattr(driver.Driver, "_commit", dying)


@pytest.mark.parametrize("kind", SEARCHES)
def test_killed_again_and_again(kind: str, reference: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected, study, kills = reference(kind), None, 0
    while study is None:
        with monkeypatch.context() as patch:
            killed_at_commit(patch, 3 + kills, after=kills % 2 == 0)
            try:
                study = started(kind, tmp_path / "x.study")
            except Killed:
                kills += 1
        assert kills < 200
    assert kills > 1
    assert whole(study) == expected


class Hearing(Callback):
    """Does something at the n-th epoch it hears of."""

    pace = "run"

    def __init__(self, number: int, act: Callable[[], None]):
        self.left, self.act = number, act

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.left -= 1
        if self.left == 0:
            self.act()


def interrupt() -> None:
    signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("number", [1, 7, 13])
def test_an_error_in_a_callback_loses_only_what_was_not_committed(number: int, reference: Any, tmp_path: Path) -> None:
    def fail() -> None:
        raise RuntimeError("the disk of the callback is full")

    with pytest.raises(RuntimeError, match="of the callback"):
        started("random", tmp_path / "x.study", callbacks=[Hearing(number, fail)])
    assert whole(started("random", tmp_path / "x.study")) == reference("random")


@pytest.mark.parametrize("kind", ["random", "halving", "population"])
def test_an_interrupt_ends_with_everything_so_far(kind: str, reference: Any, tmp_path: Path) -> None:
    before, path = signal.getsignal(signal.SIGINT), tmp_path / "x.study"
    study = started(kind, path, callbacks=[Hearing(12, interrupt)])
    assert study.interrupted
    assert len(study.table()) >= 4
    assert np.isfinite(study.best_value)
    assert signal.getsignal(signal.SIGINT) is before
    assert "running" in {row["status"] for row in study.table()}
    again = started(kind, path)  # while the first study is still looked at
    assert not again.interrupted
    assert whole(again) == reference(kind)


def test_a_second_interrupt_ends_at_once(reference: Any, tmp_path: Path) -> None:
    twice = [Hearing(7, lambda: (interrupt(), interrupt())[0])]
    with pytest.raises(KeyboardInterrupt):
        started("random", tmp_path / "x.study", callbacks=twice)
    assert whole(started("random", tmp_path / "x.study")) == reference("random")


def test_what_was_interrupted_in_memory_is_a_study_too() -> None:
    study = started("random", callbacks=[Hearing(3, interrupt)])
    assert study.interrupted
    assert study._board.store.keys("state") == []  # states are for going on, which needs a file
    assert started("random")._board.store.keys("state") == []


@pytest.mark.parametrize("kind", SEARCHES)
def test_a_finished_search_trains_and_compiles_nothing(kind: str, tmp_path: Path) -> None:
    first, heard = started(kind, tmp_path / "x.study"), Hearing(1, lambda: pytest.fail("it trained"))
    with compiles() as count:
        again = started(
            kind, tmp_path / "x.study", **({} if "callbacks" in SEARCHES[kind][1]() else {"callbacks": [heard]})
        )
    assert count() == 0
    assert whole(again) == whole(first)
    assert first._board.store.keys("state") == []
    expected = first.best_model.predict(X, verbose=0)
    assert (again.best_model.predict(X, verbose=0) == expected).all()


# -- other processes --------------------------------------------------------------------------------------------------

CHILD = """
import sys
sys.path[:0] = sys.argv[1:3]
import pytest, test_resume as t
with pytest.MonkeyPatch.context() as patch:
    t.commit_often(patch)
    t.started("random", sys.argv[3], callbacks=[t.Telling()])
"""


class Telling(Callback):
    """Says that an epoch is over, and makes the search last."""

    pace = "run"

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        print("epoch", flush=True)
        time.sleep(0.02)


def child(path: Path) -> subprocess.Popen[str]:
    here = Path(__file__).parent
    command = [sys.executable, "-W", "error", "-c", CHILD, str(here.parent), str(here), str(path)]
    environment = {**os.environ, "PYTHONPATH": str(Path(caviar.__file__).parents[1])}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


def test_killed_by_the_system_and_read_meanwhile(reference: Any, tmp_path: Path) -> None:
    path, rng, seen, expected = tmp_path / "x.study", random.Random(0), [0], reference("random")
    for _ in range(3):
        with child(path) as process:
            assert process.stdout is not None
            for _ in range(rng.randint(2, 5)):
                assert process.stdout.readline() == "epoch\n"
            time.sleep(0.05 * rng.random())
            seen.append(epochs_in(path))
            process.kill()
    assert 0 < seen[-1] < 16
    assert seen == sorted(seen)
    with child(path) as process:
        told = process.communicate()[0]
    assert process.returncode == 0
    assert told.count("epoch") <= 16 - seen[-1]  # nothing that was committed is trained again
    assert whole(caviar.load_study(path)) == expected
    assert whole(started("random", path)) == expected


def epochs_in(path: Path) -> int:
    """How many epochs a study holds, while another process may be writing it."""
    study = caviar.load_study(path)
    assert study.interrupted
    assert len(study.table()) == len(study.curves())
    return sum(len(curve["loss"]) for curve in study._board.curves.values())


def test_two_processes_cannot_search_in_one_file(tmp_path: Path) -> None:
    path = tmp_path / "x.study"

    def second() -> None:
        started("random", path)

    with pytest.raises(errors.FileError, match="another process is working on this study"):
        started("random", path, callbacks=[Hearing(2, second)])
    assert started("random", path).table()


# -- without the model ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["early stopping", "folds", "several structures", "population"])
def test_a_study_is_opened_by_its_file_alone(kind: str, tmp_path: Path) -> None:
    study = started(kind, tmp_path / "x.study")
    loaded = caviar.load_study(tmp_path / "x.study")
    assert whole(loaded) == whole(study)
    assert not loaded.interrupted
    assert repr(loaded) == repr(study)
    assert loaded.best_values == study.best_values
    assert loaded.importance() == study.importance()
    for made in ("best_model", "ensemble"):
        models = [getattr(s, made) if made == "best_model" else s.ensemble(2) for s in (study, loaded)]
        expected, found = (model.predict(X, verbose=0) for model in models)
        assert (expected == found).all()
    assert loaded.best_model.evaluate(X, Y, verbose=0) == study.best_model.evaluate(X, Y, verbose=0)


def test_a_model_that_cannot_be_written_down_resumes_all_the_same(tmp_path: Path) -> None:
    def build() -> Sequential:
        model = Sequential([Lambda(lambda x: 2 * x), Dense(1)])
        model.compile(SGD(LogUniform(1e-4, 1e-1)), "mse")
        return model

    given: dict[str, Any] = {"trials": 4, "epochs": 4, "seed": 0, "verbose": 0}
    study = search(build(), X, Y, path=tmp_path / "x.study", callbacks=[Hearing(7, interrupt)], **given)
    assert study.interrupted
    with pytest.raises(errors.FileError, match=r"lambda.*cannot be saved.*call search again"):
        caviar.load_study(tmp_path / "x.study")
    assert whole(search(build(), X, Y, path=tmp_path / "x.study", **given)) == whole(search(build(), X, Y, **given))


# A study that is finished


def result(study: caviar.studies.Study) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in study.table()]


@pytest.mark.parametrize("strategy", ["random", "sobol", "halton", "optuna"])
def test_a_finished_study_grows_to_what_one_call_with_more_trials_gives(strategy: str, tmp_path: Path) -> None:
    pytest.importorskip("optuna") if strategy == "optuna" else None
    given = {"epochs": 2, "seed": 1, "strategy": caviar.studies.Full(strategy, batch=4), "verbose": 0}
    whole = search(one(), X, Y, trials=7, **given)
    for trials in (3, 5, 7):
        grown = search(one(), X, Y, trials=trials, path=tmp_path / "a.study", **given)
        assert len(grown.table()) == trials
    assert [row[:-1] for row in result(grown)] == [row[:-1] for row in result(whole)]
    values = [[row["loss"] for row in study.table()] for study in (grown, whole)]
    assert values[0] == pytest.approx(values[1], rel=1e-6)  # blocks of other sizes round otherwise
    assert grown.best_model.predict(X, verbose=0) == pytest.approx(whole.best_model.predict(X, verbose=0), rel=1e-4)
    again = caviar.load_study(tmp_path / "a.study")
    assert (result(again), again.interrupted) == (result(grown), False)


@pytest.mark.parametrize(
    ("strategy", "said"),
    [
        ("grid", "a search of 3 trials, and with more of them trial 1 would lie elsewhere: name another file"),
        ("halving", r"a search of 3 trials, and with 6 Halving\(\) would have treated those differently"),
    ],
)
def test_where_a_study_cannot_grow_it_says_so_and_stays(strategy: str, said: str, tmp_path: Path) -> None:
    given = {"epochs": 2, "seed": 1, "strategy": strategy, "verbose": 0, "path": tmp_path / "a.study"}
    before = result(search(one(), X, Y, trials=3, **given))
    with pytest.raises(errors.FileError, match=said):
        search(one(), X, Y, trials=6, **given)
    with pytest.raises(errors.FileError, match="trials was 3 and is 2"):
        search(one(), X, Y, trials=2, **given)
    assert result(search(one(), X, Y, trials=3, **given)) == before


def test_a_finished_study_that_is_opened_again_stays_as_it_is(tmp_path: Path) -> None:
    given = {"trials": 3, "epochs": 2, "seed": 1, "verbose": 0, "path": tmp_path / "a.study"}
    first = result(search(one(), X, Y, **given))
    assert result(search(one(), X, Y, **given)) == first
    loaded = caviar.load_study(tmp_path / "a.study")
    assert ([row["status"] for row in loaded.table()], loaded.interrupted) == (["finished"] * 3, False)


# Ctrl-C


class Interrupting(Callback):
    pace = "run"

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if epoch == 2 and logs and logs["trial"] == 0:
            signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("path", ["a.study", None])
def test_a_search_that_ctrl_c_ends_while_it_trains_has_its_best_model(path: str | None, tmp_path: Path) -> None:
    given = {
        "trials": 3,
        "epochs": 6,
        "seed": 1,
        "verbose": 0,
        "path": path and tmp_path / path,
        "validation_data": (X, Y),
    }
    study = search(one(), X, Y, callbacks=[Interrupting()], **given)
    assert study.interrupted
    assert study.best_model.evaluate(X, Y, verbose=0) == pytest.approx(study.best_value, rel=1e-5)
    if path:
        loaded = caviar.load_study(tmp_path / path)
        assert loaded.best_model.evaluate(X, Y, verbose=0) == pytest.approx(study.best_value, rel=1e-5)


COMPILING = """
import os, signal, sys, threading, time
import jax, jax.numpy as jnp, numpy as np
from caviar import LogUniform, Sequential, search
from caviar.layers import Dense, Lambda
from caviar.optimizers import SGD

def long(x):  # minutes for XLA, a second for Python
    for i in range(60):
        x = jnp.where(x.sum() > i, jnp.sin(x) @ jnp.eye(3) * 0.5, jnp.cumsum(x, 1) + i)
    return x

def press():
    print("pressed", time.time(), flush=True)
    os.kill(os.getpid(), signal.SIGINT)

def hear(event, seconds, **of):  # XLA begins with what has just been translated for it
    if event.endswith("jaxpr_to_mlir_module_duration") and "advance" in of["fun_name"]:
        threading.Timer(0.5, press).start()

jax.monitoring.register_event_duration_secs_listener(hear)
x = np.random.default_rng(0).normal(size=(22, 3)).astype("float32")
model = Sequential([Dense(3), Lambda(long), Dense(1)])
model.compile(SGD(LogUniform(1e-4, 1e-1) if sys.argv[1] == "search" else 0.01), "mse")
"""
SEARCHING = 'study = search(model, x, x[:, :1], trials=2, epochs=1, seed=1, path=sys.argv[2], verbose=0); print("ended", study.interrupted)'
FITTING = "model.fit(x, x[:, :1], verbose=0)"


@pytest.mark.parametrize(("what", "call"), [("search", SEARCHING), ("fit", FITTING)])
def test_ctrl_c_is_heard_while_xla_compiles_and_the_process_ends_soon(what: str, call: str, tmp_path: Path) -> None:
    path = tmp_path / "a.study"
    environment = {
        **os.environ,
        "CAVIAR_CACHE": "off",
        "XLA_FLAGS": "",
        "PYTHONPATH": str(Path(caviar.__file__).parents[1]),
    }
    process = subprocess.run(
        [sys.executable, "-c", COMPILING + call, what, str(path)],
        capture_output=True,
        text=True,
        env=environment,
        timeout=120,
    )
    waited = time.time() - float(process.stdout.split("pressed ")[1].split()[0])
    assert (process.returncode, "abort" in process.stderr.lower()) == (130, False), process.stderr
    assert waited < 10  # of many that it takes to compile; two or three on a machine that does nothing else
    if what == "search":
        assert "ended True" in process.stdout
        assert caviar.load_study(path, {"long": abs}).interrupted
    else:
        assert "KeyboardInterrupt" in process.stderr


@pytest.mark.parametrize("instead", [None, "somebody else's"])
def test_a_search_whose_file_is_lost_meanwhile_loses_nothing(instead: str | None, tmp_path: Path) -> None:
    path, given = tmp_path / "a.study", {"trials": 4, "epochs": 4, "seed": 1, "verbose": 0}

    class Losing(Callback):
        pace = "run"

        def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
            if epoch == 2 and logs and logs["trial"] == 0:
                path.unlink()
                if instead:
                    path.write_text(instead)

    whole = search(one(), X, Y, **given)
    with pytest.warns(UserWarning, match="was deleted, moved or replaced while it was written"):
        study = search(one(), X, Y, path=path, callbacks=[Losing()], **given)
    assert result(study) == result(whole)
    assert study.best_model.get_weights()[0].tolist() == whole.best_model.get_weights()[0].tolist()
    assert path.read_text() == instead if instead else result(caviar.load_study(path)) == result(whole)
