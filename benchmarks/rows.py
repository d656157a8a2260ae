"""What is measured: the networks and their data, and who competes on them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Contender:
    """One way to train: a module of this folder, the packages it needs, its environment and its options."""

    module: str
    needs: tuple[str, ...]
    env: dict[str, str] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)


def _keras(backend: str, package: str, env: dict[str, str] | None = None, **options: Any) -> Contender:
    return Contender("keras_contender", ("keras", package), {"KERAS_BACKEND": backend, **(env or {})}, options)


def _caviar(cache: str, **options: Any) -> Contender:
    return Contender("caviar_contender", ("caviar",), {"CAVIAR_CACHE": cache}, options)


# In a value of `env`, {fresh} is an empty folder of each process, {kept} one folder of the contender's whole row.
_JAX_CACHE = {
    "JAX_COMPILATION_CACHE_DIR": "{kept}",
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
}

CONTENDERS = {
    "caviar": _caviar("{fresh}"),
    "caviar-warm": _caviar("{kept}"),
    "caviar-bf16": _caviar("{fresh}", policy="mixed_bfloat16"),
    "keras-jax": _keras("jax", "jax"),
    "keras-jax-epoch": _keras("jax", "jax", whole_epoch=True),
    "keras-jax-warm": _keras("jax", "jax", _JAX_CACHE),
    "keras-jax-bf16": _keras("jax", "jax", policy="mixed_bfloat16"),
    "keras-tf": _keras("tensorflow", "tensorflow"),
    "keras-tf-epoch": _keras("tensorflow", "tensorflow", whole_epoch=True),
    "keras-torch": _keras("torch", "torch"),  # this backend has no steps_per_execution
    "torch": Contender("torch_contender", ("torch",)),
    "torch-compile": Contender("torch_contender", ("torch",), options={"compiled": True}),
    "torch-bf16": Contender("torch_contender", ("torch",), options={"bf16": True}),
}

_KERAS = ("keras-jax", "keras-jax-epoch", "keras-tf", "keras-tf-epoch", "keras-torch")
_FLOAT32 = ("caviar", *_KERAS, "torch", "torch-compile")


@dataclass(frozen=True)
class Row:
    """One network on one set of data. `layers` takes `keras` or `caviar`: the same words build both."""

    name: str
    title: str
    layers: Callable[[Any], list[Any]]
    shape: tuple[int, ...]
    samples: int
    batch: int
    loss: str
    classes: int = 0
    metrics: tuple[str, ...] = ()
    contenders: tuple[str, ...] = _FLOAT32
    kind: str = "steps"
    unit: str = "ms"
    epochs: int = 3
    aim: float | None = None

    @property
    def network(self) -> str:
        """Which network it is; several rows may train the same one."""
        return self.layers.__name__

    @property
    def steps(self) -> int:
        """Steps of an epoch; the last one may be smaller."""
        return math.ceil(self.samples / self.batch)

    def data(self) -> tuple[np.ndarray, np.ndarray]:
        """Learnable numbers, the same for everyone: the targets depend on the inputs through a fixed projection."""
        rng = np.random.default_rng(0)
        x = rng.normal(size=(self.samples, *self.shape)).astype("float32")
        flat = x.reshape(self.samples, -1)
        projected = flat @ rng.normal(size=(flat.shape[1], self.classes or 1)) / math.sqrt(flat.shape[1])
        if not self.classes:
            return x, np.sin(projected).astype("float32")
        labels = projected.argmax(1).astype("int32")
        return x, labels if self.loss.startswith("sparse") else np.eye(self.classes, dtype="float32")[labels]

    def fitting(self, k: Any, **compile_options: Any) -> Callable[[int], float]:
        """The network built with `k` (keras or caviar): a function that trains some epochs and gives the last loss."""
        model = k.models.Sequential(self.layers(k))
        model.compile(optimizer="adam", loss=self.loss, metrics=list(self.metrics), **compile_options)
        x, y = self.data()

        def fit(epochs: int) -> float:
            return float(model.fit(x, y, batch_size=self.batch, epochs=epochs, verbose=0).history["loss"][-1])

        return fit


def mlp_small(k: Any) -> list[Any]:
    l2 = k.regularizers.L2(0.01)
    hidden = [k.layers.Dense(units, activation="relu", kernel_regularizer=l2) for units in (32, 32, 32, 16, 8)]
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


_SMALL = Row(
    "mlp_small",
    "MLP 10-32-32-32-16-8-1, relu, L2(0.01) on the hidden kernels, 700 rows, batch 32 (the last of 28), mse, Adam",
    *(mlp_small, (10,), 700, 32, "mean_squared_error"),
    unit="us",
    epochs=30,
    aim=1 / 8,
)

_ALL = (
    _SMALL,
    Row(
        "mlp_wide",
        "MLP 784-512-512-10, relu, dropout 0.2, 6000 rows, batch 128, sparse cross-entropy, Adam",
        *(mlp_wide, (784,), 6000, 128, "sparse_categorical_crossentropy", 10),
        contenders=(*_FLOAT32, "caviar-bf16", "keras-jax-bf16", "torch-bf16"),
        aim=3 / 4,
    ),
    Row(
        "cnn",
        "CNN 64x64x3, conv 32 - BN - pool - conv 64 - BN - pool - dense 128 - BN - 10, 320 rows, batch 32, accuracy",
        *(cnn, (64, 64, 3), 320, 32, "categorical_crossentropy", 10, ("accuracy",)),
        contenders=(*_FLOAT32, "caviar-bf16", "torch-bf16"),
        aim=1.0,
    ),
    Row(
        "lstm",
        "LSTM 64 on 100 steps of 32 features, dense 1, 640 rows, batch 32, mse, Adam",
        *(lstm, (100, 32), 640, 32, "mean_squared_error"),
        aim=1.0,
    ),
    replace(
        _SMALL,
        name="startup",
        title="from `python` to the end of 300 epochs of mlp_small",
        contenders=("caviar", "caviar-warm", *_KERAS, "keras-jax-warm", "torch"),
        kind="process",
        unit="s",
        epochs=300,
        aim=1 / 3,
    ),
    replace(
        _SMALL,
        name="facts",
        title="a fresh process: `import`, first epoch of mlp_small, memory, programs compiled by a second fit",
        contenders=("caviar", "caviar-warm", "keras-jax", "keras-tf", "keras-torch", "torch"),
        kind="facts",
        unit="s",
        epochs=1,
        aim=None,
    ),
)

ROWS = {row.name: row for row in _ALL}
