"""Matrix products under the precision policy: operands in the compute type, sums in the weights' type."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from caviar import config


def matmul(x: jax.Array, w: jax.Array) -> jax.Array:
    """`x @ w`. Under 'mixed_bfloat16' the operands are rounded to bfloat16 and summed in float32.

    >>> import jax.numpy as jnp
    >>> from caviar.graph.products import matmul
    >>> matmul(jnp.ones((2, 3)), jnp.ones((3, 4))).shape
    (2, 4)
    """
    x, w, options = _lowered(x, w)
    return jnp.matmul(x, w, **options)


def einsum(equation: str, x: jax.Array, w: jax.Array) -> jax.Array:
    """`jnp.einsum` of two operands, under the precision policy.

    >>> import jax.numpy as jnp
    >>> from caviar.graph.products import einsum
    >>> einsum("ij,jk->ik", jnp.ones((2, 3)), jnp.ones((3, 4))).shape
    (2, 4)
    """
    x, w, options = _lowered(x, w)
    return jnp.einsum(equation, x, w, **options)


def _lowered(x: jax.Array, w: jax.Array) -> tuple[jax.Array, jax.Array, dict[str, Any]]:
    if config.compute_dtype() == config.floatx():
        return x, w, {}
    compute = jnp.dtype(config.compute_dtype())
    return x.astype(compute), w.astype(compute), {"preferred_element_type": jnp.dtype(config.floatx())}
