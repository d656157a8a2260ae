"""Rows of padding, which count nothing in losses and metrics.

A partial batch is padded to a full one, so that one compiled step serves both; `row_by_row.py` decides where that is exact.
Arrays are padded to the rows of the next rung of a ladder, so that one program serves many numbers of rows: how many are real is
a number that it is given.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from caviar.graph.context import current
from caviar.metrics.base import together

_WASTE = 1.25  # rows computed for each row given, at most: else the partial batch is a step of its own
_ROOMY = 2**25
"""The most bytes of arrays that have room for more rows, since they are copied: of larger ones, every number of rows has a program."""


class Held(NamedTuple):
    """Rows on the device, with room for more; `count` is None where all of them are real."""

    rows: Any
    count: Any = None

    @property
    def room(self) -> int:
        """The most rows that there could be: as many as the arrays have."""
        return int(jax.tree.leaves(self.rows)[0].shape[0])

    @property
    def number(self) -> Any:
        """How many rows are real."""
        return self.room if self.count is None else self.count


def rung(number: int) -> int:
    """The least of 1 to 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, ... that is not below a number.

    >>> from caviar.training.padding import rung
    >>> [rung(n) for n in (1, 7, 9, 17, 33)]
    [1, 7, 10, 20, 40]
    """
    step = 1 << max(0, number.bit_length() - 3)
    return -(-number // step) * step


def batch_for(rows: int, batch_size: int, padding: bool) -> int:
    """The size of the batches: where the rows are fewer than one, that of the next rung of the ladder.

    >>> from caviar.training.padding import batch_for
    >>> batch_for(700, 32, padding=True), batch_for(19, 32, padding=True), batch_for(19, 32, padding=False)
    (32, 20, 19)
    """
    return min(batch_size, rung(rows) if padding else rows)


def room_for(rows: int, batch_size: int, padding: bool, bytes_each: int = 0) -> int:
    """The most rows that the program for so many rows serves. It says all that the program must know: how its last batch is made.

    >>> from caviar.training.padding import room_for
    >>> [room_for(rows, 32, padding=True) for rows in (700, 701, 704, 640, 35)]
    [767, 767, 768, 640, 35]
    """
    rest = rows % batch_size
    before = (rung(-(-rows // batch_size)) - 1) * batch_size
    if rest and padding:
        rest = min(rung(rest), batch_size - 1)
        if is_worthwhile(rows, batch_size) or is_worthwhile(before + rest, batch_size):
            rest = batch_size - 1
    room = before + (rest or batch_size)
    return room if room * bytes_each <= _ROOMY else rows


def with_room_for(rows: Any, batch_size: int, padding: bool) -> Held:
    """Rows in arrays that have room for all numbers of rows that one program serves."""
    count = int(jax.tree.leaves(rows)[0].shape[0])
    room = room_for(count, batch_size, padding, sum(int(a.nbytes) for a in jax.tree.leaves(rows)) // count)

    def longer(a: Any) -> Any:
        return np.concatenate([a, np.zeros((room - count, *a.shape[1:]), a.dtype)]) if room > count else a

    return Held(jax.tree.map(longer, rows), np.int32(count))


def is_worthwhile(rows: int, batch_size: int) -> bool:
    """Whether there is a partial batch, and padding it costs little of a pass.

    >>> from caviar.training.padding import is_worthwhile
    >>> is_worthwhile(700, 32), is_worthwhile(704, 32), is_worthwhile(33, 32), is_worthwhile(30, 32)
    (True, False, False, True)
    """
    return rows % batch_size > 0 and -(-rows // batch_size) * batch_size <= _WASTE * rows


def places(rows: Any, start: Any, size: int) -> tuple[Any, Any]:
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
