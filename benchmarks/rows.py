"""What is measured: the networks, their data, and who competes on which."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from benchmarks.networks import (
    autoencoder,
    bilstm,
    blocks,
    cnn,
    cnn_digits,
    gru,
    lstm,
    mlp_choice,
    mlp_digits,
    mlp_large,
    mlp_small,
    mlp_wide,
    residual_cnn,
    softmax_regression,
    tabular,
    text_cnn,
    transformer,
)  # fmt: skip

_KERAS = ("keras-jax", "keras-jax-epoch", "keras-tf", "keras-tf-epoch", "keras-torch")
_FLOAT32 = ("caviar", *_KERAS, "torch", "torch-compile")
_CLASSES = "sparse_categorical_crossentropy"


class Made(NamedTuple):
    """A contender's network: what trains it some epochs and gives the last loss, and what asks it."""

    fit: Callable[[int], float]
    predict: Callable[[np.ndarray], np.ndarray] | None = None


@dataclass(frozen=True)
class Row:
    """One network on one set of data. `layers` takes `keras` or `caviar`: the same words build both."""

    name: str
    title: str
    layers: Callable[[Any], Any]
    shape: tuple[int, ...]
    samples: int
    batch: int
    loss: str
    classes: int = 0
    metrics: tuple[str, ...] = ()
    contenders: tuple[str, ...] = _FLOAT32
    kind: str = "whole"
    unit: str = "ms"
    epochs: int = 3
    ids: int = 0  # the inputs are so many ids, where they are no floats
    aim: float | None = None
    decays: bool = True  # whether a loop adds the network's L2 to its loss
    loader: bool = False  # whether a loop is as most write it: a DataLoader, and Adam as it comes

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
        if self.layers is autoencoder:
            x = rng.random((self.samples, *self.shape)).astype("float32")
            return x, x
        x = rng.normal(size=(self.samples, *self.shape)).astype("float32")
        if self.ids:
            x = rng.integers(0, self.ids, (self.samples, *self.shape)).astype("int32")
        flat = x.reshape(self.samples, -1)
        projected = flat @ rng.normal(size=(flat.shape[1], self.classes or 1)) / math.sqrt(flat.shape[1])
        if not self.classes:
            return x, np.sin(projected).astype("float32")
        labels = projected.argmax(1).astype("int32")
        return x, labels if self.loss.startswith("sparse") else np.eye(self.classes, dtype="float32")[labels]

    def model(self, k: Any, optimizer: Any = "adam", values: dict[str, Any] | None = None, **options: Any) -> Any:
        """The network built with `k` (keras or caviar) and compiled; `values` are for its layers."""
        built = self.layers(k, **(values or {}))
        model = k.models.Sequential(built) if isinstance(built, list) else built
        model.compile(optimizer=optimizer, loss=self.loss, metrics=list(self.metrics), **options)
        return model

    def fitting(self, k: Any, **compile_options: Any) -> Made:
        """The network, trained and asked as `k` (keras or caviar) does."""
        model = self.model(k, **compile_options)
        x, y = self.data()

        def fit(epochs: int) -> float:
            return float(model.fit(x, y, batch_size=self.batch, epochs=epochs, verbose=0).history["loss"][-1])

        return Made(fit, lambda x: model.predict(x, batch_size=self.batch, verbose=0))


Tune = Callable[[int], tuple[float, int]]
"""Trains so many members; gives the best loss, and how many epochs all of them trained in all."""


@dataclass(frozen=True)
class Search(Row):
    """Versions of one network, its members, each with values of its own for what is searched."""

    kind: str = "search"
    unit: str = "us"
    members: int = 100
    numbers: dict[str, tuple[float, float]] = field(default_factory=dict)  # lowest, highest, logarithmically
    choices: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    strategy: str = "random"
    frames: int | None = None
    measured: dict[str, int] = field(default_factory=dict)  # contenders that would take too long train fewer members
    aims: dict[str, float] = field(default_factory=dict)  # how many times as fast as these caviar is to be
    aim_mb: float | None = None  # caviar's peak of memory

    def values(self, number: Callable[..., Any], choice: Callable[..., Any]) -> dict[str, Any]:
        """What is searched: `number(name, low, high)` and `choice(name, options)` say what stands there."""
        numbers = {name: number(name, *ends) for name, ends in self.numbers.items()}
        return numbers | {name: choice(name, options) for name, options in self.choices.items()}

    def member(self, k: Any, values: dict[str, Any], **compile_options: Any) -> Any:
        """One member, built with `k` and compiled."""
        rest = {name: value for name, value in values.items() if name != "batch_size"}
        return self.model(k, k.optimizers.Adam(rest.pop("learning_rate")), rest, **compile_options)

    def drawn(self, members: int) -> list[dict[str, Any]]:
        """The values of some members, for who has no way of his own to draw them."""
        rng = np.random.default_rng(0)
        number = lambda _, low, high: float(np.exp(rng.uniform(np.log(low), np.log(high))))  # noqa: E731
        return [self.values(number, lambda _, options: options[rng.integers(len(options))]) for _ in range(members)]

    def one_by_one(self, train: Callable[[dict[str, Any]], float]) -> Tune:
        """A loop: `train` takes the values of a member and gives its last loss."""

        def tune(members: int) -> tuple[float, int]:
            losses = [train(values) for values in self.drawn(members)]
            return float(np.nanmin(losses)), members * self.epochs

        return tune

    def fit_one_by_one(self, k: Any, **compile_options: Any) -> Tune:
        """A loop of `fit`, with `k`."""
        x, y = self.data()

        def train(values: dict[str, Any]) -> float:
            model = self.member(k, values, **compile_options)
            return float(model.fit(x, y, batch_size=self.batch, epochs=self.epochs, verbose=0).history["loss"][-1])

        return self.one_by_one(train)


class Digits(Search):
    """A search on real images: scikit-learn's handwritten digits."""

    def data(self) -> tuple[np.ndarray, np.ndarray]:
        """All 1797 of them, of 8x8 pixels."""
        from sklearn.datasets import load_digits

        digits = load_digits()
        return (digits.images[..., None] / 16).astype("float32"), digits.target.astype("int32")


_SMALL = Row(
    "mlp_small",
    "MLP 10-32-32-32-16-8-1, relu, L2(0.01) on the hidden kernels, 700 rows, batch 32 (the last of 28), mse, Adam",
    *(mlp_small, (10,), 700, 32, "mean_squared_error"),
    unit="us",
    epochs=30,
    aim=1 / 8,
)

_SEARCH = Search(
    "search_small",
    "100 members of mlp_small, 100 epochs each, rates and L2 of their own",
    *(mlp_small, (10,), 700, 32, "mean_squared_error"),
    contenders=(
        *("caviar-first", "caviar", "caviar-alone"),
        *("torch", "torch-1-thread", "keras-jax", "keras-jax-epoch", "keras-tuner", "optuna", "joblib"),
    ),
    epochs=100,
    numbers={"learning_rate": (1e-4, 1e-1), "l2": (1e-6, 1e-2)},
    measured={
        **{"caviar-alone": 10, "torch": 2, "torch-1-thread": 2, "joblib": 4},
        **{"keras-jax": 2, "keras-jax-epoch": 2, "keras-tuner": 2, "optuna": 2},
    },
    aims={"torch": 30, "torch-1-thread": 30, "keras-tuner": 100, "caviar-alone": 2.5},
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
        aim=1 / 1.3,
    ),
    Row(
        "blocks",
        "12 x (dense 64 - BN - relu - dropout 0.1) - 1, 32 features, 2000 rows, batch 32, mse, Adam",
        *(blocks, (32,), 2000, 32, "mean_squared_error"),
        aim=1.0,
    ),
    Row(
        "transformer",
        "two transformer blocks of width 64, 4 heads, 64 tokens, mean, 2 classes, 640 rows, batch 32, Adam",
        *(transformer, (64,), 640, 32, _CLASSES, 2),
        ids=1000,
        aim=1.0,
    ),
    Row(
        "residual_cnn",
        "CNN 32x32x3, conv 16 and two residual blocks of two, BN, mean, 10 classes, 640 rows, batch 32, Adam",
        *(residual_cnn, (32, 32, 3), 640, 32, _CLASSES, 10),
        aim=1.0,
    ),
    Row(
        "bilstm",
        "embedding 32, bidirectional LSTM 32, 64 tokens, 2 classes, 640 rows, batch 32, Adam",
        *(bilstm, (64,), 640, 32, _CLASSES, 2),
        ids=1000,
        aim=1.0,
    ),
    Row(
        "gru",
        "two GRU 32 on 50 steps of 8 features, dense 1, 640 rows, batch 32, mse, Adam",
        *(gru, (50, 8), 640, 32, "mean_squared_error"),
        aim=1.0,
    ),
    Row(
        "mlp_large",
        "MLP 256-1024-1024-1024-10, relu, 10240 rows, batch 1024, sparse cross-entropy, Adam",
        *(mlp_large, (256,), 10240, 1024, _CLASSES, 10),
        aim=1.0,
    ),
    Row(
        "autoencoder",
        "autoencoder 784-128-32-128-784, relu and sigmoid, 3000 rows, batch 128, mse, Adam",
        *(autoencoder, (784,), 3000, 128, "mean_squared_error"),
        aim=1.0,
    ),
    Row(
        "text_cnn",
        "embedding 32, conv 64 of 5 tokens, maximum, 2 classes, 100 tokens, 640 rows, batch 32, Adam",
        *(text_cnn, (100,), 640, 32, _CLASSES, 2),
        ids=2000,
        aim=1.0,
    ),
    Row(
        "tabular",
        "3 x (dense 128 - layer normalization - relu - dropout 0.1) - 1, 30 features, 10000 rows, batch 256, mse, Adam",
        *(tabular, (30,), 10000, 256, "mean_squared_error"),
        aim=1.0,
    ),
    Row(
        "softmax_regression",
        "softmax of 10 classes on 64 features, 1800 rows, batch 32, Adam",
        *(softmax_regression, (64,), 1800, 32, _CLASSES, 10),
        unit="us",
        aim=1.0,
    ),
    replace(
        _SMALL,
        name="loop_small",
        kind="steps",
        title="mlp_small by the loop of a PyTorch user, read by PyTorch and by caviar's dialect",
        contenders=("caviar-torch", "torch"),
        aim=1 / 2,
    ),
    replace(
        _SMALL,
        name="loop_plain",
        kind="steps",
        title="mlp_small without L2 by the loop of a PyTorch user, read by PyTorch and by caviar's dialect",
        contenders=("caviar-torch", "torch"),
        aim=1 / 2,
        decays=False,
    ),
    replace(
        _SMALL,
        name="loop_usual",
        kind="steps",
        title="mlp_small without L2 by the loop that most write, DataLoader and Adam as they come, read by both",
        contenders=("caviar-torch", "torch"),
        aim=1 / 2,
        decays=False,
        loader=True,
    ),
    Row(
        "loop_wide",
        "mlp_wide by the loop of a PyTorch user, read by PyTorch and by caviar's dialect",
        *(mlp_wide, (784,), 6000, 128, "sparse_categorical_crossentropy", 10),
        contenders=("caviar-torch", "torch"),
        kind="steps",
        aim=1.0,
    ),
    replace(
        _SMALL,
        name="session",
        kind="steps",
        title="w**2 - 10 w + 25 by gradient descent: `session.run(train)`, read by TensorFlow and by caviar's dialect",
        samples=1000,
        batch=1,
        contenders=("caviar-session", "tf-session"),
        aim=None,
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
    _SEARCH,
    replace(
        _SEARCH,
        name="search_1000",
        title="1000 members of mlp_small, 20 epochs each: time and memory",
        contenders=("caviar-first", "caviar"),
        members=1000,
        epochs=20,
        aims={},
        aim_mb=2000,
    ),
    replace(
        _SEARCH,
        name="search_halving",
        title="81 members of mlp_small, 81 epochs each, and by successive halving: time follows the members alive",
        contenders=("caviar", "caviar-halving"),
        members=81,
        epochs=81,
        aims={},
    ),
    Digits(
        "search_cnn",
        "16 CNNs on 1797 digits 8x8x1, conv 16 - pool - conv 32 - 10, batch 32, Adam, 5 epochs, rates of their own",
        *(cnn_digits, (8, 8, 1), 1797, 32, "sparse_categorical_crossentropy", 10),
        contenders=("caviar-first", "caviar", "caviar-alone", "torch", "torch-1-thread"),
        epochs=5,
        members=16,
        numbers={"learning_rate": (1e-4, 1e-2)},
        measured={"torch": 4, "torch-1-thread": 4},
    ),
    Search(
        "search_sizes",
        "200 members of an MLP 10-units-1, 700 rows, batch 32, Adam, 30 epochs: 51 sizes and 2 activations in few programs",
        *(mlp_choice, (10,), 700, 32, "mean_squared_error"),
        contenders=("caviar-first", "caviar", "keras-jax", "keras-jax-epoch", "optuna", "joblib"),
        epochs=30,
        members=200,
        numbers={"learning_rate": (1e-4, 1e-1)},
        choices={"units": tuple(range(50, 101)), "activation": ("relu", "tanh")},
        measured={"keras-jax": 2, "keras-jax-epoch": 2, "optuna": 2, "joblib": 8},
        aims={"optuna": 100, "joblib": 10},
    ),
    Digits(
        "search_digits",
        "1000 MLPs on 1797 digits, 10 epochs: depth 1 or 2, 4 sizes, 3 activations, dropout, rate, 4 batch sizes",
        *(mlp_digits, (8, 8, 1), 1797, 32, "sparse_categorical_crossentropy", 10),
        contenders=("caviar-first", "caviar", "optuna", "joblib"),
        epochs=10,
        members=1000,
        numbers={"learning_rate": (1e-4, 1e-1), "dropout": (1e-2, 0.5)},
        choices={
            **{"depth": (1, 2), "first": (16, 32, 64, 128), "second": (16, 32, 64, 128)},
            **{"activation": ("relu", "tanh", "sigmoid"), "batch_size": (16, 32, 64, 128)},
        },
        measured={"optuna": 4, "joblib": 16},
        aims={"optuna": 100, "joblib": 10},
    ),
    Search(
        "search_structures",
        "a grid of 4 sizes x 3 activations x 4 rates of an MLP 10-units-1, 700 rows, batch 32, Adam, 20 epochs",
        *(mlp_choice, (10,), 700, 32, "mean_squared_error"),
        contenders=("caviar-first", "caviar"),
        epochs=20,
        members=48,
        numbers={"learning_rate": (1e-4, 1e-1)},
        choices={"units": (8, 16, 32, 64), "activation": ("relu", "tanh", "elu")},
        strategy="grid",
        frames=0,
    ),
)

ROWS = {row.name: row for row in _ALL}
