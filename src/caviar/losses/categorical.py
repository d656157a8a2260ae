"""Losses of one class among several: labels are class numbers (sparse), or one probability per class (one-hot)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Annotated, Any, ClassVar

import jax
import jax.numpy as jnp

from caviar.declarations import Axis, Each, NotNegative, Number, Share
from caviar.graph.context import logits_of
from caviar.losses.base import Loss
from caviar.losses.binary import smooth
from caviar.losses.naming import function_of
from caviar.losses.shapes import EPSILON, class_numbers, same_shape, warn_of_twice

__all__ = [
    "CategoricalCrossentropy",
    "CategoricalFocalCrossentropy",
    "CategoricalGeneralizedCrossEntropy",
    "CategoricalHinge",
    "KLDivergence",
    "NegativeLogLikelihood",
    "SparseCategoricalCrossentropy",
    "categorical_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_generalized_cross_entropy",
    "categorical_hinge",
    "kl_divergence",
    "negative_log_likelihood",
    "sparse_categorical_crossentropy",
]


def log_probabilities(y_pred: jax.Array, from_logits: bool, axis: int) -> jax.Array:
    """The logarithm of each class's probability, from logits (those of a softmax too) or from probabilities up to a factor."""
    logits = y_pred if from_logits else logits_of(y_pred, "softmax", axis)
    if from_logits and logits_of(y_pred, "softmax", axis) is not None:
        warn_of_twice("softmax")
    if logits is not None:
        return jax.nn.log_softmax(logits, axis)
    return jnp.log(jnp.clip(y_pred / jnp.sum(y_pred, axis, keepdims=True), EPSILON, 1 - EPSILON))


def weigh_classes(values: jax.Array, class_weight: float | Sequence[float] | None, axis: int) -> jax.Array:
    """Values that have a class axis, times one weight per class."""
    if class_weight is None:
        return values
    along = [-1 if i == axis % values.ndim else 1 for i in range(values.ndim)]
    return values * jnp.asarray(class_weight, values.dtype).reshape(along)


def cross_entropy(target: jax.Array, log_p: jax.Array, class_weight: Any, axis: int) -> jax.Array:
    """-sum w y log p over the classes."""
    return -jnp.sum(weigh_classes(target * log_p, class_weight, axis), axis)


@dataclass(eq=False, repr=False)
class OneHotLoss(Loss):
    """The base of losses with one-hot labels."""

    labels: ClassVar[str] = "one_hot"

    def match(self, y_true: jax.Array, y_pred: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Labels and predictions of one shape."""
        return same_shape(y_true, y_pred, str(self.name))


@dataclass(eq=False, repr=False)
class CategoricalCrossentropy(OneHotLoss):
    """-sum y log p over the classes, for one-hot (or soft) labels; the predictions are probabilities, or logits.

    >>> from caviar.losses import CategoricalCrossentropy
    >>> round(float(CategoricalCrossentropy()([[0, 1, 0, 0]], [[0.3, 0.2, 0.1, 0.4]])), 4)
    1.6094
    """

    from_logits: bool = False
    label_smoothing: Share = 0.0
    axis: Axis = -1
    _: KW_ONLY
    class_weight: Annotated[Any, Each(Number(least=0))] | None = None

    def call(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        """-sum w y log p."""
        target = smooth(y_true, self.label_smoothing, y_true.shape[self.axis])
        log_p = log_probabilities(y_pred, self.from_logits, self.axis)
        return cross_entropy(target, log_p, self.class_weight, self.axis)

    def class_weights(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array | None:
        """The weight of the true class."""
        if self.class_weight is None:
            return None
        return jnp.sum(weigh_classes(y_true, self.class_weight, self.axis), self.axis)


@dataclass(eq=False, repr=False)
class CategoricalFocalCrossentropy(OneHotLoss):
    """Categorical crossentropy that counts easy examples less: -sum alpha (1 - p)^gamma y log p.

    >>> from caviar.losses import CategoricalFocalCrossentropy
    >>> round(float(CategoricalFocalCrossentropy()([[0, 1]], [[0.5, 0.5]])), 4)
    0.0433
    """

    alpha: Annotated[Any, Each(Number(least=0))] = 0.25
    gamma: NotNegative = 2.0
    from_logits: bool = False
    label_smoothing: Share = 0.0
    axis: Axis = -1

    def call(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        """-sum alpha (1 - p)^gamma y log p."""
        log_p = log_probabilities(y_pred, self.from_logits, self.axis)
        target = smooth(y_true, self.label_smoothing, y_true.shape[self.axis])
        terms = jnp.power(-jnp.expm1(log_p), self.gamma) * target * log_p
        return -jnp.sum(weigh_classes(terms, self.alpha, self.axis), self.axis)


@dataclass(eq=False, repr=False)
class CategoricalHinge(OneHotLoss):
    """max(the best wrong prediction - the right one + 1, 0), for one-hot labels.

    >>> from caviar.losses import CategoricalHinge
    >>> float(CategoricalHinge()([[0, 1, 0]], [[0.5, 2.0, 1.5]]))
    0.5
    """

    def call(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        """max(wrong - right + 1, 0)."""
        right, wrong = jnp.sum(y_true * y_pred, -1), jnp.max((1 - y_true) * y_pred, -1)
        return jnp.maximum(wrong - right + 1, 0)


@dataclass(eq=False, repr=False)
class KLDivergence(OneHotLoss):
    """sum y log(y / p): how far the predicted distribution is from the labels'.

    >>> from caviar.losses import KLDivergence
    >>> round(float(KLDivergence()([[0.5, 0.5]], [[0.25, 0.75]])), 4)
    0.1438
    """

    def call(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        """Sum y log(y / p)."""
        target, p = jnp.clip(y_true, EPSILON, 1), jnp.clip(y_pred, EPSILON, 1)
        return jnp.sum(target * jnp.log(target / p), -1)


@dataclass(eq=False, repr=False)
class SparseCategoricalCrossentropy(Loss):
    """-log p of the true class, for labels that are class numbers; the predictions are probabilities, or logits.

    Samples of `ignore_class` do not count. "mean_with_sample_weight" divides by the sum of the `class_weight`s too.

    >>> from caviar.losses import SparseCategoricalCrossentropy
    >>> round(float(SparseCategoricalCrossentropy()([1], [[0.3, 0.2, 0.1, 0.4]])), 4)
    1.6094
    """

    from_logits: bool = False
    ignore_class: int | None = None
    axis: Axis = -1
    _: KW_ONLY
    label_smoothing: Share = 0.0
    class_weight: Annotated[Any, Each(Number(least=0))] | None = None

    labels: ClassVar[str] = "class"

    def match(self, y_true: jax.Array, y_pred: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Class numbers in the shape of the predictions without their class axis."""
        return class_numbers(y_true, y_pred, self.axis, str(self.name)), y_pred

    def call(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        """-log p of the true class."""
        target = smooth(self._one_hot(y_true, y_pred), self.label_smoothing, y_pred.shape[self.axis])
        values = cross_entropy(target, self.log_probabilities(y_pred), self.class_weight, self.axis)
        return values if self.ignore_class is None else jnp.where(y_true == self.ignore_class, 0, values)

    def log_probabilities(self, y_pred: jax.Array) -> jax.Array:
        """The logarithm of each class's probability."""
        return log_probabilities(y_pred, self.from_logits, self.axis)

    def counted(self, y_true: jax.Array, values: jax.Array) -> jax.Array | None:
        """All but the ignored class."""
        return None if self.ignore_class is None else y_true != self.ignore_class

    def class_weights(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array | None:
        """The weight of the true class."""
        if self.class_weight is None:
            return None
        return jnp.sum(weigh_classes(self._one_hot(y_true, y_pred), self.class_weight, self.axis), self.axis)

    def _one_hot(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        return jax.nn.one_hot(y_true, y_pred.shape[self.axis], axis=self.axis, dtype=y_pred.dtype)


@dataclass(eq=False, repr=False)
class NegativeLogLikelihood(SparseCategoricalCrossentropy):
    """Minus the prediction of the true class, for predictions that are log-probabilities already (log-softmax).

    >>> from caviar.losses import NegativeLogLikelihood
    >>> round(float(NegativeLogLikelihood()([0], [[-0.41, -1.41, -2.31]])), 2)
    0.41
    """

    from_logits: bool = field(default=False, init=False)

    def log_probabilities(self, y_pred: jax.Array) -> jax.Array:
        """The predictions as they are."""
        return y_pred


@dataclass(eq=False, repr=False)
class CategoricalGeneralizedCrossEntropy(Loss):
    """(1 - p^q) / q of the true class's probability p: less hurt by wrong labels the nearer q is to 1.

    >>> from caviar.losses import CategoricalGeneralizedCrossEntropy
    >>> round(float(CategoricalGeneralizedCrossEntropy(q=0.5)([1], [[0.75, 0.25]])), 6)
    1.0
    """

    q: Annotated[float, Number(above=0, below=1)] = 0.5

    labels: ClassVar[str] = "class"

    def match(self, y_true: jax.Array, y_pred: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Class numbers in the shape of the predictions without their last axis."""
        return class_numbers(y_true, y_pred, -1, str(self.name)), y_pred

    def call(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        """(1 - p^q) / q."""
        p = jnp.take_along_axis(y_pred, y_true[..., None], -1)[..., 0]
        return (1 - jnp.power(p, self.q)) / self.q


categorical_crossentropy = function_of(CategoricalCrossentropy)
categorical_focal_crossentropy = function_of(CategoricalFocalCrossentropy)
categorical_hinge = function_of(CategoricalHinge)
kl_divergence = function_of(KLDivergence)
sparse_categorical_crossentropy = function_of(SparseCategoricalCrossentropy)
negative_log_likelihood = function_of(NegativeLogLikelihood)
categorical_generalized_cross_entropy = function_of(CategoricalGeneralizedCrossEntropy)
