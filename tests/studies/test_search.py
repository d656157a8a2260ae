"""A search trains many versions of a model as one population, each as it would train alone."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest
from compiles import compiles

import caviar
from caviar import Choice, IntUniform, LogUniform, OneMinus, Sequential, Uniform, search
from caviar.callbacks import EarlyStopping, LambdaCallback, ReduceLROnPlateau
from caviar.layers import BatchNormalization, Dense, Dropout
from caviar.optimizers import SGD, Adam
from caviar.optimizers.schedules import CosineDecay
from caviar.regularizers import L2

RNG = np.random.default_rng(0)
X = RNG.normal(size=(70, 4)).astype("float32")
Y = (X @ RNG.normal(size=(4, 1)) + 0.1 * RNG.normal(size=(70, 1))).astype("float32")
LABELS = (Y[:, 0] > 0).astype("int32")


def compiled(*layers: Any, optimizer: Any = None, loss: Any = "mse", metrics: Any = None) -> Sequential:
    model = Sequential(list(layers) or [Dense(4, activation="tanh"), Dense(1)])
    model.compile(
        optimizer=Adam(LogUniform(1e-3, 1e-1)) if optimizer is None else optimizer, loss=loss, metrics=metrics
    )
    return model


def quick(model: Any, **arguments: Any) -> caviar.Study:
    given = {"trials": 4, "epochs": 3, "seed": 0, "verbose": 0, "validation_split": 0.2, **arguments}
    return search(model, X, given.pop("y", Y), **given)


# One member of each kind of thing that a member of a population has for itself.
ALONE = {
    "learning rate": lambda: compiled(),
    "schedule and batch of another size": lambda: (
        compiled(optimizer=Adam(CosineDecay(LogUniform(1e-3, 1e-1), 8))),
        {"batch_size": 15},
    ),
    "l2, batch norm and dropout": lambda: compiled(
        Dense(6, "relu", kernel_regularizer=L2(LogUniform(1e-4, 1e-1))),
        BatchNormalization(momentum=OneMinus(LogUniform(1e-2, 0.5))),
        Dropout(Uniform(0.1, 0.5)),
        Dense(1),
    ),
    "units and activation": lambda: compiled(Dense(IntUniform(3, 5), activation=Choice("relu", "tanh")), Dense(1)),
    "number of layers": lambda: compiled(Choice(*[[Dense(3, "relu") for _ in range(n)] for n in (1, 2)]), Dense(1)),
    "a layer or none": lambda: compiled(Dense(4), Choice(Dropout(Uniform(0.1, 0.5)), None), Dense(1)),
    "optimizer": lambda: compiled(optimizer=Choice(Adam(LogUniform(1e-3, 1e-1)), SGD(LogUniform(1e-3, 1e-2)))),
    "batch size": lambda: (compiled(), {"batch_size": Choice(8, 32)}),
    "initial weights, momentum and loss": lambda: compiled(
        Dense(4, kernel_initializer=caviar.initializers.RandomNormal(stddev=LogUniform(0.01, 1))),
        Dense(1),
        optimizer=SGD(LogUniform(1e-3, 1e-2), momentum=OneMinus(LogUniform(0.1, 0.5))),
        loss=caviar.losses.Huber(LogUniform(0.1, 1)),
    ),
    "plateaus and early stopping": lambda: (compiled(), {"callbacks": never_enough(), "epochs": 6}),
    "functional": lambda: functional(),
}


def never_enough() -> list[Any]:
    """No epoch is better by ten: the rate falls after every one, and the fourth in vain is the last."""
    return [
        ReduceLROnPlateau(patience=1, factor=Uniform(0.1, 0.5), min_delta=10),
        EarlyStopping(patience=3, min_delta=10),
    ]


def functional() -> caviar.Model:
    x = caviar.Input((4,))
    h = Dense(IntUniform(3, 5), activation="relu")(x)
    model = caviar.Model(x, Dense(1)(Dropout(Uniform(0.1, 0.3))(h)))
    model.compile(Adam(LogUniform(1e-3, 1e-1)), "mse")
    return model


@pytest.mark.parametrize("kind", ALONE)
def test_a_member_trains_as_it_would_alone(kind: str) -> None:
    made = ALONE[kind]()
    model, given = made if isinstance(made, tuple) else (made, {})
    study = quick(model, **given)
    for trial in range(4):
        rules = study._board.space.close(study._board.trials[trial].units).rules
        alone, row = study.untrained(trial), study.table()[trial]
        batch = row["batch_size"] if "batch_size" in row else given.get("batch_size")
        history = alone.fit(
            X, Y, batch_size=batch, epochs=given.get("epochs", 3), validation_split=0.2, callbacks=rules, verbose=0
        )
        curves = study.curves(trial)
        assert row["epochs"] == len(history.epoch)
        for name in ("loss", "val_loss"):
            np.testing.assert_allclose(curves[name], history.history[name], rtol=2e-5, atol=1e-6)


def test_the_best_model_is_that_of_the_best_epoch() -> None:
    study = quick(compiled(), epochs=8)
    found = study.best_model.evaluate(X[56:], Y[56:], verbose=0)
    assert found == pytest.approx(study.best_value, rel=1e-5)
    assert study.best_value == min(min(study.curves(n)["val_loss"]) for n in range(4))
    assert study.best_trial["val_loss"] == study.best_value
    assert study.best_values == {"learning_rate": study.best_trial["learning_rate"]}


def test_every_trial_has_a_row() -> None:
    rows = quick(compiled(Dense(IntUniform(2, 3)), Dense(1)), trials=5).table()
    assert list(rows[0]) == ["trial", "round", "dense.units", "learning_rate", "status", "epochs", "val_loss"]
    assert [row["trial"] for row in rows] == [0, 1, 2, 3, 4]
    assert {row["status"] for row in rows} == {"finished"}
    assert {row["epochs"] for row in rows} == {3}


def test_the_seed_decides_everything() -> None:
    assert quick(compiled()).table() == quick(compiled()).table()
    assert quick(compiled(), seed=1).table() != quick(compiled()).table()


def test_a_second_search_compiles_nothing() -> None:
    quick(compiled())
    with compiles() as count:
        quick(compiled(), seed=1)
    assert count() == 0


def test_members_of_one_structure_share_one_program() -> None:
    quick(compiled())
    with compiles() as count:
        quick(compiled(), trials=40, seed=3)  # more lanes: one program more to train, and one to start
    assert count() <= 2


def test_the_models_own_weights_stay() -> None:
    model = compiled(Dense(3, input_dim=4), Dense(1), optimizer="adam")
    before = model.get_weights()
    quick(model, trials=2)
    assert all((a == b).all() for a, b in zip(before, model.get_weights(), strict=True))


def test_weights_that_were_trained_are_where_every_member_begins() -> None:
    base = Sequential([Dense(3, input_dim=4)])
    base.set_weights([np.full((4, 3), 0.5, "float32"), np.zeros(3, "float32")])
    base.trainable = False
    study = quick(compiled(base, Dense(1)))
    assert all((study.model(n).layers[0].get_weights()[0] == 0.5).all() for n in range(4))


def test_nan_is_quarantined() -> None:
    alone = quick(compiled(optimizer=SGD(Choice(0.01, 0.02))), trials=6, epochs=8)
    mixed = quick(compiled(optimizer=SGD(Choice(0.01, 1e30))), trials=6, epochs=8)
    rows = mixed.table()
    assert {row["status"] for row in rows} == {"finished", "diverged"}
    for row, other in zip(rows, alone.table(), strict=True):
        if row["status"] == "finished" and other["learning_rate"] == 0.01:
            np.testing.assert_allclose(
                mixed.curves(row["trial"])["loss"], alone.curves(row["trial"])["loss"], rtol=1e-5
            )
        if row["status"] == "diverged":
            assert row["epochs"] < 8
    assert mixed.best_trial["status"] == "finished"


def test_a_trial_that_cannot_be_built_fails_alone() -> None:
    class Picky(caviar.layers.Layer):
        def __init__(self, size: Any) -> None:
            super().__init__()
            self.size = size

        def build(self, input_shape: Any) -> None:
            if self.size == 3:
                raise ValueError("three is not for me")

        def call(self, x: Any) -> Any:
            return x

    study = quick(compiled(Picky(Choice(2, 3)), Dense(1)), trials=8)
    failed = [row for row in study.table() if row["status"] == "failed"]
    assert {row["picky.size"] for row in failed} == {3}
    assert "three is not for me" in study._board.trials[failed[0]["trial"]].note
    with pytest.raises(ValueError, match="three"):
        quick(compiled(Picky(Choice(3, 3)), Dense(1)))


@pytest.mark.parametrize(
    "strategy", ["grid", "sobol", "halton", "coarse_to_fine", "halving", "hyperband", "population"]
)
def test_every_strategy_finds_a_good_learning_rate(strategy: str) -> None:
    model = compiled(optimizer=SGD(LogUniform(1e-5, 1e-1)))
    study = quick(model, trials=18, epochs=9, strategy=strategy)
    worst = quick(compiled(optimizer=SGD(1e-5)), trials=1, epochs=9)
    assert study.best_value < 0.3 * worst.best_value
    assert all(row["status"] in ("finished", "stopped") for row in study.table())


def test_halving_trains_fewer_and_fewer() -> None:
    study = quick(compiled(), trials=27, epochs=9, strategy="halving")
    epochs = sorted(row["epochs"] for row in study.table())
    assert epochs == [1] * 18 + [3] * 6 + [9] * 3
    assert study.best_trial["epochs"] == 9


@pytest.mark.usefixtures("as_shipped")
def test_survivors_train_on_as_if_nothing_had_happened() -> None:
    halved = quick(compiled(), trials=20, epochs=9, strategy="halving")
    full = quick(compiled(), trials=20, epochs=9)
    for row in halved.table():
        curve = halved.curves(row["trial"])["val_loss"]
        np.testing.assert_allclose(curve, full.curves(row["trial"])["val_loss"][: len(curve)], rtol=1e-5)


def test_population_based_training_changes_numbers_while_they_train() -> None:
    study = quick(compiled(optimizer=SGD(LogUniform(1e-6, 1e-1))), trials=8, epochs=10, strategy="population")
    full = quick(compiled(optimizer=SGD(LogUniform(1e-6, 1e-1))), trials=8, epochs=10)
    assert {row["epochs"] for row in study.table()} == {10}
    assert np.mean([r["val_loss"] for r in study.table()]) < np.mean([r["val_loss"] for r in full.table()])
    assert [r["learning_rate"] for r in study.table()] != [r["learning_rate"] for r in full.table()]


def test_folds_validate_every_row_once() -> None:
    study = quick(compiled(), trials=3, folds=7, validation_split=0.0, epochs=2)
    rows = study.table()
    assert rows[0]["val_loss_std"] > 0
    folds = study._board.folds
    assert sorted(np.concatenate([held_out for _, held_out in folds])) == list(range(70))
    best = study.best_trial["trial"]
    for copy, (train, held_out) in enumerate(folds):
        alone = study.untrained(best, copy)
        history = alone.fit(X[train], Y[train], epochs=2, validation_data=(X[held_out], Y[held_out]), verbose=0)
        np.testing.assert_allclose(study.curves(best, copy)["val_loss"], history.history["val_loss"], rtol=2e-5)


def test_folds_of_unequal_size() -> None:
    study = quick(compiled(), trials=2, folds=4, validation_split=0.0, epochs=2)  # 70 rows: 18, 18, 17, 17
    assert all(len(study.curves(n, c)["val_loss"]) == 2 for n in range(2) for c in range(4))


def test_repeats_differ_in_their_seed_alone() -> None:
    study = quick(compiled(optimizer=Adam(0.01)), trials=1, repeats=5)
    ends = [study.curves(0, copy)["val_loss"][-1] for copy in range(5)]
    assert len(set(ends)) == 5
    row = study.table()[0]
    best = [study.curves(0, copy)["val_loss"].min() for copy in range(5)]
    assert row["val_loss"] == pytest.approx(np.mean(best))
    assert row["val_loss_std"] == pytest.approx(np.std(best))


def test_an_ensemble_averages_the_best() -> None:
    study = quick(compiled(), trials=6)
    ranked = [study.model(row["trial"]).predict(X, verbose=0) for row in study.table().best(3)]
    for count in (1, 2, 3):
        mean, ensemble = np.mean(ranked[:count], axis=0), study.ensemble(count)
        np.testing.assert_allclose(ensemble.predict(X, verbose=0), mean, rtol=1e-5, atol=1e-6)
    assert ensemble.evaluate(X, Y, verbose=0) == pytest.approx(np.mean((mean - Y) ** 2), rel=1e-4)


def test_labels_and_metrics(tmp_path: Any) -> None:
    model = compiled(
        Dense(8, "relu"), Dense(2, "softmax"), loss="sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    study = quick(model, y=LABELS, epochs=20, monitor="val_accuracy")
    assert study.best_value > 0.8
    study.best_model.save(tmp_path / "best.caviar")
    again = caviar.load_model(tmp_path / "best.caviar")
    assert again.evaluate(X[56:], LABELS[56:], verbose=0)[1] == pytest.approx(study.best_value)


def test_callbacks_hear_every_epoch_of_every_trial() -> None:
    heard: list[tuple[int, int]] = []
    listener = LambdaCallback(on_epoch_end=lambda epoch, logs: heard.append((logs["trial"], epoch)))
    listener.pace = "run"
    quick(compiled(), callbacks=[listener])
    assert sorted(heard) == [(trial, epoch) for trial in range(4) for epoch in range(3)]


def test_class_weights_and_sample_weights() -> None:
    model = compiled(Dense(2, "softmax"), loss="sparse_categorical_crossentropy")
    weights = RNG.uniform(0.5, 1.5, size=70)
    study = quick(model, y=LABELS, class_weight={0: 2.0}, sample_weight=weights)
    alone = study.untrained(1)
    history = alone.fit(
        X, LABELS, class_weight={0: 2.0}, sample_weight=weights, epochs=3, validation_split=0.2, verbose=0
    )
    np.testing.assert_allclose(study.curves(1)["loss"], history.history["loss"], rtol=2e-5)


def test_a_range_may_stand_beside_a_choice_and_in_one_of_its_options() -> None:
    activation = Choice("relu", "tanh")
    model = Sequential([Dense(3, activation), Choice([], [Dense(4, activation)]), Dense(1)])
    model.compile(SGD(0.01), "mse")
    table = search(model, X, Y, trials=4, strategy="grid", seed=0, verbose=0).table()
    assert {row["status"] for row in table} == {"finished"}
    assert len({(row["dense.activation"], row["layers[1]"]) for row in table}) == 4


def test_a_range_used_twice_is_one_hyperparameter() -> None:
    units = IntUniform(2, 9)
    study = quick(compiled(Dense(units), Dense(units), Dense(1)))
    assert [n for n in study.table()[0] if "units" in n] == ["dense.units"]
    for n in range(4):
        layers = study.model(n).layers
        assert layers[0].units == layers[1].units


def test_the_controls_of_a_single_model_change_without_compiling() -> None:
    """The panda's half: one model, raised by hand."""

    class Hand(caviar.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.model.controls["learning_rate"] = 0.01 / (epoch + 1)

    model = compiled(optimizer=Adam(0.01))
    model.fit(X, Y, epochs=3, callbacks=[Hand()], verbose=0)
    with compiles() as count:
        model.fit(X, Y, epochs=5, callbacks=[Hand()], verbose=0)
    assert count() == 0
    assert model.controls["learning_rate"] == pytest.approx(0.002)


def test_a_search_works_while_jax_looks_for_infinities() -> None:
    with jax.debug_infs(True):
        study = quick(compiled(Dense(1)), trials=2, epochs=2)
    assert np.isfinite(study.best_value)
