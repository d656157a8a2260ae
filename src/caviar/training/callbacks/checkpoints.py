"""Callbacks that save: ModelCheckpoint the model, BackupAndRestore the whole run."""

from __future__ import annotations

import contextlib
import os
import string
from pathlib import Path
from typing import Annotated, Any

from caviar.declarations import Limit, OneOf, Times, Verbosity
from caviar.errors import FileError, nothing_foreign, unknown_name
from caviar.files import as_path, make_folder
from caviar.text import printable, say
from caviar.training.callbacks.base import Callback, Logs
from caviar.training.monitor import MODES, better, check_monitor, direction, worst

__all__ = ["BackupAndRestore", "ModelCheckpoint"]

Frequency = Annotated[str, OneOf("epoch")] | Times


class _Saver(Callback):
    """Something that is saved after every epoch, or after every so many batches."""

    pace = "epoch"

    def __init__(self, save_freq: Frequency):
        self.save_freq = save_freq
        if save_freq != "epoch":
            self.pace = "batch"
        self._epoch = self._batches = 0

    def get_state(self) -> dict[str, Any]:
        """The number of batches counted."""
        return {"epoch": self._epoch, "batches": self._batches}

    def set_state(self, state: dict[str, Any]) -> None:
        """Continue from that number."""
        self._epoch, self._batches = state["epoch"], state["batches"]

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Remember the epoch."""
        self._epoch = epoch

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Save after an epoch."""
        if self.save_freq == "epoch":
            self._save(epoch, None, logs or {})

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Save after every so many batches."""
        self._batches += 1
        if isinstance(self.save_freq, int) and self._batches % self.save_freq == 0:
            self._save(self._epoch, batch, logs or {})

    def _save(self, epoch: int, batch: int | None, logs: Logs) -> None:
        raise NotImplementedError


class ModelCheckpoint(_Saver):
    """Saves the model, or its weights, after every epoch; with `save_best_only` when `monitor` has improved.

    `filepath` may hold `{epoch}` (from 1), `{batch}` and every name of the logs: `"{epoch:02d}-{val_loss:.2f}.keras"`.
    A file that cannot be written is warned about once, and training goes on; if it was the last one, its end raises.

    >>> from caviar.callbacks import ModelCheckpoint
    >>> ModelCheckpoint("best.keras", monitor="val_los", save_best_only=True).check(["loss", "val_loss"])
    Traceback (most recent call last):
    caviar.errors.UnknownNameError: unknown monitor 'val_los': did you mean 'val_loss'? Known: loss, val_loss
    """

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: Verbosity = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: Annotated[str, OneOf(*MODES)] = "auto",
        save_freq: Frequency = "epoch",
        initial_value_threshold: Limit | None = None,
    ):
        super().__init__(save_freq)
        self.filepath = filepath
        self.monitor = monitor
        self.verbose = verbose
        self.save_best_only = save_best_only
        self.save_weights_only = save_weights_only
        self.mode = mode
        self.initial_value_threshold = initial_value_threshold
        self.best = initial_value_threshold
        self._missing: Path | None = None

    def check(self, log_names: list[str]) -> None:
        """Raise for an unknown monitor, mode or name in `filepath`."""
        if self.save_best_only:
            check_monitor(self.monitor, log_names)
            direction(self.monitor, self.mode)
        known = ["epoch", *(["batch"] if self.save_freq != "epoch" else []), *log_names]
        with nothing_foreign(lambda: f"the filepath {self.filepath!r} of ModelCheckpoint"):
            for name in self._names():
                if name not in known:
                    raise unknown_name("name in filepath", name, known)
            os.fsdecode(self.filepath).format(**{name: 1 if name in ("epoch", "batch") else 0.5 for name in known})

    def get_state(self) -> dict[str, Any]:
        """The best value so far: a resumed training must not replace a better model."""
        return {**super().get_state(), "best": self.best}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from this best value."""
        super().set_state(state)
        self.best = state["best"]

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Nothing is missing yet."""
        self._missing = None

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Raise if the last file that was due could not be written."""
        if self._missing is not None:
            raise FileError(f"{self._missing} could not be written when it was due; the model holds the last weights")

    def _names(self) -> list[str]:
        return [name for _, name, _, _ in string.Formatter().parse(os.fsdecode(self.filepath)) if name is not None]

    def _save(self, epoch: int, batch: int | None, logs: Logs) -> None:
        values = {"epoch": epoch + 1, **({} if batch is None else {"batch": batch + 1}), **logs}
        if any(name not in values for name in self._names()):
            return  # without validation a name in `filepath` has no value
        path, best = as_path(os.fsdecode(self.filepath).format(**values)), self.best
        if not self.save_best_only:
            self._say(epoch, f"saving model to {path}")
        elif self._improved(epoch, logs, path):
            best = float(logs[self.monitor])
        else:
            return
        self._missing = path
        with self._going_on():
            make_folder(path.parent)
            (self.model.save_weights if self.save_weights_only else self.model.save)(str(path))
            self._missing, self.best = None, best

    def _improved(self, epoch: int, logs: Logs, path: Path) -> bool:
        if self.monitor not in logs:  # an epoch without validation
            return False
        value, sign = float(logs[self.monitor]), direction(self.monitor, self.mode)
        before = "None" if self.best is None else f"{self.best:.5f}"
        if not better(value, worst(sign) if self.best is None else self.best, sign):
            self._say(epoch, f"{self.monitor} did not improve from {before}")
            return False
        self._say(epoch, f"{self.monitor} improved from {before} to {value:.5f}, saving model to {path}")
        return True

    def _say(self, epoch: int, message: str) -> None:
        if self.verbose > 0:
            say(f"\nEpoch {epoch + 1}: {printable(message)}")


class BackupAndRestore(_Saver):
    """Saves the state of the whole run in a file, so that a training that was killed continues where it was.

    The file holds the state after all callbacks of an epoch or a batch: weights, optimizer, changed numbers, and the state of
    every callback. A stream of batches is saved only at the end of an epoch. A training that ends normally deletes the file,
    unless `delete_checkpoint` is False.

    >>> from caviar.callbacks import BackupAndRestore
    >>> BackupAndRestore("backup").pace
    'epoch'
    """

    pace = "epoch"
    hears_last = True

    def __init__(
        self, backup_dir: str | os.PathLike[str], save_freq: Frequency = "epoch", delete_checkpoint: bool = True
    ):
        super().__init__(save_freq)
        self.backup_dir = backup_dir
        self.delete_checkpoint = delete_checkpoint
        self._due = False

    @property
    def path(self) -> Path:
        """The file that holds the run."""
        return as_path(self.backup_dir) / "run.caviar"

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Restore a run that was interrupted; else save the first state, for an interruption within the first epoch."""
        make_folder(self.path.parent)
        (self.model.restore_run if self.path.exists() else self.model.save_run)(str(self.path))

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Save after every so many batches; at the end of an epoch that is left to `on_epoch_end`, after the other callbacks."""
        super().on_train_batch_end(batch, logs)
        if self._due and self.model.training_under_way.is_midway:
            self._write()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Save after an epoch, or what is due since its last batch."""
        super().on_epoch_end(epoch, logs)
        if self._due:
            self._write()

    def on_train_end(self, logs: Logs | None = None) -> None:
        """The run is complete: nothing is left to restore."""
        if self.delete_checkpoint:
            self.path.unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # a folder that holds other files stays
                self.path.parent.rmdir()

    def _save(self, epoch: int, batch: int | None, logs: Logs) -> None:
        self._due = True

    def _write(self) -> None:
        self._due = False
        with self._going_on():
            make_folder(self.path.parent)
            self.model.save_run(str(self.path))
