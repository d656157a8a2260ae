"""Windows that slide over the axes of space: their sizes, and how far they reach beyond the input."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np
from jax import lax

Sizes = tuple[int, ...]
Pads = tuple[tuple[int, int], ...]


def sizes(value: Any, rank: int) -> Sizes:
    """One int for each axis of space.

    >>> from caviar.layers.lowering.windows import sizes
    >>> sizes(2, 3), sizes([3, 5], 2)
    ((2, 2, 2), (3, 5))
    """
    return tuple(int(v) for v in value) if np.ndim(value) else (int(value),) * rank


def reach(window: Sizes, dilation: Sizes) -> Sizes:
    """How many elements a dilated window spans along each axis.

    >>> from caviar.layers.lowering.windows import reach
    >>> reach((3, 3), (1, 2))
    (3, 5)
    """
    return tuple((w - 1) * d + 1 for w, d in zip(window, dilation, strict=True))


def pads_for(space: Sizes, window: Sizes, strides: Sizes, padding: str) -> Pads:
    """The elements to add before and after each axis; `window` is its reach.

    >>> from caviar.layers.lowering.windows import pads_for
    >>> pads_for((7, 8), (3, 3), (2, 2), "same"), pads_for((7,), (3,), (1,), "causal")
    (((1, 1), (0, 1)), ((2, 0),))
    """
    if padding == "causal":
        return tuple((w - 1, 0) for w in window)
    if padding == "valid":
        return ((0, 0),) * len(window)
    missing = [max((-(-n // s) - 1) * s + w - n, 0) for n, w, s in zip(space, window, strides, strict=True)]
    return tuple((m // 2, m - m // 2) for m in missing)


def taps(x: jax.Array, window: Sizes, strides: Sizes, dilation: Sizes) -> Iterator[tuple[Sizes, jax.Array]]:
    """For each element of the window (a tap), the elements of x (examples, *space, channels) that it meets as the window slides.

    >>> from caviar.layers.lowering.windows import taps
    >>> import jax.numpy as jnp
    >>> [(at, tap.ravel().tolist()) for at, tap in taps(jnp.arange(4.0).reshape(1, 4, 1), (2,), (2,), (1,))]
    [((0,), [0.0, 2.0]), ((1,), [1.0, 3.0])]
    """
    space, spans = x.shape[1:-1], reach(window, dilation)
    steps = [(n - w) // s for n, w, s in zip(space, spans, strides, strict=True)]
    for at in itertools.product(*map(range, window)):
        start = [a * d for a, d in zip(at, dilation, strict=True)]
        limit = [a + n * s + 1 for a, n, s in zip(start, steps, strides, strict=True)]
        yield at, lax.slice(x, (0, *start, 0), (x.shape[0], *limit, x.shape[-1]), (1, *strides, 1))
