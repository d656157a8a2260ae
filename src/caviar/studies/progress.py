"""The progress of a search: one line, and a table of the leading trials below it; in a file, a few lines."""

from __future__ import annotations

import contextlib
import html
import io
import sys
import textwrap
import time
from collections.abc import Callable, Sequence
from typing import Any, Self, TextIO, cast

from rich.console import Console
from rich.live import Live
from rich.text import Text

from caviar.errors import ArgumentError
from caviar.studies.tables import Table, as_text, columns_of, value_of
from caviar.training.progress import _is_notebook, _is_screen

_LEADERS = 5
_SECONDS_BETWEEN_DRAWS = 0.25
_FIRST_WAIT, _GROWTH = 2.0, 4.0  # in a file, a line after 2 s, 8 s more, 32 s more: a dozen lines in a day


class SearchProgress:
    """Shows a search while it runs: one line and the leading trials, redrawn in place.

    `verbose` is 0 (silent), 1 (living; a dozen lines where the output is not a screen), 2 (a line whenever there is
    a new best trial or a new note) or "auto" (1).

    >>> from caviar.studies.progress import SearchProgress
    >>> with SearchProgress(trials=200, epochs=30, monitor="val_accuracy", sign=1, verbose=2) as progress:
    ...     best = {"trial": 87, "val_accuracy": 0.9812}
    ...     progress.update(alive=57, done=143, epoch=12, rate=1240.0, left_seconds=21, best=best, leaders=[best])
    search - 143 of 200 trials - 57 alive - epoch 12/30 - best val_accuracy: 0.9812 (trial 87) - 1240 epochs/s - 21s left
    """

    def __init__(
        self,
        trials: int | None,
        epochs: int,
        monitor: str,
        sign: int,
        verbose: int | str = "auto",
        stream: TextIO | None = None,
    ):
        if verbose not in ("auto", 0, 1, 2):
            raise ArgumentError(
                f'verbose is 0 (silent), 1 (a line), 2 (a line for all news) or "auto", not {verbose!r}'
            )
        self.trials, self.epochs, self.monitor, self.sign = trials, epochs, monitor, sign
        self.verbose = 1 if verbose == "auto" else verbose
        self._screen = _screen(_Calm(sys.stdout if stream is None else stream), self.verbose)
        self._news: tuple[Any, str] | None = None
        self._frames = ""

    def update(
        self,
        *,
        alive: int,
        done: int,
        epoch: int,
        rate: float,
        left_seconds: float | None,
        best: dict[str, Any] | None,
        leaders: Sequence[dict[str, Any]],
        note: str = "",
        waited: float = 0.0,
    ) -> None:
        """Show the state of the search: `alive` trials train, at a `rate` of so many epochs of all of them per second.

        Before the first of them does, all have `waited` for programs for so many seconds.
        """
        news = best and (best["trial"], best.get(self.monitor)), note
        fresh, self._news = news != self._news, news

        def line() -> str:
            parts = ["search", f"{done} trials" if self.trials is None else f"{done} of {self.trials} trials"]
            parts += [note] * bool(note)
            trains = bool(alive or rate)  # else everybody waits for the first program
            parts += [f"{alive} alive", f"epoch {epoch}/{self.epochs}"] * trains
            if best is not None:
                parts.append(f"best {self.monitor}: {_number(value_of(best, self.monitor))} (trial {best['trial']})")
            parts += [f"{rate:.0f} epochs/s" if rate >= 10 else f"{rate:.2g} epochs/s"] * trains
            parts += [f"{duration(waited)} so far"] * (not trains and waited > 0)
            return " - ".join(parts + ([] if left_seconds is None else [f"{duration(left_seconds)} left"]))

        self._screen.show(line, Table(leaders[:_LEADERS], self.monitor, self.sign), fresh)

    def tell(self, frames: str) -> None:
        """Which sizes share a program, in full: a line for `verbose=2`."""
        if self.verbose == 2 and frames and frames != self._frames:
            self._screen.last(f"search - programs for sizes up to: {frames}")
        self._frames = frames

    def finish(self, summary: str) -> None:
        """Show one last line: the search is over."""
        self._screen.close()
        self._screen.last(summary)

    def close(self) -> None:
        """Show the last state, and give the terminal back."""
        self._screen.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Lines:
    """Lines that stay: at growing intervals, or (`every`) whenever there is news; the first and the last always."""

    def __init__(self, stream: _Calm, every: bool):
        self.stream, self.every = stream, every
        self._wait, self._next = _FIRST_WAIT, float("-inf")
        self._held_back: Callable[[], str] | None = None

    def show(self, line: Callable[[], str], leaders: Table, fresh: bool) -> None:
        now = time.monotonic()
        if not (fresh if self.every else now >= self._next):
            self._held_back = line
            return
        self._wait *= _GROWTH if self._next > 0 else 1
        self._next, self._held_back = now + self._wait, None
        self.last(line())

    def close(self) -> None:
        line, self._held_back = self._held_back, None
        if line is not None:
            self.last(line())

    def last(self, text: str) -> None:
        self.stream.write(text + "\n")


class _Silence:
    """The screen that shows nothing."""

    def show(self, line: Callable[[], str], leaders: Table, fresh: bool) -> None: ...

    def close(self) -> None: ...

    def last(self, text: str) -> None: ...


class _Living:
    """A line and a table that are redrawn in place, at most four times a second."""

    def __init__(self, stream: _Calm):
        self.stream = stream
        self._drawn_at = float("-inf")
        self._held_back: tuple[Callable[[], str], Table] | None = None

    def show(self, line: Callable[[], str], leaders: Table, fresh: bool) -> None:
        self._held_back = line, leaders
        if time.monotonic() - self._drawn_at >= _SECONDS_BETWEEN_DRAWS:
            self._draw()

    def close(self) -> None:
        if self._held_back is not None:
            self._draw()

    def last(self, text: str) -> None:
        self.stream.write(text + "\n")

    def _draw(self) -> None:
        assert self._held_back is not None
        line, leaders = self._held_back
        self._held_back, self._drawn_at = None, time.monotonic()
        self.draw(line(), leaders)

    def draw(self, line: str, leaders: Table) -> None:
        raise NotImplementedError


class _Terminal(_Living):
    """Redrawn by the library rich, which keeps what the user's code prints above it."""

    def __init__(self, stream: _Calm):
        super().__init__(stream)
        self.console = Console(file=cast(TextIO, stream), force_terminal=True, force_jupyter=False, highlight=False)
        self._live: Live | None = None

    def draw(self, line: str, leaders: Table) -> None:
        if self._live is None:
            self._live = Live(console=self.console, auto_refresh=False, vertical_overflow="crop")
            self._live.start()
        width = max(self.console.width - 1, 10)
        lines = textwrap.wrap(line, width)  # in a narrow terminal the line is wrapped, not cut
        if leaders:
            lines += as_text(leaders, width, _worth_showing(leaders)).split("\nno room for")[0].split("\n")
        self._live.update(Text(self.stream.printable("\n".join(lines)), no_wrap=True, overflow="crop"), refresh=True)

    def close(self) -> None:
        try:
            super().close()
        finally:
            live, self._live = self._live, None
            if live is not None:
                live.stop()


class _Notebook(_Living):
    """One display of a notebook, updated."""

    handle: Any = None

    def draw(self, line: str, leaders: Table) -> None:
        from IPython.display import HTML, display

        shown = HTML(f"<pre>{html.escape(line)}</pre>{leaders._repr_html_() if leaders else ''}")
        if self.handle is None:
            self.handle = display(shown, display_id=True)
        else:
            self.handle.update(shown)


class _Calm(io.TextIOBase):
    """A stream that never raises: not if it is closed, broken or missing, nor for a character that it lacks."""

    def __init__(self, stream: Any):
        self.stream = stream

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return getattr(self.stream, "encoding", None) or "utf-8"

    def printable(self, text: str) -> str:
        return text.encode(self.encoding, "replace").decode(self.encoding)

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError, ValueError, AttributeError):
            self.stream.write(self.printable(text))
            self.stream.flush()
        return len(text)


def _screen(stream: _Calm, verbose: int | str) -> _Lines | _Silence | _Living:
    if verbose == 0:
        return _Silence()
    if verbose == 2 or not _is_screen(stream.stream):
        return _Lines(stream, every=verbose == 2)
    if _is_notebook(stream.stream):
        return _Notebook(stream)
    terminal = _Terminal(stream)
    return _Lines(stream, every=False) if terminal.console.is_dumb_terminal else terminal


def _worth_showing(leaders: Table) -> list[str]:
    """The columns that distinguish the leaders; they all train in the same round, or have finished."""
    return [name for name in columns_of(leaders) if name not in ("round", "status")]


def _number(value: float) -> str:
    """A number with four decimals, or in scientific notation where those would all be zero, as in `fit`."""
    return f"{value:.4f}" if abs(value) > 1e-3 else f"{value:.4e}"


def duration(seconds: float) -> str:
    """A time in its two largest units.

    >>> from caviar.studies.progress import duration
    >>> duration(21), duration(200), duration(8000), duration(200_000)
    ('21s', '3m 20s', '2h 13m', '2d 7h')
    """
    whole = max(round(seconds), 0)
    days, hours, minutes = whole // 86400, whole // 3600 % 24, whole // 60 % 60
    parts = [f"{n}{unit}" for n, unit in ((days, "d"), (hours, "h"), (minutes, "m"), (whole % 60, "s")) if n]
    return " ".join(parts[:2]) or "0s"
