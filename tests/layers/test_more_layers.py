"""Layers that prepare images and text, and a dense one over any axes: Keras 3.15.1 gives these values (`data/layers_more.json`)."""

from __future__ import annotations

import json
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from conftest import DATA

import caviar
from caviar import layers
from caviar.errors import ArgumentError, DataError, NotBuiltError

RECORDED = json.loads((DATA / "layers_more.json").read_text())


def array(recorded: Any) -> np.ndarray:
    return np.array(recorded["values"], "float32").reshape(recorded["shape"])


IMAGES = array(RECORDED["images"])


@pytest.mark.parametrize(("layer", "training", "expected"), RECORDED["cases"], ids=lambda v: str(v)[:60])
def test_images_are_changed_as_keras_changes_them(layer: str, training: bool, expected: Any) -> None:
    made = eval(layer, vars(layers) | {name: getattr(layers, name) for name in layers.__all__})
    np.testing.assert_allclose(made(IMAGES, training=training), array(expected), rtol=2e-5, atol=2e-3)


def test_every_image_is_changed_otherwise() -> None:
    images = np.tile(IMAGES[:1], (40, 1, 1, 1))
    changed = layers.RandomFlip("horizontal")(images, training=True)
    mirrored = [bool((image == image_[:, ::-1]).all()) for image, image_ in zip(changed, images, strict=True)]
    kept = [bool((image == image_).all()) for image, image_ in zip(changed, images, strict=True)]
    assert all(m or k for m, k in zip(mirrored, kept, strict=True))
    assert 5 < sum(mirrored) < 35
    bright = layers.RandomBrightness(0.2)(np.full((50, 1, 1, 3), 100.0), training=True)[:, 0, 0, 0] - 100
    assert np.abs(bright).max() <= 51
    assert len(set(bright.tolist())) > 40


def test_a_part_of_images() -> None:
    images = jnp.arange(30.0).reshape(1, 5, 6, 1)
    cut = layers.RandomCrop(2, 3)(images, training=True)[0, ..., 0]
    assert (np.diff(cut, axis=1) == 1).all()
    assert (np.diff(cut, axis=0) == 6).all()


def test_channels_may_come_first() -> None:
    first = np.moveaxis(IMAGES, -1, 1)
    for make in (
        layers.RandomFlip,
        lambda **kw: layers.RandomRotation((0.1, 0.1), **kw),
        lambda **kw: layers.Resizing(3, 4, **kw),
    ):
        made = make(data_format="channels_first")(first)
        np.testing.assert_allclose(made, np.moveaxis(make()(IMAGES), -1, 1), rtol=1e-5)


@pytest.mark.slow
def test_a_model_that_changes_its_images_learns_and_is_saved(tmp_path: Any) -> None:
    model = caviar.Sequential([layers.RandomFlip(), layers.RandomRotation(0.1), layers.Flatten(), layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(IMAGES / 255, np.ones((2, 1)), epochs=1, verbose=0)
    model.save(tmp_path / "model.caviar")
    loaded = caviar.load_model(tmp_path / "model.caviar")
    assert np.array_equal(loaded.predict(IMAGES, verbose=0), model.predict(IMAGES, verbose=0))
    assert loaded.layers[1].factor == 0.1


def test_ends_in_the_wrong_order_are_told() -> None:
    with pytest.raises(ArgumentError, match=r"factor of RandomRotation is a number or \(low, high\)"):
        layers.RandomRotation((0.2, -0.2))


@pytest.mark.parametrize(("options", "data", "texts", "words", "expected"), RECORDED["text"], ids=lambda v: str(v)[:40])
def test_texts_are_written_as_keras_writes_them(options: Any, data: Any, texts: Any, words: Any, expected: Any) -> None:
    layer = layers.TextVectorization(**options)
    if data:
        layer.adapt(data)
    assert layer.get_vocabulary() == words
    np.testing.assert_allclose(layer(texts), expected, rtol=1e-6)
    again = layers.TextVectorization.from_config(layer.get_config())
    np.testing.assert_allclose(again(texts), expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "options", "data", "given", "words", "expected"), RECORDED["lookup"], ids=lambda v: str(v)[:40]
)
def test_tokens_are_looked_up_as_in_keras(
    name: str, options: Any, data: Any, given: Any, words: Any, expected: Any
) -> None:
    layer = getattr(layers, name)(**options)
    if data:
        layer.adapt(np.array(data))
    assert layer.get_vocabulary() == words
    assert layer(np.array(given)).tolist() == expected


def test_places_are_words_again() -> None:
    words = layers.StringLookup(vocabulary=["a", "b"], invert=True)
    assert words(layers.StringLookup(vocabulary=["a", "b"])([["b", "z"], ["a", "b"]])).tolist() == [
        ["b", "[UNK]"],
        ["a", "b"],
    ]


def test_what_cannot_be_looked_up_is_told() -> None:
    with pytest.raises(NotBuiltError, match="knows no vocabulary yet"):
        layers.StringLookup()(["a"])
    with pytest.raises(DataError, match="holds 'a' twice"):
        layers.StringLookup(vocabulary=["a", "b", "a"])
    with pytest.raises(DataError, match="has no place for what is unknown"):
        layers.StringLookup(vocabulary=["a"], num_oov_indices=0)(["z"])
    with pytest.raises(ArgumentError, match="looks up on the host"):
        layers.StringLookup(vocabulary=["a"])(caviar.Input((1,)))


@pytest.mark.parametrize(("options", "shapes", "expected"), RECORDED["einsum"], ids=lambda v: str(v)[:40])
def test_a_dense_layer_over_any_axes_is_keras(options: Any, shapes: Any, expected: Any) -> None:
    x = array(RECORDED["x"])
    layer = layers.EinsumDense(**options)
    layer.build(x.shape)
    assert [list(w.shape) for w in layer.weights] == shapes
    layer.set_weights([(np.arange(np.prod(s)).reshape(s) % 7 - 3.0) / 4 for s in shapes])
    np.testing.assert_allclose(layer(x), array(expected), rtol=1e-5)
