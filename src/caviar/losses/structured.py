"""Losses of whole structures: overlapping areas (Dice, Tversky), label sequences (CTC), embeddings (Circle)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp
import optax

from caviar.declarations import Axes, NotNegative, Positive, Share
from caviar.errors import ShapeError
from caviar.losses.base import Loss
from caviar.losses.naming import function_of
from caviar.losses.shapes import EPSILON, same_shape

__all__ = ["CTC", "Circle", "Dice", "Tversky", "circle", "ctc", "dice", "tversky"]


@dataclass(eq=False, repr=False)
class Tversky(Loss):
    """1 - the overlap of labels and predictions, where false positives weigh `beta` and false negatives `alpha`.

    `axis` are the axes that are summed over; None takes the whole batch as one area.

    >>> from caviar.losses import Tversky
    >>> round(float(Tversky()([[1.0, 0.0]], [[0.5, 0.5]])), 6)
    0.5
    """

    alpha: NotNegative = 0.5
    beta: NotNegative = 0.5
    axis: Axes | None = None

    labels: ClassVar[str] = "probability"

    def match(self, y_true: jax.Array, y_pred: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Labels and predictions of one shape."""
        return same_shape(y_true, y_pred, str(self.name))

    def call(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        """1 - both / (both + alpha missed + beta false)."""
        both = jnp.sum(y_true * y_pred, self.axis)
        missed, false = jnp.sum(y_true * (1 - y_pred), self.axis), jnp.sum((1 - y_true) * y_pred, self.axis)
        return 1 - both / (both + self.alpha * missed + self.beta * false + EPSILON)


@dataclass(eq=False, repr=False)
class Dice(Loss):
    """1 - twice the overlap of labels and predictions over the sum of their areas.

    `axis` are the axes that are summed over; None takes the whole batch as one area.

    >>> from caviar.losses import Dice
    >>> round(float(Dice()([[1.0, 0.0]], [[0.5, 0.5]])), 6)
    0.5
    """

    axis: Axes | None = None

    labels: ClassVar[str] = "probability"

    def match(self, y_true: jax.Array, y_pred: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Labels and predictions of one shape."""
        return same_shape(y_true, y_pred, str(self.name))

    def call(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        """1 - 2 both / (labels + predictions)."""
        areas = jnp.sum(y_true, self.axis) + jnp.sum(y_pred, self.axis)
        return 1 - 2 * jnp.sum(y_true * y_pred, self.axis) / (areas + EPSILON)


@dataclass(eq=False, repr=False)
class CTC(Loss):
    """Connectionist temporal classification: labels (n, length), padded with 0, and logits (n, steps, classes).

    Class 0 is the blank between labels.

    >>> from caviar.losses import CTC
    >>> round(float(CTC()([[1]], [[[0.0, 0.0], [0.0, 0.0]]])), 4)
    0.2877
    """

    labels: ClassVar[str] = "sequence"

    def match(self, y_true: jax.Array, y_pred: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Class numbers of shape (n, length), logits of shape (n, steps, classes)."""
        if (y_true.ndim, y_pred.ndim) != (2, 3) or y_true.shape[0] != y_pred.shape[0]:
            raise ShapeError(
                f"ctc: labels of shape {y_true.shape} and predictions of shape {y_pred.shape}: "
                "give labels of shape (n, length) and logits of shape (n, steps, classes)"
            )
        return y_true.astype(jnp.int32), y_pred

    def call(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        """Minus the log-probability of all alignments."""
        length = jnp.sum(y_true != 0, axis=1, keepdims=True)
        padded = (jnp.arange(y_true.shape[1]) >= length).astype(y_pred.dtype)
        return optax.ctc_loss(y_pred, jnp.zeros(y_pred.shape[:2], y_pred.dtype), y_true, padded).astype(y_pred.dtype)


@dataclass(eq=False, repr=False)
class Circle(Loss):
    """Pulls embeddings of one class together and pushes others apart; predictions are vectors of length 1.

    >>> from caviar.losses import Circle
    >>> round(float(Circle()([0, 0, 1], [[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]])), 2)
    19.2
    """

    gamma: Positive = 80.0
    margin: Share = 0.4
    remove_diagonal: bool = True

    def match(self, y_true: jax.Array, y_pred: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Class numbers of shape (n,), embeddings of shape (n, size)."""
        return y_true.reshape(-1).astype(jnp.int32), y_pred

    def call(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        """softplus(logsumexp over the same class + logsumexp over the others)."""
        distance = jnp.maximum(1 - y_pred @ y_pred.T, 0)
        same = y_true[:, None] == y_true
        others, margin = ~same, self.margin
        if self.remove_diagonal:
            same = same & ~jnp.eye(len(y_true), dtype=bool)
        near = -self.gamma * jnp.maximum(margin + distance, 0) * (margin - distance)
        far = self.gamma * jnp.maximum(1 + margin - distance, 0) * (1 - margin - distance)
        spread = [jax.nn.logsumexp(v, axis=1, where=w) for v, w in ((near, same), (far, others))]
        return jax.nn.softplus(spread[0] + spread[1])

    def counted(self, y_true: jax.Array, values: jax.Array) -> jax.Array:
        """A mask of the samples whose loss is not 0: the others have no partner, or are already where they belong."""
        return values > 0


tversky = function_of(Tversky)
dice = function_of(Dice)
ctc = function_of(CTC)
circle = function_of(Circle)
