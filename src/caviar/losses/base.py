"""The base of losses: values per sample, and their reduction to one number."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import Annotated, Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from caviar import engine
from caviar.declarations import Axis, DataType, OneOf
from caviar.errors import ArgumentError, nothing_foreign, unknown_name
from caviar.losses.labels import check_labels
from caviar.losses.naming import Named
from caviar.losses.shapes import arrays, ratio, real, reshaped, same_rank, same_shape, spread
from caviar.outside import as_given, spoken
from caviar.parts import Part

__all__ = ["ElementLoss", "FunctionLoss", "Loss"]

REDUCTIONS = ("sum_over_batch_size", "mean", "mean_with_sample_weight", "sum", "none")


@dataclass(eq=False, repr=False)
class Loss(Named):
    """The base of every loss; subclass it with `call(y_true, y_pred)`, which gives one value per sample.

    `reduction`: "sum_over_batch_size" or "mean" (the weighted sum over the number of values), "mean_with_sample_weight"
    (over the sum of the weights, those of classes included), "sum", or "none".

    >>> import jax.numpy as jnp
    >>> from caviar.losses import Loss
    >>> class Cubed(Loss):
    ...     def call(self, y_true, y_pred):
    ...         return jnp.mean(jnp.abs(y_true - y_pred) ** 3, axis=-1)
    >>> float(Cubed()([[1.0], [2.0]], [[3.0], [2.0]]))
    4.0
    """

    _: KW_ONLY
    reduction: Annotated[str, OneOf(*REDUCTIONS)] | None = "sum_over_batch_size"
    name: str | None = None
    dtype: DataType | None = None

    labels: ClassVar[str] = "any"
    """The kind of labels it takes: any, real, non_negative, probability, sign, class, one_hot, sequence (see `check_labels`)."""

    def call(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        """One value per sample."""
        raise ArgumentError(f"loss {type(self).__name__} defines no `call(self, y_true, y_pred)`")

    def match(self, y_true: jax.Array, y_pred: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Labels and predictions in the shapes and types that `call` takes."""
        return real(y_true), y_pred

    def counted(self, y_true: jax.Array, values: jax.Array) -> jax.Array | None:
        """A mask of the values that count; None where all do."""
        return None

    def class_weights(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array | None:
        """The class weight of each sample, which `call` has already multiplied by; None without class weights."""
        return None

    @engine.own_rules()
    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> jax.Array:
        """The loss, reduced as `reduction` says."""
        with nothing_foreign(lambda: f"loss {self.name!r} of {spoken((y_true, y_pred))}"):
            if self.reduction in (None, "none"):
                values, weights = self.values_and_weights(y_true, y_pred, sample_weight)
                found = values if weights is None else values * weights
            else:
                found = ratio(*self.totals(y_true, y_pred, sample_weight))
            self.check(y_true, y_pred)
            return found

    def check(self, y_true: Any, y_pred: Any) -> None:
        """Raise for labels that this loss cannot take, where they are known; `fit` looks at those of its programs."""
        if not any(isinstance(leaf, (jax.core.Tracer, Part)) for leaf in jax.tree.leaves((y_true, y_pred))):
            shape = np.shape(y_pred)
            check_labels(
                self, y_true, shape[-1] if len(shape) > 1 and getattr(self, "axis", -1) == -1 else None, "y_true"
            )

    def values(self, y_true: Any, y_pred: Any) -> jax.Array:
        """The values per sample, without weights or reduction, as the loss's lower-case function gives them."""
        return self.call(*self.match(*arrays(y_true, y_pred, self.dtype)))

    def values_and_weights(
        self, y_true: Any, y_pred: Any, sample_weight: Any = None, mask: Any = None
    ) -> tuple[jax.Array, jax.Array | None]:
        """The values per sample, and their weights (sample weights, masks, ignored classes); None where every weight is 1."""
        values, weights, _, _ = self._weighed(y_true, y_pred, sample_weight, mask)
        return values, weights

    def totals(
        self, y_true: Any, y_pred: Any, sample_weight: Any = None, mask: Any = None
    ) -> tuple[jax.Array, jax.Array]:
        """Numerator and denominator of the loss. Their sums over batches of any sizes give the exact loss of all rows.

        >>> from caviar.losses import MeanSquaredError
        >>> [float(t) for t in MeanSquaredError().totals([[0.0], [0.0]], [[1.0], [3.0]])]
        [10.0, 2.0]
        """
        values, weights, valid, by_class = self._weighed(y_true, y_pred, sample_weight, mask)
        total = jnp.sum(values if weights is None else values * weights)
        match self.reduction:
            case "sum":
                count = jnp.ones_like(total)
            case "mean_with_sample_weight":
                count = jnp.sum(_product(weights, by_class, values))
            case "sum_over_batch_size" | "mean":
                count = jnp.sum(_product(valid, None, values))
            case _:
                raise unknown_name("reduction", self.reduction, REDUCTIONS)
        if values.ndim == 0:  # one number for the batch counts as many times as the batch has rows
            rows = np.shape(y_pred)[0]
            return total * rows, count * rows
        return total, count

    def _samples(self, y_true: Any, y_pred: Any) -> tuple[jax.Array, jax.Array]:
        return self.match(*arrays(y_true, y_pred, self.dtype))

    def _weighed(self, y_true: Any, y_pred: Any, sample_weight: Any, mask: Any) -> tuple[Any, Any, Any, Any]:
        """The values, their weights, which of them count, and the weights of their classes."""
        y_true, y_pred = self._samples(y_true, y_pred)
        values = self.call(y_true, y_pred)
        dtype = values.dtype
        valid = None if mask is None else spread(mask, values.shape, dtype, "mask")
        counted = self.counted(y_true, values)
        if counted is not None:
            valid = _product(valid, counted.astype(dtype), values)
        weights = valid
        if sample_weight is not None:
            weights = _product(valid, spread(sample_weight, values.shape, dtype), values)
        return values, weights, valid, self.class_weights(y_true, y_pred)


def _product(a: jax.Array | None, b: jax.Array | None, values: jax.Array) -> jax.Array:
    """The product of two weights of the values, where None is 1."""
    both = [w for w in (a, b) if w is not None]
    return functools.reduce(jnp.multiply, both) if both else jnp.ones_like(values)


@dataclass(eq=False, repr=False)
class ElementLoss(Loss):
    """A loss of each element by itself, averaged over the last axis; with `axis=None` each element is a value.

    Subclasses define `elements(y_true, y_pred)`.

    >>> from caviar.losses import ElementLoss
    >>> class Fourth(ElementLoss):
    ...     def elements(self, y_true, y_pred):
    ...         return (y_true - y_pred) ** 4
    >>> float(Fourth()([[0.0, 0.0]], [[1.0, 2.0]]))
    8.5
    """

    _: KW_ONLY
    axis: Axis | None = -1

    labels: ClassVar[str] = "real"

    def elements(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        """One value per element."""
        raise ArgumentError(f"loss {type(self).__name__} defines no `elements(self, y_true, y_pred)`")

    def match(self, y_true: jax.Array, y_pred: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Labels and predictions of one shape."""
        return same_shape(y_true, y_pred, str(self.name))

    def call(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        """The mean of the elements over the axis."""
        values = self.elements(y_true, y_pred)
        return values if self.axis is None else jnp.mean(values, self.axis)

    def _samples(self, y_true: Any, y_pred: Any) -> tuple[jax.Array, jax.Array]:
        """Predictions of shape (n,) are n samples, not one sample of n elements."""
        y_true, y_pred = super()._samples(y_true, y_pred)
        if y_pred.ndim == 1:
            return y_true[:, None], reshaped(y_pred, lambda a: a[:, None])
        return y_true, y_pred


@dataclass(eq=False, repr=False)
class FunctionLoss(Loss):
    """A function of labels and predictions as a loss; it returns a value per sample, or one for the whole batch.

    >>> import jax.numpy as jnp
    >>> from caviar.losses import FunctionLoss
    >>> float(FunctionLoss(lambda y_true, y_pred: jnp.abs(y_true - y_pred)[:, 0])([[1.0]], [[3.0]]))
    2.0
    """

    function: Callable[..., Any]

    def match(self, y_true: jax.Array, y_pred: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Labels and predictions with the same number of axes, where one of size 1 is all that differs."""
        return same_rank(real(y_true), y_pred)

    def call(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        """The function's values."""
        return as_given(self.function(y_true, y_pred), f"what loss {self.name!r} gives")
