"""How much work one dispatch does: enough to make its overhead small, little enough for a live display and a prompt Ctrl-C."""

from __future__ import annotations

from caviar.training.program import CAPACITY

DISPATCH_SECONDS = 0.2
"""About how long one dispatch takes."""


class Clock:
    """Decides how much one dispatch does, from how long the ones before took."""

    def __init__(self, steps: int):
        self.steps = steps  # of an epoch
        self.calls = 0
        self.per_step = DISPATCH_SECONDS  # a guess, until it is measured
        self.spent = 0.0  # on the epoch under way

    def amount(self, pace: str, position: int, epochs_left: int) -> tuple[int, int]:
        """How many steps, and epochs at most. A dispatch ends inside the epoch or at the end of one, never further."""
        affordable = max(1, int(DISPATCH_SECONDS / self.per_step))
        if pace == "batch":
            return 1, 1
        if position or affordable < self.steps:
            return affordable, 1
        epochs = 1 if pace == "epoch" else max(1, min(epochs_left, affordable // self.steps, CAPACITY))
        return epochs * self.steps, epochs

    def measure(self, seconds: float, steps: int) -> None:
        """Learn from a dispatch's time. The first one, which may compile, is ignored; later a dispatch grows at most eightfold."""
        self.calls += 1
        self.spent += seconds
        if self.calls > 1:
            self.per_step = max(seconds / max(steps, 1), self.per_step / 8)
        else:
            self.per_step = DISPATCH_SECONDS / 8

    def epoch_seconds(self, finished: int) -> float:
        """How long each of the epochs just finished took, its earlier dispatches included."""
        spent, self.spent = self.spent, 0.0
        return spent / finished
