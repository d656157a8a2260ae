"""`torch.optim.lr_scheduler`. A new scheduler subclasses `LRScheduler`, and is listed where it stands."""

from __future__ import annotations

from typing import Any

from caviar.dialects.torch.missing import MissingNameError as _MissingNameError
from caviar.dialects.torch.missing import missing as _missing
from caviar.dialects.torch.optim import combined as _combined
from caviar.dialects.torch.optim import cycles as _cycles
from caviar.dialects.torch.optim import decays as _decays
from caviar.dialects.torch.optim.combined import *
from caviar.dialects.torch.optim.cycles import *
from caviar.dialects.torch.optim.decays import *
from caviar.dialects.torch.optim.scheduling import LRScheduler
from caviar.telling import all_tell as _all_tell

_LRScheduler = LRScheduler  # its name in older programs

__all__ = [*_combined.__all__, *_cycles.__all__, *_decays.__all__, "LRScheduler"]
_all_tell(globals(), __all__)
__dir__ = __all__.copy

_SPELLINGS = {"SequentialScheduler": "SequentialLR", "ChainedLR": "ChainedScheduler"}


def __getattr__(name: str) -> Any:
    if name in _SPELLINGS:
        raise _MissingNameError(f"there is no lr_scheduler.{name}: it is called lr_scheduler.{_SPELLINGS[name]}")
    return _missing("optim.lr_scheduler", __all__)(name)
