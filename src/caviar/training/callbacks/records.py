"""Callbacks that keep what happened: History and CSVLogger."""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import Any

import numpy as np

from caviar.insight import plot_history
from caviar.text import printable
from caviar.training.callbacks.base import Callback


class History(Callback):
    """The epochs and their logs; what `fit` returns.

    >>> history = History()
    >>> history.on_epoch_end(0, {"loss": 0.5}); history.on_epoch_end(1, {"loss": 0.25})
    >>> history.epoch, history.history
    ([0, 1], {'loss': [0.5, 0.25]})
    >>> history
    History(2 epochs, loss: 0.25)
    """

    pace = "run"

    def __init__(self) -> None:
        self.epoch: list[int] = []
        self.history: dict[str, list[Any]] = {}

    def set_model(self, model: Any) -> None:
        """Be the model's `history`."""
        super().set_model(model)
        if model is not None:
            model.history = self

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Keep an epoch's logs."""
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)

    def __repr__(self) -> str:
        """How many epochs there were, and what the last ones said."""
        epochs = "1 epoch" if len(self.epoch) == 1 else f"{len(self.epoch)} epochs"
        last = [f"{printable(name)}: {np.mean(values[-1]):.4g}" for name, values in self.history.items()]
        return f"History({', '.join([epochs, *last])})"

    def plot(self, path: str | os.PathLike[str] | None = None) -> Any:
        """Draw the learning curves, as `caviar.insight.plot_history` does: a matplotlib figure that a notebook shows.

        >>> history = History()
        >>> history.on_epoch_end(0, {"loss": 0.5}); history.on_epoch_end(1, {"loss": 0.25})
        >>> history.plot().axes[0].get_title()
        'loss'
        """
        return plot_history(self, path)

    def get_state(self) -> dict[str, Any]:
        """The epochs so far."""
        history = {name: [np.asarray(v).tolist() for v in values] for name, values in self.history.items()}
        return {"epoch": list(self.epoch), "history": history}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on after these epochs."""
        self.epoch, self.history = list(state["epoch"]), {name: list(v) for name, v in state["history"].items()}


class CSVLogger(Callback):
    """A line of a CSV file for each epoch, there as soon as the epoch is over.

    >>> import tempfile
    >>> logger = CSVLogger(tempfile.mkdtemp() + "/log.csv")
    >>> logger.on_train_begin(); logger.on_epoch_end(0, {"loss": 0.5, "accuracy": 0.75})
    >>> print(Path(logger.filename).read_text())
    epoch,accuracy,loss
    0,0.75,0.5
    <BLANKLINE>
    """

    pace = "run"

    def __init__(self, filename: str | os.PathLike[str], separator: str = ",", append: bool = False):
        self.filename = filename
        self.separator = separator
        self.append = append
        self._expected: list[str] = []
        self._columns: list[str] | None = None

    def check(self, log_names: list[str]) -> None:
        """Learn which columns later epochs will fill (a validation may run only every few epochs)."""
        self._expected = list(log_names)

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Begin a new file, or find the columns of the one to append to."""
        path = Path(self.filename)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._columns = None
        if not self.append:
            path.write_text("")
        elif path.exists():
            with path.open(newline="", encoding="utf-8") as file:
                self._columns = next(csv.reader(file, delimiter=self.separator), None)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Append an epoch; what it has no value for is NA."""
        row = {"epoch": epoch, **(logs or {})}
        if self._columns is None:
            self._columns = ["epoch", *sorted({*row, *self._expected} - {"epoch"})]
            self._append(self._columns)
        self._append([row.get(name, "NA") for name in self._columns])

    def _append(self, values: list[Any]) -> None:
        # Opened for every line: no line is lost and no file left open, however training ends.
        with Path(self.filename).open("a", newline="", encoding="utf-8") as file:
            csv.writer(file, delimiter=self.separator, lineterminator="\n").writerow(values)
