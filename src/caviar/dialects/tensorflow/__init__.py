"""TensorFlow 1's graph and session: its names and defaults, on caviar's graph.

>>> import caviar.dialects.tensorflow as tf
>>> tf.reset_default_graph()
>>> w = tf.Variable(0, dtype=tf.float32)
>>> cost = tf.add(tf.add(w**2, tf.multiply(-10.0, w)), 25)
>>> train = tf.train.GradientDescentOptimizer(0.01).minimize(cost)
>>> session = tf.Session()
>>> session.run(tf.global_variables_initializer())
>>> for i in range(1000):
...     session.run(train)
>>> print(f"{session.run(w):.6g}")
4.99999

Nodes are caviar's own: `caviar.Model(inputs=x, outputs=y)` trains what is written here, and caviar's layers take placeholders.
Floats without a type are of the library's float type, `caviar.config.floatx()`; int64 is int32 unless that is float64.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from typing import Any

import numpy as np

from caviar import __version__ as __version__
from caviar import initializers as _initializers
from caviar.dialects.tensorflow import aliases as aliases
from caviar.dialects.tensorflow import building, graphs, operations, random, shaping, variables
from caviar.dialects.tensorflow.building import constant, placeholder, placeholder_with_default
from caviar.dialects.tensorflow.gradients import gradients, stop_gradient
from caviar.dialects.tensorflow.graphs import Graph, GraphKeys, get_default_graph, reset_default_graph
from caviar.dialects.tensorflow.session import InteractiveSession, Session, get_default_session
from caviar.dialects.tensorflow.variables import (
    Variable,
    get_variable,
    global_variables_initializer,
    variables_initializer,
)
from caviar.errors import unknown_name
from caviar.telling import all_tell, tells

__all__ = [
    "Graph", "GraphKeys", "InteractiveSession", "Session", "Variable", "constant", "get_default_graph", "get_default_session",
    "get_variable", "global_variables_initializer", "gradients", "placeholder", "placeholder_with_default", "random",
    "reset_default_graph", "stop_gradient", "variables_initializer",
]  # fmt: skip

_MODULES = ("compat", "keras", "layers", "losses", "nn", "train")  # imported when first used


def _public(module: Any) -> dict[str, Any]:
    """The functions that a module defines."""
    return {n: f for n, f in vars(module).items() if n[0] != "_" and getattr(f, "__module__", "") == module.__name__}


globals().update(all_tell(globals(), {*__all__} - {"Graph", "GraphKeys"}))  # whose methods speak of what called them


def disable_v2_behavior() -> None:
    """Does nothing: TensorFlow 1's behaviour is the only one here."""


_MORE: dict[str, Any] = {
    **operations.TABLE,
    **_public(operations),
    **_public(shaping),
    **{n: f for n, f in _public(variables).items() if n in ("assign", "assign_add", "assign_sub", "group", "no_op")},
    **{n: getattr(graphs, n) for n in (
        "AUTO_REUSE", "control_dependencies", "get_collection", "global_variables", "name_scope", "trainable_variables",
        "variable_scope",
    )},
    **{n: getattr(building, n) for n in (
        "as_dtype", "float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8",
    )},
    "bool": np.dtype("bool"),
    "random_normal": random.normal,
    "random_shuffle": random.shuffle,
    "random_uniform": random.uniform,
    "truncated_normal": random.truncated_normal,
    "set_random_seed": random.set_random_seed,
    "disable_v2_behavior": disable_v2_behavior,
    "disable_eager_execution": disable_v2_behavior,
    "initialize_all_variables": global_variables_initializer,
    "math": sys.modules[__name__],
    "linalg": sys.modules[__name__],
    "zeros_initializer": _initializers.Zeros,
    "ones_initializer": _initializers.Ones,
    "constant_initializer": _initializers.Constant,
    "glorot_normal_initializer": _initializers.GlorotNormal,
    "glorot_uniform_initializer": _initializers.GlorotUniform,
    "orthogonal_initializer": _initializers.Orthogonal,
    "variance_scaling_initializer": _initializers.VarianceScaling,
}  # fmt: skip


_MORE |= {name: tells(given, name) for name, given in _MORE.items() if inspect.isfunction(given)}


def random_normal_initializer(mean: float = 0.0, stddev: float = 1.0, seed: int | None = None) -> Any:
    """Normally distributed initial values, for `tf.get_variable`, with standard deviation 1, as in TensorFlow 1.

    >>> from caviar.dialects.tensorflow import random_normal_initializer
    >>> random_normal_initializer()
    RandomNormal(stddev=1.0)
    """
    return _initializers.RandomNormal(mean, stddev, seed)


def truncated_normal_initializer(mean: float = 0.0, stddev: float = 1.0, seed: int | None = None) -> Any:
    """Normally distributed initial values, none further than two standard deviations from the mean."""
    return _initializers.TruncatedNormal(mean, stddev, seed)


def random_uniform_initializer(minval: float = 0.0, maxval: float = 1.0, seed: int | None = None) -> Any:
    """Initial values uniformly distributed in [minval, maxval)."""
    return _initializers.RandomUniform(minval, maxval, seed)


def __getattr__(name: str) -> Any:
    if name in _MORE:
        return _MORE[name]
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    if name.startswith("__"):
        raise AttributeError(name)
    raise AttributeError(str(unknown_name("name in tf:", name, __dir__())).replace("name in tf: '", "name 'tf."))


def __dir__() -> list[str]:
    return sorted({*__all__, *_MORE, *_MODULES})
