"""NumPy's functions, as `caviar.ops.numpy`."""

from __future__ import annotations

from caviar.ops.shown import shown
from caviar.ops.tables import arrays, properties

__getattr__, __dir__, __all__ = shown(arrays.TABLE, asked={"ndim": properties.ndim})
