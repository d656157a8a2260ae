"""Members of all kinds train as they would alone, whatever leaves the population, moves in it or cannot be ranked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import caviar
from caviar import Input, IntUniform, LogUniform, Model, Sequential, Uniform, search
from caviar.callbacks import EarlyStopping
from caviar.layers import (
    LSTM,
    BatchNormalization,
    Concatenate,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GaussianNoise,
    Reshape,
)
from caviar.optimizers import SGD, Adam
from caviar.studies import PopulationBased
from caviar.training.clock import Clock

RNG = np.random.default_rng(0)
X = RNG.normal(size=(42, 4)).astype("float32")  # 33 rows to train on: the last batch of 8 has one
Y = (X @ RNG.normal(size=(4, 1)) + 0.3 * RNG.normal(size=(42, 1))).astype("float32")
LABELS = (Y[:, 0] > 0).astype("int32")
TOKENS = RNG.integers(0, 9, size=(42, 3))
GIVEN: dict[str, Any] = {"validation_split": 0.2, "batch_size": 8, "verbose": 0}


def compiled(*layers: Any, optimizer: Any = None, loss: Any = "mse", **options: Any) -> Any:
    model = Sequential(list(layers) or [Dense(4, activation="tanh"), Dense(1)])
    model.compile(Adam(LogUniform(1e-3, 1e-1)) if optimizer is None else optimizer, loss, **options)
    return model


def branching(named: bool) -> Model:
    a, b = Input((2,), name="a"), Input((2,), name="b")
    hidden = Dense(3, activation="tanh")(Concatenate()([a, b]))
    value, label = Dense(1, name="value")(hidden), Dense(1, "sigmoid", name="label")(hidden)
    model = Model({"a": a, "b": b}, {"value": value, "label": label}) if named else Model([a, b], [value, label])
    losses: Any = {"value": "mse", "label": "binary_crossentropy"} if named else ["mse", "binary_crossentropy"]
    model.compile(Adam(LogUniform(1e-3, 1e-1)), losses)
    return model


class Written(Model):
    """A model that is a class, with a step of its own."""

    def __init__(self, units: Any):
        super().__init__()
        self.hidden, self.out = Dense(units), Dense(1)

    def call(self, x: Any) -> Any:
        return self.out(self.hidden(x))

    def train_step(self, step: Any, batch: Any) -> Any:
        x, (y,), _ = batch
        value, _, gradients, step = step.gradients(lambda recipe: (((recipe.network(x) - y) ** 2).mean(), None))
        return step.apply(gradients), {"zeta": value}


def written(optimizer: Any) -> Written:
    model = Written(IntUniform(2, 3))
    model.compile(optimizer, "mse")
    return model


KEPT: dict[str, Any] = {
    "use_ema": True,
    "ema_momentum": 0.5,
    "ema_overwrite_frequency": 3,
    "gradient_accumulation_steps": 2,
    "weight_decay": LogUniform(1e-4, 1e-1),
    "clipnorm": Uniform(0.1, 1),
}


def of_inputs(x: Any, **more: Any) -> dict[str, Any]:
    return {"x": x, **more}


KINDS: dict[str, tuple[Callable[[], Any], dict[str, Any]]] = {
    "one row in the last batch": (compiled, {}),
    "one batch of one trial": (compiled, {"batch_size": 100, "trials": 1}),
    "averaged weights, accumulated, clipped and decayed": (
        lambda: compiled(optimizer=Adam(LogUniform(1e-3, 1e-1), **KEPT)),
        {},
    ),
    "area under the curve, now and then": (
        lambda: compiled(Dense(1, "sigmoid"), loss="binary_crossentropy", metrics=["AUC", "precision"]),
        {"y": LABELS, "monitor": "val_AUC", "validation_freq": 2},
    ),
    "built before, with a built model inside": (
        lambda: compiled(Sequential([Dense(3, input_dim=4)]), BatchNormalization(), Dense(1)),
        {},
    ),
    "lists of inputs and outputs": (lambda: branching(False), {"x": [X[:, :2], X[:, 2:]], "y": [Y, LABELS]}),
    "named inputs and outputs": (
        lambda: branching(True),
        {"x": {"a": X[:, :2], "b": X[:, 2:]}, "y": {"value": Y, "label": LABELS}},
    ),
    "integers": (lambda: compiled(Embedding(9, IntUniform(2, 3)), Flatten(), Dense(1)), {"x": TOKENS}),
    "noise": (lambda: compiled(GaussianNoise(Uniform(0.1, 0.5)), Dropout(Uniform(0.1, 0.5)), Dense(1)), {}),
    "recurrence": (lambda: compiled(Reshape((2, 2)), LSTM(IntUniform(2, 3)), Dense(1)), {}),
    "dropout, or exactly none": (
        lambda: compiled(Dense(5), Dropout(Uniform(0, 0.5)), Dense(1)),
        {"strategy": "grid", "trials": 6},
    ),
    "a step of its own": (lambda: written(Adam(LogUniform(1e-3, 1e-1))), {"validation_split": 0.0}),
    "two rules of one kind": (
        compiled,
        {"callbacks": [EarlyStopping(p, patience=IntUniform(1, 2)) for p in ("val_loss", "loss")], "epochs": 5},
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_member_trains_as_it_would_alone(kind: str) -> None:
    trains_as_alone(*KINDS[kind])


@pytest.mark.parametrize("policy", ["float64", "mixed_bfloat16"])
def test_in_another_precision(policy: str) -> None:
    with caviar.config.precision(policy):
        trains_as_alone(compiled, {})


def trains_as_alone(make: Callable[[], Any], more: dict[str, Any]) -> None:
    given = {"x": X, "y": Y, "trials": 3, "epochs": 3, **GIVEN, **more}
    study = search(make(), **given, seed=0)
    for name in ("trials", "strategy", "monitor"):
        given.pop(name, None)
    for trial, row in enumerate(study.table()):
        given["callbacks"] = study._board.space.close(study._board.trials[trial].units).rules
        history, curves = study.untrained(trial).fit(**given).history, study.curves(trial)
        assert row["status"] in ("finished", "stopped")
        assert set(curves) == set(history)
        for name, values in curves.items():
            seen = values[~np.isnan(values)]  # `fit` has no entry where nothing was validated
            np.testing.assert_allclose(seen, history[name], rtol=2e-5, atol=1e-6)


def test_a_step_of_its_own_that_loses_itself() -> None:
    study = search(written(SGD(LogUniform(1e-3, 1e5))), X, Y, trials=6, epochs=4, seed=0, verbose=0)
    rows = study.table()
    assert study.monitor == "zeta"
    assert {row["status"] for row in rows} == {"finished", "diverged"}
    assert all((row["epochs"] == 4) == (row["status"] == "finished") for row in rows)


@pytest.mark.parametrize("steps", [2, 5, 100])
def test_packing_changes_nothing(steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dispatches that end within an epoch, in blocks that lose their members one by one."""
    given = {"trials": 40, "epochs": 8, "seed": 0, "callbacks": [EarlyStopping(patience=1)], **GIVEN}
    expected = search(compiled(), X, Y, **given)
    monkeypatch.setattr(Clock, "amount", lambda *_: (steps, 1))
    found = search(compiled(), X, Y, **given)
    assert len({row["epochs"] for row in found.table()}) > 2
    for trial in range(40):
        assert found.curves(trial)["loss"].tolist() == expected.curves(trial)["loss"].tolist()
    assert found.table() == expected.table()


@pytest.mark.parametrize("repeats", [1, 2])
@pytest.mark.parametrize("stops", [True, False])
def test_a_trial_that_took_over_another_is_what_its_row_says(repeats: int, stops: bool) -> None:
    rules = [EarlyStopping(patience=1)] if stops else []
    study = search(
        compiled(optimizer=SGD(LogUniform(1e-5, 10))), X, Y, trials=10, epochs=8, repeats=repeats, seed=0,
        strategy=PopulationBased(2, share=0.5), callbacks=rules, **GIVEN,
    )  # fmt: skip
    board = study._board
    assert board.since  # somebody took over
    assert "diverged" not in {row["status"] for row in study.table() if row["trial"] in board.since}
    for row in study.table().best(5):
        copies = [study.model(row["trial"], copy) for copy in range(repeats)]
        values = [model.evaluate(X[33:], Y[33:], verbose=0) for model in copies]
        assert np.mean(values) == pytest.approx(row["val_loss"], rel=1e-5)
