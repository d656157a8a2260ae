"""Embedding indices as vectors, and masking steps of sequences."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from caviar.declarations import Size
from caviar.layers.argument_types import ConstraintLike, InitializerLike, RegularizerLike, Weight
from caviar.layers.base import Layer
from caviar.live import Live
from caviar.placing import Placement

__all__ = ["Embedding", "Masking"]


@dataclass(eq=False, repr=False)
class Embedding(Layer):
    """A learned vector for each index from 0 to `input_dim - 1`.

    With `mask_zero`, index 0 is padding: the layers that follow ignore those steps.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import Embedding
    >>> Embedding(10, 4)(jnp.array([[1, 2, 3]])).shape
    (1, 3, 4)
    """

    input_dim: Size = field()  # required, so it comes before the optional fields of all layers
    output_dim: Size
    embeddings_initializer: InitializerLike = "uniform"
    embeddings_regularizer: RegularizerLike = None
    embeddings_constraint: ConstraintLike = field(default=None, kw_only=True)
    mask_zero: bool = False
    input_length: Size | None = None

    embeddings: ClassVar[Weight]

    supports_masking = True
    takes = "ids"

    @property
    def known_ids(self) -> int:  # type: ignore[override]
        """As many as the table has rows."""
        return int(self.input_dim)

    def build(self, input_shape: Any) -> None:
        """Declare the table of vectors."""
        shape = (self.input_dim, self.output_dim)
        self.add_weight("embeddings", shape, self.embeddings_initializer, self.embeddings_regularizer)

    def call(self, x: jax.Array) -> jax.Array:
        """The vector of every index; NaN for one outside the table, which `fit` and `predict` refuse before."""
        x = x if jnp.issubdtype(x.dtype, jnp.integer) else x.astype("int32")
        x = jnp.where(x < 0, self.input_dim, x) if jnp.issubdtype(x.dtype, jnp.signedinteger) else x
        return jnp.take(self.embeddings, x, axis=0, mode="fill")

    def live(self, member: Placement, x: Live) -> Live:
        """The first numbers of the vectors of the first indices."""
        member.need_whole(self, x)
        member.weigh(self.embeddings, member.axis(self.input_dim), member.axis(self.output_dim))
        return Live((*x, member.axis(self.output_dim)))

    may_differ = ("input_dim", "output_dim")

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """True where the index is not 0, if 0 is padding."""
        return inputs != 0 if self.mask_zero else mask


@dataclass(eq=False, repr=False)
class Masking(Layer):
    """Mask the steps in which every feature is `mask_value`: the layers that follow ignore them.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import Masking
    >>> Masking(-1.0)(jnp.array([[[1.0, -1.0], [-1.0, -1.0]]])).tolist()
    [[[1.0, -1.0], [0.0, 0.0]]]
    """

    mask_value: float = 0.0

    supports_masking = True
    takes = "anything"

    def call(self, x: jax.Array) -> jax.Array:
        """The sequence with zeros in masked steps."""
        return jnp.where(self.compute_mask(x)[..., None], x, 0)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """True for the steps that count."""
        return (inputs != self.mask_value).any(-1)
