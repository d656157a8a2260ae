"""Whole numbers are held in 32 bits unless numbers are doubles; what does not fit is told, and never cut off."""

from __future__ import annotations

from typing import Any

import numpy as np

from caviar.errors import DataError


def narrowed(array: Any, dtype: np.dtype) -> Any:
    """The array in another type, unless it holds whole numbers that do not fit.

    >>> import numpy as np
    >>> from caviar.recording.widths import narrowed
    >>> narrowed(np.array([5]), np.dtype("int32")).dtype
    dtype('int32')
    """
    if dtype.kind in "iu" and dtype.itemsize < array.dtype.itemsize and array.size:
        limits, least, most = np.iinfo(dtype), array.min(), array.max()
        if least < limits.min or most > limits.max:
            raise DataError(
                f"{most if most > limits.max else least} does not fit the {limits.bits} bits in which whole numbers are held: "
                "call torch.set_default_dtype(torch.float64) first, which makes all numbers 64 bits wide"
            )
    return array.astype(dtype)
