"""Where the rows of a `fit` or an `evaluate` come from: arrays, arrays larger than memory, or a stream of batches."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from caviar import engine
from caviar.closing import check_closed
from caviar.data.arrays import Rows, as_inputs, as_rows, class_weights, split
from caviar.data.streams import batches_of, fits_memory, is_stream, large_batches, peek
from caviar.errors import ArgumentError, NotCompiledError
from caviar.layers.base import ensure_built
from caviar.training.compiled import Compiled, output_specs


def compiled_of(model: Any, what: str) -> Compiled:
    """What `compile` was given, or an error that says to call it."""
    if model._compiled is None:
        raise NotCompiledError(f"call model.compile(optimizer=..., loss=...) before {what}")
    return model._compiled


def build_for(model: Any, x: Any, batch_size: int = 32) -> tuple[list[Any], list[str]]:
    """Build a model for batches of such inputs; the shapes and names of its outputs."""

    def batch_of(a: Any) -> Any:
        rows = min(batch_size, a.shape[0])
        return jax.ShapeDtypeStruct((rows, *a.shape[1:]), jax.dtypes.canonicalize_dtype(a.dtype))

    batch = jax.tree.map(batch_of, x)
    check_closed(model, model._compiled)
    model.check_inputs(batch)
    ensure_built(model, batch)
    model.built_for = batch
    return output_specs(model, batch)


def on_device(tree: Any) -> Any:
    """Data where the programs run."""
    engine.start()
    return jax.tree.map(jax.device_put, tree)


class Source:
    """Where the rows come from: arrays, arrays larger than memory, or a stream of batches."""

    def __init__(self, model: Any, x: Any, y: Any, weight: Any, classes: Any, size: int, shuffle: bool):
        self.x, self.y, self.weight, self.classes, self.size, self.shuffle = x, y, weight, classes, size, shuffle
        if x is None:
            raise ArgumentError("fit needs x: arrays of rows, or an iterable of (x, y) batches")
        self.stream = is_stream(x)
        self.large = not self.stream and not fits_memory((x, y))
        self._first: Any = None
        if self.stream:
            self._first, self.x = peek(x)
        elif self.large:
            self._first = next(large_batches(x, y, weight, size, np.arange(size)))

    @property
    def first(self) -> Rows:
        """Some rows, to build with."""
        if self._first is not None:
            return Rows(as_inputs(self._first[0]), [], [])
        self.x = as_inputs(self.x)
        return Rows(self.x, [], [])

    def first_rows(self, names: list[str]) -> Rows:
        """The first batch, targets included."""
        x, y, weight = self._first
        return as_rows(x, y, weight, names, "first batch: ")

    def rows(self, names: list[str]) -> Rows | None:
        """All rows, if they fit on the device; not yet weighed by their classes, for some may be validated on."""
        if self.stream or self.large:
            return None
        return as_rows(self.x, self.y, self.weight, names)

    def skip(self, count: int) -> None:
        """Pass over what an interrupted training has had: an iterator, begun again, gives it again."""
        if self.stream and isinstance(self.x, Iterator):
            next(itertools.islice(self.x, count, count), None)

    def batches(self, epoch: int, names: list[str]) -> Iterator[Rows]:
        """The batches of an epoch, when not all rows are on the device."""
        if self.stream:
            found = batches_of(self.x, names)
        else:
            count = len(self.x) if hasattr(self.x, "__len__") else 0
            order = np.random.default_rng(epoch).permutation(count) if self.shuffle else np.arange(count)
            found = (
                as_rows(a, b, w, names) for a, b, w in large_batches(self.x, self.y, self.weight, self.size, order)
            )
        return (class_weights(rows, self.classes) for rows in found)


def with_validation(
    source: Source, names: list[str], fraction: float, data: Any, limit: int | None = None, size: int = 32
) -> tuple[Rows | None, Rows | None]:
    """The rows to train on, weighed by their classes, and those to validate on: the last `fraction`, or data of their own.

    At most `limit` batches of `size` rows are validated on.
    """
    rows, validation = source.rows(names), None
    if data is not None:
        validation = validation_rows(data, names, limit)
    elif fraction and rows is None:
        raise ArgumentError("validation_split needs arrays that fit in memory: give validation_data for a stream")
    elif fraction:
        rows, validation = split(rows, fraction)
    if validation is not None and limit is not None and not is_stream(data):
        validation = validation.take(slice(0, limit * size))
    return None if rows is None else class_weights(rows, source.classes), validation


def validation_rows(data: Any, names: list[str], limit: int | None) -> Rows:
    """Validation data as rows: a tuple (x, y) or (x, y, sample_weight), or a stream of batches."""
    if is_stream(data):
        held = list(itertools.islice(batches_of(data, names), limit))
        if not held:
            raise ArgumentError("validation_data is an empty stream")
        return jax.tree.map(lambda *arrays: np.concatenate(arrays), *held)
    if not isinstance(data, (tuple, list)) or not 1 <= len(data) <= 3:
        raise ArgumentError("validation_data must be (x, y) or (x, y, sample_weight), or a stream of such batches")
    x, y, weight = (*data, None, None)[:3]
    return as_rows(x, y, weight, names, "validation ")
