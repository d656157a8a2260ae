"""Normalization layers. Means and variances are in float32 at least, whatever the inputs are."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from caviar.declarations import Axes, Axis, NotNegative, OneOf, Share, Size
from caviar.errors import ArgumentError, FrameError, ShapeError
from caviar.graph.context import current
from caviar.graph.variable import Variable
from caviar.layers.argument_types import ConstraintLike, InitializerLike, RegularizerLike, Weight
from caviar.layers.base import Layer
from caviar.layers.lowering.normalize import batch_normalize
from caviar.layers.lowering.sums import add, scale
from caviar.live import Live
from caviar.placing import Placement

__all__ = ["BatchNormalization", "GroupNormalization", "LayerNormalization", "RMSNormalization", "UnitNormalization"]


class _ScaledAndShifted(Layer):
    """The base of layers that multiply by a learned `gamma` and add a learned `beta`."""

    supports_masking = True
    takes = "floats"

    scale: bool
    center: bool
    gamma: Weight
    beta: Weight
    gamma_initializer: InitializerLike
    beta_initializer: InitializerLike
    gamma_regularizer: RegularizerLike
    beta_regularizer: RegularizerLike

    def _add_scale_and_shift(self, shape: tuple[int, ...]) -> None:
        if self.scale:
            self.add_weight("gamma", shape, self.gamma_initializer, self.gamma_regularizer)
        if self.center:
            self.add_weight("beta", shape, self.beta_initializer, self.beta_regularizer)

    def _scaled_and_shifted(self, y: jax.Array) -> jax.Array:
        """y (..., features) times gamma, plus beta, where the layer has them."""
        y = scale(y, self.gamma.reshape(-1).astype(y.dtype)) if self.scale else y
        return add(y, self.beta.reshape(-1).astype(y.dtype)) if self.center else y


@dataclass(eq=False, repr=False)
class BatchNormalization(_ScaledAndShifted):
    """Mean 0 and variance 1 of every channel over the batch, then scaled and shifted.

    In inference, and where `trainable` is False, moving averages from training are used in place of the batch's moments.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import BatchNormalization
    >>> layer = BatchNormalization(momentum=0.5)
    >>> layer(jnp.array([[1.0], [3.0]]), training=True).round(2).tolist(), layer.moving_mean.numpy().tolist()
    ([[-1.0], [1.0]], [1.0])
    """

    axis: Axis = -1
    momentum: Share = 0.99
    epsilon: NotNegative = 1e-3
    center: bool = True
    scale: bool = True
    beta_initializer: InitializerLike = "zeros"
    gamma_initializer: InitializerLike = "ones"
    moving_mean_initializer: InitializerLike = "zeros"
    moving_variance_initializer: InitializerLike = "ones"
    beta_regularizer: RegularizerLike = None
    gamma_regularizer: RegularizerLike = None
    beta_constraint: ConstraintLike = field(default=None, kw_only=True)
    gamma_constraint: ConstraintLike = field(default=None, kw_only=True)

    moving_mean: ClassVar[Weight]
    moving_variance: ClassVar[Weight]

    def build(self, input_shape: Any) -> None:
        """Declare scale, shift and the moving averages."""
        shape = _sizes(self, input_shape, [self.axis])
        self._add_scale_and_shift(shape)
        self.add_weight("moving_mean", shape, self.moving_mean_initializer, trainable=False)
        self.add_weight("moving_variance", shape, self.moving_variance_initializer, trainable=False)

    def call(self, x: jax.Array, training: bool = False, mask: jax.Array | None = None) -> jax.Array:
        """The normalized batch; in training, its mean and variance also update the moving averages."""
        given, x = x.dtype, jnp.moveaxis(_precise(x), self.axis, -1)
        if not (training and self.trainable):
            y = self._scaled_and_shifted((x - self.moving_mean) * jax.lax.rsqrt(self.moving_variance + self.epsilon))
        elif mask is None:
            to_normalize = x, self._gamma(x), self._beta(x), jnp.asarray(self.epsilon, x.dtype)
            y, mean, variance = batch_normalize(*to_normalize, _real_rows())
            self._follow(mean, variance)
        else:
            mean, variance = _masked_moments(x, jnp.moveaxis(_of_real_rows(mask)[..., None], self.axis, -1))
            y = self._scaled_and_shifted((x - mean) * jax.lax.rsqrt(variance + self.epsilon))
            self._follow(mean, variance)
        return jnp.moveaxis(y, -1, self.axis).astype(given)

    def live(self, member: Placement, x: Live) -> Live:
        """Every channel is normalized by itself."""
        for name in ("gamma", "beta", "moving_mean", "moving_variance"):
            if hasattr(self, name):
                member.weigh(getattr(self, name), x[self.axis - 1 if self.axis > 0 else self.axis])
        return x

    def _gamma(self, x: jax.Array) -> jax.Array:
        return self.gamma.astype(x.dtype) if self.scale else jnp.ones(x.shape[-1], x.dtype)

    def _beta(self, x: jax.Array) -> jax.Array:
        return self.beta.astype(x.dtype) if self.center else jnp.zeros(x.shape[-1], x.dtype)

    def _follow(self, mean: jax.Array, variance: jax.Array) -> None:
        for name, now in (("moving_mean", mean), ("moving_variance", variance)):
            before = getattr(self, name)
            setattr(
                self,
                name,
                (before * self.momentum + jax.lax.stop_gradient(now) * (1 - self.momentum)).astype(before.dtype),
            )


class _OverAxes(Layer):
    """The base of layers that normalize over `axis`; in a frame only values that are live count."""

    axis: Axes
    counting: ClassVar[Any] = None  # in a frame, 1 for each value that is live

    def _flattened(self, x: jax.Array) -> tuple[jax.Array, Any]:
        """x with those axes merged at the end, zero where it is not live, and the function that undoes the merging."""
        flat, restored = _flattened(x, _several(self.axis))
        return (flat if self.counting is None else jnp.where(self.counting > 0, flat, 0)), restored

    def _mean(self, flat: jax.Array) -> jax.Array:
        if self.counting is None:
            return flat.mean(-1, keepdims=True)
        counted = jnp.where(self.counting > 0, flat, 0).sum(-1, keepdims=True)
        return counted / self.counting.sum().astype(flat.dtype)

    def _only_live(self, member: Placement, x: Live) -> Live:
        """The same units are live; only those count."""
        over = Live(x[axis] for axis in sorted(axis - 1 if axis > 0 else axis + len(x) for axis in _several(self.axis)))
        for name in ("gamma", "beta", "scale"):
            if isinstance(getattr(self, name, None), Variable):
                member.weigh(getattr(self, name), *over)
        member.tell(self, not over.is_whole, counting=over.flat().astype("float32"))
        return x


@dataclass(eq=False, repr=False)
class LayerNormalization(_ScaledAndShifted, _OverAxes):
    """Mean 0 and variance 1 of every example over `axis` (one, or several), then scaled and shifted.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import LayerNormalization
    >>> LayerNormalization()(jnp.array([[1.0, 3.0]])).round(2).tolist()
    [[-1.0, 1.0]]
    """

    axis: Axes = -1
    epsilon: NotNegative = 1e-3
    center: bool = True
    scale: bool = True
    beta_initializer: InitializerLike = "zeros"
    gamma_initializer: InitializerLike = "ones"
    beta_regularizer: RegularizerLike = None
    gamma_regularizer: RegularizerLike = None
    beta_constraint: ConstraintLike = field(default=None, kw_only=True)
    gamma_constraint: ConstraintLike = field(default=None, kw_only=True)

    def build(self, input_shape: Any) -> None:
        """Declare scale and shift."""
        self._add_scale_and_shift(_sizes(self, input_shape, _several(self.axis)))

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
class GroupNormalization(_ScaledAndShifted):
    """Mean 0 and variance 1 of every example over space and a group of channels, then scaled and shifted.

    With `groups=-1` every channel is a group: instance normalization.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import GroupNormalization
    >>> GroupNormalization(2)(jnp.array([[1.0, 3.0, 20.0, 40.0]])).round(1).tolist()
    [[-1.0, 1.0, -1.0, 1.0]]
    """

    groups: Size | Annotated[int, OneOf(-1)] = 32
    axis: Axis = -1
    epsilon: NotNegative = 1e-3
    center: bool = True
    scale: bool = True
    beta_initializer: InitializerLike = "zeros"
    gamma_initializer: InitializerLike = "ones"
    beta_regularizer: RegularizerLike = None
    gamma_regularizer: RegularizerLike = None
    beta_constraint: ConstraintLike = field(default=None, kw_only=True)
    gamma_constraint: ConstraintLike = field(default=None, kw_only=True)

    def build(self, input_shape: Any) -> None:
        """Declare scale and shift."""
        (channels,) = _sizes(self, input_shape, [self.axis])
        if self.groups != -1 and (self.groups < 1 or channels % self.groups):
            raise ArgumentError(
                f"{self.groups} groups of GroupNormalization {self.name!r} do not divide its {channels} channels"
            )
        self._add_scale_and_shift((channels,))

    def call(self, x: jax.Array) -> jax.Array:
        """Every group of channels of every example normalized."""
        given, x = x.dtype, jnp.moveaxis(_precise(x), self.axis, -1)
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
class RMSNormalization(_OverAxes):
    """Every example divided by its root mean square over `axis`, then scaled.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import RMSNormalization
    >>> RMSNormalization()(jnp.array([[3.0, -3.0]])).round(2).tolist()
    [[1.0, -1.0]]
    """

    axis: Axes = -1
    epsilon: NotNegative = 1e-6

    scale: ClassVar[Weight]

    supports_masking = True
    takes = "floats"

    def build(self, input_shape: Any) -> None:
        """Declare the scale."""
        self.add_weight("scale", _sizes(self, input_shape, _several(self.axis)), "ones")

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

    axis: Axes = -1

    supports_masking = True
    takes = "floats"

    def call(self, x: jax.Array) -> jax.Array:
        """Every example at length 1; zeros stay zeros."""
        flat, restored = self._flattened(x)
        return restored(flat * jax.lax.rsqrt(jnp.maximum(jnp.square(flat).sum(-1, keepdims=True), 1e-24)))

    def live(self, member: Placement, x: Live) -> Live:
        """The same; only those count."""
        return self._only_live(member, x)


def _real_rows() -> Any:
    """How many rows of the batch under evaluation are no padding; None where all are real."""
    context = current()
    return None if context is None else context.real


def _of_real_rows(mask: jax.Array) -> jax.Array:
    """The mask without rows of padding."""
    real = _real_rows()
    rows = jnp.arange(mask.shape[0]).reshape(-1, *[1] * (mask.ndim - 1))
    return mask if real is None else mask & (rows < real)


def _precise(x: jax.Array) -> jax.Array:
    return x.astype(jnp.promote_types(x.dtype, jnp.float32))


def _several(axis: Any) -> list[int]:
    return [axis] if isinstance(axis, int) else list(axis)


def _sizes(layer: Layer, input_shape: Any, axes: list[int]) -> tuple[int, ...]:
    """The sizes of the axes that a layer normalizes, checked against its input."""
    rank = len(input_shape)
    if not all(-rank <= a < rank for a in axes):
        raise ShapeError(
            f"axis {axes} of {type(layer).__name__} {layer.name!r} is not among the axes of its input {tuple(input_shape)}"
        )
    found = tuple(input_shape[a] for a in sorted(a % rank for a in axes))
    if None in found:
        raise ShapeError(
            f"axis {axes} of {type(layer).__name__} {layer.name!r} has no known size in its input {tuple(input_shape)}"
        )
    return found


def _flattened(x: jax.Array, axes: list[int]) -> tuple[jax.Array, Any]:
    """x with those axes merged at the end, in float32 at least, and the function that undoes it."""
    axes = sorted(a % x.ndim for a in axes)
    last = range(x.ndim - len(axes), x.ndim)
    moved = jnp.moveaxis(_precise(x), axes, last)

    def restored(y: jax.Array) -> jax.Array:
        return jnp.moveaxis(y.reshape(moved.shape), last, axes).astype(x.dtype)

    return moved.reshape(*moved.shape[: last[0]], -1), restored


def _masked_moments(x: jax.Array, mask: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Means and variances over the values that are not masked."""
    counts = jnp.broadcast_to(mask, x.shape).astype(x.dtype)
    axes = tuple(range(x.ndim - 1))
    total = jnp.maximum(counts.sum(axes), 1)
    mean = (x * counts).sum(axes) / total
    return mean, (jnp.square(x - mean) * counts).sum(axes) / total
