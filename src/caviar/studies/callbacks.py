"""Callbacks during a search: they are called for every epoch of every trial."""

from __future__ import annotations

from typing import Any

from caviar.errors import ArgumentError
from caviar.studies.blocks import Slice
from caviar.training.callbacks import CallbackList, TensorBoard
from caviar.training.callbacks.base import Callback
from caviar.training.rules import Rule


class SearchCallbacks:
    """Calls a search's callbacks, except rules; `logs["trial"]` says whose epoch it is."""

    def __init__(self, callbacks: list[Any], trials: int | None, epochs: int):
        self.boards = [c for c in callbacks if isinstance(c, TensorBoard)]
        heard = [c for c in callbacks if not isinstance(c, (Rule, TensorBoard))]
        for callback in heard:
            if isinstance(callback, Callback) and callback.pace != "run":
                raise ArgumentError(
                    f"{type(callback).__name__} wants the model at every {callback.pace}, and a population is trained many "
                    'epochs at a time: if it only reads logs, declare `pace = "run"` in it; the study itself keeps the best '
                    "weights, and learning rates change by a schedule: Adam(CosineDecay(LogUniform(1e-4, 1e-1), 1000))"
                )
        self._list = CallbackList(heard, None, {"trials": trials, "epochs": epochs})
        self._begun = False

    def hear(self, piece: Slice) -> None:
        """Call the callbacks for some epochs of a member."""
        if not self._list.callbacks:
            return
        if not self._begun:
            self._list.on_train_begin()
            self._begun = True
        for i in range(len(next(iter(piece.logs.values())))):
            logs = {name: float(values[i]) for name, values in piece.logs.items()}
            self._list.on_epoch_end(piece.start + i, {**logs, "trial": piece.member.trial})

    def end(self) -> None:
        """The search is over."""
        if self._begun:
            self._list.on_train_end({})
