"""Strategies: which trials train, and for how long."""

from __future__ import annotations

from caviar import public
from caviar.studies.strategies.base import *
from caviar.studies.strategies.boxes import *
from caviar.studies.strategies.evolution import *
from caviar.studies.strategies.full import *
from caviar.studies.strategies.halving import *

public.show(globals())
