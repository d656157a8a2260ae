"""A chain of kills, in the middle of writing too, ends as if there had been none: files, history and weights."""

from __future__ import annotations

import builtins
import importlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import caviar
from caviar import callbacks, files, optimizers
from caviar.layers import Dense, Dropout
from caviar.models import Sequential

accumulator = importlib.import_module("tensorboard.backend.event_processing.event_accumulator")
tensor_util = importlib.import_module("tensorboard.util.tensor_util")

X = np.random.default_rng(0).normal(size=(20, 3)).astype("float32")
Y = X[:, :1] * 2 + 1
ROUNDS = 5


class Killed(BaseException):
    """What nothing catches."""


class Kills:
    """Kills at the n-th operation on a file: before it, or in the middle of it."""

    def __init__(self) -> None:
        self.left = -1

    def due(self) -> bool:
        self.left -= 1
        return self.left == 0

    def replace(self, *names: Any) -> None:
        if self.due():
            raise Killed
        REPLACE(*names)
        if self.due():
            raise Killed

    def open(self, *args: Any, **kwargs: Any) -> Any:
        file = builtins.open(*args, **kwargs)  # noqa: SIM115
        return Half(self, file) if args[1] == "ab" else file


class Half:
    """A file in which a line ends in the middle."""

    def __init__(self, kills: Kills, file: Any):
        self.kills, self.file = kills, file

    def write(self, content: Any) -> int:
        if self.kills.due():
            self.file.write(content[: len(content) // 2])
            raise Killed
        return self.file.write(content)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)

    def __enter__(self) -> Half:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()


REPLACE = os.replace


@pytest.fixture
def kills(monkeypatch: pytest.MonkeyPatch) -> Iterator[Kills]:
    found = Kills()
    monkeypatch.setattr(os, "replace", found.replace)
    monkeypatch.setattr(files, "open", found.open, raising=False)
    return found


class Counts(callbacks.Callback):
    """A callback of a user's own, with a state, that changes a weight and a number, and stops the training."""

    def __init__(self) -> None:
        self.heard: list[Any] = []

    def get_state(self) -> dict[str, Any]:
        return {"heard": list(self.heard), "last": np.float32(len(self.heard))}

    def set_state(self, state: dict[str, Any]) -> None:
        self.heard = state["heard"]
        assert state["last"] == len(self.heard)

    def on_train_begin(self, logs: Any = None) -> None:
        self.heard = []

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.heard.append((epoch, logs["loss"]))
        bias = self.model.variables[1]
        bias.assign(bias.value * 0.5)
        self.model.controls["drop.rate"] = 0.1 + epoch / 10
        self.model.stop_training = epoch == ROUNDS - 1


def train(folder: Path, save_freq: str | int, turned: bool, append: bool) -> tuple[Any, ...]:
    """The same `fit` with callbacks of every kind, as a script does it that is run again after a kill."""
    caviar.config.set_random_seed(0)
    layers = [Dense(4, "tanh", name="first"), Dropout(0.2, name="drop"), Dense(1, name="last")]
    model = Sequential(layers, name="model")
    model.compile(optimizers.Adam(0.05), "mse", metrics=["mae"])
    counts = Counts()
    listed = [
        callbacks.BackupAndRestore(folder / "backup", save_freq),
        counts,
        callbacks.ModelCheckpoint(folder / "best.caviar", "loss", save_best_only=True),
        callbacks.ModelCheckpoint(folder / "{epoch}-{batch}.caviar", save_freq=2, save_weights_only=True),
        callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.9),
        callbacks.CSVLogger(folder / "log.csv", append=append),
        callbacks.TensorBoard(folder / "board", histogram_freq=2, update_freq=3),
        callbacks.EarlyStopping("loss", patience=9, restore_best_weights=True),
    ]
    history = model.fit(X, Y, 4, ROUNDS + 3, 0, listed[::-1] if turned else listed, validation_split=0.2)
    return history.epoch, history.history, counts.heard, [w.tolist() for w in model.get_weights()]


def left_behind(folder: Path) -> dict[str, Any]:
    """The files, byte for byte; of event files every step of every curve, since they hold the time."""
    found: dict[str, Any] = {}
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        if "tfevents" not in path.name:
            found[str(path.relative_to(folder))] = path.read_bytes()
    for part in sorted((folder / "board").iterdir()):
        read = accumulator.EventAccumulator(str(part), {accumulator.TENSORS: 0}, purge_orphaned_data=False).Reload()
        for tag in read.Tags()["tensors"]:
            values = [(e.step, tensor_util.make_ndarray(e.tensor_proto).tolist()) for e in read.Tensors(tag)]
            found[f"{part.name} {tag}"] = values
    return found


@pytest.mark.parametrize("append", [False, True], ids=["anew", "appended"])
@pytest.mark.parametrize(("save_freq", "turned"), [("epoch", False), ("epoch", True), (2, False), (3, True)], ids=str)
def test_kills_leave_no_trace(kills: Kills, tmp_path: Path, save_freq: str | int, turned: bool, append: bool) -> None:
    for name in ("whole", "killed"):
        (tmp_path / name).mkdir()
        if append:
            (tmp_path / name / "log.csv").write_text("epoch,loss,mae\n7,0.5,0.5\n")
    expected = train(tmp_path / "whole", save_freq, turned, append)
    draws, count = np.random.default_rng(0), 0
    while True:
        kills.left = int(draws.integers(1, 20))
        try:
            found = train(tmp_path / "killed", save_freq, turned, append)
            break
        except Killed:
            count += 1
    kills.left = -1
    assert count >= 3
    assert found == expected
    assert left_behind(tmp_path / "killed") == left_behind(tmp_path / "whole")


class Batches:
    """Batches that begin anew whenever they are asked for."""

    def __iter__(self) -> Iterator[Any]:
        return ((X[i : i + 4], Y[i : i + 4]) for i in range(0, 20, 4))


def endless() -> Iterator[Any]:
    while True:
        yield from ((X[i : i + 3], Y[i : i + 3]) for i in range(0, 18, 3))


@pytest.mark.parametrize(("stream", "steps"), [(Batches, None), (endless, 4)])
@pytest.mark.parametrize("save_freq", ["epoch", 3])
def test_a_stream_goes_on_where_it_was(
    kills: Kills, tmp_path: Path, stream: Any, steps: int | None, save_freq: str | int
) -> None:
    def fit(name: str) -> Any:
        caviar.config.set_random_seed(0)
        model = Sequential([Dense(4, "tanh", name="first"), Dropout(0.2, name="drop"), Dense(1, name="last")])
        model.compile(optimizers.Adam(0.05), "mse")
        backup = callbacks.BackupAndRestore(tmp_path / name, save_freq)
        history = model.fit(stream(), epochs=5, steps_per_epoch=steps, verbose=0, callbacks=[backup])
        return history.history, [w.tolist() for w in model.get_weights()]

    expected = fit("whole")
    for left in (6, 3):
        kills.left = left
        with pytest.raises(Killed):
            fit("killed")
    kills.left = -1
    assert fit("killed") == expected
