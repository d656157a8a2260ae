"""What networks compute: activations, convolutions, pooling, normalization, crossentropies, attention."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp

from caviar import activations, config
from caviar.declarations import Axes, Axis, DataType, NotNegative, Size
from caviar.errors import ArgumentError, ShapeError
from caviar.ops.tables import sequences, sliding
from caviar.ops.words import Function, in_words, same, table_of

_WORDS = {
    "x /": "hard_sigmoid hard_silu hard_tanh log_sigmoid relu relu6 selu sigmoid silu softplus softsign sparse_plus sparse_sigmoid "
    "tanh_shrink",
    "x / alpha=1.0": "celu elu",
    "x / axis=-1": "glu log_softmax softmax sparsemax",
    "x / threshold=0.5": "hard_shrink soft_shrink",
    "x / negative_slope=0.2": "leaky_relu",
    "x / b=4": "squareplus",
    "x threshold default_value /": "threshold",
}


def gelu(x: jax.Array, approximate: bool = True) -> jax.Array:
    """`x * P(X <= x)` for a standard normal X; by default approximated with tanh.

    >>> import jax.numpy as jnp
    >>> from caviar.ops.tables.network import gelu
    >>> gelu(jnp.array(0.0)).item()
    0.0
    """
    return jax.nn.gelu(x, approximate)


def one_hot(
    x: Any, num_classes: Size, axis: Axis = -1, dtype: DataType | None = None, sparse: bool = False
) -> jax.Array:
    """A row of zeros with a one at each number's place.

    >>> from caviar.ops.tables.network import one_hot
    >>> one_hot(1, 3).tolist()
    [0.0, 1.0, 0.0]
    """
    del sparse  # every array is dense
    return jax.nn.one_hot(jnp.asarray(x), num_classes, axis=axis, dtype=dtype or config.floatx())


def multi_hot(
    inputs: jax.Array,
    num_classes: Size | None = None,
    axis: Axis = -1,
    dtype: DataType | None = None,
    sparse: bool = False,
    **kwargs: Any,
) -> jax.Array:
    """Zeros with a one at the place of every number of an example.

    >>> import jax.numpy as jnp
    >>> from caviar.ops.tables.network import multi_hot
    >>> multi_hot(jnp.array([[0, 2]]), 3).tolist()
    [[1.0, 0.0, 1.0]]
    """
    classes = num_classes or kwargs.get("num_tokens")
    if not classes:
        raise ArgumentError("multi_hot wants num_classes, the number of classes")
    several = 1 if inputs.ndim > 1 else 0
    return jnp.max(one_hot(inputs, classes, axis, dtype, sparse), axis=several)


def moments(
    x: jax.Array, axes: Axes, keepdims: bool = False, synchronized: bool = False
) -> tuple[jax.Array, jax.Array]:
    """Mean and variance over these axes.

    >>> import jax.numpy as jnp
    >>> from caviar.ops.tables.network import moments
    >>> [v.item() for v in moments(jnp.array([1.0, 3.0]), [0])]
    [2.0, 1.0]
    """
    del synchronized  # one program sees the whole batch
    several = tuple(axes) if isinstance(axes, (list, tuple)) else axes
    return jnp.mean(x, several, keepdims=keepdims), jnp.var(x, several, keepdims=keepdims)


def batch_normalization(
    x: jax.Array,
    mean: jax.Array,
    variance: jax.Array,
    axis: Axis,
    offset: jax.Array | None = None,
    scale: jax.Array | None = None,
    epsilon: NotNegative = 1e-3,
) -> jax.Array:
    """(x - mean) / sqrt(variance + epsilon) * scale + offset.

    >>> import jax.numpy as jnp
    >>> from caviar.ops.tables.network import batch_normalization
    >>> batch_normalization(jnp.array([[3.0]]), jnp.array([1.0]), jnp.array([4.0]), -1, epsilon=0.0).tolist()
    [[1.0]]
    """
    shape = [1] * x.ndim
    shape[axis] = mean.shape[0]
    factor = jax.lax.rsqrt(variance.reshape(shape) + epsilon)
    factor = factor if scale is None else factor * scale.reshape(shape)
    y = (x - mean.reshape(shape)) * factor
    return y if offset is None else y + offset.reshape(shape)


def layer_normalization(
    x: jax.Array,
    gamma: jax.Array | None = None,
    beta: jax.Array | None = None,
    axis: Axes = -1,
    epsilon: NotNegative | None = None,
    **kwargs: Any,
) -> jax.Array:
    """Every example normalized to mean 0 and variance 1 over these axes, then scaled and shifted.

    >>> import jax.numpy as jnp
    >>> from caviar.ops.tables.network import layer_normalization
    >>> print(layer_normalization(jnp.array([[1.0, 3.0]])).round(4))
    [[-1.  1.]]
    """
    axes = tuple(axis) if isinstance(axis, (list, tuple)) else (axis,)
    centred = x - jnp.mean(x, axes, keepdims=True)
    variance = jnp.mean(centred**2, axes, keepdims=True)
    y = centred * jax.lax.rsqrt(variance + _epsilon(epsilon))
    y = y if gamma is None else y * gamma
    return y if beta is None else y + beta


def rms_normalization(
    x: jax.Array, scale: jax.Array | None = None, axis: Axes = -1, epsilon: NotNegative | None = None
) -> jax.Array:
    """x divided by the root of its mean square, then scaled.

    >>> import jax.numpy as jnp
    >>> from caviar.ops.tables.network import rms_normalization
    >>> rms_normalization(jnp.array([[3.0, 3.0]])).tolist()
    [[1.0, 1.0]]
    """
    axes = tuple(axis) if isinstance(axis, (list, tuple)) else (axis,)
    y = x * jax.lax.rsqrt(jnp.mean(x**2, axes, keepdims=True) + _epsilon(epsilon))
    return y if scale is None else y * scale


def normalize(x: jax.Array, axis: Axes = -1, order: Any = 2, epsilon: NotNegative | None = None) -> jax.Array:
    """x divided by its norm.

    >>> import jax.numpy as jnp
    >>> from caviar.ops.tables.network import normalize
    >>> normalize(jnp.array([[0.0, 4.0]])).tolist()
    [[0.0, 1.0]]
    """
    x = x * 1.0
    axes = tuple(axis) if isinstance(axis, (list, tuple)) else (axis,)
    if order == 2:  # a product with a root: the gradient at zero is finite
        return x * jax.lax.rsqrt(jnp.maximum(jnp.sum(x**2, axes, keepdims=True), _epsilon(epsilon) ** 2))
    whole = axes if len(axes) > 1 else axes[0]
    return x / jnp.maximum(jnp.linalg.norm(x, order, whole, keepdims=True), _epsilon(epsilon))


def _epsilon(given: Any) -> Any:
    return config.epsilon() if given is None else given


def psnr(x1: jax.Array, x2: jax.Array, max_val: Any) -> jax.Array:
    """The peak signal-to-noise ratio of two images, in decibels: 20 log10(max_val) - 10 log10(mean squared difference).

    >>> import jax.numpy as jnp
    >>> from caviar.ops.tables.network import psnr
    >>> print(psnr(jnp.zeros(2), jnp.full(2, 0.1), 1.0).round(2))
    20.0
    """
    return 20 * jnp.log10(jnp.asarray(max_val, x2.dtype)) - 10 * jnp.log10(jnp.mean((x1 - x2) ** 2))


def polar(abs_: jax.Array, angle: jax.Array) -> jax.Array:
    """The complex number with this absolute value and angle.

    >>> import jax.numpy as jnp
    >>> from caviar.ops.tables.network import polar
    >>> polar(jnp.array(2.0), jnp.array(0.0)).item()
    (2+0j)
    """
    return jax.lax.complex(abs_ * jnp.cos(angle), abs_ * jnp.sin(angle))


def binary_crossentropy(target: jax.Array, output: jax.Array, from_logits: bool = False) -> jax.Array:
    """-(y log p + (1 - y) log(1 - p)) of every element.

    >>> import jax.numpy as jnp
    >>> from caviar.ops.tables.network import binary_crossentropy
    >>> print(binary_crossentropy(jnp.array([1.0]), jnp.array([0.5])).round(4))
    [0.6931]
    """
    if target.shape != output.shape:
        raise ShapeError(f"binary_crossentropy: target {target.shape} and output {output.shape} differ in shape")
    if from_logits:
        return -target * jax.nn.log_sigmoid(output) - (1 - target) * jax.nn.log_sigmoid(-output)
    p = jnp.clip(output, config.epsilon(), 1 - config.epsilon())
    return -target * jnp.log(p) - (1 - target) * jnp.log(1 - p)


def categorical_crossentropy(
    target: jax.Array, output: jax.Array, from_logits: bool = False, axis: Axis = -1
) -> jax.Array:
    """-(sum of y log p), of probabilities made to sum to 1, or logits.

    >>> import jax.numpy as jnp
    >>> from caviar.ops.tables.network import categorical_crossentropy
    >>> print(categorical_crossentropy(jnp.array([0.0, 1.0]), jnp.array([0.5, 0.5])).round(4))
    0.6931
    """
    if target.shape != output.shape:
        raise ShapeError(f"categorical_crossentropy: target {target.shape} and output {output.shape} differ in shape")
    return -jnp.sum(target * _log_probabilities(output, from_logits, axis), axis)


def sparse_categorical_crossentropy(
    target: jax.Array, output: jax.Array, from_logits: bool = False, axis: Axis = -1
) -> jax.Array:
    """-log p of the class with each number.

    >>> import jax.numpy as jnp
    >>> from caviar.ops.tables.network import sparse_categorical_crossentropy
    >>> print(sparse_categorical_crossentropy(jnp.array([1]), jnp.array([[0.5, 0.5]])).round(4))
    [0.6931]
    """
    if target.ndim == output.ndim and target.shape[-1] == 1:
        target = target[..., 0]
    log_p = _log_probabilities(output, from_logits, axis)
    chosen = jnp.take_along_axis(log_p, jnp.expand_dims(target.astype("int32"), axis), axis)
    return -jnp.squeeze(chosen, axis)


def _log_probabilities(output: jax.Array, from_logits: bool, axis: int) -> jax.Array:
    if from_logits:
        return jax.nn.log_softmax(output, axis)
    p = output / jnp.sum(output, axis, keepdims=True)
    return jnp.log(jnp.clip(p, config.epsilon(), 1 - config.epsilon()))


def dot_product_attention(
    query: jax.Array,
    key: jax.Array,
    value: jax.Array,
    bias: jax.Array | None = None,
    mask: jax.Array | None = None,
    scale: Any = None,
    is_causal: bool = False,
    flash_attention: bool | None = None,
    attn_logits_soft_cap: Any = None,
) -> jax.Array:
    """softmax(query key^T / sqrt(size)) value, of arrays (n, length, heads, size).

    >>> import jax.numpy as jnp
    >>> from caviar.ops.tables.network import dot_product_attention
    >>> dot_product_attention(jnp.ones((1, 2, 1, 4)), jnp.ones((1, 3, 1, 4)), jnp.ones((1, 3, 1, 4))).shape
    (1, 2, 1, 4)
    """
    del flash_attention  # XLA decides what it fuses
    if attn_logits_soft_cap is not None:
        raise ArgumentError("attn_logits_soft_cap is for TPUs' own kernels: leave it out")
    factor = 1 / math.sqrt(key.shape[-1]) if scale is None else scale
    shared = query.shape[2] // key.shape[2]  # heads of queries that share one of keys
    key, value = (jnp.repeat(v, shared, 2) if shared > 1 else v for v in (key, value))
    scores = jnp.einsum("bthd,bshd->bhts", query, key) * factor
    scores = scores if bias is None else scores + bias
    allowed = None if mask is None else jnp.asarray(mask, bool)
    if is_causal:
        causal = jnp.tri(scores.shape[-2], scores.shape[-1], dtype=bool)
        allowed = causal if allowed is None else allowed & causal
    if allowed is not None:
        scores = jnp.where(allowed, scores, 0.7 * jnp.finfo(scores.dtype).min)
    return jnp.einsum("bhts,bshd->bthd", jax.nn.softmax(scores), value)


TABLE: dict[str, Function] = {
    **in_words(activations, _WORDS),
    **table_of(
        batch_normalization, binary_crossentropy, categorical_crossentropy, dot_product_attention, gelu, layer_normalization,
        moments, multi_hot, normalize, one_hot, polar, psnr, rms_normalization, sparse_categorical_crossentropy,
    ),
    **sequences.TABLE,
    **sliding.TABLE,
}  # fmt: skip
TABLE |= same(TABLE, hard_swish="hard_silu", swish="silu")
