"""Which attributes of a part are numbers and which are structure: printed, and explained in the error about a mistake."""

from __future__ import annotations

import linecache
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, NamedTuple

import jax

from caviar.errors import ArgumentError, CaviarError
from caviar.parts import Apart, Part, named_parts, take_apart
from caviar.text import printable, say

LOOKS_AT_VALUES = (
    jax.errors.ConcretizationTypeError,  # of which TracerBoolConversionError is one
    jax.errors.TracerArrayConversionError,
    jax.errors.TracerIntegerConversionError,
)
_LIBRARIES = ("contextlib", "functools", "jax", "jaxlib", "numpy", "optax")
_WHY = {
    "number": "an argument of the program: another value compiles nothing",
    "off": "zero, and so not compiled in: another value is another program",
    "fixed": "declared by `fixed`, so that Python may look at it: another value is another program",
    "structure": "another value is another program",
    "variable": "a value of the run",
    "part": "described below, where it has attributes of its own",
}


class Attribute(NamedTuple):
    """What one attribute of a part is in a program."""

    owner: str
    name: str
    value: Any
    kind: str
    """One of number, off, fixed, structure, variable and part."""


def attributes(part: Any) -> list[Attribute]:
    """Every attribute of a part, and of the parts in it, with its kind.

    >>> from caviar.describing import attributes
    >>> from caviar.regularizers import L1L2
    >>> [(a.name, a.kind) for a in attributes(L1L2(0.01, 0.0))]
    [('l1', 'number'), ('l2', 'off')]
    """
    apart = take_apart(part)
    inside = {path: p for path, p in named_parts(part, Part).items() if not _is_among(p, apart.variables)}
    return [a for path, own in inside.items() for a in _attributes_of(_called(own, path), own, apart)]


def describe(part: Any, print_fn: Callable[[str], Any] | None = None) -> None:
    """Print what of a layer, a model or anything else that a user writes down is number and what is structure, and why.

    >>> from caviar.utils import describe
    >>> from caviar.regularizers import L1L2
    >>> describe(L1L2(0.01, 0.0))
    L1L2
      l1  0.01  number     an argument of the program: another value compiles nothing
      l2  0.0   off        zero, and so not compiled in: another value is another program
    """
    rows = attributes(part)
    names, values = (
        max((len(t) for t in texts), default=0) for texts in zip(*((a.name, _short(a)) for a in rows), strict=True)
    )
    lines = []
    for before, a in zip([None, *rows], rows, strict=False):
        lines += [a.owner] if before is None or before.owner != a.owner else []
        lines.append(f"  {a.name:{names}}  {_short(a):{values}}  {a.kind:9}  {_WHY[a.kind]}")
    (print_fn or say)("\n".join(lines))


def _attributes_of(owner: str, part: Part, apart: Apart) -> Iterator[Attribute]:
    numbers = [name for own, name in apart.owners if own is part]
    off = [name for own, name in apart.off.values() if own is part]
    for name, value in vars(part).items():
        if name in part.unwalked or name[0] == "_":
            continue
        if name in part.fixed:
            kind = "fixed"
        elif _is_among(value, apart.variables):
            kind = "variable"
        elif any(isinstance(v, Part) for v in jax.tree.leaves(value)):
            kind = "part"
        else:
            kind = "number" if name in numbers else "off" if name in off else "structure"
        yield Attribute(owner, name, value, kind)


def _called(part: Part, path: str) -> str:
    """A part's class and, where it has one, its name or place."""
    name = getattr(part, "name", None) or path
    return type(part).__name__ + (f" {printable(name)!r}" if name else "")


def _short(attribute: Attribute) -> str:
    text = printable(getattr(attribute.value, "__name__", None) or repr(attribute.value))
    return text if len(text) <= 30 else f"{text[:27]}..."


def _is_among(value: Any, several: list[Any]) -> bool:
    return any(value is one for one in several)


def misuse(error: Exception, who: str = "") -> CaviarError | None:
    """In words, that a part, or who is named, looks in Python at what is known only when its program runs; or None.

    >>> from caviar.describing import misuse
    >>> misuse(ValueError("a user's own")) is None
    True
    """
    found = _innermost(error.__traceback__) if isinstance(error, LOOKS_AT_VALUES) else None
    if not isinstance(error, LOOKS_AT_VALUES) or not (found or who):
        return None
    hint = ""
    if found is not None:
        part, place = found
        who = f"`{place.tb_frame.f_code.co_name}` of " + (
            f"layer {part.name!r}" if hasattr(part, "build") else type(part).__name__
        )
        line = linecache.getline(place.tb_frame.f_code.co_filename, place.tb_lineno)
        looked_at = tuple(n for n, v in vars(part).items() if isinstance(v, jax.core.Tracer) and f".{n}" in line)
        what = " and ".join(looked_at)
        own = type(part).__name__
        hint = (
            f"; if {what} decides, say `fixed = {looked_at!r}` in {own}: then it is no number but structure"
            if what
            else ""
        )
    return ArgumentError(
        f"{who} looks at a value in Python (an `if`, a `while`, `float(...)` or NumPy), which is not known while the program is "
        f"compiled: use caviar.ops.where, jax.lax.cond or jax.numpy{hint}"
    )


def _innermost(trace: TracebackType | None) -> tuple[Any, TracebackType] | None:
    """The part in whose own code, or else None, the error came up, and where in it."""
    found = None
    while trace is not None:
        if str(trace.tb_frame.f_globals.get("__name__")).partition(".")[0] not in _LIBRARIES:
            own = trace.tb_frame.f_locals.get("self")
            found = (own, trace) if isinstance(own, Part) else None
        trace = trace.tb_next
    return found
