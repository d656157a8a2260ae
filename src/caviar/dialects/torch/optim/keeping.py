"""The state of an optimizer as PyTorch has it: by parameter. In caviar's state, a list holds an array for each parameter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from caviar.dialects.torch.tensor import Tensor, wrap
from caviar.errors import ArgumentError


def columns(state: Any) -> list[list[Any]]:
    """The parts of the state, each a list over the parameters."""
    return [leaf for leaf in jax.tree.leaves(state, is_leaf=_is_list) if _is_list(leaf)]


def _is_list(leaf: Any) -> bool:
    return isinstance(leaf, list)


def rows(state: Any, names: Sequence[str], count: int) -> list[dict[str, Tensor]]:
    """A dict for each parameter: its number of steps, and copies of its part of the state."""
    named = dict(zip(names, columns(state), strict=True))
    step = np.asarray(state.step, "float32")
    arrays = [{name: column[i] for name, column in named.items() if column[i] is not None} for i in range(count)]
    return [{"step": wrap(step), **{k: wrap(np.array(v)) for k, v in row.items()}} for row in arrays]


def restored(fresh: Any, names: Sequence[str], step: int, rows: Sequence[dict[str, Any]], optimizer: str) -> Any:
    """A new state with the steps and arrays of such dicts."""
    waiting = iter(names)

    def column(leaf: Any) -> Any:
        if not _is_list(leaf):
            return jnp.array(step, leaf.dtype)
        name = next(waiting)
        return [None if old is None else array(name, old, row) for old, row in zip(leaf, rows, strict=True)]

    def array(name: str, old: Any, row: dict[str, Any]) -> Any:
        found = row.get(name)
        if found is None or np.shape(found) != old.shape:
            raise ArgumentError(
                f"the state dict does not fit: {optimizer} keeps {name} of shape {old.shape} for a parameter, and finds "
                f"{', '.join(row) if found is None else tuple(np.shape(found))}"
            )
        return jnp.array(found.numpy() if isinstance(found, Tensor) else found, old.dtype)

    return jax.tree.map(column, fresh, is_leaf=_is_list)
