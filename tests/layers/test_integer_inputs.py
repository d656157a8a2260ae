"""Integers and booleans become floats at the door of what computes, and stay what they are where they are ids."""

from __future__ import annotations

import inspect
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from caviar import config, layers, ops
from caviar.arguments import declared
from caviar.graph import Input
from caviar.layers import Dense, Embedding, Flatten, Lambda, Layer, LayerNormalization, Reshape
from caviar.models import Model, Sequential

IMAGES = np.random.RandomState(0).randint(0, 255, (2, 4, 4, 4)).astype("uint8")
# Arguments of layers for which 2 (a size) or 0.5 (a number) does not do, wherever an argument is required.
ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "Activation": ("sigmoid",), "Bidirectional": (layers.SimpleRNN(2),), "Discretization": ([10.0, 99.0],),
    "GroupNormalization": (2,), "Normalization": (-1, 1.0, 2.0), "Rescaling": (0.5, 1.0), "Threshold": (3.0, 0.0),
    "Lambda": (lambda x: x - 128,), "TimeDistributed": (Dense(2),), "Permute": ((2, 1),), "Reshape": ((-1,),),
    "EinsumDense": ("ab,bc->ac", 2), "Resizing": (3, 3),
    **{f"{kind}Pooling{n}D": (2,) for kind in ("Average", "Max") for n in (1, 2)},
}  # fmt: skip
OF_SEVERAL = ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate", "Attention", "AdditiveAttention",
              "MultiHeadAttention")  # fmt: skip
OF_IMAGES = ("CenterCrop", "Random", "Resizing")
SEQUENCES = (
    "1D",
    "LSTM",
    "GRU",
    "SimpleRNN",
    "Bidirectional",
    "TimeDistributed",
    "Permute",
    "Attention",
    "SpatialDropout1D",
)
OTHERS = {"Input", "Layer", "RNN", "StackedRNNCells", "GRUCell", "LSTMCell", "SimpleRNNCell", "Embedding", "CategoryEncoding",
          "Dot", "Hashing", "IntegerLookup", "StringLookup", "TextVectorization"}  # fmt: skip
FAMILY = [
    n
    for n in layers.__all__
    if n[0].isupper() and n == getattr(layers, n).__name__ and "3D" not in n and n not in OTHERS
]


def required(cls: Any) -> list[Any]:
    """A value for each argument that has no default."""
    names = [
        n
        for n, p in inspect.signature(cls).parameters.items()
        if p.default is p.empty and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
    ]
    return [0.5 if declared(cls)[name].is_float else 2 for name in names]


def applied(name: str, images: Any, steps: Any, vectors: Any) -> Any:
    """One member of the family on what it takes."""
    if name == "MultiHeadAttention":
        return layers.MultiHeadAttention(2, 2)(steps, steps)
    x = (
        images
        if "2D" in name or name.startswith(OF_IMAGES)
        else steps
        if any(s in name for s in SEQUENCES)
        else vectors
    )
    cls = getattr(layers, name)
    arguments = ARGUMENTS[name] if name in ARGUMENTS else required(cls)
    return cls(*arguments)([x, x] if name in OF_SEVERAL else x)


def test_every_layer_computes_of_integers_what_it_computes_of_floats() -> None:
    images = Input((4, 4, 4))
    steps, vectors = Reshape((8, 8))(images), Reshape((64,))(images)
    model = Model(images, {name: applied(name, images, steps, vectors) for name in FAMILY})
    for weight in model.variables:  # whole eighths: their sums are exact in whatever order a program adds them
        weight.assign(np.round(8 * weight.numpy()) / 8 if np.ndim(weight.numpy()) else weight.numpy())
    for x in (IMAGES, IMAGES > 127):
        found, wanted = model.predict(x, verbose=0), model.predict(x.astype("float32"), verbose=0)
        for name in FAMILY:
            np.testing.assert_array_equal(found[name], wanted[name], err_msg=name)
            assert found[name].dtype == ("int32" if name == "Discretization" else "float32"), name


def test_numbers_of_keras() -> None:
    """Keras 3.15.1 predicts these of uint8 [[0, 100, 255]]."""
    x, row = Input((3,)), np.array([[0, 100, 255]], "uint8")
    made = [LayerNormalization()(x), layers.Softmax()(x), layers.Add()([x, x]), Lambda(lambda v: v - 128)(x), x + 200]
    normal, soft, doubled, shifted, raised = Model(x, made).predict(row, verbose=0)
    np.testing.assert_allclose(normal, [[-1.1279792785644531, -0.17475739121437073, 1.302736520767212]], rtol=1e-6)
    assert soft.tolist() == [[0, 0, 1]]
    assert doubled.tolist() == [[0, 200, 510]]
    assert shifted.tolist() == [[-128, -28, 127]]
    assert raised.tolist() == [[200, 300, 455]]


@pytest.mark.parametrize("kind", ["int64", "bool", "uint8"])
def test_layers_at_the_desk_and_in_a_model_of_ones_own(kind: str) -> None:
    class Own(Model):
        def __init__(self) -> None:
            super().__init__()
            self.normal, self.soft = LayerNormalization(), layers.Softmax()

        def call(self, x: Any) -> Any:
            assert x.dtype != "float32"  # as in Keras: what a model of one's own does with integers is its own affair
            return self.soft(self.normal(x))

    x = np.array([[0, 1, 3], [5, 0, 7]]).astype(kind)
    wanted = layers.Softmax()(LayerNormalization()(x.astype("float32")))
    np.testing.assert_array_equal(layers.Softmax()(LayerNormalization()(x)), wanted)
    np.testing.assert_allclose(Own().predict(x, verbose=0), wanted, rtol=1e-6)


def test_ids_stay_integers_on_their_way_to_an_embedding() -> None:
    """Half precision cannot tell 257 from 256."""

    def parity(key: Any, shape: Any, dtype: Any) -> Any:
        return (jnp.arange(shape[0]) % 2)[:, None].astype(dtype)

    with config.precision("bfloat16"):
        x, table = Input((3,)), Embedding(300, 1, embeddings_initializer=parity)
        for model in (Model(x, table(Flatten()(x))), Sequential([Flatten(), table]), Sequential([Sequential([table])])):
            assert model.predict(np.array([[255, 256, 257]]), verbose=0).ravel().tolist() == [1, 0, 1]


def test_a_layer_of_ones_own_in_a_model_gets_floats_and_at_the_desk_what_it_is_given() -> None:
    class Kind(Layer):
        def call(self, x: Any) -> Any:
            return ops.where(x.dtype == "float32", 1.0, 0.0) + 0.0 * x

    x, row = Input((3,)), np.ones((1, 3), "uint8")
    assert Sequential([Kind()]).predict(row, verbose=0).all()
    assert Model(x, Kind()(x)).predict(row, verbose=0).all()
    assert not np.asarray(Kind()(row)).any()


def test_an_input_of_integers_makes_integers() -> None:
    """As in Keras 3.15: [[1.9, 2, 3]] fed to an int32 input is [[1, 2, 3]], and its sums are integers."""
    x = Input((3,), dtype="int32")
    found = Model(x, x + 200).predict(np.array([[1.9, 2, 3]]), verbose=0)
    assert found.tolist() == [[201, 202, 203]]
    assert found.dtype == "int32"


def test_training_on_integers_is_training_on_the_same_floats() -> None:
    x, y = IMAGES[:, :, 0, 0].repeat(4, 0), np.arange(8.0)
    losses = []
    for given in (x, x.astype("float32")):
        config.set_random_seed(1)
        model = Sequential([layers.BatchNormalization(), Dense(1)])
        model.compile("sgd", "mse")
        fitted = model.fit(given, y, batch_size=4, epochs=2, verbose=0).history["loss"]
        streamed = model.fit(iter([(given[:4], y[:4])]), verbose=0).history["loss"]
        losses.append([*fitted, *streamed, model.evaluate(given, y, verbose=0), model.train_on_batch(given, y)])
    assert losses[0] == losses[1]
