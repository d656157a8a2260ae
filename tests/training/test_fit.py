"""`fit`: what an epoch is, what is compiled, what a callback may do, what an interruption leaves."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any

import jax.numpy as jnp
import numpy as np
import optax
import pytest
from compiles import compiles
from conftest import fact

from caviar import callbacks, config, losses, optimizers
from caviar.callbacks import Callback, EarlyStopping, LambdaCallback, ReduceLROnPlateau, TerminateOnNaN
from caviar.layers import Dense, Dropout, Layer
from caviar.models import Model, Sequential
from caviar.regularizers import L2

RNG = np.random.default_rng(0)
X = RNG.normal(size=(70, 4)).astype("float32")
Y = (X @ np.array([[1.0], [-2.0], [0.5], [0.0]]) + 0.3).astype("float32")


def network(**options: Any) -> Sequential:
    config.set_random_seed(7)
    model = Sequential([Dense(8, activation="tanh", input_dim=4), Dense(1)])
    model.compile(**{"optimizer": "adam", "loss": "mse", **options})
    return model


class Steps(Callback):
    """Counts batches."""

    def __init__(self) -> None:
        self.batches: list[int] = []

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self.batches.append(batch)


# -- epochs, batches, iterations --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["batch.700_32", "batch.1000_500", "batch.1000_20"])
def test_iterations_of_an_epoch_are_the_notes(name: str) -> None:
    case = fact(name)
    rows, size = case["inputs"]["n"], case["inputs"]["batch"]
    model, steps = Sequential([Dense(1)]), Steps()
    model.compile("sgd", "mse")
    model.fit(np.ones((rows, 1)), np.ones(rows), batch_size=size, callbacks=[steps], verbose=0)
    assert steps.batches == list(range(case["expected"]["iterations_per_epoch"]))


def test_320_rows_for_20_epochs_are_200_iterations() -> None:
    case = fact("batch.320_32")
    model = Sequential([Dense(1)])
    model.compile("sgd", "mse")
    model.fit(np.ones((320, 1)), np.ones(320), batch_size=32, epochs=20, verbose=0)
    assert int(model.last_run.step) == case["expected"]["iterations"]


@pytest.mark.slow
def test_the_partial_batch_counts_by_its_rows() -> None:
    """With the weights held still, the loss of an epoch is the loss over all rows, however they are batched."""
    model = network(optimizer=optimizers.SGD(0.0), metrics=["mae"])
    whole = model.evaluate(X, Y, return_dict=True, verbose=0)
    for size in (70, 32, 7, 1):
        logs = model.fit(X, Y, batch_size=size, verbose=0).history
        assert logs["loss"][0] == pytest.approx(whole["loss"], rel=1e-5)
        assert logs["mae"][0] == pytest.approx(whole["mae"], rel=1e-5)


def test_every_row_is_seen_once_an_epoch_and_in_another_order_each_time() -> None:
    seen: list[float] = []

    class Watch(Layer):
        def build(self, input_shape: Any) -> None:
            self.add_weight("rows", (70,), "zeros", trainable=False)
            self.add_weight("at", (), "zeros", trainable=False, dtype="int32")

        def call(self, x: Any, training: bool = False) -> Any:
            if training:
                self.rows = jnp.roll(self.rows, -10).at[60:].set(x[:, 0])
            return x

    watch = Watch()
    model = Sequential([watch, Dense(1)])
    model.compile(optimizers.SGD(1e-6), "mse")
    rows = np.arange(70.0)[:, None]
    for _ in range(2):
        model.fit(rows, rows * 0, batch_size=10, verbose=0)
        seen.append(watch.rows.numpy())
    assert [sorted(s) for s in seen] == [list(range(70))] * 2
    assert (seen[0] != seen[1]).any()
    model.fit(rows, rows * 0, batch_size=10, shuffle=False, verbose=0)
    assert watch.rows.numpy().tolist() == list(range(70))


def test_validation_split_takes_the_last_rows() -> None:
    model = network(optimizer=optimizers.SGD(0.0))
    logs = model.fit(X, Y, validation_split=0.3, verbose=0).history
    assert logs["val_loss"][0] == pytest.approx(model.evaluate(X[49:], Y[49:], verbose=0), rel=1e-5)


def test_validation_every_other_epoch() -> None:
    logs = network().fit(X, Y, epochs=4, validation_data=(X, Y), validation_freq=2, verbose=0).history
    assert (len(logs["loss"]), len(logs["val_loss"])) == (4, 2)


def test_steps_per_epoch_and_initial_epoch() -> None:
    model = network()
    history = model.fit(X, Y, batch_size=10, epochs=5, initial_epoch=2, steps_per_epoch=3, verbose=0)
    assert history.epoch == [2, 3, 4]
    assert int(model.last_run.step) == 7  # a pass over the 70 rows is 3 + 3 + 1 steps, as in Keras 3.15


def test_weights_of_rows_and_of_classes() -> None:
    labels = (Y[:, 0] > 0).astype(int)
    model = Sequential([Dense(1, activation="sigmoid")])
    model.compile(optimizers.SGD(0.0), "binary_crossentropy")
    by_class = model.fit(X, labels, class_weight={0: 1.0, 1: 3.0}, verbose=0).history["loss"][0]
    by_row = model.evaluate(X, labels, sample_weight=np.where(labels, 3.0, 1.0), verbose=0)
    assert by_class == pytest.approx(by_row, rel=1e-5)


# -- one program ------------------------------------------------------------------------------------------------


def test_fitting_again_compiles_nothing() -> None:
    model = network(metrics=["mae"])
    model.fit(X, Y, epochs=2, validation_data=(X, Y), verbose=0)
    with compiles() as count:
        model.fit(X + 1, Y, epochs=3, validation_data=(X, Y), verbose=0)
        model.optimizer.learning_rate = 0.5
        model.fit(X, Y, epochs=1, validation_data=(X, Y), verbose=0)
    assert count() == 0


def test_the_same_network_written_again_compiles_nothing() -> None:
    network(optimizer=optimizers.Adam(0.2)).fit(X, Y, verbose=0)
    with compiles() as count:
        network(optimizer=optimizers.Adam(0.1)).fit(X, Y, verbose=0)
    assert count() == 0


def test_predictions_for_any_number_of_rows_share_a_few_programs() -> None:
    model = network()
    for rows in (1, 2, 32, 64):
        model.predict(X[:rows], verbose=0)
    with compiles() as count:
        assert [model.predict(X[:n], verbose=0).shape for n in (33, 50, 64, 2)] == [(33, 1), (50, 1), (64, 1), (2, 1)]
    assert count() == 0


def test_paces_train_alike() -> None:
    """An epoch in one dispatch, epoch by epoch, and step by step: the same numbers."""

    class Epochs(Callback):
        def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None: ...

    runs, logs = [], []
    for listed in ([], [Epochs()], [Steps()]):
        runs.append(network())
        logs.append(runs[-1].fit(X, Y, epochs=3, callbacks=listed, verbose=0).history["loss"])
    assert logs[0] == logs[1] == logs[2]
    for model in runs[1:]:
        for a, b in zip(runs[0].get_weights(), model.get_weights(), strict=True):
            assert (a == b).all()


def test_the_optimizer_goes_on_in_the_next_fit() -> None:
    one, two = network(), network()
    config.set_random_seed(1)
    one.fit(X, Y, epochs=4, shuffle=False, verbose=0)
    for _ in range(2):
        two.fit(X, Y, epochs=2, shuffle=False, verbose=0)
    np.testing.assert_allclose(one.get_weights()[0], two.get_weights()[0], rtol=1e-6)


def test_optax_transforms_are_taken_as_they_are() -> None:
    model = network(optimizer=optax.adam(1e-2))
    losses_ = model.fit(X, Y, epochs=30, verbose=0).history["loss"]
    assert losses_[-1] < losses_[0] / 2


def test_bfloat16_products_keep_float32_weights() -> None:
    with config.precision("mixed_bfloat16"):
        model = network(optimizer=optimizers.Adam(0.02))
        logs = model.fit(X, Y, epochs=30, verbose=0).history["loss"]
        assert {v.dtype for v in model.variables} == {"float32"}
    assert logs[-1] < logs[0] / 2


# -- controls ---------------------------------------------------------------------------------------------------


def test_controls_change_live_without_compiling() -> None:
    class Halve(Callback):
        def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
            self.model.controls["learning_rate"] *= 0.5
            self.model.controls["dense.kernel_regularizer.l2"] = 0.2
            self.model.controls["dropout.rate"] = 0.25

    model = Sequential([Dense(4, kernel_regularizer=L2(0.1), name="dense"), Dropout(0.1, name="dropout"), Dense(1)])
    model.compile(optimizers.SGD(0.1), "mse")
    model.fit(X, Y, verbose=0)
    with compiles() as count:
        model.fit(X, Y, epochs=3, callbacks=[Halve()], verbose=0)
    assert count() == 0
    assert model.optimizer.learning_rate == pytest.approx(0.1 / 8)


def test_a_rate_of_zero_stops_learning_at_that_epoch() -> None:
    class Freeze(Callback):
        def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
            if epoch == 2:
                self.model.controls["learning_rate"] = 0.0

    logs = network(optimizer=optimizers.SGD(0.05)).fit(X, Y, epochs=5, callbacks=[Freeze()], verbose=0).history["loss"]
    assert logs[0] > logs[1] > logs[2] == pytest.approx(logs[4], rel=1e-5)


def test_tensorboard_draws_the_rate_of_a_schedule(tmp_path: Any) -> None:
    accumulator = importlib.import_module("tensorboard.backend.event_processing.event_accumulator")
    tensor_util = importlib.import_module("tensorboard.util.tensor_util")
    schedule = optimizers.schedules.ExponentialDecay(0.1, decay_steps=3, decay_rate=0.5)
    board = callbacks.TensorBoard(tmp_path, histogram_freq=1)
    network(optimizer=optimizers.SGD(schedule)).fit(
        X, Y, epochs=3, validation_data=(X, Y), callbacks=[board], verbose=0
    )
    read = accumulator.EventAccumulator(str(tmp_path / "train")).Reload()
    rates = [tensor_util.make_ndarray(event.tensor_proto) for event in read.Tensors("epoch_learning_rate")]
    np.testing.assert_allclose(rates, [0.05, 0.025, 0.0125], rtol=1e-5)
    assert sum(tag.endswith("/kernel/histogram") for tag in read.Tags()["tensors"]) == 2


def test_unknown_controls_are_refused() -> None:
    with pytest.raises(ValueError, match="did you mean 'learning_rate'"):
        network().controls["lerning_rate"] = 1.0


# -- rules on the device ----------------------------------------------------------------------------------------


def curve(values: list[float]) -> tuple[Model, np.ndarray]:
    """A model whose validation loss follows the given curve: its state counts epochs, and its output looks them up."""

    class Curve(Layer):
        def build(self, input_shape: Any) -> None:
            self.add_weight("weight", (), "ones")
            self.add_weight("epoch", (), "zeros", trainable=False, dtype="int32")

        def call(self, x: Any, training: bool = False) -> Any:
            value = jnp.asarray(values, x.dtype)[jnp.maximum(self.epoch - 1, 0)]
            if training:
                self.epoch = self.epoch + 1
            return 0 * x * self.weight + value

    model = Sequential([Curve()])
    model.compile(optimizers.SGD(0.1), "mae")
    return model, np.zeros((4, 1), "float32")


def test_early_stopping_is_the_notes_rule() -> None:
    case = fact("es.patience_rule")
    model, x = curve([*case["inputs"]["val"], 9.9, 9.9])
    stopping = EarlyStopping(patience=case["inputs"]["patience"], restore_best_weights=True)
    history = model.fit(x, x, epochs=9, validation_data=(x, x), callbacks=[stopping], verbose=0)
    expected = case["expected"]
    assert (stopping.best_epoch, stopping.stopped_epoch) == (expected["best_epoch"], expected["stopped_epoch"])
    assert stopping.best == pytest.approx(expected["best"])
    assert len(history.epoch) == expected["stopped_epoch"] + 1
    assert int(model.layers[0].epoch.value) == expected["best_epoch"] + 1  # its state was restored too


def test_early_stopping_lets_the_notes_overfitting_curve_go_at_its_best() -> None:
    case = fact("es.toy_curve")
    values = np.interp(np.arange(1, 100), case["inputs"]["epochs"], case["inputs"]["val"]).tolist()
    model, x = curve(values)
    stopping = EarlyStopping(patience=10, restore_best_weights=True)
    model.fit(x, x, epochs=99, validation_data=(x, x), callbacks=[stopping], verbose=0)
    assert stopping.best_epoch + 1 == case["expected"]["best_epoch"]
    assert stopping.best == pytest.approx(case["expected"]["best"])


@pytest.mark.filterwarnings("ignore:the loss became nan in epoch 3")
@pytest.mark.parametrize(
    ("options", "values", "epochs"),
    [
        ({"patience": 0}, [3, 2, 2, 1], 3),
        ({"patience": 2}, [3, 3, 3, 3, 1], 3),
        ({"patience": 1, "min_delta": 0.5}, [3, 2.8, 1], 2),
        ({"patience": 1, "mode": "max"}, [1, 2, 3, 2, 5], 4),
        ({"patience": 2, "baseline": 1.0}, [3, 2.9, 2.95, 2.7, 2.6], 3),
        ({"patience": 1, "start_from_epoch": 3}, [1, 2, 3, 4, 5, 6], 5),
        ({"patience": 2}, [3, float("nan"), float("nan"), 1], 3),
    ],
)
def test_early_stopping_options_are_keras(options: dict[str, Any], values: list[float], epochs: int) -> None:
    model, x = curve([float(v) for v in values])
    history = model.fit(
        x, x, epochs=len(values), validation_data=(x, x), callbacks=[EarlyStopping(**options)], verbose=0
    )
    assert len(history.epoch) == epochs


@pytest.mark.filterwarnings("ignore:the loss did not move")
def test_the_rate_falls_on_a_plateau() -> None:
    model, x = curve([3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0])
    plateau = ReduceLROnPlateau(factor=0.5, patience=2, min_lr=0.03)
    rates = model.fit(x, x, epochs=7, validation_data=(x, x), callbacks=[plateau], verbose=0).history["learning_rate"]
    np.testing.assert_allclose(rates, [0.1, 0.1, 0.1, 0.05, 0.05, 0.03, 0.03], rtol=1e-6)
    assert model.optimizer.learning_rate == pytest.approx(0.03)


def test_training_ends_when_the_loss_is_no_number() -> None:
    model = network(optimizer=optimizers.SGD(1e30))
    with pytest.warns(UserWarning, match="the loss became nan in epoch 1"):
        history = model.fit(X, Y, epochs=50, callbacks=[TerminateOnNaN()], verbose=0)
    assert len(history.epoch) < 5


def test_a_callback_stops_training() -> None:
    class Enough(Callback):
        def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
            self.model.stop_training = epoch == 1

    assert network().fit(X, Y, epochs=9, callbacks=[Enough()], verbose=0).epoch == [0, 1]


def test_a_hook_that_is_never_called_is_told() -> None:
    class Tests(Callback):
        def on_test_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None: ...

    model = network()
    with pytest.warns(UserWarning, match="on_test_batch_end will not be called"):
        model.fit(X, Y, callbacks=[Tests()], verbose=0)
    with pytest.warns(UserWarning, match="on_test_batch_end will not be called"):
        model.evaluate(X, Y, callbacks=[Tests()], verbose=0)


def test_callbacks_see_and_may_change_the_weights() -> None:
    class Zero(Callback):
        def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
            self.model.set_weights([w * 0 for w in self.model.get_weights()])

    model = network()
    model.fit(X, Y, epochs=2, callbacks=[Zero()], verbose=0)
    assert all((w == 0).all() for w in model.get_weights())


# -- interruptions ----------------------------------------------------------------------------------------------


class Interrupt(Callback):
    """Presses Ctrl-C in the middle of the third epoch."""

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if int(self.model.training_under_way.run.epoch) == 2 and batch == 3:
            raise KeyboardInterrupt


def test_ctrl_c_leaves_the_last_whole_epoch_and_the_history() -> None:
    model = network()
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y, batch_size=10, epochs=9, callbacks=[Interrupt()], verbose=0)
    assert model.history.epoch == [0, 1]
    other = network()
    other.fit(X, Y, batch_size=10, epochs=2, verbose=0)
    assert all((a == b).all() for a, b in zip(model.get_weights(), other.get_weights(), strict=True))


def test_a_killed_run_resumes_to_the_bit_in_the_middle_of_an_epoch(tmp_path: Any) -> None:
    def backup() -> Callback:
        return callbacks.BackupAndRestore(tmp_path, save_freq=1)

    whole = network(metrics=["mae"])
    expected = whole.fit(X, Y, batch_size=10, epochs=5, verbose=0).history
    killed = network(metrics=["mae"])
    with pytest.raises(KeyboardInterrupt):
        killed.fit(X, Y, batch_size=10, epochs=5, callbacks=[backup(), Interrupt()], verbose=0)
    resumed = network(metrics=["mae"])
    config.next_key(2)  # the keys come from the file, not from here
    logs = resumed.fit(X, Y, batch_size=10, epochs=5, callbacks=[backup()], verbose=0).history
    assert logs == expected
    assert all((a == b).all() for a, b in zip(whole.get_weights(), resumed.get_weights(), strict=True))
    assert not tmp_path.exists()


# -- streams, batches, steps of one's own ------------------------------------------------------------------------


def batches(size: int = 10) -> Iterator[tuple[Any, Any]]:
    for start in range(0, 70, size):
        yield X[start : start + size], Y[start : start + size]


@pytest.mark.slow
def test_a_stream_trains_as_its_rows_do() -> None:
    class Stream:
        def __iter__(self) -> Iterator[tuple[Any, Any]]:
            return batches(16)

    one, two = network(), network()
    a = one.fit(X, Y, batch_size=16, epochs=3, shuffle=False, validation_data=(X, Y), verbose=0).history
    b = two.fit(Stream(), epochs=3, validation_data=(X, Y), verbose=0).history
    for name in a:
        np.testing.assert_allclose(a[name], b[name], rtol=1e-5)


def test_a_generator_is_one_pass() -> None:
    model = network()
    assert len(model.fit(batches(), epochs=1, verbose=0).epoch) == 1
    assert int(model.last_run.step) == 7
    assert model.predict((x for x, _ in batches()), verbose=0).shape == (70, 1)
    assert model.evaluate(batches(), verbose=0) == pytest.approx(model.evaluate(X, Y, verbose=0), rel=1e-5)


def test_train_on_batch_is_one_step() -> None:
    model = network(metrics=["mae"])
    before = model.evaluate(X, Y, verbose=0)
    assert model.train_on_batch(X, Y) == pytest.approx(before, rel=1e-5)
    assert model.test_on_batch(X, Y)[0] < before[0]
    assert int(model.last_run.step) == 1


@pytest.mark.slow
def test_a_train_step_of_ones_own() -> None:
    class Doubled(Sequential):
        def train_step(self, step: Any, batch: Any) -> Any:
            x, (y,), _ = batch

            def loss(recipe: Any) -> Any:
                return 2 * jnp.mean((recipe.network(x) - y) ** 2), None

            value, _, gradients, step = step.gradients(loss)
            return step.apply(gradients), {"doubled": value}

    config.set_random_seed(7)
    model = Doubled([Dense(8, activation="tanh", input_dim=4), Dense(1)])
    model.compile(optimizers.SGD(0.05), "mse")
    history = model.fit(X, Y, epochs=3, validation_data=(X, Y), verbose=0).history
    standard = network(optimizer=optimizers.SGD(0.1)).fit(X, Y, epochs=3, validation_data=(X, Y), verbose=0).history
    np.testing.assert_allclose(history["doubled"], 2 * np.array(standard["loss"]), rtol=1e-4)
    np.testing.assert_allclose(history["val_loss"], standard["val_loss"], rtol=1e-4)  # scored by the loss of `compile`


@pytest.mark.slow
def test_the_loss_comes_first_then_the_metrics_as_given() -> None:
    model = network(metrics=["mse", "accuracy"])
    logs = model.fit(X, Y, validation_data=(X, Y), verbose=0).history
    assert list(logs) == ["loss", "mse", "accuracy", "val_loss", "val_mse", "val_accuracy"]
    loss, mse, accuracy = model.evaluate(X, Y, verbose=0)
    assert loss == pytest.approx(mse) != accuracy
    assert model.train_on_batch(X, Y)[0] == pytest.approx(loss, rel=1e-5)


def test_add_loss_counts() -> None:
    class Extra(Layer):
        def call(self, x: Any) -> Any:
            self.add_loss(3.0)
            return x

    model = Sequential([Extra(), Dense(1)])
    model.compile(optimizers.SGD(0.0), losses.MeanSquaredError())
    assert model.fit(X, Y, verbose=0).history["loss"][0] == pytest.approx(
        3 + float(losses.MeanSquaredError()(Y, model.predict(X, verbose=0))), rel=1e-5
    )


def test_a_callback_hears_of_every_batch_of_a_stream() -> None:
    x, heard = np.ones((4, 3), np.float32), []
    model = Sequential([Dense(1)])
    model.compile("sgd", "mse")
    told = LambdaCallback(on_train_batch_end=lambda batch, logs: heard.append((batch, logs["loss"])))
    model.fit(((x, 2 * x[:, :1]) for _ in range(5)), epochs=1, verbose=0, callbacks=told)
    assert [batch for batch, _ in heard] == [0, 1, 2, 3, 4]
    assert len({loss for _, loss in heard}) == 5  # each when the model is as it was left by that batch


def test_a_batch_may_be_one_row() -> None:
    x = np.ones((3, 4), np.float32)
    model = network()
    model.fit(x, x[:, :1], batch_size=1, epochs=2, verbose=0)
    assert int(model.last_run.step) == 6
    assert model.predict(x, batch_size=1, verbose=0).shape == (3, 1)
