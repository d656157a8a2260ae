"""Everything that is told how training goes: the progress line, the history and the other callbacks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from caviar.errors import warn
from caviar.training.callbacks.base import CallbackList
from caviar.training.progress import Progress

if TYPE_CHECKING:
    from caviar.training.trainee import Trainee


class Listeners:
    """Tells progress and callbacks what happened, in Keras' order."""

    def __init__(self, model: Trainee, callbacks: CallbackList, progress: Progress):
        self.model, self.callbacks, self.progress = model, callbacks, progress
        self.logs: dict[str, Any] = {}
        self.is_lost = False  # whether the loss has become NaN or infinite

    @property
    def pace(self) -> str:
        """How often the callbacks need the model as it is."""
        return self.callbacks.pace

    def stopping(self) -> bool:
        """Whether a callback wants to stop."""
        return bool(self.model.stop_training)

    def begin(self) -> None:
        """Tell the callbacks that training begins."""
        self.model.stop_training = False
        self.callbacks.on_train_begin()

    def restore(self, epoch: int, logs: dict[str, Any]) -> None:
        """Training continues in this epoch after an interruption; the epoch before had these logs."""
        self.logs = logs
        self.progress.epoch_begin(epoch)

    def epoch_begins(self, epoch: int) -> None:
        """Tell the progress line and the callbacks that an epoch begins."""
        self.progress.epoch_begin(epoch)
        self.callbacks.on_epoch_begin(epoch)

    def steps_begin(self, step: int) -> None:
        """Steps begin; callbacks with the pace "batch" are told of each."""
        if self.pace == "batch":
            self.callbacks.on_train_batch_begin(step)

    def steps_end(self, step: int, logs: dict[str, Any]) -> None:
        """So many steps of the epoch are done."""
        self.progress.update(step, logs)
        if self.pace == "batch":
            self.callbacks.on_train_batch_end(step - 1, logs)

    def epoch_ends(self, epoch: int, logs: dict[str, Any], seconds: float, more: bool) -> None:
        """An epoch is over; `more` says whether others of the same dispatch follow at once."""
        self.logs = logs
        if not self.is_lost and not np.isfinite(logs.get("loss", 0.0)).all():
            self.is_lost = True
            warn(
                f"the loss became {logs['loss']} in epoch {epoch + 1}, and the weights are lost from there on: lower the learning "
                "rate, scale x, or clip the gradients (clipnorm=1.0); callbacks.TerminateOnNaN() stops such a training"
            )
        scored = {name.removeprefix("val_"): value for name, value in logs.items() if name.startswith("val_")}
        if scored:  # validation ran inside the program; callbacks are told in Keras' order
            self.callbacks.on_test_begin()
            self.callbacks.on_test_end(scored)
        self.callbacks.on_epoch_end(epoch, self.logs)
        self.progress.epoch_end(epoch, self.logs, seconds, more=more)

    def end(self) -> None:
        """Close the progress line, and tell the callbacks that training is over."""
        self.progress.close()
        self.callbacks.on_train_end(self.logs)


def tell_stuck(losses: list[Any], is_new: bool) -> None:
    """Warn that nothing was learned: a new model whose loss stayed the same in five epochs or more."""
    if not is_new or len(losses) < 5 or np.ndim(losses[0]) or not np.isfinite(losses).all():
        return
    if np.ptp(losses) <= 1e-6 * abs(losses[0]) and abs(losses[0]) > 1e-6:
        warn(
            f"the loss did not move from {losses[0]:.4g} in {len(losses)} epochs: no gradient arrives. Scale x (for instance "
            "by caviar.layers.Normalization), look for units that give the same for all rows, or raise the learning rate"
        )
