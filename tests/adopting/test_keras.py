"""Keras' own models, adopted: they have the weights, the state and the logs that Keras' own `fit` gives them."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest

os.environ.setdefault("KERAS_BACKEND", "jax")
keras = pytest.importorskip("keras", exc_type=ImportError)
pytestmark = pytest.mark.filterwarnings("ignore")

import caviar  # noqa: E402
from caviar import LogUniform  # noqa: E402
from caviar.errors import ArgumentError  # noqa: E402
from caviar.optimizers import Adam  # noqa: E402

L = keras.layers
rng = np.random.default_rng(0)
TABLE = rng.normal(size=(48, 6)).astype(np.float32)
TARGET = TABLE.sum(1, keepdims=True)
LABELS = rng.integers(0, 3, 48)
WORDS = rng.integers(0, 9, (48, 5))
IMAGES = rng.normal(size=(48, 6, 6, 2)).astype(np.float32)


def compiled(model: Any, *args: Any, **kwargs: Any) -> Any:
    model.compile(*args, **kwargs)
    return model


def plain() -> Any:
    return compiled(
        keras.Sequential([keras.Input((6,)), L.Dense(8, "tanh"), L.Dense(1)]), "adam", "mse", metrics=["mae"]
    )


def regular() -> Any:
    layers = [
        keras.Input((6,)),
        L.Dense(8, kernel_regularizer="l2"),
        L.BatchNormalization(),
        L.Dropout(0.3),
        L.Dense(1),
    ]
    return compiled(keras.Sequential(layers), keras.optimizers.SGD(0.01, momentum=0.9), "mse")


def unbuilt() -> Any:
    model = keras.Sequential([L.Dense(8, "relu"), L.Dense(3, "softmax")])
    return compiled(
        model,
        "rmsprop",
        "sparse_categorical_crossentropy",
        metrics=["accuracy", keras.metrics.SparseTopKCategoricalAccuracy(2)],
    )


def scheduled() -> Any:
    rate = keras.optimizers.schedules.CosineDecay(0.05, 6)
    model = keras.Sequential([keras.Input((6,)), L.Dense(8, kernel_constraint="max_norm"), L.Dense(1)])
    return compiled(model, keras.optimizers.Adam(rate, clipnorm=0.5, use_ema=True, ema_momentum=0.9), "huber")


def words() -> Any:
    model = keras.Sequential(
        [keras.Input((5,), dtype="int32"), L.Embedding(9, 4, mask_zero=True), L.Bidirectional(L.LSTM(3)), L.Dense(1)]
    )
    return compiled(model, "adam", "mse")


def several() -> Any:
    a, b = keras.Input((6,), name="a"), keras.Input((5,), name="b")
    mixed = L.concatenate([a, b])
    model = keras.Model(
        [a, b], {"size": L.Dense(1, name="size")(mixed), "kind": L.Dense(3, "softmax", name="kind")(mixed)}
    )
    loss = {"size": "mse", "kind": "sparse_categorical_crossentropy"}
    return compiled(model, "adam", loss, loss_weights={"size": 0.5, "kind": 2.0}, metrics={"kind": ["accuracy"]})


def half() -> Any:
    model = keras.Sequential([keras.Input((6,)), L.Dense(8, "relu", dtype="mixed_float16"), L.Dense(1)])
    return compiled(model, keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(0.01)), "mse")


class Halved(keras.Model):  # type: ignore[misc]
    """A step of one's own, with logs of its own."""

    def train_step(self, state: Any, data: Any) -> Any:
        import jax

        trainable, fixed, optimizer, metrics = state
        x, y = data

        def loss(trainable: Any) -> Any:
            outputs, after = self.stateless_call(trainable, fixed, x, training=True)
            return 0.5 * ((outputs - y) ** 2).mean(), after

        (value, fixed), gradients = jax.value_and_grad(loss, has_aux=True)(trainable)
        trainable, optimizer = self.optimizer.stateless_apply(optimizer, gradients, trainable)
        return {"half": value}, (trainable, fixed, optimizer, metrics)


def own_step() -> Any:
    inputs = keras.Input((6,))
    return compiled(Halved(inputs, L.Dense(1)(inputs)), "adam")


NUMBERS = {"x": TABLE, "y": TARGET}
CASES: dict[Any, Any] = {
    plain: {**NUMBERS, "validation_split": 0.25},
    regular: {**NUMBERS, "sample_weight": np.arange(48) / 48},
    unbuilt: {"x": TABLE, "y": LABELS, "class_weight": {0: 1.0, 1: 2.0, 2: 0.5}},
    scheduled: NUMBERS,
    words: {"x": WORDS, "y": TARGET},
    several: {"x": {"a": TABLE, "b": WORDS.astype(np.float32)}, "y": {"size": TARGET, "kind": LABELS}},
    half: NUMBERS,
    own_step: NUMBERS,
}


def both(make: Any) -> list[Any]:
    """The same model twice, with the same weights."""
    found = []
    for _ in range(2):
        keras.utils.clear_session()
        keras.utils.set_random_seed(3)
        found.append(make())
    return found


@pytest.mark.parametrize("make", CASES, ids=lambda make: make.__name__)
def test_training_gives_what_keras_gives(make: Any) -> None:
    theirs, ours = both(make)
    given = {**CASES[make], "batch_size": 20, "epochs": 3, "shuffle": False, "verbose": 0}
    expected = theirs.fit(**given).history
    found = caviar.adopt(ours).fit(**given).history
    assert list(found) == list(expected)
    for name in expected:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-5)
    for a, b in zip(ours.variables, theirs.variables, strict=True):
        np.testing.assert_allclose(np.asarray(a.value), np.asarray(b.value), atol=1e-6)
    for a, b in zip(ours.optimizer.variables, theirs.optimizer.variables, strict=True):
        np.testing.assert_allclose(np.asarray(a.value), np.asarray(b.value), atol=1e-6)


def test_both_libraries_may_train_it_in_turns() -> None:
    theirs, ours = both(plain)
    adopted, given = caviar.adopt(ours), {**NUMBERS, "epochs": 1, "shuffle": False, "verbose": 0}
    for turn in (adopted, ours, adopted):
        turn.optimizer.learning_rate = 0.02
        turn.fit(**given)
        theirs.optimizer.learning_rate = 0.02
        theirs.fit(**given)
    assert adopted.evaluate(TABLE, TARGET, verbose=0) == pytest.approx(
        theirs.evaluate(TABLE, TARGET, verbose=0), rel=1e-5
    )
    assert adopted.train_on_batch(TABLE, TARGET) == pytest.approx(theirs.train_on_batch(TABLE, TARGET), rel=1e-5)
    np.testing.assert_allclose(
        adopted.predict(TABLE, verbose=0), theirs.predict(TABLE, verbose=0), rtol=1e-4, atol=1e-6
    )
    np.testing.assert_allclose(ours.get_weights()[0], theirs.get_weights()[0], atol=1e-6)


def test_what_keras_compiles_again_is_trained_so() -> None:
    theirs, ours = both(plain)
    adopted, given = caviar.adopt(ours), {**NUMBERS, "epochs": 1, "shuffle": False, "verbose": 0}
    for model, trained in ((ours, adopted), (theirs, theirs)):
        trained.fit(**given)
        model.layers[0].trainable = False
        model.compile(keras.optimizers.SGD(0.05), "mae")
        trained.fit(**given)
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_callbacks_of_keras_are_heard() -> None:
    class Spy(keras.callbacks.Callback):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.seen: list[Any] = []

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            weights = float(np.abs(self.model.get_weights()[0]).sum())
            self.seen.append(
                (epoch, weights, float(self.model.optimizer.learning_rate), int(self.model.optimizer.iterations))
            )

    heard = []
    for model in both(plain):
        spy, schedule = Spy(), keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.5)
        stopping = keras.callbacks.EarlyStopping("loss", min_delta=1.0, restore_best_weights=True)
        trained = model if not heard else caviar.adopt(model)
        logs = trained.fit(**NUMBERS, epochs=6, shuffle=False, verbose=0, callbacks=[schedule, spy, stopping]).history
        heard.append((spy.seen, logs, model.get_weights()[0].tolist()))
    assert np.asarray(heard[1][0]) == pytest.approx(np.asarray(heard[0][0]), rel=1e-5)
    assert list(heard[1][1]) == list(heard[0][1]) == ["loss", "mae", "learning_rate"]
    np.testing.assert_allclose(heard[1][2], heard[0][2], atol=1e-6)


def test_a_search_leaves_the_model_alone_until_it_is_given_the_best() -> None:
    model = plain()
    before = [w.copy() for w in model.get_weights()]
    adopted = caviar.adopt(model, optimizer=Adam(LogUniform(1e-3, 1e-1)))
    study = caviar.search(adopted, TABLE, TARGET, trials=4, epochs=2, seed=0, verbose=0)
    assert all((a == b).all() for a, b in zip(before, model.get_weights(), strict=True))
    best = study.best_model
    assert best.give_back() is model
    np.testing.assert_allclose(model.predict(TABLE, verbose=0), best.predict(TABLE, verbose=0), rtol=1e-4, atol=1e-6)
    assert model.evaluate(TABLE, TARGET, verbose=0)[0] == pytest.approx(study.best_trial["loss"], rel=0.5)


def test_a_search_may_build_the_model_and_vary_the_rate_of_keras_own_optimizer() -> None:
    adopted = caviar.adopt(unbuilt())
    adopted.optimizer.learning_rate = LogUniform(1e-3, 1e-1)
    study = caviar.search(adopted, TABLE, LABELS, trials=3, epochs=2, seed=0, verbose=0)
    assert len({row["loss"] for row in study.table()}) == 3
    assert len(study.best_model.give_back().get_weights()) == 4


def test_what_keras_did_not_compile_is_a_layer() -> None:
    part = keras.Sequential([keras.Input((6,)), L.Dense(4, kernel_regularizer=keras.regularizers.L2(0.5))])
    model = caviar.Sequential([caviar.Input((6,)), caviar.adopt(part), caviar.layers.Dense(1)])
    model.compile("adam", "mse")
    before = part.get_weights()[0].copy()
    found = model.fit(TABLE, TARGET, epochs=2, verbose=0).history["loss"]
    assert found[1] < found[0]
    assert np.abs(part.get_weights()[0] - before).max() > 0


def test_code_of_the_host_is_told() -> None:
    class Host(L.Layer):  # type: ignore[misc]
        def call(self, x: Any) -> Any:
            return x * float(np.asarray(x).sum())

    model = compiled(keras.Sequential([L.Dense(1), Host()]), "adam", "mse")
    with pytest.raises(ArgumentError, match=r"Keras could not build model 'sequential.*' for"):
        caviar.adopt(model).fit(TABLE, TARGET, verbose=0)
