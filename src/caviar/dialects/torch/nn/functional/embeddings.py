"""Embeddings: vectors for class numbers."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from caviar.dialects.torch.bounds import check_inside
from caviar.dialects.torch.functions import record
from caviar.dialects.torch.tensor import Tensor
from caviar.errors import ArgumentError, unknown_name

__all__ = ["embedding", "embedding_bag", "one_hot"]

Array = jax.Array


def _one_hot(input: Array, num_classes: int) -> Array:
    return jax.nn.one_hot(input, num_classes, dtype=jnp.asarray(0).dtype)


def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """A row for each class number, with 1 at its place and 0 elsewhere."""
    classes = int(np.asarray(tensor.array()).max()) + 1 if num_classes < 0 else num_classes
    check_inside(tensor, classes, "class")
    return record(_one_hot, tensor, num_classes=classes)


def _unlearned(weight: Array, row: int | None) -> Array:
    """The rows of the weight; that of `padding_idx` gets no gradient."""
    return weight if row is None else weight.at[row].set(jax.lax.stop_gradient(weight[row]))


def _rows(weight: Array, ids: Array, padding_idx: int | None) -> Array:
    """The rows for these numbers; NaN for those outside the table, also negative ones."""
    return jnp.take(_unlearned(weight, padding_idx), jnp.where(ids < 0, len(weight), ids), axis=0, mode="fill")


def _embedding(input: Array, weight: Array, padding_idx: int | None) -> Array:
    return _rows(weight, input, padding_idx)


def embedding(
    input: Tensor, weight: Any, padding_idx: int | None = None, max_norm: Any = None, norm_type: float = 2.0,
    scale_grad_by_freq: bool = False, sparse: bool = False,
) -> Any:  # fmt: skip
    """The row of the weight for each class number; NaN for numbers without a row."""
    _check_options(max_norm, scale_grad_by_freq)
    check_inside(input, weight.shape[0], "row")
    return record(_embedding, input, weight, padding_idx=padding_idx)


def _check_options(max_norm: Any, scale_grad_by_freq: bool) -> None:
    if max_norm is not None or scale_grad_by_freq:
        raise ArgumentError(
            "embeddings with max_norm or scale_grad_by_freq are not supported: leave them out, and shorten the rows "
            "yourself, F.normalize(weight), where they must be short"
        )


def _embedding_bag(
    input: Array, weight: Array, offsets: Array | None, per_sample_weights: Array | None, mode: str, padding_idx: int | None
) -> Array:  # fmt: skip
    rows = _rows(weight, input.reshape(-1), padding_idx)
    if offsets is None:
        bags, at = input.shape[0], jnp.repeat(jnp.arange(input.shape[0]), input.shape[1])
    else:
        bags, at = offsets.shape[0], jnp.searchsorted(offsets, jnp.arange(input.shape[0]), side="right") - 1
    counts = jnp.ones(rows.shape[0], bool) if padding_idx is None else input.reshape(-1) != padding_idx
    many = jax.ops.segment_sum(counts.astype(rows.dtype), at, bags)[:, None]
    if mode == "max":
        largest = jax.ops.segment_max(jnp.where(counts[:, None], rows, -jnp.inf), at, bags)
        return jnp.where(many > 0, largest, 0)
    rows = jnp.where(counts[:, None], rows, 0)
    rows = rows if per_sample_weights is None else rows * per_sample_weights.reshape(-1, 1)
    total = jax.ops.segment_sum(rows, at, bags)
    return total / jnp.maximum(many, 1) if mode == "mean" else total


def embedding_bag(
    input: Tensor, weight: Any, offsets: Any = None, max_norm: Any = None, norm_type: float = 2, scale_grad_by_freq: bool = False,
    mode: str = "mean", sparse: bool = False, per_sample_weights: Any = None, include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Any:  # fmt: skip
    """The sum, mean or largest of the rows of each bag: a row of the input, or what begins at each offset."""
    _check_options(max_norm, scale_grad_by_freq)
    if mode not in ("sum", "mean", "max"):
        raise unknown_name("mode of embedding_bag", mode, ("sum", "mean", "max"))
    if (offsets is None) != (input.ndim == 2):
        raise ArgumentError("embedding_bag takes bags as rows (n, length), or one long row (length,) with offsets=")
    if per_sample_weights is not None and mode != "sum":
        raise ArgumentError(f"per_sample_weights are for mode='sum', not {mode!r}")
    offsets = offsets[:-1] if include_last_offset else offsets
    check_inside(input, weight.shape[0], "row")
    return record(_embedding_bag, input, weight, offsets, per_sample_weights, mode=mode, padding_idx=padding_idx)
