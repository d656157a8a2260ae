"""caviar with nothing set that a user would not set."""

from __future__ import annotations

from collections.abc import Callable

import caviar.layers
import caviar.models
import caviar.regularizers
from benchmarks.rows import Row


def make(row: Row, policy: str = "float32") -> Callable[[int], float]:
    """The words are those of the Keras contender, from another import line."""
    caviar.config.set_dtype_policy(policy)
    return row.fitting(caviar)
