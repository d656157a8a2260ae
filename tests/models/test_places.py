"""Where layers stand in a graph: `layer.output`, `model.input` and their relatives, as Keras scripts look into networks."""

from __future__ import annotations

import gc
import weakref
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import caviar
from caviar import layers

X = np.arange(12.0, dtype="float32").reshape(2, 6)


def test_features_of_a_model_made_from_nodes() -> None:
    x = caviar.Input((6,))
    hidden = layers.Dense(4, name="hidden")(x)
    model = caviar.Model(x, layers.Dense(2)(hidden))
    assert model.input is x
    assert model.get_layer("hidden").output is hidden
    assert model.get_layer("hidden").input is x
    assert model.output_shape == (None, 2)
    features = caviar.Model(model.inputs, [layer.output for layer in model.layers])
    np.testing.assert_allclose(features.predict(X, verbose=0)[1], model.predict(X, verbose=0), rtol=1e-6)


def test_features_of_a_list_of_layers() -> None:
    model = caviar.Sequential([layers.Input((6,)), layers.Dense(4, name="middle"), layers.Dense(2)])
    outputs = [layer.output for layer in model.layers]
    assert [tuple(node.shape) for node in outputs] == [(None, 4), (None, 2)]
    assert model.output_shape == (None, 2)
    features = caviar.Model(model.inputs, outputs)
    found = features.predict(X, verbose=0)
    np.testing.assert_allclose(found[1], model.predict(X, verbose=0), rtol=1e-6)
    sub = caviar.Model(model.input, model.get_layer("middle").output)
    np.testing.assert_allclose(sub.predict(X, verbose=0), found[0], rtol=1e-6)
    model.add(layers.Dense(3))
    assert model.output_shape == (None, 3)


def test_a_layer_that_stands_nowhere_says_so() -> None:
    with pytest.raises(AttributeError, match="was applied to no node yet"):
        _ = layers.Dense(1).output


def test_attributes_of_ones_own_hide_them() -> None:
    class Net(caviar.Model):
        def __init__(self) -> None:
            super().__init__()
            self.output = layers.Dense(2)

        def call(self, x: Any) -> Any:
            return self.output(x)

    assert Net()(X).shape == (2, 2)


def test_a_layer_without_a_hash_is_applied_all_the_same() -> None:
    @dataclass
    class Scaled(layers.Layer):
        factor: float = 2.0

        def call(self, x: Any) -> Any:
            return x * self.factor

    x = caviar.Input((6,))
    assert caviar.Model(x, Scaled()(x)).predict(X, verbose=0)[0, 1] == 2


def test_nothing_is_kept_for_ever() -> None:
    model = caviar.Sequential([layers.Input((6,)), layers.Dense(4)])
    known, layer = weakref.ref(model), weakref.ref(model.layers[0])
    assert model.output.shape == (None, 4)
    del model
    gc.collect()
    assert known() is None
    assert layer() is None
