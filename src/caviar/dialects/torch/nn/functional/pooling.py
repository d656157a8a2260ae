"""Pooling over windows, or over so many parts of space; channels first."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from caviar.declarations import Counts, Sizes
from caviar.dialects.torch.functions import operation, record
from caviar.dialects.torch.nn.functional.convolution import as_given, batched
from caviar.dialects.torch.tensor import Tensor
from caviar.errors import ArgumentError, ShapeError
from caviar.layers.lowering import pooling
from caviar.layers.lowering.windows import reach, sizes, taps

__all__ = [
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_avg_pool3d",
    "adaptive_max_pool1d",
    "adaptive_max_pool2d",
    "adaptive_max_pool3d",
    "avg_pool1d",
    "avg_pool2d",
    "avg_pool3d",
    "lp_pool1d",
    "lp_pool2d",
    "lp_pool3d",
    "max_pool1d",
    "max_pool2d",
    "max_pool3d",
    "max_unpool1d",
    "max_unpool2d",
    "max_unpool3d",
]

Array = jax.Array
Lengths = tuple[int, ...]


def _rest(padded: int, window: int, stride: int, padding: int) -> int:
    """The padding for a last window that fits only partly (with `ceil_mode`); it must begin inside the input or its padding."""
    count = -(-(padded - window) // stride) + 1
    count -= (count - 1) * stride >= padded - padding
    return max((count - 1) * stride + window - padded, 0)


def _added(space: Lengths, span: Lengths, steps: Lengths, pads: Lengths, ceil_mode: bool) -> list[tuple[int, int]]:
    """The padding before and after each axis."""
    if any(n + 2 * p < w for n, p, w in zip(space, pads, span, strict=True)):
        raise ShapeError(f"windows of {span} do not fit into space of {space} with padding {pads}")
    extra = [_rest(n + 2 * p, w, s, p) if ceil_mode else 0 for n, p, w, s in zip(space, pads, span, steps, strict=True)]
    return [(p, p + e) for p, e in zip(pads, extra, strict=True)]


def _max_pool(rank: int) -> Any:
    def windows(
        input: Array, kernel_size: Sizes, stride: Sizes | None, padding: Counts, dilation: Sizes, ceil_mode: bool
    ) -> Any:
        """The padded input, and the windows over it."""
        x, window, gaps = batched(input, rank), sizes(kernel_size, rank), sizes(dilation, rank)
        steps, pads = window if stride is None else sizes(stride, rank), sizes(padding, rank)
        edges = [(0, 0), *_added(x.shape[1:-1], reach(window, gaps), steps, pads, ceil_mode), (0, 0)]
        return x, edges, window, steps, gaps

    def values(
        input: Array, kernel_size: Sizes, stride: Sizes | None, padding: Counts, dilation: Sizes, ceil_mode: bool
    ) -> Array:
        x, edges, window, steps, gaps = windows(input, kernel_size, stride, padding, dilation, ceil_mode)
        if set(gaps) != {1}:
            return with_indices(input, kernel_size, stride, padding, dilation, ceil_mode)[0]
        return as_given(pooling.max_pool(_lowest_around(x, edges), window, steps), input)

    def with_indices(
        input: Array, kernel_size: Sizes, stride: Sizes | None, padding: Counts, dilation: Sizes, ceil_mode: bool
    ) -> tuple[Array, Array]:
        x, edges, window, steps, gaps = windows(input, kernel_size, stride, padding, dilation, ceil_mode)
        places = np.pad(np.arange(math.prod(x.shape[1:-1])).reshape(1, *x.shape[1:-1], 1), edges)
        met = jnp.stack([tap for _, tap in taps(_lowest_around(x, edges), window, steps, gaps)])
        at = jnp.stack([tap for _, tap in taps(jnp.asarray(places), window, steps, gaps)])
        won = jnp.argmax(met, 0, keepdims=True)
        largest, where = (jnp.take_along_axis(v, won, 0)[0] for v in (met, jnp.broadcast_to(at, met.shape)))
        return as_given(largest, input), as_given(where, input)

    def max_pool(
        input: Tensor, kernel_size: Sizes, stride: Sizes | None = None, padding: Counts = 0, dilation: Sizes = 1, ceil_mode: bool = False,
        return_indices: bool = False,
    ) -> Any:  # fmt: skip
        static = {"kernel_size": kernel_size, "stride": stride, "padding": padding, "dilation": dilation}
        return record(with_indices if return_indices else values, input, **static, ceil_mode=ceil_mode)

    max_pool.__name__ = values.__name__ = with_indices.__name__ = f"max_pool{rank}d"
    max_pool.__doc__ = "The largest value of each window; with `return_indices` also where in space it was."
    return max_pool


def _lowest_around(x: Array, edges: list[tuple[int, int]]) -> Array:
    lowest = -jnp.inf if jnp.issubdtype(x.dtype, jnp.floating) else jnp.iinfo(x.dtype).min
    return jnp.pad(x, edges, constant_values=lowest) if any(map(any, edges)) else x


def _max_unpool(rank: int) -> Any:
    def unpool(input: Array, indices: Array, space: Lengths) -> Array:
        lead, count = input.shape[: input.ndim - rank], math.prod(input.shape[input.ndim - rank :])
        values, at = input.reshape(-1, count), indices.reshape(-1, count)
        flat = jnp.zeros((values.shape[0], math.prod(space)), input.dtype)
        return flat.at[jnp.arange(values.shape[0])[:, None], at].set(values).reshape(*lead, *space)

    def max_unpool(
        input: Tensor,
        indices: Tensor,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        padding: Counts = 0,
        output_size: Any = None,
    ) -> Any:
        window, pads = sizes(kernel_size, rank), sizes(padding, rank)
        steps = window if stride is None else sizes(stride, rank)
        usual = [(n - 1) * s - 2 * p + w for n, s, p, w in zip(input.shape[-rank:], steps, pads, window, strict=True)]
        return record(unpool, input, indices, space=tuple(output_size or usual)[-rank:])

    max_unpool.__name__ = unpool.__name__ = f"max_unpool{rank}d"
    max_unpool.__doc__ = "The values back at the places that `max_pool` gave with `return_indices`, zeros elsewhere."
    return max_unpool


def _average(
    input: Array,
    rank: int,
    kernel_size: Sizes,
    stride: Sizes | None,
    padding: Counts,
    ceil_mode: bool,
    count_include_pad: bool,
) -> Array:
    x, window, pads = batched(input, rank), sizes(kernel_size, rank), sizes(padding, rank)
    steps = window if stride is None else sizes(stride, rank)
    added = _added(x.shape[1:-1], window, steps, pads, ceil_mode)
    edges = [(0, 0), *added, (0, 0)]
    y = pooling.mean_pool(jnp.pad(x, edges) if any(map(any, edges)) else x, window, steps)
    if any(high > low for low, high in added) or (any(pads) and not count_include_pad):
        inner = [(0, 0), *((p, p) for p in pads), (0, 0)]
        counted = jnp.pad(
            jnp.ones((1, *x.shape[1:-1], 1), x.dtype), inner, constant_values=1.0 if count_include_pad else 0.0
        )
        outer = [(0, 0), *((0, high - low) for low, high in added), (0, 0)]
        y = y / pooling.mean_pool(jnp.pad(counted, outer), window, steps)
    return as_given(y, input)


def _avg_pool(rank: int) -> Any:
    def avg_pool(
        input: Array, kernel_size: Sizes, stride: Sizes | None = None, padding: Counts = 0, ceil_mode: bool = False,
        count_include_pad: bool = True, divisor_override: int | None = None,
    ) -> Array:  # fmt: skip
        if divisor_override is not None:
            raise ArgumentError("average pooling with divisor_override is not supported: multiply the output instead")
        return _average(input, rank, kernel_size, stride, padding, ceil_mode, count_include_pad)

    def avg_pool1d(
        input: Array, kernel_size: Sizes, stride: Sizes | None = None, padding: Counts = 0, ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> Array:  # fmt: skip
        return _average(input, rank, kernel_size, stride, padding, ceil_mode, count_include_pad)

    made = avg_pool1d if rank == 1 else avg_pool
    made.__name__, made.__doc__ = f"avg_pool{rank}d", "The mean of each window, channels first."
    return operation(made)


def _lp_pool(rank: int) -> Any:
    def lp_pool(
        input: Array, norm_type: float, kernel_size: Sizes, stride: Sizes | None = None, ceil_mode: bool = False
    ) -> Array:
        mean = _average(input**norm_type, rank, kernel_size, stride, 0, ceil_mode, True)
        total = mean * math.prod(sizes(kernel_size, rank))
        return jnp.where(total == 0, 0, jnp.where(total == 0, 1, total) ** (1 / norm_type))

    lp_pool.__name__, lp_pool.__doc__ = f"lp_pool{rank}d", "The p-norm of each window, channels first."
    return operation(lp_pool)


def _adaptive(rank: int, largest: bool) -> Any:
    def pool(input: Array, output_size: Any) -> Array:
        batched(input, rank)
        wanted = (output_size,) * rank if isinstance(output_size, int) or output_size is None else output_size
        if len(wanted) != rank:
            raise ShapeError(f"adaptive pooling over {rank} axes takes {rank} sizes, and was given {wanted}")
        for axis, parts in enumerate(wanted, start=input.ndim - rank):
            n, parts = input.shape[axis], input.shape[axis] if parts is None else parts
            cuts = [
                jax.lax.slice_in_dim(input, i * n // parts, -(-(i + 1) * n // parts), axis=axis) for i in range(parts)
            ]
            input = jnp.concatenate([(jnp.max if largest else jnp.mean)(c, axis, keepdims=True) for c in cuts], axis)
        return input

    def adaptive_max_pool(input: Array, output_size: Any, return_indices: bool = False) -> Array:
        if return_indices:
            raise ArgumentError("adaptive max pooling gives no indices: use max_pool with return_indices=True")
        return pool(input, output_size)

    made = adaptive_max_pool if largest else pool
    made.__name__ = f"adaptive_{'max' if largest else 'avg'}_pool{rank}d"
    made.__doc__ = f"The {'largest value' if largest else 'mean'} of so many parts of space."
    return operation(made)


max_pool1d, max_pool2d, max_pool3d = map(_max_pool, (1, 2, 3))
max_unpool1d, max_unpool2d, max_unpool3d = map(_max_unpool, (1, 2, 3))
avg_pool1d, avg_pool2d, avg_pool3d = map(_avg_pool, (1, 2, 3))
lp_pool1d, lp_pool2d, lp_pool3d = map(_lp_pool, (1, 2, 3))
adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d = (_adaptive(rank, False) for rank in (1, 2, 3))
adaptive_max_pool1d, adaptive_max_pool2d, adaptive_max_pool3d = (_adaptive(rank, True) for rank in (1, 2, 3))
