"""`fit`, `evaluate` and `predict`: from what a user calls to programs, and back."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from caviar import config
from caviar.data.arrays import Rows, as_inputs, as_rows, check_batch_size, class_weights, split
from caviar.data.streams import batches_of, chunks, fits_memory, is_stream, large_batches, peek
from caviar.errors import ArgumentError, NotCompiledError
from caviar.graph.evaluation import as_arrays
from caviar.layers.base import ensure_built
from caviar.parts import take_apart
from caviar.training.callbacks import CallbackList, History, LearningRateScheduler
from caviar.training.compiled import Compiled, check_targets, custom_logs, output_specs, start_run
from caviar.training.listeners import Listeners
from caviar.training.loop import Training, readable, store_values, train_resident, train_stream
from caviar.training.program import Plan, chunk_scorer, chunk_trainer, evaluator, no_statistics, predictor
from caviar.training.progress import Progress
from caviar.training.recipe import Recipe
from caviar.training.rules import ReduceLROnPlateau, Rule
from caviar.training.state import Run, Weights
from caviar.training.step import separate


def compiled_of(model: Any, what: str) -> Compiled:
    """What `compile` was given, or an error that says to call it."""
    if model._compiled is None:
        raise NotCompiledError(f"call model.compile(optimizer=..., loss=...) before {what}")
    return model._compiled


def build_for(model: Any, x: Any) -> tuple[list[Any], list[str]]:
    """Build a model for such inputs; the shapes and names of its outputs."""
    batch = jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, jax.dtypes.canonicalize_dtype(a.dtype)), x)
    model.check_inputs(batch)
    ensure_built(model, batch)
    model.built_for = batch
    return output_specs(model, batch)


def fit(
    model: Any,
    x: Any = None,
    y: Any = None,
    batch_size: int | None = None,
    epochs: int = 1,
    verbose: int | str = "auto",
    callbacks: Any = None,
    validation_split: float = 0.0,
    validation_data: Any = None,
    shuffle: bool = True,
    class_weight: dict[int, float] | None = None,
    sample_weight: Any = None,
    initial_epoch: int = 0,
    steps_per_epoch: int | None = None,
    validation_steps: int | None = None,
    validation_batch_size: int | None = None,
    validation_freq: int = 1,
) -> History:
    """Train a model; the arguments are Keras'."""
    compiled = compiled_of(model, "fit")
    size = check_batch_size(batch_size)
    _check_counts(
        epochs=epochs, initial_epoch=initial_epoch, steps_per_epoch=steps_per_epoch, validation_freq=validation_freq
    )
    source = _Source(model, x, y, sample_weight, class_weight, size, shuffle)
    outputs, names = build_for(model, source.first.x)
    rows, validation = source.rows(names), None
    if validation_split and validation_data is None:
        if rows is None:
            raise ArgumentError("validation_split needs arrays that fit in memory: give validation_data for a stream")
        rows, validation = split(rows, validation_split)
    if validation_data is not None:
        validation = validation_rows(validation_data, names, validation_steps)
        model.check_inputs(validation.x)

    plan = _plan(rows, size, steps_per_epoch, shuffle, check_batch_size(validation_batch_size or size), validation_freq)
    history = History()
    listed = CallbackList(
        [*_as_list(callbacks), history], model, {"epochs": epochs, "steps": plan.steps or None, "verbose": verbose}
    )
    recipe = _recipe(compiled, model, outputs, names, listed)
    check_targets(recipe, rows or source.first_rows(names), outputs)
    if validation is not None:
        check_targets(recipe, validation, outputs, "validation y")
    run = start_run(recipe, plan.rows, initial_epoch, config.next_key(2), model._run)
    recipe.custom_logs = _custom_logs(recipe, run, rows or source.first_rows(names))
    _check_monitors(recipe, listed, validated=validation is not None)

    progress = Progress(epochs, plan.steps or None, verbose)
    training = Training(recipe, run, plan, epochs, Listeners(model, listed, progress), on_device(validation))
    model.history = history
    _train(model, training, rows, lambda epoch: source.batches(epoch, names), steps_per_epoch)
    return history


def _train(
    model: Any, training: Training, rows: Rows | None, batches: Callable[[int], Iterator[Rows]], limit: int | None
) -> None:
    """Train, and whatever happens leave the model with the weights of the last finished epoch."""
    model._training = training
    try:
        training.listeners.begin()
        if rows is None:
            train_stream(training, batches, limit)
        else:
            train_resident(training, on_device(rows))
        run = training.finished = _final(training)
    finally:
        run = training.finished
        store_values(take_apart(training.recipe), run)
        model._run, model._training = _with_folded_rate(training.recipe, run), None
        training.listeners.progress.close()
    training.listeners.end()


def _final(training: Training) -> Run:
    """The run with the weights that the rules, or the optimizer's averages, want kept."""
    run, optimizer = training.run, training.recipe.optimizer
    if getattr(optimizer, "use_ema", False):
        run = run._replace(trainable=list(optimizer.averaged(run.optimizer, run.trainable)))
    training.listeners.progress.close()
    for rule, state in zip(training.recipe.rules, run.rules, strict=True):
        trainable, fixed = rule.final_weights(state, (run.trainable, run.fixed))
        run = run._replace(trainable=list(trainable), fixed=list(fixed))
        for line in rule.report(state):
            print(line)
    return run


def _with_folded_rate(recipe: Recipe, run: Run) -> Run:
    """Let a rate that was lowered show in the optimizer, where people look for it."""
    factor, rate = float(run.rate), getattr(recipe.optimizer, "learning_rate", None)
    if factor == 1 or not isinstance(rate, (int, float)):
        return run
    recipe.optimizer.learning_rate = rate * factor
    return run._replace(rate=jnp.ones_like(run.rate))


def _recipe(compiled: Compiled, model: Any, outputs: list[Any], names: list[str], listed: CallbackList) -> Recipe:
    rules = [c for c in listed.callbacks if isinstance(c, Rule)]
    recipe = compiled.recipe(model, outputs, names, rules)
    recipe.log_rate = any(isinstance(c, (ReduceLROnPlateau, LearningRateScheduler)) for c in listed.callbacks)
    return recipe


def _check_monitors(recipe: Recipe, listed: CallbackList, validated: bool) -> None:
    names = recipe.log_names + ([f"val_{n}" for n in recipe.log_names] if validated else [])
    listed.check(names + (["learning_rate"] if recipe.log_rate else []))


def _custom_logs(recipe: Recipe, run: Run, rows: Rows) -> tuple[str, ...]:
    kind: Any = type(recipe.network)
    return () if kind.train_step is kind.standard_train_step else custom_logs(recipe, run, rows.take(slice(0, 1)))


def _plan(rows: Rows | None, size: int, steps: int | None, shuffle: bool, validation_size: int, freq: int) -> Plan:
    if rows is None:
        return Plan(0, size, steps or 0, shuffle, validation_size, freq)
    count = rows.number
    size = min(size, count)
    whole = -(-count // size)
    if steps is not None and steps > whole:
        raise ArgumentError(f"steps_per_epoch={steps}, but {count} rows make only {whole} batches of {size}")
    return Plan(count, size, steps or whole, bool(shuffle), validation_size, freq)


def _check_counts(**counts: Any) -> None:
    for name, value in counts.items():
        least = 0 if name in ("initial_epoch", "epochs") else 1
        if value is not None and (not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < least):
            raise ArgumentError(f"{name} must be a whole number of at least {least}, and is {value!r}")


def _as_list(callbacks: Any) -> list[Any]:
    return list(callbacks) if isinstance(callbacks, (list, tuple)) else [] if callbacks is None else [callbacks]


def on_device(tree: Any) -> Any:
    """Data where the programs run."""
    return jax.tree.map(jax.device_put, tree)


class _Source:
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
        """All rows, if they fit on the device."""
        if self.stream or self.large:
            return None
        return class_weights(as_rows(self.x, self.y, self.weight, names), self.classes)

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


def evaluate(
    model: Any,
    x: Any = None,
    y: Any = None,
    batch_size: int | None = None,
    verbose: int | str = "auto",
    sample_weight: Any = None,
    steps: int | None = None,
    callbacks: Any = None,
    return_dict: bool = False,
) -> Any:
    """Loss and metrics over all rows; the arguments are Keras'."""
    compiled = compiled_of(model, "evaluate")
    size = check_batch_size(batch_size)
    if x is None:
        raise ArgumentError("evaluate needs x: arrays of rows, or an iterable of (x, y) batches")
    listed = CallbackList(_as_list(callbacks), model, {"verbose": verbose})
    listed.on_test_begin()
    if is_stream(x) or not fits_memory((x, y)):
        recipe, logs = _score_stream(model, compiled, x, y, sample_weight, size, steps)
    else:
        inputs = as_inputs(x)
        outputs, names = build_for(model, inputs)
        recipe = compiled.recipe(model, outputs, names)
        rows = as_rows(inputs, y, sample_weight, names)
        rows = rows if steps is None else rows.take(slice(0, steps * size))
        check_targets(recipe, rows, outputs)
        apart, weights = _weights(recipe)
        logs = evaluator(apart.structure, min(size, rows.number))(weights, as_arrays(apart.numbers), on_device(rows))
    found = readable(recipe, logs)
    listed.on_test_end(found)
    with Progress(None, None, verbose) as progress:
        progress.epoch_end(0, found, 0.0)
    return _as_asked(found, return_dict)


def _weights(recipe: Recipe) -> tuple[Any, Any]:
    apart = take_apart(recipe)
    trainable, fixed = separate(apart.structure, [v.value for v in apart.variables])
    return apart, Weights(trainable, fixed)


def _score_stream(model: Any, compiled: Compiled, x: Any, y: Any, weight: Any, size: int, steps: int | None) -> Any:
    source = _Source(model, x, y, weight, None, size, shuffle=False)
    outputs, names = build_for(model, source.first.x)
    recipe = compiled.recipe(model, outputs, names)
    apart, weights = _weights(recipe)
    numbers = as_arrays(apart.numbers)
    statistics: Any = None
    for chunk, _ in chunks(source.batches(0, names), steps):
        if statistics is None:
            first = jax.tree.map(lambda a: a[0], chunk.x)
            statistics = no_statistics(apart.structure, size, numbers, weights, first)
        statistics = chunk_scorer(apart.structure)(weights, statistics, numbers, chunk)
    return recipe, recipe.outcomes(statistics)


def train_on_batch(
    model: Any, x: Any, y: Any = None, sample_weight: Any = None, class_weight: Any = None, return_dict: bool = False
) -> Any:
    """One step on one batch; loss and metrics of this batch before the step."""
    compiled, inputs = compiled_of(model, "train_on_batch"), as_inputs(x)
    outputs, names = build_for(model, inputs)
    recipe = compiled.recipe(model, outputs, names)
    rows = class_weights(as_rows(inputs, y, sample_weight, names), class_weight)
    check_targets(recipe, rows, outputs)
    run = start_run(recipe, 0, 0, config.next_key(2), model._run)
    recipe.custom_logs = _custom_logs(recipe, run, rows)
    apart = take_apart(recipe)
    numbers = as_arrays(apart.numbers)
    statistics = no_statistics(apart.structure, rows.number, numbers, run, rows.x)
    chunk = jax.tree.map(lambda a: jnp.asarray(a)[None], rows)
    run, _, logs = chunk_trainer(apart.structure)(run, statistics, numbers, chunk)
    store_values(apart, run)
    model._run = run
    return _as_asked(readable(recipe, logs), return_dict)


def _as_asked(logs: dict[str, Any], return_dict: bool) -> Any:
    values = list(logs.values())
    return logs if return_dict else values[0] if len(values) == 1 else values


def predict(
    model: Any, x: Any, batch_size: int | None = None, verbose: int | str = "auto", steps: int | None = None
) -> Any:
    """The outputs for all rows, as NumPy arrays."""
    size = check_batch_size(batch_size)
    if is_stream(x):
        pieces = [predict(model, batch, size, 0) for batch in itertools.islice(_inputs_of(x), steps)]
        return jax.tree.map(lambda *parts: np.concatenate(parts), *pieces)
    inputs = as_inputs(x)
    inputs = inputs if steps is None else jax.tree.map(lambda a: a[: steps * size], inputs)
    build_for(model, inputs)
    apart = take_apart(model)
    numbers, values = as_arrays(apart.numbers), [v.value for v in apart.variables]
    count = int(jax.tree.leaves(inputs)[0].shape[0])
    size = min(size, _power_of_two(count))
    program, found = predictor(apart.structure, size), []
    with Progress(None, -(-count // size), verbose) as progress:
        for start, rows in _pieces(inputs, count, size):
            batches = -(-rows // size)
            padded = jax.tree.map(
                lambda a, s=start, r=rows, b=batches: _padded(a[s : s + r], size * _power_of_two(b)), inputs
            )
            outputs = program(numbers, values, padded, np.int32(batches))
            found.append(jax.tree.map(lambda o, r=rows: np.asarray(o)[:r], outputs))
            progress.update(start // size + batches)
    return jax.tree.map(lambda *parts: parts[0] if len(parts) == 1 else np.concatenate(parts), *found)


PIECE_BYTES = 256 * 2**20


def _pieces(inputs: Any, count: int, size: int) -> Iterator[tuple[int, int]]:
    """Where each dispatch starts and how many rows it has, so that it does not fill the memory."""
    row = sum(a.nbytes for a in jax.tree.leaves(inputs)) // count or 1
    rows = size * max(1, _power_of_two(PIECE_BYTES // (row * size) + 1) // 2)
    return ((start, min(rows, count - start)) for start in range(0, count, rows))


def _padded(a: Any, rows: int) -> Any:
    """Padding to a few sizes only, so that predictions for any number of rows share a few programs."""
    a = np.asarray(a)
    return a if len(a) == rows else np.concatenate([a, np.zeros((rows - len(a), *a.shape[1:]), a.dtype)])


def _power_of_two(n: int) -> int:
    return 1 << max(0, n - 1).bit_length()


def _inputs_of(stream: Any) -> Iterator[Any]:
    return (as_inputs(batch[0] if isinstance(batch, tuple) else batch) for batch in stream)
