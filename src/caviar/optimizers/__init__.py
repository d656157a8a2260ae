"""Optimizers: how gradients change weights. Names, order and defaults of arguments are those of Keras."""

from __future__ import annotations

from caviar import public
from caviar.optimizers import schedules as schedules
from caviar.optimizers.adam import *
from caviar.optimizers.adaptive import *
from caviar.optimizers.base import *
from caviar.optimizers.descent import *
from caviar.optimizers.ftrl import *
from caviar.optimizers.large import *
from caviar.optimizers.lookup import *
from caviar.optimizers.sign import *

public.show(globals(), "schedules")
