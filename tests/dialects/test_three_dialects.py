"""One graph, three spellings: the same network, weights, rows and optimizer give the same losses in all of them."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import caviar
import caviar.dialects.tensorflow as tf
import caviar.dialects.torch as torch
from caviar.dialects.torch import nn, optim
from caviar.dialects.torch.utils.data import DataLoader, TensorDataset
from caviar.layers import Dense
from caviar.optimizers import SGD

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(40, 3)), RNG.normal(size=(40, 1))
WEIGHTS = [RNG.normal(size=(3, 5)), RNG.normal(size=5), RNG.normal(size=(5, 1)), RNG.normal(size=1)]
BATCH, EPOCHS, RATE, MOMENTUM = 16, 4, 0.05, 0.9  # 40 rows: the last batch has 8


@pytest.fixture(autouse=True)
def doubles() -> Iterator[None]:
    with caviar.config.precision("float64"):
        torch.set_default_dtype(torch.float64)
        yield
        torch.set_default_dtype(torch.float32)


def batches() -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for start in range(0, len(X), BATCH):
        yield X[start : start + BATCH], Y[start : start + BATCH]


def in_keras_words() -> list[float]:
    model = caviar.Sequential([Dense(5, activation="tanh", input_dim=3), Dense(1)])
    model.set_weights(WEIGHTS)
    model.compile(SGD(RATE, momentum=MOMENTUM), "mse")
    return list(model.fit(X, Y, batch_size=BATCH, epochs=EPOCHS, shuffle=False, verbose=0).history["loss"])


def in_tensorflows_words() -> list[float]:
    tf.reset_default_graph()
    x, y = tf.placeholder(tf.float64, [None, 3]), tf.placeholder(tf.float64, [None, 1])
    w1, b1, w2, b2 = (tf.Variable(w, dtype=tf.float64) for w in WEIGHTS)
    error = tf.matmul(tf.tanh(tf.matmul(x, w1) + b1), w2) + b2 - y
    cost = tf.reduce_mean(tf.square(error))
    train = tf.train.MomentumOptimizer(RATE, MOMENTUM).minimize(cost)
    found = []
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for _ in range(EPOCHS):
            losses = [session.run([cost, train], feed_dict={x: a, y: b})[0] * len(a) for a, b in batches()]
            found.append(sum(losses) / len(X))
    return found


def torch_network() -> Any:
    model = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 1))
    names = ("0.weight", "0.bias", "2.weight", "2.bias")
    model.load_state_dict({name: torch.tensor(w.T.copy()) for name, w in zip(names, WEIGHTS, strict=True)})
    return model


def trained_by_a_loop(model: Any) -> list[float]:
    optimizer, criterion = optim.SGD(model.parameters(), lr=RATE, momentum=MOMENTUM), nn.MSELoss()
    loader = DataLoader(TensorDataset(torch.tensor(X), torch.tensor(Y)), batch_size=BATCH)
    found = []
    for _ in range(EPOCHS):
        total = 0.0
        for xb, yb in loader:
            optimizer.zero_grad()
            loss = criterion(model(xb), yb)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(xb)
        found.append(total / len(X))
    return found


def test_the_losses_agree() -> None:
    expected = in_keras_words()
    np.testing.assert_allclose(in_tensorflows_words(), expected, rtol=1e-12)
    np.testing.assert_allclose(trained_by_a_loop(torch_network()), expected, rtol=1e-12)


def test_a_torch_module_is_trained_by_fit() -> None:
    model = torch_network()
    model.compile(SGD(RATE, momentum=MOMENTUM), "mse")
    history = model.fit(X, Y, batch_size=BATCH, epochs=EPOCHS, shuffle=False, verbose=0)
    np.testing.assert_allclose(history.history["loss"], in_keras_words(), rtol=1e-12)


def test_a_caviar_model_is_trained_by_a_loop() -> None:
    model = caviar.Sequential([Dense(5, activation="tanh", input_dim=3), Dense(1)])
    model.set_weights(WEIGHTS)
    np.testing.assert_allclose(trained_by_a_loop(torch.from_caviar(model)), in_keras_words(), rtol=1e-12)
    loop, fitted = model.get_weights(), torch_network()
    trained_by_a_loop(fitted)
    np.testing.assert_allclose(loop[0], fitted[0].weight.detach().numpy().T, rtol=1e-12)


def test_a_tensorflow_graph_is_trained_by_fit() -> None:
    tf.reset_default_graph()
    x = tf.placeholder(tf.float64, [None, 3])
    w1, b1, w2, b2 = (tf.Variable(w, dtype=tf.float64) for w in WEIGHTS)
    model = caviar.Model(x, tf.matmul(tf.tanh(tf.matmul(x, w1) + b1), w2) + b2)
    model.compile(SGD(RATE, momentum=MOMENTUM), "mse")
    history = model.fit(X, Y, batch_size=BATCH, epochs=EPOCHS, shuffle=False, verbose=0)
    np.testing.assert_allclose(history.history["loss"], in_keras_words(), rtol=1e-12)


def test_a_caviar_layer_stands_in_a_session() -> None:
    tf.reset_default_graph()
    x, y = tf.placeholder(tf.float64, [None, 3]), tf.placeholder(tf.float64, [None, 1])
    model = caviar.Sequential([Dense(5, activation="tanh", input_dim=3), Dense(1)])
    model.set_weights(WEIGHTS)
    cost = tf.reduce_mean(tf.square(model(x) - y))
    train = tf.train.MomentumOptimizer(RATE, MOMENTUM).minimize(cost)
    found = []
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for _ in range(EPOCHS):
            losses = [session.run([cost, train], feed_dict={x: a, y: b})[0] * len(a) for a, b in batches()]
            found.append(sum(losses) / len(X))
    np.testing.assert_allclose(found, in_keras_words(), rtol=1e-12)


def test_a_torch_module_is_searched() -> None:
    model = torch_network()
    model.compile(SGD(caviar.LogUniform(1e-3, 1e-1)), "mse")
    study = caviar.search(model, X, Y, trials=4, epochs=3, seed=0, verbose=0)
    alone = study.untrained(1).fit(X, Y, epochs=3, verbose=0)
    np.testing.assert_allclose(study.curves(1)["loss"], alone.history["loss"], rtol=1e-9)
    assert isinstance(study.best_model, nn.Sequential)


def test_a_torch_module_is_saved_and_loaded(tmp_path: Any) -> None:
    model = torch_network()
    model.compile(SGD(RATE), "mse")
    model.fit(X, Y, epochs=1, verbose=0)
    model.save(tmp_path / "module.caviar")
    again = caviar.load_model(tmp_path / "module.caviar")
    np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))


def test_a_tensorflow_graph_is_saved_and_loaded(tmp_path: Any) -> None:
    tf.reset_default_graph()
    x = tf.placeholder(tf.float64, [None, 3])
    w1, b1, w2, b2 = (tf.Variable(w, dtype=tf.float64) for w in WEIGHTS)
    hidden = tf.nn.relu(tf.matmul(x, w1) + b1)
    model = caviar.Model(
        x, tf.nn.softmax(tf.concat([tf.matmul(hidden, w2) + b2, tf.reduce_sum(x, 1, keepdims=True)], 1))
    )
    model.compile(SGD(RATE), "mse")
    model.fit(X, np.abs(X[:, :2]), epochs=1, verbose=0)
    model.save(tmp_path / "graph.caviar")
    again = caviar.load_model(tmp_path / "graph.caviar")
    np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))


def test_a_process_that_never_named_the_dialect_loads_its_graph(tmp_path: Any) -> None:
    """The file names parts of TensorFlow's words, in whichever of its modules they are; the loader finds them by the first word."""
    tf.reset_default_graph()
    x = tf.placeholder(tf.float32, [None, 3])
    hidden = tf.nn.leaky_relu(tf.matmul(x, tf.Variable(WEIGHTS[0], dtype=tf.float32)))
    caviar.Model(x, [hidden, tf.losses.huber_loss(tf.zeros_like(hidden), hidden)]).save(tmp_path / "graph.caviar")
    torch_network().save(tmp_path / "module.caviar")
    script = """
        import sys, caviar
        assert not any(name.startswith("caviar.dialects") for name in sys.modules)
        print(len(caviar.load_model(sys.argv[1]).outputs), type(caviar.load_model(sys.argv[2])).__name__)
    """
    files = [str(tmp_path / "graph.caviar"), str(tmp_path / "module.caviar")]
    command = [sys.executable, "-c", textwrap.dedent(script), *files]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "2 Sequential\n"
