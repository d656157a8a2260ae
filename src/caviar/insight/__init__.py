"""Insight: pictures of training."""

from __future__ import annotations

from caviar.insight.curves import plot_history

__all__ = ["plot_history"]


def __dir__() -> list[str]:
    return __all__
