"""Data that is not on the device as a whole: iterables of batches, and arrays larger than memory."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import Any

import jax
import numpy as np

from caviar.data.arrays import Rows, as_rows
from caviar.data.columns import check_columns
from caviar.errors import ArgumentError, DataError
from caviar.layers.weights import memory

_CHUNK_BATCHES = 256  # the most of them in a chunk, however small they are
CHUNK_BYTES = 64 * 2**20
"""About how much data goes to the device at once."""

MOST_BATCHES = 2**14
"""The most batches that a stream may give where all are held in memory and no number of steps is given."""


def is_stream(x: Any) -> bool:
    """Whether `x` is an iterable of batches, and not an array.

    >>> import numpy as np
    >>> from caviar.data.streams import is_stream
    >>> is_stream(iter([])), is_stream([[1.0]]), is_stream(np.zeros(3))
    (True, False, False)
    """
    if isinstance(x, (dict, list, tuple, str, bytes)) or hasattr(x, "shape") or hasattr(x, "columns"):
        return False
    return isinstance(x, Iterable) or (hasattr(x, "__getitem__") and hasattr(x, "__len__"))


def batches_of(stream: Any, output_names: list[str], columns: Any = None) -> Iterator[Rows]:
    """The batches of a stream as checked rows: `(x, y)` or `(x, y, sample_weight)` each, or x alone."""
    source = iter(stream) if isinstance(stream, Iterable) else (stream[i] for i in range(len(stream)))
    for number, batch in enumerate(source):
        x, y, weight = _parts(batch)
        check_columns(columns, x, f"batch {number}: x")
        yield as_rows(x, y, weight, output_names, f"batch {number}: ")


def batches_in_order(parts: Any, size: int, order: np.ndarray, output_names: list[str]) -> Iterator[Rows]:
    """The batches of arrays larger than the device's memory, as checked rows."""
    for number, batch in enumerate(large_batches(parts, size, order)):
        yield as_rows(*batch, output_names, f"batch {number}: ")


def _host(value: Any) -> Any:
    """Tensors of other libraries as NumPy arrays."""
    return jax.tree.map(lambda v: v.numpy() if hasattr(v, "numpy") else v, value)


def fits_memory(arrays: Any) -> bool:
    """Whether arrays are small enough to be put on the device as a whole: at most a quarter of its memory.

    >>> import numpy as np
    >>> from caviar.data.streams import fits_memory
    >>> fits_memory(np.zeros(10))
    True
    """
    size = sum(getattr(a, "nbytes", 0) for a in jax.tree.leaves(arrays))
    return size <= memory() // 4


def large_batches(parts: Any, batch_size: int, order: np.ndarray) -> Iterator[tuple[Any, Any, Any]]:
    """The batches of arrays larger than the device, read from the disk or the memory as they are needed."""
    for start in range(0, len(order), batch_size):
        rows = order[start : start + batch_size]
        ahead = np.argsort(rows)  # in the order of the file, which is much faster for a memory map
        back = np.argsort(ahead)
        yield jax.tree.map(lambda a, ahead=rows[ahead], back=back: np.asarray(a[ahead])[back], parts)


def bounded(batches: Iterable[Any], what: str, steps: str) -> Iterator[Any]:
    """The batches of a stream that is held in memory; an endless one raises before it fills the memory."""
    size, limit = 0, memory() // 4
    for number, batch in enumerate(batches):
        size += _size(batch)
        if number == MOST_BATCHES or size > limit:
            raise DataError(
                f"{what} gave {number} batches and goes on: if it never ends, say how many to take with {steps}=..., "
                "or give arrays"
            )
        yield batch


def chunks(batches: Iterable[Rows], limit: int | None = None) -> Iterator[tuple[Rows, int]]:
    """Batches of equal shape, stacked for one dispatch, and their number; only one such chunk is in memory at a time."""
    held: list[Rows] = []
    for batch in itertools.islice(batches, limit):  # a batch read beyond the limit would be missing in the next epoch
        if held and (
            _shapes(batch) != _shapes(held[0]) or _size(batch) * len(held) >= CHUNK_BYTES or len(held) >= _CHUNK_BATCHES
        ):
            yield _stacked(held), len(held)
            held = []
        held.append(batch)
    if held:
        yield _stacked(held), len(held)


def _stacked(held: list[Rows]) -> Rows:
    return jax.tree.map(lambda *arrays: np.stack(arrays), *held)


def _shapes(batch: Rows) -> Any:
    return jax.tree.structure(batch), [(a.shape, a.dtype) for a in jax.tree.leaves(batch)]


def _size(batch: Any) -> int:
    return sum(getattr(a, "nbytes", 0) for a in jax.tree.leaves(batch))


def peek(stream: Any) -> tuple[tuple[Any, Any, Any], Any]:
    """The parts of a stream's first batch, and the stream with that batch put back."""
    if not isinstance(stream, Iterator):
        for head in stream if isinstance(stream, Iterable) else (stream[i] for i in range(len(stream))):
            return _parts(head), stream
        raise DataError("the stream is empty: it gave no batch")
    for head in stream:
        return _parts(head), itertools.chain([head], stream)
    raise DataError("the stream is empty: it gave no batch (a generator is used up after one pass)")


def _parts(batch: Any) -> tuple[Any, Any, Any]:
    parts = batch if isinstance(batch, (tuple, list)) else (batch,)
    if not 1 <= len(parts) <= 3:
        raise ArgumentError(f"a batch of the stream has {len(parts)} parts: give (x, y) or (x, y, sample_weight)")
    return (*map(_host, parts), None, None)[:3]
