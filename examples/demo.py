"""Handwritten digits: a small convolutional network on scikit-learn's 1797 real scans. `make demo` runs this."""

from __future__ import annotations

import time
from pathlib import Path

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from caviar.callbacks import EarlyStopping
from caviar.insight import plot_history
from caviar.layers import BatchNormalization, Conv2D, Dense, Dropout, Flatten, MaxPooling2D
from caviar.models import Sequential, load_model
from caviar.utils import set_random_seed


def main() -> None:
    set_random_seed(0)
    digits = load_digits()
    images = digits.images[..., None] / 16
    x_train, x_test, y_train, y_test = train_test_split(images, digits.target, test_size=0.2, random_state=0)

    model = Sequential(
        [
            Conv2D(32, 3, activation="relu", input_shape=(8, 8, 1)),
            BatchNormalization(),
            MaxPooling2D(2),
            Flatten(),
            Dense(64, activation="relu"),
            Dropout(0.3),
            Dense(10, activation="softmax"),
        ]
    )
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    model.summary()

    start = time.perf_counter()
    stopping = EarlyStopping(patience=8, restore_best_weights=True, verbose=1)
    history = model.fit(x_train, y_train, epochs=60, validation_split=0.15, callbacks=[stopping])
    seconds = time.perf_counter() - start

    folder = Path("demo")
    folder.mkdir(exist_ok=True)
    model.save(folder / "digits.caviar")
    plot_history(history, folder / "learning_curve.png")
    loss, accuracy = load_model(folder / "digits.caviar").evaluate(x_test, y_test, verbose=0)
    print(
        f"{len(history.epoch)} epochs in {seconds:.1f} s; on {len(x_test)} digits it never saw: accuracy {accuracy:.1%}, loss {loss:.3f}"
    )
    print(f"saved {folder}/digits.caviar and {folder}/learning_curve.png")


if __name__ == "__main__":
    main()
