"""The line that tells how training goes: one living line in a terminal or notebook, a handful of lines in a file."""

from __future__ import annotations

import contextlib
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Self, TextIO

import numpy as np

from caviar.errors import ArgumentError

_PIPED_LINES = 12
_SECONDS_BETWEEN_DRAWS = 0.1


class Progress:
    """Shows epochs as they pass. Epochs count from 0, as in callbacks, and are shown from 1.

    `verbose` is 0 (silent), 1 (one line rewritten in place; at most 12 lines where the output is not a screen),
    2 (a line for each epoch) or "auto" (1). Without `epochs` the lines have no "Epoch": evaluate and predict.

    >>> with Progress(epochs=3, steps=22, verbose=2) as progress:
    ...     progress.epoch_end(0, {"loss": 256629.3281}, seconds=0.05)
    Epoch 1/3 - 22/22 - 0s 2ms/step - loss: 256629.3281
    """

    def __init__(
        self, epochs: int | None, steps: int | None, verbose: int | str = "auto", stream: TextIO | None = None
    ):
        if verbose not in ("auto", 0, 1, 2):
            raise ArgumentError(f'verbose is 0 (silent), 1 (a line), 2 (a line an epoch) or "auto", not {verbose!r}')
        self.epochs = epochs
        self.steps = steps
        self.stream = sys.stdout if stream is None else stream
        self.verbose = 1 if verbose == "auto" else verbose
        self.living = self.verbose == 1 and _is_screen(self.stream)
        self._milestones = _milestones(epochs)
        self._first = True
        self._epoch = self._seen = self._width = 0
        self._began, self._drawn_at = time.monotonic(), float("-inf")
        self._held_back: Callable[[], str] | None = None  # writes the latest line, while that is not to be seen

    def epoch_begin(self, epoch: int) -> None:
        """An epoch begins."""
        self._epoch, self._began = epoch, time.monotonic()

    def update(self, step: int, logs: Mapping[str, Any] | None = None) -> None:
        """`step` steps of the present epoch are done: worth a line only where it can be rewritten."""
        self._seen = step
        if self.living:
            self._offer(partial(self._midway, step, time.monotonic() - self._began, logs))

    def epoch_end(self, epoch: int, logs: Mapping[str, Any] | None, seconds: float, more: bool = False) -> None:
        """An epoch that took `seconds` is over; `more` of the same burst follow at once, so a living line can wait."""
        line = partial(self._whole, epoch, seconds, logs)
        if self.living:
            self._offer(line, wait=more)
        elif self.verbose == 2 or self._first or epoch + 1 in self._milestones:
            self._print(line)
        else:
            self._held_back = line
        self._first = False

    def close(self) -> None:
        """The last line is shown, and what comes after starts on a line of its own."""
        if self._held_back is not None:
            (self._draw if self.living else self._print)(self._held_back)
        if self._width:
            self._write("\n")
        self._width = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _midway(self, step: int, seconds: float, logs: Mapping[str, Any] | None) -> str:
        each = seconds / max(step, 1)
        left = f"ETA: {each * (self.steps - step):.0f}s " if self.steps else ""
        return f"{self._head(self._epoch, step, self.steps or 'Unknown')} - {left}{_per_step(each)}{_numbers(logs)}"

    def _whole(self, epoch: int, seconds: float, logs: Mapping[str, Any] | None) -> str:
        steps = self.steps or self._seen
        each = _per_step(seconds / max(steps, 1))
        return f"{self._head(epoch, steps, steps)} - {seconds:.0f}s {each}{_numbers(logs)}"

    def _head(self, epoch: int, step: int, of: int | str) -> str:
        count = f"{step:>{len(str(of))}}/{of}"
        return count if self.epochs is None else f"Epoch {epoch + 1}/{self.epochs} - {count}"

    def _offer(self, line: Callable[[], str], wait: bool = False) -> None:
        """Draw the line, unless the last was drawn just now."""
        if wait or time.monotonic() - self._drawn_at < _SECONDS_BETWEEN_DRAWS:
            self._held_back = line
        else:
            self._draw(line)

    def _draw(self, line: Callable[[], str]) -> None:
        text, columns = line(), _columns(self.stream)
        self._write("\r" + text.ljust(self._width)[:columns])  # spaces clear the former line wherever "\r" works
        self._width, self._drawn_at, self._held_back = len(text[:columns]), time.monotonic(), None

    def _print(self, line: Callable[[], str]) -> None:
        self._held_back = None
        if self.verbose:
            self._write(line() + "\n")

    def _write(self, text: str) -> None:
        """A stream that is closed, broken or absent must not end a training."""
        with contextlib.suppress(OSError, ValueError, AttributeError):
            try:
                self.stream.write(text)
            except UnicodeEncodeError:
                encoding = self.stream.encoding or "ascii"
                self.stream.write(text.encode(encoding, "replace").decode(encoding))
            self.stream.flush()


def _milestones(epochs: int | None) -> set[int]:
    """The epochs worth a line in a file: all of a few, else at growing intervals."""
    if epochs is None or epochs <= _PIPED_LINES:
        return set(range(1, (epochs or 1) + 1))
    return {round(epochs ** (i / (_PIPED_LINES - 1))) for i in range(_PIPED_LINES)}


def _is_notebook(stream: Any) -> bool:
    return type(stream).__module__.startswith("ipykernel")


def _is_screen(stream: Any) -> bool:
    """Whether a line can be rewritten in place: a terminal, or a notebook."""
    try:
        return _is_notebook(stream) or bool(stream.isatty())
    except (AttributeError, ValueError):
        return False


def _columns(stream: Any) -> int | None:
    """How many characters fit on a line without wrapping; None in a notebook, which has no such limit."""
    return None if _is_notebook(stream) else max(shutil.get_terminal_size().columns - 1, 1)


def _per_step(seconds: float) -> str:
    if seconds >= 1 or seconds == 0:
        return f"{seconds:.0f}s/step"
    return f"{seconds * 1e3:.0f}ms/step" if seconds >= 1e-3 else f"{seconds * 1e6:.0f}us/step"


def _numbers(logs: Mapping[str, Any] | None) -> str:
    """Four decimals, or scientific notation where they would show nothing, as Keras writes them."""
    means = {name: float(np.mean(value)) for name, value in (logs or {}).items()}
    return "".join(f" - {name}: {v:.4f}" if abs(v) > 1e-3 else f" - {name}: {v:.4e}" for name, v in means.items())
