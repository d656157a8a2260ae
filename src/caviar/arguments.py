"""Checking arguments: the annotation of an argument says what it may be, and a call is checked against it.

A field or an argument is declared by its annotation: `units: Size`, `rate: Share`, `padding: Annotated[str, OneOf("same", "valid")]`.
Whatever a user makes is `Checked`: its arguments, and what is later assigned to them, are checked against their declarations.
In caviar's own classes a plain `int`, `float`, `bool` or `str` is a declaration too; in users' classes it is only a hint.

>>> from caviar.arguments import Checked
>>> from caviar.declarations import Count, Share, Size
>>> class Thinner(Checked):
...     def __init__(self, rate: Share, every: Size = 1):
...         self.rate = rate
>>> Thinner(1.5)
Traceback (most recent call last):
    ...
caviar.errors.ArgumentError: rate of Thinner must be a number of at least 0 and at most 1, and is 1.5: write 1
"""

from __future__ import annotations

import collections.abc
import dataclasses
import functools
import inspect
import os
import reprlib
import sys
import types
from collections.abc import Mapping
from typing import Annotated, Any, Self, Union, get_args, get_origin

import jax
import numpy as np

from caviar.declarations import PLAIN, Declaration, Either, Kind, OneOf, fits
from caviar.errors import ArgumentError, UnknownNameError, unknown_name


class Checked:
    """The base of what users make: its arguments are checked against their annotations.

    >>> from caviar.layers import Dense
    >>> Dense(units=0)
    Traceback (most recent call last):
        ...
    caviar.errors.ArgumentError: units of Dense must be a whole number of at least 1, and is 0: write 1
    """

    _written: dict[str, Any]

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Check what the user wrote, and keep it."""
        self = super().__new__(cls)
        if args or kwargs:
            given = bound(cls, args, kwargs)
            check(cls, given)
            object.__setattr__(self, "_written", given)
        return self

    def __setattr__(self, name: str, value: Any) -> None:
        if name in getattr(type(self), "__dataclass_fields__", ()):  # elsewhere an attribute need not be the argument
            declaration = declared(type(self)).get(name)  # type: ignore[arg-type]
            if declaration is not None and not fits(declaration, value):
                raise _refusal(f"{name} of {type(self).__name__}", declaration, value)
        super().__setattr__(name, value)


def check(owner: Any, given: Mapping[str, Any], speaker: str = "") -> None:
    """Raise for the first argument that does not fit its declaration in the signature of a class or function.

    >>> from caviar.arguments import check
    >>> from caviar.declarations import Count
    >>> def train(epochs: Count) -> None:
    ...     check(train, locals())
    >>> train(3)
    """
    declarations = declared(owner)
    for name, value in given.items():
        declaration = declarations.get(name)
        if declaration is None:
            continue
        if type(value) in PLAIN and _is_known_to_fit(owner, name, value):
            continue
        # a class keeps a range for `search` to close, a call would compute with it
        open_range = hasattr(value, "stands_for") and not isinstance(owner, type)
        if open_range or not fits(declaration, value):
            raise _refusal(f"{name} of {speaker or owner.__name__}", declaration, value)


@functools.lru_cache(4096, typed=True)
def _is_known_to_fit(owner: Any, name: str, value: Any) -> bool:
    """Whether a number, a text or None fits; the same are asked of in every call."""
    return fits(declared(owner)[name], value)


def _refusal(what: str, declaration: Declaration, value: Any) -> ArgumentError:
    reached = [v for v in value.stands_for() if not fits(declaration, v)] if hasattr(value, "stands_for") else []
    given = f"{value!r} reaches {reached[0]!r}" if reached else f"is {reprlib.repr(value)}"
    hint = declaration.hint(reached[0] if reached else value)
    if reached and isinstance(reached[0], float) and np.isfinite(reached[0]) and fits(declaration, round(reached[0])):
        hint = f"write {value.in_whole_numbers}"
    kinds = declaration.kinds if isinstance(declaration, Either) else (declaration,)
    named = isinstance(value, str) and any(isinstance(k, OneOf) and isinstance(k.options[0], str) for k in kinds)
    kind = UnknownNameError if named else ArgumentError
    return kind(f"{what} must be {declaration.expected}, and {given}{hint and ': ' + hint}")


def bound(cls: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a constructor call by name; where they do not fit the signature, the constructor itself raises."""
    signature = signature_of(cls)
    try:
        found = signature.bind_partial(*args, **kwargs)
    except TypeError:
        unknown = [name for name in kwargs if name not in signature.parameters]
        if unknown:
            raise unknown_name(f"argument of {cls.__name__}:", unknown[0], signature.parameters) from None
        return {}
    arguments: dict[str, Any] = {}
    for name, value in found.arguments.items():
        kind = signature.parameters[name].kind
        arguments.update(value if kind is inspect.Parameter.VAR_KEYWORD else {name: value})
    return arguments


@functools.cache
def signature_of(cls: Any) -> inspect.Signature:
    """The signature of a constructor, without `self`."""
    return inspect.signature(cls.__init__.__get__(object()))


@functools.cache
def declared(owner: Any) -> dict[str, Declaration]:
    """The declarations in the annotations of a function, or of a class and its bases; a subclass overrides its bases."""
    found = {name: declaration_of(annotation, own) for name, (annotation, own) in annotations_of(owner).items()}
    return {name: declaration for name, declaration in found.items() if declaration is not None}


_SPOKEN = {collections.abc.Callable: "a function", collections.abc.Iterable: "a list", os.PathLike: "a path"}


def declaration_of(annotation: Any, own: bool = True) -> Declaration | None:
    """The declaration in an annotation, or None where it declares nothing that can be checked.

    >>> from caviar.arguments import declaration_of
    >>> from caviar.declarations import Size
    >>> declaration_of(Size | None).expected
    'a whole number of at least 1 or None'
    """
    origin = get_origin(annotation)
    if origin is Annotated:
        return next((m for m in annotation.__metadata__ if isinstance(m, Declaration)), None)
    if origin in (Union, types.UnionType):
        kinds = [declaration_of(a, own or a is type(None)) for a in get_args(annotation)]
        return None if None in kinds else Either(tuple(kinds))  # type: ignore[arg-type]
    if not own:
        return None
    if annotation in PLAIN:
        return PLAIN[annotation]
    if annotation is jax.Array:
        return Kind((jax.Array, np.ndarray, np.generic), "an array")
    if origin in _SPOKEN:
        return Kind(origin, _SPOKEN[origin])
    return Kind(annotation) if isinstance(annotation, type) and annotation not in (Any, object) else None


def annotations_of(owner: Any) -> dict[str, tuple[Any, bool]]:
    """Every argument's annotation, and whether caviar wrote it."""
    found: dict[str, tuple[Any, bool]] = {}
    for source in reversed(owner.__mro__) if isinstance(owner, type) else [owner]:
        found |= _written_in(source)
    return found


@functools.cache
def _written_in(source: Any) -> dict[str, tuple[Any, bool]]:
    """The annotations of one class or function alone; one whose names cannot be resolved stays a string."""
    maker = inspect.unwrap(vars(source).get("__init__", source) if isinstance(source, type) else source)
    if "__dataclass_params__" in vars(source) and vars(source)["__dataclass_params__"].init:
        fields = {f.name for f in dataclasses.fields(source) if f.init}
        names = {name: a for name, a in vars(source).get("__annotations__", {}).items() if name in fields}
    elif inspect.isfunction(maker):
        parameters = inspect.signature(maker).parameters.items()
        names = {name: p.annotation for name, p in parameters if p.annotation is not p.empty}
    else:
        return {}
    own = source.__module__.partition(".")[0] == "caviar"
    space = getattr(maker, "__globals__", None) or vars(sys.modules.get(source.__module__, types))
    return {name: (_resolved(annotation, space), own) for name, annotation in names.items()}


def _resolved(annotation: Any, space: dict[str, Any]) -> Any:
    if not isinstance(annotation, str):
        return annotation
    try:
        return eval(annotation, space)
    except Exception:  # a name imported only for type checkers, or local to a function
        return annotation


def mentions_float(annotation: Any) -> bool:
    """Whether a declaration is of a float, so that the attribute is a number and not structure.

    >>> from caviar.arguments import mentions_float
    >>> from caviar.declarations import Share, Size
    >>> mentions_float(Share | None), mentions_float(Size), mentions_float(list[float])
    (True, False, True)
    """
    if isinstance(annotation, Declaration):
        return annotation.is_float
    return annotation is float or any(mentions_float(a) for a in get_args(annotation))
