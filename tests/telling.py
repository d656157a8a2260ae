"""How far the tests are: a line that moves on a terminal, and a line now and then in a file. `make test` and `make quick` use it."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

import pytest

SECONDS = 10
"""Between two lines where they are kept, in a file or a pipe."""


class Telling:
    """Tells what went well in one line of numbers, and what failed as soon as it is known."""

    def __init__(self, terminal: Any, now: Any = time.monotonic):
        self.terminal, self.now, self.counts = terminal, now, Counter[str]()
        self.began = self.told = now()

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: Any) -> tuple[str, str, str] | None:
        """No dots and letters: what is counted at the end is as ever."""
        return (_counted_as(report), "", "" if report.passed else report.outcome.upper())

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Count what failed, and say which test it was."""
        if report.failed:
            self.counts["failed"] += 1
            self.terminal.ensure_newline()
            self.terminal.write_line(f"FAILED {report.nodeid}", red=True)

    def pytest_runtest_logfinish(self) -> None:
        """One more test is over."""
        self.counts["done"] += 1
        moves, now = self.terminal.isatty, self.now()
        if now - self.told >= (0.2 if moves else SECONDS) or self.counts["done"] == self.total:
            self.told = now
            self.terminal.rewrite(self.line(), erase=True) if moves else self.terminal.write_line(self.line())

    @property
    def total(self) -> int:
        """How many tests there are."""
        return self.terminal._session.testscollected

    def line(self) -> str:
        """What is shown."""
        minutes, seconds = divmod(round(self.told - self.began), 60)
        done, failed = self.counts["done"], self.counts["failed"]
        return (
            f"{100 * done // self.total:3}%  {done} of {self.total} tests, {failed} failed, {minutes}:{seconds:02} min"
        )


def _counted_as(report: Any) -> str:
    """What pytest counts a report as in its last line."""
    if report.when == "call":
        return report.outcome
    return {"failed": "error", "skipped": "skipped", "passed": ""}[report.outcome]
