"""Images, as `caviar.ops.image`."""

from __future__ import annotations

from caviar.ops.shown import shown
from caviar.ops.tables import images

__getattr__, __dir__, __all__ = shown(images.TABLE)
