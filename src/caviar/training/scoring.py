"""`evaluate` and `predict`: many rows, in a few dispatches."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import jax
import numpy as np

from caviar.arguments import check
from caviar.data.arrays import as_inputs, as_rows, check_batch_size
from caviar.data.checks import check_lengths
from caviar.data.columns import check_columns
from caviar.data.streams import bounded, chunks, fits_memory, is_stream
from caviar.declarations import OneOf, Times, Verbosity
from caviar.errors import ArgumentError, DataError
from caviar.graph.evaluation import as_arrays
from caviar.parts import take_apart
from caviar.training.answers import Answers, power_of_two, store_states
from caviar.training.argument_types import Callbacks, Data, RowWeights
from caviar.training.callbacks import CallbackList
from caviar.training.callbacks.base import TEST_BATCH_HOOKS
from caviar.training.compiled import Compiled, check_losses, name_logs
from caviar.training.input_checks import check_ids_at
from caviar.training.loop import readable
from caviar.training.padding import batch_for, with_room_for
from caviar.training.passes import no_scores, scores, with_states
from caviar.training.prepared import built, prepared_for
from caviar.training.program import chunk_scorer, evaluator
from caviar.training.progress import Progress
from caviar.training.recipe import Recipe
from caviar.training.source import Source, on_device
from caviar.training.state import Weights
from caviar.training.step import separate

if TYPE_CHECKING:
    from caviar.training.trainee import Trainee


def evaluate(
    model: Trainee,
    x: Data = None,
    y: Data = None,
    batch_size: Times | None = None,
    verbose: Verbosity | Annotated[str, OneOf("auto")] = "auto",
    sample_weight: RowWeights = None,
    steps: Times | None = None,
    callbacks: Callbacks = None,
    return_dict: bool = False,
) -> Any:
    """Loss and metrics over all rows; the arguments are Keras'."""
    check(evaluate, locals())
    compiled = model.require_compiled("evaluate")
    size = check_batch_size(batch_size)
    if x is None:
        raise ArgumentError("evaluate needs x: arrays of rows, or an iterable of (x, y) batches")
    listed = CallbackList(as_list(callbacks), model, {"verbose": verbose})
    listed.tell_uncalled(TEST_BATCH_HOOKS)
    listed.on_test_begin()
    with Progress(None, steps, verbose) as progress:
        start = progress.now()
        score = _score_stream if is_stream(x) or not fits_memory((x, y)) else _score_rows
        recipe, logs = score(model, compiled, x, y, sample_weight, size, progress)
        found = readable(recipe.scoring(), logs)
        listed.on_test_end(found)
        progress.epoch_end(0, found, progress.now() - start)
    return as_asked(recipe, found, return_dict)


def _score_rows(model: Trainee, compiled: Compiled, x: Any, y: Any, weight: Any, size: int, progress: Progress) -> Any:
    check_columns(model.columns, x)
    inputs = as_inputs(x)
    apart, known = built(model, inputs, min(size, int(jax.tree.leaves(inputs)[0].shape[0])))
    rows = as_rows(inputs, y, weight, known.names)
    rows = rows if progress.steps is None else rows.take(slice(0, progress.steps * size))
    progress.steps = -(-rows.number // size)
    prepared = prepared_for(model, apart, known, rows)
    check_ids_at(known.reached, apart, rows.x)
    check_losses(prepared.recipe, rows, known.outputs)
    size = batch_for(rows.number, size, prepared.padding)
    held = on_device(with_room_for(rows, size, prepared.padding))
    program = evaluator(prepared.apart.structure, size, prepared.padding)
    states, logs = progress.call(program, prepared.weights, prepared.numbers, held)
    store_states(prepared.apart, states)
    return prepared.recipe, logs


def _weights(recipe: Recipe) -> tuple[Any, Any]:
    apart = take_apart(recipe)
    trainable, fixed = separate(apart.structure, [v.value for v in apart.variables])
    return apart, Weights(trainable, fixed)


def _score_stream(
    model: Trainee, compiled: Compiled, x: Any, y: Any, weight: Any, size: int, progress: Progress
) -> Any:
    source = Source(model, x, y, weight, None, size, shuffle=False)
    outputs, names = source.build(model)
    recipe = compiled.recipe(model, outputs, names)
    name_logs(recipe, source.first_rows(names))
    apart, weights = _weights(recipe)
    numbers = as_arrays(apart.numbers)
    statistics, states = None, {}
    taken = 0
    for chunk, count in chunks(source.batches(recipe), progress.steps):
        if statistics is None:
            first = jax.tree.map(lambda a: a[0], chunk.x)
            statistics = no_scores(apart.structure, numbers, weights, first)
        states, statistics = progress.call(chunk_scorer(apart.structure), weights, statistics, numbers, chunk)
        weights = with_states(weights, states)
        taken += count
        progress.update(taken)
    store_states(apart, states)
    return recipe, scores(apart.structure, numbers, weights, statistics)


def as_asked(recipe: Recipe, logs: dict[str, Any], return_dict: bool) -> Any:
    """Logs as a dict, or as Keras gives them: the loss alone, or a list of loss and metrics.

    With several outputs, Keras' list has the losses in the order of the outputs, then the metrics sorted by name.
    """
    if return_dict:
        return logs
    metrics = sorted(name for name, *_ in recipe.metrics) if len(recipe.losses) > 1 else []
    values = [logs[name] for name in sorted(logs, key=lambda name: metrics.index(name) if name in metrics else -1)]
    return values[0] if len(values) == 1 else values


def as_list(callbacks: Any) -> list[Any]:
    """Callbacks as a list: several, one, or none."""
    return list(callbacks) if isinstance(callbacks, (list, tuple)) else [] if callbacks is None else [callbacks]


def predict(
    model: Trainee,
    x: Data,
    batch_size: Times | None = None,
    verbose: Verbosity | Annotated[str, OneOf("auto")] = "auto",
    steps: Times | None = None,
) -> Any:
    """The outputs for all rows, as NumPy arrays."""
    check(predict, locals())
    size = check_batch_size(batch_size)
    if is_stream(x):
        given = _inputs_of(x)
        held = bounded(given, "x", "steps") if steps is None else itertools.islice(given, steps)
        pieces = [predict(model, batch, size, 0) for batch in held]
        if not pieces:
            raise DataError("x is an empty stream: it gave no batch (a generator is used up after one pass)")
        return jax.tree.map(lambda *parts: np.concatenate(parts), *pieces)
    check_columns(model.columns, x)
    inputs = as_inputs(x)
    check_lengths({"x": inputs})
    inputs = inputs if type(inputs) is np.ndarray else jax.tree.map(np.asarray, inputs)
    inputs = inputs if steps is None else jax.tree.map(lambda a: a[: steps * size], inputs)
    count = int(jax.tree.leaves(inputs)[0].shape[0])
    size = min(size, power_of_two(count))
    apart, known = built(model, inputs, size)
    check_ids_at(known.reached, apart, inputs)
    found = None  # NumPy arrays, which may be written to, unlike JAX's
    with Progress(None, -(-count // size), verbose) as progress:
        began = progress.now()
        for start, outputs in Answers(apart, progress).of(inputs, count, size):
            if found is None and count > size:
                found = jax.tree.map(lambda o: np.empty((count, *o.shape[1:]), o.dtype), outputs)
            found = jax.tree.map(np.array, outputs) if found is None else _filled_in(found, start, outputs)
            progress.update(start // size + 1)
        progress.epoch_end(0, None, progress.now() - began)
    return found


def _filled_in(found: Any, start: int, outputs: Any) -> Any:
    for whole, some in zip(jax.tree.leaves(found), jax.tree.leaves(outputs), strict=True):
        whole[start : start + len(some)] = some
    return found


def _inputs_of(stream: Any) -> Iterator[Any]:
    return (batch[0] if isinstance(batch, tuple) else batch for batch in stream)
