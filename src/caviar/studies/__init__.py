"""Searches: a population of networks trained by one program, and the study of what came out.

The way of a search: `search` describes the task, `strategies` decide who trains how long, `samplers` where new trials lie,
`population` sorts members into groups and blocks, `driver` runs the rounds and writes them to the `store`, and a `study` is
what people look at.
"""

from __future__ import annotations

from caviar import public
from caviar.studies.plots import *
from caviar.studies.samplers import *
from caviar.studies.searching import *
from caviar.studies.strategies import *
from caviar.studies.study import *
from caviar.studies.tables import *

public.show(globals())
