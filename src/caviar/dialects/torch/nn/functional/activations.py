"""Activations: caviar's functions of arrays, with PyTorch's argument names."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from caviar import activations
from caviar.dialects.torch.functions import floats, operation
from caviar.dialects.torch.nn.functional.noise import by_chance
from caviar.dialects.torch.tensor import Tensor
from caviar.errors import ShapeError, unknown_name

__all__ = [
    "celu",
    "elu",
    "gelu",
    "glu",
    "gumbel_softmax",
    "hardshrink",
    "hardsigmoid",
    "hardswish",
    "hardtanh",
    "leaky_relu",
    "log_softmax",
    "logsigmoid",
    "mish",
    "prelu",
    "relu",
    "relu6",
    "rrelu",
    "selu",
    "sigmoid",
    "silu",
    "softmax",
    "softmin",
    "softplus",
    "softshrink",
    "softsign",
    "tanh",
    "tanhshrink",
    "threshold",
]

Array = jax.Array


@operation
def threshold(input: Array, threshold: float, value: float, inplace: bool = False) -> Array:
    """The elements above the threshold, `value` at and below it."""
    return activations.threshold(input, threshold, value)


@operation
def relu(input: Array, inplace: bool = False) -> Array:
    """max(x, 0)."""
    return activations.relu(input)


@operation
def relu6(input: Array, inplace: bool = False) -> Array:
    """min(max(x, 0), 6)."""
    return activations.relu6(input)


@operation
def hardtanh(input: Array, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Array:
    """x, clipped to [`min_val`, `max_val`]."""
    return activations.hard_tanh(input, min_val, max_val)


@operation
def leaky_relu(input: Array, negative_slope: float = 0.01, inplace: bool = False) -> Array:
    """x above 0 and `negative_slope * x` below."""
    return activations.leaky_relu(input, negative_slope)


@partial(operation, operands=2)
def prelu(input: Array, weight: Array) -> Array:
    """`leaky_relu` with a slope that is learned: one, or one for each channel (dimension 1)."""
    channels = input.shape[1] if input.ndim > 1 else 1
    if weight.size not in (1, channels):
        raise ShapeError(
            f"prelu has {weight.size} slopes for {channels} channels: give it num_parameters={channels}, or 1"
        )
    along = weight if input.ndim < 2 else weight.reshape(-1, *[1] * (input.ndim - 2))
    return activations.prelu(input, along)


def _random_slopes(key: Array, input: Array, lower: Any, upper: Any) -> Array:
    slopes = jax.random.uniform(key, input.shape, input.dtype) * (upper - lower) + lower
    return activations.leaky_relu(input, slopes)


@operation
def _mean_slope(input: Array, lower: float, upper: float) -> Array:
    return activations.rrelu(input, lower, upper)


def rrelu(
    input: Tensor, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False, inplace: bool = False
) -> Any:
    """`leaky_relu` with slopes drawn between `lower` and `upper` while training, else with their mean."""
    return by_chance(_random_slopes, input, lower, upper) if training else _mean_slope(input, lower, upper)


@operation
def elu(input: Array, alpha: float = 1.0, inplace: bool = False) -> Array:
    """x above 0 and `alpha * (exp(x) - 1)` below."""
    return activations.elu(input, alpha)


@operation
def celu(input: Array, alpha: float = 1.0, inplace: bool = False) -> Array:
    """x above 0 and `alpha * (exp(x / alpha) - 1)` below."""
    return activations.celu(input, alpha)


@operation
def selu(input: Array, inplace: bool = False) -> Array:
    """`elu`, scaled so that mean 0 and variance 1 stay the same from layer to layer."""
    return activations.selu(input)


@operation
def gelu(input: Array, approximate: str = "none") -> Array:
    """`x * P(X <= x)` for a standard normal X; `approximate="tanh"` is a faster form."""
    if approximate not in ("none", "tanh"):
        raise unknown_name("approximation of gelu", approximate, ("none", "tanh"))
    return activations.gelu(input, approximate == "tanh")


@operation
def softplus(input: Array, beta: float = 1.0, threshold: float = 20.0) -> Array:
    """`log(1 + exp(beta * x)) / beta`, and x itself where `beta * x` is above the threshold."""
    return jnp.where(input * beta > threshold, input, activations.softplus(input, beta))


@operation
def softsign(input: Array) -> Array:
    """`x / (1 + |x|)`."""
    return activations.softsign(input)


@operation
def softshrink(input: Array, lambd: float = 0.5) -> Array:
    """x moved towards 0 by `lambd`; 0 where |x| is at most `lambd`."""
    return activations.soft_shrink(input, lambd)


@operation
def hardshrink(input: Array, lambd: float = 0.5) -> Array:
    """x, but 0 where |x| is at most `lambd`."""
    return activations.hard_shrink(input, lambd)


@operation
def tanhshrink(input: Array) -> Array:
    """`x - tanh(x)`."""
    return activations.tanh_shrink(input)


@operation
def tanh(input: Array) -> Array:
    """tanh(x) = (exp(x) - exp(-x)) / (exp(x) + exp(-x)), between -1 and 1."""
    return activations.tanh(input)


@operation
def sigmoid(input: Array) -> Array:
    """`1 / (1 + exp(-x))`."""
    return activations.sigmoid(input)


@operation
def logsigmoid(input: Array) -> Array:
    """log(sigmoid(x)), computed without overflow."""
    return activations.log_sigmoid(input)


@operation
def hardsigmoid(input: Array, inplace: bool = False) -> Array:
    """`x / 6 + 1 / 2`, clipped to [0, 1]."""
    return activations.hard_sigmoid(input)


@operation
def silu(input: Array, inplace: bool = False) -> Array:
    """`x * sigmoid(x)`."""
    return activations.silu(input)


@operation
def mish(input: Array, inplace: bool = False) -> Array:
    """`x * tanh(softplus(x))`."""
    return activations.mish(input)


@operation
def hardswish(input: Array, inplace: bool = False) -> Array:
    """`x * hardsigmoid(x)`."""
    return activations.hard_silu(input)


def _axis(input: Array, dim: int | None) -> int:
    """The dimension of the classes. By default PyTorch takes the first one of tensors with 0, 1 or 3 dimensions, else the second."""
    return dim if dim is not None else 0 if input.ndim in (0, 1, 3) else 1


@operation
def softmax(input: Array, dim: int | None = None, dtype: Any = None) -> Array:
    """exp(x_i) / sum_j exp(x_j) along `dim`: probabilities that sum to 1."""
    return activations.softmax(floats(input if dtype is None else input.astype(dtype), "softmax"), _axis(input, dim))


@operation
def softmin(input: Array, dim: int | None = None, dtype: Any = None) -> Array:
    """softmax(-x) along `dim`: the smallest input gets the largest share."""
    return activations.softmin(floats(input if dtype is None else input.astype(dtype), "softmin"), _axis(input, dim))


@operation
def log_softmax(input: Array, dim: int | None = None, dtype: Any = None) -> Array:
    """log(softmax(x)) along `dim`, computed without overflow."""
    return activations.log_softmax(
        floats(input if dtype is None else input.astype(dtype), "log_softmax"), _axis(input, dim)
    )


@operation
def glu(input: Array, dim: int = -1) -> Array:
    """The first half along `dim`, times the sigmoid of the second."""
    if input.shape[dim] % 2:
        raise ShapeError(f"glu halves dimension {dim}, whose size {input.shape[dim]} is odd: give it an even one")
    return activations.glu(input, dim)


def _gumbel(key: Array, logits: Array, tau: Any, hard: bool, dim: int) -> Array:
    soft = activations.softmax((logits + jax.random.gumbel(key, logits.shape, logits.dtype)) / tau, dim)
    return activations.hardmax(soft, dim) + soft - jax.lax.stop_gradient(soft) if hard else soft


def gumbel_softmax(logits: Tensor, tau: float = 1, hard: bool = False, dim: int = -1) -> Any:
    """A random draw of a class that gradients flow through: `softmax((logits + Gumbel noise) / tau)`; with `hard`, one-hot."""
    return by_chance(_gumbel, logits, float(tau), hard=hard, dim=dim)
