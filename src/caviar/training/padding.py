"""Padding a partial batch to a full one, with rows that count nothing in losses and metrics.

So one compiled step serves both. `row_by_row.py` decides where that is exact.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from caviar.graph.context import current
from caviar.metrics.base import together

_WASTE = 1.25


def is_worthwhile(rows: int, batch_size: int) -> bool:
    """Whether a partial batch follows full ones, and padding it costs little of a pass.

    >>> from caviar.training.padding import is_worthwhile
    >>> is_worthwhile(700, 32), is_worthwhile(704, 32), is_worthwhile(33, 32)
    (True, False, False)
    """
    return 0 < rows % batch_size < rows and -(-rows // batch_size) * batch_size <= _WASTE * rows


def places(rows: int, start: Any, size: int) -> tuple[Any, Any]:
    """The places of a batch's rows, beyond the end that of the last row; and how many of them are real.

    >>> from caviar.training.padding import places
    >>> taken, real = places(rows=5, start=3, size=4)
    >>> taken.tolist(), int(real)
    ([3, 4, 4, 4], 2)
    """
    return jnp.minimum(start + jnp.arange(size, dtype=jnp.int32), rows - 1), jnp.minimum(rows - start, size)


def mask_padding(outputs: list[Any]) -> None:
    """Exclude rows of padding from losses and metrics of these outputs, in the evaluation under way."""
    context = current()
    if context is not None and context.real is not None:
        for output in outputs:
            real = jnp.arange(output.shape[0]) < context.real
            mask = context.mask_of(output)
            context.set_mask(output, real if mask is None else together(mask, real))
