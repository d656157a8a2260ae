"""Steps of a model's own: they run inside the program, and what they say is what counts. Numbers are from Keras 3.15.1."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from compiles import compiles

from caviar import optimizers
from caviar.errors import ArgumentError
from caviar.graph.node import Input
from caviar.layers import LSTM, Bidirectional, Dense, Layer, TimeDistributed
from caviar.models import Model, Sequential
from caviar.regularizers import L2

R = np.random.RandomState(0)
X = R.randn(40, 4).astype("float32")
Y = (X @ R.randn(4, 1)).astype("float32")
CLOSE = pytest.approx


def fixed(model: Any) -> Any:
    q = np.random.RandomState(3)
    model.set_weights([q.uniform(-0.5, 0.5, np.shape(w)).astype("float32") for w in model.get_weights()])
    return model


def two_layers(kind: Any, **options: Any) -> Any:
    x = Input((4,))
    return fixed(kind(x, Dense(1, **options)(Dense(5, activation="tanh")(x))))


class Extra(Model):
    def compute_loss(self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None) -> Any:
        return super().compute_loss(x, y, y_pred, sample_weight) + 0.1 * jnp.mean(jnp.abs(y_pred))


def test_the_loss_of_a_model_is_what_it_computes() -> None:
    model = two_layers(Extra, kernel_regularizer=L2(0.01))
    model.compile(optimizers.SGD(0.1), "mse", metrics=["mae"])
    logs = model.fit(X, Y, epochs=3, batch_size=10, shuffle=False, validation_split=0.2, verbose=0).history
    assert logs["loss"] == CLOSE([4.8823, 0.8295, 0.5423], abs=1e-4)
    assert logs["mae"] == CLOSE([1.8414, 0.6379, 0.4433], abs=1e-4)
    assert logs["val_loss"] == CLOSE([1.0633, 0.7642, 0.3973], abs=1e-4)
    assert model.evaluate(X, Y, verbose=0) == CLOSE([0.4324, 0.3612], abs=1e-4)
    with compiles() as count:
        model.fit(X, Y, epochs=3, batch_size=10, shuffle=False, validation_split=0.2, verbose=0)
    assert count() == 0


class Jax(Model):
    """As Keras' guide to a `train_step` under JAX writes it."""

    def loss_and_updates(self, trainable: Any, other: Any, x: Any, y: Any, training: bool = False) -> Any:
        y_pred, other = self.stateless_call(trainable, other, x, training=training)
        return self.compute_loss(x, y, y_pred), (y_pred, other)

    def train_step(self, state: Any, data: Any) -> Any:
        trainable, other, optimizer, metrics = state
        x, y = data
        compute = jax.value_and_grad(self.loss_and_updates, has_aux=True)
        (loss, (_, other)), grads = compute(trainable, other, x, y, training=True)
        trainable, optimizer = self.optimizer.stateless_apply(optimizer, grads, trainable)
        return {"loss": loss, "double": 2 * loss}, (trainable, other, optimizer, metrics)


def test_a_train_step_written_for_keras_on_jax() -> None:
    model = two_layers(Jax)
    model.compile(optimizers.SGD(0.1), "mse")
    logs = model.fit(X, Y, epochs=3, batch_size=40, shuffle=False, verbose=0).history
    assert logs["loss"] == CLOSE([5.261, 4.071, 2.8312], abs=1e-4)
    assert logs["double"] == CLOSE([10.522, 8.1419, 5.6623], abs=1e-4)


@pytest.mark.slow
def test_standard_steps_can_be_called_in_either_form() -> None:
    class Passing(Model):
        def train_step(self, state: Any, data: Any) -> Any:
            logs, state = super().train_step(state, data)
            return logs, state

        def test_step(self, *args: Any) -> Any:
            return super().test_step(*args)

        def predict_step(self, state: Any, data: Any) -> Any:
            outputs, state = super().predict_step(state, data)
            return 2 * outputs, state

    models = [two_layers(Passing), two_layers(Model)]
    logs = []
    for model in models:
        model.compile("adam", "mse", metrics=["mae"])
        logs.append(model.fit(X, Y, epochs=2, validation_data=(X, Y), shuffle=False, verbose=0).history)
    assert logs[0] == logs[1]
    one, two = (model.predict(X, verbose=0) for model in models)
    assert one == CLOSE(2 * two)


def test_what_a_test_step_reports_is_what_evaluate_gives() -> None:
    class Scored(Model):
        def test_step(self, step: Any, batch: Any) -> Any:
            error, step = step.evaluate(lambda recipe: jnp.abs(recipe.network(batch.x) - batch.y[0]).max())
            return step, {"worst": error}

    model = two_layers(Scored)
    model.compile(optimizers.SGD(0.0), "mse")
    worst = float(np.abs(model.predict(X, verbose=0) - Y).max())
    assert model.evaluate(X, Y, batch_size=40, verbose=0) == CLOSE(worst)
    assert model.evaluate(((X, Y) for _ in range(2)), verbose=0, return_dict=True) == {"worst": CLOSE(worst)}
    logs = model.fit(X, Y, validation_data=(X, Y), validation_batch_size=40, verbose=0).history
    assert (list(logs), logs["val_worst"]) == (["loss", "val_worst"], CLOSE([worst]))


def test_steps_of_other_libraries_are_refused() -> None:
    class Tape(Model):
        def train_step(self, data: Any) -> Any:
            return {}

    class Silent(Model):
        def train_step(self, step: Any, batch: Any) -> Any:
            return step, {}

    for kind, match in ((Tape, r"train_step\(self, state, data\)"), (Silent, "reports nothing")):
        model = two_layers(kind)
        model.compile("sgd", "mse")
        with pytest.raises(ArgumentError, match=match):
            model.fit(X, Y, verbose=0)


# -- what is kept from batch to batch -------------------------------------------------------------------------------

S, T = (np.random.RandomState(0).randn(*shape).astype("float32") for shape in ((4, 6, 3), (4, 1)))


def stateful() -> Any:
    model = fixed(Sequential([Input((3, 3), batch_size=4), LSTM(5, stateful=True), Dense(1)]))
    model.compile("sgd", "mse")
    return model


def test_states_are_no_weights() -> None:
    model = stateful()
    assert [w.shape for w in model.get_weights()] == [(3, 20), (5, 20), (20,), (5, 1), (1,)]
    assert (model.count_params(), len(model.weights), len(model.non_trainable_weights)) == (186, 5, 0)


def test_states_go_on_from_one_prediction_to_the_next() -> None:
    """As Keras has it on TensorFlow and on PyTorch; on JAX it forgets them."""
    model, whole = stateful(), fixed(Sequential([Input((6, 3)), LSTM(5), Dense(1)]))
    first = model.predict(S[:, :3], verbose=0)
    assert model.predict(S[:, 3:], verbose=0) == CLOSE(whole.predict(S, verbose=0), abs=1e-6)
    model.layers[0].reset_state()
    assert model.predict(S[:, :3], verbose=0) == CLOSE(first, abs=1e-6)
    model.layers[0].reset_state()
    halves = np.concatenate([S[:, :3], S[:, 3:]])
    assert model.predict(halves, batch_size=4, verbose=0)[4:] == CLOSE(whole.predict(S, verbose=0), abs=1e-6)


@pytest.mark.slow
def test_states_go_on_through_evaluations_and_validations() -> None:
    model, whole = stateful(), fixed(Sequential([Input((6, 3)), LSTM(5), Dense(1)]))
    whole.compile("sgd", "mse")
    expected = whole.evaluate(S, T, verbose=0)
    for evaluate in (
        lambda half: model.evaluate(half, T, verbose=0),
        lambda half: model.evaluate(iter([(half, T)]), verbose=0),
    ):
        model.layers[0].reset_state()
        evaluate(S[:, :3])
        assert evaluate(S[:, 3:]) == CLOSE(expected, rel=1e-5)
    model.compile(optimizers.SGD(0.0), "mse")
    model.layers[0].reset_state()
    logs = model.fit(S[:, :3], T, batch_size=4, validation_data=(S[:, 3:], T), shuffle=False, verbose=0).history
    assert logs["val_loss"] == CLOSE([expected], rel=1e-5)


# -- weights are there once they can be -----------------------------------------------------------------------------


class Composed(Layer):
    """Builds another layer where it calls it."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = Dense(4)

    def call(self, x: Any) -> Any:
        return self.inner(x)


@pytest.mark.parametrize(
    ("layer", "shape", "count"),
    [
        (lambda: TimeDistributed(Dense(4)), (None, 5, 3), 16),
        (lambda: TimeDistributed(Bidirectional(LSTM(2))), (None, 7, 5, 3), 96),
        (Composed, (None, 3), 16),
        (lambda: Sequential([Dense(3), Composed()]), (None, 3), 28),
    ],
)
def test_a_built_layer_has_all_its_weights(layer: Any, shape: Any, count: int) -> None:
    made = layer()
    made.build(shape)
    assert made.built
    assert made.count_params() == count
    assert made(np.ones([1 if d is None else d for d in shape], "float32")) is not None
    assert made.count_params() == count


def test_weights_are_there_after_the_model_is_written_down() -> None:
    layer = Dense(2)
    model = Sequential([Input((3,)), layer])
    assert (model.built, [w.shape for w in layer.get_weights()]) == (True, [(3, 2), (2,)])
    model.add(Dense(5))
    assert model.count_params() == 23


def test_a_weight_lives_under_the_name_it_is_assigned_to() -> None:
    class Counting(Layer):
        def build(self, input_shape: Any) -> None:
            self.matrix = self.add_weight("w", (input_shape[-1], 1), "ones", regularizer="l2")
            self.seen = self.add_weight("count", (), "zeros", trainable=False)

        def call(self, x: Any) -> Any:
            self.seen = self.seen + 1.0
            return x @ self.matrix

    layer = Counting()
    model = Sequential([Input((4,)), layer])
    model.compile(optimizers.SGD(0.01), "mse")
    ones = np.ones((40, 4), "float32"), np.ones((40, 1), "float32")
    logs = model.fit(*ones, batch_size=10, shuffle=False, verbose=0).history
    assert logs["loss"] == CLOSE([7.158769], rel=1e-5)
    assert (float(layer.seen.numpy()), len(model.get_weights())) == (4, 2)
