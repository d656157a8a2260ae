"""Dropout in its forms, as functions."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from caviar.declarations import Share
from caviar.dialects.torch import creation
from caviar.dialects.torch.functions import floats, record
from caviar.dialects.torch.tensor import Tensor
from caviar.errors import ArgumentError
from caviar.graph.context import current
from caviar.parts import is_off

__all__ = ["alpha_dropout", "dropout", "dropout1d", "dropout2d", "dropout3d", "feature_alpha_dropout"]

Array = jax.Array
_SATURATED = -1.7580993408473766  # SELU far below 0


def by_chance(function: Any, input: Tensor, *numbers: Any, **static: Any) -> Any:
    """Write down a function of a random key, a tensor and numbers; where nothing is drawn, the tensor as it is."""
    context = current()
    if context is not None:
        key = context.next_rng()
        return input if key is None else record(function, key, input, *numbers, **static)
    seed, draw = creation.next_draw()
    return record(_seeded, np.int32(seed), np.int32(draw), input, *numbers, drawing=function, **static)


def _seeded(seed: Array, draw: Array, *operands: Any, drawing: Any, **static: Any) -> Array:
    return drawing(creation.key_of(seed, draw), *operands, **static)


def _survive(key: Array, input: Array, p: Any, shared: int) -> Array:
    """A mask of the elements that stay; elements along the last `shared` dimensions are dropped together."""
    shape = (*input.shape[: input.ndim - shared], *[1] * shared)
    return jax.random.uniform(key, shape) >= p


def _drop(key: Array, input: Array, p: Any, shared: int = 0) -> Array:
    alive = _survive(key, floats(input, "dropout"), p, shared)
    return jnp.where(alive, input / jnp.where(p < 1, 1 - p, 1), 0).astype(input.dtype)


def _alpha_drop(key: Array, input: Array, p: Any, shared: int = 0) -> Array:
    """Replace elements by SELU's lower limit, and rescale so that mean and variance stay."""
    a = ((1 - p) * (1 + p * _SATURATED**2)) ** -0.5
    mixed = jnp.where(_survive(key, floats(input, "alpha_dropout"), p, shared), input, _SATURATED)
    return (a * mixed - a * p * _SATURATED).astype(input.dtype)


def _dropped(drop: Any, input: Tensor, p: Any, training: bool, **static: Any) -> Any:
    if isinstance(p, (int, float)) and not 0 <= p <= 1:
        raise ArgumentError(f"dropout takes a share p between 0 and 1, and was given {p}")
    if not training or is_off(p):
        return input
    return by_chance(drop, input, float(p) if isinstance(p, int) else p, **static)


def dropout(input: Tensor, p: Share = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """Set each element to 0 with probability p, and divide the others by 1 - p."""
    return _dropped(_drop, input, p, training)


def _of_channels(rank: int) -> Any:
    def dropout(input: Tensor, p: Share = 0.5, training: bool = True, inplace: bool = False) -> Any:
        shared = rank if rank != 2 else input.ndim - 2  # of three dimensions, two are batch and channels for dropout2d
        return _dropped(_drop, input, p, training, shared=shared)

    dropout.__name__ = f"dropout{rank}d"
    dropout.__doc__ = f"Whole channels of {rank} dimensions zero, the others larger by as much."
    return dropout


dropout1d, dropout2d, dropout3d = map(_of_channels, (1, 2, 3))


def alpha_dropout(input: Tensor, p: Share = 0.5, training: bool = False, inplace: bool = False) -> Any:
    """Dropout for networks with SELU: dropped values become its lower limit, and mean and variance stay the same."""
    return _dropped(_alpha_drop, input, p, training)


def feature_alpha_dropout(input: Tensor, p: Share = 0.5, training: bool = False, inplace: bool = False) -> Any:
    """`alpha_dropout` of whole channels."""
    return _dropped(_alpha_drop, input, p, training, shared=max(input.ndim - 2, 0))
