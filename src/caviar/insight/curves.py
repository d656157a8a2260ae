"""Learning curves."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from caviar.errors import ArgumentError
from caviar.insight.picture import as_it_is, picture, save

__all__ = ["plot_history"]


def plot_history(history: Any, path: str | os.PathLike[str] | None = None) -> Any:
    """Draw every number of a history against the epoch, training and validation together; saved if a path is given.

    Returns matplotlib's figure.

    >>> from caviar.insight import plot_history
    >>> figure = plot_history({"loss": [3.0, 2.0, 1.5], "val_loss": [3.1, 2.2, 1.9]})
    >>> figure.axes[0].get_xlabel()
    'epoch'
    """
    logs: Mapping[str, list[float]] = getattr(history, "history", history)
    if not isinstance(logs, Mapping):
        raise ArgumentError(f"plot_history draws what fit returns, or a dict of lists, and not {history!r}")
    names = [n for n in logs if not n.startswith("val_") and np.ndim(logs[n][0]) == 0] if logs else []
    if not names:
        raise ArgumentError("there is nothing to draw: the history has no epochs")
    figure = _figure(len(names))
    for axes, name in zip(figure.axes, names, strict=False):
        _draw(axes, name, logs)
    return save(figure, path)


def _figure(count: int) -> Any:
    columns = min(count, 3)
    rows = math.ceil(count / columns)
    figure = picture(4.6 * columns, 3.4 * rows)
    for i in range(count):
        figure.add_subplot(rows, columns, i + 1)
    return figure


def _draw(axes: Any, name: str, logs: Mapping[str, list[float]]) -> None:
    for key, label, color in ((name, "training", "#1f5f8b"), (f"val_{name}", "validation", "#d1495b")):
        if key not in logs:
            continue
        values = np.asarray(logs[key], float)
        epochs: Any = np.arange(1, len(values) + 1)
        if f"val_{name}" in logs and key != name and len(values) != len(logs[name]):
            epochs = np.linspace(1, len(logs[name]), len(values))
        axes.plot(epochs, values, color=color, label=label, linewidth=1.8)
    finite = [v for key in (name, f"val_{name}") for v in logs.get(key, []) if np.isfinite(v)]
    if finite and min(finite) > 0 and max(finite) / min(finite) > 100:
        axes.set_yscale("log")
    axes.set_xlabel("epoch")
    axes.set_title(as_it_is(name.replace("_", " ")))
    axes.grid(color="#dddddd", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
