"""The base of layers that slide windows over space: checks of their arguments, and the place of the channels."""

from __future__ import annotations

from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from caviar import config
from caviar.declarations import DataFormat
from caviar.errors import ArgumentError, ShapeError
from caviar.layers.base import Layer
from caviar.layers.lowering.windows import Sizes, reach, sizes
from caviar.live import Live
from caviar.placing import Placement

_AXES = {1: ("steps",), 2: ("height", "width"), 3: ("depth", "height", "width")}


def channels_first(data_format: str | None) -> bool:
    """Whether the channels stand before the axes of space; None follows the setting of the whole library.

    >>> from caviar.layers.spatial import channels_first
    >>> channels_first(None), channels_first("channels_first")
    (False, True)
    """
    return (data_format or config.image_data_format()) == "channels_first"


class Spatial(Layer):
    """A layer on examples with `rank` axes of space and one of channels. It computes with the channels last."""

    rank: ClassVar[int] = 0
    padding: str
    data_format: DataFormat | None

    takes = "floats"

    def shape_of(self, input_shape: Any) -> tuple[tuple[int | None, ...], int | None]:
        """The axes of space and the channels of an input, checked."""
        first = channels_first(self.data_format)
        if len(input_shape) != self.rank + 2:
            axes = ("batch", "channels", *_AXES[self.rank]) if first else ("batch", *_AXES[self.rank], "channels")
            hint = "; add a channel axis: x[..., None]" if len(input_shape) == self.rank + 1 else ""
            raise ShapeError(
                f"{type(self).__name__} {self.name!r} wants ({', '.join(axes)}), and was given {tuple(input_shape)}{hint}"
            )
        space, channels = (input_shape[2:], input_shape[1]) if first else (input_shape[1:-1], input_shape[-1])
        return tuple(space), channels

    def sizes(self, argument: str, value: Any = None) -> Sizes:
        """An argument of the layer as one positive int for each axis of space."""
        value = getattr(self, argument) if value is None else value
        several = sizes(value, self.rank)
        if len(several) != self.rank:
            wanted = "a positive int" + (f" or {self.rank} of them" if self.rank > 1 else "")
            raise ArgumentError(
                f"{argument} of {type(self).__name__} {self.name!r} is {wanted}, and was given {value!r}"
            )
        return several

    def check_fits(self, space: tuple[int | None, ...], argument: str, dilation: Sizes) -> None:
        """Refuse a window that does not fit into the input."""
        window = self.sizes(argument)
        spans = reach(window, dilation)
        if self.padding == "valid" and any(n is not None and s > n for n, s in zip(space, spans, strict=True)):
            spanning = "" if spans == window else f", which spans {spans} with its dilation,"
            raise ShapeError(
                f"{argument} {window} of {type(self).__name__} {self.name!r}{spanning} is larger than its input {space}: "
                f"make it smaller, shrink less before it, or use padding='same'"
            )

    def channels_last(self, x: jax.Array) -> jax.Array:
        """The input with its channels moved to the end, if they are first."""
        return jnp.moveaxis(x, 1, -1) if channels_first(self.data_format) else x

    @property
    def channels_at(self) -> int:
        """The axis of the channels, the batch left out."""
        return 0 if channels_first(self.data_format) else -1

    def live(self, member: Placement, x: Live) -> Live:
        """Channels are treated alike."""
        return member.slid(self, x, self.channels_at == 0)

    def as_given(self, y: jax.Array) -> jax.Array:
        """The output with its channels moved back to where the input had them."""
        return jnp.moveaxis(y, -1, 1) if channels_first(self.data_format) else y
