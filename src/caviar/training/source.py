"""Where the rows of a `fit` or an `evaluate` come from: arrays, arrays larger than memory, or a stream of batches."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from caviar import engine
from caviar.data.arrays import Rows, as_inputs, as_rows, split
from caviar.data.checks import check_lengths
from caviar.data.columns import check_columns, columns_of
from caviar.data.sample_weights import balanced, check_class_weight, class_weights, classes_of
from caviar.data.streams import batches_in_order, batches_of, bounded, fits_memory, is_stream, large_batches, peek
from caviar.dice import shuffled
from caviar.errors import ArgumentError, DataError, warn
from caviar.graph.programs import cached
from caviar.training.compiled import check_targets
from caviar.training.prepared import built
from caviar.training.recipe import Recipe

if TYPE_CHECKING:
    from caviar.training.trainee import Trainee


def build_for(model: Trainee, x: Any, batch_size: int = 32) -> tuple[list[Any], list[str]]:
    """Build a model for batches of such inputs; the shapes and names of its outputs."""
    _, known = built(model, x, min(batch_size, int(jax.tree.leaves(x)[0].shape[0])))
    return known.outputs, known.names


def on_device(tree: Any) -> Any:
    """A copy of the data on the device."""
    engine.start()
    return jax.tree.map(jax.device_put, tree)


class Source:
    """Where the rows come from: arrays, arrays larger than memory, or a stream of batches."""

    def __init__(self, model: Trainee, x: Any, y: Any, weight: Any, classes: Any, size: int, shuffle: bool):
        self.x, self.y, self.weight, self.size, self.shuffle = x, y, weight, size, shuffle
        if x is None:
            raise ArgumentError("fit needs x: arrays of rows, or an iterable of (x, y) batches")
        check_columns(model.columns, x)
        self.columns = columns_of(x)
        self.stream = is_stream(x)
        self.large = not self.stream and not fits_memory((x, y))
        self.classes = classes if classes is None or isinstance(classes, str) else check_class_weight(classes)
        self.outputs: list[Any] | None = None
        self.names: list[str] = []  # what the model gives, once it is built
        self._first: Any = None
        if self.stream:
            self._check_stream()
            self._first, self.x = peek(x)
            self.columns = columns_of(self._first[0])
            check_columns(model.columns, self._first[0])
        elif self.large:
            self.x, self.y, self.weight = (_as_leaves(part) for part in (x, y, weight))
            if isinstance(self.classes, str):
                self.classes = balanced(classes_of(jax.tree.leaves(self.y)[0]))
            check_lengths({"x": self.x, "y": self.y, "sample_weight": self.weight})
            self._first = next(large_batches((self.x, self.y, self.weight), size, np.arange(min(size, self.count))))

    def _check_stream(self) -> None:
        """Raise for arguments that a stream's batches would have to bring themselves."""
        for name, value in (("y", self.y), ("sample_weight", self.weight)):
            if value is not None:
                raise ArgumentError(
                    f"x gives batches, so {name} comes with them: let it give (x, y, sample_weight) and leave out {name}="
                )
        if isinstance(self.classes, str):
            raise ArgumentError(
                "class_weight='balanced' counts the rows of each class: give x and y as arrays, or a dict of weights"
            )

    def build(self, model: Trainee) -> tuple[list[Any], list[str]]:
        """Build a model for such rows; the shapes and names of its outputs."""
        self.outputs, self.names = found = build_for(model, self.first.x, self.size)
        return found

    @property
    def count(self) -> int:
        """How many rows there are, when they are not a stream."""
        return len(jax.tree.leaves(self.x)[0])

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
        """All rows, if they fit on the device; not yet weighted by their classes, since some may become validation data."""
        if self.stream or self.large:
            return None
        rows = as_rows(self.x, self.y, self.weight, names)
        for weight in rows.weight:
            if weight is not None and not np.any(weight):
                raise DataError("sample_weight is 0 for every row, so there is nothing to learn from")
        return rows

    def skip(self, count: int) -> None:
        """Skip the batches that an interrupted training has already used, if the stream starts from its beginning again."""
        if self.stream and isinstance(self.x, Iterator):
            next(itertools.islice(self.x, count, count), None)

    def batches(self, recipe: Recipe, run: Any = None) -> Iterator[Rows]:
        """The batches of an epoch, when not all rows are on the device: checked, in the order that the run gives them."""
        outputs, names = self.outputs or [], self.names
        if self.stream:
            found = batches_of(self.x, names, self.columns)
        else:
            found = batches_in_order((self.x, self.y, self.weight), self.size, self._order(run), names)
        for number, rows in enumerate(found):
            recipe.network.check_inputs(rows.x)
            check_targets(recipe, rows, outputs, f"batch {number}: y")
            yield class_weights(rows, self.classes, outputs)

    def _order(self, run: Any) -> np.ndarray:
        """The same order as that of arrays on the device: the seed's, and a resumed run's."""
        if not self.shuffle or run is None:
            return np.arange(self.count)
        rows = np.arange(self.count, dtype=np.int32)
        return np.asarray(cached("order", lambda: shuffled, runs_once=True)(run.keys[0], rows, run.epoch))


def _as_leaves(part: Any) -> Any:
    """Lists of plain numbers as arrays, so that rows can be taken of them."""
    plain = isinstance(part, (list, tuple)) and not any(hasattr(item, "shape") for item in part)
    return np.asarray(part) if plain else part


def with_validation(
    source: Source, names: list[str], fraction: float, data: Any, limit: int | None = None, size: int = 32
) -> tuple[Rows | None, Rows | None]:
    """The rows to train on, weighted by their classes, and those to validate on: the last `fraction`, or `validation_data`.

    Validation takes at most `limit` batches of `size` rows.
    """
    rows, validation = source.rows(names), None
    if data is not None and fraction:
        warn("validation_data is validated on, and validation_split is not used: leave out one of them")
    if data is not None:
        check_columns(source.columns, data[0] if isinstance(data, tuple) and data else None, "validation x")
        validation = validation_rows(data, names, limit)
    elif fraction:
        if rows is None:
            raise ArgumentError("validation_split needs arrays that fit in memory: give validation_data for a stream")
        rows, validation = split(rows, fraction)
    if validation is not None and limit is not None and not is_stream(data):
        validation = validation.take(slice(0, limit * size))
    return None if rows is None else class_weights(rows, source.classes, source.outputs), validation


def validation_rows(data: Any, names: list[str], limit: int | None) -> Rows:
    """Validation data as rows: a tuple (x, y) or (x, y, sample_weight), or a stream of batches."""
    if is_stream(data):
        batches = batches_of(data, names)
        held = list(
            bounded(batches, "validation_data", "validation_steps")
            if limit is None
            else itertools.islice(batches, limit)
        )
        if not held:
            raise ArgumentError("validation_data is an empty stream")
        return jax.tree.map(lambda *arrays: np.concatenate(arrays), *held)
    if not isinstance(data, (tuple, list)) or not 1 <= len(data) <= 3:
        raise ArgumentError("validation_data must be (x, y) or (x, y, sample_weight), or a stream of such batches")
    x, y, weight = (*data, None, None)[:3]
    return as_rows(x, y, weight, names, "validation ")
