"""XLA's gather and scatter in NumPy: all indexing by arrays comes down to these two."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def _places(
    starts: Any, sizes: Any, shape: Any, axes: Any, windows: Any, batching: Any, starting: Any, out: Any
) -> Any:
    """An index for each dimension of an array, which broadcast together; and where they were inside, before clipping.

    `axes` are the dimensions that the starts index, `windows` the places in the result of the dimensions that are taken in
    blocks of `sizes`, and `batching` those that go along with `starting`, dimensions of the starts.
    """
    rest = [i for i in range(out) if i not in windows.values()]

    def along(array: Any, places: Any) -> Any:
        between = [1] * out
        for place, size in zip(places, array.shape, strict=True):
            between[place] = size
        return array.reshape(between)

    places, inside = list[Any](), np.True_
    for axis, size in enumerate(shape):
        index: Any = 0
        if axis in axes:
            given, last = starts[..., axes.index(axis)], size - sizes[axis]
            inside = inside & along((given >= 0) & (given <= last), rest)
            index = along(np.clip(given, 0, last), rest)
        elif axis in batching:
            at = starting[batching.index(axis)]
            index = along(np.arange(size), [rest[at]])
        if axis in windows:
            index = index + along(np.arange(sizes[axis]), [windows[axis]])
        places.append(np.asarray(index))
    return tuple(places), inside


def gather(dimension_numbers: Any, slice_sizes: Any, mode: Any, fill_value: Any, **_: Any) -> Any:
    """Blocks of an array, as XLA gathers them."""
    d = dimension_numbers
    fills = getattr(mode, "name", "") == "FILL_OR_DROP"

    def run(x: Any, starts: Any) -> Any:
        axes = [i for i in range(x.ndim) if i not in d.collapsed_slice_dims and i not in d.operand_batching_dims]
        out = starts.ndim - 1 + len(d.offset_dims)
        places, inside = _places(
            starts, slice_sizes, x.shape, d.start_index_map, dict(zip(axes, d.offset_dims, strict=True)),
            d.operand_batching_dims, d.start_indices_batching_dims, out,
        )  # fmt: skip
        made = x[places]
        return np.where(inside, made, _filling(x.dtype, fill_value)) if fills and not inside.all() else made

    return run


def _filling(dtype: Any, given: Any) -> Any:
    if given is not None:
        return np.asarray(given, dtype)
    kind = dtype.kind
    return np.asarray({"f": np.nan, "b": True}[kind] if kind in "fb" else _least(dtype), dtype)


def _least(dtype: Any) -> int:
    return int(np.iinfo(dtype).min if dtype.kind == "i" else np.iinfo(dtype).max)


def scatter(write: Callable[[Any, Any, Any], None]) -> Any:
    """Blocks written into a copy of an array, as XLA scatters them."""

    def make(dimension_numbers: Any, mode: Any, **_: Any) -> Any:
        d = dimension_numbers
        clips = getattr(mode, "name", "") == "CLIP"

        def run(x: Any, starts: Any, updates: Any) -> Any:
            axes = [i for i in range(x.ndim) if i not in d.inserted_window_dims and i not in d.operand_batching_dims]
            windows = dict(zip(axes, d.update_window_dims, strict=True))
            sizes = [updates.shape[windows[i]] if i in windows else 1 for i in range(x.ndim)]
            places, inside = _places(
                starts, sizes, x.shape, d.scatter_dims_to_operand_dims, windows, d.operand_batching_dims,
                d.scatter_indices_batching_dims, updates.ndim,
            )  # fmt: skip
            made = x.copy()
            if clips or inside.all():
                write(made, places, updates)
            else:
                kept = np.broadcast_to(inside, updates.shape)
                write(made, tuple(np.broadcast_to(p, updates.shape)[kept] for p in places), updates[kept])
            return made

        return run

    return make


def assign(x: Any, places: Any, values: Any) -> None:
    """What a scatter does that replaces."""
    x[places] = values
