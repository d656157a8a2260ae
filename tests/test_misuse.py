"""Calls that make no sense in places where an error would come late, be another library's, or not come at all."""

from __future__ import annotations

import numpy as np
import pytest

import caviar
from caviar import initializers, layers, losses, metrics
from caviar import random as draws
from caviar.constraints import MinMaxNorm
from caviar.dialects import tensorflow as tf
from caviar.errors import ArgumentError, BoundsError, CaviarError, DataError
from caviar.optimizers.schedules import PiecewiseConstantDecay

X, Y = np.linspace(-1, 1, 32, dtype="float32").reshape(8, 4), np.array([0.0, 1.0] * 4)


def node(size: int = 4):
    return caviar.Input((size,))


class AsksForNumpy(layers.Layer):
    def call(self, inputs):
        return inputs.numpy()


def named_alike() -> None:
    first, second = caviar.Input((4,), name="a"), caviar.Input((4,), name="a")
    caviar.Model([first, second], layers.Add()([first, second]))


def weighed(weights: dict[int, float]) -> None:
    model = caviar.Sequential([layers.Dense(1, activation="sigmoid")])
    model.compile("sgd", "binary_crossentropy")
    model.fit(X, Y, class_weight=weights, verbose=0)


def searched(weights: dict[int, float]) -> None:
    model = caviar.Sequential([layers.Dense(1, activation="sigmoid")])
    model.compile(caviar.optimizers.SGD(caviar.LogUniform(1e-3, 1e-1)), "binary_crossentropy")
    caviar.search(model, X, Y, trials=2, epochs=1, class_weight=weights, verbose=0)


CALLS = {
    "an index beyond an axis": (lambda: node()[:, 4], BoundsError, "index 4 is out of bounds for axis 1"),
    "after an ellipsis": (lambda: node()[..., -5], BoundsError, "index -5 is out of bounds for axis 1"),
    "in a session": (lambda: tf.constant([1.0, 2.0])[5], BoundsError, "index 5 is out of bounds for axis 0"),
    "a node and a text": (lambda: node() + "a", ArgumentError, "add of .*'a' makes no sense here"),
    "matrices that do not fit": (lambda: node() @ np.ones((3, 3)), ArgumentError, "matmul of .* makes no sense here"),
    "a node as a number": (lambda: float(node()), ArgumentError, "has no value yet"),
    "a layer without its second input": (
        lambda: layers.MultiHeadAttention(2, 3)(caviar.Input((4, 3))), ArgumentError, "called with query, value, and was given 1",
    ),
    "a model called with nothing": (
        lambda: caviar.Sequential([layers.Dense(1)])(), ArgumentError, "called with inputs, and was given nothing",
    ),
    "a tensor of another library": (lambda: AsksForNumpy()(node()), ArgumentError, "use caviar.ops or jax.numpy"),
    "a model without inputs": (lambda: caviar.Model(None, layers.Dense(2)(node())), ArgumentError, "takes nodes"),
    "a text among outputs": (lambda: caviar.Model(x := node(), [layers.Dense(2)(x), "a"]), ArgumentError, "takes nodes"),
    "inputs of one name": (named_alike, ArgumentError, "two inputs of a model have the name 'a'"),
    "a class that is none": (
        lambda: losses.SparseCategoricalCrossentropy()([5], [[0.5, 0.5]]), DataError, "must be integers 0..1: row 0 holds 5",
    ),
    "labels that are no probabilities": (lambda: losses.BinaryCrossentropy()([2.0], [0.5]), DataError, "lie between 0 and 1"),
    "a class beside the matrix": (lambda: metrics.MeanIoU(2)([0, 5], [0, 1]), DataError, "class 5, and the classes are 0..1"),
    "a class below it": (lambda: metrics.ConfusionMatrix(2)([0, -1], [0, 1]), DataError, "class -1"),
    "class weights of zero": (lambda: weighed({0: 0.0, 1: 0.0}), ArgumentError, "every class in y with 0"),
    "class weights in a search": (lambda: searched({5: 1.0}), ArgumentError, "class 5, and there is none"),
    "a negative seed": (lambda: caviar.utils.set_random_seed(-1), ArgumentError, "from 0 on"),
    "ends in the wrong order": (lambda: draws.uniform((3,), 2, 1), ArgumentError, "minval up to maxval"),
    "integers between equal ends": (lambda: draws.randint((3,), 5, 5), ArgumentError, "minval up to maxval"),
    "lengths between 2 and 1": (lambda: MinMaxNorm(2.0, 1.0), ArgumentError, "between min_value and max_value"),
    "boundaries out of order": (lambda: PiecewiseConstantDecay([5, 2], [0.3, 0.2, 0.1]), ArgumentError, "must rise"),
    "as many values as boundaries": (lambda: PiecewiseConstantDecay([1], [0.1]), ArgumentError, "one value more"),
    "an axis that is not there": (lambda: caviar.utils.normalize(X, axis=9), ArgumentError, "axis of normalize is 9"),
    "a shape that is none": (lambda: initializers.Zeros()("abc"), ArgumentError, "a shape such as"),
}  # fmt: skip


@pytest.mark.parametrize("call", CALLS)
def test_it_is_told_where_it_is_given(call):
    wrong, kind, words = CALLS[call]
    with pytest.raises(CaviarError, match=words) as told:
        wrong()
    assert isinstance(told.value, kind)


def test_places_that_an_axis_has_are_taken():
    x, values = node(), np.arange(8.0).reshape(2, 4)
    taken = [x[:, 3], x[..., -4], x[:, None, 0], x[7:, 1:2], x[np.array([0])]]
    shapes = [(None,), (None,), (None, 1), (None, 1), (1, 4)]
    assert [t.shape for t in taken] == shapes
    assert np.array_equal(caviar.Model(x, taken[1])(values), values[..., -4])


def test_numpy_leaves_operators_to_nodes():
    x = node()
    both = caviar.Model(x, [np.ones(4) * x, layers.Flatten()(x) - np.float64(1)])
    assert [np.asarray(o).tolist() for o in both(np.ones((1, 4)))] == [[[1.0] * 4], [[0.0] * 4]]
    with pytest.raises(TypeError, match="does not support ufuncs"):
        np.sin(layers.Dense(1)(x))


def test_losses_and_metrics_are_given_as_classes():
    model = caviar.Sequential([layers.Dense(1)])
    model.compile("sgd", losses.MeanSquaredError, metrics=[metrics.MeanAbsoluteError])
    assert list(model.fit(X, Y, verbose=0).history) == ["loss", "mean_absolute_error"]


def test_initializers_are_called_as_in_keras():
    assert initializers.Identity()((2, 2)).tolist() == [[1.0, 0.0], [0.0, 1.0]]
    assert initializers.Ones()(shape=(2,), dtype="int32").dtype == initializers.Ones()([2], "int32").dtype == "int32"
    drawn = initializers.GlorotUniform(seed=1)
    assert np.array_equal(drawn((2, 3)), drawn(None, (2, 3), "float32"))
