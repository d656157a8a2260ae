"""optax transformations that optax lacks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax


class LeafwiseState(NamedTuple):
    """The number of updates, and the slots (running averages and the like): for each, a list of one array per weight."""

    updates: jax.Array
    slots: tuple[Any, ...]


def leafwise(step: Callable[..., Any], *starts: Callable[[jax.Array], Any]) -> optax.GradientTransformation:
    """A transformation that treats each weight by itself.

    `step(t, gradient, weight, *slots)` gives the update followed by the new slots; `t` counts from 1.
    `starts` give each slot's first value from the weight.

    >>> import jax.numpy as jnp
    >>> from caviar.optimizers.transforms import leafwise
    >>> half = leafwise(lambda t, g, w: (g / 2,))
    >>> half.update([jnp.ones(2)], half.init([jnp.ones(2)]), [jnp.ones(2)])[0]
    [Array([0.5, 0.5], dtype=float32)]
    """

    def init(params: Any) -> LeafwiseState:
        return LeafwiseState(jnp.zeros((), jnp.int32), tuple(jax.tree.map(start, params) for start in starts))

    def update(grads: Any, state: LeafwiseState, params: Any = None) -> tuple[Any, LeafwiseState]:
        leaves, tree = jax.tree.flatten(grads)
        if not leaves:
            return grads, state
        count = optax.safe_increment(state.updates)
        columns = [
            tree.flatten_up_to(column)  # type: ignore[attr-defined]
            for column in (params, *state.slots)
        ]
        results = [step(_time(count, row[0]), *row) for row in zip(leaves, *columns, strict=True)]
        updates, *slots = (jax.tree.unflatten(tree, column) for column in zip(*results, strict=True))
        return updates, LeafwiseState(count, tuple(slots))

    return optax.GradientTransformation(init, update)


def _time(count: jax.Array, gradient: jax.Array) -> jax.Array:
    """The number of updates as a float, in single precision at least."""
    return count.astype(jnp.promote_types(gradient.dtype, jnp.float32))


def clip_each_by_norm(limit: Any) -> optax.GradientTransformation:
    """Shorten each weight's gradient to the given length if it is longer.

    >>> import jax.numpy as jnp
    >>> import optax
    >>> from caviar.optimizers.transforms import clip_each_by_norm
    >>> clip_each_by_norm(1.0).update([jnp.array([3.0, 4.0])], optax.EmptyState())[0]
    [Array([0.6, 0.8], dtype=float32)]
    """

    def shorten(gradient: jax.Array, _: Any) -> jax.Array:
        return gradient * (limit / jnp.maximum(jnp.sqrt(jnp.sum(jnp.square(gradient))), limit))

    return optax.stateless_with_tree_map(shorten)


def root(square: jax.Array, epsilon: Any, epsilon_at: str) -> jax.Array:
    """sqrt(x + epsilon) or sqrt(x) + epsilon: epsilon is "inside" the root or "outside" of it.

    >>> import jax.numpy as jnp
    >>> from caviar.optimizers.transforms import root
    >>> float(root(jnp.array(3.0), 1.0, "inside")), float(root(jnp.array(4.0), 1.0, "outside"))
    (2.0, 3.0)
    """
    return jnp.sqrt(square + epsilon) if epsilon_at == "inside" else jnp.sqrt(square) + epsilon


def orthogonalize(matrix: jax.Array, coefficients: tuple[Any, Any, Any], steps: int) -> jax.Array:
    """Bring the singular values of a matrix near 1, by Newton and Schulz's iteration (Muon).

    >>> import jax.numpy as jnp
    >>> from caviar.optimizers.transforms import orthogonalize
    >>> scaled = orthogonalize(jnp.diag(jnp.array([5.0, 1.0])), (3.4445, -4.775, 2.0315), 5)
    >>> bool(jnp.all(abs(jnp.linalg.svd(scaled)[1] - 1) < 0.3))
    True
    """
    a, b, c = coefficients
    wide = matrix.T if matrix.shape[0] > matrix.shape[1] else matrix
    wide = wide / (jnp.linalg.norm(wide) + 1e-7)
    for _ in range(steps):
        gram = wide @ wide.T
        wide = a * wide + (b * gram + c * gram @ gram) @ wide
    return wide.T if matrix.shape[0] > matrix.shape[1] else wide
