"""What losses refuse, and with which words: shapes, names and labels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from caviar import losses, metrics
from caviar.errors import ArgumentError, DataError, ShapeError, UnknownNameError
from caviar.losses import check_labels


@pytest.mark.parametrize(
    ("loss", "true", "pred", "words"),
    [
        ("mse", (4, 1), (4, 3), r"\(4, 1\).*\(4, 3\).*one label per prediction"),
        ("mse", (4,), (4, 3), r"\(4,\).*\(4, 3\)"),
        ("categorical_crossentropy", (4,), (4, 3), "use sparse_categorical_crossentropy"),
        ("sparse_categorical_crossentropy", (4, 3), (4, 3), "use categorical_crossentropy"),
        ("sparse_categorical_crossentropy", (5,), (4, 3), r"give labels of shape \(4,\)"),
        ("ctc", (4,), (4, 3), "steps, classes"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(loss: str, true: Any, pred: Any, words: str) -> None:
    with pytest.raises(ShapeError, match=words):
        losses.get(loss)(np.zeros(true), np.zeros(pred))


def test_weights_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"sample_weight of shape \(4,\)"):
        losses.MeanSquaredError()(np.zeros((6, 4)), np.zeros((6, 4)), np.ones(4))


@pytest.mark.parametrize("member", [losses.MeanSquaredError(), metrics.MeanSquaredError(), metrics.FalsePositives()])
@pytest.mark.parametrize("weight", [-1.0, float("nan"), float("inf")])
def test_weights_that_are_none_are_refused(member: Any, weight: float) -> None:
    with pytest.raises(DataError, match=f"sample_weight holds {weight}: a weight is a number from 0 on"):
        member([[0.0], [1.0]], [[0.5], [0.5]], sample_weight=[1.0, weight])


def test_unknown_names_are_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="mean_squared_error"):
        losses.get("mean_squarred_error")
    with pytest.raises(UnknownNameError, match="did you mean 'sum'"):
        losses.MeanSquaredError(reduction="summ")(np.zeros((6, 4)), np.zeros((6, 4)))


def test_crossentropy_chooses_by_shapes() -> None:
    shapes = {"Binary": ((4, 1), (4, 1)), "Categorical": ((4, 3), (4, 3)), "SparseCategorical": ((4,), (4, 3))}
    for kind, (label, output) in shapes.items():
        assert type(losses.get("crossentropy", label, output)).__name__ == f"{kind}Crossentropy"
    with pytest.raises(ArgumentError, match="depends on the shapes"):
        losses.get("crossentropy")


TEN = 10
REFUSED = [
    ("sparse_categorical_crossentropy", [*[0] * 17, 10], TEN, r"0\.\.9: row 17 holds 10; the last layer has 10 units"),
    ("sparse_categorical_crossentropy", [0, -1], TEN, "row 1 holds -1"),
    ("sparse_categorical_crossentropy", [0.0, 1.5], TEN, "row 1 holds 1.5"),
    ("sparse_categorical_crossentropy", [[0, 1], [1, 0]], 2, "use categorical_crossentropy"),
    ("sparse_categorical_crossentropy", [0, 1], 1, "binary_crossentropy"),
    ("sparse_categorical_crossentropy", ["cat", "dog"], 2, "row 0 holds 'cat'.*return_inverse"),
    ("sparse_categorical_crossentropy", np.array(["cat", None], object), 2, "row 0 holds 'cat'"),
    ("categorical_crossentropy", [0, 3, 2], 4, "use sparse_categorical_crossentropy"),
    ("categorical_crossentropy", [0, 1], 2, "one-hot, with 2 columns.*use sparse_categorical_crossentropy"),
    ("categorical_crossentropy", [[1, 0, 0]], 4, "3 columns.*4 units"),
    ("categorical_crossentropy", [[1], [0]], 1, "binary_crossentropy"),
    ("categorical_crossentropy", [[1.0, 0.0], [2.0, -1.0]], 2, "row 1, column 0, holds 2"),
    ("binary_crossentropy", [1, -1], 1, "row 1 holds -1; for -1 and 1 use hinge"),
    ("binary_crossentropy", [1, 2], 1, "row 1 holds 2; for 1 and 2 use y - 1"),
    ("binary_crossentropy", [0, 1, 2], 1, "use sparse_categorical_crossentropy"),
    ("hinge", [0.0, 0.5], 1, "row 1 holds 0.5"),
    ("poisson", [1.0, -2.0], 1, "must not be negative: row 1 holds -2"),
    ("mean_squared_logarithmic_error", [[-2.0]], 1, "must not be negative"),
    ("mse", [1.0, np.nan], 1, "must be finite: row 1 holds nan"),
]


@pytest.mark.parametrize(("loss", "y", "outputs", "words"), REFUSED)
def test_labels_that_a_loss_cannot_take_are_refused(loss: str, y: Any, outputs: int, words: str) -> None:
    with pytest.raises(DataError, match=f"targets: labels of {losses.get(loss).name}.*{words}"):
        check_labels(losses.get(loss), y, outputs, "targets")


def test_an_ignored_class_passes() -> None:
    check_labels(losses.SparseCategoricalCrossentropy(ignore_class=-1), [0, -1, 2], 3)
    check_labels(losses.SparseCategoricalCrossentropy(), np.zeros((0,)), 3)
    check_labels(losses.BinaryCrossentropy(), [True, False], 1)
