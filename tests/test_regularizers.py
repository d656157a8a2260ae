"""Regularizers: the lecture's penalties, their derivatives, and that their strengths are controls."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import fact

from caviar import parts, regularizers
from caviar.errors import ArgumentError, ShapeError, UnknownNameError
from caviar.layers import Dense, Input
from caviar.models import Sequential
from caviar.optimizers import SGD
from caviar.regularizers import L1, L1L2, L2, OrthogonalRegularizer

pytestmark = pytest.mark.usefixtures("float64")

W = [[1.0, -2.0, 0.0], [0.5, 3.0, -1.5]]
ROWS = [[1.0, 2.0, -1.0], [0.5, -1.0, 2.0]]
# The regularizer, a weight, the penalty, its derivative; the orthogonal penalties are Keras 3.15's.
CASES = [
    (L1(0.1), W, 0.8, [[0.1, -0.1, 0.0], [0.1, 0.1, -0.1]]),
    (L2(0.1), W, 1.65, [[0.2, -0.4, 0.0], [0.1, 0.6, -0.3]]),
    (L1L2(0.1, 0.1), W, 2.45, [[0.3, -0.5, 0.0], [0.2, 0.7, -0.4]]),
    (L1L2(l2=0.1), W, 1.65, [[0.2, -0.4, 0.0], [0.1, 0.6, -0.3]]),
    (L1L2(), W, 0.0, np.zeros((2, 3))),
    (OrthogonalRegularizer(0.3), ROWS, 0.3 * 3.5 / np.sqrt(6 * 5.25), None),
    (OrthogonalRegularizer(0.3, "columns"), ROWS, 0.14, None),
]


@pytest.mark.parametrize(("regularizer", "w", "penalty", "derivative"), CASES, ids=repr)
def test_penalty_and_derivative(regularizer, w, penalty, derivative):
    ours, dw = jax.jit(jax.value_and_grad(regularizer))(jnp.array(w))
    assert ours == pytest.approx(penalty, abs=1e-12)
    if derivative is not None:
        np.testing.assert_allclose(dw, derivative, rtol=0, atol=1e-12)


@pytest.mark.parametrize("regularizer", [case[0] for case in CASES], ids=repr)
def test_dtype_is_kept_and_members_are_mapped(regularizer):
    w = jnp.stack([jnp.array(W, "float32")] * 3)
    assert regularizer(w[0]).shape == ()
    assert regularizer(w[0]).dtype == "float32"
    np.testing.assert_allclose(jax.vmap(regularizer)(w), [regularizer(w[0])] * 3, rtol=1e-6)


@pytest.mark.parametrize("regularizer", [case[0] for case in CASES], ids=repr)
def test_round_trips(regularizer):
    again = type(regularizer).from_config(regularizer.get_config())
    assert repr(again) == repr(regularizer) == repr(eval(repr(regularizer), vars(regularizers)))
    assert ">>>" in type(regularizer).__doc__


def test_strengths_are_numbers_of_the_program():
    apart = parts.take_apart(L1L2(0.1, 0.2))
    penalty = jax.jit(lambda numbers, w: parts.put_together(apart.structure, numbers, [])(w))
    assert penalty(apart.numbers, jnp.array(W)) == pytest.approx(L1L2(0.1, 0.2)(jnp.array(W)))
    assert penalty([1.0, 2.0], jnp.array(W)) == pytest.approx(L1L2(1.0, 2.0)(jnp.array(W)))
    assert parts.take_apart(L1L2(0.3, 0.4)).structure == apart.structure
    assert parts.take_apart(L1L2(0.1)).structure != apart.structure


def test_penalties_of_the_lecture():
    f = fact("reg.penalties")
    w, strength = jnp.array(f["inputs"]["w"]), f["inputs"]["lam"]
    assert L1(strength)(w) == pytest.approx(f["expected"]["l1"], abs=f["tolerance"])
    assert L2(strength)(w) == pytest.approx(f["expected"]["l2"], abs=f["tolerance"])


@pytest.mark.parametrize(("id", "penalty", "halves"), [("reg.ridge", L2, 2), ("reg.lasso", L1, 1)])
def test_cost_with_a_penalty_divided_by_the_examples(id, penalty, halves):
    f = fact(id)
    x, y, theta = (jnp.array(f["inputs"][name], float) for name in ("X", "y", "theta"))
    strength = f["inputs"]["lam"] / (halves * len(y))
    expected = f["expected"] if id == "reg.ridge" else {"J": f["expected"]}
    rate = f["inputs"].get("alpha", 0.01)
    model = Sequential([Input((2,)), Dense(1, use_bias=False, kernel_regularizer=penalty(strength))])
    model.set_weights([theta[:, None]])
    model.compile(SGD(rate), "mse", loss_weights=0.5)
    assert model.train_on_batch(x, y) == pytest.approx(expected["J"], rel=0, abs=f["tolerance"])
    if id == "reg.ridge":
        moved = model.get_weights()[0][:, 0]
        np.testing.assert_allclose(moved, expected["theta_new"], rtol=0, atol=f["tolerance"])
        np.testing.assert_allclose((theta - moved) / rate, expected["grad"], rtol=0, atol=f["tolerance"] / rate)


@pytest.mark.slow
def test_orthogonal_rows_cost_nothing():
    q, _ = jnp.linalg.qr(jax.random.normal(jax.random.key(0), (5, 5)))
    assert OrthogonalRegularizer()(3 * q) == pytest.approx(0, abs=1e-12)
    assert jnp.isfinite(jax.grad(OrthogonalRegularizer())(jnp.zeros((3, 3)))).all()


def test_get():
    assert [repr(regularizers.get(n)) for n in ("l1", "L2", "l1_l2", "L1L2")] == [
        "L1()",
        "L2()",
        "L1L2(0.01, l2=0.01)",
        "L1L2(0.01, l2=0.01)",
    ]
    assert isinstance(regularizers.get("orthogonal_regularizer"), OrthogonalRegularizer)
    assert regularizers.get(None) is None
    assert regularizers.get(jnp.sum) is jnp.sum
    assert isinstance(regularizers.get(L2), L2)
    assert regularizers.l2 is L2


@pytest.mark.parametrize(
    ("wrong", "error", "says"),
    [
        ("ll1", UnknownNameError, "did you mean 'l1'"),
        (0.01, ArgumentError, r"L2\(0.01\) or a function, and not 0.01"),
    ],
)
def test_get_refuses(wrong, error, says):
    with pytest.raises(error, match=says):
        regularizers.get(wrong)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: L2(-0.1), "l2 of L2 must be a number of at least 0, and is -0.1: write 0"),
        (lambda: L1L2(float("inf")), "l1 of L1L2 .* is inf"),
        (lambda: OrthogonalRegularizer(mode="row"), "did you mean 'rows'"),
    ],
)
def test_strengths_are_checked_where_they_are_given(make, says):
    with pytest.raises(ArgumentError, match=says):
        make()


def test_orthogonal_wants_a_matrix():
    with pytest.raises(ShapeError, match=r"\(3,\)"):
        OrthogonalRegularizer()(jnp.ones(3))
