"""Callbacks: what the host does between dispatches of the compiled program."""

from __future__ import annotations

from caviar.training.callbacks.base import Callback as Callback
from caviar.training.callbacks.base import CallbackList as CallbackList
from caviar.training.callbacks.checkpoints import BackupAndRestore as BackupAndRestore
from caviar.training.callbacks.checkpoints import ModelCheckpoint as ModelCheckpoint
from caviar.training.callbacks.records import CSVLogger as CSVLogger
from caviar.training.callbacks.records import History as History
from caviar.training.callbacks.simple import LambdaCallback as LambdaCallback
from caviar.training.callbacks.simple import LearningRateScheduler as LearningRateScheduler
from caviar.training.callbacks.tensorboard import TensorBoard as TensorBoard
