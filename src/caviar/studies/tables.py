"""The results of a study as rows: tables, and the ranking of trials."""

from __future__ import annotations

import csv
import html
import io
import math
import os
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.table import Table as RichTable

from caviar.errors import ArgumentError, missing_extra
from caviar.files import write_whole
from caviar.text import printable, tabled

__all__ = ["Table"]

_ROWS_SHOWN = 20  # a screenful; the rest is counted


class Dimension(NamedTuple):
    """A hyperparameter of a study: its name (a path such as "dense.units") and the range of its values."""

    name: str
    range: Any


class Table(list[dict[str, Any]]):
    """Rows, one for each trial, that print as a table; `monitor` and `sign` (+1: larger is better) say which are best.

    >>> from caviar.studies import Table
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

        >>> from caviar.studies import Table
        >>> Table([{"trial": 0, "val_loss": 0.25}, {"trial": 1, "val_loss": 0.125}], "val_loss", -1).best()[0]["trial"]
        1
        """
        return Table(ranked(self, self.monitor, self.sign)[: check_count(count)], self.monitor, self.sign)

    def to_csv(self, path: str | os.PathLike[str] | None = None) -> str | None:
        """The table as CSV (RFC 4180), written to a file as a whole or not at all; without a path it is returned.

        >>> from caviar.studies import Table
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

        >>> from caviar.studies import Table
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


def check_count(count: Any) -> int:
    """A number of trials, which must be at least 1.

    >>> from caviar.studies.tables import check_count
    >>> check_count(3)
    3
    """
    if not isinstance(count, Integral) or isinstance(count, bool) or count < 1:
        raise ArgumentError(f"count must be a whole number of at least 1, and is {count!r}")
    return int(count)


def columns_of(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Every key of the rows, in order.

    >>> from caviar.studies.tables import columns_of
    >>> columns_of([{"trial": 0, "val_loss": 0.5}, {"trial": 1, "val_loss": 0.5, "val_loss_std": 0.1}])
    ['trial', 'val_loss', 'val_loss_std']
    """
    return list(dict.fromkeys(key for row in rows for key in row))


def shown(value: Any) -> str:
    """A value as a table shows it: four significant digits.

    >>> from caviar.studies.tables import shown
    >>> shown(0.000123456), shown(12.34567), shown(None), shown("adam")
    ('0.0001235', '12.35', '-', 'adam')
    """
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float | np.floating) else printable(value)


def wrapped(name: str, width: int = 12) -> str:
    """A long name on several lines, broken after dots and underscores.

    >>> from caviar.studies.tables import wrapped
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

    >>> from caviar.studies.tables import as_text
    >>> as_text([{"trial": 0, "momentum": 0.9, "val_loss": 0.5}], 20).splitlines()[-1]
    'no room for: momentum'
    """
    columns = list(columns_of(rows) if columns is None else columns)
    text = _drawn(rows, columns)
    left_out: list[str] = []
    # The first and the last column, the trial and its value, stay.
    while len(columns) > 2 and max(map(cell_len, text)) > width:
        left_out.insert(0, columns.pop(_least(columns)))
        text = _drawn(rows, columns)
    return "\n".join(text + ([f"no room for: {', '.join(left_out)}"] if left_out else []))


def _least(columns: list[str]) -> int:
    """The column to leave out first: one about the course of a trial, then the last hyperparameter."""
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

    >>> from caviar.studies.tables import value_of
    >>> value_of({"trial": 0, "status": "waiting"}, "val_loss")
    nan
    """
    value = row.get(monitor)
    return math.nan if value is None else float(value)


def ranked(rows: Iterable[dict[str, Any]], monitor: str, sign: int) -> list[dict[str, Any]]:
    """Best first, however many epochs it took; then those that diverged or failed, then those without a value.

    >>> from caviar.studies.tables import ranked
    >>> rows = [{"trial": 0, "status": "finished", "acc": 0.5}, {"trial": 1, "status": "finished", "acc": 0.75}]
    >>> [row["trial"] for row in ranked(rows, "acc", sign=1)]
    [1, 0]
    """

    def key(row: dict[str, Any]) -> tuple[bool, bool, float, int]:
        value = value_of(row, monitor)
        nothing = math.isnan(value)
        return nothing, row.get("status") in ("diverged", "failed"), 0.0 if nothing else -sign * value, row["trial"]

    return sorted(rows, key=key)
