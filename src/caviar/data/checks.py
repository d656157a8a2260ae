"""Checks that the parts of the data fit each other, before anything compiles."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from caviar.errors import DataError, ShapeError


def check_lengths(parts: dict[str, Any]) -> None:
    """Raise if inputs, targets and weights differ in their number of rows.

    >>> import numpy as np
    >>> from caviar.data.checks import check_lengths
    >>> check_lengths({"x": np.zeros((3, 2)), "y": np.zeros(4)})
    Traceback (most recent call last):
    caviar.errors.ShapeError: rows do not match: x has 3 rows, y has 4 rows; every row of x needs its own row of y
    """
    lengths = {name: {int(a.shape[0]) for a in jax.tree.leaves(tree)} for name, tree in parts.items()}
    found = {name: sorted(n) for name, n in lengths.items() if n}
    if len({n for ns in found.values() for n in ns}) > 1:
        text = ", ".join(f"{name} has {' and '.join(map(str, ns))} rows" for name, ns in found.items())
        raise ShapeError(f"rows do not match: {text}; every row of x needs its own row of y")


def check_sample_weight(weights: list[Any], where: str) -> None:
    """Raise if a weight is negative, or all are 0."""
    for weight in jax.tree.leaves(weights):
        array = np.asarray(weight)
        if array.min() < 0:
            at = int(np.argmax((array < 0).reshape(len(array), -1).any(-1)))
            raise DataError(f"{where} holds {array.min()}, the first negative one in row {at}: weights are at least 0")
