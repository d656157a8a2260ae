"""Six whole trainings from given weights end where Keras' end, epoch by epoch, in float64."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from conftest import DATA, recorded

from caviar import layers, optimizers, regularizers
from caviar.models import Sequential

pytestmark = pytest.mark.usefixtures("float64")

CASES = {case["id"]: case for case in recorded("training_runs")}
METRICS = {"mse": ["mae"], "sparse_categorical_crossentropy": ["accuracy"], "binary_crossentropy": ["accuracy"]}
# Keras keeps its histories in float32, and its runs carry float32 noise in the weights too, most where there is batch norm.
# How much of the distance is Keras' own is settled for the worst run: `test_the_convolutional_run_in_double_precision`.
HISTORY = {"softmax_bn_rmsprop": 5e-7, "cnn_bn_adam": 1e-5}
WEIGHTS = {"softmax_bn_rmsprop": 2e-6, "cnn_bn_adam": 1e-4}


def _layer(name: str, config: dict[str, Any]) -> layers.Layer:
    config = dict(config)
    if "kernel_regularizer" in config:
        kind, strength = config["kernel_regularizer"]
        config["kernel_regularizer"] = getattr(regularizers, kind)(strength)
    return getattr(layers, name)(**config)


def _trained(case: dict[str, Any]) -> tuple[Sequential, dict[str, list[float]]]:
    config, inputs = case["config"], case["inputs"]
    model = Sequential([_layer(*spec) for spec in config["layers"]])
    model.build((None, *config["input_shape"]))
    for variable, weight in zip(model.variables, inputs["weights"], strict=True):
        variable.assign(np.asarray(weight["value"]))
    name, arguments = config["optimizer"]
    model.compile(getattr(optimizers, name)(**arguments), config["loss"], metrics=METRICS[config["loss"]])
    validation = (np.asarray(inputs["x_val"]), np.asarray(inputs["y_val"])) if len(inputs["x_val"]) else None
    history = model.fit(
        np.asarray(inputs["x"]),
        np.asarray(inputs["y"]),
        batch_size=config["batch_size"],
        epochs=config["epochs"],
        shuffle=config["shuffle"],
        validation_data=validation,
        verbose=0,
    )
    return model, history.history


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_run_is_keras_run(case: dict[str, Any]) -> None:
    as_keras(case)


@pytest.mark.usefixtures("as_shipped")
def test_so_it_is_as_users_compile_it() -> None:
    as_keras(CASES["lstm_adamw"])


def as_keras(case: dict[str, Any]) -> None:
    model, history = _trained(case)
    expected = case["expected"]
    assert set(history) == set(expected["history"])
    for name, values in expected["history"].items():
        np.testing.assert_allclose(history[name], values, rtol=HISTORY.get(case["id"], 2e-7), atol=1e-9, err_msg=name)
    for variable, value in zip(model.variables, expected["weights_after"], strict=True):
        np.testing.assert_allclose(
            variable.numpy(), np.asarray(value), rtol=0, atol=WEIGHTS.get(case["id"], 1e-7), err_msg=variable.path
        )
    predictions = model.predict(np.asarray(case["inputs"]["x"])[:5], verbose=0)
    np.testing.assert_allclose(predictions, expected["predictions"], rtol=0, atol=WEIGHTS.get(case["id"], 1e-7))


@pytest.mark.usefixtures("as_shipped")
def test_the_convolutional_run_in_double_precision() -> None:
    """The same run, written as a loop in PyTorch in float64 from end to end: Keras' record differs from it by 5e-5."""
    expected = json.loads((DATA / "cnn_bn_adam_float64.json").read_text())
    model, history = _trained(CASES["cnn_bn_adam"])
    np.testing.assert_allclose(history["loss"], expected["loss"], rtol=1e-12)
    for variable, value in zip(model.variables, expected["weights_after"], strict=True):
        np.testing.assert_allclose(variable.numpy(), value, rtol=0, atol=1e-11, err_msg=variable.path)
