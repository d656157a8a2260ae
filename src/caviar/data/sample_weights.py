"""How much each row counts: weights of samples and of classes."""

from __future__ import annotations

from typing import Any

import numpy as np

from caviar.data.arrays import Rows
from caviar.declarations import Number
from caviar.errors import ArgumentError, DataError


def class_weights(rows: Rows, weights: Any, outputs: list[Any] | None = None) -> Rows:
    """Rows weighted by their class. `class_weight` is a dict, or "balanced": every class counts the same.

    >>> import numpy as np
    >>> from caviar.data.arrays import Rows
    >>> from caviar.data.sample_weights import class_weights
    >>> rows = Rows(np.zeros((4, 1)), [np.array([0, 0, 0, 1])], [None])
    >>> class_weights(rows, "balanced").weight[0].round(2)
    array([0.67, 0.67, 0.67, 2.  ], dtype=float32)
    """
    if weights is None:
        return rows
    if len(rows.y) != 1:
        raise ArgumentError("class_weight needs a model with one output; give sample_weight for several")
    if rows.y[0] is None:
        raise ArgumentError("class_weight weighs the classes in y, and there is no y")
    output = None if outputs is None else outputs[0]
    labels = classes_of(rows.y[0], output)
    names, at = np.unique(labels, return_inverse=True)
    known = balanced(labels) if isinstance(weights, str) and weights == "balanced" else check_class_weight(weights)
    _check_known(known, names, output)
    each = np.array([known.get(int(name), 1.0) for name in names], np.float32)[at.reshape(labels.shape)]
    if each.size and not each.any():
        raise ArgumentError(f"class_weight weighs every class in y with 0: nothing would be learned from {weights}")
    given = rows.weight[0]
    if given is not None:
        given = np.asarray(given)
        each = each * given.reshape(
            given.shape[:1] + (1,) * (each.ndim - 1) if given.size == len(given) else given.shape
        )
    return rows._replace(weight=[each])


def balanced(labels: np.ndarray) -> dict[int, float]:
    """The weights with which every class counts the same, and a row 1 on average: rows / (classes * rows of the class).

    >>> import numpy as np
    >>> from caviar.data.sample_weights import balanced
    >>> {name: round(weight, 3) for name, weight in balanced(np.array([0, 0, 0, 1, 1, 2])).items()}
    {0: 0.667, 1: 1.0, 2: 2.0}
    """
    names, counts = np.unique(labels, return_counts=True)
    return {int(name): float(counts.sum() / (len(names) * n)) for name, n in zip(names, counts, strict=True)}


def classes_of(y: Any, output: Any = None) -> np.ndarray:
    """The class of every row, or of every step of every row, from class numbers or one-hot rows."""
    labels = np.asarray(y)
    if labels.ndim > 1 and labels.shape[-1] == 1:
        labels = labels[..., 0]
    elif labels.ndim > 1 and (output is None or len(output.shape) == labels.ndim):
        return labels.argmax(-1)
    if labels.dtype.kind == "f" and (labels != np.floor(labels)).any():
        wrong = labels[labels != np.floor(labels)][0]
        raise DataError(f"class_weight weighs classes 0, 1, 2, ..., and y holds {wrong}: give sample_weight instead")
    return labels.astype(np.int64)


def check_class_weight(weights: Any) -> dict[int, float]:
    """The weights as a dict from class numbers to floats; raises unless they are finite and not negative.

    >>> import numpy as np
    >>> from caviar.data.sample_weights import check_class_weight
    >>> check_class_weight({0: 1, np.float64(1): 2.5})
    {0: 1.0, 1: 2.5}
    >>> check_class_weight({"0": 1})
    Traceback (most recent call last):
    caviar.errors.ArgumentError: class_weight has the class '0', and classes are whole numbers: {0: 1.0, 1: 2.0}
    """
    if isinstance(weights, str) and weights != "balanced":
        raise ArgumentError(f"class_weight is {weights!r}: give 'balanced', or a dict such as {{0: 1.0, 1: 2.0}}")
    if not isinstance(weights, dict):
        raise ArgumentError(
            f"class_weight wants a dict such as {{0: 1.0, 1: 2.0}}, or 'balanced', and was given {weights!r}"
        )
    for name, weight in weights.items():
        if not _is_real(name) or name != int(name):
            raise ArgumentError(
                f"class_weight has the class {name!r}, and classes are whole numbers: {{0: 1.0, 1: 2.0}}"
            )
        if not _is_real(weight) or weight < 0:
            raise ArgumentError(f"class_weight of class {name!r} is {weight!r}, and must be a number of at least 0")
    return {int(name): float(weight) for name, weight in weights.items()}


def _is_real(value: Any) -> bool:
    return isinstance(value, bool) or Number().allows(value)


def _check_known(weights: dict[int, float], names: np.ndarray, output: Any) -> None:
    """Raise for a class that is neither in the labels nor among the units of the last layer."""
    units = None if output is None or len(output.shape) < 2 else int(output.shape[-1])
    classes = range(max(units, 2) if units else int(names.max(initial=0)) + 1)
    unknown = [
        name for name in weights if name not in names and (name < 0 or (units is not None and name not in classes))
    ]
    if unknown:
        held = ", ".join(map(str, names[:5].tolist())) + (", ..." if len(names) > 5 else "")
        there = f"the model has the classes 0..{classes[-1]}" if units else f"y holds the classes {held}"
        raise ArgumentError(f"class_weight has the class {unknown[0]}, and there is none: {there}")
