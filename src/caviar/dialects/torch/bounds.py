"""Indices that stand for nothing are told where they were given, as far as they are computed by then."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from caviar.dialects.torch.tensor import Tensor
from caviar.errors import BoundsError


def check_inside(index: Any, size: int, what: str, least: int = 0, ignored: int | None = None) -> None:
    """Raise for a number that is not between `least` and `size - 1`, unless it is the ignored one.

    >>> import caviar.dialects.torch as torch
    >>> from caviar.dialects.torch.bounds import check_inside
    >>> check_inside(torch.tensor([0, 5]), 3, "class")
    Traceback (most recent call last):
    caviar.errors.BoundsError: class 5 at (1,) does not exist: there are 0..2
    """
    array = index.held().array if isinstance(index, Tensor) else index
    if not isinstance(array, (np.ndarray, jax.Array)) or isinstance(array, jax.core.Tracer) or not array.size:
        return
    numbers = np.asarray(array)
    if numbers.min() >= least and numbers.max() < size:
        return
    wrong = (numbers < least) | (numbers >= size)
    if ignored is not None:
        wrong &= numbers != ignored
    if wrong.any():
        at = np.unravel_index(int(np.argmax(wrong)), numbers.shape)
        place = f" at {tuple(map(int, at))}" if at else ""
        raise BoundsError(f"{what} {numbers[at]}{place} does not exist: there are {least}..{size - 1}")
