"""Losses: against PyTorch and Keras, against the lecture notes, and what every loss promises."""

from __future__ import annotations

import inspect
import json
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import fact, recorded

from caviar import config, losses
from caviar.losses import check_labels
from caviar.parts import put_together, take_apart
from caviar.text import snake_case

pytestmark = pytest.mark.usefixtures("float64")

# Keras computes its losses in its float type, which was float32 when these were recorded.
KERAS_NOISE = 1e-6

TORCH = {
    "MSELoss": losses.MeanSquaredError,
    "L1Loss": losses.MeanAbsoluteError,
    "HuberLoss": losses.Huber,
    "SmoothL1Loss": losses.SmoothL1,
    "BCELoss": losses.BinaryCrossentropy,
    "BCEWithLogitsLoss": losses.BinaryCrossentropy,
    "NLLLoss": losses.NegativeLogLikelihood,
    "CrossEntropyLoss": losses.SparseCategoricalCrossentropy,
}

rng = np.random.default_rng(3)
REAL, OTHER = rng.normal(size=(6, 4)), rng.normal(size=(6, 4))
POSITIVE, RATES = np.abs(REAL) + 0.1, np.abs(OTHER) + 0.1
PROBABILITIES = POSITIVE / POSITIVE.sum(1, keepdims=True)
ONE_HOT, CLASSES = np.eye(4)[[0, 3, 1, 2, 3, 0]], np.array([0, 3, 1, 2, 3, 0])
BITS, SIGNS = (REAL > 0).astype(float), np.where(REAL > 0, 1.0, -1.0)
UNIT = OTHER / np.linalg.norm(OTHER, axis=1, keepdims=True)

# One line per loss: the loss, labels, predictions.
MEMBERS: list[tuple[losses.Loss, Any, Any]] = [
    (losses.MeanSquaredError(), REAL, OTHER),
    (losses.HalfSquaredError(), REAL, OTHER),
    (losses.MeanAbsoluteError(), REAL, OTHER),
    (losses.MeanAbsolutePercentageError(), REAL, OTHER),
    (losses.MeanSquaredLogarithmicError(), POSITIVE, RATES),
    (losses.Huber(0.5), REAL, OTHER),
    (losses.SmoothL1(0.5), REAL, OTHER),
    (losses.LogCosh(), REAL, OTHER),
    (losses.Poisson(), POSITIVE, RATES),
    (losses.CosineSimilarity(), REAL, OTHER),
    (losses.BinaryCrossentropy(), BITS, PROBABILITIES),
    (losses.BinaryCrossentropy(True, 0.1, class_weight=[1, 2, 3, 4], pos_weight=[0.5, 1, 2, 3]), BITS, OTHER),
    (losses.BinaryFocalCrossentropy(), BITS, PROBABILITIES),
    (losses.BinaryFocalCrossentropy(True, 0.3, 1.5, from_logits=True), BITS, OTHER),
    (losses.Hinge(), SIGNS, OTHER),
    (losses.SquaredHinge(), BITS, OTHER),
    (losses.CategoricalCrossentropy(), ONE_HOT, PROBABILITIES),
    (losses.CategoricalCrossentropy(True, 0.1, class_weight=[1, 2, 3, 4]), PROBABILITIES, OTHER),
    (losses.CategoricalFocalCrossentropy(), ONE_HOT, PROBABILITIES),
    (losses.CategoricalFocalCrossentropy([0.1, 0.2, 0.3, 0.4], from_logits=True), ONE_HOT, OTHER),
    (losses.CategoricalHinge(), ONE_HOT, OTHER),
    (losses.KLDivergence(), PROBABILITIES, PROBABILITIES[::-1]),
    (losses.SparseCategoricalCrossentropy(), CLASSES, PROBABILITIES),
    (losses.SparseCategoricalCrossentropy(True, 3, label_smoothing=0.1, class_weight=[1, 2, 3, 4]), CLASSES, OTHER),
    (losses.NegativeLogLikelihood(class_weight=[1, 2, 3, 4]), CLASSES, np.log(PROBABILITIES)),
    (losses.CategoricalGeneralizedCrossEntropy(0.3), CLASSES, PROBABILITIES),
    (losses.Dice(axis=-1), BITS, PROBABILITIES),
    (losses.Tversky(0.3, 0.7, axis=-1), BITS, PROBABILITIES),
    (losses.CTC(), np.array([[1, 2, 0], [3, 3, 1]]), rng.normal(size=(2, 6, 4))),
    (losses.Circle(), np.array([0, 0, 1, 1, 2, 0]), UNIT),
    (losses.FunctionLoss(lambda y_true, y_pred: jnp.mean(jnp.abs(y_true - y_pred), -1)), REAL, OTHER),
]
OF_EACH_SAMPLE = [m for m in MEMBERS if not isinstance(m[0], losses.Circle)]  # Circle compares the samples of a batch
every_loss = pytest.mark.parametrize(("loss", "y_true", "y_pred"), MEMBERS, ids=[m[0].name for m in MEMBERS])
each_sample = pytest.mark.parametrize(
    ("loss", "y_true", "y_pred"), OF_EACH_SAMPLE, ids=[m[0].name for m in OF_EACH_SAMPLE]
)


def same(got: Any, expected: Any, rtol: float = 1e-9) -> None:
    np.testing.assert_allclose(np.asarray(got), np.asarray(expected), rtol=rtol, atol=rtol)


# -- against others ---------------------------------------------------------------------------------------------------


def from_torch(case: dict[str, Any]) -> losses.Loss:
    kind, given = case["source"].split(".")[-1], dict(case["config"])
    cls, arguments = TORCH[kind], {"reduction": given.pop("reduction")}
    arguments |= {{"weight": "class_weight"}.get(k, k): v for k, v in given.items()}
    if kind == "CrossEntropyLoss" and np.ndim(case["inputs"]["target"]) == 2:
        return losses.CategoricalCrossentropy(from_logits=True, **arguments)
    if kind in ("NLLLoss", "CrossEntropyLoss"):
        mean = {"mean": "mean_with_sample_weight"}
        arguments |= {"ignore_class": -100, "reduction": mean.get(arguments["reduction"], arguments["reduction"])}
    else:
        arguments["axis"] = None
    return cls(**arguments, **({"from_logits": True} if kind in ("BCEWithLogitsLoss", "CrossEntropyLoss") else {}))


@pytest.mark.parametrize("case", [c for c in recorded("losses") if "torch" in c["source"]], ids=lambda c: c["id"])
def test_value_and_gradient_are_those_of_pytorch(case: dict[str, Any]) -> None:
    loss = from_torch(case)
    target, pred = jnp.asarray(case["inputs"]["target"]), jnp.asarray(case["inputs"]["pred"])

    def total(p: jax.Array) -> tuple[jax.Array, jax.Array]:
        return jnp.sum(loss(target, p)), loss(target, p)

    gradient, value = jax.jit(jax.grad(total, has_aux=True))(pred)
    same(value, case["expected"]["loss"])
    same(gradient, case["expected"]["dpred"])


@pytest.mark.parametrize("case", [c for c in recorded("losses") if "keras" in c["source"]], ids=lambda c: c["id"])
def test_value_is_that_of_keras(case: dict[str, Any]) -> None:
    loss = getattr(losses, case["source"].split(".")[-1])(**case["config"])
    inputs = {name: np.asarray(value) for name, value in case["inputs"].items()}
    same(loss(**inputs), case["expected"]["loss"], KERAS_NOISE)
    function = getattr(losses, snake_case(type(loss).__name__))
    if "sample_weight" not in inputs:
        same(jnp.mean(function(**inputs, **case["config"])), case["expected"]["loss"], KERAS_NOISE)


# -- the lecture notes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("id", ["bce.error1", "bce.error1_symmetric"])
def test_binary_crossentropy_of_one_row(id: str) -> None:
    given = fact(id)
    y, y_hat = (np.reshape(given["inputs"][k], (1, 1)) for k in ("y", "y_hat"))
    same(losses.BinaryCrossentropy()(y, y_hat), given["expected"], given["tolerance"])


def test_binary_crossentropy_is_the_mean_over_rows() -> None:
    given = fact("bce.mean")
    same(losses.BinaryCrossentropy()(given["inputs"]["y"], given["inputs"]["y_hat"]), given["expected"], 1e-12)


def test_binary_crossentropy_with_logits() -> None:
    given = fact("bce.with_logits")
    x, y, w = (np.asarray(given["inputs"][k], float) for k in "xyw")
    same(losses.BinaryCrossentropy(from_logits=True, reduction="none")(y, x, w), given["expected"])


def test_negative_log_likelihood_of_log_softmax() -> None:
    given = fact("nll.class0")
    x = jnp.asarray([given["inputs"]["x"]])
    same(losses.NegativeLogLikelihood()([given["inputs"]["target"]], jax.nn.log_softmax(x)), given["expected"], 1e-12)


def test_crossentropy_is_negative_log_likelihood_of_log_softmax() -> None:
    given = fact("ce.equals_nll_logsoftmax")
    x = jnp.asarray([given["inputs"]["x"]] * 3)
    sparse = losses.SparseCategoricalCrossentropy(from_logits=True, reduction="none")(jnp.arange(3), x)
    same(sparse, given["expected"], 1e-12)
    same(sparse, losses.NegativeLogLikelihood(reduction="none")(jnp.arange(3), jax.nn.log_softmax(x)), 1e-12)


@pytest.mark.parametrize("id", ["loss.softmax_one_hot", "loss.softmax_one_hot_ocr_vector"])
def test_softmax_loss_on_one_hot_labels(id: str) -> None:
    given = fact(id)
    y, y_hat = jnp.asarray([given["inputs"]["y"]]), jnp.asarray([given["inputs"]["y_hat"]])
    expected = given["expected"] if isinstance(given["expected"], dict) else {"loss": given["expected"]}
    same(losses.CategoricalCrossentropy()(y, y_hat), expected["loss"], 1e-12)
    gradient = jax.grad(lambda z: losses.CategoricalCrossentropy(from_logits=True)(y, z))(jnp.log(y_hat))
    same(gradient[0], expected.get("dz", y_hat[0] - y[0]), 1e-12)


def test_the_cost_is_the_mean_loss() -> None:
    given = fact("loss.cost_mean")
    by_row = losses.FunctionLoss(lambda y_true, y_pred: y_pred)
    same(by_row(np.zeros(3), given["inputs"]["losses"]), given["expected"], 1e-12)


def test_regression_losses_of_the_notes() -> None:
    given = fact("loss.regression")
    y, y_hat, expected = given["inputs"]["y"], given["inputs"]["y_hat"], given["expected"]
    same(losses.MeanSquaredError()(y, y_hat), expected["MSELoss"], 1e-12)
    same(losses.MeanAbsoluteError()(y, y_hat), expected["L1Loss"], 1e-12)
    for width in (1, 2):
        same(losses.Huber(float(width))(y, y_hat), expected[f"HuberLoss_delta{width}"], 1e-12)
        same(losses.SmoothL1(float(width))(y, y_hat), expected[f"SmoothL1Loss_beta{width}"], 1e-12)


def test_two_class_softmax_is_logistic_regression() -> None:
    z = jnp.asarray([fact("softmax.c2_equals_sigmoid")["inputs"]["z"]])
    softmax = losses.SparseCategoricalCrossentropy(from_logits=True)([0], z)
    sigmoid = losses.BinaryCrossentropy(from_logits=True)([[1]], z[:, :1] - z[:, 1:])
    same(softmax, sigmoid, 1e-12)
    same(jnp.exp(-softmax), fact("softmax.c2_equals_sigmoid")["expected"]["softmax0"], 1e-12)
    given = fact("softmax.c2_logistic")
    two = losses.SparseCategoricalCrossentropy(from_logits=True, reduction="none")
    same(jnp.exp(-two([0, 1], [[given["expected"]["logit"], 0.0]] * 2)), given["expected"]["two_class"], 1e-12)
    one = losses.BinaryCrossentropy(from_logits=True)([[1]], [[given["expected"]["logit"]]])
    same(jnp.exp(-one), given["inputs"]["p"], 1e-12)


def test_class_numbers_mean_what_one_hot_rows_mean() -> None:
    given = fact("onehot.animals")["inputs"]
    logits = rng.normal(size=(8, given["C"]))
    sparse = losses.sparse_categorical_crossentropy(given["labels"], logits, from_logits=True)
    same(sparse, losses.categorical_crossentropy(np.eye(given["C"])[given["labels"]], logits, from_logits=True))
    matrix = fact("onehot.Y_matrix")
    logits = rng.normal(size=(3, matrix["inputs"]["C"]))
    sparse = losses.sparse_categorical_crossentropy(matrix["inputs"]["labels"], logits, from_logits=True)
    same(sparse, losses.categorical_crossentropy(np.transpose(matrix["expected"]), logits, from_logits=True))


def test_half_squared_error_has_the_error_as_its_gradient() -> None:
    y, y_hat = jnp.asarray([[1.0, 0.5]]), jnp.asarray([[0.82, 0.1]])
    same(losses.HalfSquaredError()(y, y_hat), 0.5 * (0.18**2 + 0.4**2), 1e-12)
    same(jax.grad(lambda p: losses.HalfSquaredError()(y, p))(y_hat), y_hat - y, 1e-12)


# -- what every loss promises -----------------------------------------------------------------------------------------


def test_every_public_loss_is_in_the_table() -> None:
    classes = {c for c in vars(losses).values() if inspect.isclass(c) and issubclass(c, losses.Loss)}
    assert classes - {losses.Loss, losses.ElementLoss} == {type(loss) for loss, _, _ in MEMBERS}


@every_loss
def test_it_gives_the_same_in_a_program_of_many_members_whose_arguments_are_its_numbers(
    loss: losses.Loss, y_true: Any, y_pred: Any
) -> None:
    apart = take_apart(loss)
    members = [np.stack([n, n]) for n in apart.numbers], np.stack([y_pred, y_pred[::-1]])
    program = jax.jit(jax.vmap(lambda numbers, p: put_together(apart.structure, numbers, [])(y_true, p)))
    same(program(*members), [loss(y_true, p) for p in members[1]])


@every_loss
def test_its_gradient_is_the_slope(loss: losses.Loss, y_true: Any, y_pred: Any) -> None:
    step = 1e-6 * rng.normal(size=np.shape(y_pred))

    def slopes(p: jax.Array) -> tuple[jax.Array, jax.Array]:
        by_gradient = jnp.sum(jax.grad(lambda p: loss(y_true, p))(p) * step)
        return by_gradient / 1e-6, (loss(y_true, p + step) - loss(y_true, p - step)) / 2e-6

    same(*jax.jit(slopes)(y_pred), 1e-6)


@every_loss
@pytest.mark.parametrize("labels", ["int32", "float32", "bool"])
def test_it_keeps_the_type_of_the_predictions(loss: losses.Loss, y_true: Any, y_pred: Any, labels: str) -> None:
    with config.precision("float32"):
        y_true, y_pred = jax.ShapeDtypeStruct(y_true.shape, labels), jax.ShapeDtypeStruct(y_pred.shape, "float32")
        assert jax.eval_shape(loss.__call__, y_true, y_pred).dtype == "float32"
        assert jax.eval_shape(jax.grad(loss.__call__, 1), y_true, y_pred).dtype == "float32"


@each_sample
def test_totals_add_up_over_batches(loss: losses.Loss, y_true: Any, y_pred: Any) -> None:
    loss, weight = loss.replace(reduction="mean_with_sample_weight"), np.arange(1.0, len(y_pred) + 1)
    program, half = jax.jit(loss.totals), len(y_pred) // 2
    parts = [program(y_true[rows], y_pred[rows], weight[rows]) for rows in (slice(half), slice(half, None))]
    total, count = (sum(p) for p in zip(*parts, strict=True))
    same(total / count, loss(y_true, y_pred, weight))


@every_loss
def test_its_config_makes_it_again(loss: losses.Loss, y_true: Any, y_pred: Any) -> None:
    again = type(loss).from_config(loss.get_config())
    assert repr(again) == repr(loss)
    same(again(y_true, y_pred), loss(y_true, y_pred))
    if not isinstance(loss, losses.FunctionLoss):
        json.dumps(loss.get_config())
        assert repr(eval(repr(loss), vars(losses))) == repr(loss)


@every_loss
def test_it_is_found_by_its_names(loss: losses.Loss, y_true: Any, y_pred: Any) -> None:
    assert inspect.getdoc(type(loss))
    if isinstance(loss, losses.FunctionLoss):
        return
    cls = type(loss)
    function = getattr(losses, snake_case(cls.__name__))
    for name in (cls.__name__, function.__name__, function, cls):
        assert type(losses.get(name)) is cls
    assert function.__doc__.startswith("The values per sample")
    loss = cls()
    same(function(y_true, y_pred), loss.values_and_weights(y_true, y_pred)[0])


@pytest.mark.parametrize("from_logits", [True, False])
@pytest.mark.parametrize("extreme", [1e4, -1e4])
def test_crossentropies_stay_finite(from_logits: bool, extreme: float) -> None:
    logits = np.array([[extreme, -extreme]])
    pred = logits if from_logits else np.asarray(jax.nn.softmax(logits))
    for name, y in (("binary", [[0, 1]]), ("categorical", [[0, 1]]), ("sparse_categorical", [1])):
        for kind in ("crossentropy", "focal_crossentropy")[: 1 if name.startswith("sparse") else 2]:
            loss = losses.get(f"{name}_{kind}").replace(from_logits=from_logits)
            value, slope = jax.jit(jax.value_and_grad(lambda p, loss=loss, y=y: loss(y, p)))(pred)
            assert jnp.isfinite(value)
            assert jnp.isfinite(slope).all()


# -- reductions, weights and masks ------------------------------------------------------------------------------------


@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "mean", "mean_with_sample_weight", "sum", "none", None])
def test_reductions(reduction: str | None) -> None:
    values, weight = np.abs(REAL - OTHER).mean(1), np.arange(1.0, 7.0)
    n = {"mean_with_sample_weight": weight.sum(), "mean": 6, "sum_over_batch_size": 6}.get(str(reduction), 1)
    expected = values * weight if reduction in (None, "none") else (values * weight).sum() / n
    same(losses.MeanAbsoluteError(reduction=reduction)(REAL, OTHER, weight), expected)


def test_a_weight_counts_a_sample_that_often() -> None:
    loss, often = losses.MeanSquaredError(reduction="mean_with_sample_weight"), np.array([2, 1, 0, 3, 1, 1])
    same(loss(REAL, OTHER, often), loss(np.repeat(REAL, often, 0), np.repeat(OTHER, often, 0)))


def test_a_weighted_mean_divides_by_the_weights_of_the_classes() -> None:
    weight = np.array([1.0, 2.0, 3.0, 4.0])
    nll = -np.log(PROBABILITIES)[np.arange(6), CLASSES]
    expected = (weight[CLASSES] * nll).sum() / weight[CLASSES].sum()
    for cls, y in ((losses.SparseCategoricalCrossentropy, CLASSES), (losses.CategoricalCrossentropy, ONE_HOT)):
        same(cls(class_weight=weight, reduction="mean_with_sample_weight")(y, PROBABILITIES), expected)
        same(cls(class_weight=weight)(y, PROBABILITIES), (weight[CLASSES] * nll).mean())


def test_totals_of_unequal_batches_give_the_mean_of_all_rows() -> None:
    loss = losses.MeanSquaredError()
    total, count = (
        sum(p) for p in zip(loss.totals(REAL[:4], OTHER[:4]), loss.totals(REAL[4:], OTHER[4:]), strict=True)
    )
    same(total / count, loss(REAL, OTHER))


def test_masked_values_do_not_count() -> None:
    mask = np.array([1, 1, 0, 1, 0, 1], bool)
    for reduction in ("sum_over_batch_size", "mean_with_sample_weight", "sum"):
        loss = losses.MeanSquaredError(reduction=reduction)
        total, count = loss.totals(REAL, OTHER, mask=mask)
        same(total / count, loss(REAL[mask], OTHER[mask]))


def test_an_ignored_class_does_not_count() -> None:
    loss = losses.SparseCategoricalCrossentropy(ignore_class=3)
    kept = CLASSES != 3
    same(loss(CLASSES, PROBABILITIES), losses.SparseCategoricalCrossentropy()(CLASSES[kept], PROBABILITIES[kept]))
    assert float(loss([3, 3], PROBABILITIES[:2])) == 0
    values, weights = loss.values_and_weights(CLASSES, PROBABILITIES)
    same(weights, kept)
    same(values[~kept], 0)


def test_weights_of_steps_in_a_sequence() -> None:
    y, p = rng.normal(size=(2, 3, 4)), rng.normal(size=(2, 3, 4))
    loss = losses.MeanSquaredError(reduction="mean_with_sample_weight")
    weight = np.array([[1.0, 0.0, 1.0], [1.0, 1.0, 0.0]])
    same(loss(y, p, weight), loss(y[weight > 0], p[weight > 0]))
    same(loss(y, p, [[1.0], [0.0]]), loss(y[:1], p[:1]))


def test_classes_along_another_axis() -> None:
    logits, y = rng.normal(size=(2, 4, 5)), rng.integers(0, 4, (2, 5))
    images = losses.SparseCategoricalCrossentropy(from_logits=True, axis=1, class_weight=[1, 2, 3, 4])
    rows = losses.SparseCategoricalCrossentropy(from_logits=True, class_weight=[1, 2, 3, 4])
    same(images(y, logits), rows(y, np.moveaxis(logits, 1, -1)))


def test_predictions_without_a_last_axis_are_samples() -> None:
    y, p, weight = np.array([0.0, 1.0]), np.array([0.5, 3.0]), np.array([1.0, 3.0])
    same(losses.MeanSquaredError(reduction="none")(y, p), [0.25, 4.0])
    same(losses.MeanSquaredError()(y, p, weight), 12.25 / 2)
    same(losses.mean_squared_error(y, p), 4.25 / 2)


@pytest.mark.parametrize(("true", "pred"), [((4,), (4, 1)), ((4, 1), (4,)), ((4, 3), (4, 3, 1)), ((4, 1), (4, 1))])
def test_shapes_that_mean_the_same_are_brought_together(true: tuple[int, ...], pred: tuple[int, ...]) -> None:
    y, p = rng.normal(size=true), rng.normal(size=pred)
    same(losses.MeanSquaredError()(y, p), np.mean((y.ravel() - p.ravel()) ** 2))


@every_loss
def test_labels_that_a_loss_can_take_pass(loss: losses.Loss, y_true: Any, y_pred: Any) -> None:
    check_labels(loss, y_true, y_pred.shape[-1])


@pytest.mark.parametrize("name", ["mae", "mape", "huber", "smooth_l1"])
def test_the_slope_is_zero_where_nothing_is_wrong(name: str) -> None:
    loss, y = losses.get(name), jnp.ones((3, 1))
    assert jax.grad(lambda p: loss(y, p))(y).tolist() == [[0], [0], [0]]


def test_circle_is_that_of_keras():
    """Keras 3.15.1 in float64."""
    vectors, classes = np.array([[1.0, 0.0], [0.6, 0.8], [0.0, 1.0], [-0.8, 0.6]]), np.array([0, 0, 1, 1])
    assert float(losses.Circle()(classes, vectors)) == pytest.approx(19.54657428047264, rel=1e-12)
    each = losses.Circle(gamma=2.0, margin=0.3, reduction="none")(classes, vectors)
    expected = [1.1349645449379469, 1.6894319242601672, 1.6894319242601672, 1.1349645449379469]
    np.testing.assert_allclose(each, expected, rtol=1e-12)
