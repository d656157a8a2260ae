"""Wrong input gets an answer before anything compiles: what was given, what was expected, where, what to do."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from compiles import compiles

from caviar import errors
from caviar.callbacks import EarlyStopping, ModelCheckpoint, ReduceLROnPlateau
from caviar.graph import Input
from caviar.layers import Dense, Layer
from caviar.models import Model, Sequential

X = np.random.default_rng(0).normal(size=(20, 3)).astype("float32")
Y = X[:, :1]
LABELS = np.arange(20) % 3


def regression(**options: Any) -> Sequential:
    model = Sequential([Dense(4, input_dim=3, name="hidden"), Dense(1, name="price")])
    model.compile("adam", "mse", **options)
    return model


def classifier(units: int = 3, loss: str = "sparse_categorical_crossentropy") -> Sequential:
    model = Sequential([Dense(units, activation="softmax" if units > 1 else "sigmoid")])
    model.compile("adam", loss)
    return model


def with_nan() -> np.ndarray:
    x = X.copy()
    x[7, 2] = np.nan
    return x


def two_inputs() -> Model:
    a, b = Input((3,), name="a"), Input((3,), name="b")
    model = Model([a, b], Dense(1)(a + b))
    model.compile("adam", "mse")
    return model


def empty() -> Iterator[Any]:
    return iter(())


class Frame:
    """As much of a DataFrame as matters here."""

    columns = ("age", "income", "rooms")
    shape = (20, 3)

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return with_nan()


FIT: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "a column too many": (lambda: regression().fit(np.ones((20, 4)), Y), errors.ShapeError, r"\(batch, 3\).*\(20, 4\)"),
    "NaN in x": (lambda: regression().fit(with_nan(), Y), errors.DataError, "x holds nan in column 2, first in row 7"),
    "NaN in a frame": (lambda: regression().fit(Frame(), Y), errors.DataError, "column 'rooms'"),
    "infinity in y": (lambda: regression().fit(X, Y + np.inf), errors.DataError, "y holds"),
    "text in x": (lambda: regression().fit(np.array([["a", "b", "c"]] * 20), Y), errors.DataError, "'a'.*encode"),
    "text in y": (lambda: classifier().fit(X, ["cat"] * 20), errors.DataError, "'cat'"),
    "objects in x": (lambda: regression().fit(np.array([[None, 1, 2]] * 20), Y), errors.DataError, "nan in column 0"),
    "ragged rows": (lambda: regression().fit([[1, 2, 3], [1, 2]], Y[:2]), errors.DataError, "ragged"),
    "no rows": (lambda: regression().fit(np.zeros((0, 3)), np.zeros((0, 1))), errors.DataError, "empty"),
    "no x": (lambda: regression().fit(), errors.ArgumentError, "needs x"),
    "no y": (lambda: regression().fit(X), errors.ArgumentError, "y is missing"),
    "unequal lengths": (lambda: regression().fit(X, Y[:15]), errors.ShapeError, "x has 20 rows, y has 15 rows"),
    "batch size 0": (lambda: regression().fit(X, Y, batch_size=0), errors.ArgumentError, "batch_size .* 0"),
    "half a batch": (lambda: regression().fit(X, Y, batch_size=2.5), errors.ArgumentError, "batch_size .* 2.5"),
    "negative epochs": (lambda: regression().fit(X, Y, epochs=-1), errors.ArgumentError, "epochs .* -1"),
    "too many steps": (lambda: regression().fit(X, Y, steps_per_epoch=9), errors.ArgumentError, "only 1 batches"),
    "split of 1": (lambda: regression().fit(X, Y, validation_split=1.0), errors.ArgumentError, "validation_split of fit .* below 1"),
    "split of no row": (lambda: regression().fit(X, Y, validation_split=0.999), errors.ArgumentError, "leaves none"),
    "validation without y": (lambda: regression().fit(X, Y, validation_data=X), errors.ArgumentError, "validation_data"),
    "validation of another width": (
        lambda: regression().fit(X, Y, validation_data=(X[:, :2], Y)), errors.ShapeError, r"\(batch, 3\).*\(20, 2\)"),
    "an empty stream": (lambda: regression().fit(empty()), errors.DataError, "empty"),
    "a stream of triples of four": (lambda: regression().fit(iter([(X, Y, None, None)])), errors.ArgumentError, "4 parts"),
    "label out of range": (lambda: classifier().fit(X, LABELS + 1), errors.DataError, "3"),
    "fractions as labels": (lambda: classifier().fit(X, LABELS + 0.5), errors.DataError, "0.5"),
    "one-hot labels for sparse": (lambda: classifier().fit(X, np.eye(3)[LABELS]), errors.DataError, "categorical_crossentropy"),
    "class numbers for one-hot": (
        lambda: classifier(loss="categorical_crossentropy").fit(X, LABELS), errors.CaviarError, "sparse"),
    "labels 1 and 2 for binary": (
        lambda: classifier(1, "binary_crossentropy").fit(X, LABELS % 2 + 1), errors.DataError, "2"),
    "a mistyped monitor": (
        lambda: regression().fit(X, Y, callbacks=[EarlyStopping("val_los")], validation_split=0.2),
        errors.UnknownNameError, "did you mean 'val_loss'"),
    "val_loss without validation": (
        lambda: regression().fit(X, Y, callbacks=[EarlyStopping()]), errors.UnknownNameError, "val_loss"),
    "a checkpoint's monitor": (
        lambda: regression().fit(X, Y, callbacks=[ModelCheckpoint("m.caviar", monitor="acc", save_best_only=True)]),
        errors.UnknownNameError, "acc"),
    "a factor that raises": (
        lambda: regression().fit(X, Y, callbacks=[ReduceLROnPlateau("loss", factor=2.0)]), errors.ArgumentError, "factor"),
    "a callback's class": (lambda: regression().fit(X, Y, callbacks=[EarlyStopping]), errors.ArgumentError, r"EarlyStopping\(\)"),
    "an input missing": (lambda: two_inputs().fit({"a": X}, Y), errors.ArgumentError, "'b'"),
    "an input too many": (lambda: two_inputs().fit([X, X, X], Y), errors.ArgumentError, "2 inputs, and was given 3"),
    "a prediction of another width": (lambda: regression().predict(np.ones((2, 5))), errors.ShapeError, r"\(2, 5\)"),
    "evaluate without compile": (lambda: Sequential([Dense(1)]).evaluate(X, Y), errors.NotCompiledError, "compile"),
    "fit without compile": (lambda: Sequential([Dense(1)]).fit(X, Y), errors.NotCompiledError, "compile"),
    "no layers": (lambda: Sequential().predict(X), errors.ArgumentError, "no layers"),
    "summary before weights": (lambda: Sequential([Dense(1)]).summary(), errors.NotBuiltError, "no weights yet"),
    "save before weights": (lambda: Sequential([Dense(1)]).save("m.caviar"), errors.NotBuiltError, "no weights yet"),
    "a layer's class": (lambda: Sequential([Dense]), errors.ArgumentError, r"Dense\(\)"),
    "class weights of two outputs": (
        lambda: _two_outputs().fit(X, [Y, Y], class_weight={0: 2.0}), errors.ArgumentError, "one output"),
    "targets too many": (lambda: _two_outputs().fit(X, [Y, Y, Y]), errors.ArgumentError, "2 outputs"),
    "a target of no output": (lambda: _two_outputs().fit(X, {"left": Y, "middle": Y}), errors.ArgumentError, "'middle'"),
}  # fmt: skip


def _two_outputs() -> Model:
    x = Input((3,))
    model = Model(x, [Dense(1, name="left")(x), Dense(1, name="right")(x)])
    model.compile("adam", "mse")
    return model


@pytest.mark.parametrize(("call", "error", "message"), FIT.values(), ids=FIT)
def test_the_error_says_what_where_and_what_to_do(
    call: Callable[[], Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message) as raised:
        call()
    assert len(str(raised.value)) > 20


NAMES: dict[str, tuple[Callable[[], Any], str]] = {
    "activation": (lambda: Dense(1, activation="rellu")(X), "'relu'"),
    "initializer": (lambda: Dense(1, kernel_initializer="glorot")(X), "glorot"),
    "regularizer": (lambda: Dense(1, kernel_regularizer="l3")(X), "l1|l2"),
    "optimizer": (lambda: regression().compile("adamm", "mse"), "'Adam'"),
    "loss": (lambda: regression().compile("adam", "mean_square_error"), "mean_squared_error"),
    "metric": (lambda: _with_metric("acuracy"), "'accuracy'"),
    "layer": (lambda: regression().get_layer("hiden"), "'hidden'"),
    "float type": (lambda: __import__("caviar").config.set_floatx("float31"), "float32"),
}


def _with_metric(name: str) -> None:
    model = Sequential([Dense(1, activation="sigmoid")])
    model.compile("adam", "binary_crossentropy", metrics=[name])
    model.fit(X, LABELS % 2)


@pytest.mark.parametrize(("call", "hint"), NAMES.values(), ids=NAMES)
def test_an_unknown_name_suggests_the_nearest(call: Callable[[], Any], hint: str) -> None:
    with pytest.raises(errors.UnknownNameError, match=hint):
        call()


def test_nothing_compiles_before_the_answer() -> None:
    model = regression()
    model.predict(X, verbose=0)
    with compiles() as count:
        for wrong in (with_nan(), np.ones((20, 4)), X[:3]):
            with pytest.raises(errors.CaviarError):
                model.fit(wrong, Y, verbose=0)
    assert count() == 0


@pytest.mark.parametrize(
    ("metric", "advice"),
    [
        ("binary_accuracy", "give one label per prediction"),
        ("categorical_accuracy", "for labels that are class numbers use sparse_categorical_accuracy"),
    ],
)
def test_metrics_that_do_not_fit_the_output(metric: str, advice: str) -> None:
    model = classifier()
    model.compile("adam", "sparse_categorical_crossentropy", metrics=[metric])
    shapes = rf"{metric}: labels of shape \(20,\) do not fit predictions of shape \(20, 3\): {advice}"
    with pytest.raises(errors.ShapeError, match=shapes):
        model.fit(X, LABELS, verbose=0)


def test_nodes_of_another_graph() -> None:
    a, b = Input((3,)), Input((3,))
    with pytest.raises(errors.ArgumentError, match="not among the inputs"):
        Model(a, Dense(1)(a + b))
    with pytest.raises(errors.ArgumentError, match="takes nodes"):
        Model(X, Y)


def test_a_layer_made_inside_call_is_told_where_to_make_it() -> None:
    class Careless(Layer):
        def call(self, x: Any) -> Any:
            return Dense(2)(x)

    with pytest.raises(errors.NotBuiltError, match="__init__"):
        Careless()(X)


def test_a_size_cannot_change_once_there_are_weights() -> None:
    layer = Dense(2)
    layer(X)
    with pytest.raises(errors.ArgumentError, match="'units'"):
        layer.units = 3


def test_a_shape_that_does_not_fit_is_told_with_the_layer() -> None:
    class Wrong(Model):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = Dense(4, name="first"), Dense(2, name="second")

        def call(self, x: Any) -> Any:
            return self.second(self.first(x)[:, :3] if x.shape[-1] == 3 else self.first(x))

    model = Wrong()
    model.predict(X, verbose=0)
    with pytest.raises(errors.ShapeError, match=r"layer 'first'.*\(20, 5\).*kernel \(3, 4\)"):
        model.predict(np.ones((20, 5)), verbose=0)


def test_weights_that_do_not_fit() -> None:
    model = regression()
    with pytest.raises(errors.ShapeError, match="4 weights, and 1 values"):
        model.set_weights([X])
    with pytest.raises(errors.ShapeError, match=r"hidden/kernel"):
        model.set_weights([X] * 4)


def test_every_error_is_in_the_tree() -> None:
    names = [n for n, e in vars(errors).items() if isinstance(e, type) and issubclass(e, errors.CaviarError)]
    tree = errors.__doc__ or ""
    assert all(name in tree for name in names)
    assert all(b != a for a, b in itertools.pairwise(names))
