"""What a study found, as rows: tables, the order of trials, and how much each hyperparameter matters."""

from __future__ import annotations

import csv
import html
import io
import math
import os
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.table import Table as RichTable

from caviar.errors import missing_extra
from caviar.files import write_whole
from caviar.text import printable, tabled

_ROWS_SHOWN = 20
_FEWEST, _MOST_BINS, _IN_A_BIN = 10, 10, 5


class Dimension(NamedTuple):
    """A hyperparameter of a study: its name (a path such as "dense.units") and the range of its values."""

    name: str
    range: Any


class Table(list[dict[str, Any]]):
    """Rows, one a trial, that print as a table; `monitor` and `sign` (+1: larger is better) say which are best.

    >>> Table([{"trial": 0, "rate": 0.00012345, "val_loss": 0.25}, {"trial": 1, "rate": None, "val_loss": 0.125}], "val_loss", -1)
     trial       rate  val_loss
    ────────────────────────────
         0  0.0001234      0.25
         1          -     0.125
    """

    def __init__(self, rows: Iterable[Mapping[str, Any]], monitor: str, sign: int):
        super().__init__(dict(row) for row in rows)
        self.monitor, self.sign = monitor, sign

    def best(self, count: int = 1) -> Table:
        """The best trials, best first.

        >>> Table([{"trial": 0, "val_loss": 0.25}, {"trial": 1, "val_loss": 0.125}], "val_loss", -1).best()[0]["trial"]
        1
        """
        return Table(ranked(self, self.monitor, self.sign)[:count], self.monitor, self.sign)

    def to_csv(self, path: str | os.PathLike[str] | None = None) -> str | None:
        """The table as RFC 4180 has it: into a file, written whole or not at all, or returned without a path.

        >>> Table([{"trial": 0, "name": 'a "b", c', "val_loss": None}], "val_loss", -1).to_csv()
        'trial,name,val_loss\\r\\n0,"a ""b"", c",\\r\\n'
        """
        text = io.StringIO()
        writer = csv.DictWriter(text, columns_of(self), lineterminator="\r\n")
        writer.writeheader()
        writer.writerows(self)
        if path is None:
            return text.getvalue()
        write_whole(path, text.getvalue())
        return None

    def to_pandas(self) -> Any:
        """The table as a pandas data frame, indexed by trial.

        >>> float(Table([{"trial": 7, "val_loss": 0.25}], "val_loss", -1).to_pandas().loc[7, "val_loss"])
        0.25
        """
        try:
            import pandas
        except ImportError:
            raise missing_extra("pandas", "tables", "a table as a data frame") from None
        frame = pandas.DataFrame(list(self), columns=columns_of(self))
        return frame.set_index("trial") if "trial" in frame else frame

    def __repr__(self) -> str:
        if not self:
            return "no trials"
        return as_text(self[:_ROWS_SHOWN], shutil.get_terminal_size().columns) + _more(self)

    def _repr_html_(self) -> str:
        columns = columns_of(self)
        head = "".join(f"<th>{html.escape(c)}</th>" for c in columns)
        cells = [[f"<td>{html.escape(shown(row.get(c)))}</td>" for c in columns] for row in self[:_ROWS_SHOWN]]
        body = "".join(f"<tr>{''.join(row)}</tr>" for row in cells)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{_more(self)}"


def columns_of(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Every key of the rows, in order.

    >>> columns_of([{"trial": 0, "val_loss": 0.5}, {"trial": 1, "val_loss": 0.5, "val_loss_std": 0.1}])
    ['trial', 'val_loss', 'val_loss_std']
    """
    return list(dict.fromkeys(key for row in rows for key in row))


def shown(value: Any) -> str:
    """A value as a table shows it: four significant digits.

    >>> shown(0.000123456), shown(12.34567), shown(None), shown("adam")
    ('0.0001235', '12.35', '-', 'adam')
    """
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float | np.floating) else printable(value)


def wrapped(name: str, width: int = 12) -> str:
    """A long name on several lines, broken after dots and underscores.

    >>> wrapped("dense_1.kernel_regularizer.l2")
    'dense_1.\\nkernel_\\nregularizer.\\nl2'
    """
    lines = [""]
    for piece in re.findall(r"[^._]*[._]*", printable(name)):
        if lines[-1] and len(lines[-1] + piece) > width:
            lines.append("")
        lines[-1] += piece
    return "\n".join(lines)


def as_text(rows: Sequence[Mapping[str, Any]], width: int, columns: Sequence[str] | None = None) -> str:
    """Rows as a table no wider than the terminal; columns for which there is no room are named below it.

    >>> as_text([{"trial": 0, "momentum": 0.9, "val_loss": 0.5}], 20).splitlines()[-1]
    'no room for: momentum'
    """
    columns = list(columns_of(rows) if columns is None else columns)
    text = _drawn(rows, columns)
    left_out: list[str] = []
    while len(columns) > 2 and max(map(cell_len, text)) > width:  # the trial and its value stand at the ends
        left_out.insert(0, columns.pop(_least(columns)))
        text = _drawn(rows, columns)
    return "\n".join(text + ([f"no room for: {', '.join(left_out)}"] if left_out else []))


def _least(columns: list[str]) -> int:
    """Which column to leave out first: what says how a trial went, then the last hyperparameter."""
    if columns[-1] == f"{columns[-2]}_std":
        return len(columns) - 1
    return next((columns.index(c) for c in ("round", "epochs", "status") if c in columns[1:-1]), len(columns) - 2)


def _drawn(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> list[str]:
    table = RichTable(box=SIMPLE_HEAD, show_edge=False, collapse_padding=True)
    for name in columns:
        text = any(isinstance(row.get(name), str) for row in rows)
        table.add_column(wrapped(name), justify="left" if text else "right", no_wrap=True, vertical="bottom")
    for row in rows:
        table.add_row(*(shown(row.get(name)) for name in columns))
    return tabled(table, 10_000).split("\n")


def _more(rows: Sequence[Any]) -> str:
    more = len(rows) - _ROWS_SHOWN
    return f"\n{more} more trials: to_csv and to_pandas give all" if more > 0 else ""


def value_of(row: Mapping[str, Any], monitor: str) -> float:
    """The monitored value of a trial; NaN if there is none.

    >>> value_of({"trial": 0, "status": "waiting"}, "val_loss")
    nan
    """
    value = row.get(monitor)
    return math.nan if value is None else float(value)


def ranked(rows: Iterable[dict[str, Any]], monitor: str, sign: int) -> list[dict[str, Any]]:
    """Best first, however many epochs it took; then those that diverged or failed, then those without a value.

    >>> rows = [{"trial": 0, "status": "finished", "acc": 0.5}, {"trial": 1, "status": "finished", "acc": 0.75}]
    >>> [row["trial"] for row in ranked(rows, "acc", sign=1)]
    [1, 0]
    """

    def key(row: dict[str, Any]) -> tuple[bool, bool, float, int]:
        value = value_of(row, monitor)
        nothing = math.isnan(value)
        return nothing, row.get("status") in ("diverged", "failed"), 0.0 if nothing else -sign * value, row["trial"]

    return sorted(rows, key=key)


def importance(
    rows: Iterable[Mapping[str, Any]], dimensions: Iterable[Dimension], monitor: str, sign: int
) -> dict[str, float]:
    """How much of the variance of the ranked values each hyperparameter explains by itself, from 0 to 1, largest first.

    Trials are put into bins along the hyperparameter's own scale (a choice is its own bin); the share of the variance
    that lies between bins, corrected for what chance alone gives (epsilon squared), is a first-order effect. It finds
    effects of any shape, and ranks keep a few terrible trials from deciding; diverged trials rank last. An effect that
    chance gives one time in twenty counts as none, and so does every effect of fewer than 10 trials.

    It does not see interactions (two hyperparameters that matter only together may both show 0), the values need not
    add up to 1, and it speaks of the range that was searched: a range narrowed to good values matters less.

    >>> from types import SimpleNamespace
    >>> line = SimpleNamespace(scale="linear", unit=lambda value: value)
    >>> rows = [{"trial": i, "rate": i / 50, "other": i * 7 % 50 / 50, "loss": i / 50} for i in range(50)]
    >>> found = importance(rows, [Dimension("other", line), Dimension("rate", line)], "loss", sign=-1)
    >>> list(found), found["rate"] > 0.9, found["other"]
    (['rate', 'other'], True, 0.0)
    """
    valued = [(row, _worth(row, monitor, sign)) for row in rows]
    found = {}
    for name, span in dimensions:
        active = [(row[name], worth) for row, worth in valued if row.get(name) is not None and not math.isnan(worth)]
        units = np.array([float(span.unit(value)) for value, _ in active])
        found[name] = _effect(units, np.array([worth for _, worth in active]), span.scale == "choice")
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def _worth(row: Mapping[str, Any], monitor: str, sign: int) -> float:
    """Larger is better; NaN if the trial says nothing yet."""
    value = sign * value_of(row, monitor)
    return -math.inf if math.isnan(value) and row.get("status") == "diverged" else value


def _effect(units: np.ndarray, worths: np.ndarray, choice: bool) -> float:
    """Epsilon squared of the ranks over bins: 0 where it is within what chance gives."""
    if len(worths) < _FEWEST:
        return 0.0
    values, place, counts = np.unique(worths, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]  # equal values share the mean of their ranks
    _, bins, sizes = np.unique(_bins(units, choice), return_inverse=True, return_counts=True)
    n, k = len(ranks), len(sizes)
    if len(values) == 1 or not 1 < k < n:
        return 0.0
    means = np.bincount(bins, ranks) / sizes
    explained = float(np.sum(sizes * (means - ranks.mean()) ** 2) / np.sum((ranks - ranks.mean()) ** 2))
    by_chance = (k - 1) / (n - 1)  # the mean of a Beta((k - 1)/2, (n - k)/2), which is what noise gives
    spread = math.sqrt(2 * by_chance * (1 - by_chance) / (n + 1))
    return 0.0 if explained < by_chance + 2 * spread else 1 - (n - 1) / (n - k) * (1 - explained)


def _bins(units: np.ndarray, choice: bool) -> np.ndarray:
    """A bin for each distinct value, if there are few; else bins of as many trials each."""
    count = min(_MOST_BINS, len(units) // _IN_A_BIN)
    if choice or len(np.unique(units)) <= count:
        return units
    edges = np.quantile(units, np.linspace(0, 1, count + 1)[1:-1])
    return np.searchsorted(np.unique(edges), units, side="right")
