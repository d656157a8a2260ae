"""Functions of arrays that also take nodes, and then write the graph down."""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import Callable
from typing import Any

from caviar import engine
from caviar.errors import ArgumentError, nothing_foreign
from caviar.graph.evaluation import current
from caviar.graph.node import apply, nodes_in
from caviar.numbers import spoken


def operation(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let a function of arrays also take nodes: given one, it returns a node instead of computing.

    >>> import jax.numpy as jnp
    >>> from caviar.graph.operations import operation
    >>> from caviar.graph import Input
    >>> operation(jnp.tanh)(Input((3,))).shape
    (None, 3)
    """

    known = list(inspect.signature(function).parameters)
    shape_at = known.index("shape") if "shape" in known else len(known)

    @functools.wraps(function)
    def either(*args: Any, **kwargs: Any) -> Any:
        told = nothing_foreign(lambda: f"{function.__name__} of {spoken(args)}")
        with told if current() is None else contextlib.nullcontext():  # a layer has its own error
            if nodes_in((args[shape_at : shape_at + 1], kwargs.get("shape"))):
                raise ArgumentError(
                    f"{function.__name__} takes a shape of whole numbers, and not a node, whose value is not known"
                )
            if nodes_in((args, kwargs)):
                return apply(function, *args, **kwargs)
            with engine.own_rules():
                return function(*args, **kwargs)

    return either
