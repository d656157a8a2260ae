"""JAX's primitives in NumPy give what XLA gives: each function below, and its gradient, over both."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from caviar import engine
from caviar.recording.steps import Steps

rng = np.random.default_rng(0)


def floats(*shape: int) -> Any:
    return rng.standard_normal(shape).astype(np.float32)


def ints(below: int, *shape: int, least: int = 0) -> Any:
    return rng.integers(least, below, shape).astype(np.int32)


X, ROWS = floats(4, 5), ints(4, 3)
SMOOTH: dict[str, tuple[Any, ...]] = {
    "products of matrices": (lambda a, b: (a @ b, b.T @ a.T, a[0] @ b, a[0] @ b[:, 0]), X, floats(5, 3)),
    "products of many matrices": (lambda a, b: (a @ b, jnp.einsum("ijk,ikl->jl", a, b)), floats(2, 3, 4), floats(2, 4, 5)),
    "functions": (lambda x: (jnp.exp(x), jnp.tanh(x), jax.nn.sigmoid(300 * x), jnp.sin(x), jax.lax.erf(x), jnp.log1p(x * x)), X),
    "powers": (lambda x: (x**2, x**3, jnp.abs(x) ** 0.5, 1 / x, jax.lax.rsqrt(x * x + 1)), X),
    "softmax": (lambda x: (jax.nn.softmax(x, 0), jax.nn.log_softmax(20 * x), jax.nn.softplus(100 * x), jax.nn.gelu(x)), X),
    "sums": (lambda x: (x.sum(), x.mean(0), jnp.std(x, 1), jnp.prod(x, 0), jax.scipy.special.logsumexp(x, 1)), X),
    "extremes": (lambda x: (x.max(0), x.min(1), jnp.sort(x, 0), jnp.clip(x, -1, 1), jnp.maximum(x, x.T[0][:, None][:4])), X),
    "running sums": (lambda x: (jnp.cumsum(x, 1), jnp.cumprod(x, 0), jax.lax.cumsum(x, 1, reverse=True)), X),
    "shapes": (lambda x: (x.reshape(2, 10), x.T, x[None], x[1:3, ::2], x[::-1], jnp.tile(x, 2), jnp.stack([x, x], 1), jnp.split(x, 2)), X),
    "padding": (lambda x: (jnp.pad(x, ((1, 2), (0, 3))), jax.lax.pad(x, 0.0, ((-1, 2, 1), (3, -2, 1)))), X),
    "triangles": (lambda x: (jnp.tril(x, -1), jnp.triu(x), jnp.diagonal(x), jnp.where(x > 0, x, 0)), X),
    "rows": (lambda x, i: (x[i], x[:, i], x[i, :, None], x[i, i], jnp.take_along_axis(x, i[:, None], 1)), floats(4, 4), ints(4, 4)),
    "rows from the end": (lambda x, i: x[i], X, ints(4, 6, least=-4)),
    "rows that are not there": (lambda x, i: (jnp.take(x, i, 0), x.at[i].add(1.0), x.at[i].get(mode="clip")), X, ints(9, 6)),
    "writing": (lambda x, i, v: (x.at[i].add(v), x.at[:, :3].set(v.T[0]), x.at[i].max(v)), X, ROWS, floats(3, 5)),
    "blocks": (lambda x, i: (jax.lax.dynamic_slice(x, (i, i), (2, 3)), jax.lax.dynamic_update_slice(x, x[:2] * 2, (i, 0))), X, np.int32(3)),
    "a scan": (lambda x: jax.lax.scan(lambda c, row: (c * 0.5 + row, c.sum()), x[0], x, reverse=True), X),
    "a choice": (lambda x: jax.lax.cond(x.sum() > 0, lambda v: v + 1, lambda v: v * 2, x), X),
    "what XLA computes": (lambda x: jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 2), (1, 2), "VALID"), X),
}  # fmt: skip
OTHER: dict[str, tuple[Any, ...]] = {
    "whole numbers": (lambda a, b: (a // b, a % b, jax.lax.div(a, b), jax.lax.rem(a, b), a * b, a**2, a / b), ints(9, 20, least=-9),
        np.where(rng.random(20) < 0.5, 2, -3).astype(np.int32)),
    "truth": (lambda x: ((x > 0).any(1), (x > 0).all(), (x > 0).sum(), ~(x > 0), jnp.isnan(x), x == x.max()), X),
    "places": (lambda x: (jnp.argmax(x, 1), jnp.argmin(x), jnp.argsort(x, 1), jnp.arange(4) + x.astype(int)[:, 0]), X),
    "rounding": (lambda x: (jnp.round(x * 3), jnp.trunc(x), jnp.floor(x), jnp.sign(x), jax.lax.round(x)), X),
    "a loop": (lambda x: jax.lax.while_loop(lambda v: v.sum() < 100, lambda v: v * 2, jnp.abs(x)), X),
    "random numbers": (lambda seed: jax.random.uniform(jax.random.fold_in(jax.random.key(1), seed), (4,)), np.int32(3)),
    "half the bits": (lambda x: (x.astype("bfloat16") * 2).astype("float32"), X),
}  # fmt: skip


def gradient_of(function: Any) -> Any:
    def gradients(*given: Any) -> Any:
        first, *rest = given
        made, back = jax.vjp(lambda x: function(x, *rest), first)
        return back(jax.tree.map(lambda v: jnp.cos(jnp.arange(v.size, dtype=v.dtype)).reshape(v.shape), made))

    return gradients


CASES = (
    SMOOTH
    | {f"gradients of {name}": (gradient_of(function), *given) for name, (function, *given) in SMOOTH.items()}
    | OTHER
)


@pytest.mark.parametrize(("function", "given"), [(f, given) for f, *given in CASES.values()], ids=CASES)
def test_steps_give_what_the_compiled_function_gives(function: Any, given: list[Any]) -> None:
    with engine.own_rules(), np.errstate(all="ignore"):
        found = Steps(jax.make_jaxpr(function)(*given))(*given)
        expected = jax.tree.leaves(jax.jit(function)(*given))
    for value, right in zip(found, expected, strict=True):
        assert (np.shape(value), np.asarray(value).dtype) == (right.shape, right.dtype)
        np.testing.assert_allclose(value, right, rtol=2e-5, atol=1e-6)
