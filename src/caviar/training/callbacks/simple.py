"""Callbacks made of a function: LambdaCallback and LearningRateScheduler."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from caviar.declarations import Number, Verbosity, fits
from caviar.errors import ArgumentError, unknown_name
from caviar.text import say
from caviar.training.callbacks.base import Callback, Logs, pace_of, quickest

__all__ = ["LambdaCallback", "LearningRateScheduler"]

_HOOKS = sorted(name for name in vars(Callback) if name.startswith("on_"))


class LambdaCallback(Callback):
    """A callback made of functions, each given by the name of its hook.

    >>> from caviar.callbacks import LambdaCallback
    >>> hello = LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch, logs["loss"]))
    >>> hello.on_epoch_end(3, {"loss": 0.5})
    3 0.5
    >>> hello.pace
    'epoch'
    """

    def __init__(
        self,
        on_epoch_begin: Callable[..., Any] | None = None,
        on_epoch_end: Callable[..., Any] | None = None,
        on_train_begin: Callable[..., Any] | None = None,
        on_train_end: Callable[..., Any] | None = None,
        on_train_batch_begin: Callable[..., Any] | None = None,
        on_train_batch_end: Callable[..., Any] | None = None,
        **kwargs: Callable[..., Any] | None,
    ):
        named = {
            "on_epoch_begin": on_epoch_begin,
            "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin,
            "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin,
            "on_train_batch_end": on_train_batch_end,
        }
        hooks = {name: function for name, function in {**named, **kwargs}.items() if function is not None}
        for name in hooks:
            if name not in _HOOKS:
                raise unknown_name("hook", name, _HOOKS)
        vars(self).update(hooks)
        self.pace = quickest([self.pace, pace_of(hooks)])


class LearningRateScheduler(Callback):
    """Sets the learning rate before every epoch to `schedule(epoch)` or `schedule(epoch, learning_rate)`.

    >>> from caviar.callbacks import LearningRateScheduler
    >>> halve = LearningRateScheduler(lambda epoch, lr: lr / 2)
    >>> halve.pace
    'epoch'
    """

    reads_rate = True

    def __init__(self, schedule: Callable[..., Any], verbose: Verbosity = 0):
        self.schedule = schedule
        self.verbose = verbose

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Set the learning rate."""
        rate = self._rate(epoch, float(self.model.controls["learning_rate"]))
        self.model.controls["learning_rate"] = rate
        if self.verbose > 0:
            say(f"\nEpoch {epoch + 1}: LearningRateScheduler setting learning rate to {rate}.")

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Put the learning rate into the epoch's logs."""
        if logs is not None:
            logs["learning_rate"] = float(self.model.controls["learning_rate"])

    def _rate(self, epoch: int, present: float) -> float:
        given = self.schedule(epoch, present) if _takes_two(self.schedule) else self.schedule(epoch)
        if not fits(Number(least=0), given):
            raise ArgumentError(
                f"the schedule gave {given!r} for epoch {epoch}, not a learning rate: return a number of at least 0"
            )
        return float(given)


def _takes_two(function: Callable[..., Any]) -> bool:
    """Whether the function can be called with two arguments."""
    try:
        inspect.signature(function).bind(0, 0.1)
    except (TypeError, ValueError):
        return False
    return True
