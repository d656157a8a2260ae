"""What a model does with one batch. Subclasses may override each of these, and call the standard one by `super()`.

All are pure and run inside the compiled program. A batch is (x, [y], [sample_weight]), and a `Step` holds the weights. A
method with the arguments `(self, state, data)` works as with Keras' JAX trainer: tuples of variables, and data as given to `fit`.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import jax

from caviar.data.arrays import Rows
from caviar.errors import ArgumentError
from caviar.graph.context import Context, current, evaluating
from caviar.graph.evaluation import as_arrays
from caviar.parts import take_apart
from caviar.training.recipe import Recipe
from caviar.training.state import Weights
from caviar.training.step import Step

if TYPE_CHECKING:
    from caviar.training.trainee import Trainee


def train_step(self: Trainee, step: Step, batch: Any) -> tuple[Any, Any]:
    """One step of training. Override it for losses of your own, and report a dict of scalars:

    `value, extra, gradients, step = step.gradients(lambda recipe: (loss_of(recipe.network, batch), None))`,
    then `return step.apply(gradients), {"loss": value}`. A batch is (x, [y], [sample_weight]).
    """
    rows = _as_rows(batch)
    _, report, gradients, after = _as_step(self, step).gradients(lambda recipe: recipe.objective(rows))
    return _as_asked(step, after.apply(gradients), report)


def score_step(self: Trainee, step: Step, batch: Any) -> tuple[Any, Any]:
    """What `evaluate` and validation do with a batch: `report, step = step.evaluate(lambda recipe: ...)`, `return step, report`."""
    rows = _as_rows(batch)
    report, after = _as_step(self, step).evaluate(lambda recipe: recipe.objective(rows)[1])
    return _as_asked(step, after, report)


def predict_step(self: Trainee, step: Step, batch: Any) -> tuple[Any, Any]:
    """What `predict` does with a batch: `outputs, step = step.evaluate(lambda network: ...)`, `return step, outputs`."""
    outputs, after = _as_step(self, step).evaluate(lambda network: network(_as_rows(batch).x))
    return (after, outputs) if isinstance(step, Step) else (outputs, after.run.fixed)


def compute_loss(
    self: Trainee, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
) -> Any:
    """The number that training minimises: the losses of `compile`, each times its weight, and what regularizers add."""
    del x, training
    outputs = jax.tree.leaves(y_pred)
    names = [f"output_{i}" for i in range(len(outputs))]
    recipe = self.recipe_under_way or self.require_compiled("compute_loss").recipe(self, outputs, names)
    targets = jax.tree.leaves(y)
    weights = [None] * len(outputs) if sample_weight is None else jax.tree.leaves(sample_weight)
    return recipe.combined(recipe.totals(outputs, targets, weights)) + recipe.penalty()


def stateless_call(
    self: Trainee,
    trainable_variables: Any,
    non_trainable_variables: Any,
    *args: Any,
    training: bool = False,
    return_losses: bool = False,
    **kwargs: Any,
) -> Any:
    """The outputs with these weights, and the non-trainable variables after the call; with `return_losses`, the added losses too."""
    step = self.step_under_way
    if step is None:
        apart = take_apart(self)
        step = Step(apart.structure, as_arrays(apart.numbers), Weights([], []))

    def call(part: Any) -> Any:
        outputs = (part.network if isinstance(part, Recipe) else part)(*args, **kwargs)
        context = current()
        assert context is not None
        return outputs, list(context.penalties), [context.mask_of(o) for o in jax.tree.leaves(outputs)]

    weights = step.taking((trainable_variables, non_trainable_variables))
    (outputs, penalties, masks), after = weights.evaluate(call, training)
    outer = current()
    for output, mask in zip(jax.tree.leaves(outputs), masks, strict=True):
        if outer is not None:
            outer.set_mask(output, mask)
    return (outputs, after.run.fixed, penalties) if return_losses else (outputs, after.run.fixed)


STANDARD: dict[str, Any] = {
    "train_step": train_step,
    "test_step": score_step,
    "predict_step": predict_step,
    "compute_loss": compute_loss,
}


def is_own(network: Trainee, name: str) -> bool:
    """Whether a network overrides `train_step`, `test_step`, `predict_step` or `compute_loss`."""
    return getattr(type(network), name) is not STANDARD[name]


def take_step(name: str, part: Recipe | Trainee, step: Step, batch: Any) -> tuple[Step, Any]:
    """Call this hook of a recipe's network (or of a network alone), in whichever of the two forms it is written."""
    network: Trainee = part.network if isinstance(part, Recipe) else part
    method = getattr(network, name)
    if not is_own(network, name):
        return method(step, batch)
    network.step_under_way, network.recipe_under_way = step, part if isinstance(part, Recipe) else None
    given = [p.name for p in inspect.signature(method).parameters.values() if p.kind is not p.VAR_KEYWORD]
    if len(given) < 2 and "args" not in given:
        raise ArgumentError(
            f"{type(network).__name__}.{name} takes ({', '.join(['self', *given])}), as under TensorFlow or PyTorch: write "
            f"{name}(self, state, data) as Keras has it for JAX, or {name}(self, step, batch)"
        )
    if given[:2] != ["state", "data"]:
        return method(step, batch)
    with evaluating(Context()):
        found, state = method(step.state[: 2 if name == "predict_step" else None], _as_data(batch, name))
    return step.taking((step.run.trainable, state) if name == "predict_step" else state), found


def _as_step(model: Trainee, given: Any) -> Step:
    if isinstance(given, Step):
        return given
    if model.step_under_way is None:
        raise ArgumentError("a step on a state is taken inside `fit`, `evaluate` and `predict`: call those")
    return model.step_under_way.taking(given)


def _as_asked(given: Any, after: Step, report: Any) -> tuple[Any, Any]:
    return (after, report) if isinstance(given, Step) else (report, after.state)


def _as_rows(batch: Any) -> Rows:
    if isinstance(batch, Rows):
        return batch
    x, y, weight = (*(batch if isinstance(batch, tuple) else (batch,)), None, None)[:3]
    targets = [y] if y is None else jax.tree.leaves(y)
    return Rows(x, targets, [None] * len(targets) if weight is None else jax.tree.leaves(weight))


def _as_data(batch: Rows, name: str) -> Any:
    """A batch as it was given: (x, y) or (x, y, sample_weight), or x alone."""
    if name == "predict_step":
        return batch.x
    y, weight = (values[0] if len(values) == 1 else values for values in (batch.y, batch.weight))
    return (batch.x, y) if all(w is None for w in batch.weight) else (batch.x, y, weight)
