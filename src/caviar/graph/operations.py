"""Functions of arrays that also take nodes, and then write the graph down."""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import Callable
from typing import Any

from caviar import engine
from caviar.errors import ArgumentError, nothing_foreign
from caviar.graph.context import current
from caviar.graph.node import apply, nodes_in
from caviar.outside import spoken


def operation(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let a function of arrays also take nodes: given one, it returns a node instead of computing.

    >>> import jax.numpy as jnp
    >>> from caviar.graph.operations import operation
    >>> from caviar.graph import Input
    >>> operation(jnp.tanh)(Input((3,))).shape
    (None, 3)
    """

    known = list(inspect.signature(function).parameters)
    fixed = [(at, name) for at, name in enumerate(known) if name in _FIXED]

    @functools.wraps(function)
    def either(*args: Any, **kwargs: Any) -> Any:
        told = nothing_foreign(lambda: f"{function.__name__} of {spoken(args)}")
        with told if current() is None else contextlib.nullcontext():  # a layer has its own error
            for at, argument in fixed:
                if nodes_in((args[at : at + 1], kwargs.get(argument))):
                    wanted = "a shape of whole numbers" if "shape" in argument else f"a number as {argument}"
                    raise ArgumentError(f"{function.__name__} takes {wanted}, and not a node, whose value is not known")
            if nodes_in((args, kwargs)):
                return apply(function, *args, **kwargs)
            with engine.own_rules():
                return function(*args, **kwargs)

    return either


_FIXED = ("shape", "newshape", "axis", "axes", "k", "repeats", "num_classes")
"""Arguments that say what is computed, and so cannot be computed themselves."""
