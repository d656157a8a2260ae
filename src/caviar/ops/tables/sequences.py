"""Rearranging blocks of pixels, and alignments of label sequences (CTC)."""

from __future__ import annotations

from typing import Annotated, Any

import jax
import jax.numpy as jnp
import optax

from caviar.declarations import Count, Counts, DataFormat, OneOf, Size, Sizes
from caviar.errors import ArgumentError
from caviar.layers.lowering.windows import sizes
from caviar.ops.words import Function, table_of


def depth_to_space(x: jax.Array, block_size: Size, data_format: DataFormat = "channels_last") -> jax.Array:
    """Channels as blocks of pixels.

    >>> import jax.numpy as jnp
    >>> from caviar.ops.tables.sequences import depth_to_space
    >>> depth_to_space(jnp.arange(4).reshape(1, 1, 1, 4), 2)[0, ..., 0].tolist()
    [[0, 1], [2, 3]]
    """
    first, b = data_format == "channels_first", block_size
    n, height, width, channels = (x.shape[0], *x.shape[2:], x.shape[1]) if first else x.shape
    if first:
        blocks = x.reshape(n, channels // b**2, b, b, height, width).transpose(0, 1, 4, 2, 5, 3)
        return blocks.reshape(n, channels // b**2, height * b, width * b)
    blocks = x.reshape(n, height, width, b, b, channels // b**2).transpose(0, 1, 3, 2, 4, 5)
    return blocks.reshape(n, height * b, width * b, channels // b**2)


def space_to_depth(x: jax.Array, block_size: Size, data_format: DataFormat = "channels_last") -> jax.Array:
    """Blocks of pixels as channels.

    >>> import jax.numpy as jnp
    >>> from caviar.ops.tables.sequences import space_to_depth
    >>> space_to_depth(jnp.arange(4).reshape(1, 2, 2, 1), 2).ravel().tolist()
    [0, 1, 2, 3]
    """
    first, b = data_format == "channels_first", block_size
    n, height, width, channels = (x.shape[0], *x.shape[2:], x.shape[1]) if first else x.shape
    if first:
        blocks = x.reshape(n, channels, height // b, b, width // b, b).transpose(0, 1, 3, 5, 2, 4)
        return blocks.reshape(n, channels * b**2, height // b, width // b)
    blocks = x.reshape(n, height // b, b, width // b, b, channels).transpose(0, 1, 3, 2, 4, 5)
    return blocks.reshape(n, height // b, width // b, channels * b**2)


def unfold(x: jax.Array, kernel_size: Sizes, dilation: Sizes = 1, padding: Counts = 0, stride: Sizes = 1) -> jax.Array:
    """The patches of images (n, channels, height, width), as (n, channels * patch, patches).

    >>> import jax.numpy as jnp
    >>> from caviar.ops.tables.sequences import unfold
    >>> unfold(jnp.ones((1, 2, 4, 4)), 2, stride=2).shape
    (1, 8, 4)
    """
    rows, columns = _taps(x.shape[2:], kernel_size, dilation, padding, stride)
    edges = [(p, p) for p in sizes(padding, 2)]
    padded = jnp.pad(x, [(0, 0), (0, 0), *edges])
    patches = padded[:, :, rows[:, None, :, None], columns[None, :, None, :]]
    return patches.reshape(x.shape[0], x.shape[1] * rows.shape[0] * columns.shape[0], -1)


def fold(
    x: jax.Array,
    output_size: Sizes,
    kernel_size: Sizes,
    dilation: Sizes = 1,
    padding: Counts = 0,
    stride: Sizes = 1,
) -> jax.Array:
    """Images from patches; what overlaps is summed.

    >>> import jax.numpy as jnp
    >>> from caviar.ops.tables.sequences import fold
    >>> fold(jnp.ones((1, 8, 4)), (4, 4), 2, stride=2).shape
    (1, 2, 4, 4)
    """
    space, pads = sizes(output_size, 2), sizes(padding, 2)
    rows, columns = _taps(space, kernel_size, dilation, padding, stride)
    shape = (x.shape[0], -1, rows.shape[0], columns.shape[0], rows.shape[1], columns.shape[1])
    patches = x.reshape(shape)
    whole = jnp.zeros((*patches.shape[:2], *(n + 2 * p for n, p in zip(space, pads, strict=True))), x.dtype)
    whole = whole.at[:, :, rows[:, None, :, None], columns[None, :, None, :]].add(patches)
    return whole[:, :, pads[0] : pads[0] + space[0], pads[1] : pads[1] + space[1]]


def _taps(space: Any, kernel_size: Any, dilation: Any, padding: Any, stride: Any) -> list[jax.Array]:
    """For each axis, the places (tap of the kernel, patch) in the padded image."""
    given = zip(space, *(sizes(v, 2) for v in (kernel_size, dilation, padding, stride)), strict=True)
    return [
        jnp.arange(k)[:, None] * d + jnp.arange((n + 2 * p - d * (k - 1) - 1) // s + 1) * s for n, k, d, p, s in given
    ]


def ctc_loss(
    target: jax.Array, output: jax.Array, target_length: jax.Array, output_length: jax.Array, mask_index: Count = 0
) -> jax.Array:
    """Minus the log-probability of a sequence of labels, over all its alignments with the logits.

    >>> import jax.numpy as jnp
    >>> from caviar.ops.tables.sequences import ctc_loss
    >>> print(ctc_loss(jnp.array([[1]]), jnp.zeros((1, 2, 2)), jnp.array([1]), jnp.array([2])).round(4))
    [0.2877]
    """
    steps = jnp.arange(output.shape[1]) >= output_length[:, None]
    labels = jnp.arange(target.shape[1]) >= target_length[:, None]
    return optax.ctc_loss(output, steps.astype(output.dtype), target, labels.astype(output.dtype), blank_id=mask_index)


def ctc_decode(
    inputs: jax.Array,
    sequence_lengths: jax.Array,
    strategy: Annotated[str, OneOf("greedy", "beam_search")] = "greedy",
    beam_width: Size = 100,
    top_paths: Size = 1,
    merge_repeated: bool = True,
    mask_index: Count = 0,
) -> tuple[jax.Array, jax.Array]:
    """The likeliest label of every step, without blanks and repetitions, padded by -1; and minus the sum of their logits.

    >>> import jax.numpy as jnp
    >>> from caviar.ops.tables.sequences import ctc_decode
    >>> ctc_decode(jnp.eye(3)[jnp.array([[1, 1, 0, 2]])], jnp.array([4]))[0].tolist()
    [[[1, 2, -1, -1]]]
    """
    if strategy == "beam_search":
        raise ArgumentError("ctc_decode searches greedily only: write strategy='greedy'")
    del beam_width, top_paths
    labels = jnp.argmax(inputs, -1)
    inside = jnp.arange(inputs.shape[1]) < sequence_lengths[:, None]
    kept = inside & (labels != mask_index)
    if merge_repeated:
        kept &= jnp.pad(labels[:, 1:] != labels[:, :-1], ((0, 0), (1, 0)), constant_values=True)
    first = jnp.argsort(~kept, axis=1, stable=True)
    found = jnp.where(jnp.take_along_axis(kept, first, 1), jnp.take_along_axis(labels, first, 1), -1)
    score = -jnp.sum(jnp.where(inside, jnp.max(inputs, -1), 0), 1, keepdims=True)
    return found[None].astype("int32"), score


TABLE: dict[str, Function] = table_of(ctc_decode, ctc_loss, depth_to_space, fold, space_to_depth, unfold)
