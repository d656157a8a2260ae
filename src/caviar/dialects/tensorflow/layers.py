"""`tf.layers`: only those that are a line of `tf`; all others are in `tf.keras.layers`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from caviar.dialects.tensorflow import nn
from caviar.dialects.tensorflow.building import tensor
from caviar.dialects.tensorflow.graphs import get_default_graph, variable_scope
from caviar.dialects.tensorflow.shaping import reshape
from caviar.dialects.tensorflow.variables import get_variable
from caviar.graph import Node
from caviar.layers.argument_types import InitializerLike
from caviar.telling import all_tell

__all__ = [
    "dense", "dropout", "flatten",
]  # fmt: skip
__dir__ = __all__.copy


def dense(
    inputs: Any,
    units: int,
    activation: Callable[[Any], Any] | None = None,
    use_bias: bool = True,
    kernel_initializer: InitializerLike = None,
    bias_initializer: InitializerLike = "zeros",
    name: str | None = None,
    reuse: Any = None,
) -> Node:
    """activation(inputs @ kernel + bias), with new variables 'dense/kernel' and 'dense/bias'.

    >>> from caviar.dialects.tensorflow.layers import dense
    >>> dense([[1.0, 2.0]], 3).shape
    (1, 3)
    """
    x = tensor(inputs)
    with variable_scope(name or get_default_graph().unique("dense"), reuse):
        y = x @ get_variable("kernel", [x.shape[-1], units], x.dtype, kernel_initializer)
        y = y + get_variable("bias", [units], x.dtype, bias_initializer) if use_bias else y
    return activation(y) if activation else y


def flatten(inputs: Any, name: str | None = None) -> Node:
    """Each row as one vector.

    >>> from caviar.dialects.tensorflow.layers import flatten
    >>> flatten([[[1.0, 2.0], [3.0, 4.0]]]).shape
    (1, 4)
    """
    x = tensor(inputs)
    return reshape(x, [-1, math.prod(x.shape[1:])])


def dropout(
    inputs: Any, rate: Any = 0.5, training: bool = False, seed: int | None = None, name: str | None = None
) -> Node:
    """`tf.nn.dropout` if `training` is True, else the inputs themselves.

    >>> from caviar.dialects.tensorflow.layers import dropout
    >>> dropout([1.0, 2.0], training=True).shape
    (2,)
    """
    return nn.dropout(inputs, rate=rate, seed=seed) if training else tensor(inputs)


globals().update(all_tell(globals()))
