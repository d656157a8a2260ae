"""Callbacks that record the logs: History and CSVLogger."""

from __future__ import annotations

import copy
import csv
import io
import os
from pathlib import Path
from typing import Any

import numpy as np

from caviar.errors import ArgumentError, FileError, warn
from caviar.files import append, as_path, make_folder, truncate
from caviar.insight import plot_history
from caviar.text import printable
from caviar.training.callbacks.base import Callback, Logs

__all__ = ["CSVLogger", "History"]


class History(Callback):
    """The epochs and their logs; what `fit` returns.

    >>> from caviar.callbacks import History
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
        self.history: dict[str, list[float]] = {}

    def set_model(self, model: Any) -> None:
        """Set the model, and become its `history`."""
        super().set_model(model)
        if model is not None:
            model.history = self

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Keep an epoch's logs."""
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)

    def __repr__(self) -> str:
        """The number of epochs, and the last logs."""
        epochs = "1 epoch" if len(self.epoch) == 1 else f"{len(self.epoch)} epochs"
        numbers = {name: values[-1] for name, values in self.history.items() if np.ndim(values[-1]) == 0}
        last = [f"{printable(name)}: {value:.4g}" for name, value in numbers.items()]
        return f"History({', '.join([epochs, *last])})"

    def plot(self, path: str | os.PathLike[str] | None = None) -> Any:
        """Draw the learning curves, as `caviar.insight.plot_history` does: a matplotlib figure that a notebook shows.

        >>> from caviar.callbacks import History
        >>> history = History()
        >>> history.on_epoch_end(0, {"loss": 0.5}); history.on_epoch_end(1, {"loss": 0.25})
        >>> history.plot().axes[0].get_title()
        'loss'
        """
        return plot_history(self, path)

    def get_state(self) -> dict[str, Any]:
        """The epochs so far."""
        return {"epoch": list(self.epoch), "history": copy.deepcopy(self.history)}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on after these epochs."""
        self.epoch, self.history = list(state["epoch"]), {name: list(v) for name, v in state["history"].items()}


class CSVLogger(Callback):
    """Writes a line of a CSV file for each epoch, as soon as the epoch is over.

    >>> from pathlib import Path
    >>> from caviar.callbacks import CSVLogger
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
        if len(separator) != 1:
            raise ArgumentError(f"separator of CSVLogger is one character, and is {separator!r}")
        self.separator = separator
        self.append = append
        self._expected: list[str] = []
        self._columns: list[str] | None = None
        self._size = 0  # of the file
        self._cuts = False  # whether to cut the file to that size before the next line
        self._unwritten = ""

    def check(self, log_names: list[str]) -> None:
        """Learn which columns later epochs will fill (a validation may run only every few epochs)."""
        self._expected = list(log_names)

    def get_state(self) -> dict[str, Any]:
        """The size of the file, so that a resumed training can cut off the lines of epochs that it repeats."""
        return {"columns": self._columns, "size": self._size, "unwritten": self._unwritten}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on after these lines."""
        self._columns, self._size, self._unwritten = state["columns"], state["size"], state["unwritten"]
        self._cuts = True

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Begin a new file, or find the columns of the one to append to."""
        path = as_path(self.filename)
        make_folder(path.parent)
        present = append(path, b"")  # raises before any training if the file cannot be written
        self._columns, self._unwritten = self._columns_of(path) if self.append else None, ""
        self._size, self._cuts = present if self.append else 0, not self.append

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Append an epoch; a missing value is written as NA."""
        row = {"epoch": epoch, **{name: np.asarray(value).tolist() for name, value in (logs or {}).items()}}
        if self._columns is None:
            self._columns = ["epoch", *sorted({*row, *self._expected} - {"epoch"})]
            self._unwritten += self._line(self._columns)
        self._unwritten += self._line([row.get(name, "NA") for name in self._columns])
        self._write()

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Try again to write what could not be written."""
        self._write()

    def _columns_of(self, path: Path) -> list[str] | None:
        try:
            with path.open(newline="", encoding="utf-8") as file:
                return next(csv.reader(file, delimiter=self.separator), None)
        except (OSError, ValueError, csv.Error) as error:
            raise FileError(f"{path} cannot be appended to: it is not a CSV file ({error})") from error

    def _line(self, values: list[Any]) -> str:
        text = io.StringIO(newline="")
        csv.writer(text, delimiter=self.separator, lineterminator="\n").writerow(values)
        return text.getvalue()

    def _write(self) -> None:
        # Opened for every line: no line is lost and no file left open, however training ends.
        if not self._unwritten:
            return
        with self._going_on():
            if self._cuts and truncate(self.filename, self._size) < self._size:
                warn(f"{self.filename} has become shorter since the training was interrupted: lines are missing")
            self._cuts = False
            self._size = append(self.filename, self._unwritten.encode())
            self._unwritten = ""
