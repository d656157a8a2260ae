"""The confusion matrix: which class was predicted for which, and metrics computed from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import numpy as np

from caviar.declarations import Axis, Each, Number, Share, Size
from caviar.errors import DataError
from caviar.losses.shapes import arrays, class_numbers, ratio, same_shape, spread
from caviar.metrics.base import Additive

__all__ = ["BinaryIoU", "ConfusionMatrix", "IoU", "MatthewsCorrelation", "MeanIoU", "OneHotIoU", "OneHotMeanIoU"]


def tally(true: jax.Array, pred: jax.Array, weight: jax.Array, classes: int, ignored: int | None = None) -> jax.Array:
    """Counts by true class (row) and predicted class (column); programs ignore numbers of no class, which are told elsewhere.

    >>> import jax.numpy as jnp
    >>> from caviar.metrics.classes import tally
    >>> tally(jnp.asarray([0, 1, 1]), jnp.asarray([0, 0, 1]), jnp.ones(3), 2).tolist()
    [[1.0, 0.0], [1.0, 1.0]]
    """
    if not isinstance(true, jax.core.Tracer):
        numbers = np.asarray(true).ravel()
        strange = numbers[((numbers < 0) | (numbers >= classes)) & (numbers != ignored)]
        if strange.size:
            raise DataError(f"y_true holds the class {strange[0]}, and the classes are 0..{classes - 1}")
    inside = (true >= 0) & (true < classes) & (pred >= 0) & (pred < classes)
    if ignored is not None:
        inside &= true != ignored
    at = jnp.where(inside, true * classes + pred, 0).ravel()
    empty = jnp.zeros(classes * classes, weight.dtype)
    return empty.at[at].add(jnp.where(inside, weight, 0).ravel()).reshape(classes, classes)


@dataclass(eq=False, repr=False)
class ConfusionMatrix(Additive):
    """How often each class (column) was predicted for each true class (row).

    Labels are class numbers or one-hot. One output is the probability of class 1; several are one per class.

    >>> from caviar.metrics import ConfusionMatrix
    >>> ConfusionMatrix()([0, 1, 1], [[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]]).tolist()
    [[1.0, 0.0], [1.0, 1.0]]
    """

    num_classes: Size | None = None
    threshold: float = 0.5

    def shape(self, outputs: int) -> tuple[int, ...]:
        """Classes by classes."""
        return (self.num_classes or max(outputs, 2),) * 2

    def sums(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> jax.Array:
        """How often each class was taken for each class in this batch."""
        true, pred = arrays(y_true, y_pred, self.dtype)
        outputs = pred.shape[-1] if pred.ndim > 1 else 1
        if outputs == 1:
            true, pred = same_shape(true, pred, str(self.name))
            true, found = true.astype(jnp.int32), (pred > self.threshold).astype(jnp.int32)
        else:
            one_hot = true.shape == pred.shape
            true = jnp.argmax(true, -1) if one_hot else class_numbers(true, pred, -1, str(self.name))
            found = jnp.argmax(pred, -1)
        weight = spread(1 if sample_weight is None else sample_weight, found.shape, pred.dtype)
        return tally(true, found, weight, *self.shape(outputs)[:1])

    def outcome(self, state: jax.Array) -> jax.Array:
        """The matrix."""
        return state


@dataclass(eq=False, repr=False)
class MatthewsCorrelation(ConfusionMatrix):
    """The correlation of labels and predicted classes: 1 is perfect, 0 no better than chance, even where classes are rare.

    >>> from caviar.metrics import MatthewsCorrelation
    >>> round(float(MatthewsCorrelation()([1, 1, 1, 0], [0.9, 0.2, 0.8, 0.7])), 3)
    -0.333
    """

    def outcome(self, state: jax.Array) -> jax.Array:
        """The correlation; 0 where there is only one class."""
        share = ratio(state, jnp.sum(state))
        true, pred, right = jnp.sum(share, 1), jnp.sum(share, 0), jnp.trace(share)
        spreads = (1 - true @ true) * (1 - pred @ pred)
        return ratio(right - true @ pred, jnp.sqrt(spreads))


@dataclass(eq=False, repr=False)
class IoU(Additive):
    """Intersection over union: how often label and prediction are both a class, over how often either is; the mean over classes.

    Labels and predictions are class numbers, or with `sparse_y_true=False`, `sparse_y_pred=False` one value per class.

    >>> from caviar.metrics import IoU
    >>> round(float(IoU(2, [0])([0, 0, 1, 1], [0, 1, 0, 1])), 4)
    0.3333
    """

    num_classes: Size
    target_class_ids: Annotated[Any, Each(Number(least=0, whole=True))]
    ignore_class: int | None = None
    sparse_y_true: bool = True
    sparse_y_pred: bool = True
    axis: Axis = -1

    def targets(self) -> Sequence[int]:
        """The classes that count."""
        return self.target_class_ids

    def shape(self, outputs: int) -> tuple[int, ...]:
        """Classes by classes."""
        return self.num_classes, self.num_classes

    def sums(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> jax.Array:
        """How often each class was taken for each class in this batch."""
        true, pred = arrays(y_true, y_pred)
        true = true if self.sparse_y_true else jnp.argmax(true, self.axis)
        found = pred if self.sparse_y_pred else jnp.argmax(pred, self.axis)
        true, found = same_shape(true, found.astype(jnp.int32), str(self.name))
        weight = spread(1 if sample_weight is None else sample_weight, found.shape, pred.dtype)
        return tally(true, found, weight, self.num_classes, self.ignore_class)

    def outcome(self, state: jax.Array) -> jax.Array:
        """The mean over the target classes that occur."""
        both = jnp.diag(state)
        either = jnp.sum(state, 0) + jnp.sum(state, 1) - both
        at = jnp.asarray(list(self.targets()))
        return ratio(jnp.sum(ratio(both, either)[at]), jnp.sum((either > 0)[at]))


@dataclass(eq=False, repr=False)
class BinaryIoU(IoU):
    """`IoU` of two classes, where the prediction is the probability of class 1.

    >>> from caviar.metrics import BinaryIoU
    >>> round(float(BinaryIoU()([0, 1, 0, 1], [0.1, 0.2, 0.4, 0.7])), 4)
    0.5833
    """

    num_classes: Size = field(default=2, init=False)
    target_class_ids: Annotated[Any, Each(Number(least=0, whole=True))] = (0, 1)
    threshold: Share = 0.5
    ignore_class: int | None = field(default=None, init=False)
    sparse_y_true: bool = field(default=True, init=False)
    sparse_y_pred: bool = field(default=True, init=False)
    axis: Axis = field(default=-1, init=False)

    def sums(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> jax.Array:
        """How often each class was taken for each class in this batch."""
        return super().sums(y_true, jnp.asarray(y_pred) >= self.threshold, sample_weight)


@dataclass(eq=False, repr=False)
class MeanIoU(IoU):
    """`IoU` averaged over all classes.

    >>> from caviar.metrics import MeanIoU
    >>> round(float(MeanIoU(num_classes=2)([0, 0, 1, 1], [0, 1, 0, 1])), 4)
    0.3333
    """

    target_class_ids: Annotated[Any, Each(Number(least=0, whole=True))] = field(default=(), init=False)

    def targets(self) -> Sequence[int]:
        """All classes."""
        return range(self.num_classes)


@dataclass(eq=False, repr=False)
class OneHotIoU(IoU):
    """`IoU` of one-hot labels and one prediction per class.

    >>> from caviar.metrics import OneHotIoU
    >>> round(float(OneHotIoU(2, [0])([[1, 0], [1, 0], [0, 1]], [[0.9, 0.1], [0.2, 0.8], [0.3, 0.7]])), 4)
    0.5
    """

    sparse_y_true: bool = field(default=False, init=False)
    sparse_y_pred: bool = False


@dataclass(eq=False, repr=False)
class OneHotMeanIoU(MeanIoU):
    """`MeanIoU` of one-hot labels and one prediction per class.

    >>> from caviar.metrics import OneHotMeanIoU
    >>> round(float(OneHotMeanIoU(2)([[1, 0], [1, 0], [0, 1]], [[0.9, 0.1], [0.2, 0.8], [0.3, 0.7]])), 4)
    0.5
    """

    sparse_y_true: bool = field(default=False, init=False)
    sparse_y_pred: bool = False
