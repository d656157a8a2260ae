"""A call computed at once, in NumPy, where that is little work on arrays that are there: nothing is recorded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from caviar.errors import DataError
from caviar.recording.kernels import kernel_of
from caviar.recording.values import Value
from caviar.recording.widths import TooWideError, as_usual, widened

_INT32 = 2**31  # ints beyond are no numbers of a program, which has 32 bits for them
_INT64 = np.dtype(np.int64)


def code_of(value: Any) -> Any:
    """What a kernel must know of an input."""
    kind = type(value)
    if kind is Value:
        return value.spec
    if kind is float or kind is np.int32 or (kind is int and -_INT32 <= value < _INT32):
        return kind
    return "constant", value, kind


def at_once(function: Any, static: Any, inputs: Sequence[Any]) -> list[Value] | None:
    """The results of a call, or None where it must be recorded."""
    codes, arrays, wide = [], [], False
    for value in inputs:
        if type(value) is Value:
            if value.array is None:
                return None
            codes.append(value.spec)
            arrays.append(value.array)
            wide = wide or value.spec.dtype is _INT64
        else:
            codes.append(code_of(value))
            arrays.append(value)
    if wide and not _doubles():
        return _in_64_bits(function, static, inputs)
    try:
        kernel = kernel_of(function, static, tuple(codes))
        if not kernel.small:
            return None
        with np.errstate(all="ignore"):
            made = kernel(arrays)
    except (TooWideError, OverflowError):
        return _in_64_bits(function, static, inputs)
    return [Value(np.asarray(m), spec) for m, spec in zip(made, kernel.specs, strict=True)]


def _in_64_bits(function: Any, static: Any, inputs: Sequence[Any]) -> list[Value]:
    """The results of a call with whole numbers that do not fit 32 bits, or that gives some."""
    wide = [Value(widened(v.array)) if type(v) is Value else v for v in inputs]
    kernel = kernel_of(function, static, tuple(map(code_of, wide)), True)
    with np.errstate(all="ignore"):
        return [Value(as_usual(m)) for m in kernel([v.array if type(v) is Value else v for v in wide])]


def refuse_wide(codes: Sequence[Any]) -> None:
    """Raise for whole numbers of 64 bits where a program would cut them off."""
    if any(getattr(code, "dtype", None) is _INT64 for code in codes) and not _doubles():
        raise DataError(
            "whole numbers beyond 32 bits do not go together with gradients or large tensors: "
            "call torch.set_default_dtype(torch.float64) first, which makes all numbers 64 bits wide"
        )


def _doubles() -> bool:
    return bool(jax.config.jax_enable_x64)  # type: ignore[attr-defined]
