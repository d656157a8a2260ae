"""Ranges: what may stand wherever a number or a choice stands, for `search` to close."""

from __future__ import annotations

from caviar import public
from caviar.ranges.base import *
from caviar.ranges.continuous import *
from caviar.ranges.derived import *
from caviar.ranges.listed import *

public.show(globals())
