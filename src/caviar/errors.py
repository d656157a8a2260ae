"""Every exception that caviar raises on purpose.

    CaviarError
    ├── ShapeError          an array does not fit a layer, a loss or another array
    ├── DataError           the numbers themselves are wrong: NaN, labels out of range, nothing at all
    ├── ArgumentError       an argument has a value that cannot work
    │   ├── UnknownNameError    a name (activation, monitor, column, ...) that is not known
    │   └── BoundsError         an index outside of what there is
    ├── NotBuiltError       something was used before it has its weights
    ├── NotCompiledError    fit or evaluate before compile
    ├── FrameError          members of a search cannot share one program; it is caught, and they have several
    ├── OpenRangeError      a range stands where fit needs a number
    ├── FileError           a file that is truncated, altered, of another version, or not ours
    ├── ForkError           a process that was forked after JAX had started
    └── MissingExtraError   an optional dependency is not installed

Each message says what was given, what was expected, where, and what to do.
"""

from __future__ import annotations

import contextlib
import difflib
import re
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator

__all__ = [
    "ArgumentError", "BoundsError", "CaviarError", "DataError", "FileError", "ForkError", "MissingExtraError", "NotBuiltError",
    "NotCompiledError", "OpenRangeError", "ShapeError", "UnknownNameError",
]  # fmt: skip
__dir__ = __all__.copy


class CaviarError(Exception):
    """The root of every error that caviar raises on purpose."""


class ShapeError(CaviarError, ValueError):
    """An array does not fit a layer, a loss or another array."""


class DataError(CaviarError, ValueError):
    """The data holds something that no network can learn from."""


class ArgumentError(CaviarError, ValueError):
    """An argument has a value that cannot work."""


class UnknownNameError(ArgumentError):
    """A name that is not known here; the message offers the nearest known one."""


class BoundsError(ArgumentError, IndexError):
    """An index outside of what there is."""


class NotBuiltError(CaviarError, ValueError):
    """Something was used before it has its weights."""


class NotCompiledError(CaviarError, ValueError):
    """`fit` or `evaluate` was called before `compile`."""


class FrameError(CaviarError):
    """Members of several sizes cannot share one program. A search catches it, and gives each size a program of its own."""


class OpenRangeError(CaviarError, ValueError):
    """A range stands where `fit` needs a number; `search` closes ranges."""


class FileError(CaviarError, ValueError):
    """A file is truncated, altered, of another version, or not a caviar file."""


class ForkError(CaviarError, RuntimeError):
    """A process was forked after JAX had started, and cannot compute."""


class MissingExtraError(CaviarError, ImportError):
    """An optional dependency is not installed."""


def unknown_name(kind: str, given: object, known: Iterable[str]) -> UnknownNameError:
    """The error for a name that is not among the known ones, with the nearest of them.

    >>> from caviar.errors import unknown_name
    >>> print(unknown_name("activation", "rellu", ["relu", "tanh"]))
    unknown activation 'rellu': did you mean 'relu'? Known: relu, tanh
    """
    names = sorted(known)
    near = difflib.get_close_matches(str(given).lower(), [n.lower() for n in names], n=1, cutoff=0.5)
    hint = next((f"did you mean {n!r}? " for n in names if near and n.lower() == near[0]), "")
    return UnknownNameError(f"unknown {kind} {given!r}: {hint}Known: {', '.join(names) or 'none'}")


def missing_extra(package: str, extra: str, purpose: str) -> MissingExtraError:
    """The error for an optional dependency that is not installed.

    >>> from caviar.errors import missing_extra
    >>> print(missing_extra("matplotlib", "plots", "drawing curves"))
    drawing curves needs matplotlib, which is not installed: pip install 'caviar[plots]'
    """
    return MissingExtraError(f"{purpose} needs {package}, which is not installed: pip install 'caviar[{extra}]'")


def warn(message: str) -> None:
    """Warn, pointing at the line outside caviar that led here.

    >>> import warnings
    >>> from caviar.errors import warn
    >>> with warnings.catch_warnings(record=True) as told:
    ...     warnings.simplefilter("always")
    ...     warn("the disk is full")
    >>> str(told[0].message)
    'the disk is full'
    """
    level, frame = 2, sys._getframe(1)
    while frame.f_back is not None and str(frame.f_globals.get("__name__")).split(".")[0] in _INSIDE:
        level, frame = level + 1, frame.f_back
    warnings.warn(message, stacklevel=level)


@contextlib.contextmanager
def nothing_foreign(what: Callable[[], str]) -> Iterator[None]:
    """Turn what caviar or a library raises about nonsense into one error of ours; what the user's own code raises stays.

    >>> from caviar.errors import nothing_foreign
    >>> with nothing_foreign(lambda: "a look-up"):
    ...     raise KeyError("mine")
    Traceback (most recent call last):
    KeyError: 'mine'
    """
    try:
        yield
    except CONFUSED as error:
        retell(error, what)
        raise


CONFUSED = (
    TypeError,
    ValueError,
    AttributeError,
    LookupError,
    ArithmeticError,
    AssertionError,
    NameError,
    NotImplementedError,
    MemoryError,
)
"""What Python and libraries raise when they are given nonsense."""


def retell(error: Exception, what: Callable[[], str]) -> None:
    """Raise an error of ours in place of a library's. It returns where the error is the user's: the caller then raises it again.

    >>> from caviar.errors import retell
    >>> retell(ValueError("not a number"), lambda: "a size of 'three'")
    Traceback (most recent call last):
    caviar.errors.ArgumentError: a size of 'three' makes no sense here (ValueError: not a number)
    """
    if (
        isinstance(error, CaviarError)
        or not isinstance(error, CONFUSED)
        or not _is_of_libraries(error)
        or _is_a_wrong_call(error)
    ):
        return
    said = str(error).partition("\n")[0]
    # Python's iteration by index ends at an IndexError.
    kind = BoundsError if isinstance(error, IndexError) else ArgumentError
    raise kind(f"{what()} makes no sense here ({type(error).__name__}: {said})") from error


def _is_a_wrong_call(error: Exception) -> bool:
    """Whether Python complains about the arguments of a call, which its own words explain well."""
    called = r"[\w.<>]+(\(\))? (takes|needs|missing|got an unexpected|got multiple)"
    return isinstance(error, TypeError) and re.match(called, str(error)) is not None


def _is_of_libraries(error: Exception) -> bool:
    """Whether it was raised without any code of the user's on the way, and is no method that the user has yet to write."""
    rooms, trace = list[str](), error.__traceback__
    while trace is not None:
        rooms.append(str(trace.tb_frame.f_globals.get("__name__")).partition(".")[0])
        trace = trace.tb_next
    is_to_be_written = isinstance(error, (NotImplementedError, NameError)) and rooms[-1:] == ["caviar"]
    return _LIBRARIES.issuperset(rooms) and not is_to_be_written


_LIBRARIES = {"caviar", "jax", "jaxlib", "numpy", "optax", "opt_einsum", "scipy", *sys.stdlib_module_names}
_INSIDE = ("caviar", "contextlib", "functools")  # what stands between a callback and who called `fit`
