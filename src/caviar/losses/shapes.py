"""How labels, predictions and weights of different shapes are brought together, and which shapes are refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from caviar import config
from caviar.errors import DataError, ShapeError, warn
from caviar.graph.context import logits_of, squeezed
from caviar.outside import as_given

EPSILON = 1e-7  # Keras' epsilon: probabilities are kept this far from 0 and 1, divisors this far from 0


def arrays(y_true: Any, y_pred: Any, dtype: str | None = None) -> tuple[jax.Array, jax.Array]:
    """Both as arrays; the predictions as floats."""
    y_pred = as_given(y_pred, "y_pred")
    if dtype or not jnp.issubdtype(y_pred.dtype, jnp.floating):
        y_pred = y_pred.astype(dtype or config.floatx())
    return as_given(y_true, "y_true"), y_pred


def real(y_true: jax.Array) -> jax.Array:
    """Labels as floats, if they are integers or booleans: a user's own function computes with them.

    >>> import jax.numpy as jnp
    >>> from caviar.losses.shapes import real
    >>> (real(jnp.asarray([3], "uint8")) - 5).tolist()
    [-2.0]
    """
    return y_true if jnp.issubdtype(y_true.dtype, jnp.floating) else y_true.astype(config.floatx())


def same_rank(y_true: jax.Array, y_pred: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Add or drop a last axis of size 1 where the ranks differ by one: (n,) and (n, 1) become (n, 1).

    >>> import jax.numpy as jnp
    >>> from caviar.losses.shapes import same_rank
    >>> [a.shape for a in same_rank(jnp.zeros(3), jnp.zeros((3, 1)))]
    [(3, 1), (3, 1)]
    """
    if y_true.ndim == y_pred.ndim + 1:
        return same_rank(y_pred, y_true)[::-1]
    if y_pred.ndim == y_true.ndim + 1 and y_pred.shape[-1] == 1:
        return (y_true[:, None], y_pred) if y_true.ndim == 1 else (y_true, reshaped(y_pred, lambda a: a[..., 0]))
    return y_true, y_pred


def reshaped(y_pred: jax.Array, look: Callable[[jax.Array], jax.Array]) -> jax.Array:
    """Predictions in another shape, with the logits that a sigmoid attached to them."""
    logits = logits_of(y_pred, "sigmoid")
    return look(y_pred) if logits is None else squeezed(look(y_pred), "sigmoid", look(logits))


def same_shape(y_true: jax.Array, y_pred: jax.Array, where: str) -> tuple[jax.Array, jax.Array]:
    """Labels and predictions of one shape, the labels in the predictions' type."""
    true, pred = same_rank(y_true, y_pred)
    if true.shape != pred.shape:
        hint = "give one label per prediction"
        if y_true.ndim < y_pred.ndim and where.startswith("categorical"):
            hint = f"for labels that are class numbers use sparse_{where}"
        raise _misfit(y_true, y_pred, where, hint)
    return true.astype(pred.dtype), pred


def class_numbers(y_true: jax.Array, y_pred: jax.Array, axis: int, where: str) -> jax.Array:
    """Class numbers in the shape of the predictions without their class axis."""
    shape = tuple(s for i, s in enumerate(y_pred.shape) if i != axis % y_pred.ndim)
    numbers = y_true
    if y_true.ndim == y_pred.ndim and y_true.shape[axis] == 1:
        numbers = jnp.squeeze(y_true, axis)
    if numbers.shape != shape:
        one_hot = y_true.shape == y_pred.shape
        hint = "for one-hot labels use categorical_crossentropy" if one_hot else f"give labels of shape {shape}"
        raise _misfit(y_true, y_pred, where, hint)
    return numbers.astype(jnp.int32)


def _misfit(y_true: jax.Array, y_pred: jax.Array, where: str, hint: str) -> ShapeError:
    given = f"labels of shape {y_true.shape} do not fit predictions of shape {y_pred.shape}"
    return ShapeError(f"{where}: {given}: {hint}")


def warn_of_twice(squeeze: str) -> None:
    """Say that probabilities are taken for logits.

    >>> import warnings
    >>> from caviar.losses.shapes import warn_of_twice
    >>> with warnings.catch_warnings(record=True) as told:
    ...     warnings.simplefilter("always")
    ...     warn_of_twice("softmax")
    >>> len(told)
    1
    """
    warn(
        f"the loss takes logits (from_logits=True), and the outputs have been through a {squeeze} already: "
        f"leave out the {squeeze}, or from_logits=True"
    )


def spread(weights: Any, shape: tuple[int, ...], dtype: Any, what: str = "sample_weight") -> jax.Array:
    """Weights, or a mask, spread over values of this shape: given one per sample, or one per value.

    >>> from caviar.losses.shapes import spread
    >>> spread([1, 2], (2, 3), "float32").tolist()
    [[1.0, 1.0, 1.0], [2.0, 2.0, 2.0]]
    """
    given = _not_negative(as_given(weights, what), what).astype(dtype)
    if not shape:  # one value for the whole batch
        return jnp.mean(given)
    fits = given[..., 0] if given.ndim == len(shape) + 1 and given.shape[-1] == 1 else given
    fits = fits.reshape(fits.shape + (1,) * (len(shape) - fits.ndim))
    if fits.ndim != len(shape) or any(a not in (1, b) for a, b in zip(fits.shape, shape, strict=True)):
        raise ShapeError(f"{what} of shape {given.shape} does not fit values of shape {shape}: give one per sample")
    return jnp.broadcast_to(fits, shape)


def _not_negative(weights: jax.Array, what: str) -> jax.Array:
    """The weights; outside a program, where `fit` has not looked at them, they are looked at here."""
    if not isinstance(weights, jax.core.Tracer):
        wrong = np.asarray(weights)[~(np.isfinite(weights) & (np.asarray(weights) >= 0))]
        if wrong.size:
            raise DataError(f"{what} holds {wrong[0]}: a weight is a number from 0 on")
    return weights


def together(mask: Any, weights: Any) -> jax.Array:
    """A mask and weights multiplied; the one with fewer axes is repeated along the other's last axes.

    >>> from caviar.losses.shapes import together
    >>> together([[True, False], [True, True]], [1.0, 2.0]).tolist()
    [[1.0, 0.0], [2.0, 2.0]]
    """
    kept = jnp.asarray(mask).astype(config.floatx())
    if weights is None:
        return kept
    given = jnp.asarray(weights)
    given = given[..., 0] if given.ndim == kept.ndim + 1 and given.shape[-1] == 1 else given
    axes = max(kept.ndim, given.ndim)
    return kept.reshape(kept.shape + (1,) * (axes - kept.ndim)) * given.reshape(
        given.shape + (1,) * (axes - given.ndim)
    )


def ratio(total: jax.Array, count: jax.Array) -> jax.Array:
    """The quotient, and 0 where there is nothing to divide by.

    >>> import jax.numpy as jnp
    >>> from caviar.losses.shapes import ratio
    >>> ratio(jnp.asarray([1.0, 1.0]), jnp.asarray([2.0, 0.0])).tolist()
    [0.5, 0.0]
    """
    return jnp.where(count == 0, 0, total / jnp.where(count == 0, 1, count))
