"""A thousand eggs instead of one panda: a search on scikit-learn's 1797 real digits, beside its author's own first guess."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from caviar import Choice, LogUniform, Sequential, Uniform, search
from caviar.layers import Dense, Dropout
from caviar.optimizers import Adam
from caviar.utils import set_random_seed


def network(units: Any, activation: Any, rate: Any, learning_rate: Any) -> Sequential:
    """Each of these may be a value, or a range of values."""
    model = Sequential([Dense(units, activation=activation), Dropout(rate), Dense(10, activation="softmax")])
    model.compile(Adam(learning_rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def main() -> None:
    x, y = load_digits(return_X_y=True)
    x_train, x_test, y_train, y_test = train_test_split(x / 16, y, test_size=0.3, random_state=0, stratify=y)
    fit = {"epochs": 30, "validation_split": 0.2}

    set_random_seed(0)
    panda = network(64, "relu", 0.2, 1e-3)  # what one would write down
    panda.fit(x_train, y_train, **fit, verbose=0)

    caviar = network(Choice(64, 128, 256), Choice("relu", "gelu"), Uniform(0, 0.6), LogUniform(1e-4, 1e-1))
    start = time.perf_counter()
    folder = Path("demo")
    folder.mkdir(exist_ok=True)
    study = search(
        caviar, x_train, y_train, trials=120, **fit, strategy="coarse_to_fine", monitor="val_loss",
        path=folder / "digits.study", seed=0,
    )  # fmt: skip
    seconds = time.perf_counter() - start

    print(study.table().best(5))
    study.plot(path=folder / "study.png")
    ensemble = study.ensemble(5)
    for name, model in {
        "first guess": panda,
        "best of the search": study.best_model,
        "ensemble of the best 5": ensemble,
    }.items():
        loss, accuracy = model.evaluate(x_test, y_test, verbose=0)
        print(f"{name:24} on {len(x_test)} digits nobody saw: accuracy {accuracy:.1%}, loss {loss:.3f}")
    print(f"120 trials in {seconds:.0f} s; {folder}/digits.study goes on if it is killed; {folder}/study.png shows it")


if __name__ == "__main__":
    main()
