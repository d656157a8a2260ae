"""`tf.losses`: means over all values whose weight is not 0; all take `weights=`, which are broadcast to the losses' shape."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from caviar.dialects.tensorflow import nn
from caviar.dialects.tensorflow.building import tensor, writes
from caviar.graph import Node
from caviar.telling import all_tell

__all__ = [
    "absolute_difference", "hinge_loss", "huber_loss", "log_loss", "mean_squared_error", "sigmoid_cross_entropy",
    "softmax_cross_entropy", "sparse_softmax_cross_entropy",
]  # fmt: skip
__dir__ = __all__.copy

Array = Any


@writes
def _weighted_mean(losses: Array, weights: Array) -> Array:
    weights = jnp.asarray(weights).astype(losses.dtype)
    counted = jnp.sum(jnp.broadcast_to(weights != 0, losses.shape))
    return jnp.sum(losses * weights) / jnp.maximum(counted, 1)


def _elementwise(name: str, function: Callable[..., Array], doc: str) -> Callable[..., Node]:
    write = writes(function)

    def loss(labels: Any, predictions: Any, weights: Any = 1.0, **options: Any) -> Node:
        return _weighted_mean(write(tensor(labels), tensor(predictions), **options), weights)

    loss.__name__, loss.__doc__ = name, doc
    return loss


def _squared(labels: Array, predictions: Array) -> Array:
    return jnp.square(predictions - labels)


def _absolute(labels: Array, predictions: Array) -> Array:
    return jnp.abs(predictions - labels)


def _log(labels: Array, predictions: Array, epsilon: Array = 1e-7) -> Array:
    return -labels * jnp.log(predictions + epsilon) - (1 - labels) * jnp.log(1 - predictions + epsilon)


def _huber(labels: Array, predictions: Array, delta: Array = 1.0) -> Array:
    error = jnp.abs(predictions - labels)
    near = jnp.minimum(error, delta)
    return 0.5 * jnp.square(near) + delta * (error - near)


def _hinge(labels: Array, logits: Array) -> Array:
    return jax.nn.relu(1 - (2 * labels - 1) * logits)


mean_squared_error = _elementwise("mean_squared_error", _squared, "The mean of (predictions - labels)².")
absolute_difference = _elementwise("absolute_difference", _absolute, "The mean of |predictions - labels|.")
log_loss = _elementwise(
    "log_loss", _log, "The mean of -labels log(p) - (1 - labels) log(1 - p), with `epsilon` inside."
)
huber_loss = _elementwise("huber_loss", _huber, "Squares up to `delta`, straight lines beyond.")


def hinge_loss(labels: Any, logits: Any, weights: Any = 1.0) -> Node:
    """The mean of max(0, 1 - t logits), where t is -1 and 1 for the labels 0 and 1.

    >>> from caviar.dialects.tensorflow.losses import hinge_loss
    >>> hinge_loss([1.0], [0.5]).shape
    ()
    """
    return _weighted_mean(writes(_hinge)(tensor(labels), tensor(logits)), weights)


def softmax_cross_entropy(onehot_labels: Any, logits: Any, weights: Any = 1.0, label_smoothing: float = 0) -> Node:
    """The mean of `tf.nn.softmax_cross_entropy_with_logits` over the rows.

    >>> from caviar.dialects.tensorflow.losses import softmax_cross_entropy
    >>> softmax_cross_entropy([[0.0, 1.0]], [[1.0, 2.0]]).shape
    ()
    """
    labels, logits = tensor(onehot_labels), tensor(logits)
    if label_smoothing:
        labels = labels * (1 - label_smoothing) + label_smoothing / logits.shape[-1]
    return _weighted_mean(nn.softmax_cross_entropy_with_logits(labels=labels, logits=logits), weights)


def sparse_softmax_cross_entropy(labels: Any, logits: Any, weights: Any = 1.0) -> Node:
    """The mean of `tf.nn.sparse_softmax_cross_entropy_with_logits` over the rows."""
    return _weighted_mean(nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits), weights)


def sigmoid_cross_entropy(multi_class_labels: Any, logits: Any, weights: Any = 1.0) -> Node:
    """The mean of `tf.nn.sigmoid_cross_entropy_with_logits` over all numbers."""
    return _weighted_mean(nn.sigmoid_cross_entropy_with_logits(labels=multi_class_labels, logits=logits), weights)


globals().update(all_tell(globals()))
