"""The task of a search: the space, the data, and how a point of the space becomes a group that trains."""

from __future__ import annotations

import functools
import zlib
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from caviar.data.arrays import Rows, check_batch_size
from caviar.errors import ArgumentError
from caviar.layers.weights import undrawn
from caviar.studies.best import KeepBest
from caviar.studies.blocks import Seat
from caviar.studies.frames import Frame
from caviar.studies.groups import Data, Group
from caviar.studies.space import Space
from caviar.training.callbacks import CallbackList
from caviar.training.compiled import check_targets, name_logs
from caviar.training.fit import plan_for
from caviar.training.recipe import Recipe
from caviar.training.row_by_row import may_be_padded
from caviar.training.source import build_for
from caviar.training.trainee import Trainee
from caviar.training.vectorized import on_all_devices


@dataclass
class Task:
    """The space and the data of a search, and how its members train."""

    space: Space
    rows: Rows
    validation: Rows | None
    folds: list[tuple[np.ndarray, np.ndarray]] | None
    monitor: str | None
    mode: str
    shuffle: bool = True
    validation_batch_size: int | None = None
    validation_freq: int = 1
    held_out: Rows | None = None  # the rows that folds validate on, without class weights

    @property
    def is_validated(self) -> bool:
        """Whether there is validation."""
        return self.validation is not None or self.folds is not None

    @functools.cached_property
    def data(self) -> Data:
        """The data on every device; folds validate on the same rows as all train on, but without weights of classes."""
        rows = on_all_devices(self.rows)
        if self.folds is not None:
            own = (self.held_out or self.rows).weight
            return Data(rows, rows._replace(weight=on_all_devices(own)), self.folds)
        return Data(rows, None if self.validation is None else on_all_devices(self.validation), None)

    def make(self, seat: Seat, frame: Frame | None = None) -> Group:
        """The group of a member: its network built, its recipe, and the plan of its epochs; that of its frame, or its own."""
        recipe, size = self.recipe(self.space.at(seat.units)) if frame is None else (frame.recipe, frame.batch_size)
        count = self.rows.number if seat.fold is None else seat.fold[0]
        given = size if self.validation_batch_size is None else check_batch_size(self.validation_batch_size)
        smaller = frame is not None and frame.batch_name is not None
        plan = plan_for(count, min(size, count) if smaller else size, None, self.shuffle, given, self.validation_freq)
        return Group(recipe, plan._replace(padding=may_be_padded(recipe), smaller=smaller), self.data, frame)

    def recipe(self, values: dict[str, Any]) -> tuple[Recipe, int]:
        """The recipe of these values, and the batch size; everything that cannot work is refused here."""
        with undrawn():
            made = self.space.with_values(values)
            model, compiled, size = made.model, made.compiled, check_batch_size(made.batch_size)
            outputs, names = build_for(model, self.rows.x, size)
        model.compiled_with = compiled
        best = [] if self.monitor is None else [KeepBest(self.monitor, self.mode)]
        recipe = compiled.recipe(model, outputs, names, [*made.rules, *best])
        recipe.log_rate = any(rule.reads_rate for rule in made.rules)
        check_targets(recipe, self.rows, outputs)
        if self.validation is not None:
            check_targets(recipe, self.validation, outputs, "validation y")
        name_logs(recipe, self.rows)
        CallbackList(recipe.rules).check(recipe.logged(self.is_validated))
        return recipe, size


def first_that_works(space: Space, x: Any) -> tuple[Trainee, list[str], list[float]]:
    """A built network of the space, and the names of its outputs, which are the same at every point."""
    rng, errors = np.random.default_rng(0), []
    for i in range(20):
        units = [0.5 if i == 0 else float(rng.random()) for _ in space.found]
        try:
            with undrawn():
                model = space.close(units).model
                return model, build_for(model, x)[1], units
        except Exception as error:  # a layer of the user's may raise anything
            errors.append(error)
    _refuse_fractions(space, x)
    raise errors[0]


def _refuse_fractions(space: Space, x: Any) -> None:
    """Raise a clearer error if the network cannot be built because a range gives a fraction where a whole number is needed."""
    middle = {h.name: h.range.at(0.5) for h in space.found}
    whole = {name: round(value) if isinstance(value, float) else value for name, value in middle.items()}
    for hyper in space.found if _can_be_built(space, x, whole) else []:
        value, found = middle[hyper.name], hyper.range
        if isinstance(value, float) and not _can_be_built(space, x, {**whole, hyper.name: value}):
            better = found.in_whole_numbers
            raise ArgumentError(f"{hyper.name} = {found!r} gives {value:g}, and must be a whole number: write {better}")


def _can_be_built(space: Space, x: Any, values: dict[str, Any]) -> bool:
    try:
        with undrawn():
            build_for(space.with_values(values).model, x)
    except Exception:  # a layer of the user's may raise anything
        return False
    return True


def split_folds(rows: int, folds: int | None, seed: int) -> list[tuple[np.ndarray, np.ndarray]] | None:
    """For each fold the rows to train on and those to validate on; every row is validated once.

    >>> from caviar.studies.task import split_folds
    >>> [(train.tolist(), held_out.tolist()) for train, held_out in split_folds(4, 2, seed=0)]
    [([1, 3], [0, 2]), ([0, 2], [1, 3])]
    """
    if folds is None:
        return None
    if not 2 <= folds <= rows:
        raise ArgumentError(f"folds must be at least 2 and at most the number of rows, {rows}, and is {folds}")
    order = np.random.default_rng(seed).permutation(rows)
    parts = [np.sort(part) for part in np.array_split(order, folds)]
    return [(np.sort(np.concatenate(parts[:i] + parts[i + 1 :])), part) for i, part in enumerate(parts)]


def checksum(tree: Any) -> str:
    """A checksum of the data; of large arrays it reads some rows only."""
    found = 0
    for leaf in jax.tree.leaves(tree):
        array = np.asarray(leaf)
        every = max(1, array.nbytes // 2**26)
        found = zlib.crc32(
            np.ascontiguousarray(np.atleast_1d(array)[::every]).tobytes(), zlib.crc32(str(array.shape).encode(), found)
        )
    return f"{found:08x}"
