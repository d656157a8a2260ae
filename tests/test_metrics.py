"""Metrics: against Keras and scikit-learn, however the rows are batched."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import sklearn.metrics as sk
from conftest import AS_SHIPPED, DATA

from caviar import config, losses, metrics
from caviar.errors import ArgumentError, ShapeError, UnknownNameError
from caviar.parts import put_together, take_apart
from caviar.text import snake_case

pytestmark = pytest.mark.usefixtures("float64")

RECORD = json.loads((DATA / "metrics.json").read_text())
INPUTS = {k: {n: np.asarray(a) for n, a in v.items()} for k, v in RECORD["data"].items() if isinstance(v, dict)}
WEIGHTS = {k: np.asarray(RECORD["data"][k]) for k in ("weight", "integer_weight")} | {None: None}

# Keras adds 1e-7 to the divisors of F scores and of intersections over unions; the latter and R2 it takes in float32.
KERAS_NOISE = {"F1Score": 1e-6, "FBetaScore": 1e-6, "IoU": 1e-6, "R2Score": 1e-6}

rng = np.random.default_rng(5)
CLASSES, SCORES = rng.integers(0, 4, 40), rng.random((40, 4))
BITS, CHANCES, WEIGHT = rng.integers(0, 2, 40), rng.random(40), rng.random(40)


def same(got: Any, expected: Any, rtol: float = 1e-9) -> None:
    np.testing.assert_allclose(np.asarray(got), np.asarray(expected), rtol=rtol, atol=rtol)


def made(case: dict[str, Any]) -> metrics.Metric:
    return getattr(metrics, case["source"].split(".")[-1])(**case["config"])


def batches(case: dict[str, Any], sizes: list[int]) -> Iterator[tuple[Any, ...]]:
    """The rows of a case in batches: labels, predictions, weights."""
    inputs, weight, at = INPUTS[case["inputs"]["data"]], WEIGHTS[case["inputs"]["sample_weight"]], 0
    for size in sizes:
        rows = slice(at, at + size)
        yield inputs["y_true"][rows], inputs["y_pred"][rows], None if weight is None else weight[rows]
        at += size


def noise_of(case: dict[str, Any]) -> float:
    return next((n for name, n in KERAS_NOISE.items() if case["source"].endswith(name)), 1e-9)


CLASS, GUESS = INPUTS["class"]["y_true"], INPUTS["class"]["y_pred"].argmax(1)
# Metrics that Keras does not have, one line each: the name, its arguments, which of the data, and what it gives for all of it.
OWN: list[tuple[str, dict[str, Any], str, Any]] = [
    ("ConfusionMatrix", {}, "class", sk.confusion_matrix(CLASS, GUESS)),
    ("MatthewsCorrelation", {}, "class", sk.matthews_corrcoef(CLASS, GUESS)),
]
CASES = RECORD["cases"] + [
    {"id": n, "source": n, "config": c, "inputs": {"data": d, "sample_weight": None}, "expected": e}
    for n, c, d, e in OWN
]
every_case = pytest.mark.parametrize("case", CASES, ids=lambda c: c["id"])
# One case of each metric, the weighted one.
MEMBERS = {c["source"]: c for c in CASES}
every_metric = pytest.mark.parametrize("case", MEMBERS.values(), ids=MEMBERS)


# -- against others ---------------------------------------------------------------------------------------------------


@every_case
def test_value_is_as_recorded_however_the_rows_are_batched(case: dict[str, Any]) -> None:
    metric = made(case)
    for sizes in ([4, 4, 2], [2, 4, 4]):
        metric.reset_state()
        for batch in batches(case, sizes):
            metric.update_state(*batch)
        same(metric.result(), case["expected"], noise_of(case))


@pytest.mark.parametrize("case", RECORD["names"], ids=lambda c: "-".join(map(str, [*c["metrics"], *c["label_shape"]])))
def test_names_in_logs_are_those_of_keras(case: dict[str, Any]) -> None:
    def my_error(y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        return jnp.mean(y_true - y_pred, -1)

    written = {"my_error function": my_error, "mean_absolute_error function": metrics.mean_absolute_error}
    written |= {f"{n}()": getattr(metrics, n)() for n in ("MeanAbsoluteError", "AUC", "LogCoshError", "FBetaScore")}
    asked = written.get(case["metrics"][0], case["metrics"][0])
    output_shape = (None, case["outputs"])
    metric = metrics.get(asked, case["loss"], output_shape, case["label_shape"])
    assert metric.name == case["keys"][0]
    if case["types"][0] != "MeanMetricWrapper":
        assert type(metric).__name__ == case["types"][0]
        by_loss = metrics.get(asked, case["loss"], output_shape)
        assert type(by_loss) is type(metric)


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
@pytest.mark.slow
def test_values_are_those_of_scikit_learn(weight: Any) -> None:
    best, picked, one_hot = SCORES.argmax(1), CHANCES > 0.5, np.eye(4)[CLASSES]
    real, guess = rng.normal(size=(40, 3)), rng.normal(size=(40, 3))
    given = {"sample_weight": weight}
    for got, expected in [
        (metrics.SparseCategoricalAccuracy()(CLASSES, SCORES, **given), sk.accuracy_score(CLASSES, best, **given)),
        (metrics.BinaryAccuracy()(BITS, CHANCES, **given), sk.accuracy_score(BITS, picked, **given)),
        (metrics.Precision()(BITS, CHANCES, **given), sk.precision_score(BITS, picked, **given)),
        (metrics.Recall()(BITS, CHANCES, **given), sk.recall_score(BITS, picked, **given)),
        (metrics.ConfusionMatrix()(CLASSES, SCORES, **given), sk.confusion_matrix(CLASSES, best, **given)),
        (metrics.ConfusionMatrix()(BITS, CHANCES, **given), sk.confusion_matrix(BITS, picked, **given)),
        (metrics.ConfusionMatrix()(one_hot, SCORES, **given), sk.confusion_matrix(CLASSES, best, **given)),
        (metrics.MatthewsCorrelation()(CLASSES, SCORES, **given), sk.matthews_corrcoef(CLASSES, best, **given)),
        (metrics.MatthewsCorrelation()(BITS, CHANCES, **given), sk.matthews_corrcoef(BITS, picked, **given)),
        (metrics.MeanIoU(4)(CLASSES, best, **given), sk.jaccard_score(CLASSES, best, average="macro", **given)),
        (
            metrics.SparseTopKCategoricalAccuracy(2)(CLASSES, SCORES, **given),
            sk.top_k_accuracy_score(CLASSES, SCORES, k=2, **given),
        ),
        (metrics.R2Score()(real, guess, **given), sk.r2_score(real, guess, **given)),
        (metrics.RootMeanSquaredError()(real, guess, **given), sk.mean_squared_error(real, guess, **given) ** 0.5),
        (
            metrics.SparseCategoricalCrossentropy()(CLASSES, SCORES / SCORES.sum(1, keepdims=True), **given),
            sk.log_loss(CLASSES, SCORES / SCORES.sum(1, keepdims=True), **given),
        ),
        *[
            (metrics.F1Score(average)(one_hot, SCORES, **given), sk.f1_score(CLASSES, best, average=average, **given))
            for average in (None, "micro", "macro", "weighted")
        ],
        (
            metrics.FBetaScore("macro", 2.0)(CLASSES, SCORES, **given),
            sk.fbeta_score(CLASSES, best, average="macro", beta=2, **given),
        ),
    ]:
        same(got, expected)


def test_area_under_the_curve_comes_near_the_exact_one() -> None:
    labels, scores = rng.integers(0, 2, 4000), rng.random(4000)
    scores = 0.6 * scores + 0.4 * labels * rng.random(4000)
    for curve, exact in (("ROC", sk.roc_auc_score), ("PR", sk.average_precision_score)):
        assert abs(float(metrics.AUC(curve=curve)(labels, scores)) - exact(labels, scores)) < 2e-3
    assert float(metrics.AUC()(labels, labels)) == 1


# -- what every metric promises ---------------------------------------------------------------------------------------


def test_every_public_metric_is_in_the_table() -> None:
    recorded = {c["source"].split(".")[-1] for c in CASES}
    ours = {"Mean", "Sum", "MeanOf"}  # which are given values, not labels and predictions
    shared = {"Metric", "Additive", "SampleMean"}
    assert {n for n, c in vars(metrics).items() if inspect.isclass(c)} == recorded | ours | shared


@every_metric
def test_its_state_keeps_shape_and_type_so_that_it_fits_a_scan(case: dict[str, Any]) -> None:
    metric = made(case)
    batch = next(batches(case, [4]))
    with config.precision("float32"):
        floats = [None if a is None else a.astype("float32" if a.dtype.kind == "f" else "int32") for a in batch]
        outputs = batch[1].shape[-1] if batch[1].ndim > 1 else 1
        first = metric.initial(outputs)
        after = jax.eval_shape(metric.accumulate, first, *floats)
        assert jax.tree.map(lambda a: (a.shape, a.dtype, a.weak_type), first) == jax.tree.map(
            lambda a: (a.shape, a.dtype, a.weak_type), after
        )
        assert jax.eval_shape(metric.outcome, first).dtype == "float32"
        assert {str(a.dtype) for a in jax.tree.leaves(first)} == {"float32"}


@every_metric
def test_its_numbers_may_be_arguments_of_a_program_of_many_members(case: dict[str, Any]) -> None:
    metric = made(case)
    batch, apart = next(batches(case, [10])), take_apart(metric)

    def outcome(numbers: list[Any], y_pred: Any) -> jax.Array:
        copy = put_together(apart.structure, numbers, [])
        return copy.outcome(copy.accumulate(copy.initial(y_pred.shape[-1]), batch[0], y_pred, batch[2]))

    members = [jnp.stack([jnp.asarray(n)] * 2) for n in apart.numbers]
    got = jax.jit(jax.vmap(outcome))(members, jnp.stack([batch[1]] * 2))
    same(got, [case["expected"]] * 2, noise_of(case))


@every_metric
def test_its_config_makes_it_again(case: dict[str, Any]) -> None:
    metric = made(case)
    again = type(metric).from_config(json.loads(json.dumps(metric.get_config())))
    assert repr(again) == repr(metric) == repr(eval(repr(metric), vars(metrics)))
    assert again.name == metric.name
    metric.update_state(*next(batches(case, [4])))
    assert metric.get_config() == again.get_config()
    assert take_apart(metric).structure == take_apart(again).structure


@every_metric
def test_it_is_found_by_its_names(case: dict[str, Any]) -> None:
    cls = type(made(case))
    assert inspect.getdoc(cls)
    if any(p.default is p.empty for p in inspect.signature(cls).parameters.values()):
        return
    for name in (cls.__name__, snake_case(cls.__name__)):
        if name.lower() != "accuracy":  # which is found by the labels
            assert type(metrics.get(name)) is cls
            assert metrics.get(name).name == name
    assert type(metrics.get(cls)) is cls


# -- means and wrappers -----------------------------------------------------------------------------------------------


def test_means_and_sums_of_given_values() -> None:
    mean, total = metrics.Mean("loss"), metrics.Sum()
    for values, weight in (([1.0, 2.0, 3.0], None), ([5.0], [2.0])):
        mean.update_state(values, weight)
        total.update_state(values, weight)
    same(mean.result(), 16 / 5)
    same(total.result(), 16)
    assert mean.name == "loss"
    mean.reset_state()
    assert float(mean.result()) == 0
    same(mean(4.0), 4)


def test_any_loss_is_a_metric() -> None:
    y, p = rng.normal(size=(6, 2)), rng.normal(size=(6, 2))
    for identifier, name in (
        (losses.Huber(0.3), "huber_loss"),
        ("huber", "huber"),
        (losses.huber, "huber_loss"),
        (losses.Huber, "huber_loss"),
    ):
        metric = metrics.get(identifier)
        assert metric.name == name
        metric.update_state(y[:4], p[:4])
        metric.update_state(y[4:], p[4:])
        expected = identifier if isinstance(identifier, losses.Loss) else losses.Huber()
        same(metric.result(), expected(y, p))


def test_an_ignored_class_does_not_count() -> None:
    metric = metrics.SparseCategoricalCrossentropy(ignore_class=3)
    kept = CLASSES != 3
    chances = SCORES / SCORES.sum(1, keepdims=True)
    same(metric(CLASSES, chances), losses.SparseCategoricalCrossentropy()(CLASSES[kept], chances[kept]))


def test_a_function_of_the_whole_batch_counts_by_its_rows() -> None:
    metric = metrics.get(lambda y_true, y_pred: jnp.mean(y_pred))
    metric.update_state(np.zeros((3, 1)), [[1.0], [2.0], [3.0]])
    metric.update_state(np.zeros((1, 1)), [[10.0]])
    same(metric.result(), 4)


def test_functions_of_metrics_give_values_per_sample() -> None:
    same(metrics.sparse_categorical_accuracy(CLASSES, SCORES), SCORES.argmax(1) == CLASSES)
    same(metrics.top_k_categorical_accuracy(np.eye(4)[CLASSES], SCORES, 4), np.ones(40))
    same(metrics.binary_accuracy([[1], [1]], [[0.6], [0.4]], 0.3), [[1], [1]])
    assert type(metrics.get(metrics.binary_accuracy)) is metrics.BinaryAccuracy


@pytest.mark.slow
def test_class_numbers_do_where_columns_are_wanted() -> None:
    one_hot = np.eye(4)[CLASSES]
    for metric in (
        metrics.F1Score("macro"),
        metrics.AUC(multi_label=True),
        metrics.Precision(class_id=2),
        metrics.Recall(),
    ):
        same(metric(CLASSES, SCORES), type(metric)(**metric.get_config())(one_hot, SCORES))


# -- exactness --------------------------------------------------------------------------------------------------------


def test_r2_does_not_mind_labels_far_from_zero() -> None:
    y, p = rng.normal(size=(400, 1)), rng.normal(size=(400, 1))
    with config.precision("float32"):
        metric = metrics.R2Score()
        for rows in np.split(np.arange(400), 10):
            metric.update_state(np.float32(y[rows] + 1000), np.float32(p[rows] + 1000))
        near = sk.r2_score(np.float32(y + 1000), np.float32(p + 1000))
        assert abs(float(metric.result()) - near) < 1e-4


def test_r2_of_labels_that_do_not_vary() -> None:
    assert float(metrics.R2Score()(np.ones((4, 1)), np.ones((4, 1)))) == 1
    assert float(metrics.R2Score()(np.ones((4, 1)), np.zeros((4, 1)))) == 0


def test_counting_a_million_rows_takes_bounded_memory() -> None:
    with config.precision("float32"):
        rows = jax.ShapeDtypeStruct((10**6,), "float32")
        metric = metrics.AUC()
        compiled = jax.jit(metric.accumulate).lower(metric.initial(), rows, rows).compile(AS_SHIPPED)
    assert compiled.memory_analysis().temp_size_in_bytes < 2**28


def test_nothing_counted_is_zero() -> None:
    for metric in (metrics.Precision(), metrics.Recall(), metrics.AUC(), metrics.F1Score("macro"), metrics.MeanIoU(3)):
        assert float(metric.result()) == 0


# -- refusals ---------------------------------------------------------------------------------------------------------


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'accuracy'"):
        metrics.get("acuracy")
    with pytest.raises(ArgumentError, match="name binary_accuracy"):
        metrics.get("accuracy")
    with pytest.raises(UnknownNameError, match="macro"):
        metrics.F1Score("makro")(np.eye(2), np.eye(2))
    with pytest.raises(UnknownNameError, match="ROC"):
        metrics.AUC(curve="RCO")([0, 1], [0.2, 0.3])
    with pytest.raises(ShapeError, match="categorical_accuracy"):
        metrics.CategoricalAccuracy()(np.zeros((4, 2)), np.zeros((4, 3)))


@pytest.mark.parametrize("curve", ["ROC", "PR"])
def test_the_area_of_small_probabilities_is_told_apart(curve: str) -> None:
    y = rng.integers(0, 2, 200)
    p = np.exp(rng.normal(size=200) + 1.2 * y)
    exact = sk.roc_auc_score(y, p) if curve == "ROC" else sk.average_precision_score(y, p)
    for scale in (1e-7, 1e-9, 1e-5):
        same(metrics.AUC(curve=curve)(y, scale * p), exact, 0.02)


def test_a_root_of_squares_takes_a_weight_for_every_step() -> None:
    y, p, weight = rng.normal(size=(5, 3)), rng.normal(size=(5, 3, 1)), rng.random((5, 3))
    expected = np.sqrt(np.average(np.square(y - p[..., 0]), weights=weight))
    same(metrics.RootMeanSquaredError()(y, p, weight), expected)


@pytest.mark.parametrize("label", [-1, 3])
def test_a_label_of_no_class_is_never_among_the_first(label: int) -> None:
    assert float(metrics.SparseTopKCategoricalAccuracy(3)([label, 0], np.eye(3, dtype="float32")[:2])) == 0.5
