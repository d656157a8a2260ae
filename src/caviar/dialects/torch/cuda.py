"""`torch.cuda`: whether there is a GPU, and the seeds' other name."""

from __future__ import annotations

from caviar.dialects.torch.creation import manual_seed
from caviar.dialects.torch.dtypes import is_available
from caviar.dialects.torch.missing import missing


def device_count() -> int:
    """The number of GPUs that are used: one, or none.

    >>> from caviar.dialects.torch.cuda import device_count
    >>> device_count() in (0, 1)
    True
    """
    return int(is_available())


manual_seed_all = manual_seed

__all__ = ["device_count", "is_available", "manual_seed", "manual_seed_all"]
__dir__ = __all__.copy
__getattr__ = missing("torch.cuda", __all__)
