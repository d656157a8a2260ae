"""Callbacks: what happens before, during and after training besides training.

`EarlyStopping`, `ReduceLROnPlateau` and `TerminateOnNaN` decide on the device, inside the compiled program; the others
run on the host, between its dispatches.
"""

from __future__ import annotations

from caviar.training.callbacks import (
    BackupAndRestore,
    Callback,
    CallbackList,
    CSVLogger,
    History,
    LambdaCallback,
    LearningRateScheduler,
    ModelCheckpoint,
    TensorBoard,
)
from caviar.training.rules import EarlyStopping, ReduceLROnPlateau, TerminateOnNaN

__all__ = [
    "BackupAndRestore",
    "CSVLogger",
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "ModelCheckpoint",
    "ReduceLROnPlateau",
    "TensorBoard",
    "TerminateOnNaN",
]


def __dir__() -> list[str]:
    return __all__
