"""Insight: pictures of training."""

from __future__ import annotations

from caviar import public
from caviar.insight.curves import *

public.show(globals())
