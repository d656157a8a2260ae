"""Convolutions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

import jax

from caviar.declarations import DataFormat, OneOf, Size, Sizes
from caviar.errors import ArgumentError
from caviar.layers.argument_types import ActivationLike, ConstraintLike, InitializerLike, RegularizerLike
from caviar.layers.kernels import Convolution
from caviar.live import Live, whole
from caviar.placing import Placement

__all__ = ["Conv1D", "Conv2D", "Conv3D"]


@dataclass(eq=False, repr=False)
class _Conv(Convolution):
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

    def live(self, member: Placement, x: Live) -> Live:
        """The first filters, of the channels that are live; groups of them are told apart by their number."""
        filters = member.axis(self.filters)
        if self.groups > 1:
            member.need_whole(self, x, Live([filters]))
            return whole(member.shape)
        member.weigh(self.kernel, *self._window(), x[self.channels_at], filters)
        return self._made_live(member, x, filters)

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
