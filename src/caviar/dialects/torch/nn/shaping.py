"""Modules that change shapes: flattening, padding, resizing."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from caviar.declarations import Each, Number, Sizes
from caviar.dialects.torch.nn import functional as F
from caviar.dialects.torch.nn.applied import Applied
from caviar.dialects.torch.nn.module import Module
from caviar.dialects.torch.shapes import flatten, unflatten
from caviar.layers.lowering.windows import sizes


class Identity(Module):
    """The input itself; takes any arguments."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()

    def forward(self, input: Any) -> Any:
        """The input."""
        return input


def _flat(input: Any, start_dim: int = 1, end_dim: int = -1) -> Any:
    return flatten(input, start_dim, end_dim)


class Flatten(Applied):
    """All dimensions but the batch merged into one."""

    function = _flat
    shown = ("start_dim", "end_dim")


def _unflat(input: Any, dim: int, unflattened_size: Any) -> Any:
    return unflatten(input, dim, unflattened_size)


class Unflatten(Applied):
    """One dimension split into several.

    >>> from caviar.dialects.torch.nn import Unflatten
    >>> Unflatten(1, (2, 3))
    Unflatten(dim=1, unflattened_size=(2, 3))
    """

    function = _unflat
    shown = ("dim", "unflattened_size")


class _Pad(Module):
    """The base of padding: numbers of values before and after each axis of space, beginning with the last axis."""

    rank: ClassVar[int]
    mode: ClassVar[str]

    def __init__(self, padding: Any) -> None:
        super().__init__()
        self.padding = sizes(padding, 2 * self.rank)

    def forward(self, input: Any) -> Any:
        """The padded input."""
        return F.pad(input, self.padding, self.mode)

    def extra_repr(self) -> str:
        """The edges."""
        return str(self.padding)


class _ConstantPad(_Pad):
    def __init__(self, padding: Any, value: float) -> None:
        super().__init__(padding)
        self.value = value

    def forward(self, input: Any) -> Any:
        """The padded input."""
        return F.pad(input, self.padding, "constant", self.value)

    def extra_repr(self) -> str:
        """The edges and their value."""
        return f"padding={self.padding}, value={self.value}"


class ZeroPad1d(_Pad):
    """Zeros around sequences."""

    rank, mode = 1, "constant"


class ZeroPad2d(_Pad):
    """Zeros around images."""

    rank, mode = 2, "constant"


class ZeroPad3d(_Pad):
    """Zeros around volumes."""

    rank, mode = 3, "constant"


class ReflectionPad1d(_Pad):
    """Sequences, mirrored at their edges."""

    rank, mode = 1, "reflect"


class ReflectionPad2d(_Pad):
    """Images, mirrored at their edges."""

    rank, mode = 2, "reflect"


class ReflectionPad3d(_Pad):
    """Volumes, mirrored at their edges."""

    rank, mode = 3, "reflect"


class ReplicationPad1d(_Pad):
    """Sequences, whose edges are repeated."""

    rank, mode = 1, "replicate"


class ReplicationPad2d(_Pad):
    """Images, whose edges are repeated."""

    rank, mode = 2, "replicate"


class ReplicationPad3d(_Pad):
    """Volumes, whose edges are repeated."""

    rank, mode = 3, "replicate"


class CircularPad1d(_Pad):
    """Sequences padded with values from the opposite end."""

    rank, mode = 1, "circular"


class CircularPad2d(_Pad):
    """Images padded with values from the opposite edge."""

    rank, mode = 2, "circular"


class CircularPad3d(_Pad):
    """Volumes padded with values from the opposite side."""

    rank, mode = 3, "circular"


class ConstantPad1d(_ConstantPad):
    """One number around sequences."""

    rank = 1


class ConstantPad2d(_ConstantPad):
    """One number around images."""

    rank = 2


class ConstantPad3d(_ConstantPad):
    """One number around volumes."""

    rank = 3


_Factor = Annotated[Any, Each(Number(above=0))]


class Upsample(Applied):
    """Images, sequences or volumes resized to a size, or by a factor.

    >>> from caviar.dialects.torch.nn import Upsample
    >>> Upsample(scale_factor=2.0)
    Upsample(scale_factor=2.0, mode='nearest')
    """

    function = F.interpolate
    fixed = ("scale_factor",)

    def __init__(
        self, size: Sizes | None = None, scale_factor: _Factor | None = None, mode: str = "nearest", align_corners: bool | None = None,
        recompute_scale_factor: bool | None = None,
    ) -> None:  # fmt: skip
        scale = scale_factor and (
            tuple(map(float, scale_factor)) if isinstance(scale_factor, (tuple, list)) else float(scale_factor)
        )
        super().__init__(size, scale, mode, align_corners, recompute_scale_factor)

    def extra_repr(self) -> str:
        """The size or the factor."""
        what = "size" if self.scale_factor is None else "scale_factor"
        return f"{what}={getattr(self, what)!r}, mode={self.mode!r}"


class UpsamplingNearest2d(Upsample):
    """Images with pixels repeated."""

    def __init__(self, size: Any = None, scale_factor: Any = None) -> None:
        super().__init__(size, scale_factor)


class UpsamplingBilinear2d(Upsample):
    """Images enlarged by bilinear interpolation, with the corners aligned."""

    def __init__(self, size: Any = None, scale_factor: Any = None) -> None:
        super().__init__(size, scale_factor, "bilinear", True)


class PixelShuffle(Applied):
    """Groups of channels rearranged as blocks of pixels: images become larger."""

    function = F.pixel_shuffle
    shown = ("upscale_factor",)


class PixelUnshuffle(Applied):
    """Blocks of pixels rearranged as channels: the inverse of `PixelShuffle`."""

    function = F.pixel_unshuffle
    shown = ("downscale_factor",)


class ChannelShuffle(Applied):
    """The channels reordered: the first of every group, then the second of every group, ..."""

    function = F.channel_shuffle
    shown = ("groups",)


class Unfold(Applied):
    """The patches that a window meets on an image, each as a column."""

    function = F.unfold
    shown = ("kernel_size", "dilation", "padding", "stride")


class Fold(Applied):
    """Patches summed at their places in an image: the transpose of `Unfold`."""

    function = F.fold
    shown = ("output_size", *Unfold.shown)


class CosineSimilarity(Applied):
    """The cosine of the angle between the vectors along `dim`."""

    function, tensors = F.cosine_similarity, 2
    hidden = ("dim", "eps")


class PairwiseDistance(Applied):
    """The p-norm of `x1 - x2 + eps` along the last axis."""

    function, tensors = F.pairwise_distance, 2
    hidden, fixed = ("p", "eps", "keepdim"), ("p",)
