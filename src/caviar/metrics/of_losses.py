"""Losses as metrics: the mean over all samples."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from caviar import losses
from caviar.declarations import Axis, Share
from caviar.losses import (
    binary_crossentropy,
    binary_focal_crossentropy,
    categorical_crossentropy,
    categorical_focal_crossentropy,
    categorical_hinge,
    hinge,
    huber,
    kl_divergence,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
    poisson,
    sparse_categorical_crossentropy,
    squared_hinge,
)
from caviar.metrics.base import NamedFirst

__all__ = [
    "BinaryCrossentropy",
    "CategoricalCrossentropy",
    "CategoricalHinge",
    "CosineSimilarity",
    "Hinge",
    "KLDivergence",
    "LogCoshError",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Poisson",
    "RootMeanSquaredError",
    "SparseCategoricalCrossentropy",
    "SquaredHinge",
    "binary_crossentropy",
    "binary_focal_crossentropy",
    "categorical_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_hinge",
    "hinge",
    "huber",
    "kl_divergence",
    "log_cosh",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "poisson",
    "sparse_categorical_crossentropy",
    "squared_hinge",
]


@dataclass(eq=False, repr=False)
class LossMean(NamedFirst):
    """The mean of a loss, whose arguments are the metric's own fields."""

    loss: ClassVar[type[losses.Loss]] = losses.Loss

    def weighed(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> tuple[jax.Array, jax.Array | None]:
        """The loss's values and weights."""
        own = {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name != "name"}
        return self.loss(**own).values_and_weights(y_true, y_pred, sample_weight)


@dataclass(eq=False, repr=False)
class MeanSquaredError(LossMean):
    """The mean of (y - y_hat)^2.

    >>> from caviar.metrics import MeanSquaredError
    >>> float(MeanSquaredError()([[0.0], [0.0]], [[1.0], [3.0]]))
    5.0
    """

    loss: ClassVar[type[losses.Loss]] = losses.MeanSquaredError


@dataclass(eq=False, repr=False)
class RootMeanSquaredError(MeanSquaredError):
    """The square root of the mean of (y - y_hat)^2 over all samples.

    >>> from caviar.metrics import RootMeanSquaredError
    >>> float(RootMeanSquaredError()([[0.0], [0.0]], [[1.0], [7.0]]))
    5.0
    """

    def weighed(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> tuple[jax.Array, jax.Array | None]:
        """Each element by itself, with a weight of its own or of its sample."""
        squares = losses.MeanSquaredError(axis=None, dtype=self.dtype)
        return squares.values_and_weights(y_true, y_pred, sample_weight)

    def outcome(self, state: jax.Array) -> jax.Array:
        """The root of the mean."""
        return jnp.sqrt(super().outcome(state))


@dataclass(eq=False, repr=False)
class MeanAbsoluteError(LossMean):
    """The mean of |y - y_hat|.

    >>> from caviar.metrics import MeanAbsoluteError
    >>> float(MeanAbsoluteError()([[0.0], [0.0]], [[1.0], [-3.0]]))
    2.0
    """

    loss: ClassVar[type[losses.Loss]] = losses.MeanAbsoluteError


@dataclass(eq=False, repr=False)
class MeanAbsolutePercentageError(LossMean):
    """The mean of 100 |y - y_hat| / |y|.

    >>> from caviar.metrics import MeanAbsolutePercentageError
    >>> float(MeanAbsolutePercentageError()([[2.0], [4.0]], [[1.0], [5.0]]))
    37.5
    """

    loss: ClassVar[type[losses.Loss]] = losses.MeanAbsolutePercentageError


@dataclass(eq=False, repr=False)
class MeanSquaredLogarithmicError(LossMean):
    """The mean of (log(1 + y) - log(1 + y_hat))^2.

    >>> from caviar.metrics import MeanSquaredLogarithmicError
    >>> round(float(MeanSquaredLogarithmicError()([[0.0]], [[1.718281828]])), 6)
    1.0
    """

    loss: ClassVar[type[losses.Loss]] = losses.MeanSquaredLogarithmicError


@dataclass(eq=False, repr=False)
class LogCoshError(LossMean):
    """The mean of log(cosh(y_hat - y)).

    >>> from caviar.metrics import LogCoshError
    >>> float(LogCoshError()([[1.0]], [[1.0]]))
    0.0
    """

    name = "logcosh"

    loss: ClassVar[type[losses.Loss]] = losses.LogCosh


@dataclass(eq=False, repr=False)
class CosineSimilarity(LossMean):
    """The cosine of the angle between labels and predictions: 1 where they point the same way.

    >>> from caviar.metrics import CosineSimilarity
    >>> round(float(CosineSimilarity()([[0.0, 1.0]], [[0.0, 5.0]])), 6)
    1.0
    """

    axis: Axis = -1

    loss: ClassVar[type[losses.Loss]] = losses.CosineSimilarity

    def weighed(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> tuple[jax.Array, jax.Array | None]:
        """Minus the loss."""
        values, weights = super().weighed(y_true, y_pred, sample_weight)
        return -values, weights


@dataclass(eq=False, repr=False)
class BinaryCrossentropy(LossMean):
    """-(y log p + (1 - y) log(1 - p)).

    >>> from caviar.metrics import BinaryCrossentropy
    >>> round(float(BinaryCrossentropy()([[0.0]], [[0.99]])), 3)
    4.605
    """

    from_logits: bool = False
    label_smoothing: Share = 0.0

    loss: ClassVar[type[losses.Loss]] = losses.BinaryCrossentropy


@dataclass(eq=False, repr=False)
class CategoricalCrossentropy(LossMean):
    """-log p of the true class; labels are one-hot.

    >>> from caviar.metrics import CategoricalCrossentropy
    >>> round(float(CategoricalCrossentropy()([[0, 1]], [[0.8, 0.2]])), 4)
    1.6094
    """

    from_logits: bool = False
    label_smoothing: Share = 0.0
    axis: Axis = -1

    loss: ClassVar[type[losses.Loss]] = losses.CategoricalCrossentropy


@dataclass(eq=False, repr=False)
class SparseCategoricalCrossentropy(LossMean):
    """-log p of the true class; labels are class numbers.

    >>> from caviar.metrics import SparseCategoricalCrossentropy
    >>> round(float(SparseCategoricalCrossentropy()([1], [[0.8, 0.2]])), 4)
    1.6094
    """

    from_logits: bool = False
    ignore_class: int | None = None
    axis: Axis = -1

    loss: ClassVar[type[losses.Loss]] = losses.SparseCategoricalCrossentropy


@dataclass(eq=False, repr=False)
class KLDivergence(LossMean):
    """sum y log(y / p).

    >>> from caviar.metrics import KLDivergence
    >>> round(float(KLDivergence()([[0.5, 0.5]], [[0.25, 0.75]])), 4)
    0.1438
    """

    loss: ClassVar[type[losses.Loss]] = losses.KLDivergence


@dataclass(eq=False, repr=False)
class Poisson(LossMean):
    """The mean of y_hat - y log(y_hat).

    >>> from caviar.metrics import Poisson
    >>> float(Poisson()([[0.0]], [[2.0]]))
    2.0
    """

    loss: ClassVar[type[losses.Loss]] = losses.Poisson


@dataclass(eq=False, repr=False)
class Hinge(LossMean):
    """The mean of max(1 - y y_hat, 0), for labels -1 and 1.

    >>> from caviar.metrics import Hinge
    >>> float(Hinge()([[-1.0]], [[0.5]]))
    1.5
    """

    loss: ClassVar[type[losses.Loss]] = losses.Hinge


@dataclass(eq=False, repr=False)
class SquaredHinge(LossMean):
    """The mean of max(1 - y y_hat, 0)^2, for labels -1 and 1.

    >>> from caviar.metrics import SquaredHinge
    >>> float(SquaredHinge()([[-1.0]], [[0.5]]))
    2.25
    """

    loss: ClassVar[type[losses.Loss]] = losses.SquaredHinge


@dataclass(eq=False, repr=False)
class CategoricalHinge(LossMean):
    """max(the best wrong prediction - the right one + 1, 0).

    >>> from caviar.metrics import CategoricalHinge
    >>> float(CategoricalHinge()([[0, 1, 0]], [[0.5, 2.0, 1.5]]))
    0.5
    """

    loss: ClassVar[type[losses.Loss]] = losses.CategoricalHinge
