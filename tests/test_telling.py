"""What `make test` shows while it runs."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from telling import Telling

from caviar.telling import all_tell


class Terminal:
    """What pytest shows things on."""

    def __init__(self, isatty: bool, tests: int):
        self.isatty, self._session, self.shown = isatty, SimpleNamespace(testscollected=tests), list[str]()

    def ensure_newline(self) -> None:
        pass

    def write_line(self, line: str, **_: Any) -> None:
        self.shown.append(line + "\n")

    def rewrite(self, line: str, **_: Any) -> None:
        self.shown.append("\r" + line)


def shown(isatty: bool) -> list[str]:
    """Four tests of which the third fails, each of which takes six seconds."""
    terminal, seconds = Terminal(isatty, 4), iter(range(0, 100, 6))
    telling = Telling(terminal, lambda: next(seconds))
    for i in range(4):
        outcome = SimpleNamespace(nodeid=f"test_{i}", when="call", passed=i != 2, failed=i == 2, outcome="?")
        telling.pytest_runtest_logreport(outcome)
        telling.pytest_runtest_logfinish()
    return terminal.shown


def test_a_file_has_a_line_now_and_then_and_the_last() -> None:
    assert shown(False) == [
        " 50%  2 of 4 tests, 0 failed, 0:12 min\n",
        "FAILED test_2\n",
        "100%  4 of 4 tests, 1 failed, 0:24 min\n",
    ]


def test_a_terminal_has_one_line_that_moves() -> None:
    assert shown(True) == [
        "\r 25%  1 of 4 tests, 0 failed, 0:06 min",
        "\r 50%  2 of 4 tests, 0 failed, 0:12 min",
        "FAILED test_2\n",
        "\r 75%  3 of 4 tests, 1 failed, 0:18 min",
        "\r100%  4 of 4 tests, 1 failed, 0:24 min",
    ]


@pytest.mark.parametrize(
    ("when", "outcome", "counted"),
    [("call", "passed", "passed"), ("call", "failed", "failed"), ("setup", "failed", "error"), ("setup", "passed", "")],
)
def test_the_last_line_counts_as_ever_and_there_are_no_dots(when: str, outcome: str, counted: str) -> None:
    report = SimpleNamespace(when=when, outcome=outcome, passed=outcome == "passed")
    word = "" if report.passed else "FAILED"
    assert Telling(Terminal(False, 1)).pytest_report_teststatus(report) == (counted, "", word)


def test_by_default_a_modules_own_public_functions_tell() -> None:
    def made_here() -> None: ...

    made_here.__module__ = "mine"
    space = {"__name__": "mine", "shown": made_here, "_hidden": made_here, "foreign": len}
    assert list(all_tell(space)) == ["shown"]
