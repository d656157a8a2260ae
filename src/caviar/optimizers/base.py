"""The base of optimizers: learning rate, clipping, weight decay, accumulation of gradients, averages of weights."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar, NamedTuple, Self

import jax
import jax.numpy as jnp
import numpy as np
import optax

from caviar import config
from caviar.declarations import Count, Positive, Size
from caviar.errors import ArgumentError
from caviar.graph.programs import cached
from caviar.optimizers.schedules.base import Schedule, rate_or_schedule, share_or_schedule, value_at
from caviar.optimizers.transforms import clip_each_by_norm
from caviar.parts import Numbers, Part, is_off, put_together, take_apart

__all__ = ["Optax", "Optimizer", "OptimizerState"]


class OptimizerState(NamedTuple):
    """An optimizer's state from step to step: a pytree of arrays."""

    step: jax.Array
    """How many batches were seen."""
    rule: Any
    """The state of the optimizer's rule."""
    average: Any
    """The averages of the weights (with `use_ema`)."""
    accumulated: Any
    """The sum of the gradients since the last update (with `gradient_accumulation_steps`)."""


@dataclass(eq=False, repr=False)
class Optimizer(Part):
    """The base of optimizers. A new one defines `transform`: its direction, as an optax transformation.

    Any float may be a `Schedule`, counted in batches. All optimizers take, by name: `weight_decay` (decoupled: each
    step shrinks the weights by `learning_rate * weight_decay`; added to the gradient with
    `decoupled_weight_decay=False`); one of `clipnorm` (each weight's gradient), `global_clipnorm` (all together) and
    `clipvalue`; `use_ema`, which keeps a running average of the weights for the end; `loss_scale_factor`; and
    `gradient_accumulation_steps`, which makes one update of the mean over so many batches.

    >>> import jax.numpy as jnp
    >>> import optax
    >>> from caviar.optimizers import Optimizer
    >>> class SignDescent(Optimizer):
    ...     def transform(self):
    ...         return optax.scale_by_sign()
    >>> optimizer, weights = SignDescent(0.5), [jnp.array([1.0, 2.0])]
    >>> state = optimizer.init(weights)
    >>> optimizer.update([jnp.array([3.0, -3.0])], state, weights)[0]
    [Array([0.5, 2.5], dtype=float32)]
    """

    unwalked: ClassVar[frozenset[str]] = Part.unwalked | {"_desk"}
    by_element: ClassVar[bool] = False
    """Whether weights whose gradients are always zero stay zero, and all others move as if those were not there."""

    aside: ClassVar[Sequence[bool] | None] = None
    """Of each weight, whether it is moved in the optimizer's other way; set on the copies that know their weights."""

    learning_rate: rate_or_schedule = 0.001
    _: KW_ONLY
    weight_decay: rate_or_schedule | None = None
    clipnorm: rate_or_schedule | None = None
    clipvalue: rate_or_schedule | None = None
    global_clipnorm: rate_or_schedule | None = None
    use_ema: bool = False
    ema_momentum: share_or_schedule = 0.99
    ema_overwrite_frequency: Count | None = None
    loss_scale_factor: Positive | None = None
    gradient_accumulation_steps: Size | None = None
    name: str | None = None
    decoupled_weight_decay: bool = True

    def transform(self) -> optax.GradientTransformation:
        """The direction, before the learning rate: an optax transformation from gradients to ascending steps."""
        raise NotImplementedError(f"{type(self).__name__} needs a transform(self) that gives an optax transformation")

    def rule(self) -> optax.GradientTransformation:
        """The whole step: `transform`, times minus the learning rate. Override it if the rate enters in another way."""
        return optax.chain(self.transform(), optax.scale(-self.learning_rate))

    def set_aside(self, paths: Sequence[str]) -> list[bool] | None:
        """Which of the weights at these paths, such as 'dense/kernel', it moves in another way; None: paths tell nothing."""
        return None

    def knowing(self, aside: Sequence[bool] | None) -> Self:
        """This optimizer for weights of which it sets some aside."""
        if aside is None:
            return self
        one = copy.copy(self)
        vars(one)["aside"] = list(aside)
        return one

    def init(self, params: Any) -> OptimizerState:
        """The state before the first step."""
        state = OptimizerState(
            step=jnp.zeros((), jnp.int32),
            rule=self.at(0)._prepared().init(params),
            average=params if self.use_ema else (),
            accumulated=jax.tree.map(jnp.zeros_like, params) if self._batches > 1 else (),
        )
        return jax.tree.map(_owned, state)

    def update(
        self, grads: Any, state: OptimizerState, params: Any, rate_scale: Any = None
    ) -> tuple[Any, OptimizerState]:
        """The weights and the state after one more batch; `rate_scale` is a factor on the learning rate."""
        now = self.at(state.step, rate_scale)
        if self.loss_scale_factor is not None:
            grads = jax.tree.map(lambda g: g / self.loss_scale_factor, grads)
        if self._batches == 1:
            params, rule, average = now._step(grads, state, params)
            return params, _like(OptimizerState(state.step + 1, rule, average, ()), state)
        total = jax.tree.map(jnp.add, state.accumulated, grads)

        def go() -> tuple[Any, OptimizerState]:
            mean = jax.tree.map(lambda g: g / self._batches, total)
            new, rule, average = now._step(mean, state, params)
            zeros = jax.tree.map(jnp.zeros_like, total)
            return new, _like(OptimizerState(state.step + 1, rule, average, zeros), state)

        def wait() -> tuple[Any, OptimizerState]:
            return params, _like(state._replace(step=state.step + 1, accumulated=total), state)

        return jax.lax.cond((state.step + 1) % self._batches == 0, go, wait)

    def stateless_apply(self, optimizer_variables: Any, grads: Any, trainable_variables: Any) -> tuple[Any, Any]:
        """The weights and the optimizer's state after one batch, in a `train_step(self, state, data)` of a model."""
        state, rate = optimizer_variables
        weights, state = self.update(list(grads), state, list(trainable_variables), rate)
        return weights, (state, rate)

    def _step(self, grads: Any, state: OptimizerState, params: Any) -> tuple[Any, Any, Any]:
        """One update: the new weights, the rule's state, the averages."""
        before = params
        if self.decoupled_weight_decay:
            params = self.decayed(params)
        updates, rule = self._prepared().update(grads, state.rule, params)
        params = _like(jax.tree.map(jnp.add, params, updates), before)
        if not self.use_ema:
            return params, rule, ()
        updates_before = state.step // self._batches
        keep = jnp.where(updates_before == 0, 0.0, self.ema_momentum)
        average = jax.tree.map(lambda a, w: keep * a + (1 - keep) * w, state.average, params)
        if self.ema_overwrite_frequency:
            due = (updates_before + 1) % self.ema_overwrite_frequency == 0
            params = jax.tree.map(lambda a, w: jnp.where(due, a, w).astype(w.dtype), average, params)
        return params, rule, average

    def _prepared(self) -> optax.GradientTransformation:
        """The rule, preceded by clipping and, unless decoupled, by weight decay."""
        coupled = not self.decoupled_weight_decay and not is_off(self.weight_decay)
        decay = optax.add_decayed_weights(self.weight_decay) if coupled else optax.identity()
        return optax.chain(self._clipping(), decay, self.rule())

    def _clipping(self) -> optax.GradientTransformation:
        ways = {
            "clipnorm": clip_each_by_norm,
            "clipvalue": optax.clip,
            "global_clipnorm": optax.clip_by_global_norm,
        }
        given = {name: getattr(self, name) for name in ways if not is_off(getattr(self, name))}
        if len(given) > 1:
            raise ArgumentError(f"{type(self).__name__} was given {' and '.join(given)}: only one can clip; keep one")
        return next((ways[name](limit) for name, limit in given.items()), optax.identity())

    @property
    def _batches(self) -> int:
        """How many batches make one update."""
        return self.gradient_accumulation_steps or 1

    def decayed(self, params: Any) -> Any:
        """The weights after the decoupled weight decay of one step."""
        if is_off(self.weight_decay):
            return params
        return jax.tree.map(lambda w: w - w * self.weight_decay * self.learning_rate, params)

    def at(self, step: Any, rate_scale: Any = None) -> Any:
        """This optimizer as it is at a step: every schedule replaced by its value."""
        now = copy.copy(self)
        for name, value in vars(self).items():
            if isinstance(value, Schedule) or name == "learning_rate":
                setattr(now, name, value_at(value, step))
        if rate_scale is not None:
            now.learning_rate = now.learning_rate * rate_scale
        return now

    def learning_rate_at(self, step: Any) -> jax.Array:
        """The learning rate that this step uses; the first step is 0."""
        return jnp.asarray(value_at(self.learning_rate, step), config.floatx())

    def averaged(self, state: OptimizerState, params: Any) -> Any:
        """The weights to use when training ends: their running average if there is one."""
        return state.average if self.use_ema else params

    def scale_loss(self, loss: Any) -> Any:
        """The loss whose gradient `update` expects."""
        return loss if self.loss_scale_factor is None else loss * self.loss_scale_factor

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Any]]) -> None:
        """One step by hand: move each variable of the `(gradient, variable)` pairs, and remember the state.

        >>> from caviar.graph.variable import Variable
        >>> from caviar.optimizers import SGD
        >>> w = Variable(0.0)
        >>> SGD(0.01).apply_gradients([(2 * w.value - 10, w)])
        >>> round(float(w.value), 4)
        0.1
        """
        grads, variables = zip(*grads_and_vars, strict=True)
        if missing := [v.path for g, v in zip(grads, variables, strict=True) if g is None]:
            raise ArgumentError(f"no gradient for {', '.join(missing)}: leave out what the loss does not depend on")
        params = [v.value for v in variables]
        knowing = self.knowing(self.set_aside([v.path for v in variables]))
        owned, state = vars(self).get("_desk") or (variables, knowing.init(params))
        if [id(v) for v in owned] != [id(v) for v in variables]:
            raise ArgumentError(f"this {type(self).__name__} moves other variables; make a new optimizer for these")
        apart = take_apart(knowing)
        numbers = [np.asarray(n, jnp.dtype(config.floatx())) if isinstance(n, float) else n for n in apart.numbers]
        params, state = _update_at_desk(apart.structure)(numbers, list(grads), state, params)
        vars(self)["_desk"] = (variables, state)
        for variable, value in zip(variables, params, strict=True):
            variable.assign(value)


def _update_at_desk(structure: Any) -> Callable[..., Any]:
    def update(numbers: Numbers, grads: Any, state: OptimizerState, params: Any) -> Any:
        return put_together(structure, numbers, []).update(grads, state, params)

    return cached(("update", structure), lambda: update)


def _like(new: Any, old: Any) -> Any:
    """The new values in the types of the old ones, so that a program's results are its next arguments."""
    return jax.tree.map(lambda n, o: jnp.asarray(n, o.dtype), new, old)


def _owned(value: Any) -> jax.Array:
    """A copy with a strong type: a donated state must share no memory, and another type would compile again."""
    return jnp.array(value, jnp.asarray(value).dtype, copy=True)


class Optax(Optimizer):
    """Any optax transformation as an optimizer; `learning_rate` is a factor on its updates, 1 by default.

    >>> import jax.numpy as jnp
    >>> import optax
    >>> from caviar.optimizers import Optax
    >>> optimizer, weights = Optax(optax.sgd(0.1)), [jnp.array(1.0)]
    >>> optimizer.update([jnp.array(2.0)], optimizer.init(weights), weights)[0]
    [Array(0.8, dtype=float32)]
    """

    def __init__(self, transformation: optax.GradientTransformation, **common: Any) -> None:
        super().__init__(**{"learning_rate": 1.0, **common})
        self.transformation = transformation

    def transform(self) -> optax.GradientTransformation:
        """The transformation; its updates already descend."""
        return self.transformation

    def rule(self) -> optax.GradientTransformation:
        """The transformation times the factor."""
        return optax.chain(self.transformation, optax.scale(self.learning_rate))
