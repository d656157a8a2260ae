"""Convolutions, their transposes, and the lazy forms of both. Parameters are initialized as in PyTorch."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from caviar.declarations import Count, Size
from caviar.dialects.torch.nn import functional as F
from caviar.dialects.torch.nn.lazy import Lazy
from caviar.dialects.torch.nn.linear import around_zero
from caviar.dialects.torch.nn.module import Module
from caviar.errors import ArgumentError, ShapeError, unknown_name
from caviar.layers.lowering.windows import sizes


class _Window(Module):
    """The base of convolutions and their transposes."""

    rank: ClassVar[int]
    function: ClassVar[Any]

    def _set(
        self, in_channels: Count, out_channels: Count, kernel_size: Any, stride: Any, padding: Any, dilation: Any, groups: Size,
        padding_mode: str,
    ) -> None:  # fmt: skip
        if in_channels % groups or out_channels % groups:
            raise ArgumentError(f"{groups} groups do not divide {in_channels} input and {out_channels} output channels")
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size, self.stride, self.dilation = (sizes(v, self.rank) for v in (kernel_size, stride, dilation))
        self.padding = padding if isinstance(padding, str) else sizes(padding, self.rank)
        self.output_padding, self.padding_mode = (0,) * self.rank, padding_mode

    def _make(self, shape: tuple[int, ...], bias: bool) -> None:
        self.weight = around_zero(shape, math.prod(shape[1:]))
        self.bias = around_zero((self.out_channels,), math.prod(shape[1:])) if bias else None

    def _check(self, input: Any) -> None:
        if input.ndim not in (self.rank + 1, self.rank + 2) or input.shape[-self.rank - 1] != self.in_channels:
            space = ", ".join(("steps",) if self.rank == 1 else ("depth", "height", "width")[-self.rank :])
            raise ShapeError(
                f"{type(self).__name__} takes (n, {self.in_channels}, {space}), and was given {tuple(input.shape)}"
            )

    def extra_repr(self) -> str:
        """The sizes."""
        text = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        zeros = (0,) * self.rank
        text += f", padding={self.padding}" if self.padding != zeros else ""
        text += f", dilation={self.dilation}" if self.dilation != (1,) * self.rank else ""
        text += f", output_padding={self.output_padding}" if self.output_padding != zeros else ""
        text += f", groups={self.groups}" if self.groups != 1 else ""
        text += ", bias=False" if self.bias is None else ""
        return text + (f", padding_mode={self.padding_mode}" if self.padding_mode != "zeros" else "")


class _Conv(_Window):
    def __init__(
        self, in_channels: Count, out_channels: Count, kernel_size: Any, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
        groups: Size = 1, bias: bool = True, padding_mode: str = "zeros", device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        if padding_mode not in (modes := ("zeros", "reflect", "replicate", "circular")):
            raise unknown_name("padding_mode", padding_mode, modes)
        self._set(in_channels, out_channels, kernel_size, stride, padding, dilation, groups, padding_mode)
        if padding == "same" and set(self.stride) != {1}:
            raise ArgumentError("padding='same' is for stride 1: give the padding as numbers")
        self._make((out_channels, in_channels // groups, *self.kernel_size), bias)

    def forward(self, input: Any) -> Any:
        """The products of the kernel with every window of the input, plus the bias."""
        self._check(input)
        return type(self).function(
            input, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups, self.padding_mode
        )


class _ConvTranspose(_Window):
    def __init__(
        self, in_channels: Count, out_channels: Count, kernel_size: Any, stride: Any = 1, padding: Any = 0,
        output_padding: Any = 0, groups: Size = 1, bias: bool = True, dilation: Any = 1, padding_mode: str = "zeros",
        device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        if padding_mode != "zeros":
            raise ArgumentError(f"transposed convolutions pad with zeros only, and were given {padding_mode!r}")
        self._set(in_channels, out_channels, kernel_size, stride, padding, dilation, groups, padding_mode)
        self.output_padding = sizes(output_padding, self.rank)
        self._make((in_channels, out_channels // groups, *self.kernel_size), bias)

    def forward(self, input: Any, output_size: Any = None) -> Any:
        """Every value of the input times the kernel, summed where they overlap, plus the bias; `output_size` resolves ambiguity."""
        self._check(input)
        extra = self.output_padding if output_size is None else self._extra(input, tuple(output_size)[-self.rank :])
        return type(self).function(
            input, self.weight, self.bias, self.stride, self.padding, extra, self.groups, self.dilation
        )

    def _extra(self, input: Any, wanted: tuple[int, ...]) -> tuple[int, ...]:
        own: Any = zip(
            input.shape[-self.rank :], self.kernel_size, self.stride, self.padding, self.dilation, strict=True
        )
        least = [(n - 1) * s - 2 * p + d * (k - 1) + 1 for n, k, s, p, d in own]
        extra = tuple(w - n for w, n in zip(wanted, least, strict=True))
        if not all(0 <= e < s for e, s in zip(extra, self.stride, strict=True)):
            most = [n + s - 1 for n, s in zip(least, self.stride, strict=True)]
            raise ShapeError(f"output_size {wanted} must lie between {tuple(least)} and {tuple(most)}")
        return extra


class Conv1d(_Conv):
    """Filters that slide along sequences (batch, channels, steps)."""

    rank, function = 1, F.conv1d


class Conv2d(_Conv):
    """Filters that slide over images (batch, channels, height, width).

    >>> from caviar.dialects.torch.nn import Conv2d
    >>> Conv2d(1, 8, 3, padding=1)
    Conv2d(1, 8, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))
    """

    rank, function = 2, F.conv2d


class Conv3d(_Conv):
    """Filters that slide over volumes (batch, channels, depth, height, width)."""

    rank, function = 3, F.conv3d


class ConvTranspose1d(_ConvTranspose):
    """The transpose of `Conv1d`: makes sequences longer."""

    rank, function = 1, F.conv_transpose1d


class ConvTranspose2d(_ConvTranspose):
    """The transpose of `Conv2d`: makes images larger.

    >>> from caviar.dialects.torch.nn import ConvTranspose2d
    >>> ConvTranspose2d(8, 1, 3, stride=2)
    ConvTranspose2d(8, 1, kernel_size=(3, 3), stride=(2, 2))
    """

    rank, function = 2, F.conv_transpose2d


class ConvTranspose3d(_ConvTranspose):
    """The transpose of `Conv3d`: makes volumes larger."""

    rank, function = 3, F.conv_transpose3d


class LazyConv1d(Lazy, Conv1d):
    """`Conv1d` for any number of channels."""

    becomes, axis = Conv1d, -2


class LazyConv2d(Lazy, Conv2d):
    """`Conv2d` for any number of channels."""

    becomes, axis = Conv2d, -3


class LazyConv3d(Lazy, Conv3d):
    """`Conv3d` for any number of channels."""

    becomes, axis = Conv3d, -4


class LazyConvTranspose1d(Lazy, ConvTranspose1d):
    """`ConvTranspose1d` for any number of channels."""

    becomes, axis = ConvTranspose1d, -2


class LazyConvTranspose2d(Lazy, ConvTranspose2d):
    """`ConvTranspose2d` for any number of channels."""

    becomes, axis = ConvTranspose2d, -3


class LazyConvTranspose3d(Lazy, ConvTranspose3d):
    """`ConvTranspose3d` for any number of channels."""

    becomes, axis = ConvTranspose3d, -4
