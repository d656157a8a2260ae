"""How long a search may take, and how many trials it has in that time."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

FIRST, FEWEST, GROWTH = 100, 16, 8
"""The trials of a first course, of a last one, and how many times as many as the one before a course has at most."""


class OutOfTime(Exception):
    """Raised where something is not begun, since it would not end in time."""


class TimeLimit:
    """The minutes that a search has in all, and what it has spent of them, in earlier calls too.

    >>> from caviar.studies.limits import TimeLimit
    >>> TimeLimit(None).left, TimeLimit(1, spent=50).allows(20), TimeLimit(1, spent=50).allows(5)
    (inf, False, True)
    """

    def __init__(self, minutes: float | None, spent: float = 0.0, began: float | None = None):
        self.is_set = minutes is not None
        self.seconds = math.inf if minutes is None else 60 * float(minutes)
        self.spent_before, self.began = spent, time.monotonic() if began is None else began
        self.closing = 0.0  # what it takes to write the study's file

    @property
    def spent(self) -> float:
        """The seconds spent so far."""
        return self.spent_before + time.monotonic() - self.began

    @property
    def left(self) -> float:
        """The seconds left for training."""
        return self.seconds - self.spent - self.closing

    def allows(self, seconds: float) -> bool:
        """Whether something that takes so long would end in time."""
        return self.left >= seconds


def next_course(courses: Sequence[tuple[int, float]], limit: TimeLimit) -> int:
    """How many trials to add next: as many as fill half of the time that is left, as fast as the last ones were.

    `courses` has the trials of each course so far, and the seconds that had been spent when it began.

    >>> from caviar.studies.limits import TimeLimit, next_course
    >>> next_course([], TimeLimit(1)), next_course([(100, 0.0)], TimeLimit(1, spent=2))
    (100, 800)
    """
    if not courses:
        return FIRST
    count, began = courses[-1]
    fitting = count / max(limit.spent - began, 1e-3) * limit.left / 2
    return int(min(max(fitting, FEWEST), GROWTH * count))
