"""Drawing inside a step: a number that is a function of a key and of a place, computed where it is used.

What is drawn for a place of an array (row, ..., unit) depends on the key and on the place's own indices alone, never on the array's
shape. So a unit draws the same however wide its layer is, a row the same however many rows stand below it, and a member of a
population the same as alone. A key belongs to a run, a step and a layer (`beside`). All is arithmetic on integers, exact everywhere.

The generator is pcg4d (Jarzynski and Olano, Hash Functions for GPU Rendering, 2020, who put it to the tests of TestU01): the two
words of a place and the two of a key go in, 32 bits come out. It has thirty operations where JAX's threefry has two hundred, so it is
quicker to run, and much quicker to compile.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from caviar import config

_APART = 0x9E3779B9  # odd: small multiples of it are far from each other
_BOTH = (
    0xC13FA9A9,
    0x91E10DA5,
)  # how far one step along a third direction goes in each of two words: pairs meet after 2**20 steps
_HALF = 16  # words in a block of `keep`; each word's two halves serve the units of a block's two halves


def beside(key: jax.Array, step: int | jax.Array = 0, layer: int = 0, draw: int = 0) -> jax.Array:
    """The key of a step, a layer, or one of several draws of a layer, at the price of two additions.

    >>> import jax
    >>> from caviar.dice import beside
    >>> key = jax.random.key(0)
    >>> bool(beside(key, step=3) == key), bool(beside(beside(key, step=3), layer=1) == beside(key, step=3, layer=1))
    (False, True)
    """
    first, second = jax.random.key_data(key).ravel()[:2]
    first = first + jnp.asarray(step).astype("uint32") * jnp.uint32(_APART) + jnp.uint32(draw * _BOTH[0] % 2**32)
    return config.as_key(jnp.stack([first, second + jnp.uint32((layer * _APART + draw * _BOTH[1]) % 2**32)]))


def bits(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """32 random bits for every place of an array of this shape.

    >>> import jax
    >>> from caviar.dice import bits
    >>> key = jax.random.key(0)
    >>> bool((bits(key, (2, 3)) == bits(key, (4, 5))[:2, :3]).all())
    True
    """
    row, unit = jnp.zeros(shape, "uint32"), jnp.zeros(shape, "uint32")
    for axis in range(len(shape)):
        index = jax.lax.broadcasted_iota("uint32", shape, axis)
        if axis == 0:
            row = row + index
        elif axis == len(shape) - 1:
            unit = unit + index
        else:
            row, unit = (w + index * jnp.uint32(s**axis % 2**32) for w, s in zip((row, unit), _BOTH, strict=True))
    first, second = jax.random.key_data(key).ravel()[:2]
    return _pcg4d(row, unit, first, second)


def _pcg4d(*words: jax.Array) -> jax.Array:
    x, y, z, w = (v * jnp.uint32(1664525) + jnp.uint32(1013904223) for v in words)
    x, y, z, w = (v ^ (v >> 16) for v in _stirred(x, y, z, w))
    return _stirred(x, y, z, w)[3]


def _stirred(x: jax.Array, y: jax.Array, z: jax.Array, w: jax.Array) -> tuple[jax.Array, ...]:
    x = x + y * w
    y = y + z * x
    z = z + x * y
    return x, y, z, w + y * z


def keep(key: jax.Array, rate: float | jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """True with probability 1 - rate, to the nearest 1/65536; `bits` says what each place depends on.

    >>> import jax
    >>> from caviar.dice import keep
    >>> keep(jax.random.key(0), 0.25, (400, 400)).mean().round(2).item()
    0.75
    """
    *rest, units = shape or (1,)
    blocks = -(-units // (2 * _HALF))  # of units that share words two by two
    words = bits(key, (*rest, blocks * _HALF)).reshape(*rest, blocks, _HALF)
    # XLA keeps these, and would draw again for each user else
    halves = jnp.concatenate([words >> 16, words & 0xFFFF], -1)
    drawn = halves.reshape(*rest, -1)[..., :units].reshape(shape).astype("int32")
    return drawn >= jnp.round(jnp.asarray(rate, "float32") * 65536).astype("int32")


def normal(key: jax.Array, shape: tuple[int, ...], dtype: jax.typing.DTypeLike = "float32") -> jax.Array:
    """Normal numbers of mean 0 and variance 1; `bits` says what each place depends on.

    >>> import jax
    >>> from caviar.dice import normal
    >>> normal(jax.random.key(0), (400, 400)).std().round(2).item()
    1.0
    """
    odd = (bits(key, shape) >> 9).astype("int32") * 2 + 1  # of 24 bits: neither 0 nor 2**24, where a normal is infinite
    return (jax.lax.erf_inv(odd.astype("float32") * 2.0**-23 - 1) * 2**0.5).astype(dtype)


def shuffled(
    key: jax.Array, rows: jax.Array, epoch: int | jax.Array, count: int | jax.Array | None = None
) -> jax.Array:
    """The rows in the order of an epoch: that of 64 bits drawn for each. Only the first `count` are shuffled, if it is given.

    >>> import jax
    >>> import jax.numpy as jnp
    >>> from caviar.dice import shuffled
    >>> sorted(shuffled(jax.random.key(0), jnp.arange(5), epoch=0).tolist())
    [0, 1, 2, 3, 4]
    """
    keys = [bits(beside(key, step=epoch, draw=draw), rows.shape) for draw in (1, 2)]
    if count is not None:
        keys = [jnp.where(jnp.arange(len(rows)) < count, drawn, jnp.uint32(0xFFFFFFFF)) for drawn in keys]
    return jax.lax.sort((*keys, rows), num_keys=2)[2]
