"""Convolutions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

import jax

from caviar import activations
from caviar.declarations import Counts, DataFormat, OneOf, Size, Sizes
from caviar.errors import ArgumentError, ShapeError
from caviar.frames import Fitting, Live, whole
from caviar.layers.given import ActivationLike, ConstraintLike, InitializerLike, RegularizerLike, Weight
from caviar.layers.lowering.convolution import conv, conv_transpose
from caviar.layers.lowering.sums import add
from caviar.layers.lowering.windows import sizes
from caviar.layers.spatial import Spatial

__all__ = [
    "Conv1D",
    "Conv1DTranspose",
    "Conv2D",
    "Conv2DTranspose",
    "Conv3D",
    "Conv3DTranspose",
    "DepthwiseConv1D",
    "DepthwiseConv2D",
    "SeparableConv1D",
    "SeparableConv2D",
]


class _Convolution(Spatial):
    """The base of all convolutions."""

    side_by_side = False

    activation: ActivationLike
    use_bias: bool
    kernel: Weight
    bias: Weight
    bias_initializer: InitializerLike
    bias_regularizer: RegularizerLike

    def _channels(self, input_shape: Any) -> int:
        """The number of channels of an input, checked against the kernel."""
        space, channels = self.shape_of(input_shape)
        self.check_fits(space, "kernel_size", self.sizes("dilation_rate"))
        if channels is None:
            raise ShapeError(
                f"{type(self).__name__} {self.name!r} needs a known number of channels, and was given {tuple(input_shape)}"
            )
        return channels

    def _add_bias(self, filters: int) -> None:
        if self.use_bias:
            self.add_weight("bias", (filters,), self.bias_initializer, self.bias_regularizer)

    def _made_live(self, fit: Fitting, x: Live, channels: Any) -> Live:
        """All places, of the live channels."""
        if self.use_bias:
            fit.weigh(self.bias, channels)
        made = fit.slid(self, x, self.channels_at == 0, channels)
        return fit.activated(activations.get(self.activation), made)

    def _window(self) -> Live:
        return whole(self.sizes("kernel_size"))

    def _slide(self, x: jax.Array, kernel: jax.Array, groups: int) -> jax.Array:
        return conv(x, kernel, self.sizes("strides"), self.padding, self.sizes("dilation_rate"), groups)

    def _each_channel(self, x: jax.Array, kernel: jax.Array) -> jax.Array:
        """A depthwise kernel (*size, channels, times) as the kernel of a convolution with one group for each channel."""
        return self._slide(x, kernel.reshape(*kernel.shape[:-2], 1, -1), x.shape[-1])

    def _finished(self, y: jax.Array) -> jax.Array:
        y = add(y, self.bias) if self.use_bias else y
        return activations.get(self.activation)(self.as_given(y))


@dataclass(eq=False, repr=False)
class _Conv(_Convolution):
    filters: Size
    kernel_size: Sizes
    strides: Sizes = 1
    padding: Annotated[str, OneOf("valid", "same")] = "valid"
    data_format: DataFormat | None = None
    dilation_rate: Sizes = 1
    groups: Size = 1
    activation: ActivationLike = None
    use_bias: bool = True
    kernel_initializer: InitializerLike = "glorot_uniform"
    bias_initializer: InitializerLike = "zeros"
    kernel_regularizer: RegularizerLike = None
    bias_regularizer: RegularizerLike = None
    kernel_constraint: ConstraintLike = field(default=None, kw_only=True)
    bias_constraint: ConstraintLike = field(default=None, kw_only=True)

    def build(self, input_shape: Any) -> None:
        """Declare kernel and bias."""
        channels = self._channels(input_shape)
        for count, what in ((channels, "channels"), (self.filters, "filters")):
            if self.groups < 1 or count % self.groups:
                raise ArgumentError(
                    f"{self.groups} groups of {type(self).__name__} {self.name!r} do not divide its {count} {what}"
                )
        shape = (*self.sizes("kernel_size"), channels // self.groups, self.filters)
        self.add_weight("kernel", shape, self.kernel_initializer, self.kernel_regularizer)
        self._add_bias(self.filters)

    def call(self, x: jax.Array) -> jax.Array:
        """The products of the kernel with every window of x, plus the bias."""
        return self._finished(self._slide(self.channels_last(x), self.kernel, self.groups))

    def live(self, fit: Fitting, x: Live) -> Live:
        """The first filters, of the channels that are live; groups of them are told apart by their number."""
        filters = fit.axis(self.filters)
        if self.groups > 1:
            fit.need_whole(self, x, Live([filters]))
            return whole(fit.shape)
        fit.weigh(self.kernel, *self._window(), x[self.channels_at], filters)
        return self._made_live(fit, x, filters)

    may_differ = ("filters", "activation")


@dataclass(eq=False, repr=False)
class Conv1D(_Conv):
    """Filters that slide along sequences (batch, steps, channels). `padding="causal"` looks at no later step.

    >>> from caviar.layers import Conv1D
    >>> import numpy as np
    >>> Conv1D(4, 3, activation="relu")(np.ones((2, 9, 3), "float32")).shape
    (2, 7, 4)
    """

    padding: Annotated[str, OneOf("valid", "same", "causal")] = "valid"
    rank: ClassVar[int] = 1


@dataclass(eq=False, repr=False)
class Conv2D(_Conv):
    """Filters that slide over images (batch, height, width, channels).

    >>> from caviar.layers import Conv2D
    >>> import numpy as np
    >>> Conv2D(4, 3, padding="same")(np.ones((2, 8, 7, 3), "float32")).shape
    (2, 8, 7, 4)
    """

    strides: Sizes = (1, 1)
    dilation_rate: Sizes = (1, 1)
    rank: ClassVar[int] = 2


@dataclass(eq=False, repr=False)
class Conv3D(_Conv):
    """Filters that slide over volumes (batch, depth, height, width, channels).

    >>> from caviar.layers import Conv3D
    >>> import numpy as np
    >>> Conv3D(4, 2, strides=2)(np.ones((2, 4, 6, 4, 3), "float32")).shape
    (2, 2, 3, 2, 4)
    """

    strides: Sizes = (1, 1, 1)
    dilation_rate: Sizes = (1, 1, 1)
    rank: ClassVar[int] = 3


@dataclass(eq=False, repr=False)
class _ConvTranspose(_Convolution):
    filters: Size
    kernel_size: Sizes
    strides: Sizes = 1
    padding: Annotated[str, OneOf("valid", "same")] = "valid"
    output_padding: Counts | None = None
    data_format: DataFormat | None = None
    dilation_rate: Sizes = 1
    activation: ActivationLike = None
    use_bias: bool = True
    kernel_initializer: InitializerLike = "glorot_uniform"
    bias_initializer: InitializerLike = "zeros"
    kernel_regularizer: RegularizerLike = None
    bias_regularizer: RegularizerLike = None

    def check_fits(self, space: Any, argument: str, dilation: Any) -> None:
        """Nothing: the kernel of a transposed convolution may be larger than its input."""

    def build(self, input_shape: Any) -> None:
        """Declare kernel and bias."""
        shape = (*self.sizes("kernel_size"), self.filters, self._channels(input_shape))
        self.add_weight("kernel", shape, self.kernel_initializer, self.kernel_regularizer)
        self._add_bias(self.filters)
        self._extra()

    def _extra(self) -> tuple[int, ...] | None:
        if self.output_padding is None:
            return None
        strides, extra = self.sizes("strides"), sizes(self.output_padding, self.rank)
        if not all(0 <= e < s for e, s in zip(extra, strides, strict=True)):
            raise ArgumentError(
                f"output_padding {extra} of {type(self).__name__} {self.name!r} must be smaller than its strides {strides}"
            )
        return extra

    def call(self, x: jax.Array) -> jax.Array:
        """Each element of x times the kernel, placed a stride apart and summed where they overlap, plus the bias."""
        strides, dilation = self.sizes("strides"), self.sizes("dilation_rate")
        y = conv_transpose(self.channels_last(x), self.kernel, strides, self.padding, dilation, self._extra())
        return self._finished(y)

    def live(self, fit: Fitting, x: Live) -> Live:
        """The first filters, of the channels that are live."""
        filters = fit.axis(self.filters)
        fit.weigh(self.kernel, *self._window(), filters, x[self.channels_at])
        return self._made_live(fit, x, filters)

    may_differ = ("filters", "activation")


@dataclass(eq=False, repr=False)
class Conv1DTranspose(_ConvTranspose):
    """The transpose of `Conv1D`: makes sequences longer by a factor of its strides.

    >>> from caviar.layers import Conv1DTranspose
    >>> import numpy as np
    >>> Conv1DTranspose(4, 3, strides=2, padding="same")(np.ones((2, 9, 3), "float32")).shape
    (2, 18, 4)
    """

    rank: ClassVar[int] = 1


@dataclass(eq=False, repr=False)
class Conv2DTranspose(_ConvTranspose):
    """The transpose of `Conv2D`: makes images larger by a factor of its strides.

    >>> from caviar.layers import Conv2DTranspose
    >>> import numpy as np
    >>> Conv2DTranspose(4, 3, strides=2, padding="same")(np.ones((2, 8, 7, 3), "float32")).shape
    (2, 16, 14, 4)
    """

    strides: Sizes = (1, 1)
    dilation_rate: Sizes = (1, 1)
    rank: ClassVar[int] = 2


@dataclass(eq=False, repr=False)
class Conv3DTranspose(_ConvTranspose):
    """The transpose of `Conv3D`: makes volumes larger by a factor of its strides.

    >>> from caviar.layers import Conv3DTranspose
    >>> import numpy as np
    >>> Conv3DTranspose(4, 2, strides=2)(np.ones((2, 2, 3, 2, 3), "float32")).shape
    (2, 4, 6, 4, 4)
    """

    strides: Sizes = (1, 1, 1)
    dilation_rate: Sizes = (1, 1, 1)
    rank: ClassVar[int] = 3


@dataclass(eq=False, repr=False)
class _DepthwiseConv(_Convolution):
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

    def live(self, fit: Fitting, x: Live) -> Live:
        """The first filters of each channel that is live."""
        each, times = x[self.channels_at], fit.axis(self.depth_multiplier)
        fit.weigh(self.kernel, *self._window(), each, times)
        return self._made_live(fit, x, Live([each, times]).flat())

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
class _SeparableConv(_Convolution):
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

    def live(self, fit: Fitting, x: Live) -> Live:
        """The first filters, of the first ones of each channel that is live."""
        each, times, filters = x[self.channels_at], fit.axis(self.depth_multiplier), fit.axis(self.filters)
        fit.weigh(self.depthwise_kernel, *self._window(), each, times)
        fit.weigh(self.pointwise_kernel, *whole((1,) * self.rank), Live([each, times]).flat(), filters)
        return self._made_live(fit, x, filters)

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
