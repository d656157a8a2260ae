"""One rule says what is better, on the host and inside a compiled program."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from caviar.errors import UnknownNameError
from caviar.training.monitor import better, check_monitor, direction, worst

LARGER = [
    "accuracy",
    "acc",
    "val_acc",
    "val_accuracy",
    "binary_accuracy",
    "sparse_top_k_categorical_accuracy",
    "auc",
    "auc_1",
    "val_auc",
    "precision",
    "recall_2",
    "f1_score",
    "fbeta_score",
    "r2_score",
    "mean_io_u",
    "iou",
    "cosine_similarity",
    "pearson_correlation",
    "sensitivity_at_specificity",
    "head_accuracy",
    "val_head_precision",
]
SMALLER = [
    "loss",
    "val_loss",
    "mae",
    "mean_squared_error",
    "hinge",
    "kl_divergence",
    "false_positives",
    "accuracy_loss",
    "val_auc_loss",
    "spacing",
    "pace",
    "my_metric",
]


@pytest.mark.parametrize("name", LARGER)
def test_larger_is_better(name: str) -> None:
    assert direction(name) == 1
    assert direction(name, "min") == -1


@pytest.mark.parametrize("name", SMALLER)
def test_smaller_is_better(name: str) -> None:
    assert direction(name) == -1
    assert direction(name, "max") == 1


@pytest.mark.parametrize("sign", [1, -1])
def test_better(sign: int) -> None:
    assert better(sign * 1.0, worst(sign), sign)
    assert better(sign * 1.0, sign * 0.9, sign)
    assert not better(sign * 1.0, sign * 1.0, sign)
    assert not better(sign * 1.0, sign * 0.9, sign, min_delta=0.2)
    assert not better(float("nan"), worst(sign), sign)


@pytest.mark.parametrize("sign", [1, -1])
def test_the_same_in_a_program(sign: int) -> None:
    values, best = np.array([0.1, 0.5, np.nan, 0.9], np.float32), np.float32(0.45)
    compiled = jax.jit(lambda v, b, d: better(v, b, sign, d))(jnp.asarray(values), best, 0.1)
    np.testing.assert_array_equal(compiled, better(values, best, sign, np.float32(0.1)))


def test_unknown_names_are_refused() -> None:
    with pytest.raises(UnknownNameError, match=r"unknown mode 'maximum': did you mean 'max'\?"):
        direction("loss", "maximum")
    with pytest.raises(UnknownNameError, match=r"unknown monitor 'val_acuracy': did you mean 'val_accuracy'\?"):
        check_monitor("val_acuracy", ["loss", "accuracy", "val_loss", "val_accuracy"])
    check_monitor("val_loss", ["loss", "val_loss"])
