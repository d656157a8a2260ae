"""Metrics of a curve over all thresholds: the area under it, and one rate where another is given."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import numpy as np

from caviar.declarations import Count, Each, Number, OneOf, Share, Size
from caviar.losses.shapes import EPSILON, ratio, spread
from caviar.metrics.base import Additive
from caviar.metrics.counting import columns, counts

__all__ = ["AUC", "PrecisionAtRecall", "RecallAtPrecision", "SensitivityAtSpecificity", "SpecificityAtSensitivity"]


@dataclass(eq=False, repr=False)
class AUC(Additive):
    """The area under the ROC curve, or under the curve of precision over recall ("PR"), from evenly spaced thresholds.

    Where all predictions are below the first of them, half as many additional thresholds, down to 1e-12, tell them apart.

    >>> from caviar.metrics import AUC
    >>> float(AUC()([0, 0, 1, 1], [0.0, 0.5, 0.3, 0.9]))
    0.75
    """

    num_thresholds: Annotated[int, Number(least=2, whole=True)] = 200
    curve: Annotated[str, OneOf("ROC", "PR", "PRGAIN", "roc", "pr", "prgain")] = "ROC"
    summation_method: Annotated[str, OneOf("interpolation", "minoring", "majoring")] = "interpolation"
    thresholds: Annotated[Any, Each(Number(least=0, most=1), alone=False)] | None = None
    multi_label: bool = False
    num_labels: Size | None = None
    label_weights: Annotated[Any, Each(Number(least=0), alone=False)] | None = None
    from_logits: bool = False

    def levels(self, dtype: Any) -> jax.Array:
        """The thresholds, from just below 0 to just above 1."""
        if self.thresholds is None:
            inner = jnp.asarray(np.arange(1, self.num_thresholds - 1) / (self.num_thresholds - 1), dtype)
        else:
            inner = jnp.sort(jnp.asarray(self.thresholds, dtype))
        small = jnp.asarray(np.geomspace(1e-12, 1 / self.num_thresholds, self._small), dtype)
        return jnp.concatenate([jnp.asarray([-EPSILON], dtype), inner, jnp.asarray([1 + EPSILON], dtype), small])

    @property
    def _small(self) -> int:
        """How many additional thresholds there are, after the others, for predictions that are all small."""
        return self.num_thresholds // 2 if self.thresholds is None else 0

    def shape(self, outputs: int) -> tuple[int, ...]:
        """Four counts at each threshold, of each label if there are several."""
        levels = self.num_thresholds if self.thresholds is None else len(self.thresholds) + 2
        return (4, levels + self._small, outputs) if self.multi_label else (4, levels + self._small)

    def sums(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> jax.Array:
        """Four counts at each threshold."""
        true, pred = columns(y_true, y_pred, self.dtype, str(self.name))
        weight = jnp.ones_like(pred) if sample_weight is None else spread(sample_weight, pred.shape, pred.dtype)
        if self.label_weights is not None and not self.multi_label:
            weight = weight * jnp.asarray(self.label_weights, pred.dtype)
        pred = jax.nn.sigmoid(pred) if self.from_logits else jnp.clip(pred, 0, 1)
        return counts(true, pred, weight, self.levels(pred.dtype), 0 if self.multi_label else None)

    def outcome(self, state: jax.Array) -> jax.Array:
        """The area; with several labels their mean."""
        whole = state.shape[1] - self._small
        area = self._area(state[:, :whole])
        if self._small:
            apart = self._area(jnp.concatenate([state[:, :1], state[:, whole:], state[:, 1:whole]], 1))
            area = jnp.where(state[0, 1] + state[1, 1] == 0, apart, area)  # no prediction above the first threshold
        if not self.multi_label:
            return area
        weight = jnp.ones_like(area) if self.label_weights is None else jnp.asarray(self.label_weights, area.dtype)
        return ratio(jnp.sum(area * weight), jnp.sum(weight))

    def _area(self, state: jax.Array) -> jax.Array:
        """The area from the counts at ascending thresholds."""
        if self.curve.upper() == "PR" and self.summation_method.lower() == "interpolation":
            return jnp.sum(_interpolated(*state), 0)
        x, y = self._curve(*state)
        return jnp.sum((x[:-1] - x[1:]) * self._height(y[:-1], y[1:]), 0)

    def _curve(self, tp: jax.Array, fp: jax.Array, tn: jax.Array, fn: jax.Array) -> tuple[jax.Array, jax.Array]:
        """The points of the curve."""
        match self.curve.upper():
            case "ROC":
                return ratio(fp, fp + tn), ratio(tp, tp + fn)
            case "PR":
                return ratio(tp, tp + fn), ratio(tp, tp + fp)
            case _:
                odds = ratio(tp + fn, tn + fp)
                return jnp.where(tp == 0, 0, jnp.maximum(1 - odds * ratio(fn, tp), 0)), 1 - odds * ratio(fp, tp)

    def _height(self, left: jax.Array, right: jax.Array) -> jax.Array:
        """The height of each piece of the area."""
        match self.summation_method.lower():
            case "interpolation":
                return (left + right) / 2
            case "minoring":
                return jnp.minimum(left, right)
            case _:
                return jnp.maximum(left, right)


def _interpolated(tp: jax.Array, fp: jax.Array, tn: jax.Array, fn: jax.Array) -> jax.Array:
    """Pieces of the area under precision over recall, where true positives are interpolated linearly between two thresholds.

    Precision itself is then not linear (Davis and Goadrich, 2006).
    """
    p = tp + fp
    rise = tp[:-1] - tp[1:]
    slope = ratio(rise, jnp.maximum(p[:-1] - p[1:], 0))
    start = tp[1:] - slope * p[1:]
    both = (p[:-1] > 0) & (p[1:] > 0)
    logarithm = jnp.log(jnp.where(both, p[:-1], 1) / jnp.where(both, p[1:], 1))
    return ratio(slope * (rise + start * logarithm), jnp.maximum(tp[1:] + fn[1:], 0))


@dataclass(eq=False, repr=False)
class RateAt(Additive):
    """The base of metrics that give the largest value of one rate where another one is at least `given`."""

    _: KW_ONLY
    num_thresholds: Annotated[int, Number(least=2, whole=True)] = 200
    class_id: Count | None = None

    def rates(self, tp: jax.Array, fp: jax.Array, tn: jax.Array, fn: jax.Array) -> tuple[Any, jax.Array, jax.Array]:
        """The rate that must be at least `given`, and the rate whose largest value is wanted."""
        raise NotImplementedError(f"metric {type(self).__name__} defines no `rates`")

    def shape(self, outputs: int) -> tuple[int, ...]:
        """Four counts at each threshold."""
        return 4, self.num_thresholds

    def sums(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> jax.Array:
        """Four counts at each threshold."""
        true, pred = columns(y_true, y_pred, self.dtype, str(self.name))
        weight = jnp.ones_like(pred) if sample_weight is None else spread(sample_weight, pred.shape, pred.dtype)
        one = slice(None) if self.class_id is None else slice(self.class_id, self.class_id + 1)
        levels = [0.5] if self.num_thresholds == 1 else np.linspace(0, 1, self.num_thresholds)
        return counts(true[..., one], pred[..., one], weight[..., one], jnp.asarray(levels, pred.dtype), None)

    def outcome(self, state: jax.Array) -> jax.Array:
        """The largest; 0 where no threshold reaches what is given."""
        given, held, wanted = self.rates(*state)
        return jnp.max(jnp.where(held >= given, wanted, 0))


@dataclass(eq=False, repr=False)
class SensitivityAtSpecificity(RateAt):
    """The largest sensitivity (share of the ones predicted as one) where specificity is at least this.

    >>> from caviar.metrics import SensitivityAtSpecificity
    >>> float(SensitivityAtSpecificity(0.5)([0, 0, 0, 1, 1], [0.0, 0.3, 0.8, 0.3, 0.8]))
    0.5
    """

    specificity: Share

    def rates(self, tp: jax.Array, fp: jax.Array, tn: jax.Array, fn: jax.Array) -> tuple[Any, jax.Array, jax.Array]:
        """Specificity, sensitivity."""
        return self.specificity, ratio(tn, tn + fp), ratio(tp, tp + fn)


@dataclass(eq=False, repr=False)
class SpecificityAtSensitivity(RateAt):
    """The largest specificity (share of the zeros predicted as zero) where sensitivity is at least this.

    >>> from caviar.metrics import SpecificityAtSensitivity
    >>> round(float(SpecificityAtSensitivity(0.5)([0, 0, 0, 1, 1], [0.0, 0.3, 0.8, 0.3, 0.8])), 4)
    0.6667
    """

    sensitivity: Share

    def rates(self, tp: jax.Array, fp: jax.Array, tn: jax.Array, fn: jax.Array) -> tuple[Any, jax.Array, jax.Array]:
        """Sensitivity, specificity."""
        return self.sensitivity, ratio(tp, tp + fn), ratio(tn, tn + fp)


@dataclass(eq=False, repr=False)
class PrecisionAtRecall(RateAt):
    """The largest precision where recall is at least this.

    >>> from caviar.metrics import PrecisionAtRecall
    >>> float(PrecisionAtRecall(0.5)([0, 0, 0, 1, 1], [0.0, 0.3, 0.8, 0.3, 0.8]))
    0.5
    """

    recall: Share

    def rates(self, tp: jax.Array, fp: jax.Array, tn: jax.Array, fn: jax.Array) -> tuple[Any, jax.Array, jax.Array]:
        """Recall, precision."""
        return self.recall, ratio(tp, tp + fn), ratio(tp, tp + fp)


@dataclass(eq=False, repr=False)
class RecallAtPrecision(RateAt):
    """The largest recall where precision is at least this.

    >>> from caviar.metrics import RecallAtPrecision
    >>> float(RecallAtPrecision(0.8)([0, 0, 1, 1], [0.0, 0.5, 0.3, 0.9]))
    0.5
    """

    precision: Share

    def rates(self, tp: jax.Array, fp: jax.Array, tn: jax.Array, fn: jax.Array) -> tuple[Any, jax.Array, jax.Array]:
        """Precision, recall."""
        return self.precision, ratio(tp, tp + fp), ratio(tp, tp + fn)
