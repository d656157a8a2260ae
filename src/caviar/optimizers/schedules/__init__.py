"""Schedules: numbers that change with the step. Give one to an optimizer in the place of any of its floats."""

from __future__ import annotations

from caviar.optimizers.schedules.base import Every, Schedule
from caviar.optimizers.schedules.combine import Chained, LinearWarmup, Sequential
from caviar.optimizers.schedules.constant import ConstantStart, MultiStepDecay, PiecewiseConstantDecay, StepDecay
from caviar.optimizers.schedules.cosine import (
    CosineAnnealing,
    CosineAnnealingRestarts,
    CosineDecay,
    CosineDecayRestarts,
)
from caviar.optimizers.schedules.cyclic import Cyclic, OneCycle
from caviar.optimizers.schedules.decay import ExponentialDecay, InverseTimeDecay, LinearRamp, PolynomialDecay
from caviar.optimizers.schedules.lookup import get
from caviar.optimizers.schedules.plateau import Plateau, PlateauState

__all__ = [
    "Chained",
    "ConstantStart",
    "CosineAnnealing",
    "CosineAnnealingRestarts",
    "CosineDecay",
    "CosineDecayRestarts",
    "Cyclic",
    "Every",
    "ExponentialDecay",
    "InverseTimeDecay",
    "LinearRamp",
    "LinearWarmup",
    "MultiStepDecay",
    "OneCycle",
    "PiecewiseConstantDecay",
    "Plateau",
    "PlateauState",
    "PolynomialDecay",
    "Schedule",
    "Sequential",
    "StepDecay",
    "get",
]


def __dir__() -> list[str]:
    return __all__
