"""Keras models on their JAX backend: they compute, step and count as they do in Keras, inside caviar's programs.

Nothing of Keras is written again here. Its models are pure functions already: `stateless_call` computes, and `train_step(state, data)`
makes a step with Keras' own optimizer, losses and metrics, or in the user's own way.
"""

from __future__ import annotations

import copy
import functools
import inspect
from dataclasses import replace
from typing import Any, Self

import jax
import jax.numpy as jnp
import numpy as np

from caviar.adopting.adopted import AdoptedModel
from caviar.adopting.hearing import heard
from caviar.adopting.keras_calls import quickly, standing_in
from caviar.adopting.keras_recipe import KerasCompiled, KerasOptimizer, KerasRecipe
from caviar.adopting.mirrors import Mirror, Origin
from caviar.errors import ArgumentError
from caviar.graph.evaluation import told_in_words
from caviar.outside import spoken
from caviar.training import fit as fitting
from caviar.training import scoring
from caviar.training.callbacks import History
from caviar.training.compiled import Compiled
from caviar.training.scoring import as_list
from caviar.training.step import Step


def adopt_keras(model: Any, optimizer: Any = None) -> AdoptedModel:
    """A Keras model or layer, adopted; with an optimizer of caviar's in place of Keras' own, if one is given."""
    strange = [v for v in model.variables if not isinstance(v.value, jax.Array)]
    if strange:
        raise ArgumentError(
            f"model {model.name!r} computes with {type(strange[0].value).__module__.partition('.')[0]}, and adopt takes what computes "
            "with JAX: set os.environ['KERAS_BACKEND'] = 'jax' before Keras is imported"
        )
    if not getattr(model, "compiled", False):
        return LayerOfKeras(Origin(model))
    if model.built and not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    made = OfKeras(Origin(model))
    made.compiled_with = KerasCompiled(optimizer or KerasOptimizer(Origin(model.optimizer)), keras=Origin(model))
    return made


class LayerOfKeras(AdoptedModel):
    """A Keras layer, or a model that Keras did not compile."""

    def __init__(self, origin: Origin) -> None:
        super().__init__(origin)
        self.look_again()

    def __deepcopy__(self, memo: Any) -> Self:
        made = super().__deepcopy__(memo)
        made.look_again()  # Keras may have been built since
        return made

    def give_back(self) -> Any:
        """Give Keras' model the weights of this copy, such as a study's `best_model`, and return it."""
        keras = self.original
        there = [*keras.trainable_variables, *keras.non_trainable_variables]
        for variable, own in zip(there, [*self.learned, *self.kept], strict=True):
            variable.assign(jnp.array(own.value))  # a copy: Keras gives its arrays away when it trains
        return keras

    def look_again(self) -> None:
        """Take over which of Keras' variables are trained by now."""
        if self.is_copy and (self.learned or self.kept):
            return
        for name in ("learned", "kept"):
            trained, here = name == "learned", vars(self)[name]
            there = self.original.trainable_variables if trained else self.original.non_trainable_variables
            if [id(v.source) for v in here] != [id(v) for v in there]:
                found = [Mirror(v, trained, v.path) for v in there]
                vars(self)[name] = copy.deepcopy(found) if self.is_copy else found

    def check_inputs(self, inputs: Any) -> None:
        """Build the Keras model for such inputs, if it is not built."""
        if not self.original.built:
            try:
                self.original(jax.tree.map(lambda a: np.zeros(a.shape, a.dtype), inputs))
            except Exception as error:  # Keras wraps what a layer of the user's raises, whatever it was
                raise ArgumentError(
                    f"Keras could not build model {self.original.name!r} for {spoken(inputs)}; a layer that computes by NumPy "
                    f"cannot be part of it ({type(error).__name__}: {error})"
                ) from error
        self.look_again()

    @property
    def output_names(self) -> list[str]:
        """The names that Keras gives the outputs."""
        return list(getattr(self.original, "output_names", None) or [])

    def evaluate_origin(self, learned: Any, kept: Any, x: Any, training: bool, rng: Any) -> tuple[Any, Any, Any]:
        """What `stateless_call` gives."""
        mode = {"training": training} if self.original._call_has_training_arg else {}
        with told_in_words(f"the Keras model {self.original.name!r}"):
            return quickly(self.original)(learned, kept, x, return_losses=True, **mode)


class OfKeras(LayerOfKeras):
    """A Keras model that is compiled: its steps are Keras' own, with its losses, metrics and optimizer."""

    def require_compiled(self, what: str) -> Compiled:
        """What Keras' `compile` was given, as it is by now."""
        self.look_again()
        compiled = self.compiled_with
        if compiled is not None and isinstance(compiled.optimizer, KerasOptimizer) and not self.is_copy:
            if compiled.optimizer.origin.it is not self.original.optimizer:  # Keras compiled it again
                compiled.optimizer, self.last_run = KerasOptimizer(Origin(self.original.optimizer)), None
            optimizer = compiled.optimizer
            now = optimizer.state if self.last_run is None else self.last_run.optimizer
            if not optimizer.holds(now):
                optimizer.look_again()
                self.last_run = None
        return super().require_compiled(what)

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        optimizer = getattr(self.compiled_with, "optimizer", None)
        if name == "last_run" and value is not None and isinstance(optimizer, KerasOptimizer) and not self.is_copy:
            optimizer.give_back(value)

    @functools.wraps(fitting.fit)
    def fit(self, *args: Any, **kwargs: Any) -> History:  # type: ignore[override]
        """Keras' `fit`; Keras' own callbacks are called, too."""
        given = inspect.signature(fitting.fit).bind(self, *args, **kwargs).arguments
        return super().fit(
            **{k: v for k, v in given.items() if k != "model"}
            | {"callbacks": heard(self, as_list(given.get("callbacks")))}
        )

    @functools.wraps(scoring.evaluate)
    def evaluate(self, *args: Any, **kwargs: Any) -> Any:  # type: ignore[override]
        """Keras' `evaluate`: a list in the order of Keras' metrics."""
        return self._in_order(super().evaluate, args, kwargs)

    @functools.wraps(fitting.train_on_batch)
    def train_on_batch(self, *args: Any, **kwargs: Any) -> Any:  # type: ignore[override]
        """Keras' `train_on_batch`."""
        return self._in_order(super().train_on_batch, args, kwargs)

    def _in_order(self, method: Any, args: Any, kwargs: Any) -> Any:
        given = inspect.signature(method).bind(*args, **kwargs).arguments
        logs = method(**given | {"return_dict": True})
        return logs if given.get("return_dict") else self.original._flatten_metrics_in_order(logs)

    def train_step(self, step: Step, batch: Any) -> tuple[Any, Any]:
        """Keras' `train_step`, on the state of the run."""
        recipe, run = self.recipe_under_way, step.run
        if not isinstance(recipe, KerasRecipe):
            return super().train_step(step, batch)
        state = (run.trainable, run.fixed, recipe.entering(run), recipe.counted(step, batch))
        logs, state = self._asked("train_step", recipe.standing_in(run), state, recipe.data(batch))
        optimizer = jax.tree.map(lambda n, o: jnp.asarray(n, o.dtype), state[2], run.optimizer)
        return self._after(step, state, optimizer=optimizer), flat(logs)

    def test_step(self, step: Step, batch: Any) -> tuple[Any, Any]:
        """Keras' `test_step`."""
        recipe = self.recipe_under_way
        if not isinstance(recipe, KerasRecipe):
            return super().test_step(step, batch)
        state = (step.run.trainable, step.run.fixed, recipe.counted(step, batch))
        logs, state = self._asked("test_step", recipe.standing_in(step.run), state, recipe.data(batch))
        return self._after(step, state), flat(logs)

    def _asked(self, hook: str, others: dict[str, Any], state: Any, data: Any) -> Any:
        with standing_in(self.original, others), told_in_words(f"{hook} of the Keras model {self.original.name!r}"):
            return getattr(self.original, hook)(state, data)

    def _after(self, step: Step, state: Any, **more: Any) -> Step:
        """The step with Keras' state after it."""
        run = step.run._replace(
            trainable=like(state[0], step.run.trainable), fixed=like(state[1], step.run.fixed), **more
        )
        return replace(step, run=run, statistics={**(step.statistics or {}), "metrics": list(state[-1])})


def like(new: Any, old: Any) -> list[Any]:
    """New values in the types of the old ones; what did not change stays the same object."""
    return [n if n is o else jnp.asarray(n, o.dtype) for n, o in zip(new, old, strict=True)]


def flat(logs: dict[str, Any]) -> dict[str, Any]:
    """Logs in the order of Keras' `History`: by name, those within others among them."""
    found: dict[str, Any] = {}
    for name, value in sorted(logs.items()):
        found |= flat(value) if isinstance(value, dict) else {name: value}
    return found
