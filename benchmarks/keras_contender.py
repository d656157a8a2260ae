"""Keras 3 on the backend that KERAS_BACKEND names."""

from __future__ import annotations

import keras

from benchmarks.rows import Made, Row, Search, Tune


def make(row: Row, policy: str = "float32", whole_epoch: bool = False) -> Made:
    """`whole_epoch` asks for `steps_per_execution` = one epoch, Keras' own remedy for small steps."""
    keras.config.set_dtype_policy(policy)
    return row.fitting(keras, steps_per_execution=row.steps if whole_epoch else 1)


def search(row: Search, whole_epoch: bool = False) -> Tune:
    """A loop of `fit`; each member is a model of its own, which Keras compiles."""
    return row.fit_one_by_one(keras, steps_per_execution=row.steps if whole_epoch else 1)
