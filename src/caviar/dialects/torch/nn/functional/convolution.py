"""Products with weights: linear, bilinear, convolutions and their transposes, channels first."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from caviar.dialects.torch.functions import operation
from caviar.errors import ShapeError
from caviar.graph.products import matmul
from caviar.layers.lowering import convolution
from caviar.layers.lowering.sums import add
from caviar.layers.lowering.windows import sizes

__all__ = [
    "bilinear",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
    "linear",
]

Array = jax.Array


@partial(operation, operands=3)
def linear(input: Array, weight: Array, bias: Array | None = None) -> Array:
    """`input @ weight.T + bias`."""
    y = matmul(input, weight.T)
    return y if bias is None else y + bias


@partial(operation, operands=4)
def bilinear(input1: Array, input2: Array, weight: Array, bias: Array | None = None) -> Array:
    """`input1 @ weight[k] @ input2` for each output k, plus the bias."""
    y = jnp.einsum("...i,kij,...j->...k", input1, weight, input2)
    return y if bias is None else y + bias


def batched(input: Array, rank: int) -> Array:
    """The input channels last, with a batch even if it is a single example."""
    if input.ndim not in (rank + 1, rank + 2):
        raise ShapeError(
            f"over {rank} axes of space the input has {rank + 2} dimensions, or {rank + 1}, and not {input.shape}"
        )
    return jnp.moveaxis(input if input.ndim == rank + 2 else input[None], 1, -1)


def as_given(y: Array, input: Array) -> Array:
    """The output channels first, without a batch if the input had none."""
    y = jnp.moveaxis(y, -1, 1)
    return y if input.ndim == y.ndim else y[0]


def _conv(rank: int) -> Any:
    def conv(
        input: Array, weight: Array, bias: Array | None = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
        groups: int = 1, padding_mode: str = "zeros",
    ) -> Array:  # fmt: skip
        x, kernel = batched(input, rank), jnp.transpose(weight, (*range(2, rank + 2), 1, 0))
        steps, gaps = sizes(stride, rank), sizes(dilation, rank)
        edges = _edges(padding, rank, kernel.shape, gaps)
        if any(map(any, edges)):
            mode = {"zeros": "constant", "replicate": "edge", "circular": "wrap"}.get(padding_mode, padding_mode)
            x = jnp.pad(x, [(0, 0), *edges, (0, 0)], mode=mode)
        y = convolution.conv(x, kernel, steps, "valid", gaps, groups)
        return as_given(y if bias is None else add(y, bias), input)

    conv.__name__ = f"conv{rank}d"
    conv.__doc__ = f"A convolution over {rank} axes of space, channels first."
    return operation(conv, 3)


def _edges(padding: Any, rank: int, kernel: tuple[int, ...], dilation: tuple[int, ...]) -> list[tuple[int, int]]:
    if padding == "same":
        total = [(k - 1) * d for k, d in zip(kernel, dilation, strict=False)]
        return [(t // 2, t - t // 2) for t in total[:rank]]
    return [(p, p) for p in sizes(0 if padding == "valid" else padding, rank)]


def _conv_transpose(rank: int) -> Any:
    def conv_transpose(
        input: Array, weight: Array, bias: Array | None = None, stride: Any = 1, padding: Any = 0, output_padding: Any = 0,
        groups: int = 1, dilation: Any = 1,
    ) -> Array:  # fmt: skip
        x, kernel = batched(input, rank), jnp.transpose(weight, (*range(2, rank + 2), 1, 0))
        steps, gaps, extra = sizes(stride, rank), sizes(dilation, rank), sizes(output_padding, rank)
        y = jnp.concatenate([
            convolution.conv_transpose(part, filters, steps, "valid", gaps, extra)
            for part, filters in zip(jnp.split(x, groups, -1), jnp.split(kernel, groups, -1), strict=True)
        ], -1)  # fmt: skip
        inside = [slice(p, n - p) for p, n in zip(sizes(padding, rank), y.shape[1:-1], strict=True)]
        y = y[:, *inside]
        return as_given(y if bias is None else add(y, bias), input)

    conv_transpose.__name__ = f"conv_transpose{rank}d"
    conv_transpose.__doc__ = f"The transpose of a convolution over {rank} axes of space, channels first."
    return operation(conv_transpose, 3)


conv1d, conv2d, conv3d = map(_conv, (1, 2, 3))
conv_transpose1d, conv_transpose2d, conv_transpose3d = map(_conv_transpose, (1, 2, 3))
