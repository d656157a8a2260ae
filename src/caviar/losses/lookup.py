"""From a name, a function or a class to a loss."""

from __future__ import annotations

from typing import Any

from caviar import public
from caviar.errors import ArgumentError, unknown_name
from caviar.losses.base import ElementLoss, FunctionLoss, Loss
from caviar.text import snake_case

__all__ = ["get"]

_SHORT = {
    "mse": "mean_squared_error",
    "mae": "mean_absolute_error",
    "mape": "mean_absolute_percentage_error",
    "msle": "mean_squared_logarithmic_error",
    "bce": "binary_crossentropy",
    "kld": "kl_divergence",
    "nll": "negative_log_likelihood",
    "logcosh": "log_cosh",
}


def get(identifier: Any, label_shape: Any = None, output_shape: Any = None) -> Loss | None:
    """The loss meant by a name ("mse", "mean_squared_error", "MeanSquaredError"), a function, a class or a loss.

    "crossentropy" is the binary, categorical or sparse one, by the shapes of the labels and of the last layer.

    >>> from caviar.losses import get
    >>> get("mse")
    MeanSquaredError()
    >>> get("crossentropy", label_shape=(None,), output_shape=(None, 10))
    SparseCategoricalCrossentropy()
    """
    if identifier is None or isinstance(identifier, Loss):
        return identifier
    if isinstance(identifier, type) and issubclass(identifier, Loss):
        return identifier()
    if hasattr(identifier, "made_from"):  # one of caviar's lower-case functions
        return identifier.made_from()
    if callable(identifier) and not isinstance(identifier, type):
        return FunctionLoss(identifier, name=snake_case(getattr(identifier, "__name__", type(identifier).__name__)))
    name = identifier
    if str(identifier).lower() in ("crossentropy", "ce"):
        name = f"{_which(identifier, label_shape, output_shape)}_crossentropy"
    return class_named(name)()


def class_named(name: Any) -> type[Loss]:
    """The class of a loss by its name, long or short."""
    known = public.named("caviar.losses", Loss, Loss, ElementLoss, FunctionLoss)
    found = known.get(_SHORT.get(str(name).lower(), str(name)))
    if found is None:
        raise unknown_name("loss", name, [*filter(str.islower, known), *_SHORT])
    return found


def kind_of_labels(label_shape: Any, output_shape: Any) -> str:
    """Binary, sparse_categorical or categorical, by Keras' rule.

    >>> from caviar.losses.lookup import kind_of_labels
    >>> kind_of_labels((None, 1), (None, 10))
    'sparse_categorical'
    """
    if output_shape[-1] == 1:
        return "binary"
    sparse = len(label_shape) < len(output_shape) or label_shape[-1] == 1
    return "sparse_categorical" if sparse else "categorical"


def _which(identifier: str, label_shape: Any, output_shape: Any) -> str:
    if label_shape is None or output_shape is None:
        raise ArgumentError(
            f"loss {identifier!r} depends on the shapes of the labels and of the last layer, which are not known here: "
            "name binary_crossentropy, categorical_crossentropy or sparse_categorical_crossentropy"
        )
    return kind_of_labels(label_shape, output_shape)
