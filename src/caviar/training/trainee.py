"""Trainees: layers with `compile`, `fit`, `evaluate` and `predict`."""

from __future__ import annotations

import copy
from typing import Annotated, Any, ClassVar, Self

import jax
import numpy as np

from caviar import optimizers
from caviar.arguments import check
from caviar.data.arrays import as_inputs
from caviar.declarations import OneOf, Times
from caviar.errors import NotBuiltError, NotCompiledError
from caviar.graph.node import Node
from caviar.layers.base import Layer
from caviar.ranges import Range
from caviar.training import fit as fitting
from caviar.training import hooks, scoring
from caviar.training.argument_types import Data, LossLike, LossWeights, MetricsLike, OptimizerLike, RowWeights
from caviar.training.callbacks import History
from caviar.training.compiled import Compiled
from caviar.training.controls import Controls
from caviar.training.loop import Training
from caviar.training.recipe import Recipe
from caviar.training.resolving import check_compiled
from caviar.training.state import Run
from caviar.training.step import Step


class Trainee(Layer):
    """A layer that can be trained: write `build` and `call`, then `compile` and `fit`.

    >>> from caviar import optimizers
    >>> from caviar.training.trainee import Trainee
    >>> import numpy as np
    >>> class Scale(Trainee):
    ...     def build(self, input_shape):
    ...         self.add_weight("factor", initializer="ones")
    ...     def call(self, x):
    ...         return self.factor * x
    >>> scale, x = Scale(), np.linspace(-1, 1, 32).reshape(32, 1)
    >>> scale.compile(optimizers.SGD(0.5), loss="mse")
    >>> history = scale.fit(x, 3 * x, epochs=20, verbose=0)
    >>> round(float(scale.factor.value), 2)
    3.0
    """

    unwalked: ClassVar[frozenset[str]] = Layer.unwalked | {
        "compiled_with",
        "last_run",
        "training_under_way",
        "recipe_under_way",
        "step_under_way",
        "history",
        "stop_training",
        "built_for",
        "called_with",
        "columns",
    }

    compiled_with: Compiled | None = None  # what `compile` was given
    last_run: Run | None = None  # the state at the end of the last `fit`, from which the next one goes on
    training_under_way: Training | None = None  # while `fit` runs, for callbacks
    recipe_under_way: Recipe | None = None  # in a copy inside the program, for steps of its own
    step_under_way: Step | None = None
    history: History | None = None
    stop_training: bool = False
    built_for: Any = None  # the shapes of the inputs, for loading
    called_with: Any = None  # those of a first call by hand
    columns: Any = None  # the names of the columns that it was trained on, where it was trained on tables

    def __deepcopy__(self, memo: Any) -> Self:
        """A copy of the network alone, without its training and what `compile` was given."""
        made = object.__new__(type(self))
        memo[id(self)] = made
        left_behind = {"last_run", "training_under_way", "compiled_with", "history"}
        vars(made).update({k: copy.deepcopy(v, memo) for k, v in vars(self).items() if k not in left_behind})
        return made

    def __walk__(self, walk: Any, path: str, trainable: bool) -> Any:
        """What `compile` was given is found out about together with the network."""
        if self.compiled_with is not None:
            (compiled,) = walk.reads.entries(vars(self), ["compiled_with"])
            walk.note(vars(compiled))
        return super().__walk__(walk, path, trainable)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The outputs for some inputs; the shapes of the first ones are remembered, to build a loaded copy with."""
        if self.called_with is None and len(args) == 1:
            self.called_with = specs(args[0])
        return super().__call__(*args, **kwargs)

    # -- what training needs to know of a network; subclasses may say more ------------------------------------

    def check_inputs(self, inputs: Any) -> None:
        """Raise for inputs that do not fit the network."""

    @property
    def input_specs(self) -> Any:
        """The shapes and types of the inputs, where they are known."""
        return self.called_with if self.built_for is None else self.built_for

    @property
    def output_names(self) -> list[str]:
        """The names of the outputs, where they have names."""
        return []

    def require_built(self, what: str) -> None:
        """Raise unless the network has its weights."""
        if not self.variables and not self.built:
            raise NotBuiltError(
                f"model {self.name!r} has no weights yet, so {what} is not possible: call fit, build or predict first"
            )

    def require_compiled(self, what: str) -> Compiled:
        """What `compile` was given, or an error that says to call it."""
        if self.compiled_with is None:
            raise NotCompiledError(f"call model.compile(optimizer=..., loss=...) before {what}")
        return self.compiled_with

    # -- training -------------------------------------------------------------------------------------------------

    def compile(
        self,
        optimizer: OptimizerLike = "rmsprop",
        loss: LossLike = None,
        loss_weights: LossWeights = None,
        metrics: MetricsLike = None,
        weighted_metrics: MetricsLike = None,
        run_eagerly: bool = False,
        steps_per_execution: Times = 1,
        jit_compile: bool | Annotated[str, OneOf("auto")] | None = "auto",
        auto_scale_loss: bool = True,
    ) -> None:
        """Choose optimizer, loss and metrics. The last four arguments are Keras', and are ignored: every training is one program."""
        unused = {"run_eagerly": run_eagerly, "steps_per_execution": steps_per_execution}
        check(Trainee.compile, {**unused, "jit_compile": jit_compile, "auto_scale_loss": auto_scale_loss})
        # A mistyped name raises here, and not only in fit.
        check_compiled(loss, loss_weights, [metrics, weighted_metrics])
        optimizer = optimizer if isinstance(optimizer, Range) else optimizers.get(optimizer)
        self.compiled_with = Compiled(optimizer, loss, loss_weights, metrics, weighted_metrics)
        self.last_run = None

    @property
    def compiled(self) -> bool:
        """Whether `compile` was called."""
        return self.compiled_with is not None

    @property
    def optimizer(self) -> Any:
        """The optimizer that `compile` was given."""
        if self.recipe_under_way is not None:
            return self.recipe_under_way.optimizer
        return self.require_compiled("model.optimizer").optimizer

    @property
    def loss(self) -> Any:
        """The loss that `compile` was given."""
        return self.require_compiled("model.loss").loss

    @property
    def controls(self) -> Controls:
        """The numbers that may change while the model trains: `model.controls["learning_rate"] = 1e-4`."""
        return Controls(*([self.compiled_with.optimizer] if self.compiled_with else []), self)

    fit = fitting.fit
    evaluate = scoring.evaluate
    predict = scoring.predict
    train_on_batch = fitting.train_on_batch

    train_step = hooks.train_step
    test_step = hooks.score_step
    predict_step = hooks.predict_step
    compute_loss = hooks.compute_loss
    stateless_call = hooks.stateless_call

    def test_on_batch(
        self, x: Data, y: Data = None, sample_weight: RowWeights = None, return_dict: bool = False
    ) -> Any:
        """Loss and metrics of one batch."""
        rows = len(jax.tree.leaves(as_inputs(x))[0])
        return self.evaluate(x, y, batch_size=rows, verbose=0, sample_weight=sample_weight, return_dict=return_dict)

    def predict_on_batch(self, x: Data) -> Any:
        """The outputs for one batch."""
        return self.predict(x, batch_size=len(jax.tree.leaves(as_inputs(x))[0]), verbose=0)


def specs(inputs: Any) -> Any:
    """The shapes and types of arrays or nodes; None if there is anything else among them."""
    leaves, structure = jax.tree.flatten(inputs)
    if not all(isinstance(leaf, (np.ndarray, jax.Array, Node)) for leaf in leaves):
        return None
    shapes = [[1 if d is None else d for d in leaf.shape] for leaf in leaves]
    types = [jax.dtypes.canonicalize_dtype(leaf.dtype) for leaf in leaves]
    return jax.tree.unflatten(structure, map(jax.ShapeDtypeStruct, shapes, types))
