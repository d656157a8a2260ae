"""From a name, a function, a loss or a class to a metric."""

from __future__ import annotations

from typing import Any

from caviar import losses, public
from caviar.errors import ArgumentError, unknown_name
from caviar.losses.lookup import class_named, kind_of_labels
from caviar.metrics.base import Additive, Metric, SampleMean
from caviar.metrics.means import MeanOf

__all__ = ["get"]

_BY_LABELS = ("accuracy", "acc", "crossentropy", "ce")


def get(identifier: Any, loss: Any = None, output_shape: Any = None, label_shape: Any = None) -> Metric | None:
    """The metric meant by a name, a function, a loss, a class or a metric; it is logged under the name given.

    "accuracy" and "crossentropy" are the binary, categorical or sparse ones, by the shape of the last layer, and by the
    shape of the labels or, where that is not known, by the labels that the loss takes.

    >>> from caviar.metrics import get
    >>> get("mae").name, get("MeanAbsoluteError").name
    ('mae', 'MeanAbsoluteError')
    >>> get("accuracy", "sparse_categorical_crossentropy", (None, 10))
    SparseCategoricalAccuracy('accuracy')
    """
    if identifier is None or isinstance(identifier, Metric):
        return identifier
    if isinstance(identifier, type) and issubclass(identifier, Metric):
        return identifier()
    if isinstance(getattr(identifier, "made_from", None), type) and issubclass(identifier.made_from, Metric):
        return identifier.made_from()
    if not isinstance(identifier, str) and (not callable(identifier) or _is_another_class(identifier)):
        raise ArgumentError(f"a metric is a name, a Metric or a function of (y_true, y_pred), and not {identifier!r}")
    if not isinstance(identifier, str):
        found = losses.get(identifier)
        function = found.function if isinstance(found, losses.FunctionLoss) else found
        return MeanOf(function, name=found.name if found else None)
    return _named(identifier, loss, output_shape, label_shape)


def _is_another_class(identifier: Any) -> bool:
    return isinstance(identifier, type) and not issubclass(identifier, losses.Loss)


def _named(name: str, loss: Any, output_shape: Any, label_shape: Any) -> Metric:
    full = name
    if name.lower() in _BY_LABELS:
        kind = _kind(name, losses.get(loss) if isinstance(loss, str) else loss, output_shape, label_shape)
        full = f"{kind}_{'accuracy' if name.lower().startswith('acc') else 'crossentropy'}"
    known = public.named("caviar.metrics", Metric, Metric, Additive, SampleMean, MeanOf)
    if full in known:
        return known[full](name=name)
    try:
        of = class_named(full)
    except ArgumentError:
        raise unknown_name(
            "metric", name, [*filter(str.islower, known), *_BY_LABELS, "mse", "mae", "mape", "msle", "bce"]
        ) from None
    return known[of.__name__](name=name) if of.__name__ in known else MeanOf(of(), name=name)


def _kind(name: str, loss: Any, output_shape: Any, label_shape: Any) -> str:
    """The kind of labels: binary, categorical or sparse_categorical."""
    if output_shape is None:
        raise ArgumentError(
            f"metric {name!r} depends on the shape of the last layer, which is not known here: "
            "name binary_accuracy, categorical_accuracy or sparse_categorical_accuracy"
        )
    if label_shape is not None or output_shape[-1] == 1:
        return kind_of_labels(label_shape, output_shape)
    return "sparse_categorical" if getattr(loss, "labels", None) == "class" else "categorical"
