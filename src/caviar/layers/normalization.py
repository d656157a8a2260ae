"""Normalization layers. Means and variances are in float32 at least, whatever the inputs are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from caviar.declarations import Axes, Axis, NotNegative, OneOf, Size
from caviar.errors import ArgumentError, FrameError
from caviar.graph.variable import Variable
from caviar.layers.argument_types import Weight
from caviar.layers.base import Layer
from caviar.layers.lowering.sums import scale
from caviar.layers.scale_and_shift import ScaledAndShifted, normalized_sizes, precise, several
from caviar.live import Live
from caviar.placing import Placement

__all__ = ["GroupNormalization", "LayerNormalization", "RMSNormalization", "UnitNormalization"]


@dataclass(eq=False, repr=False)
class _OverAxes(Layer):
    """The base of layers that normalize over `axis`; in a frame only values that are live count."""

    axis: Axes = -1

    counting: ClassVar[Any] = None  # in a frame, 1 for each value that is live

    def _flattened(self, x: jax.Array) -> tuple[jax.Array, Any]:
        """x with those axes merged at the end, zero where it is not live, and the function that undoes the merging."""
        flat, restored = _flattened(x, several(self.axis))
        return (flat if self.counting is None else jnp.where(self.counting > 0, flat, 0)), restored

    def _mean(self, flat: jax.Array) -> jax.Array:
        if self.counting is None:
            return flat.mean(-1, keepdims=True)
        counted = jnp.where(self.counting > 0, flat, 0).sum(-1, keepdims=True)
        return counted / self.counting.sum().astype(flat.dtype)

    def _only_live(self, member: Placement, x: Live) -> Live:
        """The same units are live; only those count."""
        over = Live(x[axis] for axis in sorted(axis - 1 if axis > 0 else axis + len(x) for axis in several(self.axis)))
        for name in ("gamma", "beta", "scale"):
            if isinstance(getattr(self, name, None), Variable):
                member.weigh(getattr(self, name), *over)
        member.tell(self, not over.is_whole, counting=over.flat().astype("float32"))
        return x


@dataclass(eq=False, repr=False)
class _OverAxesWithEpsilon(_OverAxes):
    epsilon: NotNegative = 1e-3


@dataclass(eq=False, repr=False)
class LayerNormalization(ScaledAndShifted, _OverAxesWithEpsilon):
    """Mean 0 and variance 1 of every example over `axis` (one, or several), then scaled and shifted.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import LayerNormalization
    >>> LayerNormalization()(jnp.array([[1.0, 3.0]])).round(2).tolist()
    [[-1.0, 1.0]]
    """

    def build(self, input_shape: Any) -> None:
        """Declare scale and shift."""
        self._add_scale_and_shift(normalized_sizes(self, input_shape, several(self.axis)))

    def call(self, x: jax.Array) -> jax.Array:
        """Every example normalized."""
        flat, restored = self._flattened(x)
        centered = flat - self._mean(flat)
        inverse = jax.lax.rsqrt(self._mean(jnp.square(centered)) + self.epsilon)
        return restored(self._scaled_and_shifted(centered * inverse))

    def live(self, member: Placement, x: Live) -> Live:
        """The same; only those count."""
        return self._only_live(member, x)


@dataclass(eq=False, repr=False)
class _Groups(Layer):
    groups: Size | Annotated[int, OneOf(-1)] = 32
    axis: Axis = -1
    epsilon: NotNegative = 1e-3


@dataclass(eq=False, repr=False)
class GroupNormalization(ScaledAndShifted, _Groups):
    """Mean 0 and variance 1 of every example over space and a group of channels, then scaled and shifted.

    With `groups=-1` every channel is a group: instance normalization.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import GroupNormalization
    >>> GroupNormalization(2)(jnp.array([[1.0, 3.0, 20.0, 40.0]])).round(1).tolist()
    [[-1.0, 1.0, -1.0, 1.0]]
    """

    def build(self, input_shape: Any) -> None:
        """Declare scale and shift."""
        (channels,) = normalized_sizes(self, input_shape, [self.axis])
        if self.groups != -1 and (self.groups < 1 or channels % self.groups):
            raise ArgumentError(
                f"{self.groups} groups of GroupNormalization {self.name!r} do not divide its {channels} channels"
            )
        self._add_scale_and_shift((channels,))

    def call(self, x: jax.Array) -> jax.Array:
        """Every group of channels of every example normalized."""
        given, x = x.dtype, jnp.moveaxis(precise(x), self.axis, -1)
        groups = x.shape[-1] if self.groups == -1 else self.groups
        apart = x.reshape(x.shape[0], -1, groups, x.shape[-1] // groups)
        found = _standardized(apart, self.epsilon) if self.grouping is None else self._of_live(x)
        return jnp.moveaxis(self._scaled_and_shifted(found.reshape(x.shape)), -1, self.axis).astype(given)

    grouping: ClassVar[Any] = None  # in a frame, the group of each channel; -1 for one that is not live

    def _of_live(self, x: jax.Array) -> jax.Array:
        """Every group normalized, of as many channels as are live."""
        flat = x.reshape(x.shape[0], -1, x.shape[-1])
        belongs = (self.grouping[:, None] == jnp.arange(self.groups)).astype(x.dtype)
        share = belongs / (belongs.sum(0) * flat.shape[1])

        def mean(y: jax.Array) -> jax.Array:
            return (y.sum(1) @ share @ belongs.T)[:, None]

        flat = jnp.where(self.grouping < 0, 0, flat)
        centered = flat - mean(flat)
        return centered * jax.lax.rsqrt(jnp.where(self.grouping < 0, 1, mean(jnp.square(centered)) + self.epsilon))

    def live(self, member: Placement, x: Live) -> Live:
        """The same: instances one by one, groups of the live channels."""
        at = self.axis - 1 if self.axis > 0 else self.axis + len(x)
        member.need_whole(self, Live(axis for i, axis in enumerate(x) if i != at))
        for name in ("gamma", "beta"):
            if hasattr(self, name):
                member.weigh(getattr(self, name), x[at])
        if self.groups != -1:
            size = int(x[at].sum())
            if size % self.groups:
                raise FrameError(f"{self.groups} groups do not divide {size} channels")
            grouping = np.where(x[at], (np.cumsum(x[at]) - 1) * self.groups // size, -1)
            member.tell(self, not x[at].all(), grouping=grouping.astype("float32"))
        return x


def _standardized(apart: jax.Array, epsilon: Any) -> jax.Array:
    """Mean 0 and variance 1 over the second and the last axis."""
    centered = apart - apart.mean((1, 3), keepdims=True)
    return centered * jax.lax.rsqrt(jnp.square(centered).mean((1, 3), keepdims=True) + epsilon)


@dataclass(eq=False, repr=False)
class RMSNormalization(_OverAxesWithEpsilon):
    """Every example divided by its root mean square over `axis`, then scaled.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import RMSNormalization
    >>> RMSNormalization()(jnp.array([[3.0, -3.0]])).round(2).tolist()
    [[1.0, -1.0]]
    """

    epsilon: NotNegative = 1e-6

    scale: ClassVar[Weight]

    supports_masking = True
    takes = "floats"

    def build(self, input_shape: Any) -> None:
        """Declare the scale."""
        self.add_weight("scale", normalized_sizes(self, input_shape, several(self.axis)), "ones")

    def call(self, x: jax.Array) -> jax.Array:
        """Every example normalized."""
        flat, restored = self._flattened(x)
        inverse = jax.lax.rsqrt(self._mean(jnp.square(flat)) + self.epsilon)
        return restored(scale(flat * inverse, self.scale.reshape(-1).astype(flat.dtype)))

    def live(self, member: Placement, x: Live) -> Live:
        """The same; only those count."""
        return self._only_live(member, x)


@dataclass(eq=False, repr=False)
class UnitNormalization(_OverAxes):
    """Every example divided by its length over `axis`.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import UnitNormalization
    >>> UnitNormalization()(jnp.array([[0.0, 4.0]])).tolist()
    [[0.0, 1.0]]
    """

    supports_masking = True
    takes = "floats"

    def call(self, x: jax.Array) -> jax.Array:
        """Every example at length 1; zeros stay zeros."""
        flat, restored = self._flattened(x)
        squares = jnp.square(flat).sum(-1, keepdims=True)
        return restored(flat * jax.lax.rsqrt(jnp.maximum(squares, 1e-24)))  # so that zeros stay zeros

    def live(self, member: Placement, x: Live) -> Live:
        """The same; only those count."""
        return self._only_live(member, x)


def _flattened(x: jax.Array, axes: list[int]) -> tuple[jax.Array, Any]:
    """x with those axes merged at the end, in float32 at least, and the function that undoes it."""
    axes = sorted(a % x.ndim for a in axes)
    last = range(x.ndim - len(axes), x.ndim)
    moved = jnp.moveaxis(precise(x), axes, last)

    def restored(y: jax.Array) -> jax.Array:
        return jnp.moveaxis(y.reshape(moved.shape), last, axes).astype(x.dtype)

    return moved.reshape(*moved.shape[: last[0]], -1), restored
