"""Losses of two classes per output: binary crossentropies of probabilities or logits, and hinges."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Annotated, Any, ClassVar

import jax
import jax.numpy as jnp

from caviar.declarations import Each, NotNegative, Number, Share
from caviar.graph.context import logits_of
from caviar.losses.base import ElementLoss
from caviar.losses.naming import function_of
from caviar.losses.shapes import EPSILON, warn_of_twice
from caviar.parts import is_off

__all__ = [
    "BinaryCrossentropy",
    "BinaryFocalCrossentropy",
    "Hinge",
    "SquaredHinge",
    "binary_crossentropy",
    "binary_focal_crossentropy",
    "hinge",
    "squared_hinge",
]


def log_sides(y_pred: jax.Array, from_logits: bool) -> tuple[jax.Array, jax.Array]:
    """log p and log(1 - p), computed from logits where they are known: given, or attached to p by a sigmoid."""
    logits = y_pred if from_logits else logits_of(y_pred, "sigmoid")
    if from_logits and logits_of(y_pred, "sigmoid") is not None:
        warn_of_twice("sigmoid")
    if logits is not None:
        return jax.nn.log_sigmoid(logits), jax.nn.log_sigmoid(-logits)
    p = jnp.clip(y_pred, EPSILON, 1 - EPSILON)
    return jnp.log(p), jnp.log1p(-p)


def smooth(y_true: jax.Array, amount: float, classes: int) -> jax.Array:
    """Labels moved by this amount towards all classes being equally likely.

    >>> import jax.numpy as jnp
    >>> from caviar.losses.binary import smooth
    >>> smooth(jnp.asarray([0.0, 1.0]), 0.5, 2).tolist()
    [0.25, 0.75]
    """
    return y_true if is_off(amount) else y_true * (1 - amount) + amount / classes


@dataclass(eq=False, repr=False)
class BinaryCrossentropy(ElementLoss):
    """-(y log p + (1 - y) log(1 - p)), for labels between 0 and 1; the predictions are probabilities, or logits.

    `class_weight` scales each output, `pos_weight` the part of the ones (both one number per output).

    >>> from caviar.losses import BinaryCrossentropy
    >>> round(float(BinaryCrossentropy()([[0.0]], [[0.99]])), 3)
    4.605
    >>> float(BinaryCrossentropy(from_logits=True)([[1.0]], [[-300.0]]))
    300.0
    """

    from_logits: bool = False
    label_smoothing: Share = 0.0
    _: KW_ONLY
    class_weight: Annotated[Any, Each(Number(least=0))] | None = None
    pos_weight: Annotated[Any, Each(Number(least=0))] | None = None

    labels: ClassVar[str] = "probability"

    def elements(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        """-(y log p + (1 - y) log(1 - p))."""
        log_p, log_q = log_sides(y_pred, self.from_logits)
        y_true = smooth(y_true, self.label_smoothing, 2)
        yes, no = y_true * log_p, (1 - y_true) * log_q
        if self.pos_weight is not None:
            yes = jnp.asarray(self.pos_weight, yes.dtype) * yes
        loss = -(yes + no)
        return loss if self.class_weight is None else jnp.asarray(self.class_weight, loss.dtype) * loss


@dataclass(eq=False, repr=False)
class BinaryFocalCrossentropy(ElementLoss):
    """Binary crossentropy that counts easy examples less: times (1 - the probability of the truth)^gamma.

    >>> from caviar.losses import BinaryFocalCrossentropy
    >>> round(float(BinaryFocalCrossentropy(gamma=2.0)([[1.0]], [[0.5]])), 4)
    0.1733
    """

    apply_class_balancing: bool = False
    alpha: Share = 0.25
    gamma: NotNegative = 2.0
    from_logits: bool = False
    label_smoothing: Share = 0.0

    labels: ClassVar[str] = "probability"

    def elements(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        """(1 - p_t)^gamma times the crossentropy."""
        log_p, log_q = log_sides(y_pred, self.from_logits)
        y_true = smooth(y_true, self.label_smoothing, 2)
        p = jnp.exp(log_p)
        truth = y_true * p + (1 - y_true) * (1 - p)
        loss = -jnp.power(1 - truth, self.gamma) * (y_true * log_p + (1 - y_true) * log_q)
        return loss * (y_true * self.alpha + (1 - y_true) * (1 - self.alpha)) if self.apply_class_balancing else loss


@dataclass(eq=False, repr=False)
class Hinge(ElementLoss):
    """The mean of max(1 - y y_hat, 0), for labels -1 and 1; 0 is read as -1.

    >>> from caviar.losses import Hinge
    >>> Hinge(reduction="none")([[-1.0], [0.0], [1.0]], [[0.5], [0.5], [0.5]]).tolist()
    [1.5, 1.5, 0.5]
    """

    labels: ClassVar[str] = "sign"

    def elements(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        """max(1 - y y_hat, 0)."""
        return jnp.maximum(1 - jnp.where(y_true == 0, -1, y_true) * y_pred, 0)


@dataclass(eq=False, repr=False)
class SquaredHinge(Hinge):
    """The mean of max(1 - y y_hat, 0)^2, for labels -1 and 1; 0 is read as -1.

    >>> from caviar.losses import SquaredHinge
    >>> float(SquaredHinge()([[-1.0]], [[0.5]]))
    2.25
    """

    def elements(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        """max(1 - y y_hat, 0)^2."""
        return jnp.square(super().elements(y_true, y_pred))


binary_crossentropy = function_of(BinaryCrossentropy)
binary_focal_crossentropy = function_of(BinaryFocalCrossentropy)
hinge = function_of(Hinge)
squared_hinge = function_of(SquaredHinge)
