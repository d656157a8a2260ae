"""The arguments of `compile`, and the recipe that follows from them once the model's outputs are known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from caviar import config, engine
from caviar.data.arrays import Rows
from caviar.errors import ArgumentError
from caviar.graph.evaluation import as_arrays, evaluate
from caviar.graph.programs import cached, remembered
from caviar.losses.labels import check_labels
from caviar.optimizers.base import Optimizer
from caviar.parts import Apart, Numbers, Structure, take_apart
from caviar.training.hooks import is_own, take_step
from caviar.training.input_checks import check_ids
from caviar.training.recipe import Recipe
from caviar.training.resolving import resolve_losses, resolve_metrics, resolve_weights
from caviar.training.state import Run, Weights, first_run
from caviar.training.step import Step, separate, with_weights

if TYPE_CHECKING:
    from caviar.training.trainee import Trainee


@dataclass
class Compiled:
    """The arguments of `compile`."""

    optimizer: Any
    loss: Any = None
    loss_weights: Any = None
    metrics: Any = None
    weighted_metrics: Any = None

    def recipe(self, model: Trainee, outputs: list[Any], names: list[str], rules: list[Any] | None = None) -> Recipe:
        """The recipe for a model with such outputs."""
        losses = resolve_losses(self.loss, names)
        recipe = Recipe(
            network=model,
            optimizer=self.optimizer,
            losses=losses,
            loss_weights=resolve_weights(self.loss_weights, names),
            metrics=resolve_metrics(self.metrics, self.weighted_metrics, names, outputs, losses),
            output_names=names
            if len(names) > 1
            else ["output"],  # the same network under another name is the same program
            rules=rules or [],
            own_loss=is_own(model, "compute_loss"),
        )
        if self.optimizer is not None and type(self.optimizer).set_aside is not Optimizer.set_aside:
            recipe.aside = self.optimizer.set_aside([v.path for v in take_apart(recipe).variables])
        return recipe


def output_names(model: Trainee, outputs: Any) -> list[str]:
    """The names of a model's outputs, nested as they are."""
    if isinstance(outputs, dict):
        return sorted(outputs)
    known, count = model.output_names, len(jax.tree.leaves(outputs))
    return known if len(known) == count else [f"output_{i}" for i in range(count)]


def check_targets(recipe: Recipe, rows: Rows, outputs: list[Any], where: str = "y") -> None:
    """Raise for ids that an embedding has no row for, and targets that do not fit outputs and losses, before anything compiles."""
    check_ids(recipe.network, rows.x, f"{where.removesuffix('y')}x")
    check_losses(recipe, rows, outputs, where)


def check_losses(recipe: Recipe, rows: Rows, outputs: list[Any], where: str = "y") -> None:
    """Raise for targets that do not fit the outputs and losses."""
    for loss, y, output, name in zip(recipe.losses, rows.y, outputs, recipe.output_names, strict=True):
        place = where if len(outputs) == 1 else f"{where}[{name!r}]"
        if loss is not None and y is None:
            raise ArgumentError(
                f"{place} is missing: output {name!r} has the loss {loss.name!r}, which compares with targets"
            )
        if loss is not None:
            check_labels(loss, y, output.shape[-1] if len(output.shape) > 1 else None, place)


def start_run(recipe: Recipe, rows: int, epoch: int, keys: jax.Array, before: Run | None) -> Run:
    """The run of a new `fit`: the present weights, and the optimizer's state from the last `fit`, if it still fits."""
    apart = take_apart(recipe)
    numbers, values = as_arrays(apart.numbers), [v.value for v in apart.variables]

    def make() -> Callable[..., Run]:
        return lambda *given: first_run_of(apart.structure, 0, *given)

    run = cached(("start", apart.structure), make, runs_once=True)(numbers, values, keys, np.int32(epoch))
    run = run._replace(order=jax.device_put(np.zeros(rows, np.int32)))
    if before is None or not _same(run.optimizer, before.optimizer):
        return run
    return run._replace(optimizer=before.optimizer, step=before.step, rate=before.rate)


def first_run_of(structure: Structure, rows: int, numbers: Numbers, values: Any, keys: jax.Array, epoch: Any) -> Run:
    """The run before its first step; pure."""
    trainable, fixed = separate(structure, values)
    copy = with_weights(structure, numbers, Weights(trainable, fixed))
    rules = [rule.initial((trainable, fixed)) for rule in copy.rules]
    return first_run(trainable, fixed, copy.optimizer.init(trainable), rules, keys, epoch, rows)


def _same(a: Any, b: Any) -> bool:
    structures: list[Any] = [jax.tree.structure(a), jax.tree.structure(b)]
    if structures[0] != structures[1]:
        return False
    return all(
        x.shape == y.shape and x.dtype == y.dtype for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    )


def check_objective(recipe: Recipe, x: Any) -> None:
    """Raise if there is nothing to minimise: no loss, no penalty, and no `train_step` of the user's own."""
    if recipe.optimizer is None:
        raise ArgumentError("there is nothing to train with: compile was given no optimizer, such as 'adam'")
    if any(recipe.losses) or is_own(recipe.network, "train_step") or is_own(recipe.network, "compute_loss"):
        return
    apart, penalties = take_apart(recipe), []
    values = [jax.ShapeDtypeStruct(v.shape, jnp.dtype(v.dtype)) for v in apart.variables]

    def look(x: Any, values: Any) -> None:
        def call(copy: Recipe) -> None:
            copy.outputs(x)
            penalties.append(copy.penalty())

        evaluate(apart.structure, as_arrays(apart.numbers), values, training=True, rng=jax.random.key(0), call=call)

    jax.eval_shape(look, x, values)
    if isinstance(penalties[0], int):  # the empty sum
        raise ArgumentError(
            "there is nothing to minimise: compile was given no loss, and no layer adds one; compile(optimizer, loss=...), "
            "add_loss, or a train_step of your own"
        )


def name_logs(recipe: Recipe, rows: Rows) -> None:
    """Set the names in the recipe that the user's own steps report, found by tracing them."""
    recipe.custom_logs = _reported(recipe, rows, "train_step")
    recipe.scored_logs = _reported(recipe, rows, "test_step")


def _reported(recipe: Recipe, rows: Rows, name: str) -> tuple[str, ...]:
    if not is_own(recipe.network, name):
        return ()
    apart, batch = take_apart(recipe), rows.take(slice(0, 1))
    leaves, form = jax.tree.flatten(batch)
    key = ("reported", name, apart.structure, form, *((leaf.shape, str(leaf.dtype)) for leaf in leaves))
    return remembered(key, lambda: _found_reported(recipe, apart, batch, name))


def _found_reported(recipe: Recipe, apart: Apart, batch: Rows, name: str) -> tuple[str, ...]:
    """The names that a step reports, found by tracing it."""
    values = [jax.ShapeDtypeStruct(v.shape, jnp.dtype(v.dtype)) for v in apart.variables]
    numbers, keys = as_arrays(apart.numbers), config.as_key(jnp.zeros((2, 2), jnp.uint32))
    run: Any = engine.shapes_of(lambda v: first_run_of(apart.structure, 0, numbers, v, keys, 0), values)

    def report(run: Any, numbers: Numbers, batch: Any) -> Any:
        run = run if name == "train_step" else Weights(run.trainable, run.fixed)
        made = with_weights(apart.structure, numbers, run)
        return take_step(name, made, Step(apart.structure, numbers, run), batch)[1]

    found = engine.shapes_of(report, run, numbers, batch)
    if isinstance(found, dict) and not found:
        raise ArgumentError(
            f"{type(recipe.network).__name__}.{name} reports nothing: give a dict such as {{'loss': value}}"
        )
    return tuple(found) if isinstance(found, dict) else ()
