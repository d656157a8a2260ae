"""What networks compute, as `caviar.ops.nn`."""

from __future__ import annotations

from caviar.ops.shown import shown
from caviar.ops.tables import network

__getattr__, __dir__, __all__ = shown(network.TABLE)
