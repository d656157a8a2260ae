"""Labels as numbers, and back."""

from __future__ import annotations

from typing import Any

import numpy as np

from caviar import arguments, config, declarations, errors, outside

__all__ = ["to_categorical"]


def to_categorical(x: Any, num_classes: declarations.Size | None = None) -> np.ndarray:
    """Class numbers as one-hot rows.

    >>> from caviar.utils import to_categorical
    >>> to_categorical([0, 2], 3).tolist()
    [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    arguments.check(to_categorical, locals())
    given = outside.numeric(x, "labels")
    if given.ndim > 1 and given.shape[-1] == 1:
        given = given[..., 0]
    given = given.astype(np.int64) if given.dtype.kind in "bu" else given
    if given.dtype.kind == "c":
        raise errors.DataError("labels are the numbers of classes, and these are complex")
    known = np.isfinite(given)
    count = num_classes or int(np.max(given, where=known, initial=-1)) + 1
    wrong = given[~(known & (given >= 0) & (given < min(count, declarations.INT32_MAX)) & (given == np.floor(given)))]
    if wrong.size:
        raise errors.DataError(
            f"labels are the numbers of classes, from 0 to {count - 1}, and one of them is {wrong[0]}"
        )
    return np.eye(count, dtype=config.floatx())[given.astype(int)]
