"""Convolutions that XLA runs fast on a CPU, inside loops too. Channels last: (examples, *space, channels).

XLA has a fast convolution for CPUs, but inside a loop it uses it for one form only: channels last, one or two axes of space, no
groups. Gradients made by differentiation never have that form, and run up to fifty times slower. So everything is brought into it
here: gradients are convolutions with axes swapped, depth becomes channels, groups become zeros in a kernel.
"""

from __future__ import annotations

import functools
import math
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from caviar import config
from caviar.layers.lowering.platform import materialized, uses_own_lowering
from caviar.layers.lowering.sums import sums
from caviar.layers.lowering.windows import Pads, Sizes, pads_for, reach, taps

Array = jax.Array
_FEW_NUMBERS = 64  # in a patch, at most, for which one product with all patches is faster than a convolution
_FEW_CHANNELS = 4  # ... and channels in it, at most


class Window(NamedTuple):
    """How a kernel slides: its steps, the padding, and the gaps between elements of the input and of the kernel."""

    strides: Sizes
    pads: Pads
    gaps: Sizes
    dilation: Sizes


def conv(x: Array, kernel: Array, strides: Sizes, padding: str, dilation: Sizes, groups: int = 1) -> Array:
    """Slide a kernel (*size, channels / groups, filters) over x; padding is 'valid', 'same' or 'causal'.

    >>> import jax.numpy as jnp
    >>> from caviar.layers.lowering.convolution import conv
    >>> conv(jnp.ones((1, 5, 5, 3)), jnp.ones((3, 3, 3, 8)), (1, 1), "valid", (1, 1)).shape
    (1, 3, 3, 8)
    """
    pads = pads_for(x.shape[1:-1], reach(kernel.shape[:-2], dilation), strides, padding)
    return _precisely(x, kernel, Window(strides, pads, (1,) * len(strides), dilation), groups)


def conv_transpose(
    x: Array, kernel: Array, strides: Sizes, padding: str, dilation: Sizes, output_padding: Sizes | None = None
) -> Array:
    """The gradient of a convolution with this kernel (*size, filters, channels), as Keras sizes it.

    >>> import jax.numpy as jnp
    >>> from caviar.layers.lowering.convolution import conv_transpose
    >>> conv_transpose(jnp.ones((1, 5, 3)), jnp.ones((4, 2, 3)), (3,), "valid", (1,)).shape
    (1, 16, 2)
    """
    spans = reach(kernel.shape[:-2], dilation)
    extra = output_padding or (None,) * len(spans)
    pads = tuple(_transposed_pads(w, s, padding, e) for w, s, e in zip(spans, strides, extra, strict=True))
    window = Window((1,) * len(spans), pads, strides, dilation)
    return _precisely(x, _turned(kernel), window, 1)


def _transposed_pads(span: int, stride: int, padding: str, extra: int | None) -> tuple[int, int]:
    if padding == "valid":
        return span - 1, span - 1 + (max(stride - span, 0) if extra is None else extra)
    total = span + stride - 2 if extra is None else span + span % 2 - 2 + extra
    low = min(total - total // 2, span - 1)
    return low, total - low


def _precisely(x: Array, kernel: Array, window: Window, groups: int) -> Array:
    """Apply the precision policy. On a CPU half-precision numbers become float32, for which alone it has a fast convolution."""
    result = jnp.promote_types(x.dtype, kernel.dtype)
    compute = result if config.compute_dtype() == config.floatx() else jnp.dtype(config.compute_dtype())
    if uses_own_lowering():
        return slide(x, kernel, window, groups).astype(result)
    return _by_xla(x.astype(compute), kernel.astype(compute), window, groups).astype(result)


def slide(x: Array, kernel: Array, window: Window, groups: int) -> Array:
    """Slide a kernel over x, as a CPU does it fast: in single precision at least."""
    compute = jnp.promote_types(jnp.promote_types(x.dtype, kernel.dtype), jnp.float32)
    return _own(x.astype(compute), kernel.astype(compute), window, groups)


def _by_xla(x: Array, kernel: Array, window: Window, groups: int = 1) -> Array:
    space = "DHW"[-len(window.strides) :]
    form = (f"N{space}C", f"{space}IO", f"N{space}C")
    strides, pads, gaps, dilation = window
    return lax.conv_general_dilated(x, kernel, strides, pads, gaps, dilation, form, feature_group_count=groups)


def _own(x: Array, kernel: Array, window: Window, groups: int) -> Array:
    if groups == x.shape[-1] > 1:
        times = kernel.shape[-1] // groups
        return _depthwise(jnp.repeat(x, times, -1) if times > 1 else x, kernel, window)
    if groups > 1:
        kernel = _without_groups(kernel, groups)
    if math.prod(kernel.shape[:-2]) == 1 and not any(map(sum, window.pads)) and set(window.gaps) == {1}:
        return _by_product(x, kernel, window)
    if len(window.strides) == 3:
        return _depth_as_channels(x, kernel, window)
    return _convolve(x, kernel, window)


def _by_product(x: Array, kernel: Array, window: Window) -> Array:
    """A convolution with a window of one element, which is a product of matrices."""
    x = x[(slice(None), *(slice(None, None, s) for s in window.strides))]
    return (x.reshape(-1, x.shape[-1]) @ kernel.reshape(kernel.shape[-2:])).reshape(*x.shape[:-1], kernel.shape[-1])


def _without_groups(kernel: Array, groups: int) -> Array:
    """The same kernel without groups: zero where channel and filter belong to different groups."""
    *size, channels, filters = kernel.shape
    apart = kernel.reshape(*size, 1, channels, groups, filters // groups)
    own = jnp.eye(groups, dtype=kernel.dtype).reshape(groups, 1, groups, 1)
    return (apart * own).reshape(*size, groups * channels, filters)


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def _depthwise(x: Array, kernel: Array, window: Window) -> Array:
    """Every channel with its own kernel: the sum over the taps of the window, each times one number for each channel."""
    terms = [tap * kernel[at][0] for at, tap in _taps_of(x, kernel, window)]
    return sum(terms[1:], terms[0])


def _taps_of(x: Array, kernel: Array, window: Window) -> Any:
    padded = materialized(_padded(x, window))
    return taps(padded, kernel.shape[:-2], window.strides, window.dilation)


def _depthwise_backward(window: Window, residuals: tuple[Array, Array], dy: Array) -> tuple[Array, Array]:
    x, kernel = residuals
    dy = materialized(dy)
    dx = _depthwise(dy, jnp.flip(kernel, range(kernel.ndim - 2)), _backwards(x, kernel, dy, window))
    return dx, jnp.stack([sums(tap * dy) for _, tap in _taps_of(x, kernel, window)]).reshape(kernel.shape)


_depthwise.defvjp(lambda x, kernel, window: (_depthwise(x, kernel, window), (x, kernel)), _depthwise_backward)


def _depth_as_channels(x: Array, kernel: Array, window: Window) -> Array:
    """A convolution over three axes as one over two: the taps along the first axis become channels."""
    strides, pads, gaps, dilations = window
    flat = Window(strides[1:], pads[1:], gaps[1:], dilations[1:])
    stride, dilation = strides[0], dilations[0]
    x = lax.pad(x, jnp.zeros((), x.dtype), [(0, 0, 0), (*pads[0], gaps[0] - 1), *[(0, 0, 0)] * 3])
    last = (x.shape[1] - reach(kernel.shape[:1], (dilation,))[0]) // stride * stride
    starts = range(0, kernel.shape[0] * dilation, dilation)
    wide = jnp.concatenate([lax.slice_in_dim(x, a, a + last + 1, stride, 1) for a in starts], -1)
    kernel = jnp.moveaxis(kernel, 0, 2).reshape(*kernel.shape[1:3], -1, kernel.shape[-1])
    y = _convolve(wide.reshape(-1, *wide.shape[2:]), kernel, flat)
    return y.reshape(*wide.shape[:2], *y.shape[1:])


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def _convolve(x: Array, kernel: Array, window: Window) -> Array:
    """A convolution without groups over one or two axes of space, with gradients in the form that XLA runs fast."""
    return _forward(window)(x, kernel)


def _convolve_backward(window: Window, residuals: tuple[Array, Array], dy: Array) -> tuple[Array, Array]:
    x, kernel = residuals
    dy = materialized(dy)
    strides, pads, gaps, dilation = window
    backwards = _backwards(x, kernel, dy, window)
    dx = _convolve(dy, _turned(kernel), backwards)
    if set(gaps) != {1}:  # XLA is fast where the smaller array is the kernel
        sliding = backwards._replace(strides=dilation, dilation=gaps)
        turned = _convolve(jnp.swapaxes(dy, 0, -1), jnp.moveaxis(x, 0, -2), sliding)
        return dx, _turned(jnp.moveaxis(turned, 0, -2))
    low = [p for p, _ in pads]
    ends = _pads_to_reach(kernel.shape[:-2], dilation, x.shape[1:-1], reach(dy.shape[1:-1], strides), low)
    x, ends = _cropped(jnp.swapaxes(x, 0, -1), ends)
    d_kernel = _convolve(x, jnp.moveaxis(dy, 0, -2), Window(dilation, ends, gaps, strides))
    return dx, jnp.moveaxis(d_kernel, 0, -2)


_convolve.defvjp(lambda x, kernel, window: (_convolve(x, kernel, window), (x, kernel)), _convolve_backward)


def _backwards(x: Array, kernel: Array, dy: Array, window: Window) -> Window:
    """The window of the convolution of the output's gradient with the turned kernel: the gradient of the input."""
    spans = reach(kernel.shape[:-2], window.dilation)
    low = [s - 1 - p for s, (p, _) in zip(spans, window.pads, strict=True)]
    pads = _pads_to_reach(x.shape[1:-1], window.gaps, reach(dy.shape[1:-1], window.strides), spans, low)
    return Window(window.gaps, pads, window.strides, window.dilation)


def _pads_to_reach(size: Sizes, strides: Sizes, space: Sizes, spans: Sizes, low: list[int]) -> Pads:
    """The padding, `low` and the rest, with which a convolution over `space` gives `size` elements.

    For n windows of span w, a stride t apart, the padded space must have (n - 1) * t + w elements.
    """
    return tuple((p, (n - 1) * t + w - m - p) for n, t, m, w, p in zip(size, strides, space, spans, low, strict=True))


def _turned(kernel: Array) -> Array:
    """The kernel for the gradient: reversed along space, with channels and filters swapped."""
    return jnp.flip(kernel, range(kernel.ndim - 2)).swapaxes(-1, -2)


def _padded(x: Array, window: Window) -> Array:
    edges = [(low, high, gap - 1) for (low, high), gap in zip(window.pads, window.gaps, strict=True)]
    return lax.pad(x, jnp.zeros((), x.dtype), [(0, 0, 0), *edges, (0, 0, 0)])


def _cropped(x: Array, pads: Pads) -> tuple[Array, Pads]:
    """Crop x where the padding is negative, since XLA's fast convolution cannot; the padding that is left."""
    inside = (slice(max(-low, 0), n - max(-high, 0)) for n, (low, high) in zip(x.shape[1:-1], pads, strict=True))
    return x[(slice(None), *inside)], tuple((max(low, 0), max(high, 0)) for low, high in pads)


@functools.lru_cache(maxsize=1024)
def _forward(window: Window) -> Any:
    """The convolution itself, with a rule of its own for `vmap`: JAX's makes groups of several kernels, which are slow here."""

    @jax.custom_batching.custom_vmap
    def forward(x: Array, kernel: Array) -> Array:
        few = x.shape[-1] <= _FEW_CHANNELS and math.prod(kernel.shape[:-1]) <= _FEW_NUMBERS and set(window.gaps) == {1}
        return _by_patches(x, kernel, window) if few else _by_xla(x, kernel, window)

    @forward.def_vmap
    def mapped(count: int, batched: Any, x: Array, kernel: Array) -> tuple[Array, bool]:
        if not batched[1]:  # one kernel: more examples
            y = forward(x.reshape(-1, *x.shape[2:]), kernel)
            return y.reshape(count, -1, *y.shape[1:]), True
        if not batched[0]:  # one input: more filters
            y = forward(x, jnp.moveaxis(kernel, 0, -2).reshape(*kernel.shape[1:-1], -1))
            return jnp.moveaxis(y.reshape(*y.shape[:-1], count, -1), -2, 0), True
        return lax.map(lambda pair: forward(*pair), (x, kernel)), True

    return forward


def _by_patches(x: Array, kernel: Array, window: Window) -> Array:
    """All patches as the rows of one matrix, gathered by index, times the kernel: faster where there are few channels."""
    size = kernel.shape[:-2]
    x = _padded(x, window)
    places = jnp.arange(math.prod(x.shape[1:]), dtype=jnp.int32).reshape(1, *x.shape[1:])
    index = jnp.stack([tap for _, tap in taps(places, size, window.strides, window.dilation)], -2)
    patches = x.reshape(x.shape[0], -1).at[:, index.reshape(-1)].get(mode="promise_in_bounds")
    y = patches.reshape(-1, math.prod(kernel.shape[:-1])) @ kernel.reshape(-1, kernel.shape[-1])
    return y.reshape(x.shape[0], *index.shape[1:-2], kernel.shape[-1])
