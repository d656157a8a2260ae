"""`torch.optim`."""

from __future__ import annotations

from typing import Any

from caviar.dialects.torch.missing import MissingNameError as _MissingNameError
from caviar.dialects.torch.missing import missing as _missing
from caviar.dialects.torch.optim import lr_scheduler as lr_scheduler
from caviar.dialects.torch.optim import members as _members
from caviar.dialects.torch.optim import swa_utils as swa_utils
from caviar.dialects.torch.optim.members import *
from caviar.dialects.torch.optim.optimizer import Optimizer
from caviar.telling import all_tell as _all_tell

__all__ = [*_members.__all__, "Optimizer", "lr_scheduler", "swa_utils"]
_all_tell(globals(), __all__)
__dir__ = __all__.copy

_REFUSED = {
    "LBFGS": "it evaluates the loss again and again within a step, which no compiled step can; use Adam, or for few "
    "parameters scipy.optimize.minimize(method='L-BFGS-B') on numbers from parameters_to_vector",
    "SparseAdam": "gradients are never sparse here; use Adam",
}


def __getattr__(name: str) -> Any:
    if name in _REFUSED:
        raise _MissingNameError(f"optim.{name} is not part of caviar's PyTorch dialect: {_REFUSED[name]}")
    return _missing("optim", __all__)(name)
