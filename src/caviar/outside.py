"""Numbers from outside: what cannot be computed with raises an error with its place, before anything compiles."""

from __future__ import annotations

import reprlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from caviar import config
from caviar.errors import DataError

_FEW = 4096
"""Up to so many numbers a sum costs more to prepare than it saves."""


def checked(value: Any, where: str, dtype: Any = None, finite: bool = True) -> Any:
    """Anything array-like as an array of numbers; floats in this type, by default the library's, and finite.

    >>> import numpy as np
    >>> from caviar.outside import checked
    >>> checked([[1, 2], [3, 4]], "x").dtype
    dtype('int32')
    >>> checked([[1.0, 2.0], [3.0, np.nan]], "x")
    Traceback (most recent call last):
    caviar.errors.DataError: x holds nan in column 1, first in row 1 (1 of 4 values are not finite): fill or drop such rows first
    """
    if isinstance(value, jax.core.Tracer):
        return value
    if type(value) is np.ndarray and value.dtype == (dtype or config.floatx()) and _is_finite(value):
        return value
    columns = column_names(value)
    if isinstance(value, jax.Array) and not jax.dtypes.issubdtype(value.dtype, jax.dtypes.extended):
        given: Any = value  # JAX's arrays stay on their device
    else:
        given = numeric(value, where, columns)
    if jnp.issubdtype(given.dtype, jnp.complexfloating):
        raise DataError(f"{where} holds complex numbers, and a network takes real ones: give .real, .imag or abs(...)")
    if not jnp.issubdtype(given.dtype, jnp.floating):
        return _in_32_bits(given, where)
    with np.errstate(over="ignore", invalid="ignore"):
        made = given.astype(dtype or config.floatx(), copy=False)
    if not _is_finite(made):
        _refuse_place(np.asarray(given), np.asarray(made), where, columns, finite)
    return made


def as_given(value: Any, where: str) -> Any:
    """Anything array-like as JAX has it, in its own type; what holds no numbers, or too large ones, is refused.

    >>> import numpy as np
    >>> from caviar.outside import as_given
    >>> as_given(np.float32([1, np.nan]), "x").tolist()
    [1.0, nan]
    >>> as_given("abc", "x")
    Traceback (most recent call last):
    caviar.errors.DataError: x holds text such as 'abc' in its only value, and a network takes numbers: encode it first, ...
    """
    return value if isinstance(value, jax.Array) else jnp.asarray(own_copy(value, where))


def own_copy(value: Any, where: str) -> Any:
    """Anything array-like as JAX has it, or as a copy on the host, which nobody changes while a program still reads it."""
    if isinstance(value, jax.Array):
        return value
    if value is None:
        raise DataError(f"{where} is None, where numbers are wanted")
    array = numeric(value, where)
    return np.array(_in_32_bits(array, where) if array.dtype.kind in "iu" else array)


def finite(array: Any, where: str) -> Any:
    """An array of weights without NaN or infinity.

    >>> import numpy as np
    >>> from caviar.outside import finite
    >>> finite(np.float32([[1, np.nan]]), "the kernel")
    Traceback (most recent call last):
    caviar.errors.DataError: the kernel holds nan at (0, 1) (1 of 2 values are not finite): such a network gives no numbers
    """
    bad = ~np.isfinite(np.asarray(array, np.float64))
    if bad.any():
        at = _first(bad)
        raise DataError(
            f"{where} holds {array[at]} at {at} ({bad.sum()} of {bad.size} values are not finite): such a network gives no numbers"
        )
    return array


def spoken(value: Any) -> str:
    """What was given, in a few words.

    >>> from caviar.outside import spoken
    >>> spoken(([1], {"a": 2}))
    "[1], a dict of 'a'"
    """
    if isinstance(value, dict):
        return f"a dict of {', '.join(map(repr, value)) or 'nothing'}"
    if isinstance(value, tuple):
        return ", ".join(map(spoken, value)) or "nothing"
    if isinstance(value, list) and any(hasattr(v, "shape") for v in value):
        return f"a list of {', '.join(map(spoken, value))}"
    return str(tuple(value.shape)) if hasattr(value, "shape") else reprlib.repr(value)


def column_names(value: Any) -> list[str] | None:
    """The names of a table's columns; None for what is no table.

    >>> import numpy as np
    >>> from caviar.outside import column_names
    >>> column_names(np.zeros((2, 3))) is None
    True
    """
    names = getattr(value, "column_names", None) or getattr(value, "columns", None)
    return None if names is None or callable(names) else [str(name) for name in names]


def numeric(value: Any, where: str, columns: list[str] | None = None) -> np.ndarray:
    """Anything array-like as a NumPy array of numbers: neither text nor dates, objects, gaps or rows of unequal length.

    >>> from caviar.outside import numeric
    >>> numeric(["1", "2"], "y")
    Traceback (most recent call last):
    caviar.errors.DataError: y holds text such as '1' in row 0, and a network takes numbers: encode it first, for instance ...
    """
    if hasattr(value, "toarray"):
        raise DataError(f"{where} is a sparse {type(value).__name__}: give {where}.toarray()")
    try:
        array = np.ma.asanyarray(value) if isinstance(value, np.ma.MaskedArray) else np.asarray(value)
    except ValueError as error:
        raise DataError(f"{where} is ragged: its rows differ in length ({error})") from None
    except (TypeError, RuntimeError) as error:
        raise DataError(f"{where} is {type(value).__name__}, which cannot be made an array ({error})") from None
    if isinstance(array, np.ma.MaskedArray):
        array = _without_gaps(array, where)
    if array.dtype.kind == "O":
        return _from_objects(array, where, columns)
    if array.dtype.kind == "m" or (
        array.dtype.kind not in "biufc" and not jax.dtypes.issubdtype(array.dtype, np.number)
    ):
        _refuse(array, (0,) * array.ndim, where, columns)
    return array


def _without_gaps(array: Any, where: str) -> np.ndarray:
    gaps = np.ma.getmaskarray(array)
    if gaps.any():
        at = _first(gaps)
        raise DataError(
            f"{where} is masked in {_place(at, None)} ({gaps.sum()} of {array.size} values): fill it first, .filled(0)"
        )
    return np.asarray(array.data)


def _from_objects(array: np.ndarray, where: str, columns: list[str] | None) -> np.ndarray:
    """Objects that are numbers, as floats. None is a gap, which is told as NaN."""
    for i, item in enumerate(array.ravel()):
        if item is not None and not _is_number(item):
            _refuse(array, np.unravel_index(i, array.shape), where, columns)
    return array.astype(np.float64)


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError, OverflowError):
        return False
    return not isinstance(value, (str, bytes)) and np.ndim(value) == 0


def _refuse(array: np.ndarray, at: Any, where: str, columns: list[str] | None) -> None:
    value = array[at] if array.size else array.dtype
    what = "text such as" if isinstance(value, (str, bytes)) else f"{type(value).__name__} values such as"
    value = value.item() if isinstance(value, np.generic) else value
    raise DataError(
        f"{where} holds {what} {value!r} in {_place(at, columns)}, and a network takes numbers: "
        "encode it first, for instance classes as 0, 1, 2, ... and categories with caviar.layers.CategoryEncoding"
    )


def _in_32_bits(array: Any, where: str) -> Any:
    """Integers in 32 bits unless double precision is on, where JAX has 64."""
    if array.dtype.itemsize < 8 or config.floatx() == "float64" or isinstance(array, jax.Array):
        return array
    bounds = np.iinfo(np.int32)
    if array.size and (array.max() > bounds.max or array.min() < bounds.min):
        at = _first((array > bounds.max) | (array < bounds.min))
        raise DataError(
            f"{where} holds {array[at]} in {_place(at, None)}, and integers must fit in 32 bits: scale them, or "
            "caviar.config.set_floatx('float64')"
        )
    return array.astype(np.int32)


def _is_finite(array: Any) -> bool:
    """One pass, and no copy: a finite sum has only finite terms."""
    if isinstance(array, jax.Array) and (
        not array.is_fully_addressable or next(iter(array.devices())).platform != "cpu"
    ):
        return bool(jnp.isfinite(array).all())
    host = np.asarray(array)
    if host.size <= _FEW:
        return bool(np.isfinite(host).all())
    with np.errstate(over="ignore", invalid="ignore"):
        total = np.sum(host, dtype=np.float64) if host.dtype.kind == "f" else np.sum(host.astype(np.float32))
    return bool(np.isfinite(total) or np.isfinite(host).all())


def _refuse_place(given: np.ndarray, made: np.ndarray, where: str, columns: list[str] | None, finite: bool) -> None:
    """Raise for the first value that does not fit the type or is not finite, with its place."""
    bad = ~np.isfinite(made)
    overflow = bad & np.isfinite(given)
    if overflow.any():
        at = _first(overflow)
        raise DataError(
            f"{where} holds {given[at]} in {_place(at, columns)}, which {made.dtype} cannot hold: scale it, or "
            "caviar.config.set_floatx('float64')"
        )
    if finite:
        at = _first(bad)
        raise DataError(
            f"{where} holds {made[at]} in {_place(at, columns)} ({bad.sum()} of {made.size} values are not finite): "
            "fill or drop such rows first"
        )


def _first(wrong: np.ndarray) -> tuple[int, ...]:
    return tuple(int(i) for i in np.unravel_index(int(np.argmax(wrong)), wrong.shape))


def _place(at: Any, columns: list[str] | None) -> str:
    """A place in an array, in words.

    >>> from caviar.outside import _place
    >>> _place((3,), None), _place((3, 1), ["age", "city"]), _place((3, 1, 4), None)
    ('row 3', "column 'city', first in row 3", 'row 3, at (1, 4)')
    """
    at = tuple(int(i) for i in at)
    if len(at) == 2:
        return f"column {repr(columns[at[1]]) if columns else at[1]}, first in row {at[0]}"
    return (f"row {at[0]}" + (f", at {at[1:]}" if len(at) > 2 else "")) if at else "its only value"
