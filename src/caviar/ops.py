"""Operations on arrays and nodes alike: `caviar.ops.matmul`, `ops.mean`, `ops.relu`, ... under NumPy's and Keras' names.

Inside `call` of a layer, `jax.numpy` serves as well; on nodes of a functional model, use these.
"""

from __future__ import annotations

import inspect
import sys
from typing import Any

from caviar import activations, public
from caviar.errors import unknown_name
from caviar.graph.operations import TABLE, in_keras_words, operation, shape

_activations: dict[str, Any] = {
    f.__name__: in_keras_words(f, f"x / {' '.join(list(inspect.signature(f).parameters)[1:])}")
    for f in public.functions(activations.__name__).values()
}
_made: dict[str, Any] = {name: operation(function) for name, function in [*_activations.items(), *TABLE.items()]} | {
    "shape": shape
}
__all__ = sorted(_made)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    if name in ("nn", "numpy"):  # Keras' other ways to the same operations: ops.nn.relu
        return sys.modules[__name__]
    try:
        return _made[name]
    except KeyError:
        raise AttributeError(str(unknown_name("operation", name, _made))) from None


def __dir__() -> list[str]:
    return __all__
