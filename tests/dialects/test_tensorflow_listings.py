"""The lecture notes' listings run with the word `tensorflow` in their import lines replaced, and nothing else changed."""

from __future__ import annotations

import re
import types
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from conftest import DATA, fact

import caviar
import caviar.dialects.tensorflow as tf
from caviar.models import Sequential

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def own_graph() -> Iterator[None]:
    with tf.Graph().as_default():
        yield


def listing(name: str) -> str:
    """A listing with `tensorflow` replaced in its import lines, and in no other."""
    lines = (DATA / "listings" / f"{name}.py").read_text().splitlines()
    return "\n".join(
        re.sub(r"\btensorflow\b", "caviar.dialects.tensorflow", line) if re.match(r"(import|from) ", line) else line
        for line in lines
    )


def run(name: str, **given: Any) -> dict[str, Any]:
    """Run a listing in a namespace that holds what it uses without defining it."""
    space = dict(given)
    exec(compile(listing(name), name, "exec"), space)
    return space


def printed(text: str) -> list[float]:
    return [float(line.strip("[]")) for line in text.splitlines()]


def test_minimize_w(capsys: pytest.CaptureFixture[str]) -> None:
    run("004_tf_minimize_w")
    found = printed(capsys.readouterr().out)
    assert len(found) == 1002
    assert found[0] == fact("tf.one_step")["inputs"]["w"] == 0.0
    assert f"{found[1]:.6g}" == fact("tf.one_step")["slide"][""]["printed"]
    case = fact("tf.1001_steps_float32")
    assert found[-1] == pytest.approx(case["expected"], abs=case["tolerance"])
    assert f"{found[-1]:.6g}" == case["slide"][""]["printed"]


def test_placeholder(capsys: pytest.CaptureFixture[str]) -> None:
    run("004_tf_placeholder")
    case = fact("tf.coefficients_same")["expected"]
    first, second, last = printed(capsys.readouterr().out)
    assert first == 0.0
    assert second == pytest.approx(case["after_one"], abs=1e-7)
    assert last == pytest.approx(case["minimum"], abs=2e-5)
    assert f"{last:.6g}" == fact("tf.1001_steps_float32")["slide"][""]["printed"]


@pytest.mark.parametrize("name", ["004_tf_code_example", "004_tf_code_example_with_session"])
def test_code_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    space = run(name)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "[0.]"
    assert printed(lines[1])[0] == pytest.approx(
        9.999977, abs=2e-6
    )  # TensorFlow's own float32 run, to two units in the last place
    assert space["session"].closed == name.endswith("with_session")


@pytest.mark.usefixtures("float64")
def test_the_pseudocode_of_batch_normalization() -> None:
    """Every mini-batch: replace z by its normalization; then W, beta and gamma each go alpha down their gradient."""
    pseudocode = listing("004_bn_minibatch_gradient_descent")
    assert all(f"alpha dL/d{name}^{{t}}" in pseudocode for name in ("W", "beta", "gamma"))
    alpha, epsilon, x, y = 0.1, 1e-3, RNG.normal(size=(12, 3)), RNG.normal(size=(12, 2))
    hidden, normalized = tf.keras.layers.Dense(2, use_bias=False), tf.keras.layers.BatchNormalization(epsilon=epsilon)
    model = tf.keras.Sequential([tf.keras.layers.Input((3,)), hidden, normalized])
    model.compile(tf.keras.optimizers.SGD(alpha), "mse")
    model.build((None, 3))
    w, gamma, beta = hidden.kernel.numpy(), np.ones(2), np.zeros(2)
    model.fit(x, y, batch_size=4, epochs=1, shuffle=False, verbose=0)
    for rows in (slice(0, 4), slice(4, 8), slice(8, 12)):
        z = x[rows] @ w
        deviation = np.sqrt(z.var(0) + epsilon)
        unit = (z - z.mean(0)) / deviation
        down = 2 * (gamma * unit + beta - y[rows]) / y[rows].size
        through = gamma * down
        dz = (through - through.mean(0) - unit * (through * unit).mean(0)) / deviation
        w, beta, gamma = w - alpha * x[rows].T @ dz, beta - alpha * down.sum(0), gamma - alpha * (down * unit).sum(0)
    for found, expected in ((hidden.kernel, w), (normalized.beta, beta), (normalized.gamma, gamma)):
        np.testing.assert_allclose(found.numpy(), expected, rtol=0, atol=1e-12)


@pytest.mark.usefixtures("float64")
def test_the_same_in_double_precision() -> None:
    w = tf.Variable(0, dtype=tf.float64)
    train = tf.train.GradientDescentOptimizer(0.01).minimize(w**2 - 10 * w + 25)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(train)
        one, many = fact("tf.one_step"), fact("tf.1001_steps_float64")
        assert session.run(w) == pytest.approx(one["expected"], abs=one["tolerance"])
        for _ in range(1000):
            session.run(train)
        assert session.run(w) == pytest.approx(many["expected"]["w"], abs=many["tolerance"])


@pytest.mark.usefixtures("float64")
def test_the_last_listing_in_double_precision() -> None:
    case = fact("tf.coefficients_minus20")
    w, x = tf.Variable([0], dtype=tf.float64), tf.placeholder(tf.float64, [3, 1])
    cost = x[0][0] * w**2 + x[1][0] * w + x[2][0]
    train = tf.train.GradientDescentOptimizer(case["inputs"]["lr"]).minimize(cost)
    fed = {x: np.reshape(case["inputs"]["coefficients"], (3, 1))}
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for _ in range(case["inputs"]["steps"]):
            session.run(train, feed_dict=fed)
        assert session.run(w)[0] == pytest.approx(case["expected"]["w"], abs=case["tolerance"])


# The Keras listings


def classes(rows: int, count: int) -> np.ndarray:
    return caviar.utils.to_categorical(RNG.integers(count, size=rows), count)


def data(name: str) -> dict[str, Any]:
    """What a listing uses without defining it."""
    rows, labels = RNG.normal(size=(200, 2)), types.SimpleNamespace(values=RNG.normal(size=200))
    model = Sequential([caviar.layers.Dense(1)])
    model.compile("adam", "mse")
    return {
        "000_ann_batchnorm": {"input_dim": 6, "output_dim": 3, "x_train": RNG.normal(size=(64, 6)), "y_train": classes(64, 3)},
        "000_cnn_batchnorm": {"x_train": RNG.normal(size=(4, 64, 64, 3)), "y_train": classes(4, 10)},
        "000_l1_dense32": {"tf": tf, "seed": 3},
        "000_l2_dense32": {"tf": tf, "seed": 3},
        "001_l1_dense64": {"num_classes": 3, "x_train": RNG.normal(size=(64, 5)), "y_train": classes(64, 3)},
        "001_l2_dense64": {"num_classes": 3, "x_train": RNG.normal(size=(64, 5)), "y_train": classes(64, 3)},
        "001_dropout_784_512_512_10": vars(tf.keras.layers) | vars(tf.keras.models),
        "001_early_stopping": {},
        "000_fit_batch32_epochs300": {"model": model, "X_train": rows, "y_train": labels.values},
        "002_fit_batch32_epochs300": {"model": model, "X_train": rows, "y_train": labels.values},
        "000_fit_validation_batch128": {"model": model, "X_train": rows, "y_train": labels, "X_test": rows, "y_test": labels},
        "002_fit_validation_batch128": {"model": model, "X_train": rows, "y_train": labels, "X_test": rows, "y_test": labels},
    }[name]  # fmt: skip


KERAS = sorted(p.stem for p in (DATA / "listings").glob("00[012]*.py"))


@pytest.mark.parametrize("name", KERAS)
def test_keras_listings(name: str) -> None:
    """What they compute is tested with the others; here, that the import lines and `tf.random.set_seed` give the same."""
    space = run(name, **data(name))
    assert isinstance(space["model"], caviar.Model)
    if name not in ("001_dropout_784_512_512_10", "000_l1_dense32", "000_l2_dense32"):
        assert np.isfinite(space["model"].history.history["loss"]).all()


def test_a_seed_makes_a_keras_model_the_same() -> None:
    def weights() -> Any:
        tf.random.set_seed(5)
        return tf.keras.Sequential([tf.keras.layers.Dense(3, input_dim=2)]).get_weights()[0]

    np.testing.assert_array_equal(weights(), weights())
