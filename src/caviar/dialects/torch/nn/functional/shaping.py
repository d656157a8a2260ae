"""Padding, resizing, patches, and channels as pixels."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from caviar.dialects.torch.functions import operation
from caviar.errors import ArgumentError, ShapeError, unknown_name
from caviar.layers.lowering.windows import reach, sizes, taps

__all__ = ["channel_shuffle", "fold", "interpolate", "pad", "pixel_shuffle", "pixel_unshuffle", "unfold"]

Array = jax.Array
_PADDING = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


@operation
def pad(input: Array, pad: Any, mode: str = "constant", value: Any = None) -> Array:
    """The input padded by pairs (before, after), beginning with the last dimension; negative numbers crop."""
    if mode not in _PADDING:
        raise unknown_name("padding mode", mode, _PADDING)
    pairs = [(pad[i], pad[i + 1]) for i in range(0, len(pad), 2)][::-1]
    if len(pairs) > input.ndim:
        raise ShapeError(f"pad was given {len(pairs)} pairs for an input of {input.ndim} dimensions")
    pairs = [(0, 0)] * (input.ndim - len(pairs)) + pairs
    inside = [slice(max(-low, 0), n - max(-high, 0)) for (low, high), n in zip(pairs, input.shape, strict=True)]
    options = {"constant_values": 0 if value is None else value} if mode == "constant" else {}
    return jnp.pad(
        input[tuple(inside)], [(max(low, 0), max(high, 0)) for low, high in pairs], _PADDING[mode], **options
    )


# -- resizing: along each axis of space a product with a small matrix -----------------------------------------------------


def _places(size: int, wanted: int, scale: float | None, align_corners: bool) -> np.ndarray:
    """The place in the input that each output is sampled from."""
    if align_corners:
        return np.arange(wanted) * ((size - 1) / max(wanted - 1, 1))
    return (np.arange(wanted) + 0.5) * (1 / scale if scale else size / wanted) - 0.5


def _taken(size: int, places: np.ndarray, shares: dict[int, np.ndarray]) -> np.ndarray:
    """The matrix of the weights of neighbouring pixels; beyond the edges the edge is repeated."""
    matrix = np.zeros((len(places), size))
    for step, share in shares.items():
        np.add.at(matrix, (np.arange(len(places)), np.clip(np.floor(places).astype(int) + step, 0, size - 1)), share)
    return matrix


def _linear(size: int, wanted: int, scale: float | None, align_corners: bool) -> np.ndarray:
    places = np.maximum(_places(size, wanted, scale, align_corners), 0)
    rest = places % 1
    return _taken(size, places, {0: 1 - rest, 1: rest})


def _cubic(size: int, wanted: int, scale: float | None, align_corners: bool) -> np.ndarray:
    places, a = _places(size, wanted, scale, align_corners), -0.75
    rest = places - np.floor(places)

    def near(d: np.ndarray) -> np.ndarray:
        return ((a + 2) * d - (a + 3)) * d * d + 1

    def far(d: np.ndarray) -> np.ndarray:
        return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a

    return _taken(size, places, {-1: far(rest + 1), 0: near(rest), 1: near(1 - rest), 2: far(2 - rest)})


def _nearest(size: int, wanted: int, scale: float | None, align_corners: bool, offset: float = 0.0) -> np.ndarray:
    at = np.floor((np.arange(wanted) + offset) * (1 / scale if scale else size / wanted)).astype(int)
    return np.eye(size)[np.minimum(at, size - 1)]


def _nearest_exact(size: int, wanted: int, scale: float | None, align_corners: bool) -> np.ndarray:
    return _nearest(size, wanted, scale, align_corners, 0.5)


def _area(size: int, wanted: int, scale: float | None, align_corners: bool) -> np.ndarray:
    cuts = [(i * size // wanted, -(-(i + 1) * size // wanted)) for i in range(wanted)]
    return np.stack([((np.arange(size) >= a) & (np.arange(size) < b)) / (b - a) for a, b in cuts])


_MODES = {"nearest": (_nearest, (1, 2, 3)), "nearest-exact": (_nearest_exact, (1, 2, 3)), "linear": (_linear, (1,)),
    "bilinear": (_linear, (2,)), "trilinear": (_linear, (3,)), "bicubic": (_cubic, (2,)), "area": (_area, (1, 2, 3))}  # fmt: skip


@operation
def interpolate(
    input: Array, size: Any = None, scale_factor: Any = None, mode: str = "nearest", align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None, antialias: bool = False,
) -> Array:  # fmt: skip
    """Images, sequences or volumes resized to a size, or by a factor."""
    rank = input.ndim - 2
    if mode not in _MODES:
        raise unknown_name("mode of interpolate", mode, _MODES)
    if rank not in _MODES[mode][1] or (size is None) == (scale_factor is None) or antialias:
        ranks = " or ".join(map(str, _MODES[mode][1]))
        raise ArgumentError(
            f"interpolate(mode={mode!r}) takes {ranks} axes of space after batch and channels, either size or scale_factor, "
            f"and no antialias; it was given {input.shape}, size={size}, scale_factor={scale_factor}"
        )
    scales = [None] * rank if scale_factor is None else _each(scale_factor, rank)
    space = input.shape[2:]
    wanted = _each(size, rank) if size is not None else [math.floor(n * s) for n, s in zip(space, scales, strict=True)]
    scales = [None] * rank if recompute_scale_factor else scales
    for axis, (n, m, scale) in enumerate(zip(space, wanted, scales, strict=True), start=2):
        matrix = jnp.asarray(_MODES[mode][0](n, m, scale, bool(align_corners)), input.dtype)
        input = jnp.moveaxis(jnp.moveaxis(input, axis, -1) @ matrix.T, -1, axis)
    return input


def _each(value: Any, rank: int) -> list[Any]:
    return list(value) if isinstance(value, (tuple, list)) else [value] * rank


# -- channels and pixels ------------------------------------------------------------------------------------------------


@operation
def pixel_shuffle(input: Array, upscale_factor: int) -> Array:
    """Groups of `upscale_factor ** 2` channels rearranged as blocks of pixels."""
    *lead, channels, height, width = input.shape
    r = upscale_factor
    if channels % (r * r):
        raise ShapeError(f"pixel_shuffle by {r} takes a multiple of {r * r} channels, and was given {channels}")
    blocks = input.reshape(-1, channels // (r * r), r, r, height, width).transpose(0, 1, 4, 2, 5, 3)
    return blocks.reshape(*lead, channels // (r * r), height * r, width * r)


@operation
def pixel_unshuffle(input: Array, downscale_factor: int) -> Array:
    """Blocks of pixels rearranged as channels: the inverse of `pixel_shuffle`."""
    *lead, channels, height, width = input.shape
    r = downscale_factor
    if height % r or width % r:
        raise ShapeError(f"pixel_unshuffle by {r} takes multiples of {r} pixels, and was given {height} x {width}")
    blocks = input.reshape(-1, channels, height // r, r, width // r, r).transpose(0, 1, 3, 5, 2, 4)
    return blocks.reshape(*lead, channels * r * r, height // r, width // r)


@operation
def channel_shuffle(input: Array, groups: int) -> Array:
    """The channels reordered: the first of every group, then the second of every group, ..."""
    n, channels, *space = input.shape
    return input.reshape(n, groups, channels // groups, *space).swapaxes(1, 2).reshape(input.shape)


def _patches(x: Array, kernel_size: Any, dilation: Any, padding: Any, stride: Any) -> Array:
    window, (top, left) = sizes(kernel_size, 2), sizes(padding, 2)
    padded = jnp.pad(jnp.moveaxis(x, 1, -1), [(0, 0), (top, top), (left, left), (0, 0)])
    found = jnp.stack([tap for _, tap in taps(padded, window, sizes(stride, 2), sizes(dilation, 2))])
    return jnp.transpose(found, (1, 4, 0, 2, 3)).reshape(x.shape[0], x.shape[1] * math.prod(window), -1)


@operation
def unfold(input: Array, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Array:
    """The patches that a window meets on an image, each as a column."""
    return _patches(input, kernel_size, dilation, padding, stride)


@operation
def fold(
    input: Array, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
) -> Array:
    """Patches summed at their places in an image: the transpose of `unfold`."""
    space, window = sizes(output_size, 2), sizes(kernel_size, 2)
    spans = reach(window, sizes(dilation, 2))
    lengths = zip(space, sizes(padding, 2), spans, sizes(stride, 2), strict=True)
    count = math.prod((n + 2 * p - span) // s + 1 for n, p, span, s in lengths)
    if input.shape[1] % math.prod(window) or input.shape[2] != count:
        raise ShapeError(
            f"fold to {space} with windows of {window} takes (n, channels * {math.prod(window)}, {count}), and was given "
            f"{input.shape}"
        )
    image = jax.ShapeDtypeStruct((input.shape[0], input.shape[1] // math.prod(window), *space), input.dtype)
    return jax.linear_transpose(lambda x: _patches(x, kernel_size, dilation, padding, stride), image)(input)[0]
