"""How much of the labels' variation the predictions explain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import jax
import jax.numpy as jnp

from caviar import config
from caviar.declarations import Count, OneOf
from caviar.losses.shapes import arrays, ratio, same_shape, spread
from caviar.metrics.base import Metric
from caviar.metrics.sums import Sums, no_sums, plus

__all__ = ["R2Score"]


@dataclass(eq=False, repr=False)
class R2Score(Metric):
    """1 - the squared error over the labels' squared distance from their mean: 1 is perfect, 0 is guessing the mean.

    With `num_regressors` it is the adjusted score.

    >>> from caviar.metrics import R2Score
    >>> round(float(R2Score()([[1.0], [2.0], [4.0]], [[1.0], [2.0], [3.0]])), 4)
    0.7857
    """

    class_aggregation: Annotated[str, OneOf("uniform_average", "variance_weighted_average")] | None = "uniform_average"
    num_regressors: Count = 0

    def initial(self, outputs: int | None = None) -> Sums:
        """Of each output: rows, weight, mean of the labels, squared distance from it, squared error."""
        return no_sums(jnp.zeros((5, outputs or 1), self.dtype or config.floatx()))

    def accumulate(self, state: Sums, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Sums:
        """Joined with the batch's own mean and distances, which is exact however far the labels are from 0."""
        true, pred = same_shape(*arrays(y_true, y_pred, self.dtype), str(self.name))
        weight = spread(1 if sample_weight is None else sample_weight, true.shape, true.dtype)
        true, pred, weight = (x.reshape(-1, x.shape[-1] if x.ndim > 1 else 1) for x in (true, pred, weight))
        _, total, mean, _, _ = state.total
        here = jnp.sum(weight, 0)
        centre = ratio(jnp.sum(weight * true, 0), here)
        share, shift = ratio(here, total + here), centre - mean
        around = jnp.sum(weight * jnp.square(true - centre), 0) + jnp.square(shift) * share * total
        missed = jnp.sum(weight * jnp.square(true - pred), 0)
        return plus(state, jnp.stack([jnp.full_like(here, len(true)), here, shift * share, around, missed]))

    def outcome(self, state: Sums) -> jax.Array:
        """The score; labels that do not vary give 0, or 1 where they were met exactly."""
        rows, _, _, distance, error = state.total
        flat = jnp.where(error == 0, 1, 0)
        scores = jnp.where(distance == 0, flat, 1 - error / jnp.where(distance == 0, 1, distance))
        match self.class_aggregation:
            case None:
                score = scores
            case "uniform_average":
                score = jnp.mean(scores)
            case _:
                score = ratio(jnp.sum(distance * scores), jnp.sum(distance))
        if self.num_regressors == 0:
            return score
        free = rows[0] - self.num_regressors - 1
        return jnp.where(free > 0, 1 - (1 - score) * ratio(rows[0] - 1, free), score)
