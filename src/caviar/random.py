"""Random numbers, with Keras' names. They are JAX's, and differ from those that Keras draws from the same seed.

Without a seed, every call draws anew: in a training program from the step's own key, elsewhere from that of `set_random_seed`. A
whole number as seed gives the same numbers at every call. A `SeedGenerator` gives others at every call, and all of them
again where it is made again. A program that trains nothing (`predict`, `evaluate`) draws the same at every call.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from caviar import config, engine
from caviar.arguments import check
from caviar.declarations import Axis, Count, Counts, DataType, Share, Size
from caviar.errors import ArgumentError
from caviar.graph.context import current
from caviar.parts import Part

__all__ = [
    "SeedGenerator",
    "beta",
    "binomial",
    "categorical",
    "dropout",
    "gamma",
    "normal",
    "randint",
    "shuffle",
    "truncated_normal",
    "uniform",
]


class SeedGenerator(Part):
    """A sequence of seeds: another one at every call.

    >>> from caviar import random
    >>> seeds = random.SeedGenerator(1)
    >>> first, second = random.uniform((2,), seed=seeds), random.uniform((2,), seed=seeds)
    >>> bool((first == second).any()), bool((first == random.uniform((2,), seed=random.SeedGenerator(1))).all())
    (False, True)
    """

    unwalked = Part.unwalked | {"count"}

    def __init__(self, seed: Count | None = None, name: str | None = None, **kwargs: Any):
        self.seed, self.name = seed, name
        self.count = 0

    def next(self, ordered: bool = True) -> jax.Array:
        """The next random key of JAX."""
        del ordered
        context = current()
        if context is not None:
            return _inside(context, self.seed)
        self.count += 1
        return config.next_key() if self.seed is None else jax.random.fold_in(jax.random.key(self.seed), self.count)


def _inside(context: Any, seed: int | None) -> jax.Array:
    """A key of the evaluation under way; where it has none, the same at every evaluation."""
    own = context.next_rng()
    if own is not None:
        return own if seed is None else jax.random.fold_in(own, seed)
    context.draws += 1
    return jax.random.fold_in(jax.random.key(seed or 0), context.draws)


def _key(seed: Any) -> jax.Array:
    engine.start()
    if isinstance(seed, SeedGenerator):
        return seed.next()
    if seed is None:
        context = current()
        return config.next_key() if context is None else _inside(context, None)
    if isinstance(seed, jax.Array) and jnp.issubdtype(seed.dtype, jax.dtypes.prng_key):
        return seed
    if isinstance(seed, (bool, str)) or not jnp.issubdtype(jnp.asarray(seed).dtype, jnp.integer) or jnp.ndim(seed) > 1:
        raise ArgumentError(f"seed is a whole number, a SeedGenerator or None, and was given {seed!r}")
    return jax.random.key(jnp.asarray(seed).ravel()[0])


def normal(
    shape: Counts, mean: Any = 0.0, stddev: Any = 1.0, dtype: DataType | None = None, seed: Any = None
) -> jax.Array:
    """Normally distributed numbers.

    >>> from caviar import random
    >>> random.normal((2, 3), seed=1).shape
    (2, 3)
    """
    check(normal, locals())
    drawn = jax.random.normal(_key(seed), _shape(shape), _floats(dtype))
    return drawn * jnp.asarray(stddev, drawn.dtype) + jnp.asarray(mean, drawn.dtype)


def truncated_normal(
    shape: Counts, mean: Any = 0.0, stddev: Any = 1.0, dtype: DataType | None = None, seed: Any = None
) -> jax.Array:
    """Normally distributed numbers, no more than two standard deviations from the mean.

    >>> from caviar import random
    >>> bool((abs(random.truncated_normal((100,), seed=1)) <= 2).all())
    True
    """
    check(truncated_normal, locals())
    drawn = jax.random.truncated_normal(_key(seed), -2.0, 2.0, _shape(shape), _floats(dtype))
    return drawn * jnp.asarray(stddev, drawn.dtype) + jnp.asarray(mean, drawn.dtype)


def uniform(
    shape: Counts, minval: Any = 0.0, maxval: Any = 1.0, dtype: DataType | None = None, seed: Any = None
) -> jax.Array:
    """Uniformly distributed numbers in [minval, maxval); integers if the type is one of integers.

    >>> from caviar import random
    >>> bool((random.uniform((5,), 2.0, 3.0, seed=1) >= 2).all())
    True
    """
    check(uniform, locals())
    _check_ends(minval, maxval, equal=True)
    kind = jnp.dtype(_floats(dtype))
    if jnp.issubdtype(kind, jnp.integer):
        return randint(shape, minval, maxval, kind.name, seed)
    return jax.random.uniform(_key(seed), _shape(shape), kind, minval, maxval)


def randint(shape: Counts, minval: Any, maxval: Any, dtype: DataType = "int32", seed: Any = None) -> jax.Array:
    """Integers from `minval` to `maxval`, excluded.

    >>> from caviar import random
    >>> sorted(set(random.randint((50,), 0, 3, seed=1).tolist()))
    [0, 1, 2]
    """
    check(randint, locals())
    _check_ends(minval, maxval)
    return jax.random.randint(_key(seed), _shape(shape), minval, maxval, jnp.dtype(dtype))


def _check_ends(minval: Any, maxval: Any, equal: bool = False) -> None:
    """Raise for ends in the wrong order: all numbers would be the first of them."""
    if all(isinstance(end, (int, float)) for end in (minval, maxval)) and (
        minval > maxval or (minval == maxval and not equal)
    ):
        raise ArgumentError(f"numbers are drawn from minval up to maxval, which are {minval} and {maxval}")


def categorical(logits: Any, num_samples: Size, dtype: DataType = "int32", seed: Any = None) -> jax.Array:
    """Class numbers, drawn with the probabilities softmax(logits) of each row.

    >>> from caviar import random
    >>> random.categorical([[0.0, 99.0]], 3, seed=1).tolist()
    [[1, 1, 1]]
    """
    check(categorical, locals())
    rows = jnp.asarray(logits)
    drawn = jax.random.categorical(_key(seed), rows[..., None, :], -1, (*rows.shape[:-1], num_samples))
    return drawn.astype(jnp.dtype(dtype))


def beta(shape: Counts, alpha: Any, beta: Any, dtype: DataType | None = None, seed: Any = None) -> jax.Array:
    """Numbers from a beta distribution.

    >>> from caviar import random
    >>> random.beta((2,), 2.0, 3.0, seed=1).shape
    (2,)
    """
    check(globals()["beta"], locals())
    kind = _floats(dtype)
    return jax.random.beta(_key(seed), jnp.asarray(alpha, kind), jnp.asarray(beta, kind), _shape(shape), kind)


def gamma(shape: Counts, alpha: Any, dtype: DataType | None = None, seed: Any = None) -> jax.Array:
    """Numbers from a gamma distribution.

    >>> from caviar import random
    >>> random.gamma((2,), 2.0, seed=1).shape
    (2,)
    """
    check(gamma, locals())
    kind = _floats(dtype)
    return jax.random.gamma(_key(seed), jnp.asarray(alpha, kind), _shape(shape), kind)


def binomial(
    shape: Counts, counts: Any, probabilities: Any, dtype: DataType | None = None, seed: Any = None
) -> jax.Array:
    """Numbers from a binomial distribution: how many of `counts` trials succeed, each with these probabilities.

    >>> from caviar import random
    >>> random.binomial((2,), 5, 1.0, seed=1).tolist()
    [5.0, 5.0]
    """
    check(binomial, locals())
    kind = _floats(dtype)
    n, p = jnp.asarray(counts, kind), jnp.asarray(probabilities, kind)
    return jax.random.binomial(_key(seed), n, p, _shape(shape), kind)


def shuffle(x: Any, axis: Axis = 0, seed: Any = None) -> jax.Array:
    """The entries of an axis in random order.

    >>> from caviar import random
    >>> sorted(random.shuffle([1, 2, 3], seed=1).tolist())
    [1, 2, 3]
    """
    check(shuffle, locals())
    return jax.random.permutation(_key(seed), jnp.asarray(x), axis)


def dropout(inputs: Any, rate: Share, noise_shape: Any = None, seed: Any = None) -> jax.Array:
    """Each value set to 0 with probability `rate`, else divided by 1 - rate, so that the mean stays.

    >>> from caviar import random
    >>> set(random.dropout([1.0, 1.0, 1.0], 0.5, seed=1).tolist()) <= {0.0, 2.0}
    True
    """
    check(dropout, locals())
    x = jnp.asarray(inputs)
    shape = (
        x.shape if noise_shape is None else [n if s is None else s for n, s in zip(x.shape, noise_shape, strict=True)]
    )
    kept = jax.random.bernoulli(_key(seed), 1 - jnp.asarray(rate), shape)
    return jnp.where(kept, x / jnp.maximum(1 - jnp.asarray(rate, x.dtype), 1e-30), 0)


def _floats(dtype: Any) -> Any:
    return jnp.dtype(dtype or config.floatx())


def _shape(shape: Any) -> tuple[int, ...]:
    return (shape,) if isinstance(shape, int) else tuple(shape)


def __dir__() -> list[str]:
    return __all__
