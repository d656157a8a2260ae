"""Programs: what a recipe compiles to. Whole epochs, and many of them, in one dispatch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from caviar.dice import shuffled
from caviar.graph.programs import cached
from caviar.parts import Numbers, Structure
from caviar.training.padding import Held, is_worthwhile, places
from caviar.training.passes import (
    evaluate_rows,
    output_shapes,
    predict_batch,
    score_chunk,
    train_batch,
    with_states,
)
from caviar.training.recipe import Recipe
from caviar.training.state import Run, Statistics, Weights
from caviar.training.step import end_epoch, separate, take, with_weights

CAPACITY = 128
"""The most epochs whose logs one dispatch brings back."""


class Plan(NamedTuple):
    """The constants of a training program, beside the recipe's structure."""

    rows: int
    batch_size: int
    steps: int  # of an epoch, the partial batch included
    shuffle: bool
    validation_batch: int | None
    validation_freq: int = 1
    phase: int = 0  # which epoch begins a pass over the rows, where a pass takes several
    padding: bool = False  # whether the last, partial batch may be padded to a full one
    continues: bool = False  # whether an epoch goes on with the rows where the one before ended
    smaller: bool = False  # whether there are runs with smaller batches, all of which are padded to this one

    def of(self, rows: Any) -> Plan:
        """The plan for another number of rows, which may be traced. What is asked of a plan before tracing is asked of the first."""
        all_of_them = self.rows and not self.continues
        return self._replace(rows=rows, steps=-(-rows // self.batch_size) if all_of_them else self.steps)

    def in_batches_of(self, size: Any) -> Plan:
        """The plan for smaller batches, of so many rows, which may be traced."""
        return self._replace(batch_size=size, steps=-(-self.rows // size))

    @property
    def pads(self) -> bool:
        """Whether all steps of training are of one shape, the last one padded."""
        return self.smaller or (self.padding and is_worthwhile(self.rows, self.batch_size))

    @property
    def whole(self) -> int:
        """The steps of a pass over all rows."""
        return self.steps if not self.continues else -(-self.rows // self.batch_size)

    @property
    def epochs_of_pass(self) -> int:
        """How many epochs a pass over all rows takes: with `steps_per_epoch` each epoch continues where the one before ended."""
        return -(-self.whole // self.steps) if self.continues else 1

    def before(self, epoch: Any) -> Any:
        """How many steps of the same pass come before an epoch."""
        return 0 if not self.continues else (epoch - self.phase) % self.epochs_of_pass * self.steps

    def steps_of(self, epoch: Any) -> Any:
        """The steps of an epoch; the last epoch of a pass may have fewer."""
        return self.steps if not self.continues else jnp.minimum(self.steps, self.whole - self.before(epoch))


class EpochLogs(NamedTuple):
    """What a dispatch brings back beside the run: the logs of its epochs."""

    logs: dict[str, Any]  # [CAPACITY] of each log, one entry for each finished epoch
    finished: Any  # how many epochs ended
    running: dict[str, Any]  # the logs of the epoch under way


def trainer(structure: Structure, plan: Plan) -> Callable[..., tuple[Run, Any, EpochLogs]]:
    """`advance(run, statistics, numbers, data, validation, steps, epochs)`: train so many steps, or epochs if fewer.

    One program serves every pace: a step, a part of an epoch, an epoch, hundreds of epochs. `statistics` is None at first.
    """

    def make() -> Callable[..., Any]:
        def advance(
            run: Run, statistics: Statistics, numbers: Numbers, data: Any, validation: Any, steps: Any, epochs: Any
        ) -> Any:
            return train(Epoch(structure, plan, numbers, data, validation), run, statistics, steps, epochs)

        return advance

    return cached(("train", structure, plan), make)


def train(epoch: Epoch, run: Run, statistics: Statistics, steps: Any, epochs: Any) -> tuple[Run, Any, EpochLogs]:
    """Train so many steps, or epochs if fewer; pure, and the same for one run and for a population."""
    fresh = epoch.no_statistics(run)
    statistics = jax.tree.map(lambda new, old: jnp.where(run.position == 0, new, old), fresh, statistics)
    shapes = jax.eval_shape(epoch.end, run, statistics)[1]
    lines = jax.tree.map(lambda v: jnp.zeros((CAPACITY, *v.shape), v.dtype), shapes)

    def going(carry: Any) -> Any:
        run, _, _, finished, left = carry
        return (left > 0) & (finished < epochs) & epoch.goes_on(run)

    def body(carry: Any) -> Any:
        before, statistics, lines, finished, left = carry
        run, statistics, taken = epoch.some_steps(before, statistics, left)

        def end(_: None) -> Any:
            after, logs = epoch.end(run, statistics)
            written = jax.tree.map(lambda line, v: line.at[finished].set(v), lines, logs)
            return after, fresh, written, finished + 1

        ended = run.position == epoch.plan.steps_of(run.epoch)
        now = jax.lax.cond(ended, end, lambda _: (run, statistics, lines, finished), None)
        return epoch.hold_stopped(before, now[0]), *now[1:], left - taken

    zero = jnp.zeros((), jnp.int32)
    run, statistics, lines, finished, _ = jax.lax.while_loop(going, body, (run, statistics, lines, zero, steps))
    return run, statistics, EpochLogs(lines, finished, epoch.outcomes(run, statistics))


class Epoch:
    """The parts of an epoch on data that is on the device. A subclass does each for a population."""

    def __init__(
        self, structure: Structure, plan: Plan, numbers: Numbers, data: Held, validation: Held | None, size: Any = None
    ):
        self.structure, self.numbers, self.data, self.validation = structure, numbers, data.rows, validation
        self.most = plan  # the plan for the most rows, and the largest batches, that this program serves
        self.plan, self.counted = (plan, False) if data.count is None else (plan.of(data.count), True)
        if plan.smaller and size is not None:
            self.plan = self.plan.in_batches_of(size)

    def some_steps(self, run: Run, statistics: Statistics, left: Any) -> tuple[Run, Any, Any]:
        """Steps up to the end of the epoch or of the budget; the partial batch is padded, or a step of its own shape."""
        plan, before, pads = self.plan, self.plan.before(run.epoch), self.most.pads
        full = (plan.whole if pads else plan.rows // plan.batch_size) - before
        steps = plan.steps_of(run.epoch)
        begins = before + run.position == 0
        run = run._replace(order=jax.lax.cond(begins, self.new_order, lambda run: run.order, run))
        count = jnp.clip(jnp.minimum(full, steps) - run.position, 0, left)
        start = before + run.position

        def one(i: Any, carry: Any) -> Any:
            first = (start + i) * plan.batch_size
            if pads:
                return self._padded_step(carry, first, self.most.batch_size)
            return self.step(
                carry[0], carry[1], jax.lax.dynamic_slice_in_dim(carry[0].order, first, plan.batch_size, -1)
            )

        if pads or self.most.rows >= plan.batch_size:
            run, statistics = jax.lax.fori_loop(0, count, one, (run, statistics))
        run = run._replace(position=run.position + count)
        if not pads and self.most.rows % plan.batch_size:
            last = (run.position == full) & (run.position < steps) & (left > count)
            run, statistics = jax.lax.cond(last, self._last_step, lambda c: c, (run, statistics))
            run = run._replace(position=run.position + last.astype(jnp.int32))
            count = count + last.astype(jnp.int32)
        return run, statistics, jnp.maximum(count, 1)

    def _padded_step(self, carry: tuple[Run, Any], first: Any, size: int) -> tuple[Run, Any]:
        """One step on the rows from the first one on, as many as there are."""
        run, statistics = carry
        taken, real = places(self.plan.rows, first, size)
        real = jnp.minimum(real, self.plan.batch_size) if self.most.smaller else real
        return self.step(run, statistics, run.order.at[..., taken].get(mode="promise_in_bounds"), real)

    def _last_step(self, carry: tuple[Run, Any]) -> tuple[Run, Any]:
        """The step on the partial batch, of a shape of its own."""
        first = self.plan.rows // self.plan.batch_size * self.plan.batch_size
        size = self.most.rows % self.plan.batch_size
        if self.counted and self.plan.padding:
            return self._padded_step(carry, first, size)
        return self.step(*carry, jax.lax.dynamic_slice_in_dim(carry[0].order, first, size, -1))

    def goes_on(self, run: Run) -> Any:
        """Whether to train another epoch."""
        return ~run.stopped

    def hold_stopped(self, before: Run, after: Run) -> Run:
        """The run after some steps. A run alone has ended when it stops; in a population the stopped ones stay as they were."""
        return after

    def no_statistics(self, run: Run) -> Any:
        """Nothing counted yet."""
        return no_statistics(self.structure, self.most.batch_size, self.numbers, run, self.data[0])

    def outcomes(self, run: Run, statistics: Statistics) -> dict[str, Any]:
        """The logs so far."""
        recipe: Recipe = with_weights(self.structure, self.numbers, run)
        return recipe.outcomes(statistics)

    def new_order(self, run: Run, rows: Any = None) -> Any:
        """The rows in the order of the coming epoch."""
        rows = jnp.arange(self.most.rows, dtype=jnp.int32) if rows is None else rows
        count = self.plan.rows if self.counted else None
        return shuffled(run.keys[0], rows, run.epoch, count) if self.plan.shuffle else rows

    def step(self, run: Run, statistics: Statistics, rows: Any, real: Any = None) -> tuple[Run, Any]:
        """One step on these rows, of which so many are no padding."""
        return train_batch(self.structure, self.numbers, run, statistics, take(self.data, rows), real)

    def end(self, run: Run, statistics: Statistics) -> tuple[Run, dict[str, Any]]:
        """Logs, validation, rules."""
        logs = self.outcomes(run, statistics)
        if self.validation is not None:
            states, found = self._validate(run, self.validation)
            run, logs = with_states(run, states), {**logs, **{f"val_{name}": value for name, value in found.items()}}
        return end_epoch(self.structure, self.numbers, run, logs)

    def _validate(self, run: Run, held: Held) -> tuple[Any, dict[str, Any]]:
        def validated(run: Run) -> tuple[Any, dict[str, Any]]:
            size = self.plan.validation_batch or 32
            return evaluate_rows(self.structure, self.numbers, run, held, size, self.plan.padding)

        def skipped(run: Run) -> tuple[Any, dict[str, Any]]:
            states, logs = jax.eval_shape(validated, run)
            nothing = jax.tree.map(lambda v: jnp.full(v.shape, jnp.nan, v.dtype), logs)
            return {place: run.fixed[place] for place in states}, nothing

        if self.plan.validation_freq == 1:
            return validated(run)
        return jax.lax.cond((run.epoch + 1) % self.plan.validation_freq == 0, validated, skipped, run)


def chunk_trainer(structure: Structure) -> Callable[..., tuple[Run, Any, dict[str, Any]]]:
    """`(run, statistics, numbers, chunk)`: train on batches stacked on a first axis."""

    def make() -> Callable[..., Any]:
        def program(run: Run, statistics: Statistics, numbers: Numbers, chunk: Any) -> Any:
            def one(carry: Any, batch: Any) -> Any:
                return train_batch(structure, numbers, carry[0], carry[1], batch), None

            (run, statistics), _ = jax.lax.scan(one, (run, statistics), chunk)
            recipe = with_weights(structure, numbers, run)
            return run, statistics, recipe.outcomes(statistics)

        return program

    return cached(("chunk", structure), make)


def batch_trainer(structure: Structure) -> Callable[..., tuple[Run, dict[str, Any]]]:
    """`(run, numbers, batch)`: one step on one batch, and the logs of that batch alone."""

    def make() -> Callable[..., Any]:
        def program(run: Run, numbers: Numbers, batch: Any) -> Any:
            empty = no_statistics(structure, batch.number, numbers, run, batch.x)
            run, statistics = train_batch(structure, numbers, run, empty, batch)
            recipe = with_weights(structure, numbers, run)
            return run, recipe.outcomes(statistics)

        return program

    return cached(("batch", structure), make)


def epoch_ender(structure: Structure, plan: Plan) -> Callable[..., tuple[Run, dict[str, Any]]]:
    """`(run, statistics, numbers, validation)`: the end of an epoch whose batches came as a stream."""

    def make() -> Callable[..., Any]:
        def program(run: Run, statistics: Statistics, numbers: Numbers, validation: Any) -> Any:
            return Epoch(structure, plan, numbers, Held(None), validation).end(run, statistics)

        return program

    return cached(("end", structure, plan), make)


def chunk_scorer(structure: Structure) -> Callable[..., Any]:
    """`states, statistics = (weights, statistics, numbers, chunk)`: count batches stacked on a first axis, without training."""

    def make() -> Callable[..., Any]:
        return lambda weights, statistics, numbers, chunk: score_chunk(structure, numbers, weights, statistics, chunk)

    return cached(("score", structure), make)


def no_statistics(structure: Structure, batch_size: int, numbers: Numbers, run: Run, x: Any) -> Any:
    """Empty statistics, for batches of this size."""
    batch = jax.tree.map(lambda a: jax.ShapeDtypeStruct((batch_size, *a.shape[1:]), a.dtype), x)
    recipe = with_weights(structure, numbers, run)
    return recipe.initial_statistics(output_shapes(structure, numbers, run, batch))


def evaluator(structure: Structure, batch_size: int, padding: bool = False) -> Callable[..., Any]:
    """`states, logs = (weights, numbers, data)`: the logs over all rows of some data, and what layers keep of them."""

    def make() -> Callable[..., Any]:
        return lambda weights, numbers, data: evaluate_rows(structure, numbers, weights, data, batch_size, padding)

    return cached(("evaluate", structure, batch_size, padding), make)


def answerer(structure: Structure) -> Callable[..., Any]:
    """`states, outputs = (numbers, values, x)`: the outputs for one batch, and the variables that it changes."""

    def make() -> Callable[..., Any]:
        def answer(numbers: Numbers, values: Any, x: Any) -> Any:
            weights = Weights(*separate(structure, values))
            fixed, outputs = predict_batch(structure, numbers, weights, x)
            pairs = enumerate(zip(weights.fixed, fixed, strict=True))
            return {place: after for place, (before, after) in pairs if after is not before}, outputs

        return answer

    return cached(("answer", structure), make)
