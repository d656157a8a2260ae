"""Answers to wrong data, before anything compiles: where it is wrong, and what to do."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from caviar.errors import DataError, ShapeError


def check_numbers(array: np.ndarray, where: str, columns: list[str] | None = None) -> None:
    """Refuse arrays that are empty, or hold NaN or infinity; say in which column and row.

    >>> check_numbers(np.array([[1.0, 2.0], [3.0, np.nan]]), "x")
    Traceback (most recent call last):
    caviar.errors.DataError: x holds nan in column 1, first in row 1 (1 of 4 values are not finite): fill or drop such rows first
    """
    if array.size == 0:
        raise DataError(f"{where} is empty: its shape is {array.shape}")
    if array.dtype.kind != "f" or np.isfinite(array.sum(dtype=np.float64)):  # a finite sum has only finite terms
        return
    bad = ~np.isfinite(array)
    if not bad.any():  # the sum itself overflowed
        return
    at = tuple(int(i[0]) for i in np.nonzero(bad))
    column = f"column {columns[at[1]]!r}, " if columns and len(at) > 1 else f"column {at[1]}, " if len(at) == 2 else ""
    place = f"{column}first in row {at[0]}" if len(at) < 3 else f"row {at[0]}, at {at[1:]}"
    raise DataError(
        f"{where} holds {array[at]} in {place} ({bad.sum()} of {array.size} values are not finite): fill or drop such rows first"
    )


def check_lengths(parts: dict[str, Any]) -> None:
    """Refuse inputs, targets and weights that differ in their number of rows."""
    lengths = {name: {int(a.shape[0]) for a in jax.tree.leaves(tree)} for name, tree in parts.items()}
    found = {name: sorted(n) for name, n in lengths.items() if n}
    if len({n for ns in found.values() for n in ns}) > 1:
        text = ", ".join(f"{name} has {' and '.join(map(str, ns))} rows" for name, ns in found.items())
        raise ShapeError(f"rows do not match: {text}; every row of x needs its own row of y")
