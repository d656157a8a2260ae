"""A partial batch as a full one: rows of padding behind the real ones, that weigh nothing in losses and metrics.

So one compiled step serves both. Where that is exact, `row_by_row.py` tells.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from caviar.graph.evaluation import current
from caviar.metrics.base import together

_WASTE = 1.25


def is_worthwhile(rows: int, batch_size: int) -> bool:
    """Whether there is a partial batch after full ones, and computing it as a full one costs little of a pass.

    >>> from caviar.training.padding import is_worthwhile
    >>> is_worthwhile(700, 32), is_worthwhile(704, 32), is_worthwhile(33, 32)
    (True, False, False)
    """
    return 0 < rows % batch_size < rows and -(-rows // batch_size) * batch_size <= _WASTE * rows


def places(rows: int, start: Any, size: int) -> tuple[Any, Any]:
    """The places of so many rows from one on, where the last row stands for those beyond the end; and how many are real.

    >>> from caviar.training.padding import places
    >>> taken, real = places(rows=5, start=3, size=4)
    >>> taken.tolist(), int(real)
    ([3, 4, 4, 4], 2)
    """
    return jnp.minimum(start + jnp.arange(size, dtype=jnp.int32), rows - 1), jnp.minimum(rows - start, size)


def mask_padding(outputs: list[Any]) -> None:
    """Let rows of padding count in no loss and no metric of these outputs, in the evaluation under way."""
    context = current()
    if context is not None and context.real is not None:
        for output in outputs:
            real = jnp.arange(output.shape[0]) < context.real
            mask = context.mask_of(output)
            context.set_mask(output, real if mask is None else together(mask, real))
