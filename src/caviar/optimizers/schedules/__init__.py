"""Schedules: numbers that change with the step. Give one to an optimizer in the place of any of its floats."""

from __future__ import annotations

from caviar import public
from caviar.optimizers.schedules.base import *
from caviar.optimizers.schedules.combine import *
from caviar.optimizers.schedules.constant import *
from caviar.optimizers.schedules.cosine import *
from caviar.optimizers.schedules.cyclic import *
from caviar.optimizers.schedules.decay import *
from caviar.optimizers.schedules.lookup import *
from caviar.optimizers.schedules.plateau import *

public.show(globals())
