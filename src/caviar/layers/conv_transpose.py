"""Transposed convolutions: every element is spread over a window of the output."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import jax

from caviar.declarations import Counts, DataFormat, OneOf, Size, Sizes
from caviar.errors import ArgumentError
from caviar.layers.argument_types import ActivationLike, InitializerLike, RegularizerLike
from caviar.layers.kernels import Convolution
from caviar.layers.lowering.convolution import conv_transpose
from caviar.layers.lowering.windows import sizes
from caviar.live import Live
from caviar.placing import Placement

__all__ = ["Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose"]


@dataclass(eq=False, repr=False)
class _ConvTranspose(Convolution):
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

    def live(self, member: Placement, x: Live) -> Live:
        """The first filters, of the channels that are live."""
        filters = member.axis(self.filters)
        member.weigh(self.kernel, *self._window(), filters, x[self.channels_at])
        return self._made_live(member, x, filters)

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
