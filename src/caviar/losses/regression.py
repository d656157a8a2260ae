"""Losses of real numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp

from caviar.declarations import Axis, NotNegative, Positive
from caviar.losses.base import ElementLoss, Loss
from caviar.losses.naming import function_of
from caviar.losses.shapes import EPSILON, same_shape
from caviar.parts import is_off

__all__ = [
    "CosineSimilarity",
    "HalfSquaredError",
    "Huber",
    "LogCosh",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Poisson",
    "SmoothL1",
    "cosine_similarity",
    "half_squared_error",
    "huber",
    "log_cosh",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "poisson",
    "smooth_l1",
]


@dataclass(eq=False, repr=False)
class MeanSquaredError(ElementLoss):
    """The mean of (y - y_hat)^2.

    >>> from caviar.losses import MeanSquaredError
    >>> float(MeanSquaredError()([[0.0, 0.0]], [[1.0, 3.0]]))
    5.0
    """

    def elements(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        """(y - y_hat)^2."""
        return jnp.square(y_pred - y_true)


@dataclass(eq=False, repr=False)
class HalfSquaredError(ElementLoss):
    """Half the sum of (y - y_hat)^2 over the outputs, whose gradient is y_hat - y; the mean over samples.

    >>> from caviar.losses import HalfSquaredError
    >>> float(HalfSquaredError()([[0.0, 0.0]], [[1.0, 3.0]]))
    5.0
    >>> float(HalfSquaredError()([[0.0, 0.0, 0.0]], [[1.0, 3.0, 2.0]]))
    7.0
    """

    def elements(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        """(y - y_hat)^2 / 2."""
        return 0.5 * jnp.square(y_pred - y_true)

    def call(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        """The sum over the axis."""
        values = self.elements(y_true, y_pred)
        return values if self.axis is None else jnp.sum(values, self.axis)


@dataclass(eq=False, repr=False)
class MeanAbsoluteError(ElementLoss):
    """The mean of |y - y_hat|.

    >>> from caviar.losses import MeanAbsoluteError
    >>> float(MeanAbsoluteError()([[0.0, 0.0]], [[1.0, -3.0]]))
    2.0
    """

    def elements(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        """|y - y_hat|."""
        return _size(y_pred - y_true)


@dataclass(eq=False, repr=False)
class MeanAbsolutePercentageError(ElementLoss):
    """The mean of 100 |y - y_hat| / |y|.

    >>> from caviar.losses import MeanAbsolutePercentageError
    >>> float(MeanAbsolutePercentageError()([[2.0, 4.0]], [[1.0, 5.0]]))
    37.5
    """

    def elements(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        """100 |y - y_hat| / |y|."""
        return 100 * _size((y_pred - y_true) / jnp.maximum(jnp.abs(y_true), EPSILON))


@dataclass(eq=False, repr=False)
class MeanSquaredLogarithmicError(ElementLoss):
    """The mean of (log(1 + y) - log(1 + y_hat))^2, for labels that are not negative.

    >>> from caviar.losses import MeanSquaredLogarithmicError
    >>> round(float(MeanSquaredLogarithmicError()([[0.0]], [[1.718281828]])), 6)
    1.0
    """

    labels: ClassVar[str] = "non_negative"

    def elements(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        """(log(1 + y) - log(1 + y_hat))^2."""
        return jnp.square(jnp.log1p(jnp.maximum(y_pred, EPSILON)) - jnp.log1p(jnp.maximum(y_true, EPSILON)))


@dataclass(eq=False, repr=False)
class Huber(ElementLoss):
    """Squared where the error is at most `delta`, straight beyond: d^2 / 2, or delta (|d| - delta / 2).

    >>> from caviar.losses import Huber
    >>> float(Huber(delta=1.0)([[0.0, 0.0]], [[1.0, 3.0]]))
    1.5
    """

    delta: Positive = 1.0

    name = "huber_loss"

    def elements(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        """d^2 / 2, or delta (|d| - delta / 2)."""
        error, delta = _size(y_pred - y_true), jnp.asarray(self.delta, y_pred.dtype)
        return jnp.where(error <= delta, 0.5 * jnp.square(error), delta * (error - 0.5 * delta))


@dataclass(eq=False, repr=False)
class SmoothL1(ElementLoss):
    """Huber's loss divided by `beta`: d^2 / (2 beta) below beta, |d| - beta / 2 above; |d| where beta is 0.

    >>> from caviar.losses import SmoothL1
    >>> float(SmoothL1(beta=2.0)([[0.0, 0.0]], [[1.0, 3.0]]))
    1.125
    """

    beta: NotNegative = 1.0

    def elements(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        """d^2 / (2 beta), or |d| - beta / 2."""
        error = _size(y_pred - y_true)
        if is_off(self.beta):
            return error
        beta = jnp.asarray(self.beta, y_pred.dtype)
        return jnp.where(error < beta, 0.5 * jnp.square(error) / beta, error - 0.5 * beta)


@dataclass(eq=False, repr=False)
class LogCosh(ElementLoss):
    """The mean of log(cosh(y_hat - y)): squared near 0, straight far away.

    >>> from caviar.losses import LogCosh
    >>> round(float(LogCosh()([[0.0]], [[100.0]])), 4)
    99.3069
    """

    def elements(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        """log(cosh(d)), in a form that does not overflow."""
        error = y_pred - y_true
        return error + jax.nn.softplus(-2 * error) - math.log(2)


@dataclass(eq=False, repr=False)
class Poisson(ElementLoss):
    """The mean of y_hat - y log(y_hat), for counts.

    >>> from caviar.losses import Poisson
    >>> float(Poisson()([[0.0, 1.0]], [[2.0, 1.0]]))
    1.5
    """

    labels: ClassVar[str] = "non_negative"

    def elements(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        """y_hat - y log(y_hat)."""
        return y_pred - y_true * jnp.log(y_pred + EPSILON)


@dataclass(eq=False, repr=False)
class CosineSimilarity(Loss):
    """Minus the cosine of the angle between labels and predictions: -1 where they point the same way.

    >>> from caviar.losses import CosineSimilarity
    >>> round(float(CosineSimilarity()([[0.0, 1.0]], [[0.0, 5.0]])), 6)
    -1.0
    """

    axis: Axis = -1

    labels: ClassVar[str] = "real"

    def match(self, y_true: jax.Array, y_pred: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Labels and predictions of one shape."""
        return same_shape(y_true, y_pred, str(self.name))

    def call(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        """Minus the cosine."""
        return -jnp.sum(_unit(y_true, self.axis) * _unit(y_pred, self.axis), self.axis)


def _size(error: jax.Array) -> jax.Array:
    """|error|, with derivative 0 at 0, as in PyTorch and TensorFlow; JAX's is 1."""
    return error * jnp.sign(error)


def _unit(x: jax.Array, axis: int) -> jax.Array:
    """The vector of length 1 that points the same way."""
    return x * jax.lax.rsqrt(jnp.maximum(jnp.sum(jnp.square(x), axis, keepdims=True), EPSILON**2))


mean_squared_error = function_of(MeanSquaredError)
half_squared_error = function_of(HalfSquaredError)
mean_absolute_error = function_of(MeanAbsoluteError)
mean_absolute_percentage_error = function_of(MeanAbsolutePercentageError)
mean_squared_logarithmic_error = function_of(MeanSquaredLogarithmicError)
huber = function_of(Huber)
smooth_l1 = function_of(SmoothL1)
log_cosh = function_of(LogCosh)
poisson = function_of(Poisson)
cosine_similarity = function_of(CosineSimilarity)
