"""Sequences: padding them to one length, cutting windows out of them, splitting data sets."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

import jax
import numpy as np

from caviar.arguments import check
from caviar.data.batches import Batches
from caviar.declarations import Axis, Count, DataType, OneOf, Size
from caviar.errors import ArgumentError, DataError, ShapeError

__all__ = ["normalize", "pad_sequences", "split_dataset", "timeseries_dataset_from_array"]

Side = Annotated[str, OneOf("pre", "post")]


def pad_sequences(
    sequences: Any,
    maxlen: Size | None = None,
    dtype: DataType = "int32",
    padding: Side = "pre",
    truncating: Side = "pre",
    value: Any = 0.0,
) -> np.ndarray:
    """Lists as rows of one length: shorter ones are filled, longer ones cut, at their beginning or their end.

    >>> from caviar.utils import pad_sequences
    >>> pad_sequences([[1], [2, 3], [4, 5, 6]], maxlen=2).tolist()
    [[0, 1], [2, 3], [5, 6]]
    """
    check(pad_sequences, {k: v for k, v in locals().items() if k != "dtype" or v is not object})
    if not hasattr(sequences, "__len__") or any(not hasattr(s, "__len__") for s in sequences):
        raise DataError("pad_sequences takes a list of lists, one for each example")
    length = max((len(s) for s in sequences), default=0) if maxlen is None else maxlen
    inner = next((np.shape(s)[1:] for s in sequences if len(s)), ())
    rows = np.full((len(sequences), length, *inner), value, dtype)
    for row, sequence in zip(rows, sequences, strict=True):
        if not len(sequence):
            continue
        kept = np.asarray(sequence[-length:] if truncating == "pre" else sequence[:length], dtype)
        if kept.shape[1:] != inner:
            raise ShapeError(f"entries of the sequences are of shape {inner}, and some of {kept.shape[1:]}")
        row[len(row) - len(kept) :] = kept if padding == "pre" else row[len(row) - len(kept) :]
        if padding == "post":
            row[: len(kept)] = kept
    return rows


def normalize(x: Any, axis: Axis = -1, order: Any = 2) -> np.ndarray:
    """An array with its vectors along an axis divided by their norm; zero vectors stay.

    >>> from caviar.utils import normalize
    >>> normalize([[3.0, 4.0]]).tolist()
    [[0.6, 0.8]]
    """
    check(normalize, locals())
    given = np.atleast_1d(np.asarray(x))
    if not -given.ndim <= axis < given.ndim:
        raise ArgumentError(f"axis of normalize is {axis}, and x has the shape {given.shape}")
    length = np.atleast_1d(np.linalg.norm(given, order, axis))
    return given / np.expand_dims(np.where(length == 0, 1, length), axis)


def split_dataset(
    dataset: Any,
    left_size: Any = None,
    right_size: Any = None,
    shuffle: bool = False,
    seed: Count | None = None,
    preferred_backend: Any = None,
) -> tuple[Batches, Batches]:
    """Split a data set in two: arrays by rows, an iterable by its items. Sizes are counts or shares.

    >>> import numpy as np
    >>> from caviar.utils import split_dataset
    >>> left, right = split_dataset(np.arange(10), left_size=0.8)
    >>> len(left), len(right)
    (8, 2)
    """
    del preferred_backend
    rows = _rows_of(dataset)
    left, right = _sizes(len(rows), left_size, right_size)
    if shuffle:
        rows = [rows[i] for i in np.random.default_rng(seed).permutation(len(rows))]
    return Batches(rows[:left]), Batches(
        rows[len(rows) - right :] if right_size is not None else rows[left : left + right]
    )


def _rows_of(dataset: Any) -> list[Any]:
    if isinstance(dataset, np.ndarray):
        return list(dataset)
    if isinstance(dataset, (tuple, list, dict)) and all(hasattr(a, "shape") for a in jax.tree.leaves(dataset)):
        count = len(jax.tree.leaves(dataset)[0])
        return [jax.tree.map(lambda a, i=i: a[i], dataset) for i in range(count)]
    if isinstance(dataset, Iterable):
        return list(dataset)
    raise DataError(f"split_dataset takes arrays or an iterable, and was given {type(dataset).__name__}")


def _sizes(count: int, left: Any, right: Any) -> tuple[int, int]:
    if left is None and right is None:
        raise ArgumentError("split_dataset wants left_size or right_size, a count or a share")

    def rows(size: Any, name: str) -> int:
        wanted = round(size * count) if isinstance(size, float) and 0 < size < 1 else size
        if not isinstance(wanted, (int, np.integer)) or not 0 < wanted < count:
            raise ArgumentError(f"{name} of split_dataset is a count below {count} or a share, and was given {size!r}")
        return int(wanted)

    first = rows(left, "left_size") if left is not None else count - rows(right, "right_size")
    second = rows(right, "right_size") if right is not None else count - first
    if first + second > count:
        raise ArgumentError(f"left_size and right_size of split_dataset make {first + second} of {count}")
    return first, second


def timeseries_dataset_from_array(
    data: Any,
    targets: Any,
    sequence_length: Size,
    sequence_stride: Size = 1,
    sampling_rate: Size = 1,
    batch_size: Size | None = 128,
    shuffle: bool = False,
    seed: Count | None = None,
    start_index: Count | None = None,
    end_index: Count | None = None,
    format: Any = "tf",
) -> Batches:
    """Batches of windows of a series, each with the target at its first place.

    >>> import numpy as np
    >>> from caviar.utils import timeseries_dataset_from_array
    >>> x, y = next(iter(timeseries_dataset_from_array(np.arange(6), np.arange(6), 3, batch_size=2)))
    >>> x.tolist(), y.tolist()
    ([[0, 1, 2], [1, 2, 3]], [0, 1])
    """
    check(timeseries_dataset_from_array, locals())
    del format
    series = np.asarray(data)
    first, end = start_index or 0, len(series) if end_index is None else min(end_index, len(series))
    if not 0 <= first < end:
        raise ArgumentError(f"start_index {first} and end_index {end} leave nothing of {len(series)} steps")
    series, wanted = series[first:end], None if targets is None else np.asarray(targets)[first:end]
    last = len(series) - (sequence_length - 1) * sampling_rate
    starts = np.arange(0, last if wanted is None else min(last, len(wanted)), sequence_stride)
    if not len(starts):
        raise ArgumentError(f"no window of {sequence_length} steps fits into the series: make sequence_length smaller")
    if shuffle:
        np.random.default_rng(seed).shuffle(starts)
    at = np.arange(sequence_length) * sampling_rate

    def batch(rows: np.ndarray) -> Any:
        x = series[rows[:, None] + at]
        return x if wanted is None else (x, wanted[rows])

    size = batch_size or 1
    made = Batches([starts[i : i + size] for i in range(0, len(starts), size)], batch, shuffle=shuffle)
    return (
        made
        if batch_size is not None
        else made.map(lambda *parts: tuple(p[0] for p in parts) if wanted is not None else parts[0][0])
    )
