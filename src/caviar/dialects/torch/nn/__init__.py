"""`torch.nn`."""

from __future__ import annotations

from caviar.dialects.torch.missing import missing as _missing
from caviar.dialects.torch.nn import (
    activations,
    attention,
    convolution,
    embeddings,
    linear,
    losses,
    noise,
    normalization,
    pooling,
    recurrent,
    shaping,
    transformer,
)
from caviar.dialects.torch.nn import functional as functional
from caviar.dialects.torch.nn import init as init
from caviar.dialects.torch.nn import utils as utils
from caviar.dialects.torch.nn.applied import Applied as Applied
from caviar.dialects.torch.nn.containers import ModuleDict, ModuleList, ParameterDict, ParameterList, Sequential
from caviar.dialects.torch.nn.module import Module
from caviar.dialects.torch.weights import Parameter
from caviar.graph.registry import register as _register

_MEMBERS = {
    name: value
    for module in (
        activations, attention, convolution, embeddings, linear, losses, noise, normalization, pooling, recurrent, shaping,
        transformer,
    )
    for name, value in vars(module).items()
    if isinstance(value, type) and issubclass(value, Module) and value.__module__ == module.__name__ and name[0] != "_"
}  # fmt: skip
globals().update(_MEMBERS)

__all__ = [
    "Module", "ModuleDict", "ModuleList", "Parameter", "ParameterDict", "ParameterList", "Sequential", "functional", "init", "utils",
    *_MEMBERS,
]  # fmt: skip
_register(
    {
        f"torch.nn.{name}": part
        for name in __all__
        if isinstance(part := globals()[name], type) and issubclass(part, Module)
    }
)
__dir__ = __all__.copy
__getattr__ = _missing("nn", __all__)
