"""Properties of an array or a node that are known before it has a value."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from caviar.graph.node import Node


def shape(x: Any) -> tuple[int | None, ...]:
    """The shape as a tuple, None where it is not known.

    >>> from caviar import ops
    >>> ops.shape([[1, 2, 3]])
    (1, 3)
    """
    return tuple(x.shape) if hasattr(x, "shape") else np.shape(x)


def ndim(x: Any) -> int:
    """The number of axes.

    >>> from caviar import ops
    >>> ops.ndim([[1, 2, 3]])
    2
    """
    return len(shape(x))


def dtype(x: Any) -> str:
    """The name of the type.

    >>> from caviar import ops
    >>> ops.dtype([1.5])
    'float32'
    """
    return str(x.dtype) if isinstance(x, Node) or hasattr(x, "dtype") else str(jnp.asarray(x).dtype)


def is_tensor(x: Any) -> bool:
    """Whether it is an array of JAX's, which is what operations give.

    >>> from caviar import ops
    >>> ops.is_tensor(ops.ones(2)), ops.is_tensor([1.0])
    (True, False)
    """
    return isinstance(x, (jax.Array, Node))


TABLE = {"dtype": dtype, "is_tensor": is_tensor, "ndim": ndim, "shape": shape}
