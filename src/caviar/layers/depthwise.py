"""Convolutions of each channel by itself: depthwise ones, and separable ones, which mix the channels afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import jax

from caviar.declarations import DataFormat, OneOf, Size, Sizes
from caviar.layers.argument_types import ActivationLike, InitializerLike, RegularizerLike, Weight
from caviar.layers.kernels import Convolution
from caviar.layers.lowering.convolution import conv
from caviar.live import Live, whole
from caviar.placing import Placement

__all__ = ["DepthwiseConv1D", "DepthwiseConv2D", "SeparableConv1D", "SeparableConv2D"]


@dataclass(eq=False, repr=False)
class _DepthwiseConv(Convolution):
    kernel_size: Sizes
    strides: Sizes = 1
    padding: Annotated[str, OneOf("valid", "same")] = "valid"
    depth_multiplier: Size = 1
    data_format: DataFormat | None = None
    dilation_rate: Sizes = 1
    activation: ActivationLike = None
    use_bias: bool = True
    depthwise_initializer: InitializerLike = "glorot_uniform"
    bias_initializer: InitializerLike = "zeros"
    depthwise_regularizer: RegularizerLike = None
    bias_regularizer: RegularizerLike = None

    def build(self, input_shape: Any) -> None:
        """Declare kernel and bias."""
        channels = self._channels(input_shape)
        shape = (*self.sizes("kernel_size"), channels, self.depth_multiplier)
        self.add_weight("kernel", shape, self.depthwise_initializer, self.depthwise_regularizer)
        self._add_bias(channels * self.depth_multiplier)

    def call(self, x: jax.Array) -> jax.Array:
        """Each channel convolved with its own kernels, plus the bias."""
        return self._finished(self._each_channel(self.channels_last(x), self.kernel))

    def live(self, member: Placement, x: Live) -> Live:
        """The first filters of each channel that is live."""
        each, times = x[self.channels_at], member.axis(self.depth_multiplier)
        member.weigh(self.kernel, *self._window(), each, times)
        return self._made_live(member, x, Live([each, times]).flat())

    may_differ = ("depth_multiplier", "activation")


@dataclass(eq=False, repr=False)
class DepthwiseConv1D(_DepthwiseConv):
    """A convolution of sequences that mixes no channels: `depth_multiplier` filters for each.

    >>> from caviar.layers import DepthwiseConv1D
    >>> import numpy as np
    >>> DepthwiseConv1D(3, depth_multiplier=2)(np.ones((2, 9, 3), "float32")).shape
    (2, 7, 6)
    """

    rank: ClassVar[int] = 1


@dataclass(eq=False, repr=False)
class DepthwiseConv2D(_DepthwiseConv):
    """A convolution of images that mixes no channels: `depth_multiplier` filters for each.

    >>> from caviar.layers import DepthwiseConv2D
    >>> import numpy as np
    >>> DepthwiseConv2D(3, padding="same")(np.ones((2, 6, 6, 3), "float32")).shape
    (2, 6, 6, 3)
    """

    strides: Sizes = (1, 1)
    dilation_rate: Sizes = (1, 1)
    rank: ClassVar[int] = 2


@dataclass(eq=False, repr=False)
class _SeparableConv(Convolution):
    depthwise_kernel: ClassVar[Weight]
    pointwise_kernel: ClassVar[Weight]

    filters: Size
    kernel_size: Sizes
    strides: Sizes = 1
    padding: Annotated[str, OneOf("valid", "same")] = "valid"
    data_format: DataFormat | None = None
    dilation_rate: Sizes = 1
    depth_multiplier: Size = 1
    activation: ActivationLike = None
    use_bias: bool = True
    depthwise_initializer: InitializerLike = "glorot_uniform"
    pointwise_initializer: InitializerLike = "glorot_uniform"
    bias_initializer: InitializerLike = "zeros"
    depthwise_regularizer: RegularizerLike = None
    pointwise_regularizer: RegularizerLike = None
    bias_regularizer: RegularizerLike = None

    def build(self, input_shape: Any) -> None:
        """Declare both kernels and the bias."""
        channels = self._channels(input_shape)
        depthwise = (*self.sizes("kernel_size"), channels, self.depth_multiplier)
        pointwise = (*(1,) * self.rank, channels * self.depth_multiplier, self.filters)
        self.add_weight("depthwise_kernel", depthwise, self.depthwise_initializer, self.depthwise_regularizer)
        self.add_weight("pointwise_kernel", pointwise, self.pointwise_initializer, self.pointwise_regularizer)
        self._add_bias(self.filters)

    def call(self, x: jax.Array) -> jax.Array:
        """Each channel convolved with its own kernels, then the channels mixed at every place, plus the bias."""
        y = self._each_channel(self.channels_last(x), self.depthwise_kernel)
        once = (1,) * self.rank
        return self._finished(conv(y, self.pointwise_kernel, once, "valid", once))

    def live(self, member: Placement, x: Live) -> Live:
        """The first filters, of the first ones of each channel that is live."""
        each, times, filters = x[self.channels_at], member.axis(self.depth_multiplier), member.axis(self.filters)
        member.weigh(self.depthwise_kernel, *self._window(), each, times)
        member.weigh(self.pointwise_kernel, *whole((1,) * self.rank), Live([each, times]).flat(), filters)
        return self._made_live(member, x, filters)

    may_differ = ("filters", "depth_multiplier", "activation")


@dataclass(eq=False, repr=False)
class SeparableConv1D(_SeparableConv):
    """A convolution of sequences in two steps, along time and across channels: far fewer weights.

    >>> from caviar.layers import SeparableConv1D
    >>> import numpy as np
    >>> SeparableConv1D(4, 3)(np.ones((2, 9, 3), "float32")).shape
    (2, 7, 4)
    """

    rank: ClassVar[int] = 1


@dataclass(eq=False, repr=False)
class SeparableConv2D(_SeparableConv):
    """A convolution of images in two steps, over space and across channels: far fewer weights.

    >>> from caviar.layers import SeparableConv2D
    >>> import numpy as np
    >>> SeparableConv2D(5, 3)(np.ones((2, 6, 6, 3), "float32")).shape
    (2, 4, 4, 5)
    """

    strides: Sizes = (1, 1)
    dilation_rate: Sizes = (1, 1)
    rank: ClassVar[int] = 2
