"""`caviar.ops` in Keras' words: order, names and defaults of arguments. Numbers are from Keras 3.15.1."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest

from caviar import activations, ops
from caviar.graph.node import Input
from caviar.models import Model

A = np.arange(-3, 3, dtype="float32").reshape(2, 3)
I = np.arange(6).reshape(2, 3)  # noqa: E741

CASES: dict[str, tuple[Any, list[float]]] = {
    "absolute": (lambda: ops.absolute(A), [3, 2, 1, 0, 1, 2]),
    "average of lists": (lambda: ops.average(A, 1, [1, 2, 3]), [-5 / 3, 4 / 3]),
    "cast a list": (lambda: ops.cast([1, 2], "float32"), [1, 2]),
    "cast a number": (lambda: ops.cast(3, "float32"), [3]),
    "clip by name": (lambda: ops.clip(A, x_min=-1, x_max=1), [-1, -1, -1, 0, 1, 1]),
    "concatenate by name": (lambda: ops.concatenate(xs=[A, A], axis=0), [*A.ravel(), *A.ravel()]),
    "full_like by place": (lambda: ops.full_like(A, 2.5, "int32"), [2] * 6),
    "gelu is approximate": (lambda: ops.gelu(A), [-0.0036373, -0.0454023, -0.158808, 0, 0.841192, 1.9545977]),
    "logsumexp with keepdims by place": (lambda: ops.logsumexp(A, 1, True), [-0.5923940, 2.4076061]),
    "matmul by name": (lambda: ops.matmul(x1=A, x2=A.T), [14, -4, -4, 5]),
    "max with keepdims by place": (lambda: ops.max(A, 1, True), [-1, 2]),
    "mean of a list": (lambda: ops.mean([1, 2, 6]), [3]),
    "nn": (lambda: ops.nn.relu([-1, 2]), [0, 2]),
    "one_hot with its axis by place": (lambda: ops.one_hot([0, 2], 3, 0), [1, 0, 0, 0, 0, 1]),
    "pad by place": (lambda: ops.pad([[1.0]], [[1, 0], [0, 1]], "constant", 2.0), [2, 2, 1, 2]),
    "reshape by name": (lambda: ops.reshape(A, newshape=(6,)), A.ravel().tolist()),
    "segment_sum": (lambda: ops.segment_sum(A[0], np.array([0, 0, 1]), 2, sorted=True), [-5, -1]),
    "sum by name": (lambda: ops.sum(x=A, axis=1), [-6, 3]),
    "take of a list": (lambda: ops.take(A, [0, 1], 1), [-3, -2, 0, 1]),
    "take_along_axis of the flat array": (lambda: ops.take_along_axis(A, np.array([0, 5])), [-3, 2]),
    "tile by name": (lambda: ops.tile(A, repeats=2), [-3, -2, -1, -3, -2, -1, 0, 1, 2, 0, 1, 2]),
    "top_k": (lambda: ops.top_k(A, 2, sorted=True)[0], [-1, -2, 2, 1]),
    "unstack": (lambda: ops.unstack(A, axis=1)[2], [-1, 2]),
    "vectorized_map": (lambda: ops.vectorized_map(lambda row: row * 2, A), (2 * A).ravel().tolist()),
    "where by name": (lambda: ops.where(A > 0, x1=A, x2=0), [0, 0, 0, 0, 1, 2]),
}


@pytest.mark.parametrize("name", CASES)
def test_arguments_are_keras(name: str) -> None:
    compute, expected = CASES[name]
    np.testing.assert_allclose(np.ravel(compute()), expected, rtol=1e-5, atol=1e-6)


def test_types_are_keras() -> None:
    floats = [ops.full((2,), 3), ops.ceil(I), ops.floor(I), ops.mean(I), ops.one_hot(I, 6), ops.divide(I, 2)]
    assert {str(x.dtype) for x in floats} == {"float32"}
    assert [str(x.dtype) for x in (ops.sum(I), ops.full_like(I, 2.5), ops.argmax(A))] == ["int32"] * 3
    assert isinstance(ops.convert_to_numpy(jax.numpy.ones(2)), np.ndarray)


def test_the_activation_is_exact_and_the_operation_approximate() -> None:
    assert float(activations.gelu(A)[1, 2]) == pytest.approx(1.9544998)
    assert float(ops.gelu(A, approximate=False)[1, 2]) == pytest.approx(1.9544998)


def test_too_many_arguments_are_told() -> None:
    with pytest.raises(TypeError, match=r"sum takes x, axis, keepdims, dtype, and was given 5 arguments"):
        ops.sum(A, 1, True, None, None)


def test_operations_in_keras_words_are_saved(tmp_path: Any) -> None:
    from caviar.models import load_model

    x = Input((3,))
    model = Model(x, ops.relu(ops.clip(ops.sum(x=abs(x) + 1, axis=1, keepdims=True), x_min=0, x_max=7)))
    model.save(tmp_path / "m.caviar")
    loaded = load_model(tmp_path / "m.caviar")
    assert loaded.predict(A, verbose=0).ravel().tolist() == model.predict(A, verbose=0).ravel().tolist() == [7, 6]
