"""Constraints: Keras 3.15.1 gives these values (`data/layers_more.json`), and these weights after a training with them."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from conftest import DATA

import caviar
from caviar import constraints, layers, optimizers
from caviar.errors import UnknownNameError

RECORDED = json.loads((DATA / "layers_more.json").read_text())


def array(recorded: Any) -> np.ndarray:
    return np.array(recorded["values"], "float32").reshape(recorded["shape"])


@pytest.mark.parametrize(("constraint", "expected"), RECORDED["constraints"], ids=lambda v: str(v)[:40])
def test_values_are_keras(constraint: str, expected: Any) -> None:
    made = eval(f"constraints.{constraint}")
    np.testing.assert_allclose(made(array(RECORDED["w"])), array(expected), rtol=1e-6)


def test_weights_are_constrained_after_every_update() -> None:
    fit = RECORDED["fit"]
    model = caviar.Sequential([
        layers.Input((4,)),
        layers.Dense(3, kernel_constraint=constraints.MaxNorm(1.0), bias_constraint="non_neg"),
        layers.Dense(1, kernel_constraint="unit_norm"),
    ])  # fmt: skip
    model.set_weights([array(w) for w in fit["before"]])
    model.compile(optimizers.SGD(0.1), "mse")
    model.fit(array(fit["x"]), array(fit["y"]), epochs=3, batch_size=2, shuffle=False, verbose=0)
    for found, expected in zip(model.get_weights(), fit["after"], strict=True):
        np.testing.assert_allclose(found, array(expected), rtol=1e-5, atol=1e-6)


def test_a_constrained_model_is_saved(tmp_path: Any) -> None:
    model = caviar.Sequential([layers.Dense(2, kernel_constraint=constraints.MaxNorm(1.5), input_dim=2)])
    model.save(tmp_path / "model.caviar")
    assert caviar.load_model(tmp_path / "model.caviar").layers[0].kernel_constraint.max_value == 1.5


def test_weights_may_be_asked_for_as_keras_asks() -> None:
    class Linear(layers.Layer):
        def build(self, input_shape: Any) -> None:
            self.w = self.add_weight(shape=(input_shape[-1], 2), initializer="ones", constraint="non_neg")
            self.b = self.add_weight((2,), "zeros")
            self.count = self.add_weight(shape=(), dtype="int32", trainable=False)
            self.named = self.add_weight(name="own", shape=(1,))

        def call(self, x: Any) -> Any:
            return x @ self.w + self.b

    layer = Linear()
    assert layer(np.ones((1, 3), "float32")).tolist() == [[3, 3]]
    assert [(w.shape, w.dtype) for w in layer.weights] == [
        ((3, 2), "float32"),
        ((2,), "float32"),
        ((), "int32"),
        ((1,), "float32"),
    ]
    assert len(layer.trainable_weights) == 3


def test_an_unknown_constraint_is_told() -> None:
    with pytest.raises(UnknownNameError, match=r"constraint 'positive'.*non_neg"):
        constraints.get("positive")


def test_a_constraint_follows_its_weight_to_the_attribute_that_it_is_assigned_to() -> None:
    class Linear(layers.Layer):
        def build(self, input_shape: Any) -> None:
            self.w = self.add_weight(
                name="kernel", shape=(input_shape[-1], 1), initializer="ones", constraint="non_neg"
            )

        def call(self, x: Any) -> Any:
            return x @ self.w

    model = caviar.Sequential([Linear()])
    model.compile(optimizers.SGD(1.0), "mse")
    model.fit(np.ones((4, 2)), np.full(4, -50.0), epochs=1, verbose=0)
    assert model.get_weights()[0].ravel().tolist() == [0.0, 0.0]
