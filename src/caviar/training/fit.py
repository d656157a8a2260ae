"""`fit` and `train_on_batch`: from the user's call to programs, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import jax
import jax.numpy as jnp

from caviar import config
from caviar.arguments import check
from caviar.data.arrays import Rows, as_inputs, as_rows, check_batch_size
from caviar.data.sample_weights import class_weights
from caviar.declarations import Count, Fraction, OneOf, Times, Verbosity
from caviar.errors import ArgumentError
from caviar.parts import take_apart
from caviar.text import say
from caviar.training.argument_types import Callbacks, Data, RowWeights
from caviar.training.callbacks import CallbackList, History
from caviar.training.callbacks.base import TEST_BATCH_HOOKS
from caviar.training.compiled import Compiled, check_losses, check_objective, check_targets, name_logs, start_run
from caviar.training.input_checks import check_ids_at, tell_doubts
from caviar.training.listeners import Listeners, tell_stuck
from caviar.training.loop import Training, readable, store_values, train_resident, train_stream
from caviar.training.padding import Held, batch_for, with_room_for
from caviar.training.prepared import built, prepared_for
from caviar.training.program import Plan, batch_trainer
from caviar.training.progress import Progress
from caviar.training.recipe import Recipe
from caviar.training.row_by_row import may_be_padded
from caviar.training.rules import Rule
from caviar.training.scoring import as_asked, as_list
from caviar.training.source import Source, on_device, with_validation
from caviar.training.state import Run

if TYPE_CHECKING:
    from caviar.training.trainee import Trainee


def fit(
    model: Trainee,
    x: Data = None,
    y: Data = None,
    batch_size: Times | None = None,
    epochs: Count = 1,
    verbose: Verbosity | Annotated[str, OneOf("auto")] = "auto",
    callbacks: Callbacks = None,
    validation_split: Fraction = 0.0,
    validation_data: Data = None,
    shuffle: bool = True,
    class_weight: dict[int, float] | str | None = None,
    sample_weight: RowWeights = None,
    initial_epoch: Count = 0,
    steps_per_epoch: Times | None = None,
    validation_steps: Times | None = None,
    validation_batch_size: Times | None = None,
    validation_freq: Times = 1,
) -> History:
    """Train a model; the arguments are Keras'."""
    check(fit, locals())
    compiled = model.require_compiled("fit")
    size = check_batch_size(batch_size)
    source = Source(model, x, y, sample_weight, class_weight, size, shuffle)
    outputs, names = source.build(model)
    validation_size = check_batch_size(validation_batch_size or size)
    rows, validation = with_validation(
        source, names, validation_split, validation_data, validation_steps, validation_size
    )
    if validation is not None:
        model.check_inputs(validation.x)

    count = None if rows is None else rows.number
    plan = plan_for(count, size, steps_per_epoch, shuffle, validation_size, validation_freq, initial_epoch)
    history = History()
    listed = CallbackList(
        [*as_list(callbacks), history], model, {"epochs": epochs, "steps": plan.steps or None, "verbose": verbose}
    )
    listed.tell_uncalled(TEST_BATCH_HOOKS)
    recipe = _recipe(compiled, model, outputs, names, listed)
    check_targets(recipe, rows or source.first_rows(names), outputs)
    if validation is not None:
        check_targets(recipe, validation, outputs, "validation y")
    check_objective(recipe, source.first.x)
    held, plan = _held(rows, plan._replace(padding=may_be_padded(recipe)), size)
    room = 0 if held is None else held.room
    run = start_run(recipe, room, initial_epoch, config.next_key(2), model.last_run)
    name_logs(recipe, rows or source.first_rows(names))
    model.columns = source.columns or model.columns
    listed.check(recipe.logged(validated=validation is not None))

    progress = Progress(epochs, plan.steps or None, verbose)
    validated = None if validation is None else on_device(with_room_for(validation, validation_size, plan.padding))
    training = Training(recipe, run, plan, room, epochs, Listeners(model, listed, progress), validated)
    model.history = history
    told = tell_doubts(model, source.first.x)
    _train(model, training, held, source, steps_per_epoch)
    if not told:
        tell_stuck(history.history.get("loss", []), is_new=int(run.step) == 0)
    return history


def train_on_batch(
    model: Trainee,
    x: Data,
    y: Data = None,
    sample_weight: RowWeights = None,
    class_weight: Any = None,
    return_dict: bool = False,
) -> Any:
    """One step on one batch; loss and metrics of this batch before the step."""
    check(train_on_batch, locals())
    model.require_compiled("train_on_batch")
    inputs = as_inputs(x)
    apart, known = built(model, inputs, int(jax.tree.leaves(inputs)[0].shape[0]))
    rows = class_weights(as_rows(inputs, y, sample_weight, known.names), class_weight, known.outputs)
    prepared = prepared_for(model, apart, known, rows, trains=True)
    check_ids_at(known.reached, apart, rows.x)
    check_losses(prepared.recipe, rows, known.outputs)
    run, logs = batch_trainer(prepared.apart.structure)(prepared.next_run(model.last_run), prepared.numbers, rows)
    prepared.take(run)
    model.last_run = run
    return as_asked(prepared.recipe, readable(prepared.recipe, logs), return_dict)


def _train(model: Trainee, training: Training, held: Held | None, source: Source, limit: int | None) -> None:
    """Train; also after an error or Ctrl-C the model has the weights of the last finished epoch."""
    model.training_under_way = training
    try:
        training.listeners.begin()
        training.take_changes(take_apart(training.recipe))
        if held is None:
            source.skip(training.taken)
            train_stream(training, lambda: source.batches(training.recipe, training.run), limit)
        else:
            train_resident(training, held)
        run = training.finished = _final(training)
    finally:
        run = training.finished
        store_values(take_apart(training.recipe), run)
        model.last_run, model.training_under_way = _with_folded_rate(training.recipe, run), None
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
            say(line)
    return run


def _with_folded_rate(recipe: Recipe, run: Run) -> Run:
    """The run with its factor on the learning rate moved into the optimizer's own, where users look for it."""
    factor, rate = float(run.rate), getattr(recipe.optimizer, "learning_rate", None)
    if factor == 1 or not isinstance(rate, (int, float)):
        return run
    recipe.optimizer.learning_rate = rate * factor
    return run._replace(rate=jnp.ones_like(run.rate))


def _held(rows: Rows | None, plan: Plan, size: int) -> tuple[Held | None, Plan]:
    """The rows on the device, with room for more, and the plan for them; no rows where they come as a stream."""
    if rows is None:
        return None, plan
    plan = plan._replace(batch_size=batch_for(rows.number, size, plan.padding))
    return on_device(with_room_for(rows, plan.batch_size, plan.padding)), plan


def _recipe(compiled: Compiled, model: Trainee, outputs: list[Any], names: list[str], listed: CallbackList) -> Recipe:
    rules = [c for c in listed.callbacks if isinstance(c, Rule)]
    recipe = compiled.recipe(model, outputs, names, rules)
    recipe.log_rate = any(c.reads_rate for c in listed.callbacks)
    return recipe


def plan_for(
    count: int | None, size: int, steps: int | None, shuffle: bool, validation_size: int, freq: int, first: int = 0
) -> Plan:
    """The plan of a training on so many rows from a first epoch on; the number of rows is 0 for a stream."""
    if count is None:
        return Plan(0, size, steps or 0, shuffle, validation_size, freq)
    size = min(size, count)
    whole = -(-count // size)
    if steps is not None and steps > whole:
        raise ArgumentError(f"steps_per_epoch={steps}, but {count} rows make only {whole} batches of {size}")
    plan = Plan(count, size, steps or whole, bool(shuffle), validation_size, freq, continues=(steps or whole) < whole)
    return plan._replace(phase=first % plan.epochs_of_pass)
