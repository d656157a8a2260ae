"""A model written again from another one or from text, and its picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import caviar
from caviar import layers, models, ops, utils
from caviar.errors import ArgumentError, FileError


class Doubled(layers.Layer):
    def call(self, x: Any) -> Any:
        return 2 * x


def functional() -> caviar.Model:
    x = layers.Input((4,), name="x")
    hidden = layers.Dense(3, activation="relu", name="hidden")(x)
    both = layers.concatenate([hidden, Doubled()(x)])
    return caviar.Model(x, layers.Dense(2)(ops.tanh(both)))


@pytest.mark.parametrize("make", [functional, lambda: caviar.Sequential([layers.Dense(3, input_dim=4), Doubled()])])
def test_a_clone_has_the_architecture_and_weights_of_its_own(make: Any) -> None:
    model = make()
    clone = models.clone_model(model)
    assert [w.shape for w in clone.get_weights()] == [w.shape for w in model.get_weights()]
    assert not np.array_equal(clone.get_weights()[0], model.get_weights()[0])
    assert not {id(layer) for layer in clone.layers} & {id(layer) for layer in model.layers}
    clone.set_weights(model.get_weights())
    x = np.ones((2, 4), "float32")
    assert np.array_equal(clone.predict(x, verbose=0), model.predict(x, verbose=0))


def test_functions_without_a_name_are_cloned() -> None:
    model = caviar.Sequential([layers.Lambda(lambda x: 3 * x), layers.Dense(1, input_dim=2)])
    x = np.ones((1, 2), "float32")
    expected = model(x)
    clone = models.clone_model(model)
    clone(x)
    clone.set_weights(model.get_weights())
    assert np.array_equal(clone(x), expected)


def test_each_layer_may_be_made_by_a_function() -> None:
    def wider(layer: Any) -> Any:
        return layers.Dense(5) if isinstance(layer, layers.Dense) else layer

    model = caviar.Sequential([layers.Input((4,)), layers.Dense(3), Doubled()])
    assert models.clone_model(model, clone_function=wider).predict(np.ones((1, 4)), verbose=0).shape == (1, 5)
    with pytest.raises(ArgumentError, match="clone_model takes a model"):
        models.clone_model("model")  # type: ignore[arg-type]


def test_a_model_is_text_and_back() -> None:
    model = functional()
    again = models.model_from_json(model.to_json(), custom_objects={"Doubled": Doubled})
    again.set_weights(model.get_weights())
    x = np.ones((2, 4), "float32")
    assert np.array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))
    with pytest.raises(FileError, match="no JSON that describes a model"):
        models.model_from_json("{")


def test_a_model_is_drawn(tmp_path: Path) -> None:
    utils.plot_model(functional(), tmp_path / "model.png", show_shapes=True, show_layer_names=True)
    assert (tmp_path / "model.png").read_bytes()[:4] == b"\x89PNG"
    text = utils.model_to_dot(functional())
    assert "hidden (Dense)" in text
    assert text.count("->") == 6
    with pytest.raises(ArgumentError, match="does not end as a picture does"):
        utils.plot_model(functional(), tmp_path / "model.doc")
