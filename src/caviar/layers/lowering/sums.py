"""Sums over examples and space, and the additions and products that have such sums as gradients.

XLA on a CPU sums columns one at a time, which inside a loop costs as much as a convolution. It is faster to add a few parts of the
batch first, which XLA unrolls, and to sum the rest as a product with a row of ones: that uses every core and its vector unit.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from caviar.layers.lowering.platform import materialized, uses_own_lowering


def sums(x: jax.Array) -> jax.Array:
    """The sum over all axes but the last.

    >>> import jax.numpy as jnp
    >>> from caviar.layers.lowering.sums import sums
    >>> sums(jnp.ones((2, 3, 4))).tolist()
    [6.0, 6.0, 6.0, 6.0]
    """
    if not uses_own_lowering():
        return x.sum(tuple(range(x.ndim - 1)))
    parts = next(n for n in range(8, 0, -1) if x.shape[0] % n == 0)
    rows = x.reshape(parts, -1, *x.shape[1:]).sum(0).reshape(-1, x.shape[-1])
    return jnp.ones(rows.shape[0], rows.dtype) @ rows


def add(x: jax.Array, bias: jax.Array) -> jax.Array:
    """`x + bias`, one number for each channel.

    >>> import jax.numpy as jnp
    >>> from caviar.layers.lowering.sums import add
    >>> add(jnp.zeros((2, 2)), jnp.array([1.0, 2.0])).tolist()
    [[1.0, 2.0], [1.0, 2.0]]
    """
    return _add(x, bias) if uses_own_lowering() else x + bias


def scale(x: jax.Array, factor: jax.Array) -> jax.Array:
    """`x * factor`, one number for each channel.

    >>> import jax.numpy as jnp
    >>> from caviar.layers.lowering.sums import scale
    >>> scale(jnp.ones((2, 2)), jnp.array([1.0, 2.0])).tolist()
    [[1.0, 2.0], [1.0, 2.0]]
    """
    return _scale(x, factor) if uses_own_lowering() else x * factor


@jax.custom_vjp
def _add(x: jax.Array, bias: jax.Array) -> jax.Array:
    return x + bias


def _add_backward(_: None, dy: jax.Array) -> tuple[jax.Array, jax.Array]:
    dy = materialized(dy)
    return dy, sums(dy)


_add.defvjp(lambda x, bias: (x + bias, None), _add_backward)


@jax.custom_vjp
def _scale(x: jax.Array, factor: jax.Array) -> jax.Array:
    return x * factor


def _scale_backward(residuals: tuple[jax.Array, jax.Array], dy: jax.Array) -> tuple[jax.Array, jax.Array]:
    x, factor = residuals
    return dy * factor, sums(dy * x)


_scale.defvjp(lambda x, factor: (x * factor, (x, factor)), _scale_backward)
