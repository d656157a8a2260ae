"""Linear algebra, as `caviar.ops.linalg`."""

from __future__ import annotations

from caviar.ops.shown import shown
from caviar.ops.tables import algebra

__getattr__, __dir__, __all__ = shown(algebra.TABLE)
