"""What Keras' `compile` was given, as a recipe: Keras' optimizer, and the variables of its metrics as statistics."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from caviar import config
from caviar.adopting.keras_calls import quickly
from caviar.adopting.mirrors import Origin
from caviar.data.arrays import Rows
from caviar.optimizers import Optimizer
from caviar.optimizers.schedules import Schedule
from caviar.training.compiled import Compiled
from caviar.training.input_checks import reached_by
from caviar.training.recipe import Recipe
from caviar.training.state import Run, Statistics
from caviar.training.step import Step


class KerasSchedule(Schedule):
    """A schedule of Keras', which is a function of the step already."""

    def __init__(self, origin: Origin) -> None:
        self.origin = origin

    def __call__(self, step: Any) -> jax.Array:
        """What Keras' schedule gives."""
        return jnp.asarray(self.origin.it(step), config.floatx())


class KerasOptimizer(Optimizer):
    """An optimizer of Keras'. Its state is that of Keras' variables, and its learning rate a number here."""

    unwalked: ClassVar[frozenset[str]] = Optimizer.unwalked | {"seen"}

    def __init__(self, origin: Origin) -> None:
        super().__init__()
        self.origin = origin
        self.state: list[Any] = []
        self.place: int | None = None  # of the learning rate among the variables
        self.seen: float | None = None  # the learning rate that Keras' variable had when we looked
        self.look_again()

    @property
    def inner(self) -> Any:
        """Keras' optimizer itself, where another scales its loss."""
        return getattr(self.origin.it, "inner_optimizer", self.origin.it)

    def look_again(self) -> None:
        """Take over the values that Keras' variables have by now."""
        rate, variables = self.inner._learning_rate, self.origin.it.variables
        self.state, self.use_ema = [jnp.asarray(v.value) for v in variables], self.inner.use_ema
        self.place = next((i for i, v in enumerate(variables) if v is rate), None)
        if self.place is None:
            self.learning_rate = KerasSchedule(Origin(rate))
        else:
            self.take_rate()

    def take_rate(self) -> None:
        """Take over the learning rate from Keras' variable, if it was given another since we looked."""
        if self.place is not None and self._there() != self.seen:
            self.learning_rate = self.seen = self._there()

    def _there(self) -> float:
        return float(self.origin.it.variables[self.place].value)

    def holds(self, values: list[Any]) -> bool:
        """Whether Keras' variables have these values, and the learning rate."""
        there = [v.value for v in self.origin.it.variables]
        same = [n is v or i == self.place for i, (n, v) in enumerate(zip(values, there, strict=False))]
        return len(values) == len(there) and all(same) and (self.place is None or self._there() == self.seen)

    def init(self, params: Any) -> Any:
        """The state before the first step."""
        return [jnp.array(value) for value in self.state]

    def entering(self, run: Run) -> list[Any]:
        """The state as Keras' step takes it, with the learning rate of this step."""
        state = list(run.optimizer)
        if self.place is not None:
            state[self.place] = jnp.asarray(self.learning_rate * run.rate, state[self.place].dtype)
        return state

    def averaged(self, state: Any, params: Any) -> Any:
        """The averages of the weights that Keras keeps (`use_ema`)."""
        places = {id(v): i for i, v in enumerate(self.origin.it.variables)}
        return [jnp.array(state[places[id(v)]]) for v in self.inner._model_variables_moving_average]

    def give_back(self, run: Run) -> None:
        """Set Keras' variables to those of a run."""
        for place, (variable, value) in enumerate(zip(self.origin.it.variables, run.optimizer, strict=True)):
            variable.assign(self.learning_rate if place == self.place else value)
        self.seen = None if self.place is None else self._there()


class _InPlaceOfKeras:
    """An optimizer of caviar's, as a step of Keras' calls its own."""

    variables: tuple[Any, ...] = ()

    def __init__(self, optimizer: Optimizer, rate: Any, variables: list[Any]):
        self.optimizer, self.rate, self.weights = optimizer, rate, variables

    def scale_loss(self, loss: Any) -> Any:
        """The loss whose gradient the optimizer expects."""
        return self.optimizer.scale_loss(loss)

    def stateless_apply(self, state: Any, gradients: Any, weights: Any) -> tuple[list[Any], Any]:
        """The weights after a step, put back where Keras' constraints want them; and the state."""
        weights, state = self.optimizer.update(list(gradients), state, list(weights), self.rate)
        held = [getattr(v, "constraint", None) for v in self.weights]
        return [w if c is None else c(w) for w, c in zip(weights, held, strict=True)], state


@dataclass
class KerasCompiled(Compiled):
    """What Keras' `compile` was given."""

    keras: Origin = field(default_factory=lambda: Origin(None))

    def recipe(self, model: Any, outputs: list[Any], names: list[str], rules: list[Any] | None = None) -> Recipe:
        """The recipe for a model with such outputs."""
        keras, nothing = self.keras.it, [None] * len(outputs)
        if isinstance(self.optimizer, KerasOptimizer):
            if not keras.optimizer.built:
                keras.optimizer.build(keras.trainable_variables)
            if len(self.optimizer.state) != len(keras.optimizer.variables):
                self.optimizer.look_again()
        form = jax.tree.structure(reached_by(model, model.built_for).outputs)
        recipe = KerasRecipe(model, self.optimizer, nothing, [1.0] * len(outputs), [], names, rules or [])
        vars(recipe).update(keras=self.keras, form=form, compiled_as=compiled_as(keras))
        return recipe


def compiled_as(keras: Any) -> tuple[Any, ...]:
    """What Keras' `compile` made; another call of it makes others."""
    return tuple(Origin(vars(keras).get(name)) for name in ("optimizer", "_compile_loss", "_compile_metrics"))


@dataclass(eq=False, repr=False)
class KerasRecipe(Recipe):
    """A recipe whose losses and metrics are Keras' own: its statistics are the values of Keras' metrics' variables."""

    keras: Any = None
    form: Any = None  # how the outputs are nested
    compiled_as: Any = None

    def entering(self, run: Run) -> Any:
        """The optimizer's state as Keras' step takes it."""
        return self.optimizer.entering(run) if isinstance(self.optimizer, KerasOptimizer) else run.optimizer

    def standing_in(self, run: Any) -> dict[str, Any]:
        """What stands in Keras' model while a step of it is traced: quick operations, and an optimizer of caviar's."""
        keras = self.keras.it
        found: dict[str, Any] = {"stateless_call": quickly(keras)}
        if isinstance(run, Run) and not isinstance(self.optimizer, KerasOptimizer):
            found["optimizer"] = _InPlaceOfKeras(self.optimizer, run.rate, keras.trainable_variables)
        return found

    def data(self, batch: Rows) -> Any:
        """A batch as Keras' steps take it."""
        y, weight = (self._nested(values) for values in (batch.y, batch.weight))
        if y is None:
            return (batch.x,) if isinstance(batch.x, (list, tuple)) else batch.x
        return (batch.x, y) if weight is None else (batch.x, y, weight)

    def _nested(self, values: list[Any]) -> Any:
        return None if all(v is None for v in values) else jax.tree.unflatten(self.form, values)

    def counted(self, step: Step, batch: Rows) -> list[Any]:
        """The values of the metrics' variables so far."""
        if step.statistics is not None:
            return step.statistics["metrics"]
        with jax.core.eval_context():  # Keras' metrics are built from the first batch, and live on
            self.keras.it._symbolic_build(data_batch=_shapes(self.data(batch)))
        return self._nothing_counted()

    def _nothing_counted(self) -> list[Any]:
        found = [v for metric in self.keras.it.metrics for v in metric.stateless_reset_state()]
        return [jnp.array(getattr(v, "value", v)) for v in found]

    def initial_statistics(self, outputs: list[Any]) -> Statistics:
        """Nothing counted yet; with a place for the logs of the last step, if they are not those of Keras' metrics."""
        values = self._nothing_counted()
        if set(self.custom_logs) == set(self._results(values)):
            return {"metrics": values}
        return {"metrics": values, "logs": {name: jnp.zeros((), config.floatx()) for name in self.custom_logs}}

    def accumulate(self, statistics: Statistics, batch: Any, report: Any, real: Any = None) -> Statistics:
        """What Keras counted in its step."""
        if "logs" not in statistics:
            return statistics
        logs = {name: jnp.asarray(report[name], old.dtype) for name, old in statistics["logs"].items()}
        return {**statistics, "logs": logs}

    def outcomes(self, statistics: Statistics) -> dict[str, Any]:
        """The results of Keras' metrics, or the logs of the last step."""
        found = statistics["logs"] if "logs" in statistics else self._results(statistics["metrics"])
        return {name: jnp.asarray(found[name], config.floatx()) for name in self.custom_logs}

    def _results(self, values: list[Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        rest = list(values)
        for metric in self.keras.it.metrics:
            count = len(metric.variables)
            result, rest = metric.stateless_result(rest[:count]), rest[count:]
            found |= result if isinstance(result, dict) else {metric.name: result}
        return found


def _shapes(data: Any) -> Any:
    return jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype), data)
