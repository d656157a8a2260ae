"""Maxima and means over windows. Channels last: (examples, *space, channels).

XLA's gradient of a maximum over windows runs on one core, element by element. Here the maximum is taken over the taps (the elements
of a window), and the one that was largest is remembered: it gets the gradient. Of equal ones it is the first, as in XLA and PyTorch.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from caviar.layers.lowering.platform import materialized, uses_own_lowering
from caviar.layers.lowering.windows import Pads, Sizes, pads_for, taps

Array = jax.Array
_MOST_TAPS = 16  # elements of a window: with more, an operation for each is slower than XLA's own pooling


def max_pool(x: Array, window: Sizes, strides: Sizes, padding: str = "valid") -> Array:
    """The largest value of each window.

    >>> import jax.numpy as jnp
    >>> from caviar.layers.lowering.pooling import max_pool
    >>> max_pool(jnp.arange(4.0).reshape(1, 4, 1), (2,), (2,)).ravel().tolist()
    [1.0, 3.0]
    """
    return highest(x, window, strides, pads_for(x.shape[1:-1], window, strides, padding))


def highest(x: Array, window: Sizes, strides: Sizes, pads: Pads) -> Array:
    """The largest value of each window, where the input is padded so."""
    lowest = np.array(-np.inf if jnp.issubdtype(x.dtype, jnp.floating) else jnp.iinfo(x.dtype).min, x.dtype)
    if uses_own_lowering() and math.prod(window) <= _MOST_TAPS:
        return _maximum(lax.pad(x, lowest, _edges(pads)) if any(map(any, pads)) else x, window, strides)
    return lax.reduce_window(x, lowest, lax.max, (1, *window, 1), (1, *strides, 1), ((0, 0), *pads, (0, 0)))


def mean_pool(x: Array, window: Sizes, strides: Sizes, padding: str = "valid") -> Array:
    """The mean of each window; what lies outside the input does not count.

    >>> import jax.numpy as jnp
    >>> from caviar.layers.lowering.pooling import mean_pool
    >>> mean_pool(jnp.arange(4.0).reshape(1, 4, 1), (2,), (2,)).ravel().tolist()
    [0.5, 2.5]
    """
    if padding == "valid" and window == strides:
        return _blocks(x, window).mean(tuple(range(2, 2 * len(window) + 1, 2)))
    pads = pads_for(x.shape[1:-1], window, strides, padding)
    sums = total(x, window, strides, pads)
    if padding == "valid":
        return sums / math.prod(window)
    return sums / total(jnp.ones((1, *x.shape[1:-1], 1), x.dtype), window, strides, pads)


def total(x: Array, window: Sizes, strides: Sizes, pads: Pads) -> Array:
    """The sum of each window, where the input is padded so."""
    if uses_own_lowering() and math.prod(window) <= _MOST_TAPS:
        x = lax.pad(x, np.zeros((), x.dtype), _edges(pads))
        parts = [tap for _, tap in taps(x, window, strides, (1,) * len(window))]
        return sum(parts[1:], parts[0])
    return lax.reduce_window(
        x, np.zeros((), x.dtype), lax.add, (1, *window, 1), (1, *strides, 1), ((0, 0), *pads, (0, 0))
    )


def _edges(pads: Pads) -> list[tuple[int, int, int]]:
    return [(0, 0, 0), *((low, high, 0) for low, high in pads), (0, 0, 0)]


def _blocks(x: Array, window: Sizes) -> Array:
    """An image cut into windows that do not overlap: (examples, rows, window rows, columns, window columns, channels)."""
    counts = [n // w for n, w in zip(x.shape[1:-1], window, strict=True)]
    cut = x[(slice(None), *(slice(n * w) for n, w in zip(counts, window, strict=True)))]
    pairs = [size for pair in zip(counts, window, strict=True) for size in pair]
    return cut.reshape(x.shape[0], *pairs, x.shape[-1])


@partial(jax.custom_vjp, nondiff_argnums=(1, 2))
def _maximum(x: Array, window: Sizes, strides: Sizes) -> Array:
    return _with_winner(x, window, strides)[0]


def _with_winner(x: Array, window: Sizes, strides: Sizes) -> tuple[Array, Array]:
    """The maxima, and the number of the tap that each came from."""
    (_, most), *others = taps(x, window, strides, (1,) * len(window))
    winner = jnp.zeros(most.shape, jnp.int8)
    for number, (_, tap) in enumerate(others, start=1):
        winner = jnp.where(tap > most, jnp.int8(number), winner)
        most = jnp.maximum(most, tap)
    return most, winner


def _maximum_forward(x: Array, window: Sizes, strides: Sizes) -> Any:
    most, winner = materialized(_with_winner(x, window, strides))
    return most, (winner, x.shape[1:-1])


def _maximum_backward(window: Sizes, strides: Sizes, residuals: Any, dy: Array) -> tuple[Array]:
    winner, space = residuals
    if window == strides:
        return (_spread(winner, dy, window, space),)
    dy = materialized(dy)
    parts = [_place(jnp.where(winner == n, dy, 0), at, strides, space) for n, at in enumerate(np.ndindex(*window))]
    return (sum(parts[1:], parts[0]),)


def _spread(winner: Array, dy: Array, window: Sizes, space: Sizes) -> Array:
    """The gradient where windows do not overlap: each element gets that of its window if it was the maximum."""
    axes = tuple(range(2, 2 * len(window) + 1, 2))
    winner, dy = jnp.expand_dims(winner, axes), jnp.expand_dims(dy, axes)
    shape = tuple(n * window[axes.index(i)] if i in axes else n for i, n in enumerate(dy.shape))
    number = jnp.zeros((), jnp.int8)
    for axis, size in zip(axes, window, strict=True):
        number = number * jnp.int8(size) + lax.broadcasted_iota(jnp.int8, shape, axis)
    dx = jnp.where(winner == number, dy, 0)
    whole = dx.reshape(dx.shape[0], *(c * w for c, w in zip(dx.shape[1:-1:2], window, strict=True)), dx.shape[-1])
    return jnp.pad(whole, [(0, 0), *((0, n - m) for n, m in zip(space, whole.shape[1:-1], strict=True)), (0, 0)])


def _place(part: Array, at: tuple[int, ...], strides: Sizes, space: Sizes) -> Array:
    """The values of one tap, back at their places in the input."""
    steps = [(n - 1) * s + 1 for n, s in zip(part.shape[1:-1], strides, strict=True)]
    edges = [(a, n - a - m, s - 1) for a, n, m, s in zip(at, space, steps, strides, strict=True)]
    return lax.pad(part, jnp.zeros((), part.dtype), [(0, 0, 0), *edges, (0, 0, 0)])


_maximum.defvjp(_maximum_forward, _maximum_backward)
