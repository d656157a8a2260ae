"""The lecture notes' Keras listings run with nothing but their import lines changed."""

from __future__ import annotations

import re
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import DATA, fact

import caviar
from caviar.dialects import tensorflow
from caviar.layers import Dense, Dropout
from caviar.models import Sequential

RNG = np.random.default_rng(0)


def listing(name: str) -> str:
    """A listing with `tensorflow.keras` and `tensorflow` replaced in its import lines, and in no other."""
    lines = (DATA / "listings" / f"{name}.py").read_text().splitlines()
    return "\n".join(_imported(line) if re.match(r"(import|from) ", line) else line for line in lines)


def _imported(line: str) -> str:
    return line.replace("tensorflow.keras", "caviar").replace("import tensorflow as tf", "import caviar as tf")


def run(name: str, **given: Any) -> dict[str, Any]:
    """Run a listing in a namespace that holds what it uses without defining it."""
    space = dict(given)
    exec(compile(listing(name), name, "exec"), space)
    return space


def classes(rows: int, count: int) -> np.ndarray:
    return caviar.utils.to_categorical(RNG.integers(count, size=rows), count)


def test_dense_with_batch_normalization() -> None:
    x, y = RNG.normal(size=(64, 6)), classes(64, 3)
    space = run("000_ann_batchnorm", input_dim=6, output_dim=3, x_train=x, y_train=y)
    assert len(space["model"].history.epoch) == 10
    assert [type(layer).__name__ for layer in space["model"].layers] == ["Dense", "BatchNormalization"] * 2 + ["Dense"]


def test_convolutions_with_batch_normalization(monkeypatch: pytest.MonkeyPatch) -> None:
    case = fact("cnn.listing_shapes")
    space = run("000_cnn_batchnorm", x_train=RNG.normal(size=(4, 64, 64, 3)), y_train=classes(4, 10))
    assert space["model"].count_params() == case["expected"]["total"]
    assert len(space["model"].history.epoch) == 10


@pytest.mark.parametrize("name", ["000_l1_dense32", "000_l2_dense32"])
def test_penalties_on_five_layers(name: str) -> None:
    case, x, y = fact("l1l2.listing_sizes"), RNG.normal(size=(8, 4)), RNG.normal(size=(8, 1))

    def compiled(seed: int) -> Any:
        model = run(name, tf=tensorflow, seed=seed)["model"]  # the listing does not import tf
        model.compile(optimizer="adam", loss="mse")
        model.build((None, 4))
        return model

    model, size = compiled(3), np.abs if "l1" in name else np.square
    assert [layer.units for layer in model.layers] == case["expected"]["units"]
    penalized = model.layers[: case["expected"]["regularized_layers"]]
    penalty = sum(case["expected"]["lam"] * size(layer.kernel.numpy()).sum() for layer in penalized)
    squares = np.square(model.predict(x, verbose=0) - y).mean()
    assert model.evaluate(x, y, verbose=0) == pytest.approx(squares + penalty, rel=1e-6)
    same, other = compiled(3), compiled(4)
    assert all(np.array_equal(a, b) for a, b in zip(same.get_weights(), model.get_weights(), strict=True))
    assert not np.allclose(other.get_weights()[0], model.get_weights()[0])


@pytest.mark.parametrize("name", ["001_l1_dense64", "001_l2_dense64"])
def test_penalties_on_a_classifier(name: str) -> None:
    x, y = RNG.normal(size=(64, 5)), classes(64, 3)
    model = run(name, num_classes=3, x_train=x, y_train=y)["model"]
    assert {key: len(values) for key, values in model.history.history.items()} == {"loss": 10, "accuracy": 10}
    assert int(model.last_run.step) == 10 * 2
    size, predicted = np.abs if "l1" in name else np.square, model.predict(x, verbose=0)
    penalty = sum(0.01 * size(layer.kernel.numpy()).sum() for layer in model.layers[:2])
    loss, accuracy = model.evaluate(x, y, verbose=0)
    assert loss == pytest.approx(penalty - np.log(predicted[y == 1]).mean(), rel=1e-5)
    assert accuracy == pytest.approx((predicted.argmax(1) == y.argmax(1)).mean(), rel=1e-6)


def test_dropout() -> None:
    model = run("001_dropout_784_512_512_10", Sequential=Sequential, Dense=Dense, Dropout=Dropout)["model"]
    assert model.count_params() == fact("dropout.mnist_net")["expected"]["total"]
    assert [layer.rate for layer in model.layers if isinstance(layer, Dropout)] == [0.2, 0.2]


def test_early_stopping(capsys: pytest.CaptureFixture[str]) -> None:
    case = fact("es.listing_split")
    caviar.utils.set_random_seed(0)
    space = run("001_early_stopping")
    losses, patience = space["history"].history["val_loss"], case["inputs"]["patience"]
    assert len(space["X_train"]) == case["expected"]["train"]
    assert space["model"].count_params() == fact("es.listing_params")["expected"]["total"]
    assert int(space["model"].last_run.step) == case["expected"]["iterations_per_epoch"] * len(losses)
    assert len(losses) == np.argmin(losses) + 1 + patience < case["inputs"]["epochs"]
    assert space["loss"] == pytest.approx(min(losses), rel=1e-6)  # the best weights are back
    said = capsys.readouterr().out
    assert f"Restoring model weights from the end of the best epoch: {np.argmin(losses) + 1}." in said
    assert f"Validation Loss: {space['loss']}, Validation Accuracy: {space['accuracy']}" in said


@pytest.mark.parametrize("name", ["000_fit_batch32_epochs300", "002_fit_batch32_epochs300"])
def test_fit_with_300_epochs(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    model = Sequential([Dense(1)])
    model.compile("adam", "mse")
    run(name, model=model, X_train=RNG.normal(size=(700, 2)), y_train=RNG.normal(size=700))
    assert int(model.last_run.step) == fact("batch.700_32_total")["expected"]
    lines = capsys.readouterr().out.splitlines()
    assert 5 <= len(lines) <= 12  # a handful of lines, not three hundred
    assert all(
        re.fullmatch(r"Epoch \d+/300 - 22/22 - \d+s \d+(s|ms|us)/step - loss: \d+\.\d{4}", line) for line in lines
    )
    assert (lines[0][:9], lines[-1][:13]) == ("Epoch 1/3", "Epoch 300/300")


@pytest.mark.parametrize("name", ["000_fit_validation_batch128", "002_fit_validation_batch128"])
def test_fit_with_validation(name: str) -> None:
    case = fact("fit.config_128_400")
    model = Sequential([Dense(1)])
    model.compile("adam", "mse")
    rows = {n: RNG.normal(size=(200, 2)) for n in ("X_train", "X_test")}
    labels = {n: types.SimpleNamespace(values=RNG.normal(size=200)) for n in ("y_train", "y_test")}  # a pandas column
    run(name, model=model, **rows, **labels)
    losses = model.history.history["val_loss"]
    assert len(losses) == case["expected"]["epochs"]
    assert int(model.last_run.step) == -(-200 // case["expected"]["batch_size"]) * case["expected"]["epochs"]
    assert model.evaluate(rows["X_test"], labels["y_test"].values, verbose=0) == pytest.approx(losses[-1], rel=1e-6)


def test_every_keras_listing_has_a_test() -> None:
    source = Path(__file__).read_text()
    keras = [p.stem for p in (DATA / "listings").glob("00[012]*.py")]
    assert [name for name in keras if f'"{name}"' not in source] == []
