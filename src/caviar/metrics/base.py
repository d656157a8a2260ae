"""The base of metrics: a state to which batches of any sizes are added, and the value computed from it."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from caviar import config, engine
from caviar.declarations import DataType
from caviar.errors import nothing_foreign
from caviar.graph.context import current
from caviar.losses.naming import Named
from caviar.losses.shapes import arrays, ratio, spread, together
from caviar.metrics.states import State
from caviar.metrics.sums import Sums, no_sums, plus
from caviar.outside import spoken
from caviar.parts import Part, parts_of

__all__ = ["Additive", "Metric", "SampleMean"]


def unmasked(y_pred: Any, sample_weight: Any) -> Any:
    """The weights, times the mask attached to the predictions in the evaluation under way."""
    context = current()
    mask = context.mask_of(y_pred) if context else None
    return sample_weight if mask is None else together(mask, sample_weight)


@dataclass(eq=False, repr=False)
class Metric(Named):
    """The base of every metric. Subclass it with three pure functions:

    `initial(outputs)` gives the first state, any pytree of arrays (`outputs`: the size of the predictions' last axis),
    `accumulate(state, y_true, y_pred, sample_weight)` the state with a batch added, `outcome(state)` the value.
    Outside a program, `update_state`, `result` and `reset_state` do the same with a state that the metric keeps.
    Or subclass it as in Keras: `add_variable` in `__init__`, `update_state` that assigns, `result`.

    >>> import jax.numpy as jnp
    >>> from caviar.metrics import Metric
    >>> class Largest(Metric):
    ...     def initial(self, outputs=None):
    ...         return jnp.asarray(0.0)
    ...     def accumulate(self, state, y_true, y_pred, sample_weight=None):
    ...         return jnp.maximum(state, jnp.max(jnp.abs(y_true - y_pred)))
    ...     def outcome(self, state):
    ...         return state
    >>> float(Largest()(jnp.zeros((2, 1)), jnp.ones((2, 1))))
    1.0
    """

    _: KW_ONLY
    name: str | None = None
    dtype: DataType | None = None

    unwalked: ClassVar[frozenset[str]] = Part.unwalked | {"_state"}
    _state: ClassVar[Any] = None

    def initial(self, outputs: int | None = None) -> Any:
        """The state before the first batch."""
        raise NotImplementedError(f"metric {type(self).__name__} defines no `initial(self, outputs=None)`")

    def accumulate(self, state: Any, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The state with a batch added to it."""
        raise NotImplementedError(f"metric {type(self).__name__} defines no `accumulate`")

    def outcome(self, state: Any) -> jax.Array:
        """The value of the metric."""
        raise NotImplementedError(f"metric {type(self).__name__} defines no `outcome(self, state)`")

    def start(self, outputs: int | None = None) -> Any:
        """The state that an epoch starts with."""
        return self.initial(outputs)

    def count(self, state: Any, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The state with a batch counted, without what the mask attached to the predictions excludes."""
        return self.accumulate(state, y_true, y_pred, unmasked(y_pred, sample_weight))

    def finish(self, state: Any) -> jax.Array:
        """The value at the end of an epoch."""
        return self.outcome(state)

    @engine.own_rules()
    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch to the state that this metric keeps."""
        with nothing_foreign(lambda: f"metric {self.name!r} of {spoken((y_true, y_pred))}"):
            shape = np.shape(y_pred)
            state = self.start(shape[-1] if len(shape) > 1 else 1) if self._state is None else self._state
            vars(self)["_state"] = self.count(state, y_true, y_pred, sample_weight)

    @engine.own_rules()
    def result(self) -> jax.Array:
        """The value for all batches since the last `reset_state`."""
        return self.finish(self.start() if self._state is None else self._state)

    def reset_state(self) -> None:
        """Forget all batches."""
        for state in self.variables:
            state.reset()
        for metric in parts_of(self, Metric):
            vars(metric).pop("_state", None)

    def add_variable(
        self, shape: Any, initializer: Any = "zeros", dtype: Any = None, aggregation: Any = "sum", name: Any = None
    ) -> State:
        """A number, or an array of them, that `update_state` assigns to; every epoch starts it at zero, as in Keras."""
        return State(shape, dtype or self.dtype or config.floatx(), initializer or "zeros", name)

    def add_weight(self, shape: Any = (), initializer: Any = None, dtype: Any = None, name: Any = None) -> State:
        """`add_variable`, by its older name."""
        return self.add_variable(shape, initializer, dtype, name=name)

    @property
    def variables(self) -> list[State]:
        """The variables that `add_variable` made, in this metric and in those inside it."""
        return parts_of(self, State)

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> jax.Array:
        """Add a batch, and give the value so far."""
        self.update_state(y_true, y_pred, sample_weight)
        return self.result()


@dataclass(eq=False, repr=False)
class Additive(Metric):
    """A metric whose state is one array of sums. Subclasses define `shape`, `sums` and `outcome`.

    >>> import jax.numpy as jnp
    >>> from caviar.metrics import Additive
    >>> class Rows(Additive):
    ...     def shape(self, outputs):
    ...         return ()
    ...     def sums(self, y_true, y_pred, sample_weight=None):
    ...         return jnp.asarray(len(y_pred), "float32")
    ...     def outcome(self, state):
    ...         return state
    >>> float(Rows()(jnp.zeros((3, 1)), jnp.zeros((3, 1))))
    3.0
    """

    def shape(self, outputs: int) -> tuple[int, ...]:
        """The shape of the sums."""
        raise NotImplementedError(f"metric {type(self).__name__} defines no `shape(self, outputs)`")

    def sums(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> jax.Array:
        """What a batch adds."""
        raise NotImplementedError(f"metric {type(self).__name__} defines no `sums`")

    def initial(self, outputs: int | None = None) -> jax.Array:
        """Zeros."""
        return jnp.zeros(self.shape(outputs or 1), self.dtype or config.floatx())

    def start(self, outputs: int | None = None) -> Any:
        """Zeros, with their rounding errors, so that sums are exact."""
        zeros = self.initial(outputs)
        return no_sums(zeros) if self._adds else zeros

    def count(self, state: Any, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The sums so far and those of the batch."""
        if not self._adds:
            return super().count(state, y_true, y_pred, sample_weight)
        return plus(state, self.sums(y_true, y_pred, unmasked(y_pred, sample_weight)))

    def finish(self, state: Any) -> jax.Array:
        """The value computed from the sums."""
        return self.outcome(state.total if isinstance(state, Sums) else state)

    @property
    def _adds(self) -> bool:
        """Whether batches are added up; a subclass may define `accumulate` itself."""
        return type(self).accumulate is Additive.accumulate

    def accumulate(self, state: jax.Array, y_true: Any, y_pred: Any, sample_weight: Any = None) -> jax.Array:
        """The sums so far and those of the batch."""
        return state + self.sums(y_true, y_pred, sample_weight).astype(state.dtype)


@dataclass(eq=False, repr=False)
class SampleMean(Additive):
    """The weighted mean of values per sample. Subclasses define `values(y_true, y_pred)`.

    >>> import jax.numpy as jnp
    >>> from caviar.metrics import SampleMean
    >>> class Largest(SampleMean):
    ...     def values(self, y_true, y_pred):
    ...         return jnp.max(jnp.abs(y_true - y_pred), axis=-1)
    >>> float(Largest()(jnp.zeros((2, 2)), jnp.array([[1.0, 2.0], [4.0, 3.0]])))
    3.0
    """

    def weighed(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> tuple[jax.Array, jax.Array | None]:
        """The values and their weights; None where all weigh 1."""
        values = self.values(y_true, y_pred)
        return values, None if sample_weight is None else spread(sample_weight, values.shape, values.dtype)

    def shape(self, outputs: int) -> tuple[int, ...]:
        """The total, and the sum of the weights."""
        return (2,)

    def sums(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> jax.Array:
        """The total, and the sum of the weights."""
        values, weights = self.weighed(*arrays(y_true, y_pred, self.dtype), sample_weight)
        weights = jnp.ones_like(values) if weights is None else weights
        return jnp.stack([jnp.sum(values * weights), jnp.sum(weights)])

    def outcome(self, state: jax.Array) -> jax.Array:
        """The total over the weights; 0 where nothing was counted."""
        return ratio(state[0], state[1])


@dataclass(eq=False, repr=False)
class NamedFirst(SampleMean):
    """A mean whose first argument is its name, as in Keras: `Mean("loss")`."""

    name: str | None = None
    dtype: DataType | None = None
