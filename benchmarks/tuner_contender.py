"""What drives Keras through a search: KerasTuner and Optuna, each with nothing set but how many trials."""

from __future__ import annotations

import tempfile
from typing import Any

import keras

from benchmarks.rows import Search, Tune


def search(row: Search, tuner: str) -> Tune:
    """`tuner` is keras-tuner or optuna."""
    return {"keras-tuner": _keras_tuner, "optuna": _optuna}[tuner](row)


def _keras_tuner(row: Search) -> Tune:
    import keras_tuner

    x, y = row.data()

    def build(hp: Any) -> Any:
        number = lambda name, low, high: hp.Float(name, low, high, sampling="log")  # noqa: E731
        return row.member(keras, row.values(number, hp.Choice))

    def tune(members: int) -> tuple[float, int]:
        with tempfile.TemporaryDirectory() as folder:
            tuner = keras_tuner.RandomSearch(
                build, keras_tuner.Objective("loss", "min"), members, seed=0, directory=folder
            )
            tuner.search(x, y, batch_size=row.batch, epochs=row.epochs, verbose=0)
            return tuner.oracle.get_best_trials()[0].score, members * row.epochs

    return tune


def _optuna(row: Search) -> Tune:
    import optuna

    x, y = row.data()

    def objective(trial: Any) -> float:
        number = lambda name, low, high: trial.suggest_float(name, low, high, log=True)  # noqa: E731
        values = row.values(number, trial.suggest_categorical)
        batch, model = values.get("batch_size", row.batch), row.member(keras, values)
        return float(model.fit(x, y, batch_size=batch, epochs=row.epochs, verbose=0).history["loss"][-1])

    def tune(members: int) -> tuple[float, int]:
        study = optuna.create_study()
        study.optimize(objective, n_trials=members)
        return study.best_value, members * row.epochs

    return tune
