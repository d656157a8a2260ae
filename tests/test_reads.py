"""A part is walked again when something in it has changed, however that was done, and only then."""

from __future__ import annotations

import copy
import pickle
import threading
from typing import Any

import numpy as np
import pytest

import caviar
from caviar.layers import BatchNormalization, Dense, Dropout, Lambda, Layer
from caviar.parts import parts_of, take_apart
from caviar.reads import Reads, stand_in
from caviar.regularizers import L2

X = np.linspace(-1, 1, 6, dtype="float32").reshape(3, 2)


class Several(Layer):
    """What a user may keep in a layer."""

    def __init__(self, scale: float = 2.0) -> None:
        super().__init__()
        self.scale, self.factors, self.named = scale, [1.0, [3.0]], {"a": {"b": 1.0}}
        self.table, self.mode, self.inner = np.array([1.0, 1.0]), "sum", [Dense(1, kernel_initializer="ones")]

    def build(self, input_shape: Any) -> None:
        for layer in self.inner:
            layer.build(input_shape)

    def call(self, x: Any) -> Any:
        factor = self.scale * self.factors[0] * self.factors[1][0] * self.named["a"]["b"]
        y = sum(layer(x) for layer in self.inner) * factor * self.table
        return y if self.mode == "sum" else -y


def another_attribute(layer: Several) -> None:
    layer.scale = 1.0


def another_item(layer: Several) -> None:
    layer.factors[0] = 5.0


def another_item_deep_down(layer: Several) -> None:
    layer.factors[1][0] = 5.0


def an_item_in_place_of_two(layer: Several) -> None:
    layer.factors[:] = [7.0, [1.0]]


def another_entry(layer: Several) -> None:
    layer.named["a"]["b"] = 5.0


def another_dict(layer: Several) -> None:
    layer.named["a"] = {"b": 9.0}


def an_array_in_place(layer: Several) -> None:
    layer.table[1] = 5.0


def another_array(layer: Several) -> None:
    layer.table = np.array([2.0, 4.0])


def another_mode(layer: Several) -> None:
    layer.mode = "minus"


def what_no_assignment_tells(layer: Several) -> None:
    vars(layer)["scale"] = 11.0


def another_layer(layer: Several) -> None:
    made = Dense(1, kernel_initializer="ones")
    made.build((None, 2))
    layer.inner.append(made)


def other_weights(layer: Several) -> None:
    layer.inner[0].kernel.assign([[2.0], [3.0]])


CHANGES = [
    another_attribute, another_item, another_item_deep_down, an_item_in_place_of_two, another_entry, another_dict,
    an_array_in_place, another_array, another_mode, what_no_assignment_tells, another_layer, other_weights,
]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_what_is_changed_between_calls_counts(change: Any) -> None:
    layer, fresh = Several(), Several()
    before = np.asarray(layer(X))
    walked = take_apart(layer)
    change(layer)
    fresh.build((None, 2))
    change(fresh)  # and nobody had looked at this one
    assert np.asarray(layer(X)).tolist() == np.asarray(fresh(X)).tolist()
    assert np.asarray(layer(X)).tolist() != before.tolist()
    assert (take_apart(layer) is walked) == (
        change in (an_array_in_place, other_weights)
    )  # values are arguments anyway


def test_nothing_is_walked_twice_as_it_is() -> None:
    model = caviar.Sequential([Dense(2, kernel_regularizer=L2(0.1)), BatchNormalization(), Dropout(0.5)])
    model.compile("adam", "mse")
    model.fit(X, X, epochs=1, verbose=0)
    walked = take_apart(model)
    model.predict(X, verbose=0), model.evaluate(X, X, verbose=0), model.train_on_batch(X, X), model(X)
    model.set_weights(model.get_weights())
    assert take_apart(model) is walked
    assert parts_of(model, Dense) == [model.layers[0]]


def test_names_freezing_and_what_compile_was_given_are_noticed() -> None:
    model = caviar.Sequential([Dense(2, input_dim=2), Dense(2)])
    model.compile(caviar.optimizers.SGD(0.0625), "mse", metrics=(asked := ["mae"]))
    assert set(model.evaluate(X, X, verbose=0, return_dict=True)) == {"loss", "mae"}
    asked.append("mse")
    assert set(model.evaluate(X, X, verbose=0, return_dict=True)) == {"loss", "mae", "mse"}
    model.layers[0].trainable = False
    kernels = [np.asarray(layer.kernel) for layer in model.layers]
    model.train_on_batch(X, X)
    assert [np.array_equal(k, layer.kernel) for k, layer in zip(kernels, model.layers, strict=True)] == [True, False]
    model.optimizer.learning_rate = 1e-30
    kernels = [np.asarray(layer.kernel) for layer in model.layers]
    model.train_on_batch(X, X)
    assert [np.array_equal(k, layer.kernel) for k, layer in zip(kernels, model.layers, strict=True)] == [True, True]
    regular = Dense(1, name="first", kernel_regularizer=L2(0.5))
    assert take_apart(regular).names == ["first.kernel_regularizer.l2"]
    regular.name = "second"
    assert take_apart(regular).names == ["second.kernel_regularizer.l2"]


def test_a_rate_set_to_zero_and_back_a_policy_and_a_closure_count() -> None:
    dropout = Dropout(0.5)
    assert not np.array_equal(dropout(X + 2, training=True), X + 2)
    dropout.rate = 0.0
    assert np.array_equal(dropout(X + 2, training=True), X + 2)
    factor = 2.0
    scale = Lambda(lambda x: x * factor)
    assert np.array_equal(scale(X), X * 2)
    factor = 3.0  # the closure's cell holds another number by now
    assert np.array_equal(scale(X), X * 3)
    dense = Dense(64, kernel_initializer="ones")
    x = np.full((1, 2), 1.001, "float32")
    single = float(np.asarray(dense(x))[0, 0])
    with caviar.config.precision("mixed_bfloat16"):
        assert abs(float(np.asarray(dense(x))[0, 0]) - single) > 1e-4
    assert float(np.asarray(dense(x))[0, 0]) == single


def test_layers_added_and_taken_away_count() -> None:
    model = caviar.Sequential([Dense(2, input_dim=2)])
    assert model.predict(X, verbose=0).shape == (3, 2)
    model.add(Dense(5))
    assert model.predict(X, verbose=0).shape == (3, 5)
    assert len(model.weights) == 4
    model.pop()
    assert model.predict(X, verbose=0).shape == (3, 2)
    model.sequence.append(Dense(7))
    assert model.predict(X, verbose=0).shape == (3, 7)


def test_copies_are_walked_for_themselves() -> None:
    layer = Several()
    layer(X)
    for made in (copy.copy(layer), copy.deepcopy(layer)):
        made.scale = 1.0
        assert np.allclose(np.asarray(made(X)) * 2, layer(X))
        assert take_apart(made).numbers[0] == 1.0
        assert take_apart(layer).numbers[0] == 2.0
    take_apart(penalty := L2(0.5))
    assert repr(pickle.loads(pickle.dumps(penalty))) == "L2(0.5)"


def test_threads_ask_one_model_while_another_changes() -> None:
    asked, changed = (caviar.Sequential([Dense(3, input_dim=2), Dense(1)]) for _ in range(2))
    wanted, wrong = asked.predict(X, verbose=0), []

    def ask() -> None:
        wrong.extend(i for i in range(20) if not np.array_equal(asked.predict(X, verbose=0), wanted))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for i in range(10):
        vars(changed.layers[0])["note"] = i
        changed.predict(X, verbose=0)
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_key_in_place_of_another_is_noticed() -> None:
    reads, held = Reads(), {"a": 1, "b": 2}
    reads.entries(held, held)
    held["c"] = held.pop("b")
    assert not reads.hold()
    reads, empty = Reads(), {}
    reads.entries(empty, empty)
    assert reads.hold()
    empty["a"] = 1
    assert not reads.hold()


def test_functions_without_a_name_are_equal_if_they_are_written_alike():
    one, other, another = (eval(f"lambda x: x + {n}") for n in (1, 1, 2))
    assert stand_in(one) == stand_in(other) != stand_in(another)
    assert stand_in(len) is len
