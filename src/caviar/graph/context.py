"""What is true during one evaluation, and what layers know of values beside their numbers."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from caviar import config
from caviar.dice import beside
from caviar.placing import Tape

__all__ = ["Context", "current", "evaluating"]


@partial(jax.tree_util.register_dataclass, data_fields=["value"], meta_fields=["function", "axis"])
@dataclass(frozen=True)
class Logits:
    """The logits from which an activation (sigmoid, softmax) computed probabilities."""

    value: Any
    function: str
    axis: int


class Traits(NamedTuple):
    """What is known of a value beside its numbers, such as its mask; it belongs to exactly that value."""

    mask: Any = None
    logits: Logits | None = None


class Context:
    """What is true during one evaluation: training or not, the random key, and what layers leave behind.

    >>> import jax
    >>> from caviar.graph import Context
    >>> Context(training=True, rng=jax.random.key(0)).next_rng().shape
    ()
    """

    def __init__(self, training: bool = False, rng: jax.Array | None = None, building: bool = False, note: Any = None):
        self.training, self.rng, self.building = training, rng, building
        self.real: Any = None  # how many rows of the batch are no padding; None where all are real
        self.note = note  # called with every layer and its outputs
        self.met: list[Any] | None = None  # if wanted, every layer called, with its first input and its outputs
        self.tape: Tape | None = None  # if wanted, every call of a layer or an operation
        self.draws = 0
        self.penalties: list[Any] = []
        self._traits: dict[int, tuple[Any, Traits]] = {}

    @contextlib.contextmanager
    def mode(self, training: bool | None) -> Iterator[None]:
        """Let a layer and all layers in it follow an explicit `training=`, inside a `with` block."""
        before = self.training
        self.training = before if training is None else bool(training)
        try:
            yield
        finally:  # the evaluation goes on if the user's code catches what a layer raised
            self.training = before

    def next_rng(self) -> jax.Array | None:
        """A fresh random key for every layer that needs one; None outside training."""
        if self.rng is None or not self.training:
            return None
        self.draws += 1
        return beside(self.rng, layer=self.draws)

    def traits_of(self, value: Any) -> Traits:
        """What is known of a value."""
        return self._traits.get(id(value), (None, Traits()))[1]

    def set_traits(self, value: Any, **traits: Any) -> None:
        """Attach traits to a value."""
        # Holds the value too: no other gets its id.
        self._traits[id(value)] = (
            value,
            self.traits_of(value)._replace(**traits),
        )

    def mask_of(self, value: Any) -> Any:
        """The mask that came with a value, if one did."""
        return self.traits_of(value).mask

    def set_mask(self, value: Any, mask: Any) -> None:
        """Attach a mask to a value."""
        if mask is not None:
            self.set_traits(value, mask=mask)


class _Stack(threading.local):
    def __init__(self) -> None:
        self.contexts: list[Context] = []


_stack = _Stack()


def current() -> Context | None:
    """The evaluation under way in this thread, or None outside of one.

    >>> from caviar.graph import current
    >>> print(current())
    None
    """
    return _stack.contexts[-1] if _stack.contexts else None


@contextlib.contextmanager
def evaluating(context: Context) -> Iterator[Context]:
    """Make the context current inside a `with` block.

    >>> from caviar.graph import Context, current, evaluating
    >>> with evaluating(Context(training=True)):
    ...     current().training
    True
    """
    _stack.contexts.append(context)
    try:
        yield context
    finally:
        _stack.contexts.pop()


def as_floats(tree: Any) -> Any:
    """Integers and booleans as floats, with the masks that came with them; all else stays as it is.

    >>> import jax.numpy as jnp
    >>> from caviar.graph.context import as_floats
    >>> as_floats([jnp.array([0, 255], "uint8"), jnp.array([0.5])])
    [Array([  0., 255.], dtype=float32), Array([0.5], dtype=float32)]
    """
    return jax.tree.map(_as_float, tree)


def _as_float(value: Any) -> Any:
    dtype = getattr(value, "dtype", None)
    if dtype is None or not (jnp.issubdtype(dtype, jnp.integer) or dtype == np.bool_):
        return value
    made, context = jnp.asarray(value, config.floatx()), current()
    if context is not None:
        context.set_mask(made, context.mask_of(value))
    return made


def squeezed(value: Any, function: str, logits: Any, axis: Any = -1) -> Any:
    """The value of a sigmoid or softmax, with its logits attached, from which a crossentropy is computed more exactly."""
    context = current()
    if context is not None and isinstance(axis, int):
        context.set_traits(value, logits=Logits(logits, function, axis))
    return value


def logits_of(value: Any, function: str, axis: int = -1) -> Any:
    """The logits of a value, if this function computed it along this axis in the evaluation under way; else None.

    >>> import jax.numpy as jnp
    >>> from caviar.graph import Context, evaluating
    >>> from caviar.graph.context import logits_of, squeezed
    >>> with evaluating(Context()):
    ...     p = squeezed(jnp.ones(2), "sigmoid", jnp.full(2, 50.0))
    ...     logits_of(p, "sigmoid").tolist(), logits_of(p + 0, "sigmoid")
    ([50.0, 50.0], None)
    """
    context = current()
    found = context.traits_of(value).logits if context else None
    if found is None or found.function != function or (found.axis - axis) % jnp.ndim(value):
        return None
    return found.value
