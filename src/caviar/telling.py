"""Wrapping public functions so that nonsense raises an error of caviar's, and never one of the libraries below.

The arguments of a call are examined only when it fails, so this costs next to nothing.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import Iterable
from typing import Any

from caviar.arguments import check
from caviar.errors import CONFUSED, retell
from caviar.outside import spoken

_BY_PYTHON = {"__init__", "__call__", "__getitem__", "__setitem__"}


def tells(inside: Any, name: str = "", asks: bool = False) -> Any:
    """A function whose errors name the argument that does not fit its annotation, or the whole call; of a class, its methods.

    With `asks` the arguments of every call are checked first, which costs ten microseconds.

    >>> import statistics
    >>> from caviar.telling import tells
    >>> tells(statistics.mean, "mean")([])
    Traceback (most recent call last):
    caviar.errors.ArgumentError: mean of [] makes no sense here (StatisticsError: mean requires at least one data point)
    """
    if isinstance(inside, type):
        for key, method in list(vars(inside).items()):
            if inspect.isfunction(method) and (key[0] != "_" or key in _BY_PYTHON):
                setattr(inside, key, tells(method, inside.__name__ if key == "__init__" else key))
        return inside
    if getattr(inside, "tells_itself", False):
        return inside
    name = name or inside.__name__

    @functools.wraps(inside)
    def enter(*args: Any, **kwargs: Any) -> Any:
        try:
            if asks:
                check(inside, inspect.signature(inside).bind(*args, **kwargs).arguments, name)
            return inside(*args, **kwargs)
        except CONFUSED as error:
            retell(error, lambda: _call_of(inside, name, args, kwargs))
            raise

    enter.tells_itself = True  # type: ignore[attr-defined]
    return enter


def all_tell(space: dict[str, Any], names: Iterable[str] = (), asks: bool = False) -> dict[str, Any]:
    """The functions and classes with these names in a module, by default all that it defines, wrapped by `tells`.

    >>> from caviar.telling import all_tell
    >>> list(all_tell({"half": lambda x: x / 2, "number": 3}, ["half", "number"]))
    ['half']
    """
    names = names or [n for n, v in space.items() if n[0] != "_" and getattr(v, "__module__", "") == space["__name__"]]
    found = {name: space[name] for name in names if callable(space.get(name))}
    # two names of one function stay one function
    made = {id(given): tells(given, "", asks) for given in found.values()}
    return {name: made[id(given)] for name, given in found.items()}


def _call_of(inside: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    """A call in words, if no argument is to blame alone."""
    with contextlib.suppress(TypeError):
        check(inside, inspect.signature(inside).bind(*args, **kwargs).arguments, name)
    own = args[1:] if next(iter(inspect.signature(inside).parameters), "") == "self" else args
    return f"{name} of {spoken((*own, *kwargs.values()))}"
