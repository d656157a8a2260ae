"""PyTorch's words for caviar's graph: `import caviar.dialects.torch as torch`, and the loop stays as it is.

Operations are written down as they are called, and run, compiled, when a value is looked at or an optimizer steps.
"""

from __future__ import annotations

import math
from typing import Any

from caviar.dialects.torch import autograd as autograd
from caviar.dialects.torch.autograd import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    no_grad,
    set_grad_enabled,
)
from caviar.dialects.torch.creation import CREATORS as _CREATORS
from caviar.dialects.torch.dtypes import TYPES as _TYPES
from caviar.dialects.torch.dtypes import Size, device, dtype, get_default_dtype, set_default_dtype
from caviar.dialects.torch.functions import FUNCTIONS as _FUNCTIONS
from caviar.dialects.torch.methods import equip as _equip
from caviar.dialects.torch.missing import missing as _missing
from caviar.dialects.torch.serialization import load, save
from caviar.dialects.torch.shapes import OF_SEVERAL as _OF_SEVERAL
from caviar.dialects.torch.shapes import SHAPES as _SHAPES
from caviar.dialects.torch.tensor import Tensor
from caviar.telling import all_tell as _all_tell

_equip()
globals().update(_CREATORS | _TYPES | _FUNCTIONS | _SHAPES | _OF_SEVERAL)
inf, nan, pi, e = math.inf, math.nan, math.pi, math.e

from caviar.dialects.torch import cuda, nn, optim, utils  # noqa: E402
from caviar.dialects.torch.bridge import from_caviar  # noqa: E402


def is_tensor(obj: Any) -> bool:
    """Whether it is a tensor.

    >>> from caviar.dialects.torch import is_tensor
    >>> is_tensor(3)
    False
    """
    return isinstance(obj, Tensor)


def numel(input: Tensor) -> int:
    """The number of elements."""
    return input.numel()


def clone(input: Tensor) -> Tensor:
    """A copy: changing one does not change the other."""
    return input.clone()


__all__ = [
    "Size", "Tensor", "autograd", "clone", "cuda", "device", "dtype", "enable_grad", "from_caviar", "get_default_dtype", "inference_mode",
    "is_grad_enabled", "is_tensor", "load", "nn", "no_grad", "numel", "optim", "save", "set_default_dtype", "set_grad_enabled",
    "utils", "e", "inf", "nan", "pi", *_CREATORS, *_FUNCTIONS, *_OF_SEVERAL, *_SHAPES, *_TYPES,
]  # fmt: skip
globals().update(_all_tell(globals(), ("clone", "from_caviar", "load", "numel", "save")))
__dir__ = __all__.copy
__getattr__ = _missing("torch", __all__)
