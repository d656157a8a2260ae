"""The callback that writes for TensorBoard, without TensorFlow."""

from __future__ import annotations

import os
import time
from typing import Annotated, Any

import numpy as np

from caviar.declarations import Count, Counts, OneOf, Times
from caviar.errors import warn
from caviar.files import as_path, make_folder
from caviar.training.callbacks.base import Callback, Logs, quickest
from caviar.training.events import EventWriter, new_name

__all__ = ["TensorBoard"]


class TensorBoard(Callback):
    """Writes curves, the model and, every `histogram_freq` epochs, its weights: `tensorboard --logdir logs`.

    `update_freq` is "epoch", "batch" or a number of batches. Profiles and embeddings are not written: those arguments
    are accepted so that scripts run, and a profile that was asked for is warned about.

    >>> from caviar.callbacks import TensorBoard
    >>> TensorBoard("logs").pace, TensorBoard("logs", histogram_freq=1).pace, TensorBoard("logs", update_freq=10).pace
    ('run', 'epoch', 'batch')
    """

    reads_rate = True

    pace = "run"

    def __init__(
        self,
        log_dir: str | os.PathLike[str] = "logs",
        histogram_freq: Count = 0,
        write_graph: bool = True,
        write_images: bool = False,
        write_steps_per_second: bool = False,
        update_freq: Annotated[str, OneOf("epoch", "batch")] | Times = "epoch",
        profile_batch: Counts = 0,
        embeddings_freq: Count = 0,
        embeddings_metadata: Any = None,
    ):
        self.log_dir = log_dir
        self.histogram_freq = histogram_freq
        self.write_graph = write_graph
        self.write_images = write_images
        self.write_steps_per_second = write_steps_per_second
        self.update_freq = update_freq
        if profile_batch:
            warn("TensorBoard(profile_batch=...) writes no profile: use jax.profiler.trace(log_dir) around fit")
        self.profile_batch = profile_batch
        self.embeddings_freq = embeddings_freq
        self.embeddings_metadata = embeddings_metadata
        needs = "batch" if update_freq != "epoch" else "epoch" if histogram_freq or write_steps_per_second else "run"
        self.pace = quickest([self.pace, needs])
        self._writers: dict[str, EventWriter] = {}
        self._name = new_name()  # of the files
        self._sizes: dict[str, int] = {}  # of files to continue
        self._batches = 0
        self._began = 0.0

    def get_state(self) -> dict[str, Any]:
        """The number of batches, and the sizes of the files, so that a resumed training writes no step twice."""
        with self._going_on():
            self._flush()
        sizes = self._sizes | {part: writer.size for part, writer in self._writers.items()}
        return {"batches": self._batches, "name": self._name, "sizes": sizes}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on after these batches, in the same files."""
        self._batches, self._name, self._sizes = state["batches"], state["name"], dict(state["sizes"])
        self._writers.clear()
        self._began = time.perf_counter()

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Choose a new name for the files; they are created with their first number."""
        make_folder(self.log_dir)
        self._name, self._sizes = new_name(), {}

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Look at the clock."""
        self._began = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Write an epoch's numbers, and the weights if it is time."""
        with self._going_on():
            self._write_epoch(epoch, logs)
            self._flush()

    def _write_epoch(self, epoch: int, logs: Logs | None) -> None:
        logs = {name: value for name, value in (logs or {}).items() if np.ndim(value) == 0}
        if self.write_steps_per_second and self.params.get("steps"):
            logs["steps_per_second"] = self.params["steps"] / (time.perf_counter() - self._began)
        for name, value in logs.items():
            part = "validation" if name.startswith("val_") else "train"
            self._writer(part).scalar(f"epoch_{name.removeprefix('val_')}", value, epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            self._write_weights(epoch)

    def _flush(self) -> None:
        for writer in self._writers.values():
            writer.flush()

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Write a batch's numbers if it is time; batches count over all epochs."""
        self._batches += 1
        every = 1 if self.update_freq == "batch" else self.update_freq
        if isinstance(every, int) and self._batches % every == 0:
            with self._going_on():
                for name, value in (logs or {}).items():
                    self._writer("train").scalar(f"batch_{name}", value, self._batches)

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Close the files."""
        while self._writers:
            with self._going_on():
                self._writers.popitem()[1].close()

    def _writer(self, part: str) -> EventWriter:
        if part not in self._writers:
            size = self._sizes.get(part, 0)
            self._writers[part] = EventWriter(as_path(self.log_dir) / part, self._name, size)
            if part == "train" and self.write_graph and not size:
                self._write_model()
        return self._writers[part]

    def _write_model(self) -> None:
        lines: list[str] = []
        self.model.summary(print_fn=lines.append)
        # Four spaces make it code in Markdown, which keeps the columns.
        code = "\n".join(f"    {line}" for line in "\n".join(lines).splitlines())
        self._writer("train").text("model", code)

    def _write_weights(self, epoch: int) -> None:
        for variable in self.model.variables:
            weights = np.asarray(variable)
            self._writer("train").histogram(f"{variable.path}/histogram", weights, epoch)
            if self.write_images and weights.size > 0 and weights.squeeze().ndim <= 2:
                self._writer("train").image(f"{variable.path}/image", _picture(weights), epoch)


def _picture(weights: np.ndarray) -> np.ndarray:
    """A matrix lying on its side, a vector as one row; the smallest weight black, the largest white."""
    matrix = np.atleast_2d(weights.squeeze()).astype(np.float64)
    matrix = matrix.T if matrix.shape[0] > matrix.shape[1] else matrix
    low, high = matrix.min(), matrix.max()
    return (matrix - low) / (high - low) if high > low else np.zeros_like(matrix)
