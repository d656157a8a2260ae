"""The networks: `k` is `keras` or `caviar`, the same words build both. What is searched for is an argument."""

from __future__ import annotations

from typing import Any


def mlp_small(k: Any, l2: Any = 0.01) -> list[Any]:
    decay = k.regularizers.L2(l2)
    hidden = [k.layers.Dense(units, activation="relu", kernel_regularizer=decay) for units in (32, 32, 32, 16, 8)]
    return [*hidden, k.layers.Dense(1)]


def mlp_wide(k: Any) -> list[Any]:
    dense, dropout = k.layers.Dense, k.layers.Dropout
    return [
        dense(512, activation="relu"),
        dropout(0.2),
        dense(512, activation="relu"),
        dropout(0.2),
        dense(10, activation="softmax"),
    ]


def cnn(k: Any) -> list[Any]:
    return [
        k.layers.Conv2D(32, (3, 3), activation="relu"),
        k.layers.BatchNormalization(),
        k.layers.MaxPooling2D((2, 2)),
        k.layers.Conv2D(64, (3, 3), activation="relu"),
        k.layers.BatchNormalization(),
        k.layers.MaxPooling2D((2, 2)),
        k.layers.Flatten(),
        k.layers.Dense(128, activation="relu"),
        k.layers.BatchNormalization(),
        k.layers.Dense(10, activation="softmax"),
    ]


def lstm(k: Any) -> list[Any]:
    return [k.layers.LSTM(64), k.layers.Dense(1)]


def mlp_choice(k: Any, units: Any, activation: Any) -> list[Any]:
    return [k.layers.Dense(units, activation=activation), k.layers.Dense(1)]


def cnn_digits(k: Any) -> list[Any]:
    return [
        k.layers.Conv2D(16, (3, 3), activation="relu"),
        k.layers.MaxPooling2D((2, 2)),
        k.layers.Conv2D(32, (3, 3), activation="relu"),
        k.layers.Flatten(),
        k.layers.Dense(10, activation="softmax"),
    ]
