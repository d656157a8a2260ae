"""Recurrent layers, attention, embedding and wrappers: Keras' values and gradients, and what must hold of each."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from compiles import compiles
from conftest import recorded
from layer_classes import RECURRENT as CLASSES

from caviar import config
from caviar.errors import ArgumentError, ShapeError, UnknownNameError
from caviar.graph import Input, evaluate, fetch
from caviar.graph.evaluation import as_arrays
from caviar.layers import attention, cells, embedding, recurrent, wrappers
from caviar.layers.base import Layer, ensure_built
from caviar.layers.dense import Dense
from caviar.parts import take_apart

GRU, LSTM, RNN, SimpleRNN = recurrent.GRU, recurrent.LSTM, recurrent.RNN, recurrent.SimpleRNN
Bidirectional, TimeDistributed = wrappers.Bidirectional, wrappers.TimeDistributed


class Leaky(Layer):
    """A cell of a user's own."""

    state_size = 3

    def call(self, inputs, states):
        h = 0.5 * states[0] + inputs
        return h, [h]


SEQUENCE = (6, 3)
RECURRENT = [
    SimpleRNN(5),
    LSTM(5),
    GRU(5),
    GRU(5, reset_after=False),
    LSTM(5, "softsign", "hard_sigmoid", return_sequences=True),
    GRU(5, use_bias=False, return_sequences=True),
    SimpleRNN(5, "relu", go_backwards=True, return_sequences=True),
    RNN(cells.LSTMCell(4)),
    RNN([cells.GRUCell(4), cells.LSTMCell(5)], return_sequences=True),
    RNN(Leaky(), return_sequences=True),
    Bidirectional(GRU(4, return_sequences=True), "sum"),
    Bidirectional(LSTM(4)),
    TimeDistributed(Dense(4, "tanh")),
    embedding.Masking(),
]
PAIR = [(4, 6), (5, 6)]
ATTENTION = [
    attention.Attention(),
    attention.Attention(use_scale=True, score_mode="concat"),
    attention.AdditiveAttention(),
    attention.MultiHeadAttention(2, 3),
    attention.MultiHeadAttention(2, 3, 5, use_bias=False, output_shape=(2, 4)),
]
STEPS = [cells.SimpleRNNCell(4), cells.LSTMCell(4), cells.GRUCell(4)]


def normal(*shape, seed=0):
    return np.random.default_rng(seed + sum(shape)).normal(size=shape).astype(config.floatx())


def inputs_of(layer, batch=2):
    if layer in RECURRENT:
        return [normal(batch, *SEQUENCE)]
    if layer in STEPS:
        return [normal(batch, 3), [normal(batch, size) for size in layer.state_size]]
    pair = [normal(batch, *shape) for shape in PAIR]
    return pair if isinstance(layer, attention.MultiHeadAttention) else [pair]


ALL = [*RECURRENT, *ATTENTION, *STEPS]
each = pytest.mark.parametrize("layer", ALL, ids=repr)


def fresh(layer):
    """The layer without the weights that another test gave it."""
    if isinstance(layer, list):
        return [fresh(one) for one in layer]
    config = {k: fresh(v) if isinstance(v, (Layer, list)) else v for k, v in layer.get_config().items()}
    return type(layer).from_config(config)


def as_function(layer, *x, training=False, rng=None):
    """The layer as a pure function of its weights and inputs, and its weights."""
    ensure_built(layer, *x)
    apart = take_apart(layer)

    def run(values, *x):
        numbers = as_arrays(apart.numbers)
        return evaluate(
            apart.structure, numbers, values, training=training, rng=rng, call=lambda copy: copy(*x)
        ).outputs

    return run, [v.value for v in apart.variables]


# Keras

KERAS = [c for c in recorded("layers") if c["source"].rpartition(".")[2] in CLASSES]


FLOAT32 = (
    "SimpleRNN",
    "GRU/{'units': 5, 'reset_after'",
    "TimeDistributed",
    "MultiHead",
)  # recorded with products in float32


def from_case(case):
    config = dict(case["config"])
    if "layer" in config:
        inner = {"LSTM": LSTM, "Dense": Dense}[config.pop("layer")]
        return CLASSES[case["source"].rpartition(".")[2]](inner(**config))
    return CLASSES[case["source"].rpartition(".")[2]](**config)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("case", KERAS, ids=lambda c: c["id"])
def test_value_and_gradients_are_keras(case):
    layer, x = from_case(case), [jnp.array(x) for x in case["inputs"]["x"]]
    run, _ = as_function(layer, *x)
    weights = case["inputs"]["weights"]
    for variable, name in zip(layer.variables, weights, strict=True):
        assert variable.path.split("/")[-2:] == name.split("/")[-2:] or isinstance(layer, TimeDistributed)

    @jax.jit
    def results(cotangent, *arguments):
        y, pull_back = jax.vjp(run, *arguments)
        return y, pull_back(cotangent)

    y, (dweights, *dx) = results(jnp.array(case["inputs"]["cotangent"]), [jnp.array(w) for w in weights.values()], *x)
    expected = case["expected"]
    rtol, atol = (1e-6, 1e-6) if case["id"].startswith(FLOAT32) else (1e-9, 1e-12)
    np.testing.assert_allclose(y, expected["y"], rtol, atol)
    for ours, theirs in zip((*dx, *dweights), (*expected["dx"], *expected["dweights"].values()), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol, atol)


def test_names_of_weights_are_keras():
    layer = Bidirectional(LSTM(4, name="lstm"), name="both")
    layer(normal(2, *SEQUENCE))
    assert [v.path for v in layer.variables] == [
        f"both/{side}_lstm/lstm_cell/{name}"
        for side in ("forward", "backward")
        for name in ("kernel", "recurrent_kernel", "bias")
    ]
    layer = attention.MultiHeadAttention(2, 3, name="mha")
    layer(normal(2, 4, 6), normal(2, 5, 6))
    parts = ("query", "key", "value", "attention_output")
    assert [v.path for v in layer.variables] == [f"mha/{part}/{name}" for part in parts for name in ("kernel", "bias")]


def test_lstm_starts_with_a_forget_bias_of_one():
    layer = LSTM(2)
    layer(normal(2, *SEQUENCE))
    assert layer.bias.numpy().tolist() == [0, 0, 1, 1, 0, 0, 0, 0]


# Contracts


@pytest.mark.parametrize("name", CLASSES)
def test_documented(name):
    assert CLASSES[name].__doc__
    assert ">>>" in CLASSES[name].__doc__ or name in ("Cell", "Recurrent")


@each
def test_config_makes_the_layer_again(layer):
    again, x = fresh(layer), inputs_of(layer)
    assert repr(again) == repr(layer)
    ensure_built(again, *x)
    ensure_built(layer, *x)
    assert [w.shape for w in again.variables] == [w.shape for w in layer.variables]


@each
def test_keeps_the_float_type_maps_and_compiles_once(layer):
    x, others = inputs_of(layer), jax.tree.map(lambda a: a[::-1] + 1, inputs_of(layer))
    expected = layer(*x)
    assert {str(y.dtype) for y in jax.tree.leaves(expected)} == {"float32"}
    with compiles() as count:
        layer(*others)
    assert count() == 0
    run, weights = as_function(layer, *x)
    twice = jax.jit(jax.vmap(run))(
        jax.tree.map(lambda a: np.stack([a, a]), weights), *jax.tree.map(lambda a, b: np.stack([a, b]), x, others)
    )
    for one, two in zip(jax.tree.leaves(expected), jax.tree.leaves(twice), strict=True):
        np.testing.assert_allclose(one, two[0], rtol=1e-5, atol=1e-6)


# What recurrent layers promise

FEW = [LSTM(5), GRU(5, reset_after=False), RNN([cells.GRUCell(4), cells.SimpleRNNCell(5)]), RNN(Leaky())]
MASK = np.array([[1, 1, 0, 1, 0, 1], [0, 1, 1, 1, 1, 0]], bool)
recurrent_layer = pytest.mark.parametrize("layer", FEW, ids=repr)


@recurrent_layer
def test_masked_steps_are_as_if_absent(layer):
    x = normal(2, *SEQUENCE)
    shorter = np.stack([x[row, MASK[row]] for row in range(2)])
    np.testing.assert_allclose(layer(x, mask=MASK), layer(shorter), rtol=1e-5, atol=1e-6)


@recurrent_layer
def test_going_backwards_is_flipping(layer):
    x = normal(2, *SEQUENCE)
    backwards = layer.replace(go_backwards=True, return_sequences=True)
    backwards(x)
    forwards = layer.replace(return_sequences=True)
    forwards(x)
    forwards.set_weights(backwards.get_weights())
    np.testing.assert_array_equal(backwards(x, mask=MASK), forwards(x[:, ::-1], mask=MASK[:, ::-1]))


@recurrent_layer
def test_stateful_parts_are_one_long_sequence(layer):
    x = normal(2, *SEQUENCE)
    whole, stateful = layer.replace(), layer.replace(stateful=True)
    expected = whole(x)
    stateful(x)
    for variable, value in zip(stateful.trainable_variables, whole.get_weights(), strict=True):
        variable.assign(value)
    stateful.reset_states()
    stateful(x[:, :4])
    np.testing.assert_allclose(stateful(x[:, 4:]), expected, rtol=1e-5, atol=1e-6)
    stateful.reset_states()
    np.testing.assert_allclose(stateful(x), expected, rtol=1e-5, atol=1e-6)


@recurrent_layer
def test_last_states_are_first_states(layer):
    x = normal(2, *SEQUENCE)
    layer = layer.replace(return_state=True)
    output, *states = layer(x)
    _, *halfway = layer(x[:, :2])
    for ours, theirs in zip(layer(x[:, 2:], initial_state=halfway), (output, *states), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


def test_masked_outputs_repeat_or_are_zero():
    x, mask = normal(1, 3, 3), np.array([[True, False, True]])
    layer = LSTM(4, return_sequences=True)
    y = layer(x, mask=mask)[0]
    np.testing.assert_array_equal(y[0], y[1])
    zeros = LSTM(4, return_sequences=True, zero_output_for_mask=True)
    zeros(x)
    zeros.set_weights(layer.get_weights())
    np.testing.assert_array_equal(zeros(x, mask=mask)[0], y * mask.T)


def test_bidirectional_is_its_two_layers():
    x = normal(2, *SEQUENCE)
    forward, backward = LSTM(4, return_sequences=True), LSTM(4, return_sequences=True, go_backwards=True)
    layer = Bidirectional(forward, "mul", backward_layer=backward)
    y = layer(x, mask=MASK)
    np.testing.assert_allclose(
        y, (forward(x, mask=MASK) * backward(x, mask=MASK)[:, ::-1]) * MASK[..., None], rtol=1e-5, atol=1e-6
    )
    two = Bidirectional(GRU(4, return_state=True), None)(x)
    assert [y.shape for y in two] == [(2, 4)] * 4
    for a, b in zip(two[:2], two[2:], strict=True):
        np.testing.assert_array_equal(a, b)


def test_dropout_is_the_same_at_every_step_and_of_the_right_mean():
    layer = RNN(Leaky()).replace(return_sequences=True)
    cell = cells.SimpleRNNCell(
        400, "linear", use_bias=False, kernel_initializer="identity", recurrent_initializer="zeros", dropout=0.25
    )
    layer = RNN(cell, return_sequences=True)
    y = layer(np.ones((3, 5, 400), "float32"), training=True)
    np.testing.assert_array_equal(y[:, :1].repeat(5, 1), y)
    assert set(np.unique(np.asarray(y).round(4))) == {0, np.float32(1.3333)}
    assert abs(float(y.mean()) - 1) < 0.1
    np.testing.assert_array_equal(layer(np.ones((3, 5, 400), "float32")), 1)


@pytest.mark.parametrize(
    "layer", [SimpleRNN(4, recurrent_dropout=0.5), LSTM(4, recurrent_dropout=0.5), GRU(4, recurrent_dropout=0.5)]
)
def test_recurrent_dropout_is_on_while_training(layer):
    x = normal(2, *SEQUENCE)
    quiet = layer.replace(recurrent_dropout=0.0)
    quiet(x)
    layer(x)
    layer.set_weights(quiet.get_weights())
    np.testing.assert_allclose(layer(x), quiet(x, training=True), rtol=1e-5, atol=1e-6)
    assert not np.allclose(layer(x, training=True), quiet(x))


def test_masks_travel_from_embedding_to_recurrence():
    indices = Input((5,), dtype="int32")
    hidden = embedding.Embedding(9, 4, mask_zero=True)(indices)
    y = LSTM(3)(GRU(4, return_sequences=True)(hidden))
    fed = jnp.array([[3, 1, 4, 0, 0], [3, 1, 4, 0, 0]])
    long = fetch(y, {indices: fed})
    layers = [node.function for node in (hidden, y.args[0], y)]
    short = fed[:, :3]
    for layer in layers:
        short = layer(short)
    np.testing.assert_allclose(long, short, rtol=1e-5, atol=1e-6)


# What is refused

X = np.ones((2, 6, 3), "float32")


@pytest.mark.parametrize(
    ("wrong", "error", "says"),
    [
        (lambda: LSTM(4)(X[0]), ShapeError, r"wants sequences \(batch, time, features\)"),
        (lambda: GRU(4, "tahn")(X), UnknownNameError, "did you mean 'tanh'"),
        (lambda: LSTM(4, stateful=True)(Input((6, 3))), ArgumentError, "batch_shape"),
        (lambda: Bidirectional(Dense(4))(X), ArgumentError, "goes around a recurrent layer"),
        (lambda: Bidirectional(GRU(4), "conact")(X), UnknownNameError, "did you mean 'concat'"),
        (lambda: Bidirectional(GRU(4), backward_layer=GRU(4))(X), ArgumentError, "go_backwards=True"),
        (
            lambda: Bidirectional(GRU(4), backward_layer=GRU(4, go_backwards=True, return_state=True))(X),
            ArgumentError,
            "differ in 'return_state'",
        ),
        (lambda: attention.Attention()(X), ArgumentError, r"\[query, value\]"),
        (lambda: attention.Attention()([X, X[..., :2]]), ShapeError, "3 features with keys of 2"),
        (lambda: attention.Attention(score_mode="dto")([X, X]), UnknownNameError, "did you mean 'dot'"),
    ],
)
def test_refused(wrong, error, says):
    with pytest.raises(error, match=says):
        wrong()


def test_stateful_wants_the_batch_it_knows():
    layer = LSTM(4, stateful=True)
    layer(X)
    with pytest.raises(ShapeError, match="batches of 2"):
        layer(X[:1])
