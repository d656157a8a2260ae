"""Small things around training, under Keras' names."""

from __future__ import annotations

from typing import Any

import numpy as np

from caviar import config
from caviar.config import set_random_seed

__all__ = ["set_random_seed", "to_categorical"]


def __dir__() -> list[str]:
    return __all__


def to_categorical(labels: Any, num_classes: int | None = None) -> np.ndarray:
    """Class numbers as one-hot rows.

    >>> to_categorical([0, 2], 3).tolist()
    [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    numbers = np.asarray(labels).astype(int)
    if numbers.ndim > 1 and numbers.shape[-1] == 1:
        numbers = numbers[..., 0]
    return np.eye(num_classes or int(numbers.max()) + 1, dtype=config.floatx())[numbers]
