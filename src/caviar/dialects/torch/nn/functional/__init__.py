"""`torch.nn.functional`: what modules compute. A new function is one of arrays, made an operation by a decorator."""

from __future__ import annotations

from typing import Any

from caviar.dialects.torch.missing import missing as _missing
from caviar.dialects.torch.nn.functional import (
    activations,
    attention,
    convolution,
    distances,
    embeddings,
    losses,
    noise,
    normalization,
    pooling,
    shaping,
)
from caviar.telling import tells as _tells

_MODULES = (
    activations, attention, convolution, distances, embeddings, losses, noise, normalization, pooling, shaping,
)  # fmt: skip
_FUNCTIONS: dict[str, Any] = {name: _tells(getattr(module, name)) for module in _MODULES for name in module.__all__}
globals().update(_FUNCTIONS)

__all__ = [*_FUNCTIONS]
__dir__ = __all__.copy
__getattr__ = _missing("F", __all__)
