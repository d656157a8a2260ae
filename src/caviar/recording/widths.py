"""Whole numbers are held in 32 bits, as programs compute with them, unless they do not fit: then in 64, and computed at once."""

from __future__ import annotations

from typing import Any

import numpy as np

_NARROW, _WIDE = np.dtype(np.int32), np.dtype(np.int64)


class TooWideError(Exception):
    """A result that does not fit 32 bits; it is caught, and computed again in 64."""


def fits(array: Any) -> bool:
    """Whether whole numbers fit 32 bits.

    >>> import numpy as np
    >>> from caviar.recording.widths import fits
    >>> fits(np.array([5])), fits(np.array([2**40]))
    (True, False)
    """
    limits = np.iinfo(_NARROW)
    return not array.size or bool(array.min() >= limits.min and array.max() <= limits.max)


def narrowed(array: Any) -> Any:
    """Whole numbers of 64 bits in 32."""
    if not fits(array):
        raise TooWideError
    return array.astype(_NARROW)


def widened(array: Any) -> Any:
    """The array, with 64 bits if it holds whole numbers of 32."""
    array = np.asarray(array)
    return array.astype(_WIDE) if array.dtype == _NARROW else array


def as_usual(array: Any) -> Any:
    """A result of 64 bits in the usual width, if that holds it."""
    array = np.asarray(array)
    if array.dtype == np.float64:
        return array.astype(np.float32)
    return array.astype(_NARROW) if array.dtype == _WIDE and fits(array) else array
