"""Attention: means of values, weighted by how well queries match keys."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp

from caviar.dialects.torch.functions import FUNCTIONS, record
from caviar.dialects.torch.nn.functional.noise import dropout
from caviar.dialects.torch.tensor import Tensor
from caviar.errors import ArgumentError

__all__ = ["scaled_dot_product_attention"]

Array = jax.Array


def _weights(query: Array, key: Array, mask: Array | None, scale: Any, is_causal: bool) -> Array:
    scores = query @ jnp.swapaxes(key, -1, -2) * (1 / math.sqrt(query.shape[-1]) if scale is None else scale)
    if is_causal:
        scores = jnp.where(jnp.tri(scores.shape[-2], scores.shape[-1], dtype=bool), scores, -jnp.inf)
    if mask is not None:
        scores = jnp.where(mask, scores, -jnp.inf) if mask.dtype == bool else scores + mask
    return jax.nn.softmax(scores, -1)


def scaled_dot_product_attention(
    query: Tensor, key: Tensor, value: Tensor, attn_mask: Any = None, dropout_p: float = 0.0, is_causal: bool = False,
    scale: float | None = None, enable_gqa: bool = False,
) -> Any:  # fmt: skip
    """`softmax(query @ key.T / sqrt(size)) @ value`; a mask of booleans is true where a key may be seen."""
    if enable_gqa:
        raise ArgumentError(
            "enable_gqa is not supported: repeat the heads of key and value, key.repeat_interleave(n, 1)"
        )
    if is_causal and attn_mask is not None:
        raise ArgumentError("give either attn_mask or is_causal=True, not both")
    return dropout(attention_weights(query, key, attn_mask, scale, is_causal), dropout_p) @ value


def attention_weights(
    query: Tensor, key: Tensor, mask: Any = None, scale: Any = None, is_causal: bool = False
) -> Tensor:
    """The weight of each key for each query (..., length, size)."""
    return record(_weights, query, key, mask, scale, is_causal=is_causal)


def _allowed(mask: Any) -> Any:
    """A mask in which True hides a key, as one in which True shows it."""
    return FUNCTIONS["logical_not"](mask) if mask is not None and str(mask.dtype) == "torch.bool" else mask


def joined_masks(attn_mask: Any, key_padding_mask: Any, heads: int) -> Any:
    """One mask (n, heads, length, keys) of both; in what is given True hides, and floats are added to the scores."""
    if attn_mask is not None and attn_mask.ndim == 3:
        attn_mask = attn_mask.reshape(-1, heads, *attn_mask.shape[1:])
    if key_padding_mask is not None:
        key_padding_mask = key_padding_mask.reshape(key_padding_mask.shape[0], 1, 1, -1)
    given = [_allowed(m) for m in (attn_mask, key_padding_mask) if m is not None]
    return record(_both, *given) if len(given) == 2 else given[0] if given else None


def _both(one: Array, other: Array) -> Array:
    if one.dtype == other.dtype == bool:
        return one & other
    added = [jnp.where(m, 0.0, -jnp.inf) if m.dtype == bool else m for m in (one, other)]
    return added[0] + added[1]
