"""What a search shows: in a terminal, in a notebook, in a file, and nothing at all."""

from __future__ import annotations

import io
import re
import sys
from itertools import pairwise
from types import ModuleType
from typing import Any

import pytest

from caviar.errors import ArgumentError
from caviar.studies import progress as module
from caviar.studies.progress import SearchProgress

HIDE, SHOW = "\x1b[?25l", "\x1b[?25h"
ROWS: list[dict[str, Any]] = [
    {
        "trial": i,
        "round": 1,
        "learning_rate": 10.0**-i,
        "dense.units": 64,
        "status": "running",
        "epochs": 12,
        "acc": 0.9 - i / 10,
    }
    for i in range(8)
]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Notebook(io.StringIO):
    pass


Notebook.__module__ = "ipykernel.iostream"


class Broken(Terminal):
    def write(self, text: str) -> int:
        raise BrokenPipeError


def screen(text: str) -> list[str]:
    """What a terminal shows once "erase the line" and "one line up" have been done."""
    lines, row, column = [""], 0, 0
    for piece in re.findall(r"\x1b\[[?0-9;]*[a-zA-Z]|\r|\n|[^\x1b\r\n]+", text):
        if piece == "\n":
            row, column = row + 1, 0
            lines += [""] * (row == len(lines))
        elif piece == "\r":
            column = 0
        elif piece == "\x1b[2K":
            lines[row] = ""
        elif piece == "\x1b[1A":
            row -= 1
        elif not piece.startswith("\x1b"):
            lines[row] = lines[row][:column].ljust(column) + piece + lines[row][column + len(piece) :]
            column += len(piece)
    return [line.rstrip() for line in lines]


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that stands still until a test moves it, in a terminal of a usual size."""
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    for name, value in {"TERM": "xterm", "COLUMNS": "100", "LINES": "30"}.items():
        monkeypatch.setenv(name, value)
    return now


def told(progress: SearchProgress, done: int = 0, **changes: Any) -> None:
    state = {
        "alive": 57, "done": done, "epoch": 12, "rate": 1240.4, "left_seconds": 21.2,
        "best": ROWS[0], "leaders": ROWS, "note": "round 2 of 3",
    }  # fmt: skip
    progress.update(**{**state, **changes})


def searched(stream: Any, clock: list[float], seconds: float, verbose: int | str = "auto", **changes: Any) -> None:
    with SearchProgress(1000, 30, "acc", 1, verbose, stream) as progress:
        for done in range(1001):
            told(progress, done, **changes)
            clock[0] += seconds / 1000


def test_silent(clock: list[float]) -> None:
    stream = Terminal()
    searched(stream, clock, 60, verbose=0)
    with SearchProgress(10, 30, "acc", 1, 0, stream) as progress:
        progress.finish("done")
    assert stream.getvalue() == ""


LINES = {
    "search - 143 of 200 trials - round 2 of 3 - 57 alive - epoch 12/30 - best acc: 0.9000 (trial 0) - 1240 epochs/s - 21s left": {},
    "search - 143 of 200 trials - 57 alive - epoch 12/30 - best acc: 0.9000 (trial 0) - 1240 epochs/s": {"note": "", "left_seconds": None},
    "search - 143 of 200 trials - 57 alive - epoch 12/30 - 0.25 epochs/s - 2h 13m left":
        {"note": "", "best": None, "rate": 0.25, "left_seconds": 8000},
    "search - 143 of 200 trials - 57 alive - epoch 12/30 - best acc: 2.0000e-05 (trial 3) - 0 epochs/s - 0s left":
        {"note": "", "best": {"trial": 3, "acc": 2e-5}, "rate": 0.0, "left_seconds": 0.1},
    "search - 143 of 200 trials - 57 alive - epoch 12/30 - best acc: nan (trial 3) - 12 epochs/s":
        {"note": "", "best": {"trial": 3}, "rate": 12.0, "left_seconds": None},
}  # fmt: skip


@pytest.mark.parametrize("line", LINES)
def test_the_line(line: str) -> None:
    stream = io.StringIO()
    with SearchProgress(200, 30, "acc", 1, stream=stream) as progress:
        told(progress, 143, **LINES[line])
    assert stream.getvalue() == line + "\n"


def test_the_line_of_a_search_without_end() -> None:
    stream = io.StringIO()
    with SearchProgress(None, 30, "acc", 1, stream=stream) as progress:
        told(progress, 143)
    assert stream.getvalue().startswith("search - 143 trials - round 2 of 3 - ")


@pytest.mark.parametrize("verbose", ["auto", 1])
@pytest.mark.parametrize("seconds", [0.1, 1.0, 60.0, 3600.0, 24 * 3600.0])
def test_in_a_file_a_dozen_lines_at_growing_intervals(clock: list[float], seconds: float, verbose: int | str) -> None:
    stream = io.StringIO()
    searched(stream, clock, seconds, verbose)
    lines = stream.getvalue().splitlines()
    done = [int(re.match(r"search - (\d+) of 1000 trials", line)[1]) for line in lines]
    assert len(lines) <= 12
    assert (done[0], done[-1]) == (0, 1000)
    assert len(lines) >= (4 if seconds >= 60 else 2)
    steps = [later - earlier for earlier, later in pairwise(done[:-1])]
    assert steps == sorted(steps)
    assert "\x1b" not in stream.getvalue()
    assert "\r" not in stream.getvalue()


def test_verbose_2_tells_all_news(clock: list[float]) -> None:
    stream = io.StringIO()
    with SearchProgress(200, 30, "acc", 1, 2, stream) as progress:
        for done, (best, note) in enumerate(
            [(1, ""), (1, ""), (0, ""), (0, "round 2"), (0, "round 2"), (0, "round 2")]
        ):
            told(progress, done, best=ROWS[best], note=note)
    done = [int(line.split()[2]) for line in stream.getvalue().splitlines()]
    assert done == [0, 2, 3, 5]  # the last is the state at the end


def test_the_summary_is_the_last_line(clock: list[float]) -> None:
    for stream in (io.StringIO(), Terminal()):
        with SearchProgress(200, 30, "acc", 1, stream=stream) as progress:
            told(progress, 100)
            told(progress, 200)
            progress.finish("200 trials in 21s")
        shown = screen(stream.getvalue())
        assert shown[-2:] == ["200 trials in 21s", ""]
        assert sum("200 of 200" in line for line in shown) == 1


def test_the_living_line_and_the_leaders(clock: list[float]) -> None:
    stream = Terminal()
    searched(stream, clock, 60)
    assert screen(stream.getvalue()) == [
        "search - 1000 of 1000 trials - round 2 of 3 - 57 alive - epoch 12/30 - best acc: 0.9000 (trial 0) -",
        "1240 epochs/s - 21s left",
        "        learning_",
        " trial       rate  dense.units  epochs  acc",
        "────────────────────────────────────────────",
        "     0          1           64      12  0.9",
        "     1        0.1           64      12  0.8",
        "     2       0.01           64      12  0.7",
        "     3      0.001           64      12  0.6",
        "     4     0.0001           64      12  0.5",
        "",
    ]


def test_it_is_drawn_four_times_a_second(clock: list[float]) -> None:
    stream = Terminal()
    searched(stream, clock, 10)
    assert 35 <= stream.getvalue().count("search - ") <= 42


@pytest.mark.parametrize("columns", [1, 10, 25, 40, 80, 300])
def test_narrow_terminals(clock: list[float], columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    stream = Terminal()
    searched(stream, clock, 3)
    shown = screen(stream.getvalue())
    assert max(map(len, shown)) <= columns
    if columns >= 25:
        assert " ".join(shown).startswith("search - 1000 of 1000 trials - round 2 of 3 - 57 alive")
        assert any(line.split()[:1] == ["trial"] and line.split()[-1] == "acc" for line in shown)


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_the_cursor_is_restored_whatever_happens(clock: list[float], error: type[BaseException]) -> None:
    stream, outside = Terminal(), sys.stdout

    def search() -> None:
        with SearchProgress(200, 30, "acc", 1, stream=stream) as progress:
            told(progress, 1)
            told(progress, 2)
            raise error

    with pytest.raises(error):
        search()
    text = stream.getvalue()
    assert (text.count(HIDE), text.count(SHOW)) == (1, 1)
    assert text.index(HIDE) < text.index(SHOW)
    assert screen(text)[0].startswith("search - 2 of 200")
    assert sys.stdout is outside


def test_what_the_users_own_code_prints_stays_above(clock: list[float]) -> None:
    stream = Terminal()
    with SearchProgress(200, 30, "acc", 1, stream=stream) as progress:
        for done in range(10):
            told(progress, done, leaders=[])
            clock[0] += 1
            if done == 5:
                print("a remark")
    shown = screen(stream.getvalue())
    assert shown[0] == "a remark"
    assert shown[1].startswith("search - 9 of 200")
    assert len([line for line in shown if line.startswith("search")]) == 1


def test_a_terminal_that_cannot_move_its_cursor_gets_lines(clock: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    stream = Terminal()
    searched(stream, clock, 60)
    assert "\x1b" not in stream.getvalue()
    assert 4 <= len(stream.getvalue().splitlines()) <= 12


@pytest.mark.parametrize("verbose", [0, 1, 2, "auto"])
def test_no_stream_ends_a_search(clock: list[float], verbose: int | str, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = Terminal()
    closed.close()
    for stream in (closed, Broken()):
        searched(stream, clock, 10, verbose)
    monkeypatch.setattr(module.sys, "stdout", None)
    searched(None, clock, 10, verbose)


def test_a_terminal_that_breaks_midway(clock: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal()
    with SearchProgress(200, 30, "acc", 1, stream=stream) as progress:
        told(progress, 1)
        monkeypatch.setattr(stream, "write", Broken().write)
        for done in range(10):
            clock[0] += 1
            told(progress, done)
        progress.finish("done")


@pytest.mark.parametrize("kind", [True, False], ids=["terminal", "file"])
def test_characters_that_the_stream_lacks(clock: list[float], kind: bool) -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii", newline="\n")
    stream.isatty = lambda: kind  # type: ignore[method-assign]
    with SearchProgress(200, 30, "größe", 1, stream=stream) as progress:
        told(progress, 1, best={"trial": 3, "größe": 0.5}, leaders=[{"trial": 3, "größe": 0.5}])
    assert b"best gr??e: 0.5000 (trial 3)" in raw.getvalue()


def test_a_notebook_has_one_display_that_is_updated(clock: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    """The names of IPython.display that are used: `HTML`, and `display` with a handle that updates."""
    shown: list[str] = []

    class Handle:
        update = staticmethod(shown.append)

    def display(thing: str, display_id: bool) -> Handle:
        assert display_id
        assert shown == []
        shown.append(thing)
        return Handle()

    fake = ModuleType("IPython.display")
    vars(fake).update(HTML=str, display=display)
    monkeypatch.setitem(sys.modules, "IPython", ModuleType("IPython"))
    monkeypatch.setitem(sys.modules, "IPython.display", fake)
    stream = Notebook()
    searched(stream, clock, 10)
    assert 35 <= len(shown) <= 42
    assert shown[-1].startswith("<pre>search - 1000 of 1000 trials - ")
    assert shown[-1].count("<tr>") == 6
    assert stream.getvalue() == ""


def test_nothing_happens_without_an_update() -> None:
    for stream in (Terminal(), io.StringIO()):
        with SearchProgress(200, 30, "acc", 1, stream=stream):
            pass
        assert stream.getvalue() == ""


def test_verbose_is_checked() -> None:
    with pytest.raises(ArgumentError, match="verbose is 0"):
        SearchProgress(1, 1, "acc", 1, verbose=3)
