"""`torch.utils`."""

from __future__ import annotations

from caviar.dialects.torch.missing import missing as _missing
from caviar.dialects.torch.utils import data as data

__all__ = ["data"]
__dir__ = __all__.copy
__getattr__ = _missing("torch.utils", __all__)
