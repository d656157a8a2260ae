"""Transformers: attention and two linear layers, each with a residual connection and normalization."""

from __future__ import annotations

import copy
from typing import Any

from caviar.declarations import Count, Share, Size
from caviar.dialects.torch import creation
from caviar.dialects.torch.nn import functional as F
from caviar.dialects.torch.nn.attention import MultiheadAttention
from caviar.dialects.torch.nn.containers import ModuleList
from caviar.dialects.torch.nn.linear import Linear, between
from caviar.dialects.torch.nn.module import Module
from caviar.dialects.torch.nn.noise import Dropout
from caviar.dialects.torch.nn.normalization import LayerNorm
from caviar.errors import unknown_name

_ACTIVATIONS = {"relu": F.relu, "gelu": F.gelu}


class _Block(Module):
    """The base of encoder and decoder layers."""

    attentions: tuple[str, ...] = ("self_attn",)

    def __init__(
        self, d_model: Count, nhead: Size, dim_feedforward: Count = 2048, dropout: Share = 0.1, activation: Any = F.relu,
        layer_norm_eps: float = 1e-5, batch_first: bool = False, norm_first: bool = False, bias: bool = True,
        device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        if not callable(activation) and activation not in _ACTIVATIONS:
            raise unknown_name("activation", activation, _ACTIVATIONS)
        for name in self.attentions:
            setattr(self, name, MultiheadAttention(d_model, nhead, dropout, bias, batch_first=batch_first))
        self.linear1, self.dropout = Linear(d_model, dim_feedforward, bias), Dropout(dropout)
        self.linear2, self.norm_first = Linear(dim_feedforward, d_model, bias), norm_first
        steps = range(1, len(self.attentions) + 2)
        for i in steps:
            setattr(self, f"norm{i}", LayerNorm(d_model, layer_norm_eps, bias=bias))
        for i in steps:
            setattr(self, f"dropout{i}", Dropout(dropout))
        self.activation = _ACTIVATIONS.get(activation, activation) if isinstance(activation, str) else activation

    def _added(self, x: Any, i: int, step: Any) -> Any:
        """The input plus the output of sublayer i, normalized before or after."""
        norm, dropout = getattr(self, f"norm{i}"), getattr(self, f"dropout{i}")
        return x + dropout(step(norm(x))) if self.norm_first else norm(x + dropout(step(x)))

    def _feed(self, x: Any) -> Any:
        return self.linear2(self.dropout(self.activation(self.linear1(x))))


class TransformerEncoderLayer(_Block):
    """Attention of a sequence to itself, then two linear layers at each step.

    >>> from caviar.dialects.torch.nn import TransformerEncoderLayer
    >>> import caviar.dialects.torch as torch
    >>> TransformerEncoderLayer(8, 2, 16, batch_first=True)(torch.ones(2, 5, 8)).shape
    torch.Size([2, 5, 8])
    """

    def forward(self, src: Any, src_mask: Any = None, src_key_padding_mask: Any = None, is_causal: bool = False) -> Any:
        """The sequence after attention and linear layers."""
        options = {"key_padding_mask": src_key_padding_mask, "attn_mask": src_mask, "need_weights": False}
        x = self._added(src, 1, lambda x: self.self_attn(x, x, x, **options)[0])
        return self._added(x, 2, self._feed)


class TransformerDecoderLayer(_Block):
    """Attention of a sequence to itself, then to a memory, then two linear layers at each step."""

    attentions = ("self_attn", "multihead_attn")

    def forward(
        self, tgt: Any, memory: Any, tgt_mask: Any = None, memory_mask: Any = None, tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None, tgt_is_causal: bool = False, memory_is_causal: bool = False,
    ) -> Any:  # fmt: skip
        """The sequence after both attentions and the linear layers."""
        own = {"key_padding_mask": tgt_key_padding_mask, "attn_mask": tgt_mask, "need_weights": False}
        other = {"key_padding_mask": memory_key_padding_mask, "attn_mask": memory_mask, "need_weights": False}
        x = self._added(tgt, 1, lambda x: self.self_attn(x, x, x, **own)[0])
        x = self._added(x, 2, lambda x: self.multihead_attn(x, memory, memory, **other)[0])
        return self._added(x, 3, self._feed)


class _Layers(Module):
    """The base of stacks of copies of one layer."""

    def __init__(self, layer: Module, num_layers: Size, norm: Module | None) -> None:
        super().__init__()
        self.layers = ModuleList([copy.deepcopy(layer) for _ in range(num_layers)])
        self.num_layers, self.norm = num_layers, norm

    def _through(self, x: Any, *args: Any) -> Any:
        for layer in self.layers:
            x = layer(x, *args)
        return x if self.norm is None else self.norm(x)


class TransformerEncoder(_Layers):
    """So many copies of an encoder layer."""

    def __init__(
        self, encoder_layer: Module, num_layers: Size, norm: Module | None = None, enable_nested_tensor: bool = True,
        mask_check: bool = True,
    ) -> None:  # fmt: skip
        super().__init__(encoder_layer, num_layers, norm)

    def forward(self, src: Any, mask: Any = None, src_key_padding_mask: Any = None, is_causal: Any = None) -> Any:
        """The sequence after all layers."""
        return self._through(src, mask, src_key_padding_mask)


class TransformerDecoder(_Layers):
    """So many copies of a decoder layer."""

    def __init__(self, decoder_layer: Module, num_layers: Size, norm: Module | None = None) -> None:
        super().__init__(decoder_layer, num_layers, norm)

    def forward(
        self, tgt: Any, memory: Any, tgt_mask: Any = None, memory_mask: Any = None, tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None, tgt_is_causal: Any = None, memory_is_causal: bool = False,
    ) -> Any:  # fmt: skip
        """The sequence after all layers."""
        return self._through(tgt, memory, tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask)


class Transformer(Module):
    """An encoder of the source sequence, and a decoder of the target that attends to the encoder's output."""

    def __init__(
        self, d_model: Count = 512, nhead: Size = 8, num_encoder_layers: Size = 6, num_decoder_layers: Size = 6,
        dim_feedforward: Count = 2048, dropout: Share = 0.1, activation: Any = F.relu, custom_encoder: Any = None,
        custom_decoder: Any = None, layer_norm_eps: float = 1e-5, batch_first: bool = False, norm_first: bool = False,
        bias: bool = True, device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        common = (d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first, norm_first, bias)
        norms = [LayerNorm(d_model, layer_norm_eps, bias=bias) for _ in range(2)]
        self.encoder = custom_encoder or TransformerEncoder(
            TransformerEncoderLayer(*common), num_encoder_layers, norms[0]
        )
        self.decoder = custom_decoder or TransformerDecoder(
            TransformerDecoderLayer(*common), num_decoder_layers, norms[1]
        )
        for p in self.parameters():
            if p.ndim > 1:
                p.data = between((6 / sum(p.shape)) ** 0.5, tuple(p.shape))

    def forward(
        self, src: Any, tgt: Any, src_mask: Any = None, tgt_mask: Any = None, memory_mask: Any = None,
        src_key_padding_mask: Any = None, tgt_key_padding_mask: Any = None, memory_key_padding_mask: Any = None, **_: Any,
    ) -> Any:  # fmt: skip
        """The target sequence after the decoder."""
        memory = self.encoder(src, src_mask, src_key_padding_mask)
        return self.decoder(tgt, memory, tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask)

    @staticmethod
    def generate_square_subsequent_mask(sz: int, device: Any = None, dtype: Any = None) -> Any:
        """Minus infinity where a step would see a later one, else 0."""
        return creation.full((sz, sz), float("-inf"), dtype=dtype).triu(1)
