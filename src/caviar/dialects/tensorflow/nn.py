"""`tf.nn`: activations, losses from logits, normalization, convolution and pooling; all take `name=`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from caviar import activations
from caviar.declarations import Number, fits
from caviar.dialects.tensorflow.building import tensor, writes
from caviar.dialects.tensorflow.operations import TABLE
from caviar.dialects.tensorflow.random import drawn
from caviar.dialects.tensorflow.shaping import gather
from caviar.errors import ArgumentError
from caviar.graph import Node, apply
from caviar.layers.lowering.convolution import conv
from caviar.layers.lowering.pooling import max_pool as largest
from caviar.layers.lowering.pooling import mean_pool as means
from caviar.telling import all_tell

__all__ = [
    "avg_pool", "batch_normalization", "bias_add", "conv2d", "crelu", "dropout", "elu", "embedding_lookup", "gelu", "in_top_k",
    "l2_loss", "l2_normalize", "leaky_relu", "log_softmax", "max_pool", "moments", "relu", "relu6", "selu", "sigmoid",
    "sigmoid_cross_entropy_with_logits", "silu", "softmax", "softmax_cross_entropy_with_logits",
    "softmax_cross_entropy_with_logits_v2", "softplus", "softsign", "sparse_softmax_cross_entropy_with_logits", "swish", "tanh",
    "top_k", "weighted_cross_entropy_with_logits", "xw_plus_b",
]  # fmt: skip
__dir__ = __all__.copy

Array = Any


def _activation(name: str, function: Callable[..., Array]) -> Callable[..., Node]:
    def compute(features: Array) -> Array:
        return function(jnp.asarray(features))

    compute.__name__, compute.__doc__ = name, str(function.__doc__).split("\n")[0]
    return writes(compute)


_names = ("elu", "gelu", "relu", "relu6", "selu", "silu", "softplus", "softsign")
ACTIVATIONS = {name: _activation(name, getattr(activations, name)) for name in _names}
elu, gelu, relu, relu6, selu, silu, softplus, softsign = (ACTIVATIONS[name] for name in _names)
swish, sigmoid, tanh = silu, TABLE["sigmoid"], TABLE["tanh"]


@writes
def leaky_relu(features: Array, alpha: Array = 0.2) -> Array:
    """x above 0, alpha x below.

    >>> from caviar.dialects.tensorflow.nn import leaky_relu
    >>> leaky_relu([-1.0, 2.0]).shape
    (2,)
    """
    x = jnp.asarray(features)
    return jnp.where(x > 0, x, alpha * x)


@writes
def crelu(features: Array, axis: int = -1) -> Array:
    """ReLU of x and of -x, side by side.

    >>> from caviar.dialects.tensorflow.nn import crelu
    >>> crelu([-1.0, 2.0]).shape
    (4,)
    """
    x = jnp.asarray(features)
    return jax.nn.relu(jnp.concatenate([x, -x], axis))


@writes
def softmax(logits: Array, axis: int | None = None, dim: int | None = None) -> Array:
    """exp(x_i) / sum_j exp(x_j) along the last axis: probabilities that sum to 1."""
    return activations.softmax(jnp.asarray(logits), _last(axis, dim))


@writes
def log_softmax(logits: Array, axis: int | None = None, dim: int | None = None) -> Array:
    """log(softmax(x)) along the last axis, computed without overflow."""
    return jax.nn.log_softmax(jnp.asarray(logits), _last(axis, dim))


def _last(*choices: int | None) -> int:
    return next((c for c in choices if c is not None), -1)


def _by_name(function: Callable[..., Any], labels: Any, logits: Any, *more: Any) -> Node:
    if labels is None or logits is None:
        raise ArgumentError("give both by name, since their order has changed over time: (labels=..., logits=...)")
    return function(tensor(labels), tensor(logits), *more)


def softmax_cross_entropy_with_logits(
    *, labels: Any = None, logits: Any = None, dim: int = -1, name: str | None = None
) -> Node:
    """-sum(labels log softmax(logits)) of every row; no gradient goes to the labels.

    >>> from caviar.dialects.tensorflow.nn import softmax_cross_entropy_with_logits
    >>> softmax_cross_entropy_with_logits(labels=[[0.0, 1.0]], logits=[[1.0, 2.0]]).shape
    (1,)
    """
    return _by_name(_softmax_cross_entropy, labels, logits, dim, False)


def softmax_cross_entropy_with_logits_v2(
    labels: Any, logits: Any, axis: int | None = None, name: str | None = None, dim: int | None = None
) -> Node:
    """The same, but with gradients to the labels too."""
    return _by_name(_softmax_cross_entropy, labels, logits, _last(axis, dim), True)


@writes
def _softmax_cross_entropy(labels: Array, logits: Array, axis: int, to_labels: bool) -> Array:
    labels = labels if to_labels else jax.lax.stop_gradient(labels)
    return -jnp.sum(labels * jax.nn.log_softmax(logits, axis), axis)


def sparse_softmax_cross_entropy_with_logits(
    *, labels: Any = None, logits: Any = None, name: str | None = None
) -> Node:
    """-log softmax(logits) at the class number of every row; NaN for a number that is no class.

    >>> from caviar.dialects.tensorflow.nn import sparse_softmax_cross_entropy_with_logits
    >>> sparse_softmax_cross_entropy_with_logits(labels=[1], logits=[[1.0, 2.0]]).shape
    (1,)
    """
    return _by_name(_sparse_cross_entropy, labels, logits)


@writes
def _sparse_cross_entropy(labels: Array, logits: Array) -> Array:
    logs, places = jax.nn.log_softmax(logits), labels[..., None]
    known = (places >= 0) & (places < logits.shape[-1])
    return -jnp.where(known, jnp.take_along_axis(logs, places, -1, mode="clip"), jnp.nan)[..., 0]


def sigmoid_cross_entropy_with_logits(*, labels: Any = None, logits: Any = None, name: str | None = None) -> Node:
    """-(labels log sigmoid(logits) + (1 - labels) log(1 - sigmoid(logits))), without overflow.

    >>> from caviar.dialects.tensorflow.nn import sigmoid_cross_entropy_with_logits
    >>> sigmoid_cross_entropy_with_logits(labels=[1.0], logits=[2.0]).shape
    (1,)
    """
    return _by_name(_sigmoid_cross_entropy, labels, logits)


@writes
def _sigmoid_cross_entropy(labels: Array, logits: Array) -> Array:
    return jax.nn.softplus(logits) - logits * labels


def weighted_cross_entropy_with_logits(
    labels: Any = None, logits: Any = None, pos_weight: Any = 1.0, name: str | None = None, targets: Any = None
) -> Node:
    """`sigmoid_cross_entropy_with_logits` with the positive part times `pos_weight`."""
    return _by_name(_weighted_cross_entropy, targets if labels is None else labels, logits, pos_weight)


@writes
def _weighted_cross_entropy(labels: Array, logits: Array, pos_weight: Array) -> Array:
    return (1 - labels) * logits + (1 + (pos_weight - 1) * labels) * jax.nn.softplus(-logits)


@writes
def l2_loss(t: Array) -> Array:
    """sum(t²) / 2.

    >>> from caviar.dialects.tensorflow.nn import l2_loss
    >>> l2_loss([1.0, 2.0]).shape
    ()
    """
    return jnp.sum(jnp.square(jnp.asarray(t))) / 2


@writes
def batch_normalization(
    x: Array, mean: Array, variance: Array, offset: Array, scale: Array, variance_epsilon: Array
) -> Array:
    """(x - mean) / sqrt(variance + epsilon), times `scale`, plus `offset` (each may be None).

    >>> from caviar.dialects.tensorflow.nn import batch_normalization
    >>> batch_normalization([[1.0], [3.0]], 2.0, 1.0, None, None, 1e-3).shape
    (2, 1)
    """
    factor = jax.lax.rsqrt(jnp.asarray(variance) + variance_epsilon)
    factor = factor if scale is None else factor * jnp.asarray(scale)
    shifted = (jnp.asarray(x) - jnp.asarray(mean)) * factor
    return shifted if offset is None else shifted + jnp.asarray(offset)


@writes
def moments(x: Array, axes: Any, shift: Any = None, keep_dims: Any = None, keepdims: Any = None) -> tuple[Array, Array]:
    """Mean and variance over axes.

    >>> from caviar.dialects.tensorflow.nn import moments
    >>> [m.shape for m in moments([[1.0, 2.0], [3.0, 4.0]], axes=[0])]
    [(2,), (2,)]
    """
    x, along, keep = jnp.asarray(x), tuple(axes), bool(keepdims or keep_dims)
    return jnp.mean(x, along, keepdims=keep), jnp.var(x, along, keepdims=keep)


def dropout(
    x: Any,
    keep_prob: Any = None,
    noise_shape: Any = None,
    seed: int | None = None,
    name: str | None = None,
    rate: Any = None,
) -> Node:
    """Each value set to 0 with probability `rate`, else divided by 1 - rate; `keep_prob` is 1 - rate. It is always on.

    >>> from caviar.dialects.tensorflow.nn import dropout
    >>> dropout([1.0, 2.0], keep_prob=0.5).shape
    (2,)
    """
    if (keep_prob is None) == (rate is None):
        raise ArgumentError("tf.nn.dropout takes one of rate=... and keep_prob=1 - rate")
    x = tensor(x)
    kept = keep_prob if rate is None else 1 - rate
    if not isinstance(kept, Node) and not fits(Number(above=0, most=1), kept):
        raise ArgumentError(f"tf.nn.dropout keeps a share above 0 and of at most 1, and was asked to keep {kept!r}")
    return drawn(
        _dropped,
        (),
        None,
        seed,
        x,
        kept if isinstance(kept, Node) else float(kept),
        None if noise_shape is None else tuple(noise_shape),
    )


def _dropped(key: Any, _: Any, __: Any, x: Array, keep: Array, shape: Any) -> Array:
    mask = jax.random.bernoulli(key, keep, shape or x.shape)
    return jnp.where(mask, x / keep, 0).astype(x.dtype)


@writes
def bias_add(value: Array, bias: Array, data_format: Any = None) -> Array:
    """The value plus a bias for each channel (the last axis)."""
    return jnp.asarray(value) + jnp.asarray(bias)


def xw_plus_b(x: Any, weights: Any, biases: Any, name: str | None = None) -> Node:
    """x @ weights + biases."""
    return tensor(x) @ tensor(weights) + tensor(biases)


def conv2d(
    input: Any,
    filter: Any = None,
    strides: Any = None,
    padding: Any = None,
    data_format: str = "NHWC",
    dilations: Any = (1, 1, 1, 1),
    name: str | None = None,
    filters: Any = None,
) -> Node:
    """The convolution of images (channels last) with a kernel (height, width, channels, filters).

    >>> import jax.numpy as jnp
    >>> from caviar.dialects.tensorflow.nn import conv2d
    >>> conv2d(jnp.ones((1, 5, 5, 3)), jnp.ones((3, 3, 3, 8)), strides=[1, 1, 1, 1], padding="SAME").shape
    (1, 5, 5, 8)
    """
    kernel = tensor(filters if filter is None else filter)
    return apply(
        conv, tensor(input), kernel, _two(strides, data_format), _padding(padding), _two(dilations, data_format)
    )


def max_pool(
    value: Any, ksize: Any, strides: Any, padding: str, data_format: str = "NHWC", name: str | None = None
) -> Node:
    """The largest value of each window.

    >>> import jax.numpy as jnp
    >>> from caviar.dialects.tensorflow.nn import max_pool
    >>> max_pool(jnp.ones((1, 4, 4, 3)), ksize=[1, 2, 2, 1], strides=[1, 2, 2, 1], padding="VALID").shape
    (1, 2, 2, 3)
    """
    return apply(largest, tensor(value), _two(ksize, data_format), _two(strides, data_format), _padding(padding))


def avg_pool(
    value: Any, ksize: Any, strides: Any, padding: str, data_format: str = "NHWC", name: str | None = None
) -> Node:
    """The mean of each window."""
    return apply(means, tensor(value), _two(ksize, data_format), _two(strides, data_format), _padding(padding))


def _two(sizes: Any, data_format: str) -> tuple[int, int]:
    """Height and width from TensorFlow's four numbers, from two, or from one for both."""
    if data_format != "NHWC":
        raise ArgumentError(
            f"data_format {data_format!r}: channels come last here, 'NHWC'; tf.transpose(x, [0, 2, 3, 1])"
        )
    found = [sizes] * 2 if isinstance(sizes, int) else list(sizes or [1, 1])
    if len(found) == 4 and found[0] == found[3] == 1:
        found = found[1:3]
    if len(found) != 2:
        raise ArgumentError(f"strides, windows and dilations are [1, height, width, 1], and {sizes!r} was given")
    return int(found[0]), int(found[1])


def _padding(padding: Any) -> str:
    if padding not in ("SAME", "VALID"):
        raise ArgumentError(f"padding is 'SAME' or 'VALID', and {padding!r} was given")
    return padding.lower()


@writes
def l2_normalize(x: Array, axis: Any = None, epsilon: Array = 1e-12, dim: Any = None) -> Array:
    """The array divided by its norm along an axis."""
    x, along = jnp.asarray(x), dim if axis is None else axis
    along = tuple(along) if isinstance(along, (list, tuple)) else along
    return x * jax.lax.rsqrt(jnp.maximum(jnp.sum(jnp.square(x), along, keepdims=True), epsilon))


def embedding_lookup(params: Any, ids: Any, name: str | None = None) -> Node:
    """The rows of a table at the ids.

    >>> from caviar.dialects.tensorflow.nn import embedding_lookup
    >>> embedding_lookup([[1.0, 2.0], [3.0, 4.0]], [1, 1, 0]).shape
    (3, 2)
    """
    return gather(params, ids)


@writes
def in_top_k(predictions: Array, targets: Array, k: int) -> Array:
    """Whether the class number of each row is among its k largest predictions; equals count.

    >>> from caviar.dialects.tensorflow.nn import in_top_k
    >>> in_top_k([[0.1, 0.9]], [1], 1).dtype
    'bool'
    """
    scores = jnp.asarray(predictions)
    own = jnp.take_along_axis(scores, jnp.asarray(targets)[:, None], 1)
    return jnp.sum(scores > own, axis=1) < k


@writes
def top_k(input: Array, k: int = 1, sorted: bool = True) -> Any:
    """The k largest values along the last axis, and their places."""
    return tuple(jax.lax.top_k(jnp.asarray(input), k))


globals().update(all_tell(globals()))
