"""The pure functions that programs are composed of: one step, the end of an epoch, an evaluation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp

from caviar import config
from caviar.dice import beside
from caviar.graph.evaluation import evaluate
from caviar.layers.base import Layer
from caviar.parts import Numbers, Structure, collect, parts_of, put_together
from caviar.training.padding import Held, is_worthwhile, places
from caviar.training.recipe import Recipe
from caviar.training.rules import Ruling
from caviar.training.state import Run


def merge(structure: Structure, trainable: list[Any], fixed: list[Any]) -> list[Any]:
    """The values of all variables in the order of the structure."""
    these, those = iter(trainable), iter(fixed)
    return [next(these) if slot.trainable else next(those) for slot in structure.slots]


def with_weights(structure: Structure, numbers: Numbers, run: Any) -> Any:
    """What is trained, with its numbers and the weights of a run in their places."""
    made = put_together(structure, numbers, merge(structure, run.trainable, run.fixed))
    if isinstance(made, Recipe) and made.aside is not None:
        made.optimizer = made.optimizer.knowing(separate(structure, made.aside)[0])
    return made


def separate(structure: Structure, values: list[Any]) -> tuple[list[Any], list[Any]]:
    """The values that gradients change, and the others."""
    pairs = list(zip(structure.slots, values, strict=True))
    return [v for s, v in pairs if s.trainable], [v for s, v in pairs if not s.trainable]


@dataclass(frozen=True)
class Step:
    """One step under way, as `Model.train_step` gets it. Pure: every method returns a new step."""

    structure: Structure
    numbers: Numbers
    run: Any  # a Run, or Weights alone where nothing is trained
    real: Any = None  # how many rows of the batch are no padding; None where all are real
    statistics: Any = None  # what was counted before it, for steps that count by themselves

    def gradients(self, function: Callable[[Recipe], tuple[Any, Any]]) -> tuple[Any, Any, list[Any], Step]:
        """Value, extra result and gradients of `function(recipe) -> (scalar, extra)`, and the step with new layer state."""
        rng = beside(self.run.keys[1], self.run.step)

        def scalar(trainable: list[Any]) -> tuple[Any, Any]:
            values = merge(self.structure, trainable, self.run.fixed)
            found = evaluate(
                self.structure, self.numbers, values, training=True, rng=rng, real=self.real, call=function
            )
            value, extra = found.outputs
            return value, (extra, separate(self.structure, found.values)[1])

        (value, (extra, fixed)), gradients = jax.value_and_grad(scalar, has_aux=True)(self.run.trainable)
        fixed = [new.astype(old.dtype) for new, old in zip(fixed, self.run.fixed, strict=True)]
        return value, extra, gradients, replace(self, run=self.run._replace(fixed=fixed))

    def evaluate(self, function: Callable[[Any], Any], training: bool = False) -> tuple[Any, Step]:
        """The result of `function(recipe)`, and the step with what layers keep from batch to batch."""
        rng = beside(self.run.keys[1], self.run.step) if training and isinstance(self.run, Run) else None
        values = merge(self.structure, self.run.trainable, self.run.fixed)
        found = evaluate(
            self.structure, self.numbers, values, training=training, rng=rng, real=self.real, call=function
        )
        pairs = zip(separate(self.structure, found.values)[1], self.run.fixed, strict=True)
        fixed = [old if new is old else jnp.asarray(new, old.dtype) for new, old in pairs]
        return found.outputs, replace(self, run=self.run._replace(fixed=fixed))

    @property
    def state(self) -> tuple[Any, ...]:
        """The state in the form of Keras' JAX trainer: trainable variables, others, the optimizer's (in training), the metrics'."""
        weights = (self.run.trainable, self.run.fixed)
        return (*weights, (self.run.optimizer, self.run.rate), []) if isinstance(self.run, Run) else (*weights, [])

    def taking(self, state: Any) -> Step:
        """The step with such a state."""
        run = self.run._replace(trainable=list(state[0]), fixed=list(state[1]))
        if isinstance(run, Run) and len(state) > 2:
            run = run._replace(optimizer=state[2][0])
        return replace(self, run=run)

    def apply(self, gradients: list[Any]) -> Step:
        """The step with the weights changed by the optimizer."""
        recipe: Recipe = with_weights(self.structure, self.numbers, self.run)
        gradients, optimizer = recipe.live_gradients(gradients), recipe.optimizer
        trainable, state = optimizer.update(gradients, self.run.optimizer, self.run.trainable, self.run.rate)
        return replace(self, run=self.run._replace(trainable=trainable, optimizer=state)).constrained()

    def constrained(self) -> Step:
        """The step with those weights put back that have a constraint."""
        recipe = put_together(self.structure, self.numbers, merge(self.structure, self.run.trainable, self.run.fixed))
        held = [layer for layer in parts_of(recipe, Layer) if layer.weight_constraints]
        for layer in held:
            for name, constraint in layer.weight_constraints.items():
                vars(layer)[name] = constraint(vars(layer)[name])
        if not held:
            return self
        return replace(
            self, run=self.run._replace(trainable=separate(self.structure, collect(self.structure, recipe))[0])
        )


def take(data: Any, rows: Any) -> Any:
    """Some rows of the data."""
    return jax.tree.map(lambda a: a.at[rows].get(mode="promise_in_bounds"), data)


def over_rows(body: Callable[..., Any], carry: Any, data: Held, batch_size: int, padding: bool = False) -> Any:
    """Fold `body(carry, batch, real)` over all rows in order; the last batch is padded, or of its own size with `real` None."""
    full, rest = data.number // batch_size, data.room % batch_size

    def at(start: Any, size: int) -> Any:
        return jax.tree.map(lambda a: jax.lax.dynamic_slice_in_dim(a, start, size), data.rows)

    def padded(start: Any, size: int, carry: Any) -> Any:
        taken, real = places(data.number, start, size)
        return body(carry, take(data.rows, taken), real)

    def one(i: Any, carry: Any) -> Any:
        return body(carry, at(i * batch_size, batch_size), None)

    if padding and is_worthwhile(data.room, batch_size):
        return jax.lax.fori_loop(0, full + 1, lambda i, carry: padded(i * batch_size, batch_size, carry), carry)
    if data.room >= batch_size:
        carry = jax.lax.fori_loop(0, full, one, carry)
    if rest and padding and data.count is not None:
        return padded(full * batch_size, rest, carry)
    return body(carry, at(full * batch_size, rest), None) if rest else carry


def end_epoch(structure: Structure, numbers: Numbers, run: Run, logs: dict[str, Any]) -> tuple[Run, dict[str, Any]]:
    """Let the rules decide on the logs of an epoch; the run that starts the next one."""
    recipe: Recipe = with_weights(structure, numbers, run)
    base = recipe.optimizer.learning_rate_at(run.step)
    rate, stop, states = base * run.rate, run.stopped, []
    if recipe.log_rate:
        logs = {**logs, "learning_rate": jnp.asarray(rate, config.floatx())}
    for rule, state in zip(recipe.rules, run.rules, strict=True):
        state, ruling = rule.epoch_end(state, run.epoch, logs, (run.trainable, run.fixed), rate)
        ruling = Ruling(*ruling)
        states.append(state)
        rate, stop = ruling.rate, stop | ruling.stop
    factor = jnp.where(base == 0, run.rate, rate / jnp.where(base == 0, 1, base)).astype(run.rate.dtype)
    run = run._replace(
        rules=states, rate=factor, stopped=stop, epoch=run.epoch + 1, position=jnp.zeros_like(run.position)
    )
    return run, logs
