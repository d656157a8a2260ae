"""The progress of training: one line, updated in place, in a terminal or notebook; a few lines in a file."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Self, TextIO

import numpy as np
from rich.cells import cell_len, set_cell_size

from caviar.errors import ArgumentError
from caviar.graph.interrupts import compiled_ahead
from caviar.text import printable, say

_PIPED_LINES = 12  # the lines of a training whose output is a file
_ROW = 8  # the most numbers of one metric that fit into the line
_SECONDS_BETWEEN_DRAWS = 0.1


@dataclass(frozen=True)
class Line:
    """What is shown of an epoch, in pieces."""

    epoch: str  # "Epoch 3/30"
    count: str  # "22/22"
    time: str  # "0s 2ms/step"
    numbers: dict[str, str]

    @property
    def pieces(self) -> list[str]:
        """The pieces that are not empty."""
        numbers = [f"{name}: {value}" for name, value in self.numbers.items()]
        return [piece for piece in (self.epoch, self.count, self.time, *numbers) if piece]

    def __str__(self) -> str:
        return " - ".join(self.pieces)

    def folded(self, columns: int | None) -> str:
        """All of it, on as many lines as it needs."""
        lines = self.pieces[:1]
        for piece in self.pieces[1:]:
            longer = f"{lines[-1]} - {piece}"
            lines[-1:] = [longer] if columns is None or cell_len(longer) <= columns else [lines[-1], f"  {piece}"]
        return "\n".join(lines)

    def within(self, columns: int | None) -> str:
        """As much as fits: the time is left out first, then the count, then validation is shortened, then numbers are left out."""
        if columns is None:
            return str(self)
        timeless, bare = replace(self, time=""), replace(self, time="", count="")
        short = replace(bare, numbers=_side_by_side(self.numbers))
        for line in (self, timeless, bare, short):
            if cell_len(str(line)) <= columns:
                return str(line)
        for line in (short, bare):
            for count in range(len(line.numbers) - 1, 0, -1):  # a number is shown whole or not at all
                fewer = replace(line, numbers=dict(list(line.numbers.items())[:count]))
                if cell_len(f"{fewer} ...") <= columns:
                    return f"{fewer} ..."
        return set_cell_size(str(bare) or str(self), columns).rstrip()


class Progress:
    """Shows epochs as they pass. Epochs count from 0, as in callbacks, and are shown from 1.

    `verbose` is 0 (silent), 1 (one line rewritten in place; at most 12 lines where the output is not a screen),
    2 (a line for each epoch) or "auto" (1). Without `epochs` the lines have no "Epoch": evaluate and predict.
    A line that is rewritten shows what fits a terminal's width, and the last one everything.

    >>> from caviar.training.progress import Progress
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
        self._compiled = 0.0  # seconds
        self._began, self._drawn_at = self.now(), float("-inf")
        self._latest: Callable[[], Line] | None = None  # the newest line, if it has not been drawn, or not in full

    def now(self) -> float:
        """A clock, in seconds, that stands still while programs compile."""
        return time.perf_counter() - self._compiled

    def call(self, program: Any, *args: Any) -> Any:
        """Call a program. If it must be compiled first, the line says so, and that time is not counted as a step's."""
        known, began = program.versions, time.perf_counter()
        if not known and self.living:
            self._draw(lambda: Line(self._name(self._epoch), "compiling", "", {}))
        if not known:
            compiled_ahead(program, *args)
        found = program(*args)
        if program.versions > known:
            self._compiled += time.perf_counter() - began
            # The time before the first step was preparation too.
            self._began = self._began if self._seen else self.now()
        return found

    def epoch_begin(self, epoch: int) -> None:
        """Start counting the steps and the time of an epoch."""
        self._epoch, self._seen, self._began = epoch, 0, self.now()

    def update(self, step: int, logs: Mapping[str, Any] | None = None) -> None:
        """`step` steps of the present epoch are done; shown only where the line can be rewritten."""
        self._seen = step
        if self.living:
            self._offer(partial(self._midway, step, self.now() - self._began, logs))

    def epoch_end(self, epoch: int, logs: Mapping[str, Any] | None, seconds: float, more: bool = False) -> None:
        """An epoch that took `seconds` is over; if `more` of the same dispatch follow at once, a rewritten line can wait for them."""
        line = partial(self._whole, epoch, seconds, logs)
        if self.living:
            self._offer(line, wait=more)
        elif self.verbose == 2 or self._first or epoch + 1 in self._milestones:
            self._print(line)
        else:
            self._latest = line
        self._first = False

    def close(self) -> None:
        """Show the last line in full, and end it."""
        if self._latest is not None:
            self._fold(self._latest) if self.living else self._print(self._latest)
        if self._width:
            say("", self.stream)
        self._latest, self._width = None, 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _midway(self, step: int, seconds: float, logs: Mapping[str, Any] | None) -> Line:
        each = seconds / max(step, 1)
        left = f"ETA: {each * (self.steps - step):.0f}s " if self.steps else ""
        count = _count(step, self.steps or "Unknown")
        return Line(self._name(self._epoch), count, f"{left}{_per_step(each)}", _numbers(logs))

    def _whole(self, epoch: int, seconds: float, logs: Mapping[str, Any] | None) -> Line:
        steps = self.steps or self._seen
        each = _per_step(seconds / max(steps, 1))
        return Line(self._name(epoch), _count(steps, steps), f"{seconds:.0f}s {each}", _numbers(logs))

    def _name(self, epoch: int) -> str:
        return "" if self.epochs is None else f"Epoch {epoch + 1}/{self.epochs}"

    def _offer(self, line: Callable[[], Line], wait: bool = False) -> None:
        """Draw the line, unless the last was drawn just now."""
        self._latest = line
        if not wait and time.perf_counter() - self._drawn_at >= _SECONDS_BETWEEN_DRAWS:
            self._draw(line)

    def _draw(self, line: Callable[[], Line]) -> None:
        made = line()
        text = made.within(_columns(self.stream))
        self._rewrite(text)
        self._drawn_at, self._latest = time.perf_counter(), None if text == str(made) else line

    def _fold(self, line: Callable[[], Line]) -> None:
        first, *rest = line().folded(_columns(self.stream)).split("\n")
        self._rewrite(first)
        for more in rest:
            say(f"\n{more}", self.stream, end="")

    def _rewrite(self, text: str) -> None:
        width = cell_len(text)
        say(f"\r{text}{' ' * (self._width - width)}", self.stream, end="")  # spaces erase the rest of the line before
        self._width = width

    def _print(self, line: Callable[[], Line]) -> None:
        self._latest = None
        if self.verbose:
            say(str(line()), self.stream)


def _milestones(epochs: int | None) -> set[int]:
    """The epochs that get a line in a file: each of a few, else at growing intervals."""
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


def _count(step: int, of: int | str) -> str:
    return f"{step:>{len(str(of))}}/{of}"


def _numbers(logs: Mapping[str, Any] | None) -> dict[str, str]:
    """The numbers as text; a short row is shown in brackets, a matrix or a long row only in the history.

    >>> import numpy as np
    >>> from caviar.training.progress import _numbers
    >>> _numbers({"loss": 0.25, "f1_score": np.array([0.5, 1.0]), "confusion_matrix": np.eye(3)})
    {'loss': '0.2500', 'f1_score': '[0.5000 1.0000]'}
    """
    found = {printable(name): np.asarray(value, float) for name, value in (logs or {}).items()}
    shown = {
        name: value for name, value in found.items() if value.ndim == 0 or (value.ndim == 1 and len(value) <= _ROW)
    }
    return {
        name: f"[{' '.join(map(_number, value))}]" if value.ndim else _number(value) for name, value in shown.items()
    }


def _number(value: Any) -> str:
    """A number with four decimals, or in scientific notation where those would all be zero, as in Keras."""
    return f"{value:.4f}" if abs(value) > 1e-3 else f"{value:.4e}"


def _side_by_side(numbers: Mapping[str, str]) -> dict[str, str]:
    """Validation's numbers in brackets after those of training: `loss: 0.25 (val: 0.5)`."""
    own = [name for name in numbers if not (name.startswith("val_") and name[4:] in numbers)]
    validated = {name: f" (val: {numbers[f'val_{name}']})" for name in own if f"val_{name}" in numbers}
    return {name: numbers[name] + validated.get(name, "") for name in own}
