"""Whatever a stranger gives is refused in caviar's own words: no error of JAX, NumPy or Python's insides, and no nonsense."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import caviar
from caviar import activations, layers, losses, metrics, ops, regularizers
from caviar.callbacks import CallbackList, CSVLogger, LearningRateScheduler, ModelCheckpoint, TensorBoard
from caviar.errors import ArgumentError, CaviarError, DataError, ShapeError
from caviar.graph import Input, Variable
from caviar.insight import plot_history
from caviar.layers import Dense, Layer
from caviar.models import Sequential
from caviar.optimizers import SGD
from caviar.optimizers.schedules import CosineDecay
from caviar.studies import plot_grid_versus_random
from caviar.utils import to_categorical

X = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")
Y = X[:, :1]


class Silent(Layer):
    """Its author forgot to say `return`."""

    def call(self, x: Any) -> None:
        x + 1


class OfTwo(metrics.Metric):
    """Its result is a dict, as in Keras."""

    def __init__(self) -> None:
        super().__init__(name="two")
        self.seen = self.add_variable((), "zeros")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        self.seen.assign(self.seen.value + 1)

    def result(self) -> Any:
        return {"seen": self.seen}


def fitted(loss: Any = "mse", **compiled: Any) -> Any:
    model = Sequential([Dense(1)])
    model.compile(**{"optimizer": "sgd", **compiled}, loss=loss)
    return model.fit(X, Y, verbose=0)


def saved_as(path: str) -> None:
    ModelCheckpoint(path).check(["loss"])


@pytest.fixture(scope="module")
def model() -> Sequential:
    made = Sequential([Dense(1, input_dim=3, name="only")])
    made.compile("sgd", "mse")
    return made


class WithWeights(Layer):
    def __init__(self, shape: Any):
        super().__init__()
        self.shape = shape

    def build(self, input_shape: Any) -> None:
        self.w = self.add_weight(shape=self.shape)

    def call(self, x: Any) -> Any:
        return x


class WithLateWeights(Layer):
    def call(self, x: Any) -> Any:
        return x + self.add_weight(shape=(3,), name="late")


class CallsItself(Layer):
    def call(self, x: Any) -> Any:
        return self(x)


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "text for a layer": (lambda: Dense(2)("abc"), "the input of layer .* holds text such as 'abc'"),
    "objects for a layer": (lambda: layers.ReLU()(np.array([["a", 1]], object)), "holds text such as 'a'"),
    "dates for a layer": (lambda: Dense(2)(np.full((2, 3), np.datetime64("2020-01-01"))), "holds"),
    "ids of 64 bits": (lambda: Dense(2)(np.full((2, 3), 2**40)), "must fit in 32 bits"),
    "a dict for one input": (lambda: Dense(2)({"a": X}), "the input of layer .*, a dict of 'a', makes no sense"),
    "nothing for an LSTM": (lambda: layers.LSTM(2)(None), "the input of layer 'lstm.*', None, makes no sense"),
    "a list for an LSTM": (lambda: layers.LSTM(2)([X, X]), r"a list of \(4, 3\), \(4, 3\), makes no sense"),
    "nothing to add": (lambda: layers.Add()([]), "makes no sense here"),
    "a number to flatten": (lambda: layers.Flatten()(3.0), "makes no sense here"),
    "built for nothing": (lambda: Dense(2).build(None), r"a shape such as \(None, 3\), batch first, and was given None"),
    "built for a number": (lambda: layers.Conv2D(2, 3).build(5), "was given 5"),
    "built for a size below 0": (lambda: Dense(2).build((2, -1)), r"was given \(2, -1\)"),
    "a model built for a number": (lambda: Sequential([Dense(1)]).build(5), "was given 5"),
    "text for a loss": (lambda: losses.MeanSquaredError()("a", "b"), "y_pred holds text"),
    "nothing for a loss": (lambda: losses.MeanSquaredError()(None, None), "y_pred is None"),
    "text as weights": (lambda: losses.MeanSquaredError()([[1.0]], [[1.0]], sample_weight="a"), "sample_weight holds text"),
    "text for a metric": (lambda: metrics.AUC()("a", "b"), "y_pred holds text"),
    "nothing for an operation": (lambda: ops.exp(None), "exp of None makes no sense here"),
    "shapes that do not match": (lambda: ops.matmul(X, X), r"matmul of \(4, 3\), \(4, 3\) makes no sense here"),
    "nodes that do not match": (lambda: ops.add(Input((3,)), Input((4,))), r"add of \(None, 3\), \(None, 4\)"),
    "a node as a new shape": (lambda: ops.reshape(Input((3,)), Input((4,))), "reshape takes a shape of whole numbers, and not a"),
    "a node as a diagonal": (lambda: ops.diagflat(Input((3,)), Input((4,))), "diagflat takes a number as k, and not a node"),
    "the type of nothing": (lambda: ops.dtype(None), "dtype of None makes no sense here"),
    "an open brace": (lambda: saved_as("{"), "the filepath .* of ModelCheckpoint makes no sense here"),
    "a form that is none": (lambda: saved_as("{epoch:zz}"), "the filepath .* of ModelCheckpoint makes no sense here"),
    "no separator": (lambda: CSVLogger("a.csv", ""), "separator of CSVLogger is one character, and is ''"),
    "a node as a shape": (lambda: ops.ones(Input((3,))), "ones takes a shape of whole numbers, and not a node"),
    "a range as a shape": (lambda: Input(caviar.Choice(3, 4)), "the shape of an input or a variable is fixed"),
    "a class as a loss": (lambda: fitted(int), "unknown loss"),
    "a class as a metric": (lambda: fitted(metrics=[int]), "a metric is a name"),
    "a loss that gives nothing": (lambda: fitted(lambda y, p: None), "what loss 'lambda' gives is None"),
    "a metric that gives nothing": (lambda: fitted(metrics=[lambda y, p: None]), "what metric 'lambda' gives is None"),
    "a loss that gives text": (lambda: fitted(lambda y, p: "a"), "what loss 'lambda' gives holds text"),
    "a metric that gives a dict": (lambda: fitted(metrics=[OfTwo()]), r"result\(\) of metric 'two' holds dict values"),
    "no optimizer": (lambda: fitted(optimizer=None), "nothing to train with"),
    "text as a flag": (lambda: fitted(run_eagerly="a"), "run_eagerly of compile must be True or False"),
    "half a step": (lambda: fitted(steps_per_execution=0.5), "steps_per_execution of compile"),
    "complex labels": (lambda: to_categorical([1j]), "these are complex"),
    "negative labels": (lambda: to_categorical([0, -1]), "the numbers of classes, from 0 to 0, and one of them is -1"),
    "fractions as labels": (lambda: to_categorical([0.5, 1]), "one of them is 0.5"),
    "labels that are no number": (lambda: to_categorical([np.nan, 1]), "one of them is nan"),
    "labels beyond the classes": (lambda: to_categorical([3], 3), "from 0 to 2, and one of them is 3"),
    "less than no classes": (lambda: to_categorical([0, 1], -1), "num_classes of to_categorical"),
    "adapting to a number": (lambda: layers.Normalization().adapt(3.0), "adapt takes rows of real numbers"),
    "adapting to text": (lambda: layers.Normalization().adapt(np.array([["a"]])), "the data to adapt to holds text"),
    "adapting to gaps": (lambda: layers.Normalization().adapt(np.ma.masked_less(X, 0)), "is masked in"),
    "no dict as arguments": (lambda: Dense.from_config(3), "from_config takes what get_config gives"),
    "text as a step": (lambda: CosineDecay(0.1, 5)("a"), "the step or rate 'a' of a schedule"),
    "a loss of numbers without rows": (lambda: losses.categorical_crossentropy(1.0, 2.0), "categorical_crossentropy of"),
    "nothing for an activation": (lambda: activations.softmax(None), "softmax must be an array, and is None"),
    "a list for an activation": (lambda: activations.relu([1.0]), "x of relu must be an array"),
    "what cannot be halved": (lambda: activations.glu(X), r"glu of \(4, 3\) makes no sense here"),
    "text for a regularizer": (lambda: regularizers.L1L2(0.1)("abc"), "__call__ must be an array, and is 'abc'"),
    "nothing for a regularizer": (lambda: regularizers.OrthogonalRegularizer()(None), "must be an array, and is None"),
    "a layer of no number": (lambda: Sequential([layers.Lambda(lambda x: 5), Dense(1)]).predict(X, verbose=0), "gives 5, which is"),
    "a layer of an empty dict": (lambda: Sequential([layers.Lambda(lambda x: {}), Dense(1)]).predict(X, verbose=0), "gives nothing"),
    "shapes for one layer": (lambda: layers.TimeDistributed(Dense(2)).build([(2, 3), (2, 4)]), "makes no sense here"),
    "an array to freeze": (lambda: setattr(Dense(1), "trainable", np.ones(3)), "trainable of layer .* is True or False"),
    "an array as a float type": (lambda: caviar.config.set_floatx(np.ones(3)), "unknown float type"),  # type: ignore[arg-type]
    "an array as a policy": (lambda: caviar.config.set_dtype_policy(np.ones(3)), "unknown dtype policy"),  # type: ignore[arg-type]
    "rows of a variable": (lambda: Variable([[1], [1, 2]]), "makes no sense here"),
    "a key as a value": (lambda: Variable(jax.random.key(0)), "was given a random key"),
    "nothing to assign": (lambda: Variable(0.0).assign(None), "holds None, which is no number"),
    "gaps to assign": (lambda: Variable([0.0, 1.0]).assign(np.array([None, 1.0])), "holds None, which is no number"),
    "a schedule beyond floats": (lambda: fitted(optimizer=SGD(lambda step: 10**39)), "learning_rate of SGD must be .* it gives 1000"),
    "a side of text": (lambda: plot_grid_versus_random("a"), "side of plot_grid_versus_random must be"),  # type: ignore[arg-type]
    "no history": (lambda: plot_history(5), "draws what fit returns"),
    "no callbacks": (lambda: CallbackList(5), "callbacks wants"),  # type: ignore[arg-type]
}  # fmt: skip


@pytest.mark.parametrize(("give", "says"), REFUSED.values(), ids=REFUSED)
def test_nonsense_is_refused_in_our_words(give: Callable[[], Any], says: str) -> None:
    with pytest.raises(CaviarError, match=says):
        give()


OF_A_MODEL: dict[str, tuple[Callable[[Any], Any], str]] = {
    "a flag that is text": (lambda m: m.train_on_batch(X, Y, return_dict="a"), "return_dict of train_on_batch"),
    "weights that are a number": (lambda m: m.set_weights(5), "set_weights takes a list of arrays"),
    "weights that are no numbers": (
        lambda m: m.set_weights([np.float32([[1], [np.nan], [0]]), np.zeros(1)]), r"'only/kernel' holds nan at \(1, 0\)"),
    "a layer of no index": (lambda m: m.get_layer(index=7), "no index 7"),
    "a layer of half an index": (lambda m: m.get_layer(index=0.5), "index of get_layer"),
    "a control without a name": (lambda m: m.controls[[]], "a control is found by its name"),
    "an empty dict": (lambda m: m.predict_on_batch({}), "a dict without a single array"),
    "rows in a column of objects": (lambda m: m.predict(np.array([X[0], X[1, :2]], object), verbose=0), "holds ndarray values"),
    "a summary printed by a number": (lambda m: m.summary(print_fn=5), "print_fn of summary must be a function"),
    "a layer that gives nothing": (lambda m: Silent()(Input((3,))), "gives nothing: end Silent.call with `return outputs`"),
    "a weight of a shape of text": (lambda m: WithWeights(("a",))(X), r"would have shape \('a',\): sizes are whole numbers"),
    "a weight of half a size": (lambda m: WithWeights(2.5)(X), r"would have shape \(2.5,\): sizes are whole numbers"),
    "a weight of a size below 0": (lambda m: WithWeights((-2,))(X), r"would have shape \(-2,\): sizes are whole numbers"),
    "a weight made in call": (lambda m: WithLateWeights()(Input((3,))), "is made in `call`, .* make it in `build"),
    "a layer that calls itself": (lambda m: CallsItself()(Input((3,))), "nests calls without end"),
    "data in a pair": (lambda m: Sequential([Dense(1)]).predict((X, Y), verbose=0), "x is a list of 2 arrays"),
    "an array as a flag": (lambda m: m.save("a.caviar", overwrite=np.ones(3)), "overwrite of save must be True or False"),
    "an array of class weights": (lambda m: m.train_on_batch(X, [0, 1, 0, 1], class_weight=np.ones(3)), "class_weight"),
    "a study of too long a name": (lambda m: caviar.load_study("x" * 300), "x"),
    "another structure in a later batch": (lambda m: m.fit(iter([(X, Y), ([X, X], Y)]), verbose=0), "."),
}  # fmt: skip


@pytest.mark.parametrize(("give", "says"), OF_A_MODEL.values(), ids=OF_A_MODEL)
def test_nonsense_is_refused_by_a_model(model: Sequential, give: Callable[[Any], Any], says: str) -> None:
    with pytest.raises(CaviarError, match=says):
        give(model)


class Mine(Layer):
    def call(self, x: Any) -> Any:
        raise KeyError("mine")


def test_what_a_users_own_code_raises_stays() -> None:
    with pytest.raises(KeyError, match="mine"):
        layers.TimeDistributed(Mine())(X[None])
    with pytest.raises(TypeError, match="unexpected keyword"):
        Dense(1)(X, speed=3)
    assert {c.__name__ for c in (ArgumentError, DataError, ShapeError)} <= set(dir(caviar.errors))


def test_a_rate_that_begins_at_zero_is_set() -> None:
    for optimizer in (SGD(0.0), SGD(0.1)):
        model = Sequential([Dense(1, kernel_initializer="ones")])
        model.compile(optimizer, "mse")
        history = model.fit(X, Y, epochs=3, verbose=0, callbacks=[LearningRateScheduler(lambda epoch: 0.1 * epoch)])
        assert history.history["learning_rate"] == pytest.approx([0, 0.1, 0.2])
        losses_ = history.history["loss"]
        assert losses_[0] == losses_[1] > losses_[2]
        assert model.controls["learning_rate"] == pytest.approx(0.2)


LABELS = np.arange(4) % 3


def trained(last: Any, loss: Any, y: Any, **compiled: Any) -> Any:
    model = Sequential([Dense(3), layers.Activation(last)] if last != "one" else [Dense(1)])
    model.compile(**{"optimizer": "sgd", **compiled}, loss=loss)
    return model.fit(X, y, verbose=0)


@pytest.mark.slow
def test_probabilities_that_are_taken_for_logits_are_said() -> None:
    for last, loss, y in (
        ("softmax", losses.SparseCategoricalCrossentropy(from_logits=True), LABELS),
        ("sigmoid", losses.BinaryCrossentropy(from_logits=True), np.eye(3)[LABELS]),
    ):
        with pytest.warns(UserWarning, match=f"through a {last} already: leave out the {last}"):
            trained(last, loss, y)
        trained("linear", loss, y)


def test_metrics_that_count_what_there_is_not_are_refused() -> None:
    one_hot = np.eye(3)[LABELS]
    with pytest.raises(ArgumentError, match="class_id=7 of precision: the predictions have 3 classes"):
        trained("softmax", "categorical_crossentropy", one_hot, metrics=[metrics.Precision(class_id=7)])
    with pytest.raises(ShapeError, match="needs a prediction for each class, and there is one"):
        trained("one", "mse", Y, metrics=["sparse_categorical_accuracy"])
    with pytest.raises(DataError, match="labels are 0 or 1"):
        metrics.AUC()([0, 1, 2], [0.1, 0.2, 0.7])


def test_a_rate_of_no_arguments_is_a_rate() -> None:
    """As in Keras 3.15."""
    model = Sequential([Dense(1, kernel_initializer="ones")])
    model.compile(SGD(lambda: 0.5), "mse")
    model.fit(X, Y, verbose=0)
    again = Sequential([Dense(1, kernel_initializer="ones")])
    again.compile(SGD(0.5), "mse")
    again.fit(X, Y, verbose=0)
    assert np.array_equal(model.get_weights()[0], again.get_weights()[0])


def test_an_input_of_a_sequential_model_says_type_and_name() -> None:
    """Keras 3.15: whole inputs are rounded towards zero; a dict is taken if it names the input."""
    whole = Sequential([Input((3,), dtype="int32"), Dense(1, kernel_initializer="ones")])
    assert whole.predict(np.float32([[0.5, 1.9, -1.5]]), verbose=0).item() == 0
    named = Sequential([Input((3,), name="n"), Dense(1)])
    named.compile("sgd", "mse")
    named.fit({"n": X}, Y, verbose=0)
    assert np.array_equal(named.predict({"n": X}, verbose=0), named.predict(X, verbose=0))
    with pytest.raises(ArgumentError, match=r"unknown input of model .* 'z'"):
        named.predict({"z": X}, verbose=0)


def test_stacked_cells_are_built_one_for_what_the_other_gives() -> None:
    cells = layers.StackedRNNCells([layers.GRUCell(4), layers.LSTMCell(5)])
    cells.build((None, 3))
    called = layers.RNN(layers.StackedRNNCells([layers.GRUCell(4), layers.LSTMCell(5)]))
    called(jnp.ones((2, 6, 3)))
    assert [w.shape for w in cells.weights] == [w.shape for w in called.weights]


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float32"])
def test_class_numbers_of_any_type_are_taken(dtype: str) -> None:
    assert to_categorical(np.array([0, 1, 1], dtype)).tolist() == [[1, 0], [0, 1], [0, 1]]


def test_no_metric_stands_for_an_output_without_one() -> None:
    assert list(fitted(metrics=[None]).history) == ["loss"]


def test_a_profile_that_is_not_written_is_said(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="writes no profile"):
        TensorBoard(tmp_path, profile_batch=(2, 5))
    with pytest.raises(ArgumentError, match="profile_batch of TensorBoard"):
        TensorBoard(tmp_path, profile_batch="a")
