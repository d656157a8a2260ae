"""Attention: each query takes a weighted mean of values, with weights that come from comparing it with keys."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from caviar.declarations import Axes, OneOf, Seed, Share, Size, Sizes
from caviar.dice import beside, keep
from caviar.errors import ArgumentError, FrameError, ShapeError
from caviar.graph.context import current
from caviar.graph.products import einsum, matmul
from caviar.layers.argument_types import InitializerLike, RegularizerLike, Weight
from caviar.layers.base import Layer
from caviar.live import Live, whole
from caviar.parts import is_off
from caviar.placing import Placement

__all__ = ["AdditiveAttention", "Attention", "MultiHeadAttention"]


@dataclass(eq=False, repr=False)
class Attention(Layer):
    """Dot-product attention over [query, value] or [query, value, key], each (batch, steps, features).

    `score_mode` is 'dot', or 'concat' for a weighted sum of tanh(query + key).

    >>> import jax.numpy as jnp
    >>> from caviar.layers import Attention
    >>> Attention()([jnp.ones((2, 4, 3)), jnp.ones((2, 5, 3))]).shape
    (2, 4, 3)
    """

    use_scale: bool = False
    score_mode: Annotated[str, OneOf("dot", "concat")] = "dot"
    dropout: Share = 0.0
    seed: Seed | None = None

    scale: ClassVar[Weight]
    concat_score_weight: ClassVar[Weight]

    takes = "floats"

    def build(self, input_shape: Any) -> None:
        """Declare the scale, if there is one."""
        _check_inputs(self, input_shape)
        if self.use_scale:
            self.add_weight("scale", (), "ones")
        if self.score_mode == "concat":
            self.add_weight("concat_score_weight", (), "ones")

    def call(
        self,
        inputs: list[jax.Array],
        mask: Any = None,
        return_attention_scores: bool = False,
        use_causal_mask: bool = False,
        rng: jax.Array | None = None,
    ) -> Any:
        """The weighted mean of the values for each query; with the weights, if `return_attention_scores`."""
        query, value, key = (*inputs, inputs[1])[:3]
        of_query, of_value = (None, None) if mask is None else mask[:2]
        scores = self._scores(query, key)
        allowed = None if of_value is None else of_value[:, None, :]
        weights = _shares(scores, _both(allowed, _causal(scores) if use_causal_mask else None))
        y = matmul(_dropped(weights, self.dropout, rng, self.seed), value)
        y = y if of_query is None else jnp.where(of_query[..., None], y, 0)
        return (y, weights) if return_attention_scores else y

    def _scores(self, query: jax.Array, key: jax.Array) -> jax.Array:
        scale = self.scale if self.use_scale else 1
        if self.score_mode == "dot":
            return matmul(query, jnp.swapaxes(key, -1, -2)) * scale
        both = jnp.tanh(scale * (query[..., :, None, :] + key[..., None, :, :]))
        return self.concat_score_weight * both.sum(-1)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The mask of the query."""
        return None if mask is None else mask[0]


@dataclass(eq=False, repr=False)
class AdditiveAttention(Layer):
    """Bahdanau's attention: the score of a query and a key is a weighted sum of tanh(query + key).

    >>> import jax.numpy as jnp
    >>> from caviar.layers import AdditiveAttention
    >>> AdditiveAttention()([jnp.ones((2, 4, 3)), jnp.ones((2, 5, 3))]).shape
    (2, 4, 3)
    """

    use_scale: bool = True
    dropout: Share = 0.0
    seed: Seed | None = None

    scale: ClassVar[Weight]

    call = Attention.call
    compute_mask = Attention.compute_mask

    takes = "floats"

    def build(self, input_shape: Any) -> None:
        """Declare the weights of the sum, if there are any."""
        _check_inputs(self, input_shape)
        if self.use_scale:
            self.add_weight("scale", (input_shape[0][-1],))

    def _scores(self, query: jax.Array, key: jax.Array) -> jax.Array:
        both = jnp.tanh(query[..., :, None, :] + key[..., None, :, :])
        return (both * self.scale if self.use_scale else both).sum(-1)


@dataclass(eq=False, repr=False)
class MultiHeadAttention(Layer):
    """Several attentions (heads) at once, each on its own projections: `layer(query, value)`, or `layer(x, x)` for self-attention.

    `attention_axes` are the axes attended over, by default all between the batch and the features. Masks of the inputs
    count, and so does an `attention_mask` of shape (batch, query steps, key steps).

    >>> import jax.numpy as jnp
    >>> from caviar.layers import MultiHeadAttention
    >>> MultiHeadAttention(2, 3)(jnp.ones((2, 4, 6)), jnp.ones((2, 5, 6))).shape
    (2, 4, 6)
    """

    num_heads: Size
    key_dim: Size
    value_dim: Size | None = None
    dropout: Share = 0.0
    use_bias: bool = True
    output_shape: Sizes | None = None
    attention_axes: Axes | None = None
    kernel_initializer: InitializerLike = "glorot_uniform"
    bias_initializer: InitializerLike = "zeros"
    kernel_regularizer: RegularizerLike = None
    bias_regularizer: RegularizerLike = None
    seed: Seed | None = None

    supports_masking = True
    takes = "floats"

    def build(self, query_shape: Any, value_shape: Any, key_shape: Any = None) -> None:  # type: ignore[override]
        """Declare the projections of query, key, value and output."""
        heads, value_dim = self.num_heads, self.value_dim or self.key_dim
        output = self.output_shape if self.output_shape is not None else query_shape[-1]
        output = (output,) if isinstance(output, int) else tuple(output)
        self._projection("query", query_shape[-1:], (heads, self.key_dim))
        self._projection("key", (key_shape or value_shape)[-1:], (heads, self.key_dim))
        self._projection("value", value_shape[-1:], (heads, value_dim))
        self._projection("attention_output", (heads, value_dim), output)

    def _projection(self, name: str, into: tuple[int, ...], out_of: tuple[int, ...]) -> None:
        self.add_weight(f"{name}/kernel", (*into, *out_of), self.kernel_initializer, self.kernel_regularizer)
        if self.use_bias:
            self.add_weight(f"{name}/bias", out_of, self.bias_initializer, self.bias_regularizer)

    def call(
        self,
        query: jax.Array,
        value: jax.Array,
        key: jax.Array | None = None,
        query_mask: Any = None,
        value_mask: Any = None,
        key_mask: Any = None,
        attention_mask: Any = None,
        return_attention_scores: bool = False,
        use_causal_mask: bool = False,
        rng: jax.Array | None = None,
    ) -> Any:
        """The heads' results, projected; with the weights (batch, heads, query steps, key steps), if `return_attention_scores`."""
        allowed = _both(_mask(query, query_mask, -1), _mask(value, value_mask, -2))
        allowed = _both(allowed, None if key is None else _mask(key, key_mask, -2))
        allowed = _both(allowed, None if attention_mask is None else jnp.asarray(attention_mask, bool))
        key = value if key is None else key
        axes = self._axes(query.ndim)
        depth = math.sqrt(self.key_dim) if self.depth is None else jnp.sqrt(jnp.asarray(self.depth, query.dtype))
        q = self._project("query", _merged(query, axes)) / depth
        k, v = self._project("key", _merged(key, axes)), self._project("value", _merged(value, axes))
        scores = einsum("...qnd,...knd->...nqk", q, k)
        weights = _shares(scores, _both(allowed, _causal(scores) if use_causal_mask else None))
        found = einsum("...nqk,...knd->...qnd", _dropped(weights, self.dropout, rng, self.seed), v)
        y = _separated(self._project("attention_output", found, 2), query.shape, axes)
        return (y, weights) if return_attention_scores else y

    depth: ClassVar[Any] = None  # the member's own key_dim, in a frame
    may_differ = ("num_heads", "key_dim", "value_dim")

    def live(self, member: Placement, query: Live, value: Live, key: Live | None = None, **how: Any) -> Live:
        """The features of the query, or those asked for; heads and their widths are live from the first on."""
        heads, deep = member.axis(self.num_heads), member.axis(self.key_dim)
        wide = member.axis(self.value_dim or self.key_dim)
        if how.get("return_attention_scores"):
            raise FrameError(f"the weights of each head of {self.name} are looked at")
        member.need_whole(self, *(Live(x[:-1]) for x in (query, value, key) if x is not None))
        given = self.output_shape
        output = (query[-1],) if given is None else whole((given,) if isinstance(given, int) else given)
        parts: dict[str, Any] = {"query": (query[-1:], (heads, deep)), "key": ((key or value)[-1:], (heads, deep))}
        parts |= {"value": (value[-1:], (heads, wide)), "attention_output": ((heads, wide), output)}
        for name, (into, out_of) in parts.items():
            member.weigh(getattr(self, f"{name}/kernel"), *into, *out_of)
            if self.use_bias:
                member.weigh(getattr(self, f"{name}/bias"), *out_of)
        member.tell(self, not deep.all(), depth=np.float32(deep.sum()))
        return Live((*query[:-1], *output))

    def _axes(self, ndim: int) -> tuple[int, ...]:
        given = range(1, ndim - 1) if self.attention_axes is None else self.attention_axes
        return tuple(sorted(axis % ndim for axis in ((given,) if isinstance(given, int) else given)))

    def _project(self, name: str, x: jax.Array, ndim: int = 1) -> jax.Array:
        """The last axes of x times the kernel of that name, as one product of matrices."""
        kernel = getattr(self, f"{name}/kernel")
        y = matmul(x.reshape(*x.shape[:-ndim], -1), kernel.reshape(math.prod(kernel.shape[:ndim]), -1))
        y = y.reshape(*x.shape[:-ndim], *kernel.shape[ndim:])
        return y + getattr(self, f"{name}/bias") if self.use_bias else y


def _check_inputs(layer: Layer, input_shape: Any) -> None:
    if not isinstance(input_shape[0], tuple) or len(input_shape) not in (2, 3):
        raise ArgumentError(f"{layer.name!r} wants a list: [query, value] or [query, value, key]")
    widths = input_shape[0][-1], input_shape[-1][-1]
    if widths[0] != widths[1]:
        raise ShapeError(
            f"{layer.name!r} compares queries of {widths[0]} features with keys of {widths[1]}: they must agree"
        )


def _mask(x: jax.Array, given: Any, axis: int) -> Any:
    """The mask of an input, given or attached to it, in the shape of scores."""
    context = current()
    mask = context.mask_of(x) if given is None and context is not None else given
    return None if mask is None else jnp.expand_dims(jnp.asarray(mask, bool), axis)


def _both(a: Any, b: Any) -> Any:
    return b if a is None else a if b is None else a & b


def _causal(scores: jax.Array) -> jax.Array:
    """True where the key is not later than the query."""
    return jnp.tri(scores.shape[-2], scores.shape[-1], dtype=bool)


def _shares(scores: jax.Array, allowed: Any) -> jax.Array:
    """Scores to weights that sum to 1 over the keys; to zeros where no key is allowed."""
    if allowed is None:
        return jax.nn.softmax(scores)
    if allowed.ndim > 2:  # a mask has an axis for the batch, but none for heads
        allowed = allowed.reshape(allowed.shape[0], *(1,) * (scores.ndim - allowed.ndim), *allowed.shape[1:])
    return jnp.where(allowed, jax.nn.softmax(jnp.where(allowed, scores, jnp.finfo(scores.dtype).min)), 0)


def _dropped(weights: jax.Array, rate: Any, rng: jax.Array | None, seed: int | None) -> jax.Array:
    if rng is None or is_off(rate):
        return weights
    kept = keep(rng if seed is None else beside(rng, draw=seed + 1), rate, weights.shape)
    return jnp.where(kept, weights / (1 - rate), 0)


def _merged(x: jax.Array, axes: tuple[int, ...]) -> jax.Array:
    """The axes attended over merged into one, in front of the features."""
    x = jnp.moveaxis(x, axes, range(x.ndim - 1 - len(axes), x.ndim - 1))
    return x.reshape(*x.shape[: x.ndim - 1 - len(axes)], -1, x.shape[-1])


def _separated(y: jax.Array, shape: tuple[int, ...], axes: tuple[int, ...]) -> jax.Array:
    """The merged axes separated again, as in the input of this shape."""
    others = [n for axis, n in enumerate(shape[:-1]) if axis not in axes]
    y = y.reshape(*others, *(shape[axis] for axis in axes), *y.shape[len(others) + 1 :])
    return jnp.moveaxis(y, range(len(others), len(others) + len(axes)), axes)
