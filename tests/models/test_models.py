"""Models made from nodes, one after another, or subclassed: what they compute, and what they can be asked."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import fact

from caviar import config, ops
from caviar.graph import Input
from caviar.layers import BatchNormalization, Conv2D, Dense, Dropout, Flatten, Layer, MaxPooling2D
from caviar.models import Model, Sequential

X = np.random.default_rng(0).normal(size=(12, 3)).astype("float32")


def mlp() -> Sequential:
    return Sequential([Dense(4, activation="relu", input_dim=3), Dense(2)])


def test_a_sequence_is_its_layers_one_after_another() -> None:
    model = mlp()
    by_hand = X
    for layer in model.layers:
        by_hand = layer(by_hand)
    np.testing.assert_allclose(model.predict(X, verbose=0), by_hand, rtol=1e-6)
    np.testing.assert_allclose(model(X), by_hand, rtol=1e-6)


def test_layers_are_added_and_popped() -> None:
    model = Sequential([Input((3,))])
    model.add(Dense(4))
    assert [w.shape for w in model.get_weights()] == [(3, 4), (4,)]
    model.add(Dense(2))
    assert model.predict(X, verbose=0).shape == (12, 2)
    assert model.pop().units == 2
    assert model.predict(X, verbose=0).shape == (12, 4)


def test_shapes_are_inferred_at_the_first_data() -> None:
    model = Sequential([Dense(4), Dense(2)])
    assert model.variables == []
    assert model.predict(X, verbose=0).shape == (12, 2)
    assert model.count_params() == 4 * 4 + 5 * 2


@pytest.mark.parametrize("name", ["vanish.figure_params", "es.listing_params"])
def test_the_notes_parameter_counts(name: str) -> None:
    case = fact(name)
    first, *rest = case["inputs"]["sizes"]
    model = Sequential([Dense(n) for n in rest])
    model.build((None, first))
    expected = case["expected"]
    assert model.count_params() == expected.get("total", expected.get("weights", 0) + expected.get("biases", 0))


def test_the_notes_dropout_network_has_669706_parameters() -> None:
    case = fact("dropout.mnist_net")
    model = Sequential([Dense(512, input_shape=(784,)), Dropout(0.2), Dense(512), Dropout(0.2), Dense(10)])
    assert [layer.count_params() for layer in model.layers if layer.count_params()] == case["expected"]["params"]
    assert model.count_params() == case["expected"]["total"]


def test_the_notes_convolutional_network(capsys: pytest.CaptureFixture[str]) -> None:
    case = fact("cnn.listing_shapes")
    model = Sequential(
        [
            Conv2D(32, (3, 3), activation="relu", input_shape=(64, 64, 3)),
            BatchNormalization(),
            MaxPooling2D((2, 2)),
            Conv2D(64, (3, 3), activation="relu"),
            BatchNormalization(),
            MaxPooling2D((2, 2)),
            Flatten(),
            Dense(128, activation="relu"),
            BatchNormalization(),
            Dense(10, activation="softmax"),
        ]
    )
    expected = case["expected"]
    model.summary(line_length=100)
    table = capsys.readouterr().out
    for shape in expected["shapes"]:
        assert f"(None, {', '.join(map(str, shape))})" in table
    assert [layer.count_params() for layer in model.layers if layer.count_params()] == expected["params"]
    assert f"{expected['total']:,}" in table
    assert sum(int(np.prod(v.shape)) for v in model.non_trainable_variables) == expected["non_trainable"]


# -- models made from nodes -------------------------------------------------------------------------------------


def test_skip_connections_and_operations() -> None:
    x = Input((3,))
    hidden = Dense(3, activation="tanh", name="hidden")(x)
    model = Model(x, ops.maximum(hidden + x, 0.5) * 2)
    expected = np.maximum(np.asarray(model.get_layer("hidden")(X)) + X, 0.5) * 2
    np.testing.assert_allclose(model.predict(X, verbose=0), expected, rtol=1e-5)


def test_several_inputs_and_outputs_in_lists_and_dicts() -> None:
    a, b = Input((3,), name="a"), Input((2,), name="b")
    both = ops.concatenate([a, b], axis=-1)
    model = Model([a, b], {"sum": ops.sum(both, axis=-1, keepdims=True), "twice": Dense(1, name="twice")(both)})
    by_list = model.predict([X, X[:, :2]], verbose=0)
    by_name = model.predict({"b": X[:, :2], "a": X}, verbose=0)
    assert set(by_list) == {"sum", "twice"}
    np.testing.assert_array_equal(by_list["sum"], by_name["sum"])
    np.testing.assert_allclose(by_list["sum"][:, 0], X.sum(1) + X[:, :2].sum(1), rtol=1e-5)


def test_losses_and_metrics_of_several_outputs() -> None:
    x = Input((3,))
    model = Model(x, [Dense(1, name="price")(x), Dense(3, activation="softmax", name="kind")(x)])
    model.compile(
        "adam",
        loss={"price": "mse", "kind": "sparse_categorical_crossentropy"},
        loss_weights={"price": 2.0, "kind": 0.5},
        metrics={"kind": ["accuracy"], "price": ["mae"]},
    )
    y = {"price": X[:, :1], "kind": np.arange(12) % 3}
    logs = model.evaluate(X, y, return_dict=True, verbose=0)
    assert set(logs) == {"loss", "price_loss", "kind_loss", "price_mae", "kind_accuracy"}
    assert logs["loss"] == pytest.approx(2 * logs["price_loss"] + 0.5 * logs["kind_loss"], rel=1e-5)
    assert set(model.fit(X, [y["price"], y["kind"]], verbose=0).history) == set(logs)


def test_a_shared_layer_has_one_set_of_weights() -> None:
    a, b, shared = Input((3,)), Input((3,)), Dense(2)
    model = Model([a, b], shared(a) + shared(b))
    assert model.count_params() == 8
    model.compile("sgd", "mse")
    model.fit([X, X], np.zeros((12, 2)), verbose=0)
    np.testing.assert_allclose(model.predict([X, X], verbose=0), 2 * np.asarray(shared(X)), rtol=1e-5)


def test_models_nest() -> None:
    inner = mlp()
    x = Input((3,))
    outer = Model(x, Dense(1)(inner(x)))
    assert outer.count_params() == inner.count_params() + 3
    outer.compile("sgd", "mse")
    before = inner.get_weights()[0].copy()
    outer.fit(X, X[:, :1], verbose=0)
    assert (inner.get_weights()[0] != before).any()


def test_a_frozen_model_does_not_learn() -> None:
    inner = mlp()
    inner.trainable = False
    model = Sequential([inner, Dense(1)])
    model.compile("sgd", "mse")
    before = [w.copy() for w in inner.get_weights()]
    model.fit(X, X[:, :1], verbose=0)
    assert all((a == b).all() for a, b in zip(before, inner.get_weights(), strict=True))
    assert len(model.trainable_variables) == 2


# -- subclassed -------------------------------------------------------------------------------------------------


class Residual(Layer):
    def __init__(self, units: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.inner = [Dense(units, activation="relu"), Dense(units)]

    def build(self, input_shape: Any) -> None:
        self.add_weight("scale", (input_shape[-1],), "ones")
        self.add_weight("calls", (), "zeros", trainable=False)

    def call(self, x: Any, training: bool = False) -> Any:
        y = x
        for layer in self.inner:
            y = layer(y)
        if training:
            self.calls = self.calls + 1
        return x + self.scale * y


class Custom(Model):
    def __init__(self, units: int = 3):
        super().__init__()
        self.block, self.head = Residual(units), Dense(1)

    def call(self, x: Any) -> Any:
        return self.head(jnp.tanh(self.block(x)))


def test_subclassed_models_train_and_keep_their_state() -> None:
    model = Custom()
    model.compile("adam", "mse")
    losses = model.fit(X, X[:, :1], batch_size=4, epochs=20, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    assert model.block.calls.numpy() == 60
    assert [v.path.split("/")[-1] for v in model.block.variables] == [
        "kernel",
        "bias",
        "kernel",
        "bias",
        "scale",
        "calls",
    ]


def test_a_layer_works_alone_and_under_transformations() -> None:
    layer = Residual(3)
    y = layer(X)
    np.testing.assert_allclose(jax.jit(layer)(X), y, rtol=1e-6)
    gradient = jax.grad(lambda x: layer(x).sum())(jnp.asarray(X))
    assert gradient.shape == X.shape
    assert jnp.isfinite(gradient).all()


def test_a_layer_first_used_inside_somebodys_jit_has_real_weights() -> None:
    layer = Dense(2)
    y = jax.jit(layer)(X)
    np.testing.assert_allclose(y, X @ layer.get_weights()[0], rtol=1e-5)


def test_the_seed_decides_the_weights() -> None:
    config.set_random_seed(5)
    one = mlp()
    config.set_random_seed(5)
    two = mlp()
    assert (two.get_weights()[0] == one.get_weights()[0]).all()  # whoever looks first
    assert (mlp().get_weights()[0] != one.get_weights()[0]).any()


def test_float64_throughout(float64: None) -> None:
    model = mlp()
    model.compile("adam", "mse")
    model.fit(X.astype("float64"), X[:, :2], verbose=0)
    assert {v.dtype for v in model.variables} == {"float64"}
    assert model.predict(X.astype("float64"), verbose=0).dtype == np.float64


def test_repr_reads_like_code() -> None:
    model = Sequential([Dense(4, activation="relu"), Dropout(0.2)])
    assert repr(model) == "Sequential([Dense(4, activation='relu'), Dropout(0.2)])"


def test_layers_are_found_by_name_and_place() -> None:
    model = Sequential([Dense(4, name="first"), Dense(2, name="second")])
    assert model.get_layer("second") is model.get_layer(index=1)
    assert model.output_names == ["second"]
