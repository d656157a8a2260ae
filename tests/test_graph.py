"""The graph: nodes, variables, evaluation, gradients."""

from __future__ import annotations

import sys
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from compiles import compiles
from conftest import fact

from caviar import ops
from caviar.dice import beside
from caviar.errors import ArgumentError, ShapeError
from caviar.graph import Input, Variable, fetch, gradients, placeholder
from caviar.graph.context import Context
from caviar.graph.evaluation import cached

pytestmark = pytest.mark.usefixtures("float64")


def test_a_variable_holds_a_value() -> None:
    w = Variable([1.0, 2.0], name="w")
    assert (w.shape, w.dtype, w.trainable) == ((2,), "float64", True)
    assert np.asarray(w).tolist() == [1.0, 2.0]
    assert w.assign([3, 4]).numpy().tolist() == [3.0, 4.0]
    assert w.assign_add(1).assign_sub(2).numpy().tolist() == [2.0, 3.0]


def test_assigning_another_shape_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"variable 'w' has shape \(2,\) and cannot take a value of \(3,\)"):
        Variable([1.0, 2.0], name="w").assign([1.0, 2.0, 3.0])


def test_integers_stay_integers() -> None:
    assert Variable(3).dtype == "int64"
    assert Variable(3, dtype="float32").dtype == "float32"


def test_the_notes_cost_and_its_gradient() -> None:
    w = Variable(0.0)
    cost = ops.add(ops.add(w**2, ops.multiply(-10.0, w)), 25)
    case = fact("tf.cost")
    values = [fetch(cost) for w_value in case["inputs"]["w"] if w.assign(w_value) is w]
    np.testing.assert_allclose(values, case["expected"], rtol=0, atol=case["tolerance"])
    assert gradients(cost, [w.assign(0.0)])[0] == -10


def test_placeholders_are_fed() -> None:
    x, w = placeholder("float64", [3, 1]), Variable(0.0)
    cost = x[0][0] * w**2 + x[1][0] * w + x[2][0]
    assert fetch(cost, {x: [[1.0], [-20.0], [25.0]]}) == 25
    assert gradients(cost, [w], {x: [[1.0], [-20.0], [25.0]]})[0] == -20


def test_what_is_not_fed_is_named() -> None:
    x = Input((2,), name="features")
    with pytest.raises(ArgumentError, match="features"):
        fetch(x * 2)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        (lambda a, b: a + b, 5.0),
        (lambda a, b: 1 - a, -1.0),
        (lambda a, b: a / b, 2 / 3),
        (lambda a, b: 7 // a, 3.0),
        (lambda a, b: -(a**b), -8.0),
        (lambda a, b: 2**a, 4.0),
        (lambda a, b: abs(-a), 2.0),
        (lambda a, b: ops.where(a < b, a, b), 2.0),
        (lambda a, b: ops.stack([a, b])[1], 3.0),
        (lambda a, b: ops.sum(ops.stack([a, b]) @ ops.eye(2)), 5.0),
    ],
)
def test_operators_write_the_graph_down(expression: Any, value: float) -> None:
    a, b = Variable(2.0), Variable(3.0)
    assert fetch(expression(a, b)) == pytest.approx(value, abs=1e-12)


def test_shapes_are_known_before_any_value() -> None:
    x = Input((28, 28, 3))
    assert ops.mean(x, axis=(1, 2)).shape == (None, 3)
    assert ops.reshape(x, (-1, 28 * 28 * 3)).shape == (None, 2352)
    assert Input((None, 8)).shape == (None, None, 8)
    assert ops.sum(Input((None, 8)), axis=-1).shape == (None, None)


def test_nodes_have_no_truth_value() -> None:
    with pytest.raises(ArgumentError, match=r"ops\.where"):
        bool(Input((1,)) > 0)


def test_a_loop_that_writes_the_same_graph_down_compiles_once() -> None:
    def step(value: float) -> float:
        w = Variable(value)
        return float(fetch(ops.tanh(w) * 2.5 + 1.25))

    step(0.0)
    with compiles() as count:
        assert [step(v) for v in (0.0, 1.0)] == pytest.approx([1.25, 1.25 + 2.5 * np.tanh(1.0)])
    assert count() == 0


@pytest.mark.slow
def test_a_graph_deeper_than_pythons_recursion() -> None:
    depth = sys.getrecursionlimit() + 200
    node: Any = Variable(0.0)
    for _ in range(depth):
        node = node + 1.0
    assert fetch(node) == depth


def test_gradients_of_a_vector_are_those_of_its_sum() -> None:
    w = Variable(jnp.arange(3.0))
    np.testing.assert_allclose(gradients(w * w, [w])[0], [0, 2, 4])


def test_the_numbers_that_a_key_gives_stay_the_same_from_version_to_version() -> None:
    """So that a network drawn from a seed, and a search killed and resumed, is tomorrow what it is today."""
    key = jax.random.key(0)
    context = Context(training=True, rng=key)
    drawn = [context.next_rng() for _ in range(3)]
    assert [bool(k == beside(key, layer=n)) for n, k in enumerate(drawn, 1)] == [True] * 3
    assert Context(training=False, rng=key).next_rng() is None


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="an option of XLA's compiler for CPUs")
def test_a_program_that_runs_once_is_compiled_quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    real, asked = jax.jit, []

    def jit(function: Any, **options: Any) -> Any:
        asked.append(options.get("compiler_options"))
        return real(function, **options)

    monkeypatch.setattr(jax, "jit", jit)
    cached("runs once", lambda: jnp.sin, runs_once=True)
    cached("runs often", lambda: jnp.sin)
    assert [o.get("xla_backend_optimization_level") for o in asked] == [0, None]
