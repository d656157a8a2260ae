"""Callbacks on the host: which hooks they have, when these are called, and how often training must wait for them."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from caviar import callbacks
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
from caviar.errors import ArgumentError


def hooks_of(cls: type) -> dict[str, list[str]]:
    return {n: list(inspect.signature(getattr(cls, n)).parameters) for n in dir(Callback) if n.startswith("on_")}


HOST = [c for c in vars(callbacks).values() if inspect.isclass(c) and issubclass(c, Callback)]


@pytest.mark.parametrize("cls", HOST)
def test_hooks_keep_keras_signatures_and_have_words(cls: type) -> None:
    assert hooks_of(cls) == hooks_of(Callback)
    assert cls.__doc__
    assert ">>>" in cls.__doc__


def test_the_public_names_are_exact() -> None:
    assert callbacks.__all__ == sorted(callbacks.__all__)
    assert set(callbacks.__all__) == {n for n, v in vars(callbacks).items() if inspect.isclass(v)}


class Rememberer(Callback):
    """Writes down every call."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    def __getattribute__(self, name: str) -> Any:
        if name.startswith("on_"):
            return lambda *args: self.calls.append((name, *args))
        return super().__getattribute__(name)


def test_a_list_forwards_every_hook() -> None:
    one, two = Rememberer(), Rememberer()
    every = CallbackList([one, two], "model", {"epochs": 3})
    for hook in hooks_of(Callback):
        if hook not in ("on_batch_begin", "on_batch_end"):
            args = (3, {"loss": 0.5}) if "batch" in hook or "epoch" in hook else ({"loss": 0.5},)
            getattr(every, hook)(*args)
            assert one.calls[-1] == two.calls[-1] == (hook, *args)
    assert (one.model, one.params) == ("model", {"epochs": 3})


def test_what_is_no_callback_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"not <class .*History'>: write History\(\)"):
        CallbackList([History])
    with pytest.raises(ArgumentError, match="not 3"):
        CallbackList([3])


class Nothing(Callback):
    pass


class AtTheEnd(Callback):
    def on_train_end(self, logs: Any = None) -> None: ...


class Epochs(Callback):
    def on_epoch_end(self, epoch: int, logs: Any = None) -> None: ...


class Batches(Callback):
    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None: ...


class OldBatches(Callback):
    def on_batch_end(self, batch: int, logs: Any = None) -> None: ...


class ReadsLater(Callback):
    pace = "run"

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None: ...


class ReadsLaterStill(ReadsLater):
    pass


class LooksAtTheModel(ReadsLater):
    def on_epoch_end(self, epoch: int, logs: Any = None) -> None: ...


class Mixin:
    def on_train_batch_end(self, batch: int, logs: Any = None) -> None: ...


class WithMixin(Mixin, ReadsLater):
    pass


PACES = [
    (Callback(), "run"),
    (Nothing(), "run"),
    (AtTheEnd(), "run"),
    (Epochs(), "epoch"),
    (Batches(), "batch"),
    (OldBatches(), "batch"),
    (ReadsLater(), "run"),
    (ReadsLaterStill(), "run"),
    (LooksAtTheModel(), "epoch"),
    (WithMixin(), "batch"),
    (History(), "run"),
    (CSVLogger("x.csv"), "run"),
    (LambdaCallback(on_train_end=print), "run"),
    (LambdaCallback(on_epoch_end=print), "epoch"),
    (LambdaCallback(on_train_batch_end=print), "batch"),
    (LearningRateScheduler(lambda epoch: 0.1), "epoch"),
    (ModelCheckpoint("x.keras"), "epoch"),
    (ModelCheckpoint("x.keras", save_freq=10), "batch"),
    (BackupAndRestore("backup"), "epoch"),
    (BackupAndRestore("backup", save_freq=10), "batch"),
    (TensorBoard(), "run"),
    (TensorBoard(histogram_freq=2), "epoch"),
    (TensorBoard(write_steps_per_second=True), "epoch"),
    (TensorBoard(update_freq="batch"), "batch"),
    (TensorBoard(update_freq=5, histogram_freq=1), "batch"),
]


@pytest.mark.parametrize(("callback", "pace"), PACES)
def test_pace(callback: Callback, pace: str) -> None:
    assert callback.pace == pace


def test_a_list_goes_at_the_quickest_pace() -> None:
    assert CallbackList().pace == "run"
    assert CallbackList([History(), Epochs()]).pace == "epoch"
    assert CallbackList([Batches(), Epochs()]).pace == "batch"


def test_a_history_tells_and_draws_itself() -> None:
    history = History()
    assert repr(history) == "History(0 epochs)"
    for epoch in range(3):
        history.on_epoch_end(epoch, {"loss": 1 / (epoch + 1), "val_loss": 2.0, "two\nlines": 0.5})
    assert repr(history) == r"History(3 epochs, loss: 0.3333, val_loss: 2, two\nlines: 0.5)"
    figure = history.plot()
    assert [axes.get_title() for axes in figure.axes] == ["loss", "two\nlines"]
    assert [line.get_ydata().tolist() for line in figure.axes[0].lines] == [[1, 1 / 2, 1 / 3], [2, 2, 2]]
