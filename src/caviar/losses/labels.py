"""Checking labels before anything compiles: an error names the row and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from caviar.errors import DataError

if TYPE_CHECKING:
    from caviar.losses.base import Loss

__all__ = ["check_labels"]

_BOUNDS = {"non_negative": (0, np.inf), "probability": (0, 1), "sign": (-1, 1), "one_hot": (0, 1)}
_MEANING = {
    "non_negative": "must not be negative",
    "probability": "must lie between 0 and 1",
    "sign": "must be -1 and 1, or 0 and 1",
    "one_hot": "must be one-hot, or probabilities between 0 and 1",
}


def check_labels(loss: Loss, y: Any, outputs: int | None = None, where: str = "y") -> None:
    """Raise for labels that this loss cannot take; `outputs` is the number of units of the last layer, `where` names the labels.

    >>> from caviar.losses import SparseCategoricalCrossentropy, check_labels
    >>> check_labels(SparseCategoricalCrossentropy(), [0, 1, 10])
    >>> check_labels(SparseCategoricalCrossentropy(), [0, 1, 1.5])
    Traceback (most recent call last):
    caviar.errors.DataError: y: labels of sparse_categorical_crossentropy must be integers from 0: row 2 holds 1.5
    """
    if loss.labels == "any":
        return
    about = f"{where}: labels of {type(loss).name}"
    y = np.asarray(y)
    _numbers(y, about)
    if loss.labels in ("class", "sequence"):
        _class_numbers(loss, y, outputs, about)
    elif loss.labels == "one_hot":
        _one_hot(y, outputs, about)
    if loss.labels in _BOUNDS:
        _bounded(loss, y, about)


def _numbers(y: np.ndarray, about: str) -> None:
    """Raise unless all labels are finite numbers."""
    if y.dtype.kind not in "biuf":
        hint = "number the classes first, as names, y = np.unique(y, return_inverse=True) does"
        raise DataError(f"{about} must be numbers, not {y.dtype}: {_first(y)}; {hint}")
    if y.dtype.kind == "f" and not np.isfinite(y).all():
        raise DataError(f"{about} must be finite: {_first(y, ~np.isfinite(y))}; drop or fill these rows")


def _class_numbers(loss: Loss, y: np.ndarray, outputs: int | None, about: str) -> None:
    """Raise unless all are whole numbers from 0 to one less than the outputs, or the ignored class."""
    if outputs == 1:
        raise DataError(f"{about} number the classes, but the last layer has 1 unit: {_UNITS}, or use {_BINARY}")
    if loss.labels == "class" and _looks_one_hot(y, outputs):
        raise DataError(f"{about} must be class numbers: {_first(y, row=True)}; {_ONE_HOT}")
    ignored = getattr(loss, "ignore_class", None)
    wrong = np.zeros(y.shape, bool) if y.dtype.kind != "f" else y != np.floor(y)
    if y.size and (y.min() < 0 or (outputs is not None and y.max() >= outputs)):
        wrong |= (y < 0) | (False if outputs is None else y >= outputs)
    if ignored is not None:
        wrong &= y != ignored
    if wrong.any():
        allowed = "from 0" if outputs is None else f"0..{outputs - 1}"
        units = "" if outputs is None else f"; the last layer has {outputs} units"
        raise DataError(f"{about} must be integers {allowed}: {_first(y, wrong)}{units}")


def _one_hot(y: np.ndarray, outputs: int | None, about: str) -> None:
    """Raise unless there is a column per output."""
    if outputs == 1:
        raise DataError(f"{about} have one column per class, but the last layer has 1 unit: use {_BINARY}")
    columns = y.shape[-1] if y.ndim > 1 else 1
    if outputs is None or columns == outputs:
        return
    if columns == 1 or (y.dtype.kind in "iu" and y.size and y.max() > 1):
        raise DataError(f"{about} must be one-hot, with {outputs} columns: {_first(y)}; {_SPARSE}")
    raise DataError(f"{about} have {columns} columns, but the last layer has {outputs} units: make the two equal")


def _bounded(loss: Loss, y: np.ndarray, about: str) -> None:
    """Raise for values outside of the range of such labels."""
    low, high = _BOUNDS[loss.labels]
    if not y.size or y.dtype.kind == "b":
        return
    wrong = (y < low) | (y > high) if y.min() < low or y.max() > high else np.zeros(y.shape, bool)
    if loss.labels == "sign":
        wrong |= (y != -1) & (y != 0) & (y != 1)
    if wrong.any():
        raise DataError(f"{about} {_MEANING[loss.labels]}: {_first(y, wrong)}{_advice(loss, y)}")


def _advice(loss: Loss, y: np.ndarray) -> str:
    """How to convert labels that are coded in another way."""
    if loss.labels not in ("probability", "sign") or y.size > 10**7:
        return ""
    values = set(np.unique(y).tolist())
    if values <= {-1, 1}:
        return "; for -1 and 1 use hinge, or (y + 1) / 2"
    if values <= {1, 2}:
        return "; for 1 and 2 use y - 1"
    whole = all(float(v).is_integer() and v >= 0 for v in values)
    return f"; {_SPARSE}, and {_UNITS}" if whole else ""


def _looks_one_hot(y: np.ndarray, outputs: int | None) -> bool:
    """Whether every row is a single 1 among zeros."""
    if y.ndim < 2 or y.shape[-1] < 2 or (outputs is not None and y.shape[-1] != outputs):
        return False
    return bool(((y == 0) | (y == 1)).all() and (y.sum(-1) == 1).all())


def _first(y: np.ndarray, wrong: np.ndarray | None = None, row: bool = False) -> str:
    """The place and value of the first wrong label, in words."""
    if wrong is None:
        wrong = np.ones(y.shape, bool)
    if not wrong.size:
        return "there are no rows"
    place = np.unravel_index(int(np.argmax(wrong)), wrong.shape)
    held = y[place[0]] if row else y[place]
    column = f", column {place[-1]}," if not row and y.ndim > 1 and y.shape[-1] > 1 else ""
    return f"row {place[0] if place else 0}{column} holds {held.tolist() if hasattr(held, 'tolist') else held!r}"


_BINARY = "binary_crossentropy"
_UNITS = "give it one unit per class"
_ONE_HOT = "for one-hot labels use categorical_crossentropy, or y.argmax(-1)"
_SPARSE = "for class numbers use sparse_categorical_crossentropy"
