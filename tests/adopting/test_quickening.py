"""Functions written again with quick operations: the same values and gradients, and none of JAX's slow operations in them."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from caviar.adopting.quickening import quick

rng = np.random.default_rng(0)
X = rng.normal(size=(8, 16, 16, 8)).astype(np.float32)
KERNEL = rng.normal(size=(3, 3, 8, 4)).astype(np.float32)
LAST = ("NHWC", "HWIO", "NHWC")


def convolved(x: Any, kernel: Any, strides: Any = (1, 1), pads: Any = "SAME", **more: Any) -> Any:
    return lax.conv_general_dilated(x, kernel, strides, pads, dimension_numbers=LAST, **more)


def largest(x: Any, window: Any, strides: Any, pads: str) -> Any:
    return lax.reduce_window(x, -jnp.inf, lax.max, window, strides, pads)


CASES: dict[str, Any] = {
    "same": (convolved, KERNEL),
    "strided": (lambda x, k: convolved(x, k, (2, 2), "VALID"), KERNEL),
    "transposed": (lambda x, k: convolved(x, k, pads=((2, 1), (2, 1)), lhs_dilation=(2, 2)), KERNEL),
    "dilated": (lambda x, k: convolved(x, k, rhs_dilation=(2, 2)), KERNEL),
    "each channel alone": (lambda x, k: convolved(x, k, feature_group_count=8), KERNEL.reshape(3, 3, 1, 32)),
    "channels first": (lambda x, k: lax.conv(x.transpose(0, 3, 1, 2), k.transpose(3, 2, 0, 1), (1, 1), "SAME"), KERNEL),
    "maximum": (lambda x, _: largest(x, (1, 2, 2, 1), (1, 2, 2, 1), "VALID"), KERNEL),
    "overlapping": (lambda x, _: largest(x, (1, 3, 3, 1), (1, 2, 2, 1), "SAME"), KERNEL),
    "along other axes": (lambda x, _: largest(x, (1, 1, 2, 2), (1, 1, 2, 2), "VALID"), KERNEL),
    "mean": (lambda x, _: lax.reduce_window(x, 0.0, lax.add, (1, 2, 2, 1), (1, 2, 2, 1), "VALID") / 4, KERNEL),
    "normalized": (lambda x, k: (x - x.mean((0, 1, 2))) * lax.rsqrt(x.var((0, 1, 2))) * k[0, 0, :, 0], KERNEL),
    "biased": (lambda x, k: jax.nn.relu(x + k[:1, :1, :, 0][None, 0]) * k[:1, :1, :, 1][None, 0], KERNEL),
    "inside others": (jax.jit(lambda x, k: jax.nn.gelu(jax.jit(convolved)(x, k))), KERNEL),
}


def with_gradients(function: Any) -> Any:
    def total(x: Any, kernel: Any) -> Any:
        outputs = function(x, kernel)
        return jnp.sin(outputs).sum(), outputs

    return jax.jit(jax.grad(total, argnums=(0, 1), has_aux=True))


@pytest.mark.parametrize("name", CASES)
def test_values_and_gradients_stay_the_same(name: str) -> None:
    function, kernel = CASES[name]
    expected, found = (with_gradients(f)(X, kernel) for f in (function, quick(function)))
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4 * float(np.abs(b).max()) + 1e-6)


@pytest.mark.parametrize("name", ["same", "strided", "each channel alone", "channels first", "inside others"])
def test_every_convolution_has_its_channels_last(name: str) -> None:
    """In the gradients, too: the only form that XLA runs fast inside a loop."""
    function, kernel = CASES[name]
    written = str(with_gradients(quick(function)).trace(X, kernel).jaxpr)
    forms = [line for line in written.splitlines() if "lhs_spec" in line]
    assert all("lhs_spec=(0, 3, 1, 2), rhs_spec=(3, 2, 0, 1), out_spec=(0, 3, 1, 2)" in line for line in forms)
    assert "batch_group_count=8" not in written


def test_gradients_of_maxima_scatter_nothing() -> None:
    function, kernel = CASES["overlapping"]
    assert "select_and_scatter" in str(with_gradients(function).trace(X, kernel).jaxpr)
    assert "select_and_" not in str(with_gradients(quick(function)).trace(X, kernel).jaxpr)


def test_what_passes_through_stays_the_same_object() -> None:
    def look(x: Any) -> Any:
        found = quick(lambda x: (x, x + 1))(x)
        assert found[0] is x
        return found

    jax.jit(look)(X)
