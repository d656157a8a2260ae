"""What a call needs besides its data: prepared once for inputs of these shapes, and again when the model has changed."""

from __future__ import annotations

import weakref
from collections.abc import Hashable
from typing import TYPE_CHECKING, Any, NamedTuple

import jax

from caviar import config
from caviar.closing import check_closed
from caviar.data.arrays import Rows
from caviar.errors import ArgumentError, CaviarError, retell
from caviar.graph.evaluation import numbers_of
from caviar.layers.base import ensure_built
from caviar.layers.wanted import ShapeOfSeveral
from caviar.outside import spoken
from caviar.parts import Apart, take_apart
from caviar.training.compiled import check_objective, check_targets, name_logs, output_names, start_run
from caviar.training.input_checks import Reached, reached_by
from caviar.training.recipe import Recipe
from caviar.training.row_by_row import may_be_padded
from caviar.training.state import Run, Weights
from caviar.training.step import separate

if TYPE_CHECKING:
    from caviar.training.trainee import Trainee


class Built(NamedTuple):
    """A built model taken apart, for batches of some shape."""

    reached: Reached
    outputs: list[Any]  # shapes and types
    names: list[str]


def built(model: Trainee, x: Any, rows: int) -> tuple[Apart, Built]:
    """The model taken apart, after it was built for batches of so many such rows."""
    key = ("built", rows, _spoken(x))
    apart = take_apart(model)
    known = apart.known(key)
    if known is None:
        known = _build(model, x, rows)
        apart = take_apart(model)  # as it is with its weights
        apart.finding(key, lambda: known)
    return apart, known


def _spoken(rows: Any) -> Hashable:
    """The shapes and types of rows, in words, without their number."""
    leaves, form = jax.tree.flatten(rows)
    return form, *((leaf.shape[1:], leaf.dtype) for leaf in leaves)


def _build(model: Trainee, x: Any, rows: int) -> Built:
    def batch_of(a: Any) -> Any:
        return jax.ShapeDtypeStruct((min(rows, a.shape[0]), *a.shape[1:]), jax.dtypes.canonicalize_dtype(a.dtype))

    batch = jax.tree.map(batch_of, x)
    check_closed(model, model.compiled_with)
    model.check_inputs(batch)
    try:
        ensure_built(model, batch)
        model.built_for = batch
        reached = reached_by(model, batch)
        return Built(reached, jax.tree.leaves(reached.outputs), output_names(model, reached.outputs))
    except Exception as error:
        if not isinstance(x, (dict, list)):
            retell(error, lambda: f"model {model.name!r} for {spoken(batch)}")
        told = isinstance(error, CaviarError) and not isinstance(error, ShapeOfSeveral)
        if told or not isinstance(x, (dict, list)):
            raise
        given = f"a dict of {', '.join(map(repr, x))}" if isinstance(x, dict) else f"a list of {len(x)} arrays"
        raise ArgumentError(
            f"x is {given}, which model {model.name!r} cannot take ({type(error).__name__}: {error}): for one input "
            "give one array, such as np.stack(x); a dict is for inputs that have these names"
        ) from error


class Prepared:
    """A recipe for such rows, taken apart."""

    def __init__(self, model: Trainee, known: Built, rows: Rows, trains: bool):
        self.recipe: Recipe = model.require_compiled("evaluate").recipe(model, known.outputs, known.names)
        self.outputs = known.outputs
        check_targets(self.recipe, rows, self.outputs)
        if trains:
            check_objective(self.recipe, rows.x)
        name_logs(self.recipe, rows)
        self.padding = may_be_padded(self.recipe)
        self.apart = take_apart(self.recipe)
        self.trainable, self.fixed = separate(self.apart.structure, self.apart.variables)
        self.after: Any = None

    @property
    def numbers(self) -> list[Any]:
        """The numbers, as arguments of a program."""
        return numbers_of(self.apart)

    @property
    def weights(self) -> Weights:
        """The present values of the variables."""
        return Weights([v.value for v in self.trainable], [v.value for v in self.fixed])

    def next_run(self, before: Run | None) -> Run:
        """The run of the next step: the present weights, and the optimizer's state, if it still fits."""
        keys = config.next_key(2)
        if before is None or self.after is None or self.after() is not before.step:
            return start_run(self.recipe, 0, 0, keys, before)
        return before._replace(**self.weights._asdict(), keys=keys)

    def take(self, run: Run) -> None:
        """Store a run's values in the variables, and remember the run for the next step."""
        for variables, values in ((self.trainable, run.trainable), (self.fixed, run.fixed)):
            for variable, value in zip(variables, values, strict=True):
                variable.assign(value)
        self.after = weakref.ref(run.step)


def prepared_for(model: Trainee, apart: Apart, known: Built, rows: Rows, trains: bool = False) -> Prepared:
    """The recipe of a model for such rows, found once for as long as the model and what `compile` was given stay as they are."""
    return apart.finding(("prepared", trains, _spoken(rows)), lambda: Prepared(model, known, rows, trains))
