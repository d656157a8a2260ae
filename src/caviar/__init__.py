"""caviar trains neural networks: one network, or a thousand, as one compiled program.

>>> import caviar
>>> model = caviar.Sequential([caviar.layers.Dense(1)])
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.2.0.dev0"

# Names and where they live. They are imported when first used, so that `import caviar` and `caviar --help` are quick.
_MODULES = (
    "activations", "backend", "callbacks", "config", "constraints",
    "datasets", "errors", "graph", "initializers", "insight", "layers", "losses",
    "metrics", "models", "ops", "optimizers", "preprocessing", "random", "ranges", "regularizers", "studies", "utils",
)  # fmt: skip
_NAMES = {
    "Choice": "ranges",
    "Initializer": "initializers",
    "Input": "graph",
    "IntUniform": "ranges",
    "KerasTensor": "graph",
    "Layer": "layers",
    "LogNormal": "ranges",
    "LogUniform": "ranges",
    "Loss": "losses",
    "Metric": "metrics",
    "Model": "models",
    "Normal": "ranges",
    "OneMinus": "ranges",
    "Operation": "graph",
    "Optimizer": "optimizers",
    "Quantized": "ranges",
    "Regularizer": "regularizers",
    "Sequential": "models",
    "Study": "studies",
    "Uniform": "ranges",
    "Variable": "graph",
    "adopt": "adopting",
    "load_model": "models",
    "load_study": "studies",
    "search": "studies",
}
# In a file, the name of a dialect's part begins with one of these prefixes; behind each, the modules that define the parts.
_DIALECTS = {
    "tf.": ("dialects.tensorflow", "dialects.tensorflow.nn", "dialects.tensorflow.train", "dialects.tensorflow.losses"),
    "torch.nn.": ("dialects.torch",),
}

__all__ = [
    "Choice", "Initializer", "Input", "IntUniform", "KerasTensor", "Layer", "LogNormal", "LogUniform", "Loss", "Metric", "Model",
    "Normal", "OneMinus", "Operation", "Optimizer", "Quantized", "Regularizer", "Sequential", "Study", "Uniform", "Variable",
    "__version__", *_MODULES, "adopt", "load_model", "load_study", "search", "version",
]  # fmt: skip

if TYPE_CHECKING:
    from caviar import (
        activations,
        backend,
        callbacks,
        config,
        constraints,
        datasets,
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
        preprocessing,
        random,
        ranges,
        regularizers,
        studies,
        utils,
    )
    from caviar.adopting import adopt
    from caviar.graph import Input, KerasTensor, Operation, Variable
    from caviar.initializers import Initializer
    from caviar.layers import Layer
    from caviar.losses import Loss
    from caviar.metrics import Metric
    from caviar.models import Model, Sequential, load_model
    from caviar.optimizers import Optimizer
    from caviar.ranges import Choice, IntUniform, LogNormal, LogUniform, Normal, OneMinus, Quantized, Uniform
    from caviar.regularizers import Regularizer
    from caviar.studies import Study, load_study, search


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"caviar.{name}")
    if name in _NAMES:
        return getattr(importlib.import_module(f"caviar.{_NAMES[name]}"), name)
    raise AttributeError(f"module 'caviar' has no attribute {name!r}")


def version() -> str:
    """The version of caviar.

    >>> import caviar
    >>> caviar.version() == caviar.__version__
    True
    """
    return __version__


def open_dialect(name: str) -> None:
    """Import the dialect to which a name in a file belongs, so that it registers its parts; other names import nothing."""
    for word, modules in _DIALECTS.items():
        for module in modules if name.startswith(word) else ():
            importlib.import_module(f"caviar.{module}")


def __dir__() -> list[str]:
    return __all__
