"""Constraints: where a weight is put back after every update."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from caviar import config, public
from caviar.declarations import Axes, NotNegative, Share
from caviar.errors import ArgumentError, unknown_name
from caviar.parts import Part
from caviar.telling import all_tell

__all__ = [
    "Constraint",
    "MaxNorm",
    "MinMaxNorm",
    "NonNeg",
    "UnitNorm",
    "get",
    "max_norm",
    "min_max_norm",
    "non_neg",
    "unit_norm",
]


@dataclass(eq=False, repr=False, frozen=True)
class Constraint(Part):
    """What a weight must be. A constraint of your own is a function of an array, or a subclass with `__call__`.

    >>> import jax.numpy as jnp
    >>> from caviar import constraints
    >>> constraints.get(lambda w: jnp.clip(w, -1, 1))(jnp.array([1.0, -4.0])).tolist()
    [1.0, -1.0]
    """

    by_element: ClassVar[bool] = False  # whether zeros stay zeros and change nothing for the others

    def __call__(self, w: jax.Array) -> jax.Array:
        """The weight, as it must be."""
        raise NotImplementedError(f"{type(self).__name__} has no __call__(self, w)")


@dataclass(eq=False, repr=False, frozen=True)
class NonNeg(Constraint):
    """No negative weights.

    >>> import jax.numpy as jnp
    >>> from caviar.constraints import NonNeg
    >>> NonNeg()(jnp.array([1.0, -4.0])).tolist()
    [1.0, 0.0]
    """

    by_element = True

    def __call__(self, w: jax.Array) -> jax.Array:
        """Zero where it was negative."""
        return jnp.maximum(w, 0)


@dataclass(eq=False, repr=False, frozen=True)
class MaxNorm(Constraint):
    """Vectors along `axis` no longer than `max_value`.

    >>> import jax.numpy as jnp
    >>> from caviar.constraints import MaxNorm
    >>> print(MaxNorm(1.0)(jnp.array([[3.0], [4.0]])).ravel())
    [0.6 0.8]
    """

    max_value: NotNegative = 2
    axis: Axes = 0

    by_element = True

    def __call__(self, w: jax.Array) -> jax.Array:
        """Those that are too long, shortened."""
        norm = _norm(w, self.axis)
        return w * (jnp.clip(norm, 0, self.max_value) / (config.epsilon() + norm))


@dataclass(eq=False, repr=False, frozen=True)
class UnitNorm(Constraint):
    """Vectors along `axis` of length one.

    >>> import jax.numpy as jnp
    >>> from caviar.constraints import UnitNorm
    >>> print(UnitNorm()(jnp.array([[3.0], [4.0]])).ravel())
    [0.6 0.8]
    """

    axis: Axes = 0

    by_element = True

    def __call__(self, w: jax.Array) -> jax.Array:
        """The vectors over their lengths."""
        return w / (config.epsilon() + _norm(w, self.axis))


@dataclass(eq=False, repr=False, frozen=True)
class MinMaxNorm(Constraint):
    """Vectors along `axis` whose lengths move between two ends, by the share `rate` at each update.

    >>> import jax.numpy as jnp
    >>> from caviar.constraints import MinMaxNorm
    >>> print(MinMaxNorm(0.0, 1.0)(jnp.array([[3.0], [4.0]])).ravel())
    [0.6 0.8]
    """

    min_value: NotNegative = 0.0
    max_value: NotNegative = 1.0
    rate: Share = 1.0
    axis: Axes = 0

    by_element = True

    def __post_init__(self) -> None:
        ends = self.min_value, self.max_value
        if all(isinstance(end, (int, float)) for end in ends) and ends[0] > ends[1]:
            raise ArgumentError(f"MinMaxNorm keeps lengths between min_value and max_value, and they are {ends}")

    def __call__(self, w: jax.Array) -> jax.Array:
        """The vectors, longer or shorter."""
        norm = _norm(w, self.axis)
        wanted = self.rate * jnp.clip(norm, self.min_value, self.max_value) + (1 - self.rate) * norm
        return w * (wanted / (config.epsilon() + norm))


def _norm(w: jax.Array, axis: Any) -> jax.Array:
    several = tuple(axis) if isinstance(axis, (list, tuple)) else axis
    return jnp.sqrt(jnp.sum(w**2, several, keepdims=True))


max_norm, min_max_norm, non_neg, unit_norm = MaxNorm, MinMaxNorm, NonNeg, UnitNorm


def get(identifier: Any) -> Callable[[jax.Array], jax.Array] | None:
    """The constraint of a name; None is no constraint, and a callable is itself.

    >>> from caviar.constraints import get
    >>> get("non_neg"), get("MaxNorm"), get(None)
    (NonNeg(), MaxNorm(), None)
    """
    if isinstance(identifier, str):
        known = public.named(__name__, Constraint, Constraint)
        if identifier not in known:
            raise unknown_name("constraint", identifier, filter(str.islower, known))
        return known[identifier]()
    if isinstance(identifier, type):
        return identifier()
    if identifier is not None and not callable(identifier):
        raise ArgumentError(f"a constraint is a name, MaxNorm(2), NonNeg() or a function, and not {identifier!r}")
    return identifier


all_tell(globals(), __all__)
__dir__ = __all__.copy
