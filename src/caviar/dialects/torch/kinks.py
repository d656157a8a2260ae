"""Functions with kinks: where they have no derivative, their gradient is the one that PyTorch chose, and never NaN."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

Array = jax.Array
Dim = Any  # None, an int, or several


def magnitude(input: Array) -> Array:
    """The absolute values. The gradient at 0 is 0."""
    if not jnp.issubdtype(input.dtype, jnp.floating):
        return jnp.abs(input)
    return input * jax.lax.stop_gradient(jnp.where(jnp.isnan(input), 1, jnp.sign(input)))


def root(input: Array, order: float = 2) -> Array:
    """The root of a sum of powers. The gradient at 0 is 0."""
    positive = jnp.where(input == 0, 1, input)
    return jnp.where(input == 0, 0, jnp.sqrt(positive) if order == 2 else positive ** (1 / order))


def clamp(input: Array, min: Any = None, max: Any = None) -> Array:
    """The elements, clipped to [`min`, `max`]. The gradient at either end is 1."""
    input = input if min is None else jnp.where(input < min, min, input)
    return input if max is None else jnp.where(input > max, max, input)


def norm(input: Array, p: Any = 2, dim: Dim = None, keepdim: bool = False, dtype: Any = None) -> Array:
    """The p-norm of all elements, or along `dim`; of several dimensions too, of their elements. The gradient at 0 is 0."""
    input = input if dtype is None else input.astype(dtype)
    order, options = 2 if p in ("fro", None) else p, {"axis": dim, "keepdims": keepdim}
    if order in (float("inf"), -float("inf")):
        return (jnp.max if order > 0 else jnp.min)(magnitude(input), **options)
    if order == 0:
        return (input != 0).sum(**options).astype(input.dtype)
    if order == 1:
        return magnitude(input).sum(**options)
    return root((input * input if order == 2 else magnitude(input) ** order).sum(**options), order)


def var(
    input: Array, dim: Dim = None, unbiased: bool = True, keepdim: bool = False, correction: int | None = None
) -> Array:
    """The mean squared deviation with Bessel's correction, unless `correction=0`."""
    if isinstance(dim, bool):  # var(unbiased)
        dim, unbiased = None, dim
    ddof = int(unbiased) if correction is None else correction
    return jnp.var(input, axis=dim, keepdims=keepdim, ddof=ddof)


def std(
    input: Array, dim: Dim = None, unbiased: bool = True, keepdim: bool = False, correction: int | None = None
) -> Array:
    """The root of `var`. The gradient at 0 is 0."""
    return root(var(input, dim, unbiased, keepdim, correction))
