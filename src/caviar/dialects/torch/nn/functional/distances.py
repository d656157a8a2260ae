"""Norms of vectors, and distances between them."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from caviar.dialects.torch.functions import operation
from caviar.dialects.torch.kinks import norm

__all__ = ["cosine_similarity", "normalize", "pairwise_distance"]

Array = jax.Array


def length(x: Array, p: Any, axis: int, keepdims: bool = False) -> Array:
    """The p-norm along an axis, with gradient 0 where it is 0."""
    return norm(x, p, axis, keepdims)


def distance(x1: Array, x2: Array, p: Any = 2, eps: Any = 1e-6, keepdim: bool = False) -> Array:
    """The p-norm of `x1 - x2 + eps` along the last axis."""
    return length(x1 - x2 + eps, p, -1, keepdim)


@partial(operation, operands=2)
def pairwise_distance(x1: Array, x2: Array, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Array:
    """The distance of each vector of x1 from that of x2: the p-norm of `x1 - x2 + eps`."""
    return distance(x1, x2, p, eps, keepdim)


@partial(operation, operands=2)
def cosine_similarity(x1: Array, x2: Array, dim: int = 1, eps: float = 1e-8) -> Array:
    """The cosine of the angle between the vectors along `dim`."""
    one, other = (x / jnp.maximum(length(x, 2, dim, True), eps) for x in (x1, x2))
    return (one * other).sum(dim)


@operation
def normalize(input: Array, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Array:
    """Every vector along `dim` divided by its p-norm."""
    return input / jnp.maximum(length(input, p, dim, True), eps)
