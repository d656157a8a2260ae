"""How often the prediction is right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import jax
import jax.numpy as jnp

from caviar.declarations import Number, Size
from caviar.errors import ShapeError
from caviar.losses.naming import function_of
from caviar.losses.shapes import arrays, class_numbers, same_shape
from caviar.metrics.base import NamedFirst, SampleMean

__all__ = [
    "Accuracy",
    "BinaryAccuracy",
    "CategoricalAccuracy",
    "SparseCategoricalAccuracy",
    "SparseTopKCategoricalAccuracy",
    "TopKCategoricalAccuracy",
    "binary_accuracy",
    "categorical_accuracy",
    "sparse_categorical_accuracy",
    "sparse_top_k_categorical_accuracy",
    "top_k_categorical_accuracy",
]


@dataclass(eq=False, repr=False)
class Accuracy(NamedFirst):
    """How often predictions equal labels.

    >>> from caviar.metrics import Accuracy
    >>> float(Accuracy()([[1], [2]], [[1], [3]]))
    0.5
    """

    def values(self, y_true: Any, y_pred: Any) -> jax.Array:
        """1 where they are equal."""
        true, pred = same_shape(*arrays(y_true, y_pred, self.dtype), str(self.name))
        return (true == pred).astype(pred.dtype)


@dataclass(eq=False, repr=False)
class BinaryAccuracy(NamedFirst):
    """How often a probability is on the label's side of the threshold; labels are 0 and 1.

    >>> from caviar.metrics import BinaryAccuracy
    >>> float(BinaryAccuracy()([[1], [1], [0], [0]], [[0.9], [0.6], [0.4], [0.7]]))
    0.75
    """

    threshold: Annotated[float, Number(above=0, below=1)] = 0.5

    def values(self, y_true: Any, y_pred: Any) -> jax.Array:
        """1 where they are on the same side."""
        true, pred = same_shape(*arrays(y_true, y_pred, self.dtype), str(self.name))
        return (true == (pred > self.threshold)).astype(pred.dtype)


@dataclass(eq=False, repr=False)
class CategoricalAccuracy(NamedFirst):
    """How often the largest prediction is that of the true class; labels are one-hot.

    >>> from caviar.metrics import CategoricalAccuracy
    >>> float(CategoricalAccuracy()([[0, 1], [1, 0]], [[0.3, 0.7], [0.2, 0.8]]))
    0.5
    """

    def values(self, y_true: Any, y_pred: Any) -> jax.Array:
        """1 where the class is right."""
        true, pred = same_shape(*arrays(y_true, y_pred, self.dtype), str(self.name))
        return (jnp.argmax(true, -1) == jnp.argmax(pred, -1)).astype(pred.dtype)


@dataclass(eq=False, repr=False)
class SparseCategoricalAccuracy(NamedFirst):
    """How often the largest prediction is that of the true class; labels are class numbers.

    >>> from caviar.metrics import SparseCategoricalAccuracy
    >>> float(SparseCategoricalAccuracy()([1, 0], [[0.3, 0.7], [0.2, 0.8]]))
    0.5
    """

    def values(self, y_true: Any, y_pred: Any) -> jax.Array:
        """1 where the class is right."""
        true, pred = arrays(y_true, y_pred, self.dtype)
        if pred.shape[-1] == 1:
            raise ShapeError(f"{self.name} needs a prediction for each class, and there is one: use binary_accuracy")
        return (class_numbers(true, pred, -1, str(self.name)) == jnp.argmax(pred, -1)).astype(pred.dtype)


@dataclass(eq=False, repr=False)
class TopKCategoricalAccuracy(SampleMean):
    """How often the true class is among the k largest predictions; labels are one-hot.

    >>> from caviar.metrics import TopKCategoricalAccuracy
    >>> float(TopKCategoricalAccuracy(k=2)([[0, 0, 1], [1, 0, 0]], [[0.5, 0.2, 0.3], [0.1, 0.2, 0.7]]))
    0.5
    """

    k: Size = 5

    def values(self, y_true: Any, y_pred: Any) -> jax.Array:
        """1 where the class is among the first k."""
        true, pred = same_shape(*arrays(y_true, y_pred, self.dtype), str(self.name))
        return _among_first(jnp.argmax(true, -1), pred, self.k)


@dataclass(eq=False, repr=False)
class SparseTopKCategoricalAccuracy(SampleMean):
    """How often the true class is among the k largest predictions; labels are class numbers.

    With `from_sorted_ids` the predictions are class numbers too, the likeliest first.

    >>> from caviar.metrics import SparseTopKCategoricalAccuracy
    >>> float(SparseTopKCategoricalAccuracy(k=2)([2, 0], [[0.5, 0.2, 0.3], [0.1, 0.2, 0.7]]))
    0.5
    """

    k: Size = 5
    from_sorted_ids: bool = False

    def values(self, y_true: Any, y_pred: Any) -> jax.Array:
        """1 where the class is among the first k."""
        true, pred = arrays(y_true, y_pred, self.dtype)
        true = class_numbers(true, pred, -1, str(self.name))
        if self.from_sorted_ids:
            return jnp.any(true[..., None] == pred[..., : self.k], -1).astype(pred.dtype)
        return _among_first(true, pred, self.k)


def _among_first(classes: jax.Array, pred: jax.Array, k: int) -> jax.Array:
    """1 where fewer than k predictions are larger than that of the class; NaN, and what is no class, is never among the first."""
    known = (classes >= 0) & (classes < pred.shape[-1])
    own = jnp.take_along_axis(pred, classes[..., None], -1)
    larger = jnp.sum(pred > jnp.where(jnp.isnan(own), jnp.finfo(pred.dtype).min, own), -1)
    return ((larger < k) & known).astype(pred.dtype)


binary_accuracy = function_of(BinaryAccuracy)
categorical_accuracy = function_of(CategoricalAccuracy)
sparse_categorical_accuracy = function_of(SparseCategoricalAccuracy)
top_k_categorical_accuracy = function_of(TopKCategoricalAccuracy)
sparse_top_k_categorical_accuracy = function_of(SparseTopKCategoricalAccuracy)
