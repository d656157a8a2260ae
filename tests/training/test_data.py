"""Data that nothing can be learned from are told before anything compiles, in one way, whatever kind of data they are."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

from caviar import config, errors
from caviar.callbacks import BackupAndRestore, LambdaCallback
from caviar.data import streams
from caviar.graph import Input
from caviar.layers import BatchNormalization, CategoryEncoding, Dense, Embedding, Flatten, Layer, Rescaling
from caviar.models import Model, Sequential, load_model
from caviar.optimizers import SGD

X = np.random.default_rng(0).normal(size=(20, 3)).astype("float32")
Y = X[:, :1].copy()
LABELS = np.arange(20) % 3
IDS = np.random.default_rng(1).integers(0, 5, (20, 4))
FRAME = pd.DataFrame(X, columns=["age", "city", "rooms"])


def compiled(*layers: Any, loss: Any = "mse", optimizer: Any = "sgd") -> Sequential:
    model = Sequential(layers)
    model.compile(optimizer, loss)
    return model


@pytest.fixture(scope="module")
def model() -> Sequential:
    return compiled(Dense(1, input_dim=3))


@pytest.fixture(scope="module")
def classifier() -> Sequential:
    return compiled(Dense(3, activation="softmax", input_dim=3), loss="sparse_categorical_crossentropy")


def changed(array: Any, value: Any, dtype: Any = None) -> np.ndarray:
    made = np.array(array, dtype)
    made[7, ..., -1] = value
    return made


WRONG: dict[str, tuple[Any, str]] = {
    "NaN": (changed(X, np.nan), "holds nan in column 2, first in row 7"),
    "minus infinity": (changed(X, -np.inf), "holds -inf in column 2, first in row 7"),
    "NaN of JAX": (jnp.array(changed(X, np.nan)), "holds nan in column 2, first in row 7"),
    "infinity of JAX": (jnp.array(changed(X, np.inf)), "holds inf in column 2"),
    "nothing, of JAX": (jnp.zeros((0, 3)), "empty"),
    "nothing": (np.zeros((0, 3)), "empty"),
    "masked": (np.ma.masked_array(X, changed(X > 9, True)), "masked in column 2, first in row 7 .*filled"),
    "complex": (X + 1j, "complex"),
    "complex of JAX": (jnp.array(X + 1j), "complex"),
    "text like numbers": (X.astype(str), "text such as"),
    "text like numbers among numbers": (np.array([["1", 2, 3]] * 20, object), "text such as '1' in column 0"),
    "bytes like numbers": (np.array([[1, b"2", 3]] * 20, object), "text such as b'2' in column 1"),
    "too large for float32": (changed(X, 1e39, "float64"), r"1e\+39 in column 2, first in row 7, which float32 cannot hold"),
    "too large for float32, in a list": ([[1.0, 2.0, 1e300]] * 20, "float32 cannot hold"),
    "too large for 32 bits": (changed(np.ones((20, 3)), 2**40, "int64"), "1099511627776 in column 2, first in row 7"),
    "dates": (np.full((20, 3), np.datetime64("2020-01-01")), "datetime64"),
    "spans of time": (np.full((20, 3), np.timedelta64(1, "s")), "timedelta64"),
    "lists in objects": (np.array([[1, 2], [1]], object), "list values"),
    "a gap of pandas": (FRAME.assign(city=pd.array([1, None] * 10, "Int64")), "column 'city'"),
    "a text column": (FRAME.assign(city="Paris"), "text such as 'Paris' in column 'city', first in row 0"),
    "a column of text like numbers": (FRAME.assign(city="1.5"), "'1.5' in column 'city'"),
    "a column too large": (FRAME.astype(float).assign(city=1e40), "column 'city'"),
}  # fmt: skip


@pytest.mark.parametrize(("x", "message"), WRONG.values(), ids=WRONG)
def test_wrong_inputs_are_told_wherever_they_come(model: Sequential, x: Any, message: str) -> None:
    y = Y[: len(x)]
    calls: list[Callable[[], Any]] = [
        lambda: model.fit(x, y, verbose=0),
        lambda: model.fit(X, Y, validation_data=(x, y), verbose=0),
        lambda: model.fit(iter([(X, Y), (x, y)]), verbose=0),
        lambda: model.evaluate(x, y, verbose=0),
        lambda: model.evaluate(iter([(X, Y), (x, y)]), verbose=0),
        lambda: model.predict(x, verbose=0),
        lambda: model.predict(iter([X, x]), verbose=0),
        lambda: model.train_on_batch(x, y),
    ]
    for call in calls:
        with pytest.raises(errors.DataError, match=message):
            call()


@pytest.mark.parametrize(
    ("y", "message"),
    [(jnp.array(changed(Y, np.nan)), "y holds nan"), (["1"] * 20, "y holds text"), (Y * 1j, "complex"),
     (changed(Y, 1e39, "float64"), "float32 cannot hold")],
)  # fmt: skip
def test_wrong_targets_are_told(model: Sequential, y: Any, message: str) -> None:
    with pytest.raises(errors.DataError, match=message):
        model.fit(X, y, verbose=0)


def test_a_bad_label_in_a_later_batch_is_told(classifier: Sequential) -> None:
    batches = [(X, LABELS), (X, LABELS + 1)]
    for call in (classifier.fit, classifier.evaluate):
        with pytest.raises(errors.DataError, match=r"batch 1: y: labels .* row 2 holds 3"):
            call(iter(batches), verbose=0)


# Weights


@pytest.mark.parametrize(
    ("weight", "message"),
    [(changed(np.ones((20, 1)), -1.0)[:, 0], "-1.0, the first negative one in row 7"), (np.full(20, np.nan), "nan in row 0"),
     (np.ones(19), "19 rows"), (np.zeros(20), "0 for every row"), (2.0, "single number"), (["1"] * 20, "text"),
     (np.ones((20, 3)), "one per sample")],
)  # fmt: skip
def test_sample_weights_that_weigh_nothing_are_told(model: Sequential, weight: Any, message: str) -> None:
    with pytest.raises(errors.CaviarError, match=message):
        model.fit(X, Y, sample_weight=weight, verbose=0)


@pytest.mark.parametrize(
    "weights",
    [{-1: 1.0}, {0.5: 1.0}, {"0": 1.0}, {np.nan: 1.0}, {None: 1.0}, {0: 1.0, 7: 1.0}, {0: -1.0}, {0: np.nan}, {0: np.inf},
     {0: "a"}, {0: None}, [1.0, 2.0, 3.0], np.ones(3), "balance"],
    ids=repr,
)  # fmt: skip
def test_class_weights_of_no_class_are_told(classifier: Sequential, weights: Any) -> None:
    with pytest.raises(errors.ArgumentError, match="class_weight"):
        classifier.fit(X, LABELS, class_weight=weights, verbose=0)
    if not isinstance(weights, (np.ndarray, list)):
        with pytest.raises(errors.ArgumentError, match="class_weight"):
            classifier.fit(iter([(X, LABELS)]), class_weight=weights, verbose=0)


def test_class_weights_of_numpys_types_and_of_hinge_labels() -> None:
    model = compiled(Dense(1, kernel_initializer="zeros", input_dim=3), loss="hinge", optimizer=SGD(1e-9))
    y = np.where(LABELS == 0, -1.0, 1.0)
    weighed = model.fit(X, y, class_weight={np.int64(-1): 3.0, 1.0: 0.5}, verbose=0).history["loss"][0]
    assert weighed == pytest.approx(np.where(y < 0, 3.0, 0.5).mean())


def test_balanced_classes() -> None:
    """scikit-learn 1.7: compute_class_weight("balanced", classes=[0, 1, 2], y=[0, 0, 0, 1, 1, 2]) is [0.667, 1, 2]."""
    y = np.array([0, 0, 0, 1, 1, 2])
    losses = []
    for weights in ("balanced", {0: 2 / 3, 1: 1.0, 2: 2.0}):
        config.set_random_seed(0)
        model = compiled(Dense(3, activation="softmax"), loss="sparse_categorical_crossentropy")
        losses.append(model.fit(X[:6], y, class_weight=weights, epochs=2, verbose=0).history["loss"])
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-6)
    with pytest.raises(errors.ArgumentError, match=r"balanced.*arrays"):
        model.fit(iter([(X[:6], y)]), class_weight="balanced", verbose=0)


def test_weights_of_a_model_that_cannot_be_held(model: Sequential) -> None:
    for wrong in (1e39, np.nan, 1j):
        with pytest.raises(errors.DataError, match="kernel"):
            model.set_weights([np.full(v.shape, wrong) for v in model.weights])
    with pytest.raises(errors.DataError, match="float32 cannot hold"):
        model.weights[0].assign(np.full((3, 1), 1e39))


# Inputs


def test_inputs_of_another_nesting_are_explained() -> None:
    for x in ({"a": X}, list(X), [X, X]):
        with pytest.raises(errors.ArgumentError, match="for one input give one array"):
            compiled(Dense(1)).fit(x, Y, verbose=0)


def test_the_columns_of_fit_are_wanted_again_and_saved(tmp_path: Path) -> None:
    model = compiled(Dense(1))
    model.fit(FRAME, Y, verbose=0)
    model.save(tmp_path / "model.caviar")
    for made in (model, load_model(tmp_path / "model.caviar")):
        np.testing.assert_array_equal(made.predict(FRAME, verbose=0), made.predict(X, verbose=0))
        others = {
            "another order than in fit": FRAME[["rooms", "age", "city"]], "lacks 'rooms'": FRAME[["age", "city"]],
            "has 'new', which fit had not": FRAME.assign(new=1.0), "lacks 'age' and has 'Age'": FRAME.rename(columns={"age": "Age"}),
        }  # fmt: skip
        for message, frame in others.items():
            for call in (
                lambda f=frame, m=made: m.predict(f, verbose=0), lambda f=frame, m=made: m.evaluate(f, Y, verbose=0),
                lambda f=frame, m=made: m.predict(iter([f]), verbose=0),
                lambda f=frame, m=made: m.fit(FRAME, Y, validation_data=(f, Y), verbose=0),
            ):  # fmt: skip
                with pytest.raises(errors.DataError, match=message):
                    call()


# Ids


@pytest.mark.slow
def test_an_id_without_a_row_is_told_before_anything_trains() -> None:
    class Own(Model):
        def __init__(self) -> None:
            super().__init__()
            self.table, self.out = Embedding(5, 2), Dense(1)

        def call(self, x: Any) -> Any:
            return self.out(self.table(x[:, -1] + 0))

    x = Input((4,))
    functional = Model(x, Dense(1)(Flatten()(Embedding(5, 2)(x))))
    for model in (compiled(Embedding(5, 2), Flatten(), Dense(1)), functional, Own()):
        model.compile("sgd", "mse")
        before = model.predict(IDS, verbose=0)
        for wrong in (99, 5, -1):
            ids = changed(IDS, wrong)
            for call in (
                lambda i=ids, m=model: m.fit(i, Y, verbose=0), lambda i=ids, m=model: m.predict(i, verbose=0),
                lambda i=ids, m=model: m.evaluate(i, Y, verbose=0), lambda i=ids, m=model: m.predict(jnp.array(i), verbose=0),
                lambda i=ids, m=model: m.fit(IDS, Y, validation_data=(i, Y), verbose=0),
                lambda i=ids, m=model: m.train_on_batch(i, Y), lambda i=ids, m=model: m.predict(iter([IDS, i]), verbose=0),
            ):  # fmt: skip
                with pytest.raises(errors.DataError, match=f"id {wrong} in row 7.*0..4"):
                    call()
        np.testing.assert_array_equal(model.predict(IDS.astype("float32"), verbose=0), before)
    with pytest.raises(errors.DataError, match=r"id 1\.5 in row 7"):
        functional.predict(changed(IDS, 1.5, float), verbose=0)


def test_inside_a_program_an_id_without_a_row_is_nan() -> None:
    rows = np.asarray(Embedding(5, 2)(jnp.array([0, 4, 5, 99, -1, -5])))
    assert np.isnan(rows).all(-1).tolist() == [False, False, True, True, True, True]


def test_a_layer_of_ones_own_says_how_many_ids_it_knows() -> None:
    class Tens(Layer):
        known_ids = 10
        takes = "ids"

        def call(self, x: Any) -> Any:
            return jnp.eye(10)[x].reshape(len(x), -1)

    model = Sequential([Tens(), Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(errors.DataError, match=r"x holds the id 10 in row 1.*knows the ids 0..9"):
        model.fit(np.array([[3], [10]]), np.zeros(2), verbose=0)


def test_a_category_that_was_not_announced_is_told() -> None:
    with pytest.raises(errors.DataError, match=r"id 3 in row 0.*0..2"):
        compiled(CategoryEncoding(3, "one_hot")).predict(np.array([[3]]), verbose=0)


# Streams


def forever() -> Iterator[Any]:
    return itertools.repeat((X, Y))


def test_validation_that_never_ends_is_told(model: Sequential, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "MOST_BATCHES", 50)
    with pytest.raises(errors.DataError, match=r"50 batches and goes on.*validation_steps="):
        model.fit(X, Y, validation_data=forever(), verbose=0)
    with pytest.raises(errors.DataError, match=r"50 batches and goes on.*steps="):
        model.predict(itertools.repeat(X), verbose=0)
    assert "val_loss" in model.fit(X, Y, validation_data=forever(), validation_steps=2, verbose=0).history


def test_a_generator_that_is_used_up_is_told(model: Sequential) -> None:
    with pytest.warns(UserWarning, match="0 batches in epoch 2 of 5 and was used up"):
        history = model.fit((b for b in [(X, Y)]), epochs=5, verbose=0)
    assert len(history.history["loss"]) == 1
    with pytest.warns(UserWarning, match="1 of 2 batches in epoch 2 of 3") as told:
        model.fit((b for b in [(X, Y)] * 3), epochs=3, steps_per_epoch=2, verbose=0)
    assert len(told) == 1


def test_what_cannot_stand_beside_each_other(model: Sequential) -> None:
    with pytest.raises(errors.ArgumentError, match="leave out y="):
        model.fit(iter([(X, Y)]), Y, verbose=0)
    with pytest.raises(errors.ArgumentError, match="leave out sample_weight="):
        model.fit(iter([(X, Y)]), sample_weight=np.ones(20), verbose=0)
    with pytest.warns(UserWarning, match="validation_split is not used"):
        model.fit(X, Y, validation_data=(X, Y), validation_split=0.2, verbose=0)


# Data larger than the device


@pytest.fixture
def small_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "memory", lambda: 400)


def two_inputs(nested: Any) -> Model:
    config.set_random_seed(3)
    a, b = Input((3,), name="a"), Input((3,), name="b")
    model = Model([a, b], Dense(1)(a + 2 * b))
    model.compile("sgd", "mse")
    return model


@pytest.mark.parametrize("nested", [lambda x: {"a": x, "b": x[::-1]}, lambda x: [x, x[::-1]]], ids=["dict", "list"])
@pytest.mark.slow
def test_larger_than_the_device_trains_on_all_rows_in_the_order_of_the_seed(
    nested: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    x, found = nested(X), []
    for memory in (10**9, 400):
        monkeypatch.setattr(streams, "memory", lambda m=memory: m)
        model, seen = two_inputs(nested), []
        count = LambdaCallback(on_train_batch_end=lambda batch, logs, s=seen: s.append(batch))
        model.fit(x, Y, batch_size=6, epochs=3, callbacks=[count], verbose=0)
        assert len(seen) == 12
        found.append([model.get_weights()[0], model.evaluate(x, Y, verbose=0)])
    np.testing.assert_allclose(found[0][0], found[1][0], rtol=1e-6)
    assert found[0][1] == pytest.approx(found[1][1], rel=1e-6)


@pytest.mark.usefixtures("small_memory")
def test_larger_than_the_device_is_checked_too() -> None:
    x = {"a": X, "b": X}
    with pytest.raises(errors.ShapeError, match="rows do not match"):
        two_inputs(x).fit({"a": X, "b": X[:9]}, Y, verbose=0)
    with pytest.raises(errors.DataError, match=r"x\['b'\] holds nan"):
        two_inputs(x).fit({"a": X, "b": changed(X, np.nan)}, Y, batch_size=20, verbose=0)
    with pytest.raises(errors.DataError, match="y holds nan"):
        two_inputs(x).fit(x, changed(Y, np.nan), batch_size=4, verbose=0)


@pytest.mark.usefixtures("small_memory")
def test_larger_than_the_device_is_resumed_in_the_same_order(tmp_path: Path) -> None:
    x, weights = {"a": X, "b": X[::-1]}, []

    def stop(epoch: int, logs: Any) -> None:
        if epoch == 1:
            raise KeyboardInterrupt

    for kills in (False, True):
        backup = BackupAndRestore(tmp_path / str(kills), delete_checkpoint=False)
        model = two_inputs(x)
        if kills:
            with pytest.raises(KeyboardInterrupt):
                model.fit(
                    x, Y, batch_size=6, epochs=4, verbose=0, callbacks=[LambdaCallback(on_epoch_begin=stop), backup]
                )
            model = two_inputs(x)
            config.set_random_seed(99)
        model.fit(x, Y, batch_size=6, epochs=4, verbose=0, callbacks=[backup])
        weights.append(model.get_weights()[0])
    np.testing.assert_array_equal(weights[0], weights[1])


# What is said about a training


def test_a_loss_that_is_no_number_any_more_is_said_once_with_its_epoch() -> None:
    model = compiled(Dense(1, kernel_initializer="ones"), optimizer=SGD(1e12))
    with pytest.warns(UserWarning, match="the loss became (inf|nan) in epoch [23]") as told:
        model.fit(X, Y + 1, epochs=8, verbose=0)
    assert len(told) == 1


@pytest.mark.slow
def test_inputs_that_nothing_scales_are_said_and_scaled_ones_are_not() -> None:
    with pytest.warns(UserWarning, match=r"x reaches 4254, in column 2.*Normalization"):
        compiled(Dense(1), optimizer=SGD(1e-12)).fit(changed(X, 4254.0), Y, verbose=0)
    images = np.random.default_rng(0).integers(0, 256, (8, 4, 4, 1)).astype("uint8")
    quiet: list[tuple[Sequential, Any]] = [
        (compiled(BatchNormalization(), Dense(1)), changed(X, 4254.0)),
        (compiled(Rescaling(1e-4), Dense(1)), changed(X, 4254.0)),
        (compiled(Embedding(6000, 1), Flatten(), Dense(1)), IDS * 1000),
        (compiled(Flatten(), Dense(1), optimizer=SGD(1e-7)), images),
        (compiled(Dense(1)), X),
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for model, x in quiet:
            model.fit(x, Y[: len(x)], epochs=6, verbose=0)


def test_a_loss_that_does_not_move_is_said() -> None:
    with pytest.warns(UserWarning, match="did not move from .* in 6 epochs"):
        compiled(Dense(1), optimizer=SGD(1e-30)).fit(X, Y, epochs=6, verbose=0)


def test_a_softmax_over_one_unit_is_said() -> None:
    model = compiled(Dense(1, activation="softmax", name="out"), loss="binary_crossentropy")
    with pytest.warns(UserWarning, match="'out' is a softmax over one unit"):
        model.fit(X, Y > 0, verbose=0)


def test_numpy_in_a_loss_of_ones_own_is_explained() -> None:
    with pytest.raises(errors.ArgumentError, match=r"the loss looks at a value in Python .*jax\.numpy"):
        compiled(Dense(1), loss=lambda y, p: np.square(y - p)).fit(X, Y, verbose=0)
    with pytest.raises(errors.ArgumentError, match=r"layer 'own' looks at a value.*where"):
        compiled(_Branching(name="own")).predict(X, verbose=0)


class _Branching(Dense):
    def __init__(self, **options: Any):
        super().__init__(1, **options)

    def call(self, x: Any) -> Any:
        return super().call(x if x.sum() > 0 else -x)


def test_one_optimizer_trains_two_models_as_two_optimizers_do() -> None:
    def trained(shared: bool) -> list[Any]:
        config.set_random_seed(5)
        first, second = "adam", "adam"
        if shared:
            from caviar.optimizers import Adam

            first = second = Adam()  # type: ignore[assignment]
        models = [compiled(Dense(1), optimizer=first), compiled(Dense(2), Dense(1), optimizer=second)]
        for _ in range(2):
            for model in models:
                model.fit(X, Y, epochs=2, verbose=0)
        return [v for model in models for v in model.get_weights()]

    for one, other in zip(trained(True), trained(False), strict=True):
        np.testing.assert_array_equal(one, other)


# Half precision


@pytest.mark.slow
def test_float_targets_under_the_bfloat16_policy() -> None:
    with config.precision("bfloat16"):
        regression = compiled(Dense(1))
        assert np.isfinite(regression.fit(X, Y, epochs=2, verbose=0).history["loss"]).all()
        for loss, units, y in (
            ("sparse_categorical_crossentropy", 300, np.full(20, 257.0)), ("binary_crossentropy", 1, (Y > 0).astype("float32")),
        ):  # fmt: skip
            model = compiled(Dense(units, activation="sigmoid" if units == 1 else "softmax"), loss=loss)
            assert np.isfinite(model.fit(X, y, verbose=0).history["loss"]).all()
        with pytest.raises(errors.DataError, match="row 0 holds 300"):
            compiled(Dense(300, activation="softmax"), loss="sparse_categorical_crossentropy").fit(
                X, np.full(20, 300.0), verbose=0
            )
