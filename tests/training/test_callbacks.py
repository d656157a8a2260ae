"""Callbacks on the host: what they leave behind."""

from __future__ import annotations

import csv
import importlib
import json
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from caviar import files
from caviar.callbacks import (
    BackupAndRestore,
    Callback,
    CallbackList,
    CSVLogger,
    History,
    LambdaCallback,
    LearningRateScheduler,
    ModelCheckpoint,
    TensorBoard,
)
from caviar.errors import ArgumentError, FileError, UnknownNameError
from caviar.models.as_json import Reader, Writer

LOGS = [{"loss": 1 / (e + 1), "val_loss": abs(e - 2) + 0.5, "val_accuracy": e / 10} for e in range(5)]
NAMES = list(LOGS[0])


class Weight:
    def __init__(self, path: str, value: np.ndarray):
        self.path = path
        self.value = value

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return np.asarray(self.value, dtype)


class Model:
    """What a callback sees of a model."""

    def __init__(self) -> None:
        self.history: Any = None
        self.controls = {"learning_rate": 0.125}
        self.variables = [Weight("dense/kernel", np.arange(12.0).reshape(4, 3)), Weight("dense/bias", np.zeros(3))]
        self.restored: list[str] = []
        self.training_under_way = SimpleNamespace(is_midway=True)

    def save(self, path: str) -> None:
        Path(path).write_text("model")

    def save_weights(self, path: str) -> None:
        Path(path).write_text("weights")

    def save_run(self, path: str) -> None:
        Path(path).write_text("run")

    def restore_run(self, path: str) -> None:
        self.restored.append(Path(path).read_text())

    def summary(self, print_fn: Callable[[str], None]) -> None:
        print_fn("Dense  12\nDense  3")


def train(
    callback: Callback | list[Callback], logs: list[dict[str, float]] = LOGS, steps: int = 0, end: bool = True
) -> Model:
    """Call the hooks as the loop does."""
    model = Model()
    every = CallbackList(callback, model, {"epochs": len(logs), "steps": steps or 22, "verbose": 0})
    every.check(NAMES)
    every.on_train_begin()
    for epoch, each in enumerate(logs):
        every.on_epoch_begin(epoch)
        for batch in range(steps):
            every.on_train_batch_begin(batch)
            every.on_train_batch_end(batch, dict(each))
        every.on_epoch_end(epoch, dict(each))
    if end:
        every.on_train_end(logs[-1])
    return model


# History and CSVLogger


def test_history() -> None:
    history = History()
    model = train(history)
    assert model.history is history
    assert history.epoch == [0, 1, 2, 3, 4]
    assert history.history == {name: [logs[name] for logs in LOGS] for name in NAMES}


def test_a_validation_now_and_then_leaves_shorter_lists() -> None:
    history = History()
    train(history, [{"loss": 1.0}, {"loss": 0.5, "val_loss": 0.25}])
    assert history.history == {"loss": [1.0, 0.5], "val_loss": [0.25]}


def test_csv(tmp_path: Path) -> None:
    train(CSVLogger(tmp_path / "deep" / "log.csv"))
    with (tmp_path / "deep" / "log.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["epoch", "loss", "val_accuracy", "val_loss"]
    assert [{k: float(v) for k, v in row.items()} for row in rows] == [
        {"epoch": e, **logs} for e, logs in enumerate(LOGS)
    ]


def test_csv_keeps_a_column_for_a_validation_that_comes_later(tmp_path: Path) -> None:
    train(CSVLogger(tmp_path / "log.csv", separator=";"), [{"loss": 1.0}, {"loss": 0.5, "val_loss": 0.25}])
    assert (tmp_path / "log.csv").read_text() == "epoch;loss;val_accuracy;val_loss\n0;1.0;NA;NA\n1;0.5;NA;0.25\n"


@pytest.mark.parametrize("append", [True, False])
def test_csv_appends_or_begins_anew(tmp_path: Path, append: bool) -> None:
    for _ in range(2):
        train(CSVLogger(tmp_path / "log.csv", append=append), [{"loss": 0.5}])
    row = "0,0.5,NA,NA\n"
    assert (tmp_path / "log.csv").read_text() == "epoch,loss,val_accuracy,val_loss\n" + row * (2 if append else 1)


def test_csv_appends_in_the_columns_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("epoch,val_loss,loss\n")
    train(CSVLogger(tmp_path / "log.csv", append=True), [{"loss": 0.5, "val_loss": 0.25, "val_accuracy": 1.0}])
    assert (tmp_path / "log.csv").read_text() == "epoch,val_loss,loss\n0,0.25,0.5\n"


def test_csv_has_each_line_at_once(tmp_path: Path) -> None:
    logger = CSVLogger(tmp_path / "log.csv")
    logger.on_train_begin()
    for epoch in range(3):
        logger.on_epoch_end(epoch, {"loss": 0.5})
        assert len((tmp_path / "log.csv").read_text().splitlines()) == epoch + 2


# LambdaCallback and LearningRateScheduler


def test_lambda_callback() -> None:
    calls: list[Any] = []
    train(
        LambdaCallback(
            on_train_begin=lambda logs=None: calls.append("begin"),
            on_epoch_end=lambda epoch, logs: calls.append((epoch, logs["loss"])),
            on_train_end=lambda logs: calls.append("end"),
        )
    )
    assert calls == ["begin", *[(e, logs["loss"]) for e, logs in enumerate(LOGS)], "end"]


def test_lambda_callback_refuses_an_unknown_hook() -> None:
    with pytest.raises(UnknownNameError, match=r"did you mean 'on_test_end'\?"):
        LambdaCallback(on_tests_end=print)


SCHEDULES: dict[str, tuple[Callable[..., Any], list[float]]] = {
    "of the epoch": (lambda epoch: 1.0 / (epoch + 1), [1.0, 1 / 2, 1 / 3, 1 / 4, 1 / 5]),
    "of both": (lambda epoch, lr: lr / 2, [1 / 16, 1 / 32, 1 / 64, 1 / 128, 1 / 256]),
    "an int": (lambda epoch: 1, [1.0] * 5),
    "an array": (lambda epoch: np.float32(0.5), [0.5] * 5),
}


@pytest.mark.parametrize(("schedule", "rates"), SCHEDULES.values(), ids=SCHEDULES)
def test_learning_rate_scheduler(schedule: Callable[..., Any], rates: list[float]) -> None:
    history = History()
    model = train([LearningRateScheduler(schedule), history])
    assert history.history["learning_rate"] == rates
    assert model.controls["learning_rate"] == rates[-1]


def test_learning_rate_scheduler_tells(capsys: pytest.CaptureFixture[str]) -> None:
    train(LearningRateScheduler(lambda epoch: 0.5, verbose=1), LOGS[:1])
    assert capsys.readouterr().out == "\nEpoch 1: LearningRateScheduler setting learning rate to 0.5.\n"


@pytest.mark.parametrize("given", [None, "fast", float("nan"), float("inf")])
def test_a_schedule_that_gives_no_rate_is_refused(given: Any) -> None:
    with pytest.raises(ArgumentError, match="for epoch 0, not a learning rate"):
        train(LearningRateScheduler(lambda epoch: given))


def test_an_error_inside_a_schedule_is_seen() -> None:
    with pytest.raises(TypeError, match="NoneType"):
        train(LearningRateScheduler(lambda epoch, lr: None + lr))


# ModelCheckpoint


@pytest.mark.parametrize(
    ("options", "files"),
    [
        ({}, ["1", "2", "3", "4", "5"]),
        ({"save_best_only": True}, ["1", "2", "3"]),
        ({"save_best_only": True, "mode": "max"}, ["1"]),
        ({"save_best_only": True, "monitor": "val_accuracy"}, ["1", "2", "3", "4", "5"]),
        ({"save_best_only": True, "initial_value_threshold": 1.0}, ["3"]),
        ({"save_best_only": True, "monitor": "val_accuracy", "initial_value_threshold": 0.25}, ["4", "5"]),
    ],
)
def test_checkpoints(tmp_path: Path, options: dict[str, Any], files: list[str]) -> None:
    train(ModelCheckpoint(tmp_path / "deep" / "{epoch}", **options))
    assert sorted(p.name for p in (tmp_path / "deep").iterdir()) == files


def test_checkpoint_names(tmp_path: Path) -> None:
    train(ModelCheckpoint(str(tmp_path / "{epoch:02d}-{val_loss:.2f}.keras"), save_best_only=True))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["01-2.50.keras", "02-1.50.keras", "03-0.50.keras"]


@pytest.mark.parametrize("weights", [True, False])
def test_what_a_checkpoint_holds(tmp_path: Path, weights: bool) -> None:
    train(ModelCheckpoint(tmp_path / "saved", save_weights_only=weights))
    assert (tmp_path / "saved").read_text() == ("weights" if weights else "model")


def test_checkpoints_every_so_many_batches(tmp_path: Path) -> None:
    train(ModelCheckpoint(tmp_path / "{epoch}-{batch}", save_freq=4), LOGS[:3], steps=3)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["2-1", "3-2"]


def test_a_nan_is_never_the_best(tmp_path: Path) -> None:
    checkpoint = ModelCheckpoint(tmp_path / "{epoch}", save_best_only=True)
    train(checkpoint, [{"val_loss": float("nan")}, {"val_loss": 2.0}, {"val_loss": float("nan")}])
    assert [p.name for p in tmp_path.iterdir()] == ["2"]
    assert checkpoint.best == 2.0


@pytest.mark.parametrize("name", ["best", "{val_loss}"])
def test_epochs_without_validation_save_nothing_as_best(tmp_path: Path, name: str) -> None:
    train(ModelCheckpoint(tmp_path / name, save_best_only=True), [{"loss": 0.5}])
    assert list(tmp_path.iterdir()) == []


def test_a_checkpoint_tells(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "best.keras"
    train(ModelCheckpoint(path, save_best_only=True, verbose=1), LOGS[1:4])
    assert capsys.readouterr().out.splitlines() == [
        "",
        f"Epoch 1: val_loss improved from None to 1.50000, saving model to {path}",
        "",
        f"Epoch 2: val_loss improved from 1.50000 to 0.50000, saving model to {path}",
        "",
        "Epoch 3: val_loss did not improve from 0.50000",
    ]


REFUSED = [
    (
        ModelCheckpoint("x", monitor="val_los", save_best_only=True),
        r"unknown monitor 'val_los': did you mean 'val_loss'",
    ),
    (ModelCheckpoint("{epoch}-{val_los:.2f}"), r"unknown name in filepath 'val_los': did you mean 'val_loss'"),
    (ModelCheckpoint("{batch}"), r"unknown name in filepath 'batch'"),
    (ModelCheckpoint("{}"), r"unknown name in filepath ''"),
]


@pytest.mark.parametrize(("callback", "message"), REFUSED)
def test_mistakes_are_refused_before_training(callback: Callback, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        CallbackList(callback).check(NAMES)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ModelCheckpoint("x", mode="maximum"), "mode of ModelCheckpoint .* did you mean 'max'"),
        (
            lambda: ModelCheckpoint("x", save_freq="epochs"),
            "save_freq of ModelCheckpoint must be 'epoch' or a whole number",
        ),
        (lambda: BackupAndRestore("x", save_freq=0), "save_freq of BackupAndRestore .* is 0"),
        (lambda: TensorBoard(update_freq="batches"), "update_freq of TensorBoard .* did you mean 'batch'"),
    ],
)
def test_arguments_are_refused_where_they_are_given(make: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        make()


# BackupAndRestore


def test_a_training_that_ends_leaves_no_backup(tmp_path: Path) -> None:
    model = train(BackupAndRestore(tmp_path / "backup"))
    assert model.restored == []
    assert not (tmp_path / "backup").exists()


@pytest.mark.parametrize("save_freq", ["epoch", 3])
def test_a_training_that_was_killed_is_restored(tmp_path: Path, save_freq: str | int) -> None:
    train(BackupAndRestore(tmp_path, save_freq), steps=2, end=False)
    assert [p.name for p in tmp_path.iterdir()] == ["run.caviar"]
    assert train(BackupAndRestore(tmp_path, save_freq), steps=2).restored == ["run"]
    assert not tmp_path.exists()


def test_a_backup_may_be_kept_and_other_files_stay(tmp_path: Path) -> None:
    train(BackupAndRestore(tmp_path, delete_checkpoint=False))
    (tmp_path / "mine").write_text("")
    assert len(list(tmp_path.iterdir())) == 2
    train(BackupAndRestore(tmp_path))
    assert [p.name for p in tmp_path.iterdir()] == ["mine"]


def test_callbacks_go_on_where_they_were(tmp_path: Path) -> None:
    def fresh() -> tuple[History, ModelCheckpoint, CallbackList]:
        history, best = History(), ModelCheckpoint(tmp_path / "{epoch}", save_best_only=True)
        return history, best, CallbackList([history, Callback(), best], Model())

    _, _, before = fresh()
    for epoch in range(3):
        before.on_epoch_end(epoch, {name: np.float32(value) for name, value in LOGS[epoch].items()})
    history, best, after = fresh()
    after.set_state(Reader()(json.loads(json.dumps(Writer()(before.get_state())))))
    after.on_epoch_end(3, LOGS[3])
    assert history.epoch == [0, 1, 2, 3]
    assert len(history.history["val_loss"]) == 4
    assert best.best == 0.5
    assert sorted(p.name for p in tmp_path.iterdir()) == ["1", "2", "3"]


# TensorBoard


@pytest.fixture
def board(tmp_path: Path) -> Iterator[Callable[..., dict[str, list[tuple[int, Any]]]]]:
    """Trains with TensorBoard(**options), and reads what it wrote."""
    module = importlib.import_module("tensorboard.backend.event_processing.event_accumulator")
    tensor_util = importlib.import_module("tensorboard.util.tensor_util")

    def read(part: str, steps: int = 0, **options: Any) -> dict[str, list[tuple[int, Any]]]:
        train(TensorBoard(tmp_path, **options), steps=steps)
        found = module.EventAccumulator(str(tmp_path / part), size_guidance={module.TENSORS: 0}).Reload()
        return {
            tag: [(e.step, tensor_util.make_ndarray(e.tensor_proto)) for e in found.Tensors(tag)]
            for tag in found.Tags()["tensors"]
        }

    yield read
    files = sorted(p.parent.name for p in tmp_path.rglob("events.out.tfevents.*"))
    assert files == ["train", "validation"]


def test_tensorboard_curves(board: Callable[..., Any]) -> None:
    read = board("train", write_graph=False)
    assert set(read) == {"epoch_loss"}
    assert read["epoch_loss"] == [(e, np.float32(logs["loss"])) for e, logs in enumerate(LOGS)]


def test_tensorboard_validation(board: Callable[..., Any]) -> None:
    read = board("validation")
    assert read == {
        "epoch_loss": [(e, np.float32(logs["val_loss"])) for e, logs in enumerate(LOGS)],
        "epoch_accuracy": [(e, np.float32(logs["val_accuracy"])) for e, logs in enumerate(LOGS)],
    }


def test_tensorboard_model(board: Callable[..., Any]) -> None:
    ((_, text),) = board("train")["model"]
    assert text.item() == b"    Dense  12\n    Dense  3"


def test_tensorboard_weights(board: Callable[..., Any]) -> None:
    read = board("train", histogram_freq=2, write_images=True)
    assert {t for t in read if t.startswith("dense/")} == {
        f"dense/{weight}/{kind}" for weight in ("kernel", "bias") for kind in ("histogram", "image")
    }
    assert [step for step, _ in read["dense/kernel/histogram"]] == [0, 2, 4]
    _, rows = read["dense/kernel/histogram"][0]
    assert (rows[0, 0], rows[-1, 1], rows[:, 2].sum()) == (0.0, 11.0, 12)
    assert read["dense/kernel/image"][0][1][:2].tolist() == [b"4", b"3"]
    assert read["dense/bias/image"][0][1][:2].tolist() == [b"3", b"1"]


@pytest.mark.parametrize(("freq", "steps"), [("batch", list(range(1, 16))), (4, [4, 8, 12])])
def test_tensorboard_batches(board: Callable[..., Any], freq: str | int, steps: list[int]) -> None:
    read = board("train", steps=3, update_freq=freq)
    assert [step for step, _ in read["batch_loss"]] == steps


def test_tensorboard_steps_per_second(board: Callable[..., Any]) -> None:
    read = board("train", write_steps_per_second=True)
    assert len(read["epoch_steps_per_second"]) == 5
    assert all(rate > 0 for _, rate in read["epoch_steps_per_second"])


# A disk that fails


class Disk:
    """Full in epochs 1 and 2, or to the end."""

    full = False

    def write(self, *_: Any, **__: Any) -> Any:
        if self.full:
            raise OSError(28, "No space left on device")
        return open(*_, **__)


class Fills(Callback):
    def __init__(self, disk: Disk, full: tuple[int, ...]):
        self.disk, self.epochs_full = disk, full

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.disk.full = epoch in self.epochs_full


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    found = Disk()
    monkeypatch.setattr(files, "open", found.write, raising=False)
    return found


def test_a_full_disk_is_told_once_and_no_line_of_a_csv_is_lost(tmp_path: Path, disk: Disk) -> None:
    with pytest.warns(UserWarning, match=r"CSVLogger: .*log\.csv could not be written.*No space left.*goes on") as told:
        train([Fills(disk, (1, 2)), CSVLogger(tmp_path / "log.csv")])
    assert (len(told), told[0].filename) == (1, __file__)
    with (tmp_path / "log.csv").open(newline="") as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == ["0", "1", "2", "3", "4"]


def test_a_full_disk_leaves_a_gap_in_the_curves_and_whole_files(tmp_path: Path, disk: Disk) -> None:
    accumulator = importlib.import_module("tensorboard.backend.event_processing.event_accumulator")
    with pytest.warns(UserWarning, match="TensorBoard: .*No space left") as told:
        train([Fills(disk, (1, 2)), TensorBoard(tmp_path)])
    assert len(told) == 1
    read = accumulator.EventAccumulator(str(tmp_path / "train")).Reload()
    assert [e.step for e in read.Tensors("epoch_loss")] == [0, 3, 4]


@pytest.mark.parametrize("full", [(1, 2), (3, 4)], ids=["for a while", "to the end"])
def test_a_checkpoint_that_cannot_be_written_is_told_and_raises_at_the_end(
    tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch, full: tuple[int, ...]
) -> None:
    def save(self: Model, path: str) -> None:
        files.append(path, b"model")

    monkeypatch.setattr(Model, "save", save)
    checkpoint = ModelCheckpoint(tmp_path / "{epoch}", "val_accuracy", save_best_only=True)
    lost = pytest.raises(FileError, match="5 could not be written when it was due") if 4 in full else nullcontext()
    with pytest.warns(UserWarning, match="ModelCheckpoint: .*No space left") as told, lost:
        train([Fills(disk, full), checkpoint])
    assert len(told) == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == [str(e + 1) for e in range(5) if e not in full]
    assert checkpoint.best == (0.2 if full[-1] == 4 else 0.4)  # that of the file


@pytest.mark.parametrize("callback", [CSVLogger, TensorBoard, BackupAndRestore])
def test_a_place_where_nothing_can_be_written_is_told_before_training(tmp_path: Path, callback: Any) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match="could not be made"):
        train(callback(tmp_path / "file" / "below"))


def test_a_log_that_was_shortened_meanwhile_is_told(tmp_path: Path) -> None:
    first, again = CSVLogger(tmp_path / "log.csv"), CSVLogger(tmp_path / "log.csv")
    train(first, LOGS[:2], end=False)
    (tmp_path / "log.csv").write_text("")
    again.on_train_begin()
    again.set_state(first.get_state())
    with pytest.warns(UserWarning, match="lines are missing"):
        again.on_epoch_end(2, LOGS[2])
