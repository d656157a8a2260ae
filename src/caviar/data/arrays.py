"""From data as users give it to arrays for a program."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import numpy as np

from caviar import config
from caviar.data.checks import check_lengths, check_sample_weight
from caviar.errors import ArgumentError, DataError
from caviar.outside import checked


class Rows(NamedTuple):
    """Rows to train on or to score: inputs, targets (one an output), and weights (one an output, or None)."""

    x: Any
    y: list[Any]
    weight: list[Any]

    @property
    def number(self) -> int:
        """How many rows there are."""
        return int(jax.tree.leaves(self.x)[0].shape[0])

    def take(self, rows: Any) -> Rows:
        """Some of the rows."""
        return jax.tree.map(lambda a: a[rows], self)


def as_inputs(x: Any, where: str = "x") -> Any:
    """Inputs as arrays: one array, or a list or dict of them for a model with several inputs."""
    if isinstance(x, dict):
        if not x:
            raise DataError(f"{where} is empty: a dict without a single array")
        return {name: as_inputs(value, f"{where}[{name!r}]") for name, value in x.items()}
    if isinstance(x, (list, tuple)) and x and all(hasattr(v, "shape") for v in x):
        return [as_inputs(value, f"{where}[{i}]") for i, value in enumerate(x)]
    return as_array(x, where)


def as_array(value: Any, where: str, dtype: Any = None) -> Any:
    """Anything array-like (NumPy, JAX, pandas, nested lists) as a checked array with rows; floats in one type."""
    array = checked(value, where, dtype)
    if array.ndim == 0:
        raise DataError(f"{where} is a single number, {array}; give an array with one row per example")
    if array.size == 0:
        raise DataError(f"{where} is empty: its shape is {array.shape}")
    return array


def as_rows(x: Any, y: Any, weight: Any, output_names: list[str], where: str = "") -> Rows:
    """Inputs, targets and weights as arrays of equal length, targets and weights one for each output."""
    inputs = as_inputs(x, f"{where}x")
    targets = _per_output(y, output_names, f"{where}y")
    weights = (
        _per_output(weight, output_names, f"{where}sample_weight") if weight is not None else [None] * len(output_names)
    )
    check_lengths({f"{where}x": inputs, f"{where}y": targets, f"{where}sample_weight": weights})
    check_sample_weight(weights, f"{where}sample_weight")
    return Rows(inputs, targets, weights)


def _precise() -> Any:
    """Targets and weights in single precision at least: half precision cannot tell 257 from 256."""
    return np.promote_types(jax.numpy.dtype(config.floatx()), np.float32)


def _per_output(value: Any, names: list[str], where: str) -> list[Any]:
    if isinstance(value, dict):
        extra = sorted(set(value) - set(names))
        if extra:
            raise ArgumentError(f"{where} has {extra[0]!r}, and the outputs of the model are {', '.join(names)}")
        return [as_array(value[n], f"{where}[{n!r}]", _precise()) if value.get(n) is not None else None for n in names]
    if isinstance(value, (list, tuple)) and len(names) > 1:
        if len(value) != len(names):
            raise ArgumentError(
                f"{where} has {len(value)} parts, and the model has {len(names)} outputs: {', '.join(names)}"
            )
        return [None if v is None else as_array(v, f"{where}[{i}]", _precise()) for i, v in enumerate(value)]
    if isinstance(value, (list, tuple)) and len(value) == 1 and hasattr(value[0], "shape"):
        value = value[0]
    shared = where.endswith("sample_weight") and len(names) > 1
    array = None if value is None else as_array(value, where, _precise())
    return [array] * len(names) if shared or len(names) == 1 else [array, *[None] * (len(names) - 1)]


def split(rows: Rows, fraction: float) -> tuple[Rows, Rows]:
    """The first rows to train on, and the last `fraction` to validate on, as Keras takes them.

    >>> import numpy as np
    >>> from caviar.data.arrays import Rows, split
    >>> train, held_out = split(Rows(np.zeros((10, 2)), [np.zeros(10)], [None]), 0.2)
    >>> train.number, held_out.number
    (8, 2)
    """
    if not 0 < fraction < 1:
        raise ArgumentError(f"validation_split must lie between 0 and 1, and is {fraction}")
    at = int(rows.number * (1 - fraction))
    if at in (0, rows.number):
        raise ArgumentError(
            f"validation_split={fraction} of {rows.number} rows leaves none to train or none to validate on"
        )
    return rows.take(slice(None, at)), rows.take(slice(at, None))


def check_batch_size(batch_size: Any) -> int:
    """A batch size that can work, 32 if none is given."""
    if batch_size is None:
        return 32
    if isinstance(batch_size, bool) or not isinstance(batch_size, (int, np.integer)) or batch_size < 1:
        raise ArgumentError(f"batch_size must be a whole number of at least 1, and is {batch_size!r}")
    return int(batch_size)
