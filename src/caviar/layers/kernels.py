"""The base of convolutions: kernels that slide over space."""

from __future__ import annotations

from typing import Any

import jax

from caviar import activations
from caviar.errors import ShapeError
from caviar.layers.argument_types import ActivationLike, InitializerLike, RegularizerLike, Weight
from caviar.layers.lowering.convolution import conv
from caviar.layers.lowering.sums import add
from caviar.layers.spatial import Spatial
from caviar.live import Live, whole
from caviar.placing import Placement


class Convolution(Spatial):
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

    def _made_live(self, member: Placement, x: Live, channels: Any) -> Live:
        """All places, of the live channels."""
        if self.use_bias:
            member.weigh(self.bias, channels)
        made = member.slid(self, x, self.channels_at == 0, channels)
        return member.activated(activations.get(self.activation), made)

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
