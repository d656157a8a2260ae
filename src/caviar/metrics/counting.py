"""Counts of true and false positives and negatives at thresholds, and metrics computed from them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any

import jax
import jax.numpy as jnp

from caviar.declarations import Count, Each, Number, OneOf, Positive, Size
from caviar.errors import ArgumentError, DataError
from caviar.losses.shapes import arrays, class_numbers, ratio, same_shape, spread
from caviar.metrics.base import Additive

__all__ = [
    "F1Score",
    "FBetaScore",
    "FalseNegatives",
    "FalsePositives",
    "Precision",
    "Recall",
    "TrueNegatives",
    "TruePositives",
]

Thresholds = Annotated[Any, Each(Number(least=0, most=1))] | None
_LOWEST = -1e10  # Keras' threshold of the predictions that are among the top k


def columns(y_true: Any, y_pred: Any, dtype: str | None, where: str) -> tuple[jax.Array, jax.Array]:
    """Labels and predictions with a column per output; labels that are class numbers become one-hot.

    >>> from caviar.metrics.counting import columns
    >>> columns([1], [[0.2, 0.8]], None, "")[0].tolist()
    [[0.0, 1.0]]
    """
    true, pred = arrays(y_true, y_pred, dtype)
    numbered = true.ndim < pred.ndim or true.shape[-1] == 1
    if pred.ndim > 1 and pred.shape[-1] > 1 and numbered:
        true = jax.nn.one_hot(class_numbers(true, pred, -1, where), pred.shape[-1])
    true, pred = same_shape(true, pred, where)
    if not isinstance(true, jax.core.Tracer) and true.size and (true.min() < 0 or true.max() > 1):
        raise DataError(
            f"{where}: labels are 0 or 1 where there is one prediction for each, and reach {true.min()} to {true.max()}"
        )
    return (true[:, None], pred[:, None]) if pred.ndim == 1 else (true, pred)


def counts(true: jax.Array, pred: jax.Array, weight: jax.Array, thresholds: jax.Array, axis: Any) -> jax.Array:
    """True positives, false positives, true negatives, false negatives; of each a row of thresholds.

    >>> import jax.numpy as jnp
    >>> from caviar.metrics.counting import counts
    >>> counts(jnp.ones(3), jnp.arange(3.0), jnp.ones(3), jnp.asarray([0.5]), None)[:, 0].tolist()
    [2.0, 0.0, 0.0, 1.0]
    """
    positive, negative = jnp.where(true != 0, weight, 0), jnp.where(true != 0, 0, weight)

    def above(threshold: jax.Array) -> jax.Array:
        picked = pred > threshold
        return jnp.stack([jnp.sum(jnp.where(picked, w, 0), axis) for w in (positive, negative)])

    at_once = max(1, 2**24 // max(1, pred.size))  # thresholds compared at a time, to bound the memory
    tp, fp = jnp.moveaxis(jax.lax.map(above, thresholds, batch_size=at_once), 1, 0)
    return jnp.stack([tp, fp, jnp.sum(negative, axis) - fp, jnp.sum(positive, axis) - tp])


@dataclass(eq=False, repr=False)
class Counting(Additive):
    """The base of metrics that count at one threshold or several. A subclass defines `of_counts`."""

    thresholds: Thresholds = None

    def of_counts(self, tp: jax.Array, fp: jax.Array, tn: jax.Array, fn: jax.Array) -> jax.Array:
        """The metric at each threshold."""
        raise NotImplementedError(f"metric {type(self).__name__} defines no `of_counts`")

    def picked(self, true: jax.Array, pred: jax.Array, weight: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        """The labels, predictions and weights that are counted."""
        return true, pred, weight

    def levels(self) -> Any:
        """The thresholds, one or several."""
        return 0.5 if self.thresholds is None else self.thresholds

    def shape(self, outputs: int) -> tuple[int, ...]:
        """Four counts at each threshold."""
        levels = self.levels()
        return 4, len(levels) if isinstance(levels, (list, tuple)) else jnp.size(levels)

    def sums(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> jax.Array:
        """Four counts at each threshold."""
        true, pred = columns(y_true, y_pred, self.dtype, str(self.name))
        weight = jnp.ones_like(pred) if sample_weight is None else spread(sample_weight, pred.shape, pred.dtype)
        return counts(*self.picked(true, pred, weight), jnp.atleast_1d(jnp.asarray(self.levels(), pred.dtype)), None)

    def outcome(self, state: jax.Array) -> jax.Array:
        """One number, or one per threshold."""
        value = self.of_counts(*state)
        return value[0] if value.shape == (1,) else value


@dataclass(eq=False, repr=False)
class TruePositives(Counting):
    """How many ones were predicted to be ones.

    >>> from caviar.metrics import TruePositives
    >>> float(TruePositives()([0, 1, 1, 1], [1, 0, 1, 1]))
    2.0
    """

    def of_counts(self, tp: jax.Array, fp: jax.Array, tn: jax.Array, fn: jax.Array) -> jax.Array:
        """True positives."""
        return tp


@dataclass(eq=False, repr=False)
class FalsePositives(Counting):
    """How many zeros were predicted to be ones.

    >>> from caviar.metrics import FalsePositives
    >>> float(FalsePositives()([0, 1, 0, 0], [0, 0, 1, 1]))
    2.0
    """

    def of_counts(self, tp: jax.Array, fp: jax.Array, tn: jax.Array, fn: jax.Array) -> jax.Array:
        """False positives."""
        return fp


@dataclass(eq=False, repr=False)
class TrueNegatives(Counting):
    """How many zeros were predicted to be zeros.

    >>> from caviar.metrics import TrueNegatives
    >>> float(TrueNegatives()([0, 1, 0, 0], [1, 1, 0, 0]))
    2.0
    """

    def of_counts(self, tp: jax.Array, fp: jax.Array, tn: jax.Array, fn: jax.Array) -> jax.Array:
        """True negatives."""
        return tn


@dataclass(eq=False, repr=False)
class FalseNegatives(Counting):
    """How many ones were predicted to be zeros.

    >>> from caviar.metrics import FalseNegatives
    >>> float(FalseNegatives()([0, 1, 1, 1], [0, 1, 0, 0]))
    2.0
    """

    def of_counts(self, tp: jax.Array, fp: jax.Array, tn: jax.Array, fn: jax.Array) -> jax.Array:
        """False negatives."""
        return fn


@dataclass(eq=False, repr=False)
class Precision(Counting):
    """How many of the predicted ones are ones. `top_k`: predict the k likeliest classes; `class_id`: look at one class.

    >>> from caviar.metrics import Precision
    >>> float(Precision()([0, 1, 1, 0], [1, 0, 1, 0]))
    0.5
    """

    top_k: Size | None = None
    class_id: Count | None = None

    def levels(self) -> Any:
        """The thresholds; with `top_k`, one that every prediction among the top k exceeds."""
        return _LOWEST if self.thresholds is None and self.top_k is not None else super().levels()

    def picked(self, true: jax.Array, pred: jax.Array, weight: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        """The top k predictions, the others far below; and one class, if `class_id` is given."""
        if self.top_k is not None:
            _, best = jax.lax.top_k(pred, self.top_k)
            pred = jnp.where(jnp.sum(jax.nn.one_hot(best, pred.shape[-1]), -2) > 0, pred, _LOWEST)
        if self.class_id is not None and self.class_id >= pred.shape[-1]:
            raise ArgumentError(
                f"class_id={self.class_id} of {self.name}: the predictions have {pred.shape[-1]} classes, from 0"
            )
        one = slice(None) if self.class_id is None else slice(self.class_id, self.class_id + 1)
        return true[..., one], pred[..., one], weight[..., one]

    def of_counts(self, tp: jax.Array, fp: jax.Array, tn: jax.Array, fn: jax.Array) -> jax.Array:
        """True positives over all that were predicted; 0 where none was."""
        return ratio(tp, tp + fp)


@dataclass(eq=False, repr=False)
class Recall(Precision):
    """How many of the ones were predicted to be ones. `top_k`, `class_id`: as in `Precision`.

    >>> from caviar.metrics import Recall
    >>> float(Recall()([0, 1, 1, 0], [1, 0, 1, 0]))
    0.5
    """

    def of_counts(self, tp: jax.Array, fp: jax.Array, tn: jax.Array, fn: jax.Array) -> jax.Array:
        """True positives over all ones; 0 where there are none."""
        return ratio(tp, tp + fn)


@dataclass(eq=False, repr=False)
class FBetaScore(Additive):
    """The harmonic mean of precision and recall, where recall counts beta^2 times, for each class by itself.

    `average`: None (a value per class), "micro" (all classes as one), "macro" (the mean), "weighted" (by class size).
    Without a threshold the largest prediction of a row is its class.

    >>> from caviar.metrics import FBetaScore
    >>> y = [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    >>> FBetaScore(beta=2.0)(y, [[0.8, 0.1, 0.1], [0.7, 0.2, 0.1], [0.1, 0.1, 0.8]]).round(3).tolist()[1:]
    [0.0, 1.0]
    """

    average: Annotated[str, OneOf("micro", "macro", "weighted")] | None = None
    beta: Positive = 1.0
    threshold: Annotated[float, Number(above=0, most=1)] | None = None

    name = "fbeta_score"

    def shape(self, outputs: int) -> tuple[int, ...]:
        """True positives, false positives, false negatives of each class."""
        return 3, outputs

    def sums(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> jax.Array:
        """True positives, false positives, false negatives of each class."""
        true, pred = columns(y_true, y_pred, self.dtype, str(self.name))
        pred, rows = self._ones(pred), tuple(range(pred.ndim - 1))
        weight = 1 if sample_weight is None else spread(sample_weight, pred.shape[:-1], pred.dtype)[..., None]
        terms = (pred * true, pred * (1 - true), (1 - pred) * true)
        return jnp.stack([jnp.sum(t * weight, rows) for t in terms])

    def _ones(self, pred: jax.Array) -> jax.Array:
        """The predictions as zeros and ones."""
        if self.threshold is not None:
            return (pred > self.threshold).astype(pred.dtype)
        largest = jnp.max(pred, -1, keepdims=True)
        return ((pred >= largest) & (jnp.abs(pred) > 1e-9)).astype(pred.dtype)

    def outcome(self, state: jax.Array) -> jax.Array:
        """(1 + beta^2) tp / ((1 + beta^2) tp + beta^2 fn + fp), averaged."""
        tp, fp, fn = jnp.sum(state, 1) if self.average == "micro" else state
        more = jnp.asarray(self.beta, state.dtype) ** 2
        score = ratio((1 + more) * tp, (1 + more) * tp + more * fn + fp)
        if self.average == "weighted":
            return ratio(jnp.sum(score * (tp + fn)), jnp.sum(tp + fn))
        return score if self.average is None else jnp.mean(score)


@dataclass(eq=False, repr=False)
class F1Score(FBetaScore):
    """The harmonic mean of precision and recall, for each class by itself; see `FBetaScore`.

    >>> from caviar.metrics import F1Score
    >>> round(float(F1Score(average="micro", threshold=0.5)([[1], [1], [0]], [[0.9], [0.2], [0.1]])), 4)
    0.6667
    """

    beta: Positive = field(default=1.0, init=False)

    name = "f1_score"
