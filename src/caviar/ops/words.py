"""Functions of arrays with Keras' arguments: their order, names and defaults; they take lists and numbers as arrays too."""

from __future__ import annotations

import ast
import functools
import inspect
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

from caviar import arguments

Function = Callable[..., Any]
_ARRAYS = {
    "a",
    "array",
    "b",
    "condition",
    "data",
    "indices",
    "segment_ids",
    "sorted_sequence",
    "values",
    "weights",
    "y",
}
_ARRAYS |= {"bins", "q", "x", "x1", "x2"}
_LISTS = {"condlist", "choicelist", "xs"}
_PLAIN = inspect.Parameter.POSITIONAL_OR_KEYWORD


def in_keras_words(function: Function, words: str) -> Function:
    """A function of arrays that takes its arguments as Keras does: `"x / axis=None keepdims=False"`.

    Arguments before the "/" are passed by position, those after it by these names.

    >>> import jax.numpy as jnp
    >>> from caviar.ops.words import in_keras_words
    >>> in_keras_words(jnp.clip, "x x_min x_max /")([1, 5], x_min=2, x_max=3).tolist()
    [2, 3]
    """
    placed, named = (part.split() for part in words.split("/"))
    signature = inspect.Signature([_parameter(word) for word in [*placed, *named]])

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        given = bound(signature, function.__name__, args, kwargs)
        given = {name: _as_given(name, value) for name, value in given.items()}
        first = [given.pop(word.partition("=")[0]) for word in placed]
        return function(*first, **given)

    call.__signature__ = signature  # type: ignore[attr-defined]
    return call


def _parameter(word: str) -> inspect.Parameter:
    name, has_default, default = word.partition("=")
    return inspect.Parameter(
        name, _PLAIN, default=ast.literal_eval(default) if has_default else inspect.Parameter.empty
    )


def bound(signature: inspect.Signature, name: str, args: Any, kwargs: Any) -> dict[str, Any]:
    """The arguments of a call by name, with their defaults."""
    takes = ", ".join(signature.parameters)
    try:
        found = signature.bind(*args, **kwargs)
    except TypeError as error:
        what = f"was given {len(args)} arguments" if len(args) > len(signature.parameters) else f"there is a {error}"
        raise TypeError(f"{name} takes {takes}, and {what}") from None
    found.apply_defaults()
    return found.arguments


def _as_given(name: str, value: Any) -> Any:
    if name in _LISTS and isinstance(value, (list, tuple)):
        return [_as_given("x", v) for v in value]
    return jnp.asarray(value) if name in _ARRAYS and isinstance(value, (list, tuple)) else value


def taking_lists(function: Function) -> Function:
    """A function written in Keras' words, whose arguments declared as arrays are made ones and whose others are checked.

    >>> import jax
    >>> from caviar.ops.words import taking_lists
    >>> from caviar.declarations import Size
    >>> def times(x: 'jax.Array', count: Size) -> jax.Array:
    ...     return x * count
    >>> taking_lists(times)([1, 2], 3).tolist()
    [3, 6]
    """
    signature = inspect.signature(function)
    arrays = [p.name for p in signature.parameters.values() if str(p.annotation).startswith(("jax.Array", "Array"))]

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        given = signature.bind(*args, **kwargs)
        given.arguments |= {
            name: jnp.asarray(value) for name, value in given.arguments.items() if name in arrays and value is not None
        }
        arguments.check(function, given.arguments)
        return function(*given.args, **given.kwargs)

    return call


def table_of(*functions: Function) -> dict[str, Function]:
    """A table of functions by their names, without the underscore that follows a Python keyword."""
    return {function.__name__.rstrip("_"): taking_lists(function) for function in functions}


def of_floats(function: Function) -> Function:
    """A function that computes integers as floats."""
    return functools.wraps(function)(lambda x: function(jnp.asarray(x) * 1.0))


def in_words(space: Any, words: dict[str, str]) -> dict[str, Function]:
    """A module's functions in Keras' words, by their names."""
    return {name: in_keras_words(getattr(space, name), text) for text, names in words.items() for name in names.split()}


def same(functions: dict[str, Function], **names: str) -> dict[str, Function]:
    """Second names of functions: `same(TABLE, swish="silu")`."""
    return {second: functions[first] for second, first in names.items()}
