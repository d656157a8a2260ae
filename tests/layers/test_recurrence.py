"""The loops of recurrent networks: their own gradients, and mixed precision."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from caviar import activations, config
from caviar.layers.lowering import platform, recurrence


def normal(*shape, seed=0):
    return np.random.default_rng(seed + sum(shape)).normal(size=shape).astype(config.floatx())


NETWORKS = [(recurrence.lstm, 4, (20,), 2), (recurrence.gru, 3, (2, 15), 1), (recurrence.simple_rnn, 1, (5,), 1)]


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize(("masked", "biased"), [(False, True), (True, True), (True, False)])
@pytest.mark.parametrize(("network", "gates", "bias_shape", "states"), NETWORKS)
def test_own_gradient_is_that_of_the_plain_loop(network, gates, bias_shape, states, biased, masked):
    mask = np.random.default_rng(0).random((6, 3)) < 0.6 if masked else None
    arguments = (normal(6, 3, 4), normal(4, 5 * gates), normal(5, 5 * gates), normal(*bias_shape) if biased else None)
    arguments += tuple(normal(3, 5, seed=i) for i in range(states))

    def results():
        y, pull_back = jax.vjp(lambda *a: network(*a, mask=mask), *arguments)
        return jax.tree.leaves((y, pull_back(jax.tree.map(jnp.cos, y))))

    with platform.without_own_lowering():
        plain = jax.jit(lambda: results())()
    for ours, theirs in zip(jax.jit(results)(), plain, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize(("network", "gates", "bias_shape", "states"), NETWORKS)
def test_own_gradient_is_finite_differences(network, gates, bias_shape, states):
    arguments = (
        normal(6, 3, 4),
        normal(4, 5 * gates),
        normal(5, 5 * gates),
        normal(*bias_shape),
        *[normal(3, 5)] * states,
    )
    mask = np.random.default_rng(0).random((6, 3)) < 0.6
    check_grads(jax.jit(lambda *a: network(*a, mask=mask)), arguments, order=1, modes="rev", rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(("network", "gates", "bias_shape", "states"), NETWORKS)
def test_mixed_precision_rounds_products_only(network, gates, bias_shape, states):
    arguments = (
        normal(6, 3, 4),
        normal(4, 5 * gates),
        normal(5, 5 * gates),
        normal(*bias_shape),
        *[normal(3, 5)] * states,
    )

    def gradients():
        return jax.jit(jax.grad(lambda *a: network(*a)[0].sum(), range(4)))(*arguments)

    exact = gradients()
    with config.precision("mixed_bfloat16"):
        rounded = gradients()
        assert jax.eval_shape(lambda *a: network(*a)[0], *arguments).dtype == "float32"
    for a, b in zip(jax.tree.map(np.asarray, exact), jax.tree.map(np.asarray, rounded), strict=True):
        assert b.dtype == "float32"
        assert 0 < np.abs(a - b).max() < 0.1 * np.abs(a).max()


def test_the_fast_loop_is_chosen_by_name():
    def loops(**functions):
        return str(
            jax.make_jaxpr(lambda x: recurrence.simple_rnn(x, *np.ones((2, 1, 1)), None, np.ones((1, 1)), **functions))(
                x
            )
        )

    x = np.ones((3, 1, 1))
    assert "custom_vjp" in loops(activation=activations.get("tanh"))
    assert "custom_vjp" not in loops(activation=activations.get("relu"))
    with platform.without_own_lowering():
        assert "custom_vjp" not in loops()
