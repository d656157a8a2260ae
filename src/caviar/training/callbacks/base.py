"""The base of callbacks, and the list that calls them.

Training runs on the device in bursts of many epochs. A callback's `pace` says how often it needs the model as it is:

    "run"     before and after training; it hears of every epoch in order, possibly after a burst of them
    "epoch"   at every epoch
    "batch"   at every batch
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterable, Iterator
from functools import partialmethod
from typing import Any

from caviar.arguments import Checked
from caviar.errors import ArgumentError, FileError, warn

__all__ = ["Callback", "CallbackList"]

Logs = dict[str, float]
"""Losses and metrics by name."""

PACES = ("run", "epoch", "batch")
TEST_BATCH_HOOKS = ("on_test_batch_begin", "on_test_batch_end")
BATCH_HOOKS = frozenset({"on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end"})
EPOCH_HOOKS = frozenset({"on_epoch_begin", "on_epoch_end", "on_test_begin", "on_test_end"})


def pace_of(hooks: Iterable[str]) -> str:
    """The pace needed by a callback with these hooks.

    >>> from caviar.training.callbacks.base import pace_of
    >>> pace_of(["on_train_end", "on_epoch_end"])
    'epoch'
    """
    names = set(hooks)
    return "batch" if names & BATCH_HOOKS else "epoch" if names & EPOCH_HOOKS else "run"


def quickest(paces: Iterable[str]) -> str:
    """The pace that satisfies all of these paces.

    >>> from caviar.training.callbacks.base import quickest
    >>> quickest(["run", "epoch"])
    'epoch'
    """
    return max(paces, key=PACES.index, default="run")


class Callback(Checked):
    """Subclass it and write the hooks you need; `self.model` and `self.params` are there when they are called.

    `pace` follows from the hooks you write. Declare `pace = "run"` if a callback only reads the logs: training then
    need not wait for it.

    >>> from caviar.callbacks import Callback
    >>> class Shout(Callback):
    ...     def on_epoch_end(self, epoch, logs=None):
    ...         print(f"epoch {epoch}: {logs['loss']}!")
    >>> Shout().pace
    'epoch'
    """

    pace: str = "run"
    reads_rate: bool = False
    """Whether the logs must hold the learning rate."""
    hears_last: bool = False
    """Whether it is called after all others, wherever it is in the list, since it saves their state."""
    model: Any = None
    params: dict[str, Any] = {}
    _told_of_failure = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Set the pace: that of its base class, or a quicker one if this class (or a mixin) defines hooks that need it."""
        super().__init_subclass__(**kwargs)
        if "pace" not in vars(cls):
            own = [name for c in cls.__mro__ if c is cls or not issubclass(c, Callback) for name in vars(c)]
            cls.pace = quickest([cls.pace, pace_of(own)])

    def set_model(self, model: Any) -> None:
        """Set `self.model`, which is trained, evaluated or predicts."""
        self.model = model

    def set_params(self, params: dict[str, Any]) -> None:
        """Set `self.params`: "epochs", "steps", "verbose"."""
        self.params = params

    def check(self, log_names: list[str]) -> None:
        """Called before training with the names that the logs will have: the time to refuse a wrong one."""

    def get_state(self) -> dict[str, Any]:
        """The callback's state, for a training that is resumed: plain values and arrays."""
        return {}

    def set_state(self, state: dict[str, Any]) -> None:
        """Take over what `get_state` gave; called after every callback's `on_train_begin`."""

    @contextlib.contextmanager
    def _going_on(self) -> Iterator[None]:
        """Turn an error of the disk during training into a warning, shown once; training goes on."""
        try:
            yield
        except FileError as error:
            if not isinstance(error.__cause__, OSError):
                raise
            if not self._told_of_failure:
                warn(f"{type(self).__name__}: {error}. The training goes on")
            self._told_of_failure = True

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Called before the first epoch of `fit`."""

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Called at the end of `fit`; `logs` are the last epoch's."""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Called before an epoch; epochs count from 0."""

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Called after an epoch; `logs` holds its losses and metrics, those of the validation with the prefix "val_"."""

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Called before a training step."""
        self.on_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Called after a training step; `logs` holds the means of the epoch so far."""
        self.on_batch_end(batch, logs)

    def on_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Keras' older name of `on_train_batch_begin`."""

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Keras' older name of `on_train_batch_end`."""

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """Called before an evaluation, and before validation."""

    def on_test_end(self, logs: Logs | None = None) -> None:
        """Called after an evaluation with its logs, and after validation."""

    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Not called: `evaluate` scores all batches in one program."""

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Not called: `evaluate` scores all batches in one program."""

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        """Called before `predict`."""

    def on_predict_end(self, logs: Logs | None = None) -> None:
        """Called after `predict`."""

    def on_predict_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Not called: `predict` computes all batches in one program."""

    def on_predict_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Not called: `predict` computes all batches in one program."""


class CallbackList:
    """Calls every callback in order.

    >>> from caviar.callbacks import Callback, CallbackList
    >>> CallbackList([Callback()], model=None, params={"epochs": 3}).pace
    'run'
    """

    def __init__(
        self,
        callbacks: Callback | Iterable[Callback] | None = None,
        model: Any = None,
        params: dict[str, Any] | None = None,
    ):
        given: list[Any] = (
            list(callbacks) if isinstance(callbacks, (list, tuple)) else [] if callbacks is None else [callbacks]
        )
        for callback in given:
            if not isinstance(callback, Callback):
                hint = f": write {callback.__name__}()" if isinstance(callback, type) else ""
                raise ArgumentError(f"callbacks wants caviar.callbacks.Callback objects, not {callback!r}{hint}")
            callback.set_model(model)
            callback.set_params(params or {})
        self.callbacks = sorted(given, key=lambda callback: callback.hears_last)

    @property
    def pace(self) -> str:
        """The pace that suits every callback."""
        return quickest(callback.pace for callback in self.callbacks)

    def tell_uncalled(self, hooks: Iterable[str]) -> None:
        """Warn of hooks that will not be called: those of each batch of scoring, which happens inside a program."""
        for callback in self.callbacks:
            written = [hook for hook in hooks if getattr(type(callback), hook) is not getattr(Callback, hook)]
            if written:
                name = type(callback).__name__
                warnings.warn(
                    f"{name}.{written[0]} will not be called: the rows of a validation or an evaluation are scored by one "
                    "compiled program, which stops at no batch; its results are in the logs of on_epoch_end or on_test_end",
                    stacklevel=4,
                )

    def get_state(self) -> dict[str, dict[str, Any]]:
        """The state of each callback that has one."""
        return {name: state for name, callback in self._named() if (state := callback.get_state())}

    def set_state(self, states: dict[str, dict[str, Any]]) -> None:
        """Give each callback its state back."""
        for name, callback in self._named():
            if name in states:
                callback.set_state(states[name])

    def _named(self) -> list[tuple[str, Callback]]:
        """The callbacks by class and number within the class, so that a resumed training may have others besides."""
        kinds = [type(callback).__name__ for callback in self.callbacks]
        return [(f"{kind} {kinds[:i].count(kind)}", self.callbacks[i]) for i, kind in enumerate(kinds)]

    def _each(self, hook: str, *args: Any) -> None:
        for callback in self.callbacks:
            getattr(callback, hook)(*args)

    def _begins(self, hook: str, *args: Any) -> None:
        told = bool(args) and isinstance(args[-1], dict)
        self._each(hook, *args, *([] if told else [{}]))  # callbacks expect a dict, even an empty one

    check = partialmethod(_each, "check")
    on_train_begin = partialmethod(_begins, "on_train_begin")
    on_train_end = partialmethod(_each, "on_train_end")
    on_epoch_begin = partialmethod(_begins, "on_epoch_begin")
    on_epoch_end = partialmethod(_each, "on_epoch_end")
    on_train_batch_begin = partialmethod(_begins, "on_train_batch_begin")
    on_train_batch_end = partialmethod(_each, "on_train_batch_end")
    on_test_begin = partialmethod(_begins, "on_test_begin")
    on_test_end = partialmethod(_each, "on_test_end")
    on_test_batch_begin = partialmethod(_begins, "on_test_batch_begin")
    on_test_batch_end = partialmethod(_each, "on_test_batch_end")
    on_predict_begin = partialmethod(_begins, "on_predict_begin")
    on_predict_end = partialmethod(_each, "on_predict_end")
    on_predict_batch_begin = partialmethod(_begins, "on_predict_batch_begin")
    on_predict_batch_end = partialmethod(_each, "on_predict_batch_end")
