"""caviar trains neural networks: one network, or a thousand, as one compiled program.

>>> import caviar
>>> model = caviar.Sequential([caviar.layers.Dense(1)])
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# Names and where they live. They are imported when first used, so that `import caviar` and `caviar --help` are quick.
_MODULES = (
    "activations", "callbacks", "config", "errors", "graph", "initializers", "insight", "layers", "losses", "metrics", "models",
    "ops", "optimizers", "regularizers", "utils",
)  # fmt: skip
_NAMES = {
    "Input": "graph",
    "Model": "models",
    "Sequential": "models",
    "Variable": "graph",
    "load_model": "models",
}

__all__ = ["Input", "Model", "Sequential", "Variable", "__version__", *_MODULES, "load_model"]

if TYPE_CHECKING:
    from caviar import (
        activations,
        callbacks,
        config,
        errors,
        graph,
        initializers,
        insight,
        layers,
        losses,
        metrics,
        models,
        ops,
        optimizers,
        regularizers,
        utils,
    )
    from caviar.graph import Input, Variable
    from caviar.models import Model, Sequential, load_model


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"caviar.{name}")
    if name in _NAMES:
        return getattr(importlib.import_module(f"caviar.{_NAMES[name]}"), name)
    raise AttributeError(f"module 'caviar' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
