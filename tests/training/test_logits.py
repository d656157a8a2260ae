"""A crossentropy of a sigmoid or softmax is computed from its logits: a model that is sure and wrong still learns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from caviar import activations, losses, metrics, ops
from caviar.config import set_random_seed
from caviar.layers import Activation, Dense, Input, Reshape, Sigmoid, Softmax
from caviar.models import Model, Sequential

rng = np.random.default_rng(0)
X = (100 * rng.normal(size=(24, 3))).astype("float32")
BIT, CLASS = rng.integers(0, 2, (24, 1)), rng.integers(0, 4, 24)
LARGE = 5.0  # weights under which a float32 sigmoid is exactly 0 or 1


def logits_of(units: int) -> np.ndarray:
    return X @ _kernel(units)


def _kernel(units: int) -> np.ndarray:
    return (LARGE * np.sin(1 + np.arange(3 * units))).reshape(3, units).astype("float32")


def functional(units: int) -> Model:
    x = Input((3,))
    z = Dense(units, use_bias=False)(x)
    return Model(x, ops.sigmoid(z) if units == 1 else ops.softmax(z))


def ready(made: Callable[[int], Any], units: int) -> Any:
    model = made(units)
    model.set_weights([_kernel(units)])
    return model


def stack(*layers: Any) -> Sequential:
    return Sequential([Input((3,)), *layers])


BINARY: dict[str, Callable[[int], Any]] = {
    "activation of a layer": lambda n: stack(Dense(n, "sigmoid", use_bias=False)),
    "Activation": lambda n: stack(Dense(n, use_bias=False), Activation("sigmoid")),
    "Sigmoid": lambda n: stack(Dense(n, use_bias=False), Sigmoid()),
    "function": lambda n: stack(Dense(n, activations.sigmoid, use_bias=False)),
    "operation": functional,
}
CATEGORICAL: dict[str, Callable[[int], Any]] = {
    "activation of a layer": lambda n: stack(Dense(n, "softmax", use_bias=False)),
    "Softmax": lambda n: stack(Dense(n, use_bias=False), Softmax()),
    "operation": functional,
}


@pytest.mark.parametrize("made", BINARY.values(), ids=BINARY)
def test_the_loss_of_a_sigmoid_has_no_end(made: Callable[[int], Any]) -> None:
    model, z = ready(made, 1), logits_of(1)
    expected = np.mean(np.logaddexp(0, z) - BIT * z)
    model.compile("sgd", "binary_crossentropy", metrics=[metrics.BinaryCrossentropy(), "accuracy"])
    np.testing.assert_allclose(model.evaluate(X, BIT, verbose=0)[:2], expected, rtol=1e-5)
    before = model.get_weights()[0]
    history = model.fit(X, BIT[:, 0], batch_size=24, verbose=0).history
    np.testing.assert_allclose(history["loss"], expected, rtol=1e-5)
    gradient = X.T @ ((z > 0) - BIT) / 24
    np.testing.assert_allclose(model.get_weights()[0], before - 0.01 * gradient, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("made", CATEGORICAL.values(), ids=CATEGORICAL)
def test_the_loss_of_a_softmax_has_no_end(made: Callable[[int], Any]) -> None:
    model, z = ready(made, 4), logits_of(4).astype("float64")
    expected = np.mean(np.logaddexp.reduce(z, 1) - z[np.arange(24), CLASS])
    for loss, y in (("sparse_categorical_crossentropy", CLASS), ("categorical_crossentropy", np.eye(4)[CLASS])):
        model.compile("sgd", loss, metrics=[loss])
        np.testing.assert_allclose(model.evaluate(X, y, verbose=0), expected, rtol=1e-5)


def test_the_functions_find_the_logits_in_a_loss_of_ones_own() -> None:
    model, z = ready(BINARY["Sigmoid"], 1), logits_of(1)
    model.compile("sgd", lambda y_true, y_pred: 2 * losses.binary_crossentropy(y_true, y_pred))
    np.testing.assert_allclose(model.evaluate(X, BIT, verbose=0), 2 * np.mean(np.logaddexp(0, z) - BIT * z), rtol=1e-5)


def test_labels_without_the_last_axis_find_them_too() -> None:
    model = ready(lambda n: stack(Dense(6, use_bias=False), Reshape((6, 1)), Sigmoid()), 6)
    z, y = logits_of(6), rng.integers(0, 2, (24, 6))
    model.compile("sgd", "binary_crossentropy")
    np.testing.assert_allclose(model.evaluate(X, y, verbose=0), np.mean(np.logaddexp(0, z) - y * z), rtol=1e-5)


@pytest.mark.slow
def test_what_is_not_exactly_the_value_of_a_sigmoid_is_a_probability() -> None:
    x = Input((3,))
    p = ops.sigmoid(Dense(1, use_bias=False)(x))
    cases = {"moved": 0.5 * p + 0.25, "of another function": ops.softmax(Dense(4, use_bias=False)(x))}
    for name, output in cases.items():
        model = Model(x, output)
        model.set_weights([_kernel(w.shape[1]) for w in model.weights])
        y = np.broadcast_to(BIT, (24, output.shape[-1]))
        model.compile("sgd", "binary_crossentropy")
        expected = losses.BinaryCrossentropy()(y, model.predict(X, verbose=0))
        np.testing.assert_allclose(model.evaluate(X, y, verbose=0), expected, rtol=1e-5, err_msg=name)


@pytest.mark.filterwarnings("ignore:x reaches")
def test_unscaled_inputs_are_learned_whatever_the_seed() -> None:
    x = np.concatenate([rng.normal(size=(64, 2)), 800 + 300 * rng.random((64, 2))], 1).astype("float32")
    y = (x[:, 2] > 950).astype("int32")
    for seed in range(4):
        set_random_seed(seed)
        model = Sequential([Dense(8, activation="relu"), Dense(1, activation="sigmoid")])
        model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
        found = model.fit(x, y, epochs=100, batch_size=16, verbose=0).history
        assert found["loss"][-1] < 0.2 * found["loss"][0]
