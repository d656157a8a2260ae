"""`adopt`: from a model of another library to a layer of this one."""

from __future__ import annotations

from typing import Any

from caviar import optimizers
from caviar.adopting.adopted import AdoptedModel
from caviar.adopting.of_functions import adopt_equinox, adopt_function, adopt_linen
from caviar.adopting.of_keras import adopt_keras
from caviar.adopting.of_nnx import adopt_nnx
from caviar.errors import ArgumentError


def adopt(model: Any, params: Any = None, state: Any = None, *, optimizer: Any = None) -> AdoptedModel:
    """Take a model of another library as it is: `fit`, `evaluate`, `predict` and `search` train it by compiled programs.

    - a Keras model on its JAX backend: its optimizer, losses and metrics, as it was compiled, are adopted with it, and it has the
      trained weights itself. With `optimizer`, one of caviar's stands in the place of its own: `Adam(LogUniform(1e-4, 1e-1))`.
    - a module of Flax: `adopt(module)` for NNX, which has the trained weights itself, `adopt(module, module.init(key, x))` for Linen;
      or of Equinox, which computes one row: `adopt(module)`, or `adopt(module, state)`. What they have become are `params` and `state`.
    - any function: `adopt(function, params)` for `function(params, x)`; with state for `function(params, state, x)`, which gives the
      outputs and the new state. It may also take `training` and `rng`. `compile` the result, as a model of caviar's own.

    >>> import numpy as np
    >>> import caviar
    >>> line = caviar.adopt(lambda params, x: x * params["slope"] + params["start"], {"slope": 0.0, "start": 1.0})
    >>> line.compile(caviar.optimizers.SGD(0.1), "mse")
    >>> x = np.linspace(-1, 1, 64)[:, None]
    >>> history = line.fit(x, 3 * x, epochs=50, verbose=0)
    >>> round(float(line.params["slope"]), 1), abs(round(float(line.params["start"]), 1))
    (3.0, 0.0)
    """
    library = _library(model)
    if isinstance(model, AdoptedModel):
        raise ArgumentError(f"{model.name!r} is adopted already: use it as it is, or adopt its `original` anew")
    if hasattr(model, "stateless_call"):
        return adopt_keras(model, optimizers.get(optimizer))
    if optimizer is not None:
        raise ArgumentError(
            "optimizer= stands in the place of a compiled Keras model's: give others to compile(optimizer, loss)"
        )
    if "flax" in library and hasattr(model, "eval"):
        return adopt_nnx(model)
    if "flax" in library:
        return adopt_linen(model, params)
    if "equinox" in library:
        return adopt_equinox(model, params)
    if callable(model) and not isinstance(model, type):
        return adopt_function(model, params, state)
    raise ArgumentError(
        f"adopt takes a model of Keras, Flax or Equinox, or a function with its parameters, and was given {model!r:.80}"
    )


def _library(model: Any) -> set[str]:
    """The packages in which the class of a model, or one that it extends, is written."""
    return {kind.__module__.partition(".")[0] for kind in type(model).__mro__}
