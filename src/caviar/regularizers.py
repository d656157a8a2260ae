"""Regularizers: what large weights cost, added to the loss."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import jax
import jax.numpy as jnp

from caviar import public
from caviar.declarations import NotNegative, OneOf
from caviar.errors import ArgumentError, ShapeError, unknown_name
from caviar.parts import Part, is_off
from caviar.telling import all_tell

__all__ = [
    "L1",
    "L1L2",
    "L2",
    "OrthogonalRegularizer",
    "Regularizer",
    "get",
    "l1",
    "l1_l2",
    "l2",
    "orthogonal_regularizer",
]
__dir__ = __all__.copy


@dataclass(eq=False, repr=False, frozen=True)
class Regularizer(Part):
    """What a weight costs. A regularizer of your own is a function of an array, or a subclass with `__call__`.

    >>> import jax.numpy as jnp
    >>> from caviar.regularizers import get
    >>> get(lambda w: 0.5 * jnp.max(jnp.abs(w)))(jnp.array([1.0, -4.0])).item()
    2.0
    """

    by_element: ClassVar[bool] = (
        False  # whether a zero costs nothing, and every other weight the same whatever stands beside it
    )

    def __call__(self, x: jax.Array) -> jax.Array:
        """The penalty for the weight `x`, a scalar."""
        raise NotImplementedError(f"{type(self).__name__} has no __call__(self, x)")


@dataclass(eq=False, repr=False, frozen=True)
class L1(Regularizer):
    """Lasso: `l1 * sum(|w|)`, which drives weights to exactly zero.

    >>> import jax.numpy as jnp
    >>> from caviar.regularizers import L1
    >>> L1(0.5)(jnp.array([1.0, -3.0])).item()
    2.0
    """

    l1: NotNegative = 0.01

    by_element = True

    def __call__(self, x: jax.Array) -> jax.Array:
        """l1 times the sum of absolute values."""
        return self.l1 * jnp.sum(_absolute(x))


@dataclass(eq=False, repr=False, frozen=True)
class L2(Regularizer):
    """Ridge: `l2 * sum(w^2)`, which keeps weights small. No 1/2, and no division by the number of examples.

    >>> import jax.numpy as jnp
    >>> from caviar.regularizers import L2
    >>> L2(0.5)(jnp.array([1.0, -3.0])).item()
    5.0
    """

    l2: NotNegative = 0.01

    by_element = True

    def __call__(self, x: jax.Array) -> jax.Array:
        """l2 times the sum of squares."""
        return self.l2 * jnp.sum(jnp.square(x))


@dataclass(eq=False, repr=False, frozen=True)
class L1L2(Regularizer):
    """Elastic net: `l1 * sum(|w|) + l2 * sum(w^2)`.

    >>> import jax.numpy as jnp
    >>> from caviar.regularizers import L1L2
    >>> L1L2(0.5, 0.25)(jnp.array([1.0, -3.0])).item()
    4.5
    """

    l1: NotNegative = 0.0
    l2: NotNegative = 0.0

    by_element = True

    def __call__(self, x: jax.Array) -> jax.Array:
        """The sum of both penalties."""
        penalty = jnp.zeros((), x.dtype)
        if not is_off(self.l1):
            penalty += L1(self.l1)(x)
        if not is_off(self.l2):
            penalty += L2(self.l2)(x)
        return penalty


@dataclass(eq=False, repr=False, frozen=True)
class OrthogonalRegularizer(Regularizer):
    """`factor` times the mean |cosine| between different rows (or columns) of a matrix.

    >>> import jax.numpy as jnp
    >>> from caviar.regularizers import OrthogonalRegularizer
    >>> OrthogonalRegularizer()(jnp.eye(3)).item()
    0.0
    """

    factor: NotNegative = 0.01
    mode: Annotated[str, OneOf("rows", "columns")] = "rows"

    def __call__(self, x: jax.Array) -> jax.Array:
        """The penalty for a matrix."""
        if x.ndim != 2:
            raise ShapeError(f"OrthogonalRegularizer wants a matrix, and was given a weight of shape {x.shape}")
        rows = x if self.mode == "rows" else x.T
        rows = rows * jax.lax.rsqrt(jnp.maximum(jnp.sum(jnp.square(rows), 1, keepdims=True), 1e-12))
        n = len(rows)
        cosines = _absolute(rows @ rows.T) * (1 - jnp.eye(n, dtype=x.dtype))
        return self.factor * jnp.sum(cosines) / max(n * (n - 1), 1)


def _absolute(x: jax.Array) -> jax.Array:
    """|x|, with derivative 0 at 0: JAX's own is 1 there, which would move weights away from zero."""
    return x * jnp.sign(x)


l1, l2, l1_l2, orthogonal_regularizer = L1, L2, L1L2, OrthogonalRegularizer


def get(identifier: Any) -> Callable[[jax.Array], jax.Array] | None:
    """The regularizer of a name; None is no regularizer, and a callable is itself.

    >>> from caviar.regularizers import get
    >>> get("l2"), get("L1L2"), get(None)
    (L2(), L1L2(0.01, l2=0.01), None)
    """
    if isinstance(identifier, str):
        known = public.named(__name__, Regularizer, Regularizer)
        found = next((n for n in known if n.replace("_", "").lower() == identifier.replace("_", "").lower()), None)
        if found is None:
            raise unknown_name("regularizer", identifier, filter(str.islower, known))
        # as Keras has the name; L1L2() does nothing
        return L1L2(0.01, 0.01) if known[found] is L1L2 else known[found]()
    if isinstance(identifier, type):
        return identifier()
    if identifier is not None and not callable(identifier):
        raise ArgumentError(f"a regularizer is a name, L1(0.01), L2(0.01) or a function, and not {identifier!r}")
    return identifier


all_tell(globals(), __all__)
