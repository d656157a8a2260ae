"""Attention with several heads."""

from __future__ import annotations

import math
from typing import Any

from caviar.declarations import Share, Size
from caviar.dialects.torch import creation
from caviar.dialects.torch.nn import functional as F
from caviar.dialects.torch.nn.functional.attention import attention_weights, joined_masks
from caviar.dialects.torch.nn.linear import Linear, between
from caviar.dialects.torch.nn.module import Module
from caviar.dialects.torch.shapes import chunk
from caviar.dialects.torch.weights import Parameter
from caviar.errors import ArgumentError, ShapeError


class _Out(Linear):
    """The output projection, under the class name that PyTorch shows for it."""


_Out.__name__ = "NonDynamicallyQuantizableLinear"


def _xavier(rows: int, columns: int) -> Parameter:
    return between(math.sqrt(6 / (rows + columns)), (rows, columns))


class MultiheadAttention(Module):
    """Attention with several heads: softmax(q k^T / sqrt(size)) v on projections. Sequences are (steps, n, features) by default.

    >>> from caviar.dialects.torch.nn import MultiheadAttention
    >>> import caviar.dialects.torch as torch
    >>> x = torch.ones(2, 5, 8)
    >>> output, weights = MultiheadAttention(8, 2, batch_first=True)(x, x, x)
    >>> output.shape, weights.shape
    (torch.Size([2, 5, 8]), torch.Size([2, 5, 5]))
    """

    def __init__(
        self, embed_dim: Size, num_heads: Size, dropout: Share = 0.0, bias: bool = True, add_bias_kv: bool = False,
        add_zero_attn: bool = False, kdim: int | None = None, vdim: int | None = None, batch_first: bool = False,
        device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        if embed_dim % num_heads:
            raise ArgumentError(f"{num_heads} heads do not divide embed_dim={embed_dim}")
        if add_bias_kv or add_zero_attn:
            raise ArgumentError("add_bias_kv and add_zero_attn are not supported: leave them out")
        self.embed_dim, self.num_heads, self.dropout, self.batch_first = embed_dim, num_heads, dropout, batch_first
        self.kdim, self.vdim = kdim or embed_dim, vdim or embed_dim
        if self.kdim == self.vdim == embed_dim:
            self.in_proj_weight = _xavier(3 * embed_dim, embed_dim)
        else:
            self.q_proj_weight, self.k_proj_weight = _xavier(embed_dim, embed_dim), _xavier(embed_dim, self.kdim)
            self.v_proj_weight = _xavier(embed_dim, self.vdim)
        self.in_proj_bias = Parameter(creation.zeros(3 * embed_dim)) if bias else None
        self.out_proj = _Out(embed_dim, embed_dim, bias)
        if bias:
            self.out_proj.bias = Parameter(creation.zeros(embed_dim))

    def forward(
        self, query: Any, key: Any, value: Any, key_padding_mask: Any = None, need_weights: bool = True, attn_mask: Any = None,
        average_attn_weights: bool = True, is_causal: bool = False,
    ) -> Any:  # fmt: skip
        """The outputs and the weights; True in a mask hides, and floats are added to the scores."""
        if is_causal and attn_mask is None:
            raise ArgumentError(
                "is_causal=True needs the attn_mask: nn.Transformer.generate_square_subsequent_mask(steps)"
            )
        self._check(query, key, value)
        single = query.ndim == 2
        if single:
            query, key, value = (x.unsqueeze(0) for x in (query, key, value))
            key_padding_mask = None if key_padding_mask is None else key_padding_mask.unsqueeze(0)
        elif not self.batch_first:
            query, key, value = (x.transpose(0, 1) for x in (query, key, value))
        q, k, v = (self._heads(x) for x in self._projected(query, key, value))
        weights = F.dropout(
            attention_weights(q, k, joined_masks(attn_mask, key_padding_mask, self.num_heads)),
            self.dropout,
            self.training,
        )
        made = weights @ v
        output = self.out_proj(made.transpose(1, 2).reshape(made.shape[0], -1, self.embed_dim))
        output = output.squeeze(0) if single else output if self.batch_first else output.transpose(0, 1)
        if not need_weights:
            return output, None
        weights = weights.mean(1) if average_attn_weights else weights
        return output, weights.squeeze(0) if single else weights

    def _projected(self, *inputs: Any) -> Any:
        own = vars(self)
        biases = [None] * 3 if self.in_proj_bias is None else chunk(self.in_proj_bias, 3)
        if "in_proj_weight" in own:
            weights: Any = chunk(self.in_proj_weight, 3)
        else:
            weights = self.q_proj_weight, self.k_proj_weight, self.v_proj_weight
        return map(F.linear, inputs, weights, biases)

    def _heads(self, x: Any) -> Any:
        """(n, steps, features) as (n, heads, steps, features of a head)."""
        return x.reshape(*x.shape[:2], self.num_heads, -1).transpose(1, 2)

    def _check(self, *given: Any) -> None:
        for name, x, size in zip(("query", "key", "value"), given, (self.embed_dim, self.kdim, self.vdim), strict=True):
            if x.ndim not in (2, 3) or x.shape[-1] != size:
                order = "(n, steps, {})" if self.batch_first else "(steps, n, {})"
                raise ShapeError(
                    f"MultiheadAttention takes a {name} {order.format(size)}, and was given {tuple(x.shape)}"
                )
