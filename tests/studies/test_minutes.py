"""A search of so many minutes ends in time, compiling included, with the best so far."""

from __future__ import annotations

import itertools
import re
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from caviar import Choice, LogUniform, Sequential, Uniform, load_study, search
from caviar.callbacks import Callback
from caviar.errors import ArgumentError
from caviar.layers import Dense
from caviar.optimizers import SGD
from caviar.studies import limits, searching
from caviar.studies.groups import Group

X = np.random.default_rng(0).normal(size=(22, 3)).astype("float32")
Y = X.sum(axis=1, keepdims=True)


class Clock:
    """A clock of which a test says how it goes."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    for module in (limits, searching):
        monkeypatch.setattr(module, "time", made)
    return made


class Second(Callback):
    """Every epoch of a trial takes a second."""

    pace = "run"

    def __init__(self, clock: Clock):
        super().__init__()
        self.clock, self.ended = clock, False

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.clock.now += 1

    def on_train_end(self, logs: Any = None) -> None:
        self.ended = True


def searched(layer: Dense | None = None, **given: Any) -> Any:
    model = Sequential([Dense(2) if layer is None else layer, Dense(1)])
    model.compile(SGD(LogUniform(1e-3, 1e-1)), "mse")
    return search(model, X, Y, **{"epochs": 3, "seed": 1, "verbose": 0, "validation_data": (X, Y), **given})


def statuses(study: Any) -> dict[str, int]:
    rows = study.table()
    return {s: sum(row["status"] == s for row in rows) for s in sorted({row["status"] for row in rows})}


def test_it_ends_in_time_with_the_best_so_far(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    heard = Second(clock)
    study = searched(trials=200, minutes=2.5, callbacks=[heard], verbose=2)
    found = statuses(study)
    assert set(found) >= {"finished", "not begun"}, "some trials are whole, and not all of them begun"
    assert found["finished"] >= 40
    assert clock.now < 150 + 40  # what one dispatch of a block adds at most
    assert study.best_model.evaluate(X, Y, verbose=0) == pytest.approx(study.best_value, rel=1e-5)
    assert (heard.ended, study.interrupted) == (True, False)
    assert f"{found['not begun']} not begun" in capsys.readouterr().out.splitlines()[-1]


def test_more_minutes_go_on_to_what_no_limit_gives(clock: Clock, tmp_path: Path) -> None:
    given = {"trials": 60, "path": tmp_path / "a.study", "callbacks": [Second(clock)]}
    first = searched(minutes=1, **given)
    assert "not begun" in statuses(first)
    assert not load_study(tmp_path / "a.study").interrupted
    first.close()
    began = clock.now
    same = searched(minutes=1, **given)
    assert (statuses(same), clock.now) == (statuses(first), began), "its time was over before"
    same.close()
    more = searched(minutes=9, **given)
    alone = searched(trials=60)
    assert statuses(more) == {"finished": 60}
    assert [row["val_loss"] for row in more.table()] == [row["val_loss"] for row in alone.table()]


STRATEGIES = ["random", "grid", "sobol", "halton", "optuna", "coarse_to_fine", "halving", "hyperband", "population"]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_without_trials_every_strategy_goes_on_until_the_time_is_over(strategy: str, clock: Clock) -> None:
    study = searched(strategy=strategy, minutes=8, callbacks=[Second(clock)])
    found = statuses(study)
    assert study.best_model.evaluate(X, Y, verbose=0) == pytest.approx(study.best_value, rel=1e-5)
    assert (found == {"finished": 100}) if strategy == "grid" else (clock.now >= 480 and sum(found.values()) > 100)
    points = [row["learning_rate"] for row in study.table()]
    assert strategy == "population" or len(set(points)) == len(points), "asked again, it has other trials"


def test_the_same_call_goes_on_with_the_same_courses(clock: Clock, tmp_path: Path) -> None:
    given = {"path": tmp_path / "a.study", "callbacks": [Second(clock)]}
    first = searched(minutes=6, **given)
    first.close()
    more = searched(minutes=12, **given)
    assert len(more.table()) > len(first.table())
    for before, after in zip(first.table(), more.table(), strict=False):
        assert before["learning_rate"] == after["learning_rate"]
        assert before["status"] != "finished" or before["val_loss"] == after["val_loss"]


def test_what_would_not_be_compiled_in_time_is_not_begun(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare = Group.prepare

    def slow(self: Group, *given: Any) -> None:
        with lock:
            clock.now += 40
            prepare(self, *given)

    lock = threading.Lock()
    monkeypatch.setattr(Group, "prepare", slow)
    monkeypatch.setattr("caviar.studies.population.devices", lambda: 1)
    monkeypatch.setattr("caviar.studies.population.time", clock)
    study = searched(Dense(Choice(2, 3)), trials=20, minutes=1, frames=0, seed=3)
    found = {(row["dense.units"], row["status"]) for row in study.table()}
    often = max((2, 3), key=lambda units: sum(row["dense.units"] == units for row in study.table()))
    assert found == {(often, "finished"), (5 - often, "not begun")}, "first what most trials need"


def test_what_is_still_compiled_when_the_time_is_over_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    ends, ticks = threading.Event(), itertools.count()
    monkeypatch.setattr(Group, "prepare", lambda self, *given: ends.wait(60))
    for module in (limits, searching):
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: next(ticks)))
    study = searched(trials=2, minutes=1)
    ends.set()
    assert statuses(study) == {"not begun": 2}


def test_too_little_time_is_told(clock: Clock) -> None:
    ticks = itertools.count()
    clock.monotonic = lambda: 0.1 * next(ticks)  # type: ignore[method-assign]
    study = searched(trials=2, minutes=1e-6)
    with pytest.raises(ArgumentError, match="the time was over before a first epoch ended"):
        study.best_model  # noqa: B018


@pytest.mark.parametrize("minutes", [0, -1, float("nan"), "1", Uniform(1, 2)])
def test_minutes_are_checked(minutes: Any) -> None:
    with pytest.raises(ArgumentError, match="minutes"):
        searched(minutes=minutes)


def test_progress_shows_the_time_left(
    clock: Clock, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("caviar.studies.driver.time", clock)
    searched(minutes=2, callbacks=[Second(clock)], verbose=2)
    assert re.search(r"epochs/s - 1m \d+s left", capsys.readouterr().out)
