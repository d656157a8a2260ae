"""Segments, Fourier transforms and special functions."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from caviar import config
from caviar.declarations import Count, Size
from caviar.errors import ArgumentError
from caviar.ops.words import Function, in_keras_words, in_words, table_of

_SEGMENTS = "data segment_ids num_segments=None sorted=False /"


def top_k(x: jax.Array, k: Size, sorted: bool = True) -> list[jax.Array]:
    """The k largest entries of the last axis, the largest first, and their places.

    >>> import jax.numpy as jnp
    >>> from caviar.ops.tables.calculus import top_k
    >>> [v.tolist() for v in top_k(jnp.array([3, 1, 2]), 2)]
    [[3, 2], [0, 2]]
    """
    del sorted  # they always are
    return list(jax.lax.top_k(x, k))


def in_top_k(targets: jax.Array, predictions: jax.Array, k: Count) -> jax.Array:
    """Whether each row's target is among the k largest predictions of the row.

    >>> import jax.numpy as jnp
    >>> from caviar.ops.tables.calculus import in_top_k
    >>> in_top_k(jnp.array([0, 1]), jnp.array([[0.9, 0.1], [0.9, 0.1]]), 1).tolist()
    [True, False]
    """
    chosen = jnp.take_along_axis(predictions, targets[..., None], -1)
    return jnp.isfinite(chosen[..., 0]) & (jnp.sum(predictions > chosen, -1) < k)


def logdet(x: jax.Array) -> jax.Array:
    """The logarithm of the determinant of a positive definite matrix.

    >>> import jax.numpy as jnp
    >>> from caviar.ops.tables.calculus import logdet
    >>> logdet(jnp.eye(2)).item()
    0.0
    """
    return jnp.linalg.slogdet(x)[1]


def cdist(x: jax.Array, y: jax.Array) -> jax.Array:
    """The distance of every row of x to every row of y.

    >>> import jax.numpy as jnp
    >>> from caviar.ops.tables.calculus import cdist
    >>> cdist(jnp.array([[0.0, 0.0]]), jnp.array([[3.0, 4.0]])).tolist()
    [[5.0]]
    """
    square = jnp.sum((x[..., :, None, :] - y[..., None, :, :]) ** 2, -1)
    return jnp.where(square == 0, 0.0, jnp.sqrt(jnp.where(square == 0, 1.0, square)))


def fft(x: Any) -> tuple[jax.Array, jax.Array]:
    """The discrete Fourier transform of the last axis, taken and given as a pair (real, imaginary).

    >>> import jax.numpy as jnp
    >>> from caviar.ops.tables.calculus import fft
    >>> [v.tolist() for v in fft((jnp.ones(2), jnp.zeros(2)))]
    [[2.0, 0.0], [0.0, 0.0]]
    """
    return _pair(jnp.fft.fft(_complex(x)))


def fft2(x: Any) -> tuple[jax.Array, jax.Array]:
    """The discrete Fourier transform of the last two axes, taken and given as a pair (real, imaginary).

    >>> import jax.numpy as jnp
    >>> from caviar.ops.tables.calculus import fft2
    >>> fft2((jnp.ones((2, 2)), jnp.zeros((2, 2))))[0].tolist()
    [[4.0, 0.0], [0.0, 0.0]]
    """
    return _pair(jnp.fft.fft2(_complex(x)))


def ifft2(x: Any) -> tuple[jax.Array, jax.Array]:
    """The inverse of `fft2`.

    >>> import jax.numpy as jnp
    >>> from caviar.ops.tables.calculus import ifft2
    >>> ifft2((jnp.array([[4.0, 0.0], [0.0, 0.0]]), jnp.zeros((2, 2))))[0].tolist()
    [[1.0, 1.0], [1.0, 1.0]]
    """
    return _pair(jnp.fft.ifft2(_complex(x)))


def rfft(x: jax.Array, fft_length: Size | None = None) -> tuple[jax.Array, jax.Array]:
    """The discrete Fourier transform of real numbers along the last axis, as a pair (real, imaginary).

    >>> import jax.numpy as jnp
    >>> from caviar.ops.tables.calculus import rfft
    >>> rfft(jnp.ones(2))[0].tolist()
    [2.0, 0.0]
    """
    return _pair(jnp.fft.rfft(x, fft_length))


def irfft(x: Any, fft_length: Size | None = None) -> jax.Array:
    """The inverse of `rfft`.

    >>> import jax.numpy as jnp
    >>> from caviar.ops.tables.calculus import irfft
    >>> irfft((jnp.array([2.0, 0.0]), jnp.zeros(2))).tolist()
    [1.0, 1.0]
    """
    return jnp.fft.irfft(_complex(x), fft_length)


def _complex(pair: Any) -> jax.Array:
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        raise ArgumentError(f"a Fourier transform takes a pair (real, imaginary), and was given {pair!r}")
    return jax.lax.complex(jnp.asarray(pair[0]) * 1.0, jnp.asarray(pair[1]) * 1.0)


def _pair(x: jax.Array) -> tuple[jax.Array, jax.Array]:
    return x.real, x.imag


def view_as_complex(x: jax.Array) -> jax.Array:
    """Pairs in the last axis as complex numbers.

    >>> import jax.numpy as jnp
    >>> from caviar.ops.tables.calculus import view_as_complex
    >>> view_as_complex(jnp.array([[1.0, 2.0]])).tolist()
    [(1+2j)]
    """
    return jax.lax.complex(x[..., 0], x[..., 1])


def view_as_real(x: jax.Array) -> jax.Array:
    """Complex numbers as pairs in a last axis.

    >>> import jax.numpy as jnp
    >>> from caviar.ops.tables.calculus import view_as_real
    >>> view_as_real(jnp.array([1 + 2j])).tolist()
    [[1.0, 2.0]]
    """
    return jnp.stack([x.real, x.imag], -1)


def extract_sequences(x: jax.Array, sequence_length: Size, sequence_stride: Size) -> jax.Array:
    """Pieces of the last axis of one length, a stride apart.

    >>> import jax.numpy as jnp
    >>> from caviar.ops.tables.calculus import extract_sequences
    >>> extract_sequences(jnp.arange(4), 2, 1).tolist()
    [[0, 1], [1, 2], [2, 3]]
    """
    count = 1 + (x.shape[-1] - sequence_length) // sequence_stride
    starts = jnp.arange(count)[:, None] * sequence_stride
    return x[..., starts + jnp.arange(sequence_length)]


def stft(
    x: jax.Array,
    sequence_length: Size,
    sequence_stride: Size,
    fft_length: Size,
    window: Any = "hann",
    center: bool = True,
) -> tuple[jax.Array, jax.Array]:
    """The Fourier transforms of overlapping pieces of a signal, each weighted by a window.

    >>> import jax.numpy as jnp
    >>> from caviar.ops.tables.calculus import stft
    >>> stft(jnp.ones(8), 4, 2, 4)[0].shape
    (5, 3)
    """
    if center:
        x = jnp.pad(x, [(0, 0)] * (x.ndim - 1) + [(fft_length // 2, fft_length // 2)], mode="reflect")
    weights = _window(window, sequence_length, fft_length, x.dtype)
    return _pair(jnp.fft.rfft(extract_sequences(x, fft_length, sequence_stride) * weights))


def istft(
    x: Any,
    sequence_length: Size,
    sequence_stride: Size,
    fft_length: Size,
    length: Size | None = None,
    window: Any = "hann",
    center: bool = True,
) -> jax.Array:
    """The signal whose `stft` this is.

    >>> import jax.numpy as jnp
    >>> from caviar.ops.tables.calculus import istft, stft
    >>> print(istft(stft(jnp.ones(8), 4, 2, 4), 4, 2, 4).round(4))
    [1. 1. 1. 1. 1. 1. 1. 1.]
    """
    pieces = irfft(x, fft_length)
    weights = _window(window, sequence_length, fft_length, pieces.dtype)
    total = (pieces.shape[-2] - 1) * sequence_stride + fft_length
    places = jnp.arange(pieces.shape[-2])[:, None] * sequence_stride + jnp.arange(fft_length)
    signal = jnp.zeros((*pieces.shape[:-2], total), pieces.dtype).at[..., places].add(pieces * weights)
    scale = jnp.zeros(total, pieces.dtype).at[places].add(jnp.broadcast_to(weights**2, places.shape))
    signal = signal / jnp.where(scale > jnp.finfo(scale.dtype).tiny, scale, 1)
    start = fft_length // 2 if center else 0
    end = start + length if length is not None else (total - start if center else total)
    return signal[..., start:end]


def _window(window: Any, length: int, fft_length: int, dtype: Any) -> jax.Array:
    """The weights of a piece, with zeros on both sides up to the length that is transformed."""
    if window is None:
        weights = jnp.ones(length, dtype)
    elif isinstance(window, str):
        if window not in ("hann", "hamming"):
            raise ArgumentError(f"window must be 'hann', 'hamming', None or an array, and is {window!r}")
        share = 0.5 if window == "hann" else 0.54
        weights = share - (1 - share) * jnp.cos(2 * jnp.pi * jnp.arange(length) / length)
    else:
        weights = jnp.asarray(window)
    before = (fft_length - length) // 2
    return jnp.pad(weights.astype(dtype), (before, fft_length - length - before))


def erf(x: jax.Array) -> jax.Array:
    """The error function.

    >>> import jax.numpy as jnp
    >>> from caviar.ops.tables.calculus import erf
    >>> erf(jnp.array(0.0)).item()
    0.0
    """
    return jax.scipy.special.erf(x)


def erfinv(x: jax.Array) -> jax.Array:
    """The inverse of the error function.

    >>> import jax.numpy as jnp
    >>> from caviar.ops.tables.calculus import erfinv
    >>> erfinv(jnp.array(0.0)).item()
    0.0
    """
    return jax.scipy.special.erfinv(x)


def erfc(x: jax.Array) -> jax.Array:
    """1 minus the error function.

    >>> import jax.numpy as jnp
    >>> from caviar.ops.tables.calculus import erfc
    >>> erfc(jnp.array(0.0)).item()
    1.0
    """
    return jax.scipy.special.erfc(x * 1.0 if jnp.issubdtype(x.dtype, jnp.integer) else x).astype(
        x.dtype if jnp.issubdtype(x.dtype, jnp.floating) else config.floatx()
    )


def rsqrt(x: jax.Array) -> jax.Array:
    """1 / sqrt(x).

    >>> import jax.numpy as jnp
    >>> from caviar.ops.tables.calculus import rsqrt
    >>> rsqrt(jnp.array(4.0)).item()
    0.5
    """
    return jax.lax.rsqrt(x)


TABLE: dict[str, Function] = {
    **in_words(jax.ops, {_SEGMENTS: "segment_max segment_min segment_prod segment_sum"}),
    "logsumexp": in_keras_words(jax.nn.logsumexp, "x / axis=None keepdims=False"),
    **table_of(
        cdist, erf, erfc, erfinv, extract_sequences, fft, fft2, ifft2, in_top_k, irfft, istft, logdet, rfft, rsqrt, stft, top_k,
        view_as_complex, view_as_real,
    ),
}  # fmt: skip
