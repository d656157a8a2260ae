"""The graph: what a user wrote down, and its evaluation as a pure function."""

from __future__ import annotations

from caviar import public
from caviar.graph.context import *
from caviar.graph.evaluation import *
from caviar.graph.node import *
from caviar.graph.programs import *
from caviar.graph.variable import *

public.show(globals())
