"""Random nodes: drawn anew at each run, from a key that the session feeds."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from caviar import config
from caviar.declarations import Seed
from caviar.dialects.tensorflow.building import as_dtype, known, lengths
from caviar.dialects.tensorflow.graphs import get_default_graph
from caviar.errors import ArgumentError
from caviar.graph import Input, Operation, apply
from caviar.telling import all_tell

__all__ = [
    "normal", "set_random_seed", "set_seed", "shuffle", "truncated_normal", "uniform",
]  # fmt: skip
__dir__ = __all__.copy


@functools.cache
def random_key() -> Input:
    """Where a run feeds two words of its session's key, and its number."""
    return Input(batch_shape=(3,), dtype="uint32", name="random key")


def set_random_seed(seed: Seed) -> None:
    """Make everything random reproducible: in sessions made after this call, in layers, in shuffling.

    >>> from caviar.dialects.tensorflow.random import set_random_seed
    >>> set_random_seed(0)
    """
    config.set_random_seed(seed)
    get_default_graph().seed = seed


set_seed = set_random_seed


def drawn(draw: Callable[..., Any], shape: Any, dtype: Any, seed: int | None, *args: Any) -> Operation:
    """A node that is drawn at each run; a function of (key, shape, dtype, ...) draws it.

    Every such node has a number of its own, which is an array so that it is no part of the program.
    """
    graph = get_default_graph()
    graph.draws += 1
    own = np.asarray(graph.draws if seed is None else seed, np.uint32)
    return apply(_drawn, draw, random_key(), own, seed is not None, shape, dtype, args)


def _drawn(draw: Any, run: Any, own: Any, seeded: bool, shape: Any, dtype: Any, args: Any) -> Any:
    words = jnp.stack([jnp.zeros_like(own), own]) if seeded else run[:2]
    key = jax.random.fold_in(config.as_key(words), run[2])
    return draw(key if seeded else jax.random.fold_in(key, own), known(shape), dtype, *args)


def normal(
    shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = None, seed: int | None = None, name: str | None = None
) -> Operation:
    """Normally distributed numbers.

    >>> from caviar.dialects.tensorflow.random import normal
    >>> normal([2, 3]).shape
    (2, 3)
    """
    return drawn(_normal, lengths(shape), as_dtype(dtype), seed, mean, stddev)


def truncated_normal(
    shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = None, seed: int | None = None, name: str | None = None
) -> Operation:
    """Normally distributed numbers, none further than two standard deviations from the mean.

    >>> from caviar.dialects.tensorflow.random import truncated_normal
    >>> truncated_normal([2, 3], stddev=0.1).shape
    (2, 3)
    """
    return drawn(_truncated, lengths(shape), as_dtype(dtype), seed, mean, stddev)


def uniform(
    shape: Any, minval: Any = 0, maxval: Any = None, dtype: Any = None, seed: int | None = None, name: str | None = None
) -> Operation:
    """Numbers in [minval, maxval), by default in [0, 1); integers need a `maxval`.

    >>> from caviar.dialects.tensorflow.random import uniform
    >>> uniform([2], -1.0, 1.0).shape
    (2,)
    """
    if np.issubdtype(as_dtype(dtype), np.integer) and maxval is None:
        raise ArgumentError("tf.random_uniform of integers needs maxval")
    return drawn(_uniform, lengths(shape), as_dtype(dtype), seed, minval, 1 if maxval is None else maxval)


def shuffle(value: Any, seed: int | None = None, name: str | None = None) -> Operation:
    """The rows in a random order, another one at each run.

    >>> from caviar.dialects.tensorflow.random import shuffle
    >>> shuffle([1, 2, 3]).shape
    (3,)
    """
    return drawn(_shuffled, (), None, seed, value)


def _normal(key: Any, shape: Any, dtype: Any, mean: Any, stddev: Any) -> Any:
    return (jax.random.normal(key, shape, dtype) * stddev + mean).astype(dtype)


def _truncated(key: Any, shape: Any, dtype: Any, mean: Any, stddev: Any) -> Any:
    return (jax.random.truncated_normal(key, -2, 2, shape, dtype) * stddev + mean).astype(dtype)


def _uniform(key: Any, shape: Any, dtype: Any, low: Any, high: Any) -> Any:
    if jnp.issubdtype(dtype, jnp.integer):
        return jax.random.randint(key, shape, low, high, dtype)
    return (jax.random.uniform(key, shape, dtype) * (high - low) + low).astype(dtype)


def _shuffled(key: Any, shape: Any, dtype: Any, value: Any) -> Any:
    return jax.random.permutation(key, jnp.asarray(value))


globals().update(
    all_tell(globals(), ["normal", "set_random_seed", "set_seed", "shuffle", "truncated_normal", "uniform"])
)
