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
from caviar import public
from caviar.dialects.tensorflow import aliases as aliases
from caviar.dialects.tensorflow import (
    building,
    derivatives,
    graphs,
    initializers,
    operations,
    random,
    session,
    shaping,
    variables,
)
from caviar.errors import unknown_name
from caviar.telling import tells

_MODULES = ("compat", "keras", "layers", "losses", "nn", "train")  # imported when first used


def disable_v2_behavior() -> None:
    """Does nothing: TensorFlow 1's behaviour is the only one here."""


_MODULES_OF_NAMES = (building, derivatives, graphs, initializers, operations, session, shaping, variables)
_OTHER_NAMES = {
    "bool": np.dtype("bool"),
    "disable_eager_execution": disable_v2_behavior,
    "disable_v2_behavior": disable_v2_behavior,
    "initialize_all_variables": variables.global_variables_initializer,
    "linalg": sys.modules[__name__],
    "math": sys.modules[__name__],
    "random": random,
    "random_normal": random.normal,
    "random_shuffle": random.shuffle,
    "random_uniform": random.uniform,
    "set_random_seed": random.set_random_seed,
    "truncated_normal": random.truncated_normal,
}
_SPEAKING = ("InteractiveSession", "Session", "Variable")  # the methods of a graph speak of what called them


def _telling(name: str, given: Any) -> Any:
    return tells(given, name) if inspect.isfunction(given) or name in _SPEAKING else given


# Kept in a dict, and found by `__getattr__`: as names of this module, `range` and `abs` would stand for TensorFlow's in it.
_SHOWN = {
    name: _telling(name, given)
    for name, given in (operations.TABLE | public.collected(*_MODULES_OF_NAMES) | _OTHER_NAMES).items()
}
__all__ = sorted({*_SHOWN, *_MODULES})


def __getattr__(name: str) -> Any:
    if name in _SHOWN:
        return _SHOWN[name]
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    if name.startswith("__"):
        raise AttributeError(name)
    raise AttributeError(str(unknown_name("name in tf:", name, __all__)).replace("name in tf: '", "name 'tf."))


__dir__ = __all__.copy
