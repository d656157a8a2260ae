"""Embeddings: a row of a matrix for each class number."""

from __future__ import annotations

from typing import Any

from caviar.declarations import Count
from caviar.dialects.torch import creation
from caviar.dialects.torch.nn import functional as F
from caviar.dialects.torch.nn.module import Module
from caviar.dialects.torch.weights import Parameter
from caviar.errors import ArgumentError


class _Rows(Module):
    """The base of embeddings: a row for each class number, initially from the standard normal distribution."""

    def _make(
        self, num_embeddings: Count, embedding_dim: Count, padding_idx: int | None, given: Any, frozen: bool
    ) -> None:
        if padding_idx is not None and not -num_embeddings <= padding_idx < num_embeddings:
            raise ArgumentError(f"padding_idx={padding_idx} is not among the {num_embeddings} embeddings")
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        self.padding_idx = padding_idx if padding_idx is None else padding_idx % num_embeddings
        rows = creation.generator().normal(size=(num_embeddings, embedding_dim)).astype(creation.default())
        if self.padding_idx is not None:
            rows[self.padding_idx] = 0
        self.weight = Parameter(creation.fresh(rows) if given is None else given, requires_grad=not frozen)

    @classmethod
    def from_pretrained(cls, embeddings: Any, freeze: bool = True, **options: Any) -> Any:
        """The module with given rows, which are not trained unless `freeze=False`."""
        options |= {"_weight": embeddings, "_freeze": freeze}
        return cls(*embeddings.shape, **options)


class Embedding(_Rows):
    """The row of a matrix for each class number; that of `padding_idx` is not trained.

    >>> from caviar.dialects.torch.nn import Embedding
    >>> Embedding(10, 3)
    Embedding(10, 3)
    """

    def __init__(
        self, num_embeddings: Count, embedding_dim: Count, padding_idx: int | None = None, max_norm: float | None = None,
        norm_type: float = 2.0, scale_grad_by_freq: bool = False, sparse: bool = False, _weight: Any = None,
        _freeze: bool = False, device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.max_norm, self.scale_grad_by_freq = max_norm, scale_grad_by_freq
        self._make(num_embeddings, embedding_dim, padding_idx, _weight, _freeze)

    def forward(self, input: Any) -> Any:
        """The rows."""
        own = {"max_norm": self.max_norm, "scale_grad_by_freq": self.scale_grad_by_freq}
        return F.embedding(input, self.weight, self.padding_idx, **own)

    def extra_repr(self) -> str:
        """The sizes."""
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.num_embeddings}, {self.embedding_dim}{padding}"


class EmbeddingBag(_Rows):
    """The sum, mean or largest of the rows of each bag of class numbers.

    >>> from caviar.dialects.torch.nn import EmbeddingBag
    >>> EmbeddingBag(10, 3)
    EmbeddingBag(10, 3, mode='mean')
    """

    def __init__(
        self, num_embeddings: Count, embedding_dim: Count, max_norm: float | None = None, norm_type: float = 2.0,
        scale_grad_by_freq: bool = False, mode: str = "mean", sparse: bool = False, _weight: Any = None,
        include_last_offset: bool = False, padding_idx: int | None = None, _freeze: bool = False, device: Any = None,
        dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.max_norm, self.scale_grad_by_freq = max_norm, scale_grad_by_freq
        self.mode, self.include_last_offset = mode, include_last_offset
        self._make(num_embeddings, embedding_dim, padding_idx, _weight, _freeze)

    def forward(self, input: Any, offsets: Any = None, per_sample_weights: Any = None) -> Any:
        """The result for each bag."""
        return F.embedding_bag(
            input, self.weight, offsets, self.max_norm, scale_grad_by_freq=self.scale_grad_by_freq, mode=self.mode,
            per_sample_weights=per_sample_weights, include_last_offset=self.include_last_offset, padding_idx=self.padding_idx,
        )  # fmt: skip

    def extra_repr(self) -> str:
        """The sizes and the mode."""
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.num_embeddings}, {self.embedding_dim}, mode={self.mode!r}{padding}"
