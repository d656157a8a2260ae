"""Means and sums of values that are given, or that a loss or a function computes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from caviar.losses.base import Loss
from caviar.losses.shapes import same_rank, spread
from caviar.metrics.base import NamedFirst, SampleMean
from caviar.outside import as_given

__all__ = ["Mean", "MeanOf", "Sum"]


@dataclass(eq=False, repr=False)
class Mean(NamedFirst):
    """The weighted mean of the values that it is given.

    >>> from caviar.metrics import Mean
    >>> mean = Mean("loss")
    >>> mean.update_state([1.0, 3.0]); mean.update_state([5.0])
    >>> float(mean.result())
    3.0
    """

    def update_state(self, values: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        """Add these values."""
        super().update_state(values, values, sample_weight)

    def __call__(self, values: Any, sample_weight: Any = None) -> jax.Array:  # type: ignore[override]
        """Add these values, and give the outcome so far."""
        self.update_state(values, sample_weight)
        return self.result()

    def values(self, y_true: Any, y_pred: Any) -> jax.Array:
        """The values themselves."""
        return jnp.asarray(y_pred)


@dataclass(eq=False, repr=False)
class Sum(Mean):
    """The weighted sum of the values that it is given.

    >>> from caviar.metrics import Sum
    >>> float(Sum()([1.0, 3.0], sample_weight=[1.0, 2.0]))
    7.0
    """

    def outcome(self, state: jax.Array) -> jax.Array:
        """The total."""
        return state[0]


@dataclass(eq=False, repr=False)
class MeanOf(SampleMean):
    """The mean of a loss, or of any function of labels and predictions that gives one value per sample.

    A function that gives one number for the whole batch is taken to give the batch's mean.

    >>> from caviar.metrics import MeanOf
    >>> bias = MeanOf(lambda y_true, y_pred: y_pred - y_true, name="bias")
    >>> bias.update_state([[1.0], [1.0]], [[2.0], [3.0]]); bias.update_state([[1.0]], [[4.0]])
    >>> float(bias.result())
    2.0
    """

    function: Any

    def weighed(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> tuple[jax.Array, jax.Array | None]:
        """The values and their weights."""
        if isinstance(self.function, Loss):
            values, weights = self.function.values_and_weights(y_true, y_pred, sample_weight)
        else:
            values, weights = self.values(y_true, y_pred), sample_weight
        if values.ndim == 0:
            values, weights = jnp.broadcast_to(values, np.shape(y_pred)[:1]), sample_weight
        return values, None if weights is None else spread(weights, values.shape, values.dtype)

    def values(self, y_true: Any, y_pred: Any) -> jax.Array:
        """The function's values."""
        if isinstance(self.function, Loss):
            return self.function.values(y_true, y_pred)
        given = self.function(*same_rank(jnp.asarray(y_true), jnp.asarray(y_pred)))
        return as_given(given, f"what metric {self.name!r} gives")
