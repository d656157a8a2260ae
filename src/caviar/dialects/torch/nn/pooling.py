"""Pooling as modules."""

from __future__ import annotations

from typing import Any, ClassVar

from caviar.dialects.torch.nn import functional as F
from caviar.dialects.torch.nn.applied import Applied
from caviar.layers.lowering.windows import sizes


class _Pool(Applied):
    """The base of pooling; by default the window moves by its own size."""

    shown: ClassVar[tuple[str, ...]] = ("kernel_size", "stride", "padding")
    hidden: ClassVar[tuple[str, ...]] = ("ceil_mode", "count_include_pad", "divisor_override")
    stride: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.stride = self.kernel_size if self.stride is None else self.stride


class _MaxPool(_Pool):
    shown = (*_Pool.shown, "dilation", "ceil_mode")
    hidden = ("return_indices",)


class _LPPool(Applied):
    shown, fixed = ("norm_type", "kernel_size", "stride", "ceil_mode"), ("norm_type",)


class _Adaptive(Applied):
    hidden = ("return_indices",)


class _MaxUnpool(Applied):
    """Puts values back at the places that max pooling returned with `return_indices`."""

    tensors = 2
    rank: ClassVar[int]

    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0) -> None:
        super().__init__(
            sizes(kernel_size, self.rank), sizes(stride or kernel_size, self.rank), sizes(padding, self.rank)
        )

    def forward(self, input: Any, indices: Any, output_size: Any = None) -> Any:
        """The larger tensor."""
        return type(self).function(input, indices, self.kernel_size, self.stride, self.padding, output_size)

    def extra_repr(self) -> str:
        """The window."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class MaxPool1d(_MaxPool):
    """The largest value of each window of steps."""

    function = F.max_pool1d


class MaxPool2d(_MaxPool):
    """The largest value of each window of an image."""

    function = F.max_pool2d


class MaxPool3d(_MaxPool):
    """The largest value of each window of a volume."""

    function = F.max_pool3d


class MaxUnpool1d(_MaxUnpool):
    """The values of `MaxPool1d(..., return_indices=True)` back at their places, zeros elsewhere."""

    function, rank = F.max_unpool1d, 1


class MaxUnpool2d(_MaxUnpool):
    """The values of `MaxPool2d(..., return_indices=True)` back at their places, zeros elsewhere."""

    function, rank = F.max_unpool2d, 2


class MaxUnpool3d(_MaxUnpool):
    """The values of `MaxPool3d(..., return_indices=True)` back at their places, zeros elsewhere."""

    function, rank = F.max_unpool3d, 3


class AvgPool1d(_Pool):
    """The mean of each window of steps."""

    function = F.avg_pool1d

    def extra_repr(self) -> str:
        """The window, as PyTorch prints it for one axis."""
        return ", ".join(f"{name}={sizes(getattr(self, name), 1)}" for name in self.shown)


class AvgPool2d(_Pool):
    """The mean of each window of an image."""

    function = F.avg_pool2d


class AvgPool3d(_Pool):
    """The mean of each window of a volume."""

    function = F.avg_pool3d


class LPPool1d(_LPPool):
    """The norm of each window of steps."""

    function = F.lp_pool1d


class LPPool2d(_LPPool):
    """The norm of each window of an image."""

    function = F.lp_pool2d


class LPPool3d(_LPPool):
    """The norm of each window of a volume."""

    function = F.lp_pool3d


class AdaptiveAvgPool1d(_Adaptive):
    """The means of so many parts of a sequence."""

    function = F.adaptive_avg_pool1d
    shown = ("output_size",)


class AdaptiveAvgPool2d(_Adaptive):
    """The means of so many parts of an image."""

    function = F.adaptive_avg_pool2d
    shown = ("output_size",)


class AdaptiveAvgPool3d(_Adaptive):
    """The means of so many parts of a volume."""

    function = F.adaptive_avg_pool3d
    shown = ("output_size",)


class AdaptiveMaxPool1d(_Adaptive):
    """The largest values of so many parts of a sequence."""

    function = F.adaptive_max_pool1d
    shown = ("output_size",)


class AdaptiveMaxPool2d(_Adaptive):
    """The largest values of so many parts of an image."""

    function = F.adaptive_max_pool2d
    shown = ("output_size",)


class AdaptiveMaxPool3d(_Adaptive):
    """The largest values of so many parts of a volume."""

    function = F.adaptive_max_pool3d
    shown = ("output_size",)
