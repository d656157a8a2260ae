"""What TensorFlow 1's dialect refuses, and what it says."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sessions import A, value

import caviar
import caviar.dialects.tensorflow as tf
from caviar.errors import ArgumentError, CaviarError, DataError, FileError, NotBuiltError, ShapeError

pytestmark = pytest.mark.usefixtures("float64")


B, P = A + 1, A.clip(0, 1)
IMAGES, KERNEL = np.ones((2, 5, 6, 3)), np.ones((3, 2, 3, 4))


def closed() -> Any:
    session = tf.Session()
    session.close()
    return session


def of_another_graph() -> Any:
    with tf.Graph().as_default():
        return tf.Variable(1.0, name="old")


def file(tmp_path: Path) -> Path:
    path = tmp_path / "no_model"
    path.write_text("nothing")
    return path


def X(shape: Any = (None, 2), dtype: Any = tf.float64) -> Any:
    return tf.placeholder(dtype, shape, name="x")


def uninitialized() -> Any:
    w = tf.Variable(1.0, name="w")
    with tf.Session():
        return w.weight.value


def reset_inside() -> None:
    with tf.Graph().as_default():
        tf.reset_default_graph()


REFUSED: dict[str, tuple[Callable[..., Any], type[Exception], str]] = {
    "no type": (lambda: tf.placeholder(np.nan, (None, 3)), ArgumentError, "placeholder of nan, .* makes no sense here"),
    "a shape that is text": (lambda: tf.placeholder("float32", "a"), CaviarError, "'a'"),
    "a name that is a number": (lambda: tf.get_variable(np.nan, (2,)), ArgumentError, "name of get_variable must be a text"),
    "a shape of text": (lambda: tf.get_variable("v", "a"), ArgumentError, "get_variable of 'v', 'a' makes no sense here"),
    "nothing to save": (lambda: tf.train.Saver(5), ArgumentError, "Saver of 5 makes no sense here"),
    "feeds that are a number": (lambda: tf.Session().run(X() * 1, 0), ArgumentError, "feed_dict of run must be a dict"),
    "repeats of text": (lambda: tf.tile(X(), "a"), ArgumentError, "tile of .* makes no sense here"),
    "less than no repeats": (lambda: tf.tile(tf.constant([1.0]), [-1]), ArgumentError, "holds a size below 0"),
    "less than no draws": (lambda: tf.random.normal([-2]), ArgumentError, "holds a size below 0"),
    "draws of text": (lambda: tf.random.normal("a"), ArgumentError, "normal of 'a' makes no sense here"),
    "a seed of text": (lambda: tf.set_random_seed("a"), ArgumentError, "set_random_seed wants an int"),
    "an axis of text": (lambda: tf.reduce_mean(X(), "a"), ShapeError, "tf.reduce_mean was given"),
    "too large a number": (lambda: tf.matmul(X(), 10**30), CaviarError, "matmul"),
    "more kept than there is": (lambda: tf.nn.dropout(X(), 5), ArgumentError, "keeps a share above 0 and of at most 1"),
    "a rate that is nan": (lambda: tf.train.GradientDescentOptimizer(np.nan), ArgumentError, "learning_rate of Gradient.* must be"),
    "a momentum above 1": (lambda: tf.train.MomentumOptimizer(0.1, 2), ArgumentError, "momentum of MomentumOptimizer must be"),
    "not fed": (lambda: value(X() * 2), ArgumentError, r"'x'.* was not fed: feed it, session\.run\(\.\.\., feed_dict=\{x: \.\.\.\}\)"),
    "wrong shape": (lambda: _fed(A), ShapeError, r"'x': shape=\(None, 2\).* was fed .*\(2, 3\)"),
    "ragged": (lambda: _fed([[1.0], [2.0, 3.0]]), ShapeError, "rows of different lengths"),
    "text": (lambda: _fed([["a", "b"]]), DataError, "no numbers"),
    "None": (lambda: _fed(None), DataError, "no numbers"),
    "fractions": (lambda: _fed([[1.5, 2.0]], tf.int32), DataError, "takes integers"),
    "a node": (lambda: _fed(tf.constant(B)), ArgumentError, "was fed a node"),
    "feeds no node": (lambda: value(tf.constant(1), {"x": 1}), ArgumentError, "takes placeholders"),
    "feeds an operation": (lambda: value(tf.constant(1), {tf.constant(1): 1}), ArgumentError, "takes placeholders"),
    "feeds a variable": (lambda: value(tf.constant(1), {tf.Variable(1): 1}), ArgumentError, "use assign"),
    "does not fit": (lambda: _loose(), ShapeError, r"what was fed \(\(3,\), \(2,\)\) does not fit the graph"),
    "fetches a number": (lambda: value(3), ArgumentError, "fetches nodes.* given 3"),
    "fetches None": (lambda: value([tf.constant(1), None]), ArgumentError, "asked for None"),
    "fetches a name": (lambda: value([tf.Variable(1, name="weights"), "weihgts"]), ArgumentError, "did you mean 'weights'"),
    "closed": (lambda: closed().run(tf.constant(1)), ArgumentError, "session is closed"),
    "no session": (lambda: tf.constant(1).eval(), ArgumentError, "no default session"),
    "uninitialized": (lambda: tf.Session().run(tf.Variable(1, name="w")), NotBuiltError, "'w' has no value in this session: run the init"),
    "uninitialized in a model": (uninitialized, NotBuiltError, "'w' has no value in this session"),
    "another graph": (lambda: value(of_another_graph() + 1), ArgumentError, "'old' belongs to another graph"),
    "assigned twice": (lambda: _twice(tf.Variable(1, name="w")), ArgumentError, "'w' would be assigned twice"),
    "assigned another shape": (lambda: tf.Variable([1.0], name="w").assign([1.0, 2.0]), ShapeError, r"'w' has shape \(1,\) .* \(2,\)"),
    "loaded another shape": (lambda: tf.Variable([1.0], name="w").load(3.0, tf.Session()), ShapeError, r"'w' has shape \(1,\)"),
    "assigned to a node": (lambda: tf.assign(tf.constant(1), 2), ArgumentError, "is not a variable"),
    "no variable in the loss": (lambda: _minimize(X()[0, 0] ** 2), ArgumentError, "depends on no trainable variable"),
    "only a frozen variable": (lambda: _minimize(tf.Variable(1.0, trainable=False) ** 2), ArgumentError, "no trainable variable"),
    "a loss of integers": (lambda: _minimize(tf.Variable(1) ** 2), ArgumentError, "only floats have gradients"),
    "a number as loss": (lambda: _minimize(3.0), ArgumentError, "a loss is a node"),
    "no gradients": (lambda: tf.train.AdamOptimizer().apply_gradients([(None, tf.Variable(1.0))]), ArgumentError, "no gradient for any"),
    "gradients of numbers": (lambda: tf.gradients(3.0, tf.Variable(1.0)), ArgumentError, "3.0 is not a node"),
    "hidden nodes": (lambda: _hidden(), ArgumentError, "computed inside a gradient"),
    "shapes": (lambda: tf.matmul(tf.constant(A), tf.constant(B)), ShapeError, r"tf.matmul was given \(2, 3\), \(2, 3\)"),
    "known and unknown lengths": (lambda: tf.add(X(), tf.constant(A[:, :2])), ShapeError, r"\(None, 2\), \(2, 2\).*\(None\) goes with"),
    "no shape": (lambda: tf.reduce_sum(tf.placeholder(tf.float64, name="x"), axis=1), ShapeError, "'x' was made without a shape"),
    "no array": (lambda: tf.constant([[1.0], [2.0, 3.0]]), CaviarError, "neither a number nor an array of numbers"),
    "unknown sizes": (lambda: tf.zeros([tf.constant(3)]), ArgumentError, "not a size that is known before the run"),
    "unknown range": (lambda: tf.range(tf.constant(3)), ArgumentError, "give numbers"),
    "a variable without a shape": (lambda: tf.Variable(X()), ShapeError, r"needs a whole shape.*\(None, 2\)"),
    "get_variable without a shape": (lambda: tf.get_variable("w"), ArgumentError, "'w' needs a shape"),
    "get_variable twice": (lambda: [tf.get_variable("w", [1]) for _ in range(2)], ArgumentError, "'w' is there already"),
    "reused and new": (lambda: _reused("new", [1]), ArgumentError, "'s/new' is not there"),
    "reused in another shape": (lambda: _reused("w", [3]), ShapeError, r"asked for with shape \(3,\)"),
    "control_dependencies": (lambda: tf.control_dependencies([tf.no_op()]), ArgumentError, "no order within it"),
    "reset inside a block": (reset_inside, ArgumentError, "does not work inside"),
    "dropout without a rate": (lambda: tf.nn.dropout(A), ArgumentError, "one of rate"),
    "labels by place": (lambda: tf.nn.softmax_cross_entropy_with_logits(P, A), TypeError, "positional"),
    "no labels": (lambda: tf.nn.softmax_cross_entropy_with_logits(logits=A), ArgumentError, "by name"),
    "padding": (lambda: tf.nn.max_pool(IMAGES, 2, 2, "same"), ArgumentError, "'SAME' or 'VALID'"),
    "channels first": (lambda: tf.nn.max_pool(IMAGES, 2, 2, "SAME", data_format="NCHW"), ArgumentError, "channels come last"),
    "strides": (lambda: tf.nn.conv2d(IMAGES, KERNEL, [1, 2, 2], "SAME"), ArgumentError, r"\[1, height, width, 1\]"),
    "integers without an end": (lambda: tf.random_uniform([2], dtype=tf.int32), ArgumentError, "needs maxval"),
    "collection": (lambda: tf.get_collection("variable"), ArgumentError, "did you mean 'variables'"),
    "a mistyped name": (lambda: tf.reduce_men, AttributeError, r"unknown name 'tf\.reduce_men': did you mean 'reduce_mean'"),
    "another version": (lambda: tf.GradientTape, AttributeError, "'tf.GradientTape'"),
    "no module": (lambda: importlib.import_module("caviar.dialects.tensorflow.keras.applications"), ModuleNotFoundError, "applications"),
    "no file": (lambda: tf.train.Saver([]).restore(tf.Session(), "nowhere"), FileError, "nowhere: there is no such file"),
}  # fmt: skip


def _fed(array: Any, dtype: Any = tf.float64) -> Any:
    x = X(dtype=dtype)
    return value(x * 2, {x: array})


def _loose() -> Any:
    x, y = tf.placeholder(tf.float64), tf.placeholder(tf.float64)
    return value(x * y, {x: [1, 2, 3], y: [1, 2]})


def _twice(w: Any) -> Any:
    return value([w.assign_add(1), w.assign_add(1)])


def _minimize(loss: Any) -> Any:
    return tf.train.GradientDescentOptimizer(0.1).minimize(loss)


def _hidden() -> Any:
    w = tf.Variable(2.0)
    h = w**2
    return tf.gradients(tf.gradients(h**2, w), h)


def _reused(name: str, shape: Any) -> Any:
    with tf.variable_scope("s"):
        tf.get_variable("w", [1])
    with tf.variable_scope("s", reuse=True):
        return tf.get_variable(name, shape)


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    act, error, message = REFUSED[name]
    with pytest.raises(error, match=message):
        act()


def test_files_that_are_refused(tmp_path: Path) -> None:
    w, other = tf.Variable(1.0, name="w"), tf.Variable(1.0, name="other")
    with tf.Session() as session:
        with pytest.raises(FileError, match=r"not a complete file of tf\.train\.Saver"):
            tf.train.Saver().restore(session, file(tmp_path))
        session.run(tf.global_variables_initializer())
        path = tf.train.Saver([w]).save(session, tmp_path / "model")
        with pytest.raises(FileError, match="holds no variable 'other', but: w"):
            tf.train.Saver([other]).restore(session, path)


def test_double_precision_has_to_be_asked_for() -> None:
    with (
        caviar.config.precision("float32"),
        pytest.raises(ArgumentError, match=r"caviar\.config\.set_floatx\('float64'\)"),
    ):
        tf.placeholder(tf.float64, [])


def test_after_a_reset_the_old_variables_are_strange() -> None:
    session = subprocess.run(
        [sys.executable, "-c", "import caviar.dialects.tensorflow as tf; w = tf.Variable(1.0, name='w'); tf.reset_default_graph();"
         "print(tf.global_variables()); tf.Session().run(w)"], capture_output=True, text=True,
    )  # fmt: skip
    assert session.stdout.strip() == "[]"
    assert "variable 'w' belongs to another graph than this session" in session.stderr
