"""Mean 0 and variance 1: over the batch, over each example, over groups of channels."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from caviar.dialects.torch import creation
from caviar.dialects.torch.functions import floats, operation, record
from caviar.dialects.torch.tensor import Tensor
from caviar.errors import ArgumentError, ShapeError
from caviar.layers.lowering.normalize import batch_normalize

__all__ = ["batch_norm", "group_norm", "instance_norm", "layer_norm", "local_response_norm", "rms_norm"]

Array = jax.Array


def _batch_norm(
    input: Array, running_mean: Any, running_var: Any, count: Any, weight: Array | None, bias: Array | None, momentum: Any,
    eps: Any, training: bool,
) -> tuple[Array, ...]:  # fmt: skip
    """The normalized batch, then the new running mean, running variance and number of batches."""
    x = jnp.moveaxis(floats(input, "batch_norm"), 1, -1)
    gamma = jnp.ones(x.shape[-1], x.dtype) if weight is None else weight
    beta = jnp.zeros(x.shape[-1], x.dtype) if bias is None else bias
    if not training:
        y = (x - running_mean) * (jax.lax.rsqrt(running_var + eps) * gamma) + beta
        return (jnp.moveaxis(y, -1, 1),)
    y, mean, variance = batch_normalize(x, gamma, beta, jnp.asarray(eps, x.dtype))
    y = jnp.moveaxis(y, -1, 1)
    if running_mean is None:
        return (y,)
    n = x.size // x.shape[-1]
    mean, variance = jax.lax.stop_gradient((mean, variance * (n / max(n - 1, 1))))
    share = 1 / (count + 1).astype(x.dtype) if momentum is None else momentum
    return y, _moved(running_mean, mean, share), _moved(running_var, variance, share), count + 1


def _moved(old: Array, new: Array, share: Any) -> Array:
    return old + share * (new - old)


def batch_norm(
    input: Tensor, running_mean: Any, running_var: Any, weight: Any = None, bias: Any = None, training: bool = False,
    momentum: float | None = 0.1, eps: float = 1e-5, count: Any = None,
) -> Tensor:  # fmt: skip
    """Every channel normalized: while training by the batch, which also updates the running statistics, else by those."""
    following = training and running_mean is not None
    if following and count is None:
        count = creation.tensor(0)
    own = (running_mean, running_var, count) if following or not training else (None, None, None)
    made = record(_batch_norm, input, *own, weight, bias, momentum, eps, training=training)
    return _following(made, (running_mean, running_var, count) if following else ())


def _following(made: Any, buffers: Any) -> Tensor:
    """The first result; the others become the values of the buffers."""
    if isinstance(made, Tensor):
        return made
    for buffer, new in zip(buffers, made[1:], strict=True):
        buffer.hold(new.held())
    return made[0]


def _standard(x: Array, axes: Any, eps: Any) -> Array:
    centered = floats(x, "normalization") - x.mean(axes, keepdims=True)
    return centered * jax.lax.rsqrt(jnp.square(centered).mean(axes, keepdims=True) + eps)


def _scaled(y: Array, weight: Array | None, bias: Array | None, along: Any = ...) -> Array:
    """Times the weight, plus the bias; `along` brings them into place."""
    y = y if weight is None else y * weight[along]
    return y if bias is None else y + bias[along]


def _last(input: Array, normalized_shape: tuple[int, ...]) -> tuple[int, ...]:
    """The last axes, which have this shape."""
    if input.shape[input.ndim - len(normalized_shape) :] != tuple(normalized_shape):
        raise ShapeError(f"the last dimensions of {input.shape} are not the normalized_shape {tuple(normalized_shape)}")
    return tuple(range(input.ndim - len(normalized_shape), input.ndim))


def _layer_norm(input: Array, weight: Any, bias: Any, eps: Any, normalized_shape: Any) -> Array:
    return _scaled(_standard(input, _last(input, normalized_shape), eps), weight, bias)


def layer_norm(input: Tensor, normalized_shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Tensor:
    """Mean 0 and variance 1 of every example over the last dimensions."""
    return record(_layer_norm, input, weight, bias, eps, normalized_shape=tuple(normalized_shape))


def _rms_norm(input: Array, weight: Any, eps: Any, normalized_shape: Any) -> Array:
    eps = jnp.finfo(input.dtype).eps if eps is None else eps
    squares = jnp.square(floats(input, "rms_norm")).mean(_last(input, normalized_shape), keepdims=True)
    return _scaled(input * jax.lax.rsqrt(squares + eps), weight, None)


def rms_norm(input: Tensor, normalized_shape: Any, weight: Any = None, eps: float | None = None) -> Tensor:
    """Every example divided by the root of its mean square over the last dimensions."""
    return record(_rms_norm, input, weight, eps, normalized_shape=tuple(normalized_shape))


def _group_norm(input: Array, weight: Any, bias: Any, eps: Any, num_groups: int) -> Array:
    if input.shape[1] % num_groups:
        raise ShapeError(f"{num_groups} groups do not divide {input.shape[1]} channels")
    groups = input.reshape(input.shape[0], num_groups, -1)
    return _scaled(_standard(groups, -1, eps).reshape(input.shape), weight, bias, (..., *[None] * (input.ndim - 2)))


def group_norm(input: Tensor, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Tensor:
    """Mean 0 and variance 1 of every example over each group of channels."""
    return record(_group_norm, input, weight, bias, eps, num_groups=num_groups)


def _instance_norm(
    input: Array, running_mean: Any, running_var: Any, weight: Any, bias: Any, momentum: Any, eps: Any, use_input_stats: bool
) -> tuple[Array, ...]:  # fmt: skip
    space, along = tuple(range(2, input.ndim)), (..., *[None] * (input.ndim - 2))
    if not use_input_stats:
        y = (input - running_mean[along]) * jax.lax.rsqrt(running_var[along] + eps)
        return (_scaled(y, weight, bias, along),)
    y = _scaled(_standard(input, space, eps), weight, bias, along)
    if running_mean is None:
        return (y,)
    x = jax.lax.stop_gradient(input)
    mean, variance = x.mean(space).mean(0), x.var(space, ddof=1).mean(0)
    return y, _moved(running_mean, mean, momentum), _moved(running_var, variance, momentum)


def instance_norm(
    input: Tensor, running_mean: Any = None, running_var: Any = None, weight: Any = None, bias: Any = None,
    use_input_stats: bool = True, momentum: float = 0.1, eps: float = 1e-5,
) -> Tensor:  # fmt: skip
    """Mean 0 and variance 1 of every channel of every example, over space."""
    if use_input_stats and math.prod(input.shape[2:]) <= 1:
        raise ShapeError(f"instance_norm needs more than one value in space, and was given {tuple(input.shape)}")
    if not use_input_stats and running_mean is None:
        raise ArgumentError("instance_norm with use_input_stats=False needs running_mean and running_var")
    static = {"use_input_stats": use_input_stats}
    made = record(_instance_norm, input, running_mean, running_var, weight, bias, momentum, eps, **static)
    return _following(made, (running_mean, running_var) if use_input_stats and running_mean is not None else ())


@partial(operation, operands=1)
def local_response_norm(input: Array, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Array:
    """Every value divided by `(k + alpha * mean square of the channels next to it) ** beta`."""
    squares = jnp.moveaxis(jnp.square(input), 1, -1)
    around = jnp.pad(squares, [(0, 0)] * (input.ndim - 1) + [(size // 2, (size - 1) // 2)])
    channels = input.shape[1]
    total = sum(around[..., i : i + channels] for i in range(size))
    return input / jnp.moveaxis(k + alpha * total / size, -1, 1) ** beta
