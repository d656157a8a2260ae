"""What `fit` and `evaluate` mean, held against numbers that Keras 3.15.1 printed on JAX 0.10 for the same scripts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from caviar import optimizers
from caviar.callbacks import Callback, LearningRateScheduler, ReduceLROnPlateau, TerminateOnNaN
from caviar.graph.node import Input
from caviar.layers import GRU, LSTM, Bidirectional, Dense, Embedding
from caviar.models import Model, Sequential
from caviar.ranges import LogUniform
from caviar.studies import search

R = np.random.RandomState(0)
X = R.randn(40, 4).astype("float32")
Y = (X @ R.randn(4, 1)).astype("float32")
SUM = X.sum(1, keepdims=True)
CLOSE = pytest.approx


def line(weight: float, rate: float = 0.0, **options: Any) -> Sequential:
    """One neuron whose weights are known, which learns nothing at a rate of 0."""
    model = Sequential([Input((4,)), Dense(1)])
    model.set_weights([np.full((4, 1), weight, "float32"), np.zeros(1, "float32")])
    model.compile(optimizers.SGD(rate), **{"loss": "mse", **options})
    return model


def fixed(model: Any) -> Any:
    q = np.random.RandomState(3)
    model.set_weights([q.uniform(-0.5, 0.5, np.shape(w)).astype("float32") for w in model.get_weights()])
    return model


def error(weight: float, rows: slice) -> float:
    return float(((weight * SUM[rows] - Y[rows]) ** 2).mean())


# -- which rows -----------------------------------------------------------------------------------------------------


def sign() -> Any:
    model = Sequential([Input((4,)), Dense(1, activation="sigmoid")])
    model.set_weights([np.full((4, 1), 0.1, "float32"), np.zeros(1, "float32")])
    model.compile(optimizers.SGD(0.0), "binary_crossentropy")
    return model


LABELS = (np.random.RandomState(0).randn(40, 4).astype("float32").sum(1) > 0).astype("float32")
CLASSES = {"class_weight": {0: 1.0, 1: 10.0}}


def test_class_weights_weigh_training_rows_only() -> None:
    logs = sign().fit(X, LABELS, batch_size=10, validation_split=0.25, shuffle=False, verbose=0, **CLASSES).history
    assert (logs["loss"][0], logs["val_loss"][0]) == (CLOSE(3.6247, abs=1e-4), CLOSE(0.6408, abs=1e-4))


def test_class_weights_do_not_enter_the_ranking_of_a_search() -> None:
    for how in ({"validation_split": 0.25}, {"folds": 2}):
        model = Sequential([Dense(1, activation="sigmoid", kernel_initializer="zeros")])
        model.compile(optimizers.SGD(LogUniform(1e-12, 1e-11)), "binary_crossentropy")
        study = search(model, X, LABELS, trials=2, monitor="val_loss", seed=0, verbose=0, **CLASSES, **how)
        assert study.best_value == CLOSE(np.log(2), rel=1e-5)


def test_sample_weights_go_along_with_a_validation_split() -> None:
    weight = np.arange(40, dtype="float32")
    logs = line(1.0).fit(X, Y, sample_weight=weight, validation_split=0.25, verbose=0).history
    assert logs["val_loss"][0] == CLOSE(float((weight[30:, None] * (SUM - Y)[30:] ** 2).mean()), rel=1e-5)


def batches() -> Iterator[Any]:
    while True:
        for start in range(0, 40, 8):
            yield X[start : start + 8], Y[start : start + 8]


@pytest.mark.parametrize("callbacks", [(), (Callback(), type("Each", (Callback,), {"pace": "batch"})())])
def test_a_stream_goes_on_where_the_last_epoch_ended(callbacks: Any) -> None:
    logs = line(0.0).fit(batches(), steps_per_epoch=2, epochs=3, callbacks=list(callbacks), verbose=0).history
    squares = [error(0.0, slice(8 * b, 8 * b + 8)) for b in (0, 1, 2, 3, 4, 0)]
    assert logs["loss"] == CLOSE(np.reshape(squares, (3, 2)).mean(1), rel=1e-5)


def test_arrays_go_on_where_the_last_epoch_ended() -> None:
    """Five batches in epochs of two: the third epoch has what is left of the pass, the fourth begins another."""
    model = line(1.0)
    logs = model.fit(X, Y, batch_size=8, steps_per_epoch=2, epochs=4, shuffle=False, verbose=0).history["loss"]
    seen = [slice(0, 16), slice(16, 32), slice(32, 40), slice(0, 16)]
    assert logs == CLOSE([error(1.0, rows) for rows in seen], rel=1e-5)
    later = model.fit(X, Y, batch_size=8, steps_per_epoch=2, initial_epoch=1, epochs=2, shuffle=False, verbose=0)
    assert later.history["loss"] == CLOSE([error(1.0, slice(0, 16))], rel=1e-5)


def test_a_partial_batch_ends_a_pass_of_several_epochs() -> None:
    model, count = line(1.0), Counted()
    logs = model.fit(X, Y, batch_size=16, steps_per_epoch=2, epochs=3, shuffle=False, callbacks=[count], verbose=0)
    rows = [slice(0, 32), slice(32, 40), slice(0, 32)]
    assert logs.history["loss"] == CLOSE([error(1.0, r) for r in rows], rel=1e-5)
    assert count.batches == [0, 1, 0, 0, 1]


def test_every_row_is_used_once_in_a_shuffled_pass() -> None:
    model = line(0.0)
    logs = model.fit(X, Y, batch_size=8, steps_per_epoch=1, epochs=5, verbose=0).history["loss"]
    assert np.mean(logs) == CLOSE(error(0.0, slice(None)), rel=1e-5)
    assert len(set(logs)) == 5


def test_validation_steps_limit_arrays_too() -> None:
    for how in ({"validation_data": (X, Y), "validation_batch_size": 4}, {"validation_split": 0.5, "batch_size": 4}):
        first = 0 if "validation_data" in how else 20
        logs = line(1.0).fit(X, Y, validation_steps=2, shuffle=False, verbose=0, **how).history
        assert logs["val_loss"][0] == CLOSE(error(1.0, slice(first, first + 8)), rel=1e-5)


# -- what is told ---------------------------------------------------------------------------------------------------


class Counted(Callback):
    """Counts batches, and stops after the eighth."""

    def __init__(self, last: int = 99):
        self.batches: list[int] = []
        self.last = last

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.batches.append(batch)
        if len(self.batches) == self.last:
            self.model.stop_training = True


def test_an_epoch_stopped_in_the_middle_is_in_the_history() -> None:
    model = fixed(line(0.0, 0.05))
    data = {"batch_size": 8, "epochs": 5, "shuffle": False, "validation_data": (X[:5], Y[:5]), "verbose": 0}
    history = model.fit(X, Y, callbacks=[Counted(8)], **data)
    assert history.epoch == [0, 1]
    assert history.history["loss"] == CLOSE([3.7648, 1.2259], abs=1e-4)
    assert history.history["val_loss"] == CLOSE([0.4182, 0.2623], abs=1e-4)
    assert model.get_weights()[0].ravel() == CLOSE([-0.2552, 1.3648, 0.3898, -0.0854], abs=1e-4)
    later = model.fit(X, Y, initial_epoch=3, batch_size=8, epochs=5, shuffle=False, verbose=0).history["loss"]
    assert later == CLOSE([0.5286, 0.1664], abs=1e-4)


class Told(Callback):
    """Writes down what it hears, with the names in the logs."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.heard.append(f"epoch {epoch} {sorted(logs)}")

    def on_test_begin(self, logs: Any = None) -> None:
        self.heard.append(f"test {sorted(logs)}")

    def on_test_end(self, logs: Any = None) -> None:
        self.heard.append(f"test end {sorted(logs)}")

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.heard.append(f"end {epoch} {sorted(logs)}")


def test_callbacks_hear_of_the_validation_in_order_and_always_get_a_dict() -> None:
    told = Told()
    line(0.0).fit(X, Y, epochs=2, validation_data=(X, Y), validation_freq=2, callbacks=[told], verbose=0)
    first, second = ["epoch 0 []", "end 0 ['loss']"], ["epoch 1 []", "test []", "test end ['loss']"]
    assert told.heard == [*first, *second, "end 1 ['loss', 'val_loss']"]


@pytest.mark.parametrize(
    "callback",
    [ReduceLROnPlateau(monitor="doubled"), LearningRateScheduler(lambda e, lr: lr), TerminateOnNaN()],
    ids=lambda c: type(c).__name__,
)
def test_a_train_step_need_not_report_a_loss(callback: Any) -> None:
    class Doubled(Sequential):
        def train_step(self, step: Any, batch: Any) -> Any:
            value, _, gradients, step = step.gradients(lambda recipe: recipe.objective(batch))
            return step.apply(gradients), {"doubled": 2 * value}

    model = Doubled([Dense(1, kernel_initializer="zeros", input_dim=4)])
    model.compile(optimizers.SGD(1e-12), "mse")
    logs = model.fit(X, Y, callbacks=[callback], shuffle=False, batch_size=40, verbose=0).history
    assert logs["doubled"] == CLOSE([2 * error(0.0, slice(None))], rel=1e-5)


# -- several outputs, masks, arrays ---------------------------------------------------------------------------------


def test_the_list_of_several_outputs() -> None:
    x, classes = Input((4,)), np.arange(40) % 3
    value, kind = Dense(1, name="reg"), Dense(3, activation="softmax", name="cls")
    model = fixed(Model(x, [value(x), kind(x)]))
    model.compile(
        "sgd",
        {"reg": "mse", "cls": "sparse_categorical_crossentropy"},
        loss_weights={"reg": 0.5, "cls": 2.0},
        metrics={"reg": ["mae", "mse"], "cls": ["accuracy"]},
    )
    logs = model.evaluate(X, [Y, classes], verbose=0, return_dict=True)
    order = ["loss", "reg_loss", "cls_loss", "cls_accuracy", "reg_mae", "reg_mse"]
    assert model.evaluate(X, [Y, classes], verbose=0) == CLOSE([logs[name] for name in order])


TOKENS = np.array([[1, 2, 3, 0, 0], [4, 5, 0, 0, 0], [1, 1, 1, 1, 1], [2, 3, 4, 5, 0]])


def test_the_sequence_keeps_its_mask_beside_the_states() -> None:
    x, words = Input((5,)), Embedding(6, 4, mask_zero=True)
    first, second = LSTM(3, return_sequences=True, return_state=True), GRU(2)
    model = Model(x, second(first(words(x))[0]))
    q = np.random.RandomState(3)
    for layer in (words, first, second):
        layer.set_weights([q.uniform(-0.5, 0.5, np.shape(w)).astype("float32") for w in layer.get_weights()])
    keras = [[0.4074, 0.3961], [0.3285, 0.3376], [0.49, 0.4244], [0.4681, 0.3921]]
    assert model.predict(TOKENS, verbose=0) == CLOSE(np.array(keras), abs=1e-4)


def test_both_directions_keep_their_masks() -> None:
    x = Input((None,))
    sides = Bidirectional(LSTM(3, return_sequences=True), merge_mode=None)(Embedding(6, 4, mask_zero=True)(x))
    model = Model(x, [GRU(2)(side) for side in sides])
    for bare, padded in zip(
        model.predict(TOKENS[:1, :3], verbose=0), model.predict(TOKENS[:1], verbose=0), strict=True
    ):
        assert bare == CLOSE(padded, abs=1e-6)


def test_what_is_given_back_may_be_written_to() -> None:
    model = line(1.0)
    for array in (*model.get_weights(), model.predict(X, verbose=0), model.predict(X[:3], batch_size=1, verbose=0)):
        array += 1
    assert model.get_weights()[0].ravel().tolist() == [1, 1, 1, 1]
    assert model.predict(X, verbose=0) == CLOSE(SUM, abs=1e-5)
