"""Keras 3 on the backend that KERAS_BACKEND names."""

from __future__ import annotations

from collections.abc import Callable

import keras

from benchmarks.rows import Row


def make(row: Row, policy: str = "float32", whole_epoch: bool = False) -> Callable[[int], float]:
    """`whole_epoch` asks for `steps_per_execution` = one epoch, Keras' own remedy for small steps."""
    keras.config.set_dtype_policy(policy)
    return row.fitting(keras, steps_per_execution=row.steps if whole_epoch else 1)
