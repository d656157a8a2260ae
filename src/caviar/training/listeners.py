"""Everybody who hears of a training: the progress line, the history, the callbacks; and the weights they may look at."""

from __future__ import annotations

from typing import Any

from caviar.training.callbacks.base import CallbackList
from caviar.training.progress import Progress


class Listeners:
    """Tells progress and callbacks what happened, in Keras' order."""

    def __init__(self, model: Any, callbacks: CallbackList, progress: Progress):
        self.model, self.callbacks, self.progress = model, callbacks, progress
        self.logs: dict[str, Any] = {}

    @property
    def pace(self) -> str:
        """How often the callbacks need the model as it is."""
        return self.callbacks.pace

    def stopping(self) -> bool:
        """Whether a callback wants to stop."""
        return bool(self.model.stop_training)

    def begin(self) -> None:
        """Training begins."""
        self.model.stop_training = False
        self.callbacks.on_train_begin()

    def restore(self, epoch: int, logs: dict[str, Any]) -> None:
        """Training goes on in this epoch, after an interruption; the last one had these logs."""
        self.logs = logs
        self.progress.epoch_begin(epoch)

    def epoch_begins(self, epoch: int) -> None:
        """An epoch begins."""
        self.progress.epoch_begin(epoch)
        self.callbacks.on_epoch_begin(epoch)

    def steps_begin(self, step: int) -> None:
        """Steps begin; callbacks of a batch's pace are told of each."""
        if self.pace == "batch":
            self.callbacks.on_train_batch_begin(step)

    def steps_end(self, step: int, logs: dict[str, Any]) -> None:
        """So many steps of the epoch are done."""
        self.progress.update(step, logs)
        if self.pace == "batch":
            self.callbacks.on_train_batch_end(step - 1, logs)

    def epoch_ends(self, epoch: int, logs: dict[str, Any], seconds: float, more: bool) -> None:
        """An epoch is over; `more` of the same burst follow at once."""
        self.logs = logs
        scored = {name.removeprefix("val_"): value for name, value in logs.items() if name.startswith("val_")}
        if scored:  # it happened inside the program; they hear of it in Keras' order
            self.callbacks.on_test_begin()
            self.callbacks.on_test_end(scored)
        self.callbacks.on_epoch_end(epoch, self.logs)
        self.progress.epoch_end(epoch, self.logs, seconds, more=more)

    def end(self) -> None:
        """Training is over."""
        self.progress.close()
        self.callbacks.on_train_end(self.logs)
