"""Passes over rows inside a program: training on, scoring or predicting batch after batch, with the layers' state.

An evaluation may change state, too: that of a stateful recurrent layer, or a counter. Which variables do is found by tracing one
batch, and only those travel from batch to batch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax

from caviar.data.arrays import Rows
from caviar.graph.evaluation import evaluate
from caviar.graph.programs import remembered
from caviar.parts import Numbers, Structure
from caviar.training.hooks import take_step
from caviar.training.padding import Held
from caviar.training.recipe import Recipe
from caviar.training.state import Run, Statistics, Weights
from caviar.training.step import Step, merge, over_rows, with_weights

States = dict[int, Any]
"""The values of variables that an evaluation changes, by their places among those that gradients do not change."""


def with_states(run: Any, states: States) -> Any:
    """A run, or weights, with such states."""
    return run._replace(fixed=[states.get(place, value) for place, value in enumerate(run.fixed)])


def train_batch(
    structure: Structure, numbers: Numbers, run: Run, statistics: Statistics, batch: Any, real: Any = None
) -> tuple[Run, Any]:
    """Train on one batch and count it; where it is padded, so many of its rows are real."""
    recipe: Recipe = with_weights(structure, numbers, run)
    step, report = take_step("train_step", recipe, Step(structure, numbers, run, real, statistics), batch)
    return step.run._replace(step=run.step + 1), recipe.accumulate(step.statistics, batch, report, real)


def score_batch(
    structure: Structure, numbers: Numbers, run: Any, statistics: Statistics, batch: Any, real: Any = None
) -> tuple[list[Any], Any]:
    """Count one batch without training; with the variables that no gradient changes, after it."""
    recipe: Recipe = with_weights(structure, numbers, run)
    step, report = take_step("test_step", recipe, Step(structure, numbers, run, real, statistics), batch)
    return step.run.fixed, recipe.scoring().accumulate(step.statistics, batch, report, real)


def predict_batch(structure: Structure, numbers: Numbers, weights: Weights, x: Any) -> tuple[list[Any], Any]:
    """The outputs of a network for a batch; with the variables that no gradient changes, after it."""
    network = with_weights(structure, numbers, weights)
    step, outputs = take_step("predict_step", network, Step(structure, numbers, weights), Rows(x, [], []))
    return step.run.fixed, outputs


def moving(one: Callable[..., tuple[list[Any], Any]], weights: Any, *given: Any) -> tuple[States, Any]:
    """The states that a batch changes, as they are before it, and the shapes of what else `one(weights, ...)` gives."""
    places: list[int] = []

    def traced(fixed: list[Any], *given: Any) -> Any:
        after, found = one(weights._replace(fixed=fixed), *given)
        places.extend(i for i, (old, new) in enumerate(zip(fixed, after, strict=True)) if old is not new)
        return found

    shapes = jax.eval_shape(traced, weights.fixed, *given)
    return {place: weights.fixed[place] for place in places}, shapes


def evaluate_rows(
    structure: Structure, numbers: Numbers, run: Any, data: Held, batch_size: int, padding: bool = False
) -> tuple[States, Any]:
    """The states after all rows of some data, and the logs; the last batch is padded if it may be."""
    first = jax.tree.map(lambda a: jax.ShapeDtypeStruct((batch_size, *a.shape[1:]), a.dtype), data.rows)
    empty = no_scores(structure, numbers, run, first[0])

    def one(run: Any, statistics: Statistics, batch: Any, real: Any = None) -> Any:
        return score_batch(structure, numbers, run, statistics, batch, real)

    def body(carry: Any, batch: Any, real: Any) -> Any:
        states, statistics = carry
        fixed, statistics = one(with_states(run, states), statistics, batch, real)
        return {place: fixed[place] for place in states}, statistics

    states, statistics = over_rows(body, (moving(one, run, empty, first)[0], empty), data, batch_size, padding)
    return states, scores(structure, numbers, run, statistics)


def score_chunk(
    structure: Structure, numbers: Numbers, run: Any, statistics: Statistics, chunk: Any
) -> tuple[States, Any]:
    """The states and the statistics after batches stacked on a first axis."""

    def one(run: Any, statistics: Statistics, batch: Any) -> Any:
        return score_batch(structure, numbers, run, statistics, batch)

    def body(carry: Any, batch: Any) -> Any:
        fixed, statistics = one(with_states(run, carry[0]), carry[1], batch)
        return ({place: fixed[place] for place in carry[0]}, statistics), None

    states, _ = moving(one, run, statistics, jax.tree.map(lambda a: a[0], chunk))
    return jax.lax.scan(body, (states, statistics), chunk)[0]


def no_scores(structure: Structure, numbers: Numbers, run: Any, x: Any) -> Any:
    """Nothing scored yet, of batches like this."""
    recipe: Recipe = with_weights(structure, numbers, run)
    return recipe.scoring().initial_statistics(output_shapes(structure, numbers, run, x))


def scores(structure: Structure, numbers: Numbers, run: Any, statistics: Any) -> dict[str, Any]:
    """The logs of what was scored."""
    recipe: Recipe = with_weights(structure, numbers, run)
    return recipe.scoring().outcomes(statistics)


def output_shapes(structure: Structure, numbers: Numbers, run: Any, x: Any) -> list[Any]:
    """The shapes of the outputs for a batch; traced once, however many programs ask."""
    values = merge(structure, run.trainable, run.fixed)
    given = jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype), (list(numbers), values, x))
    leaves, form = jax.tree.flatten(given)

    def outputs(numbers: Numbers, values: Any, x: Any) -> Any:
        return evaluate(structure, numbers, values, call=lambda recipe: recipe.outputs(x)).outputs

    key = ("outputs", structure, form, *((leaf.shape, str(leaf.dtype)) for leaf in leaves))
    return remembered(key, lambda: jax.eval_shape(outputs, *given))
