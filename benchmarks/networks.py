"""The networks: `k` is `keras` or `caviar`, the same words build both. What is searched for is an argument.

A network is a list of layers that follow one another, or a model.
"""

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


def mlp_digits(k: Any, depth: Any, first: Any, second: Any, activation: Any, dropout: Any) -> list[Any]:
    def hidden(units: Any) -> list[Any]:
        return [k.layers.Dense(units, activation=activation), k.layers.Dropout(dropout)]

    is_range = hasattr(depth, "options")
    deeper = [type(depth)([], hidden(second))] if is_range else hidden(second) * (depth - 1)
    return [k.layers.Flatten(), *hidden(first), *deeper, k.layers.Dense(10, activation="softmax")]


def mlp_large(k: Any) -> list[Any]:
    return [*(k.layers.Dense(1024, activation="relu") for _ in range(3)), k.layers.Dense(10, activation="softmax")]


def autoencoder(k: Any) -> list[Any]:
    dense = k.layers.Dense
    return [*(dense(units, activation="relu") for units in (128, 32, 128)), dense(784, activation="sigmoid")]


def blocks(k: Any) -> list[Any]:
    layers: list[Any] = []
    for _ in range(12):
        layers += [k.layers.Dense(64), k.layers.BatchNormalization(), k.layers.ReLU(), k.layers.Dropout(0.1)]
    return [*layers, k.layers.Dense(1)]


def transformer(k: Any) -> Any:
    inputs = k.Input((64,), dtype="int32")
    x = k.layers.Embedding(1000, 64)(inputs)
    for _ in range(2):
        x = k.layers.LayerNormalization()(k.layers.Add()([x, k.layers.MultiHeadAttention(4, 16)(x, x)]))
        wide = k.layers.Dense(256, activation="relu")(x)
        x = k.layers.LayerNormalization()(k.layers.Add()([x, k.layers.Dense(64)(wide)]))
    return k.Model(inputs, k.layers.Dense(2, activation="softmax")(k.layers.GlobalAveragePooling1D()(x)))


def residual_cnn(k: Any) -> Any:
    conv, norm, relu = k.layers.Conv2D, k.layers.BatchNormalization, k.layers.ReLU
    inputs = k.Input((32, 32, 3))
    x = relu()(norm()(conv(16, 3, padding="same")(inputs)))
    for _ in range(2):
        y = relu()(norm()(conv(16, 3, padding="same")(x)))
        x = relu()(k.layers.Add()([x, norm()(conv(16, 3, padding="same")(y))]))
    return k.Model(inputs, k.layers.Dense(10, activation="softmax")(k.layers.GlobalAveragePooling2D()(x)))


def bilstm(k: Any) -> list[Any]:
    lstm = k.layers.Bidirectional(k.layers.LSTM(32))
    return [k.layers.Embedding(1000, 32), lstm, k.layers.Dense(2, activation="softmax")]


def gru(k: Any) -> list[Any]:
    return [k.layers.GRU(32, return_sequences=True), k.layers.GRU(32), k.layers.Dense(1)]


def text_cnn(k: Any) -> list[Any]:
    layers = k.layers
    conv = layers.Conv1D(64, 5, activation="relu")
    return [layers.Embedding(2000, 32), conv, layers.GlobalMaxPooling1D(), layers.Dense(2, activation="softmax")]


def tabular(k: Any) -> list[Any]:
    layers: list[Any] = []
    for _ in range(3):
        layers += [k.layers.Dense(128), k.layers.LayerNormalization(), k.layers.ReLU(), k.layers.Dropout(0.1)]
    return [*layers, k.layers.Dense(1)]


def softmax_regression(k: Any) -> list[Any]:
    return [k.layers.Dense(10, activation="softmax")]
