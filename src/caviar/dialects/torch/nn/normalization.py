"""Normalization: over the batch, over each example, over groups of channels."""

from __future__ import annotations

from typing import Any, ClassVar

from caviar.declarations import Count, Size, Sizes
from caviar.dialects.torch import creation
from caviar.dialects.torch.nn import functional as F
from caviar.dialects.torch.nn.applied import Applied
from caviar.dialects.torch.nn.lazy import Lazy
from caviar.dialects.torch.nn.module import Module
from caviar.dialects.torch.weights import Parameter
from caviar.errors import ArgumentError, ShapeError
from caviar.layers.lowering.windows import sizes


class _Tracking(Module):
    """The base of normalizations with running statistics."""

    ranks: ClassVar[tuple[int, ...]]

    def _make(
        self,
        num_features: Count,
        eps: float,
        momentum: float | None,
        affine: bool,
        track_running_stats: bool,
        bias: bool,
    ) -> None:
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.affine, self.track_running_stats = affine, track_running_stats
        n, following = num_features, track_running_stats
        self.weight = Parameter(creation.ones(n)) if affine else None
        self.bias = Parameter(creation.zeros(n)) if affine and bias else None
        self.register_buffer("running_mean", creation.zeros(n) if following else None)
        self.register_buffer("running_var", creation.ones(n) if following else None)
        self.register_buffer("num_batches_tracked", creation.tensor(0) if following else None)

    def _check(self, input: Any) -> None:
        if input.ndim not in self.ranks:
            raise ShapeError(
                f"{type(self).__name__} takes {' or '.join(map(str, self.ranks))} dimensions, batch and channels first, "
                f"and was given {tuple(input.shape)}"
            )

    def extra_repr(self) -> str:
        """The size and the numbers."""
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )


class _BatchNorm(_Tracking):
    def __init__(
        self, num_features: Count, eps: float = 1e-5, momentum: float | None = 0.1, affine: bool = True,
        track_running_stats: bool = True, device: Any = None, dtype: Any = None, bias: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        self._make(num_features, eps, momentum, affine, track_running_stats, bias)

    def forward(self, input: Any) -> Any:
        """The normalized batch."""
        self._check(input)
        return F.batch_norm(
            input, self.running_mean, self.running_var, self.weight, self.bias,
            self.training or not self.track_running_stats, self.momentum, self.eps, self.num_batches_tracked,
        )  # fmt: skip


class BatchNorm1d(_BatchNorm):
    """Every feature, or every channel of a sequence, normalized over the batch."""

    ranks = (2, 3)


class BatchNorm2d(_BatchNorm):
    """Every channel of images normalized over the batch.

    >>> from caviar.dialects.torch.nn import BatchNorm2d
    >>> BatchNorm2d(8)
    BatchNorm2d(8, eps=1e-05, momentum=0.1, affine=True, bias=True, track_running_stats=True)
    """

    ranks = (4,)


class BatchNorm3d(_BatchNorm):
    """Every channel of volumes normalized over the batch."""

    ranks = (5,)


class _InstanceNorm(_Tracking):
    def __init__(
        self, num_features: Count, eps: float = 1e-5, momentum: float = 0.1, affine: bool = False,
        track_running_stats: bool = False, device: Any = None, dtype: Any = None, bias: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        self._make(num_features, eps, momentum, affine, track_running_stats, bias)

    def forward(self, input: Any) -> Any:
        """Every channel of every example normalized."""
        self._check(input)
        x = input if input.ndim == max(self.ranks) else input.unsqueeze(0)
        y = F.instance_norm(
            x, self.running_mean, self.running_var, self.weight, self.bias,
            self.training or not self.track_running_stats, self.momentum, self.eps,
        )  # fmt: skip
        return y if input.ndim == max(self.ranks) else y.squeeze(0)


class InstanceNorm1d(_InstanceNorm):
    """Every channel of every sequence normalized."""

    ranks = (2, 3)


class InstanceNorm2d(_InstanceNorm):
    """Every channel of every image normalized.

    >>> from caviar.dialects.torch.nn import InstanceNorm2d
    >>> InstanceNorm2d(8)
    InstanceNorm2d(8, eps=1e-05, momentum=0.1, affine=False, bias=False, track_running_stats=False)
    """

    ranks = (3, 4)


class InstanceNorm3d(_InstanceNorm):
    """Every channel of every volume normalized."""

    ranks = (4, 5)


class LazyBatchNorm1d(Lazy, BatchNorm1d):
    """`BatchNorm1d` for any number of features."""

    becomes = BatchNorm1d


class LazyBatchNorm2d(Lazy, BatchNorm2d):
    """`BatchNorm2d` for any number of channels."""

    becomes = BatchNorm2d


class LazyBatchNorm3d(Lazy, BatchNorm3d):
    """`BatchNorm3d` for any number of channels."""

    becomes = BatchNorm3d


_FULL = {"affine": True, "track_running_stats": True}  # the defaults of PyTorch's lazy forms


class LazyInstanceNorm1d(Lazy, InstanceNorm1d):
    """`InstanceNorm1d` for any number of channels."""

    becomes, axis, usual = InstanceNorm1d, -2, _FULL


class LazyInstanceNorm2d(Lazy, InstanceNorm2d):
    """`InstanceNorm2d` for any number of channels."""

    becomes, axis, usual = InstanceNorm2d, -3, _FULL


class LazyInstanceNorm3d(Lazy, InstanceNorm3d):
    """`InstanceNorm3d` for any number of channels."""

    becomes, axis, usual = InstanceNorm3d, -4, _FULL


class LayerNorm(Module):
    """Mean 0 and variance 1 of every example over its last dimensions.

    >>> from caviar.dialects.torch.nn import LayerNorm
    >>> LayerNorm(8)
    LayerNorm((8,), eps=1e-05, elementwise_affine=True, bias=True)
    """

    def __init__(
        self, normalized_shape: Sizes, eps: float = 1e-5, elementwise_affine: bool = True, bias: bool = True,
        device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.normalized_shape = sizes(normalized_shape, 1)
        self.eps, self.elementwise_affine = eps, elementwise_affine
        self.weight = Parameter(creation.ones(*self.normalized_shape)) if elementwise_affine else None
        self.bias = Parameter(creation.zeros(*self.normalized_shape)) if elementwise_affine and bias else None

    def forward(self, input: Any) -> Any:
        """Every example normalized."""
        return F.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """The shape and the numbers."""
        bias = self.bias is not None
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}, bias={bias}"


class RMSNorm(Module):
    """Every example divided by the root of its mean square over its last dimensions.

    >>> from caviar.dialects.torch.nn import RMSNorm
    >>> RMSNorm(8)
    RMSNorm((8,), eps=None, elementwise_affine=True)
    """

    def __init__(
        self, normalized_shape: Sizes, eps: float | None = None, elementwise_affine: bool = True, device: Any = None,
        dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.normalized_shape = sizes(normalized_shape, 1)
        self.eps, self.elementwise_affine = eps, elementwise_affine
        self.weight = Parameter(creation.ones(*self.normalized_shape)) if elementwise_affine else None

    def forward(self, input: Any) -> Any:
        """Every example normalized."""
        return F.rms_norm(input, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        """The shape and the numbers."""
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


class GroupNorm(Module):
    """Mean 0 and variance 1 of every example over each group of channels.

    >>> from caviar.dialects.torch.nn import GroupNorm
    >>> GroupNorm(2, 8)
    GroupNorm(2, 8, eps=1e-05, affine=True, bias=True)
    """

    def __init__(
        self, num_groups: Size, num_channels: Count, eps: float = 1e-5, affine: bool = True, device: Any = None,
        dtype: Any = None, *, bias: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        if num_channels % num_groups:
            raise ArgumentError(f"{num_groups} groups do not divide {num_channels} channels")
        self.num_groups, self.num_channels, self.eps, self.affine = num_groups, num_channels, eps, affine
        self.weight = Parameter(creation.ones(num_channels)) if affine else None
        self.bias = Parameter(creation.zeros(num_channels)) if affine and bias else None

    def forward(self, input: Any) -> Any:
        """Every example normalized."""
        return F.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """The sizes and the numbers."""
        sizes = f"{self.num_groups}, {self.num_channels}"
        return f"{sizes}, eps={self.eps}, affine={self.affine}, bias={self.bias is not None}"


class LocalResponseNorm(Applied):
    """Every value divided by a power of the squares of the channels next to it."""

    function = F.local_response_norm

    def extra_repr(self) -> str:
        """The size, and the numbers by name."""
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"
