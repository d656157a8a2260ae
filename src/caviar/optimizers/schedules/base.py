"""The base of schedules: numbers that are functions of the step."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import jax
import jax.numpy as jnp
import numpy as np

from caviar import config
from caviar.declarations import Declaration, Number, Size, fits
from caviar.errors import nothing_foreign
from caviar.parts import Part

__all__ = ["Every", "Schedule"]

if TYPE_CHECKING:  # a schedule is allowed, to type checkers too, wherever a number is
    _Float = float
else:
    _Float = object


@dataclass(eq=False, repr=False)
class Schedule(Part, _Float):
    """A number that changes with the step: a learning rate, a momentum, a weight decay.

    A new schedule is a dataclass with `__call__`, written in `jax.numpy`, because inside a program the step is traced.

    >>> from caviar.optimizers.schedules import StepDecay
    >>> StepDecay(0.1, step_size=2, gamma=0.5).curve(5)
    array([0.1  , 0.1  , 0.05 , 0.05 , 0.025], dtype=float32)
    """

    def __call__(self, step: Any) -> jax.Array:
        """The value used by the given step; the first step is 0."""
        raise NotImplementedError(f"{type(self).__name__} needs a __call__(self, step)")

    def curve(self, steps: int) -> np.ndarray:
        """The values of the first steps, for plotting."""
        return np.asarray(jax.vmap(self)(jnp.arange(steps)))

    def every(self, steps: int) -> Schedule:
        """The same schedule counted in epochs of so many steps.

        >>> from caviar.optimizers.schedules import ExponentialDecay
        >>> ExponentialDecay(1.0, 1, 0.5).every(2).curve(4)
        array([1. , 1. , 0.5, 0.5], dtype=float32)
        """
        return Every(self, steps)


@dataclass(frozen=True)
class OrSchedule(Declaration):
    """A number, or a function of the step that gives such numbers: a `Schedule`, or one of the user's own.

    >>> from caviar.declarations import Number
    >>> from caviar.optimizers.schedules.base import OrSchedule
    >>> OrSchedule(Number(least=0)).allows(lambda step: float("nan"))
    False
    """

    number: Number

    is_float = True

    @property
    def expected(self) -> str:
        """The number, or a schedule."""
        return f"{self.number.expected} or a schedule"

    def allows(self, value: Any) -> bool:
        """Whether the number, or the first one of the schedule, is allowed; caviar's own schedules give no others."""
        if isinstance(value, Schedule) and type(value).__module__.startswith("caviar."):
            return True
        return fits(self.number, _first(value)) if _is_function(value) else self.number.allows(value)

    def hint(self, value: Any) -> str:
        """The number of the first step, or the nearest one that is allowed."""
        if not _is_function(value):
            return self.number.hint(value)
        found = _first(value)
        return "write a function of the step" if found is None else f"it gives {found} for step 0"


def _is_function(value: Any) -> bool:
    return isinstance(value, Schedule) or (callable(value) and not isinstance(value, (Part, type)))


def _first(schedule: Callable[[Any], Any]) -> Any:
    """The value for step 0; None where more is wanted than a step."""
    if not _takes(schedule) and not _takes(schedule, 0):
        return None
    return _asked(schedule, jnp.zeros((), jnp.int32))


def _takes(function: Callable[..., Any], *args: Any) -> bool:
    try:
        inspect.signature(function).bind(*args)
    except (TypeError, ValueError):
        return False
    return True


def _asked(schedule: Callable[..., Any], step: Any) -> Any:
    """What a schedule gives for a step, or, as in Keras, a function without arguments."""
    return schedule(step) if isinstance(schedule, Schedule) or _takes(schedule, step) else schedule()


float_or_schedule = Annotated[float, OrSchedule(Number())]
share_or_schedule = Annotated[float, OrSchedule(Number(least=0, most=1))]
fraction_or_schedule = Annotated[float, OrSchedule(Number(least=0, below=1))]
positive_or_schedule = Annotated[float, OrSchedule(Number(above=0))]
rate_or_schedule = Annotated[float, OrSchedule(Number(least=0))]
"""The declarations of fields that take a number or a schedule."""


@dataclass(eq=False, repr=False)
class Every(Schedule):
    """A schedule that advances once every so many steps, made by `schedule.every(steps)`.

    >>> from caviar.optimizers.schedules import StepDecay
    >>> StepDecay(1.0, 1, 0.5).every(3)
    Every(StepDecay(1.0, step_size=1, gamma=0.5), steps=3)
    """

    schedule: Schedule
    steps: Size

    def __call__(self, step: Any) -> jax.Array:
        """The schedule's value at the epoch in which the step lies."""
        return self.schedule(jnp.asarray(step) // self.steps)


def as_float(value: Any) -> jax.Array:
    """A step or a number in the float type of the library."""
    with nothing_foreign(lambda: f"the step or rate {value!r} of a schedule"):
        return jnp.asarray(value, config.floatx())


def value_at(value: float_or_schedule | Callable[[Any], Any], step: Any) -> Any:
    """The number itself, or the schedule's value at this step.

    >>> from caviar.optimizers.schedules.base import value_at
    >>> value_at(0.1, 7)
    0.1
    """
    found = _asked(value, step) if callable(value) else value
    return as_float(found) if isinstance(found, int) else found
