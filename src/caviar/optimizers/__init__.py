"""Optimizers: how weights follow their gradients. Names, order and defaults are those of Keras."""

from __future__ import annotations

from caviar.optimizers import schedules
from caviar.optimizers.adam import Adam, Adamax, AdamW, Nadam, RAdam
from caviar.optimizers.adaptive import Adadelta, Adagrad, RMSprop
from caviar.optimizers.base import Optax, Optimizer, OptimizerState
from caviar.optimizers.descent import ASGD, SGD
from caviar.optimizers.ftrl import Ftrl
from caviar.optimizers.large import Adafactor, Lamb, Muon
from caviar.optimizers.lookup import get
from caviar.optimizers.sign import Lion, Rprop

__all__ = [
    "ASGD",
    "SGD",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Ftrl",
    "Lamb",
    "Lion",
    "Muon",
    "Nadam",
    "Optax",
    "Optimizer",
    "OptimizerState",
    "RAdam",
    "RMSprop",
    "Rprop",
    "get",
    "schedules",
]


def __dir__() -> list[str]:
    return __all__
