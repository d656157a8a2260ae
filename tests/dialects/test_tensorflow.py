"""TensorFlow 1's graph and session: operators, gradients, optimizers, sessions, random numbers, models, modules."""

from __future__ import annotations

import collections
import importlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from compiles import compiles
from sessions import A, B, P, value

import caviar
import caviar.dialects.tensorflow as tf
from caviar.errors import ArgumentError
from caviar.layers import Dense

pytestmark = pytest.mark.usefixtures("float64")


RNG = np.random.default_rng(0)


OPERATORS = [
    (lambda a, b: a + b * 2 - 1, A + B * 2 - 1),
    (lambda a, b: -a / b, -A / B),
    (lambda a, b: abs(a) ** 2, A**2),
    (lambda a, b: a // b, A // B),
    (lambda a, b: a % b, A % B),
    (lambda a, b: a @ tf.transpose(b), A @ B.T),
    (lambda a, b: [a < b, a <= b, a > b, a >= b], [A < B, A <= B, A > B, A >= B]),
    (lambda a, b: [a[0][1], a[:, 1:], a[..., 0], a[-1]], [A[0][1], A[:, 1:], A[..., 0], A[-1]]),
    (lambda a, b: [row * 2 for row in tf.unstack(a)], list(2 * A)),
]


@pytest.mark.parametrize(("expression", "expected"), OPERATORS)
def test_operators(expression: Any, expected: Any) -> None:
    found = value(expression(tf.Variable(A), tf.constant(B)))
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


# Gradients


SMOOTH: dict[str, Callable[[Any], Any]] = {
    "polynomial": lambda w: w**3 - 2 * w**2 + w,
    "products": lambda w: tf.matmul(w, tf.transpose(tf.sin(w))),
    "logits": lambda w: tf.nn.softmax_cross_entropy_with_logits(labels=P, logits=w),
    "sparse": lambda w: tf.nn.sparse_softmax_cross_entropy_with_logits(labels=[2, 0], logits=w),
    "sigmoid": lambda w: tf.nn.sigmoid_cross_entropy_with_logits(labels=P, logits=w),
    "normalized": lambda w: tf.nn.batch_normalization(w, *tf.nn.moments(w, [0]), [1.0, 2, 3], None, 1e-3) ** 3,
    "chosen": lambda w: tf.where(w > 0, tf.exp(w), w) * tf.reduce_max(w, axis=0),
    "rearranged": lambda w: tf.concat([tf.tile(w, [1, 2]), tf.gather(w, [1, 0])], axis=1) ** 2,
    "huber": lambda w: tf.losses.huber_loss(P, w),
}


@pytest.mark.parametrize("name", SMOOTH)
def test_gradients_are_those_of_finite_differences(name: str) -> None:
    x = tf.placeholder(tf.float64, [2, 3])
    y = SMOOTH[name](x)
    gradient = tf.gradients(y, x)[0]
    with tf.Session() as session:
        expected, step = np.zeros_like(A), 1e-6
        for at in np.ndindex(A.shape):
            moved = np.zeros_like(A)
            moved[at] = step
            expected[at] = (session.run(y, {x: A + moved}).sum() - session.run(y, {x: A - moved}).sum()) / (2 * step)
        np.testing.assert_allclose(session.run(gradient, {x: A}), expected, rtol=1e-6, atol=1e-8)


def test_gradients_with_respect_to_anything() -> None:
    w, x = tf.Variable(3.0), tf.placeholder(tf.float64, [])
    h = w * x
    y = h**2 + w
    assert value(tf.gradients(y, [w, x, h]), {x: 2.0}) == [2 * 6 * 2 + 1, 2 * 6 * 3, 12]
    assert value(tf.gradients([y, w], w, grad_ys=[2.0, None])[0], {x: 2.0}) == 2 * 25 + 1
    assert tf.gradients(y, tf.Variable(1.0)) == [None]
    assert tf.gradients(y, tf.constant(1)) == [None]


def test_gradients_of_gradients() -> None:
    a = tf.placeholder(tf.float64, [])
    h = tf.exp(a)
    along, at_h = tf.gradients(h**2, [a, h])
    e = np.exp(1.0)
    found = value([along, at_h, tf.gradients(along, a)[0], *tf.gradients(at_h, [a, h])], {a: 1.0})
    np.testing.assert_allclose(found, [2 * e * e, 2 * e, 4 * e * e, 2 * e, 2], rtol=1e-12)
    w = tf.Variable(2.0)
    nodes = [w**4]
    for _ in range(3):
        nodes += tf.gradients(nodes[-1], w)
    assert value(nodes) == [16, 32, 48, 48]


def test_stop_gradient() -> None:
    w = tf.Variable(3.0)
    assert value(tf.gradients(w * tf.stop_gradient(w), w)[0]) == 3
    labels = tf.Variable(P)
    assert tf.gradients(labels, labels)[0] is not None
    assert not value(tf.gradients(tf.nn.softmax_cross_entropy_with_logits(labels=labels, logits=A), labels)[0]).any()
    assert value(tf.gradients(tf.nn.softmax_cross_entropy_with_logits_v2(labels, A), labels)[0]).all()


# Optimizers: TensorFlow 1's documented formulas, by hand


def descent(w: Any, g: Any, s: dict[str, Any], t: int) -> Any:
    return w - 0.05 * g


def momentum(w: Any, g: Any, s: dict[str, Any], t: int) -> Any:
    s["a"] = 0.9 * s.get("a", 0.0) + g
    return w - 0.05 * s["a"]


def nesterov(w: Any, g: Any, s: dict[str, Any], t: int) -> Any:
    s["a"] = 0.9 * s.get("a", 0.0) + g
    return w - 0.05 * (g + 0.9 * s["a"])


def adagrad(w: Any, g: Any, s: dict[str, Any], t: int) -> Any:
    s["a"] = s.get("a", 0.1) + g**2
    return w - 0.05 * g / np.sqrt(s["a"])


def adadelta(w: Any, g: Any, s: dict[str, Any], t: int) -> Any:
    s["a"] = 0.95 * s.get("a", 0.0) + 0.05 * g**2
    u = np.sqrt(s.get("d", 0.0) + 1e-8) / np.sqrt(s["a"] + 1e-8) * g
    s["d"] = 0.95 * s.get("d", 0.0) + 0.05 * u**2
    return w - 0.05 * u


def rmsprop(
    w: Any, g: Any, s: dict[str, Any], t: int, momentum: float = 0.0, epsilon: float = 1e-10, centered: bool = False
) -> Any:
    s["s"] = 0.9 * s.get("s", 1.0) + 0.1 * g**2
    s["g"] = 0.9 * s.get("g", 0.0) + 0.1 * g if centered else 0.0
    s["m"] = momentum * s.get("m", 0.0) + 0.05 * g / np.sqrt(s["s"] - s["g"] ** 2 + epsilon)
    return w - s["m"]


def centered(w: Any, g: Any, s: dict[str, Any], t: int) -> Any:
    return rmsprop(w, g, s, t, momentum=0.5, epsilon=1e-3, centered=True)


def adam(w: Any, g: Any, s: dict[str, Any], t: int) -> Any:
    s["m"] = 0.9 * s.get("m", 0.0) + 0.1 * g
    s["v"] = 0.999 * s.get("v", 0.0) + 0.001 * g**2
    return w - 0.05 * np.sqrt(1 - 0.999**t) / (1 - 0.9**t) * s["m"] / (np.sqrt(s["v"]) + 1e-8)


def decayed(w: Any, g: Any, s: dict[str, Any], t: int) -> Any:
    return w - 0.05 * 0.9 ** ((t - 1) // 3) * g


OPTIMIZERS: dict[str, tuple[Callable[[Any], Any], Callable[..., Any]]] = {
    "descent": (lambda step: tf.train.GradientDescentOptimizer(0.05), descent),
    "momentum": (lambda step: tf.train.MomentumOptimizer(0.05, 0.9), momentum),
    "nesterov": (lambda step: tf.train.MomentumOptimizer(0.05, 0.9, use_nesterov=True), nesterov),
    "adagrad": (lambda step: tf.train.AdagradOptimizer(0.05), adagrad),
    "adadelta": (lambda step: tf.train.AdadeltaOptimizer(0.05), adadelta),
    "rmsprop": (lambda step: tf.train.RMSPropOptimizer(0.05), rmsprop),
    "centered": (lambda step: tf.train.RMSPropOptimizer(0.05, momentum=0.5, epsilon=1e-3, centered=True), centered),
    "adam": (lambda step: tf.train.AdamOptimizer(0.05), adam),
    "decay": (
        lambda step: tf.train.GradientDescentOptimizer(tf.train.exponential_decay(0.05, step, 3, 0.9, staircase=True)),
        decayed,
    ),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizer(name: str) -> None:
    make, move = OPTIMIZERS[name]
    step, w = tf.Variable(0, trainable=False), tf.Variable([1.0, -2.0])
    x = tf.placeholder(tf.float64, [None, 2])
    loss = tf.reduce_mean((tf.reduce_sum(x * w, axis=1) - 1) ** 2) + tf.reduce_sum(w**4) / 10
    train = make(step).minimize(loss, global_step=step)
    expected, kept = np.array([1.0, -2.0]), {}
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for t in range(1, 11):
            rows = RNG.normal(size=(3, 2))
            session.run(train, {x: rows})
            g = 2 * ((rows @ expected - 1)[:, None] * rows).mean(0) + 0.4 * expected**3
            expected = move(expected, g, kept, t)
            np.testing.assert_allclose(session.run(w), expected, rtol=1e-12, atol=1e-12)
        assert session.run(step) == 10


def test_every_optimizer_has_a_trajectory() -> None:
    known = {n for n in dir(tf.train) if n.endswith("Optimizer")} - {"Optimizer"}
    assert {type(make(tf.constant(0))).__name__ for make, _ in OPTIMIZERS.values()} == known


def test_gradients_may_be_changed_before_they_are_applied() -> None:
    w, other = tf.Variable([3.0, 4.0]), tf.Variable(1.0)
    optimizer = tf.train.GradientDescentOptimizer(0.5)
    pairs = optimizer.compute_gradients(tf.reduce_sum(w**2) / 2)
    assert [(g is None, v) for g, v in pairs] == [(False, w), (True, other)]
    train = optimizer.apply_gradients([(tf.clip_by_norm(g, 1.0), v) for g, v in pairs[:1]])
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(train)
        np.testing.assert_allclose(session.run(w), [3 - 0.3, 4 - 0.4], rtol=1e-12)


def test_var_list_chooses_what_is_trained() -> None:
    a, b = tf.Variable(1.0), tf.Variable(1.0)
    train = tf.train.GradientDescentOptimizer(0.25).minimize(a**2 + b**2, var_list=[b])
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(train)
        assert session.run([a, b]) == [1.0, 0.5]


def test_a_placeholder_as_learning_rate() -> None:
    w, rate = tf.Variable(1.0), tf.placeholder(tf.float64)
    train = tf.train.GradientDescentOptimizer(rate).minimize(w**2)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        with compiles() as count:
            session.run(train, {rate: 0.25})
            session.run(train, {rate: 0.125})
        assert count() == 1
        assert session.run(w) == 0.375


# Sessions


def test_a_run_computes_from_the_values_before_it() -> None:
    w = tf.Variable(1.0)
    cost = w**2
    train = tf.train.GradientDescentOptimizer(0.25).minimize(cost)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        assert session.run([train, cost, w, w + 0]) == [None, 1.0, 1.0, 1.0]
        assert session.run(w) == 0.5


def test_sessions_are_independent() -> None:
    w = tf.Variable(1.0)
    first, second = tf.Session(), tf.Session()
    for session in (first, second):
        session.run(w.initializer)
    assert first.run(w.assign(5.0)) == 5.0
    assert (first.run(w), second.run(w)) == (5.0, 1.0)


def test_a_variable_has_no_business_in_a_session_of_another_graph() -> None:
    w = tf.Variable(2.0, name="w")
    with tf.Graph().as_default() as other, tf.Session(graph=other) as session:
        w.weight.assign(3.0)  # a layer that is built or loaded assigns like this
        assert session.values == {}
        with pytest.raises(ArgumentError, match="variable 'w' belongs to another graph"):
            w.load(4.0, session)
        with pytest.raises(ArgumentError, match="variable 'w' belongs to another graph"):
            tf.train.Saver([w]).save(session, "nowhere")
    assert float(w.weight.value) == 3.0


def test_fetches_nest() -> None:
    Pair = collections.namedtuple("Pair", "a b")
    w = tf.Variable([1.0, 2.0], name="w")
    found = value({"list": [w, w + 1], "pair": Pair(w[0], (tf.no_op(),)), "name": "w"})
    assert [v.tolist() for v in found["list"]] == [[1, 2], [2, 3]]
    assert found["pair"] == Pair(1.0, (None,))
    assert found["name"].tolist() == [1, 2]
    assert isinstance(found["pair"].a, np.float64)
    found["name"][0] = 9  # an array of one's own


def test_assignments_are_operations() -> None:
    w, count = tf.Variable([1.0, 2.0]), tf.Variable(0)
    both = tf.group(tf.assign(w, [3.0, 4.0]), tf.assign_add(count, 2))
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        assert session.run(both) is None
        assert session.run([w[0], count]) == [3.0, 2]
        assert session.run(w.assign_sub([1.0, 1.0])).tolist() == [2.0, 3.0]
        assert session.run(tf.assign_sub(count, 1)) == session.run(count) == 1
        w.load([7.0, 8.0], session)
        assert session.run(w).tolist() == [7.0, 8.0]


def test_eval_and_run_use_the_session_of_the_block() -> None:
    w, x = tf.Variable(2.0), tf.placeholder(tf.float64, [])
    train = tf.train.GradientDescentOptimizer(0.25).minimize(x * w)
    with tf.Session() as session:
        assert tf.get_default_session() is session
        w.initializer.run()
        train.run(feed_dict={x: 4.0})
        assert w.eval() == (w * x).eval({x: 1.0}) == 1.0
    session = tf.Session()
    with session.as_default():
        w.initializer.run()
    assert w.eval(session=session) == 2.0
    interactive = tf.InteractiveSession()
    tf.initialize_all_variables().run()
    assert w.eval() == w.eval(session=interactive) == 2.0
    interactive.close()
    assert tf.get_default_session() is None


def test_a_loop_compiles_once_and_so_does_the_same_graph_written_again() -> None:
    def train() -> float:
        with tf.Graph().as_default():
            w, x = tf.Variable(0.0), tf.placeholder(tf.float64, [None])
            step = tf.train.MomentumOptimizer(0.01, 0.9).minimize(tf.reduce_mean((w * x - 1) ** 2))
            session = tf.Session()
            session.run(tf.global_variables_initializer())
            for _ in range(5):
                session.run(step, {x: [1.0, 2.0]})
            return session.run(w)

    with compiles() as count:
        first = train()
    assert count() <= 3  # the initializer, the step, the fetch
    with compiles() as count:
        assert train() == first
    assert count() == 0


def test_integers_and_lists_may_be_fed_and_shapes_may_change() -> None:
    x, labels = tf.placeholder("float", [None, 2]), tf.placeholder(tf.int64, [None])
    y = tf.reduce_sum(x) + tf.cast(tf.reduce_sum(labels), tf.float32)
    with tf.Session() as session:
        assert session.run(y, {x: [[1, 2]], labels: [3]}) == 6
        assert session.run(y, {x: np.ones((3, 2), int), labels: np.array([1.0, 2.0])}) == 9


def test_a_placeholder_without_a_shape() -> None:
    """The introduction that many began with."""
    w, b = tf.Variable([0.3]), tf.Variable([-0.3])
    x, y = tf.placeholder(tf.float64), tf.placeholder(tf.float64)
    loss = tf.reduce_sum(tf.square(w * x + b - y))
    train = tf.train.GradientDescentOptimizer(0.01).minimize(loss)
    fed = {x: [1, 2, 3, 4], y: [0, -1, -2, -3]}
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        assert session.run(loss, fed) == pytest.approx(23.66)
        for _ in range(1000):
            session.run(train, fed)
        np.testing.assert_allclose(session.run([w, b]), [[-1], [1]], atol=1e-4)


def test_a_placeholder_with_a_default() -> None:
    keep, w = tf.placeholder_with_default(0.5, shape=[]), tf.Variable(3.0)
    gradient = tf.gradients(keep * w, w)[0]
    with tf.Session() as session:
        session.run(w.initializer)
        assert session.run([keep * 2, gradient]) == [1.0, 0.5]
        assert session.run([keep * 2, gradient], {keep: 4.0}) == [8.0, 4.0]


def test_shapes_that_are_known_at_the_run() -> None:
    x = tf.placeholder(tf.float64, [None, 3])
    nodes = [tf.reshape(x, [tf.shape(x)[0], 3, 1]), tf.zeros(tf.shape(x)), tf.random_normal([tf.shape(x)[0], 2])]
    assert [n.shape for n in nodes] == [(None, 3, 1), (None, 3), (None, 2)]
    assert [v.shape for v in value(nodes, {x: A})] == [(2, 3, 1), (2, 3), (2, 2)]
    assert x.get_shape().as_list() == [None, 3]


# Random numbers


def test_random_nodes_draw_at_each_run_and_variables_once() -> None:
    w, x = tf.Variable(tf.random_normal([1000], 1.0, 2.0)), tf.random_normal([1000])
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        assert (session.run(w) == session.run(w)).all()
        assert (session.run(x) != session.run(x)).all()
        one, again = session.run([x, x + 0])
        assert (one == again).all()
        assert session.run(w).mean() == pytest.approx(1.0, abs=0.3)
        assert session.run(w).std() == pytest.approx(2.0, abs=0.2)


@pytest.mark.parametrize(
    ("node", "low", "high", "mean"),
    [
        (lambda: tf.truncated_normal([4000], stddev=0.5), -1.0, 1.0, 0.0),
        (lambda: tf.random_uniform([4000]), 0.0, 1.0, 0.5),
        (lambda: tf.random_uniform([4000], -3.0, 1.0), -3.0, 1.0, -1.0),
        (lambda: tf.random_uniform([4000], 2, 5, tf.int32), 2, 4, 3.0),
        (lambda: tf.random_shuffle(np.arange(4000.0)), 0.0, 3999.0, 1999.5),
        (lambda: tf.nn.dropout(np.ones(4000), rate=0.25), 0.0, 1 / 0.75, 1.0),
    ],
)  # fmt: skip
def test_distributions(node: Any, low: float, high: float, mean: float) -> None:
    tf.set_random_seed(0)
    drawn = value(node())
    assert low <= drawn.min() < drawn.max() <= high
    assert drawn.mean() == pytest.approx(mean, abs=0.05)


def test_seeds() -> None:
    def drawn(seed: int | None, own: int | None = None) -> Any:
        with tf.Graph().as_default():
            if seed is not None:
                tf.set_random_seed(seed)
            return value([tf.random_normal([3], seed=own), tf.random_normal([3])])

    assert np.array_equal(drawn(1), drawn(1))
    assert not np.array_equal(drawn(1), drawn(2))
    assert np.array_equal(drawn(None, own=7)[0], drawn(None, own=7)[0])
    assert not np.array_equal(drawn(None, own=7)[1], drawn(None, own=7)[1])


def test_dropout_in_the_loss_is_dropout_in_the_gradient() -> None:
    w = tf.Variable(np.ones(100))
    loss = tf.reduce_sum(tf.nn.dropout(w, keep_prob=0.5))
    found, gradient = value([loss, tf.gradients(loss, w)[0]])
    assert found == gradient.sum()
    assert set(np.unique(gradient)) == {0.0, 2.0}


# Variables by name


def test_scopes_name_variables() -> None:
    with tf.variable_scope("net"):
        w = tf.get_variable("w", [2], initializer=tf.zeros_initializer())
        with tf.name_scope("inner"):
            assert [tf.Variable(0).name, tf.get_variable("v", [2]).name] == ["net/inner/Variable:0", "net/v:0"]
    with tf.variable_scope("net", reuse=True):
        assert tf.get_variable("w", [2]) is w
    with tf.variable_scope("net", reuse=tf.AUTO_REUSE):
        assert tf.get_variable("w") is w
        assert tf.get_variable("new", [1]).name == "net/new:0"
    assert [tf.Variable(0, name="w").name, tf.Variable(0, name="w").name] == ["w:0", "w_1:0"]
    assert tf.global_variables() == tf.trainable_variables() == tf.get_collection(tf.GraphKeys.GLOBAL_VARIABLES)


@pytest.mark.parametrize(
    ("initializer", "shape"),
    [
        (None, [300, 200]), (tf.zeros_initializer(), [3]), (tf.random_normal_initializer(stddev=0.5), [300, 200]), (A, None),
        (tf.truncated_normal_initializer(), [9]), (tf.random_uniform_initializer(), [9]), (tf.glorot_uniform_initializer, [9, 9]),
    ],
)  # fmt: skip
def test_get_variable_starts_as_its_initializer_says(initializer: Any, shape: Any) -> None:
    w = tf.get_variable("w", shape, initializer=initializer)
    found = value(w)
    assert found.shape == tuple(shape or A.shape)
    if initializer is None:
        assert abs(found).max() <= np.sqrt(6 / 500)
        assert found.std() == pytest.approx(np.sqrt(2 / 500), rel=0.02)


def test_initial_values_may_come_from_others() -> None:
    a = tf.Variable(tf.random_normal([3]))
    b = tf.Variable(a.initialized_value() * 2)
    first, second = value([a, b])
    np.testing.assert_array_equal(second, 2 * first)


def test_saver(tmp_path: Path) -> None:
    w, count = tf.Variable(A, name="w"), tf.Variable(3, name="count")
    saver = tf.train.Saver()
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(w.assign(B))
        path = saver.save(session, tmp_path / "model", global_step=count)
    assert path == str(tmp_path / "model-3")
    with tf.Session() as session:
        saver.restore(session, path)  # instead of the initializer
        assert session.run(w).tolist() == B.tolist()
        assert session.run(count) == 3


# caviar's models and layers


def test_a_model_of_a_graph_is_trained() -> None:
    x = tf.placeholder(tf.float64, [None, 3])
    w, b = tf.Variable(tf.zeros([3, 1])), tf.Variable(0.5)
    model = caviar.Model(inputs=x, outputs=tf.matmul(x, w) + b)
    assert [v.path for v in model.trainable_variables] == ["Variable", "Variable_1"]
    model.compile(caviar.optimizers.SGD(0.1), "mse")
    rows = RNG.normal(size=(64, 3))
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        model.fit(rows, rows @ [[1.0], [2.0], [3.0]] + 4, epochs=60, verbose=0)
        np.testing.assert_allclose(session.run(w), [[1], [2], [3]], atol=1e-3)
        np.testing.assert_allclose(model.predict(rows, verbose=0), session.run(model.outputs[0], {x: rows}), rtol=1e-12)


def test_a_model_outside_of_sessions_starts_from_the_initial_values() -> None:
    x, w = tf.placeholder(tf.float64, [None, 1]), tf.Variable([[2.0]])
    model = caviar.Model(x, x @ w)
    assert model.predict(np.ones((1, 1)), verbose=0) == 2.0
    model.compile(caviar.optimizers.SGD(0.1), "mse")
    model.fit(np.ones((8, 1)), 5 * np.ones((8, 1)), epochs=100, verbose=0)
    assert model.get_weights()[0] == pytest.approx(5.0, abs=1e-3)
    assert value(w) == 2.0  # a session has values of its own


def test_layers_on_placeholders_are_trained_by_sessions() -> None:
    x, y = tf.placeholder(tf.float64, [None, 2]), tf.placeholder(tf.float64, [None, 1])
    hidden, out = tf.keras.layers.Dense(8, activation="tanh"), Dense(1)
    loss = tf.losses.mean_squared_error(y, out(hidden(x)))
    train = tf.train.AdamOptimizer(0.05).minimize(loss)
    rows = RNG.normal(size=(32, 2))
    fed = {x: rows, y: rows[:, :1] * rows[:, 1:]}
    before = hidden.get_weights()[0]
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        first = session.run(loss, fed)
        for _ in range(200):
            session.run(train, fed)
        assert session.run(loss, fed) < first / 10
    assert (hidden.get_weights()[0] != before).any()


# The other names of modules


def test_keras_is_caviar() -> None:
    for name in (
        "layers",
        "models",
        "callbacks",
        "regularizers",
        "optimizers",
        "optimizers.schedules",
        "losses",
        "metrics",
        "utils",
    ):
        assert importlib.import_module(f"caviar.dialects.tensorflow.keras.{name}") is importlib.import_module(
            f"caviar.{name}"
        )
    assert tf.keras.layers.Dense is Dense
    assert tf.keras.Model is caviar.Model


def test_compat_v1_is_the_module_itself() -> None:
    assert importlib.import_module("caviar.dialects.tensorflow.compat.v1") is tf
    assert tf.compat.v1 is tf
    assert tf.compat.v1.disable_v2_behavior() is tf.compat.v1.disable_eager_execution() is None
    assert tf.__version__ == caviar.__version__


@pytest.mark.slow
def test_the_module_imports_no_layers_before_they_are_asked_for() -> None:
    code = (
        "import sys, caviar.dialects.tensorflow as tf; tf.train; "
        "print([m for m in ('caviar.models', 'caviar.layers.dense') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_types() -> None:
    assert [tf.Variable(v).dtype for v in (0, 1.5, True, A)] == ["int64", "float64", "bool", "float64"]
    assert tf.Variable(0, dtype=tf.float32).dtype == tf.float32
    assert tf.constant(1, tf.bool).dtype == tf.bool
    with caviar.config.precision("float32"):
        assert tf.constant(np.ones(2)).dtype == "float32"
        assert tf.placeholder(tf.int64, []).dtype == "int32"
        assert tf.argmax(A).dtype == "int32"


def test_a_number_that_is_no_class_costs_nan() -> None:
    costs = value(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=[-1, 0, 1, 2], logits=np.zeros((4, 2))))
    assert np.isnan(costs).tolist() == [True, False, False, True]


def test_a_constant_is_numbers_those_of_half_precision_among_them() -> None:
    half = value(tf.constant(np.asarray(Dense(1)(np.ones((2, 1)))).astype("bfloat16")))
    assert (str(half.dtype), half.shape) == ("bfloat16", (2, 1))
    with pytest.raises(ArgumentError, match="'text' is neither a number"):
        tf.constant("text")
