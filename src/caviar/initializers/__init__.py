"""Initializers: the first value of a weight, a pure function of a key, a shape and a dtype."""

from __future__ import annotations

from caviar import public
from caviar.initializers.base import *
from caviar.initializers.fixed import *
from caviar.initializers.lookup import *
from caviar.initializers.random import *
from caviar.initializers.scaling import *

public.show(globals())
