"""What is counted while a model trains or is evaluated: sums that stay exact, metrics written as in Keras, masks, rows."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from compiles import compiles

from caviar import metrics, ops
from caviar.callbacks import Callback, CSVLogger
from caviar.config import set_random_seed
from caviar.layers import Dense, Embedding, Input
from caviar.losses import Loss
from caviar.metrics.sums import no_sums, plus
from caviar.models import Sequential
from caviar.optimizers import SGD

rng = np.random.default_rng(0)
X = rng.normal(size=(37, 4)).astype("float32")
Y = (X @ rng.normal(size=(4, 1))).astype("float32")


def line(weight: float = 0.1) -> Sequential:
    """A model whose prediction is the sum of the inputs times a weight, and stays so."""
    model = Sequential([Input((X.shape[1],)), Dense(1)])
    model.set_weights([np.full((4, 1), weight, "float32"), np.zeros(1, "float32")])
    return model


ERROR = 0.1 * X.sum(1, keepdims=True) - Y


# -- sums -------------------------------------------------------------------------------------------------------------


def test_a_sum_of_forty_million_rows_is_exact() -> None:
    add = jax.jit(lambda more, steps: jax.lax.fori_loop(0, steps, lambda _, sums: plus(sums, more), no_sums(more)))
    total, count = add(jnp.asarray([0.2, 2.0], "float32"), 20_000_000).total
    assert float(count) == 4e7
    np.testing.assert_allclose(float(total / count), 0.1, rtol=1e-7)


def test_a_sum_of_infinity_stays_infinity_and_not_a_number_stays_that() -> None:
    sums = no_sums(jnp.zeros(2))
    for more in ([jnp.inf, jnp.nan], [1.0, 1.0]):
        sums = plus(sums, jnp.asarray(more))
    assert np.isposinf(sums.total[0])
    assert np.isnan(sums.total[1])


def test_the_rows_after_the_sixteenth_million_count_in_losses_and_metrics() -> None:
    model, rows = line(0.0), 512
    y, weight = np.ones((rows + 1, 1), "float32"), np.ones(rows + 1, "float32")
    y[0], weight[0] = 0, 2**24  # adding 1 to 2^24 leaves a float32 as it was
    loss = metrics.MeanSquaredError.loss(reduction="mean_with_sample_weight")
    model.compile("sgd", loss, weighted_metrics=["mse", metrics.R2Score()])
    found = model.evaluate(
        np.zeros((rows + 1, 4), "float32"), y, batch_size=1, sample_weight=weight, verbose=0, return_dict=True
    )
    expected = rows / (2**24 + rows)
    np.testing.assert_allclose([found["loss"], found["mse"]], expected, rtol=2e-7)
    variation = rows * 2**24 / (2**24 + rows)  # of the labels around their mean
    np.testing.assert_allclose(found["r2_score"], 1 - rows / variation, atol=1e-6)


# -- metrics written as in Keras --------------------------------------------------------------------------------------


class MeanError(metrics.Mean):
    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:  # type: ignore[override]
        return super().update_state(ops.abs(y_true - y_pred))


class Root(metrics.MeanSquaredError):
    def result(self) -> Any:
        return ops.sqrt(super().result())


class FromLogits(metrics.BinaryAccuracy):
    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        super().update_state(y_true > 0, ops.sigmoid(y_pred), sample_weight)


class Largest(metrics.Metric):
    """Variables of its own, and a start of its own."""

    def __init__(self, name: str = "largest", **kwargs: Any):
        super().__init__(name=name, **kwargs)
        self.seen = self.add_weight(name="seen", initializer="zeros")
        self.rows = self.add_variable(shape=(2,), initializer="ones", name="rows")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        error = ops.abs(y_true - y_pred)
        error = error if sample_weight is None else error * sample_weight[:, None]
        self.seen.assign(ops.maximum(self.seen, ops.max(error)))
        self.rows.assign_add(ops.ones(2) * y_true.shape[0])
        self.rows.assign(self.rows - 0 * self.seen)

    def result(self) -> Any:
        return self.seen + 1000 * (self.rows[0] / 37 - 1)

    def reset_state(self) -> None:
        super().reset_state()
        self.seen.assign(0.25)


class Both(metrics.Metric):
    """Metrics of ours inside."""

    def __init__(self, name: str = "both"):
        super().__init__(name=name)
        self.parts = [metrics.MeanAbsoluteError(), metrics.MeanSquaredError()]

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        for part in self.parts:
            part.update_state(y_true, y_pred, sample_weight)

    def result(self) -> Any:
        return self.parts[0].result() + self.parts[1].result()


WRITTEN = [
    (MeanError, np.abs(ERROR).mean()),
    (Root, np.sqrt(np.square(ERROR).mean())),
    (FromLogits, ((ERROR + Y > 0) == (Y > 0)).mean()),
    (Largest, np.abs(ERROR).max()),
    (Both, np.abs(ERROR).mean() + np.square(ERROR).mean()),
]


@pytest.fixture(scope="module")
def written() -> Sequential:
    model = line()
    model.compile(SGD(0.0), "mse", metrics=[cls(name=f"m{i}") for i, (cls, _) in enumerate(WRITTEN)])
    return model


def test_update_state_and_result_of_a_subclass_are_what_counts(written: Sequential) -> None:
    expected = [value for _, value in WRITTEN]
    for batch_size in (37, 16):
        found = written.evaluate(X, Y, batch_size=batch_size, verbose=0)
        np.testing.assert_allclose(found[1:], expected, rtol=1e-5)
    batches = ((X[at : at + 10], Y[at : at + 10]) for at in range(0, 37, 10))
    np.testing.assert_allclose(written.evaluate(batches, verbose=0)[1:], expected, rtol=1e-5)


def test_they_count_every_epoch_anew_and_a_second_fit_compiles_nothing(written: Sequential) -> None:
    def history() -> dict[str, Any]:
        return written.fit(X, Y, epochs=2, batch_size=16, validation_data=(X, Y), verbose=0).history

    found = history()
    for i, (_, value) in enumerate(WRITTEN):
        np.testing.assert_allclose([*found[f"m{i}"], *found[f"val_m{i}"]], value, rtol=1e-5)
    with compiles() as count:
        history()
    assert count() == 0


def test_they_count_at_the_desk_as_in_training() -> None:
    for cls, value in WRITTEN:
        metric = cls()
        metric.reset_state()
        for rows in (slice(0, 20), slice(20, 37)):
            metric.update_state(jnp.asarray(Y[rows]), jnp.asarray((ERROR + Y)[rows]))
        np.testing.assert_allclose(metric.result(), value, rtol=1e-5)
    assert [v.shape for v in Largest().variables] == [(), (2,)]
    assert Largest().rows.numpy().tolist() == [1, 1]


def test_they_are_given_sample_weights_where_those_count() -> None:
    model, weight = line(), np.full(37, 3.0, "float32")
    model.compile("sgd", "mse", metrics=[Largest("plain")], weighted_metrics=[Largest("weighted")])
    found = model.evaluate(X, Y, sample_weight=weight, verbose=0, return_dict=True)
    np.testing.assert_allclose(found["weighted"], 3 * found["plain"], rtol=1e-5)


# -- masks, rows and labels -------------------------------------------------------------------------------------------

TOKENS = np.array([[1, 2, 3, 0, 0], [4, 5, 0, 0, 0], [1, 1, 1, 1, 1], [2, 3, 4, 5, 0]])


def test_padded_steps_count_in_no_metric() -> None:
    set_random_seed(1)
    model = Sequential([Input((5,)), Embedding(6, 3, mask_zero=True), Dense(6, activation="softmax")])
    weighted = [metrics.SparseCategoricalAccuracy("weighted")]
    asked = ["accuracy", metrics.Precision(0.16), metrics.F1Score("micro")]
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=asked, weighted_metrics=weighted)
    weight = np.array([1.0, 2.0, 0.0, 3.0])
    found = model.evaluate(TOKENS, TOKENS, batch_size=2, sample_weight=weight, verbose=0, return_dict=True)
    p, kept = model.predict(TOKENS, verbose=0), TOKENS > 0
    hits = p.argmax(-1) == TOKENS
    np.testing.assert_allclose(found["accuracy"], hits[kept].mean(), rtol=1e-6)
    np.testing.assert_allclose(found["f1_score"], hits[kept].mean(), rtol=1e-6)  # one class each: all three are equal
    counted = kept * weight[:, None]
    np.testing.assert_allclose(found["weighted"], (hits * counted).sum() / counted.sum(), rtol=1e-6)
    picked = p > 0.16
    right = np.take_along_axis(picked, TOKENS[..., None], -1)[..., 0][kept].sum()
    np.testing.assert_allclose(found["precision"], right / picked[kept].sum(), rtol=1e-6)


def mean_square(y_true: Any, y_pred: Any) -> Any:
    return ops.mean(ops.square(y_true - y_pred))


def test_a_loss_of_one_number_a_batch_weighs_batches_by_their_rows() -> None:
    model, expected = line(), np.square(ERROR).mean()
    model.compile(SGD(0.0), mean_square)
    found = [model.evaluate(X, Y, batch_size=size, verbose=0) for size in (16, 32, 37)]
    found += model.fit(X, Y, batch_size=16, verbose=0).history["loss"]
    np.testing.assert_allclose(found, expected, rtol=1e-5)


class Difference(Loss):
    def call(self, y_true: Any, y_pred: Any) -> Any:
        return jnp.mean(y_true - 200 - y_pred, -1)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int32", "bool"])
@pytest.mark.parametrize("loss", [Difference(), lambda y_true, y_pred: (y_true - 200 - y_pred)[:, 0]])
def test_labels_reach_a_loss_of_ones_own_as_floats(loss: Any, dtype: str) -> None:
    model, y = line(0.0), np.array([[0], [1], [1], [0]], dtype)
    model.compile("sgd", loss)
    assert model.evaluate(X[:4], y, verbose=0) == -199.5


def test_a_metric_of_many_numbers_keeps_them_all_and_leaves_the_line_readable(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, y = line(), (Y > 0).astype("float32")
    model.compile(SGD(0.0), "mse", metrics=[metrics.ConfusionMatrix(), metrics.Precision([0.0, 0.5])])
    history = model.fit(X, y, verbose=2, callbacks=[CSVLogger(tmp_path / "log.csv")]).history
    assert history["confusion_matrix"][0].shape == (2, 2)
    assert history["confusion_matrix"][0].sum() == 37
    shown = capsys.readouterr().out
    assert "confusion_matrix" not in shown
    assert re.search(r"precision: \[0\.\d{4} \S+\]", shown)
    rows = list(csv.DictReader((tmp_path / "log.csv").read_text().splitlines()))
    assert json.loads(rows[0]["confusion_matrix"]) == history["confusion_matrix"][0].tolist()


class Halfway(Callback):
    """Saves the training after the third batch of the second epoch and stops it there, or continues from there."""

    pace = "batch"

    def __init__(self, path: Path, restores: bool):
        self.path, self.restores = path, restores
        self.epoch = 0

    def on_train_begin(self, logs: Any = None) -> None:
        if self.restores:
            self.model.restore_run(self.path)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if self.epoch == 1 and batch == 2 and not self.restores:
            self.model.save_run(self.path)
            raise KeyboardInterrupt


def halves(callbacks: list[Any]) -> dict[str, list[float]]:
    """Errors of 2**24 in the first batch, and of 1 in the second and the fourth: float32 alone would lose both ones."""
    set_random_seed(0)
    model, x, y = line(0.0), np.zeros((64, 4), "float32"), np.zeros((64, 1), "float32")
    y[[0, 16, 48], 0] = 2.0**24, 1, 1
    model.compile(SGD(0.0), "mse", metrics=["mae"])
    return model.fit(x, y, batch_size=16, epochs=3, shuffle=False, verbose=0, callbacks=callbacks).history


def test_the_statistics_of_a_half_epoch_go_on_to_the_bit(tmp_path: Path) -> None:
    """Sums and what their rounding left are part of a backup: every log is that of a training without a break."""
    whole = halves([])
    assert whole["mae"] == [(2.0**24 + 2) / 64] * 3
    with pytest.raises(KeyboardInterrupt):
        halves([Halfway(tmp_path / "run.caviar", restores=False)])
    assert halves([Halfway(tmp_path / "run.caviar", restores=True)]) == whole


def test_steps_of_arrays_begin_at_the_first_row() -> None:
    model = line(0.0)
    model.compile("sgd", "mse")
    y = np.arange(1, 7, dtype="float32")[:, None]
    assert model.evaluate(X[:6], y, batch_size=2, steps=1, verbose=0) == pytest.approx((1 + 4) / 2)
