"""Front doors: functions that users call, behind which nothing foreign is raised.

What a call was given is asked about only when something failed, so a door costs next to nothing.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import Iterable
from typing import Any

from caviar.arguments import check
from caviar.errors import CONFUSED, retell
from caviar.numbers import spoken

_BY_PYTHON = {"__init__", "__getitem__", "__setitem__"}


def door(inside: Any, name: str = "", asks: bool = False) -> Any:
    """A function that tells what makes no sense, by the argument where its annotation says which; of a class, its methods.

    One that `asks` holds every call against its annotations: that costs ten microseconds.

    >>> import statistics
    >>> from caviar.doors import door
    >>> door(statistics.mean, "mean")([])
    Traceback (most recent call last):
    caviar.errors.ArgumentError: mean of [] makes no sense here (StatisticsError: mean requires at least one data point)
    """
    if isinstance(inside, type):
        for key, method in list(vars(inside).items()):
            if inspect.isfunction(method) and (key[0] != "_" or key in _BY_PYTHON):
                setattr(inside, key, door(method, inside.__name__ if key == "__init__" else key))
        return inside
    if getattr(inside, "is_door", False):
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

    enter.is_door = True  # type: ignore[attr-defined]
    return enter


def doors(space: dict[str, Any], names: Iterable[str] = (), asks: bool = False) -> dict[str, Any]:
    """The functions and classes of these names in a module, by default those that it defines, as doors.

    >>> from caviar.doors import doors
    >>> list(doors({"half": lambda x: x / 2, "number": 3}, ["half", "number"]))
    ['half']
    """
    names = names or [n for n, v in space.items() if n[0] != "_" and getattr(v, "__module__", "") == space["__name__"]]
    return {name: door(space[name], name, asks) for name in names if callable(space.get(name))}


def _call_of(inside: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    """A call in words, if no argument is to blame alone."""
    with contextlib.suppress(TypeError):
        check(inside, inspect.signature(inside).bind(*args, **kwargs).arguments, name)
    own = args[1:] if next(iter(inspect.signature(inside).parameters), "") == "self" else args
    return f"{name} of {spoken((*own, *kwargs.values()))}"
