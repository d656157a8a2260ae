"""Activation functions: pure functions of an array, named as Keras names them.

The five families of the lecture are in `FAMILIES`. At a kink the derivative is the one that PyTorch takes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from caviar.errors import ArgumentError, unknown_name
from caviar.graph.evaluation import squeezed
from caviar.parts import is_off

Axis = int | tuple[int, ...]


def linear(x: jax.Array) -> jax.Array:
    """The input itself.

    >>> linear(jnp.array([-1.0, 2.0])).tolist()
    [-1.0, 2.0]
    """
    return x


# Threshold like


def threshold(x: jax.Array, threshold: float = 0.0, default_value: float = 0.0) -> jax.Array:
    """x above the threshold, `default_value` at and below it.

    >>> threshold(jnp.array([0.5, 1.0, 2.0]), 1.0, -5.0).tolist()
    [-5.0, -5.0, 2.0]
    """
    return jnp.where(x <= threshold, default_value, x)


def sign(x: jax.Array) -> jax.Array:
    """-1, 0 or 1; its derivative is 0 everywhere, so nothing is learned through it.

    >>> sign(jnp.array([-3.0, 0.0, 3.0])).tolist()
    [-1.0, 0.0, 1.0]
    """
    return jnp.sign(x)


def softsign(x: jax.Array) -> jax.Array:
    """x / (1 + |x|).

    >>> softsign(jnp.array([-1.0, 0.0, 3.0])).tolist()
    [-0.5, 0.0, 0.75]
    """
    return jax.nn.soft_sign(x)


def tanh_shrink(x: jax.Array) -> jax.Array:
    """x - tanh(x): what is near 0 is rounded to 0.

    >>> tanh_shrink(jnp.array([0.0, 100.0])).tolist()
    [0.0, 99.0]
    """
    return x - jnp.tanh(x)


def soft_shrink(x: jax.Array, threshold: float = 0.5) -> jax.Array:
    """x moved towards 0 by the threshold, and 0 within it.

    >>> soft_shrink(jnp.array([-2.0, 0.25, 2.0])).tolist()
    [-1.5, 0.0, 1.5]
    """
    return jnp.where(jnp.abs(x) <= threshold, 0, x - threshold * jnp.sign(x))


def hard_shrink(x: jax.Array, threshold: float = 0.5) -> jax.Array:
    """x, but 0 where |x| is at most the threshold.

    >>> hard_shrink(jnp.array([-2.0, 0.25, 2.0])).tolist()
    [-2.0, 0.0, 2.0]
    """
    return jnp.where(jnp.abs(x) <= threshold, 0, x)


# Sigmoid like


def sigmoid(x: jax.Array) -> jax.Array:
    """1 / (1 + exp(-x)): between 0 and 1, as probabilities are; saturates at both ends.

    >>> sigmoid(jnp.array([-1e4, 0.0, 1e4])).tolist()
    [0.0, 0.5, 1.0]
    """
    return squeezed(jax.nn.sigmoid(x), "sigmoid", x)


def log_sigmoid(x: jax.Array) -> jax.Array:
    """log(sigmoid(x)), without overflow.

    >>> log_sigmoid(jnp.array([-1e4, 1e4])).tolist()
    [-10000.0, -0.0]
    """
    return jax.nn.log_sigmoid(x)


def tanh(x: jax.Array) -> jax.Array:
    """The hyperbolic tangent: between -1 and 1, centred at 0.

    >>> tanh(jnp.array([-1e4, 0.0, 1e4])).tolist()
    [-1.0, 0.0, 1.0]
    """
    return jnp.tanh(x)


def hard_sigmoid(x: jax.Array) -> jax.Array:
    """x / 6 + 1/2 within [0, 1]: a cheap sigmoid.

    >>> hard_sigmoid(jnp.array([-3.0, 0.0, 3.0])).tolist()
    [0.0, 0.5, 1.0]
    """
    return jnp.where(x <= -3, 0, jnp.where(x >= 3, 1, x / 6 + 0.5))  # compared before it is rounded


def hard_tanh(x: jax.Array, min_val: float = -1.0, max_val: float = 1.0) -> jax.Array:
    """x within [`min_val`, `max_val`]: a cheap tanh.

    >>> hard_tanh(jnp.array([-2.0, 0.5, 5.0])).tolist()
    [-1.0, 0.5, 1.0]
    """
    return _within(x, min_val, max_val)


def sparse_sigmoid(x: jax.Array) -> jax.Array:
    """(x + 1) / 2 within [0, 1].

    >>> sparse_sigmoid(jnp.array([-1.0, 0.0, 1.0])).tolist()
    [0.0, 0.5, 1.0]
    """
    return _within(0.5 * (x + 1), 0, 1)


def _within(x: jax.Array, low: float, high: float) -> jax.Array:
    """`clip`, with derivative 0 at both ends."""
    return jnp.where(x <= low, low, jnp.where(x >= high, high, x))


# ReLU like


def relu(
    x: jax.Array, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0
) -> jax.Array:
    """max(x, 0); or: x above the threshold, at most `max_value`, and `negative_slope * (x - threshold)` below.

    >>> relu(jnp.array([-1.0, 0.0, 8.0])).tolist()
    [0.0, 0.0, 8.0]
    >>> relu(jnp.array([-1.0, 0.5, 8.0]), negative_slope=0.5, max_value=6.0, threshold=1.0).tolist()
    [-1.0, -0.25, 6.0]
    """
    if is_off(negative_slope) and is_off(threshold):
        y = jax.nn.relu(x)
    else:
        below = 0 if is_off(negative_slope) else negative_slope * (x - threshold)
        y = jnp.where(x <= threshold, below, x)
    return y if max_value is None else jnp.where(x >= max_value, max_value, y)


def leaky_relu(x: jax.Array, negative_slope: float = 0.2) -> jax.Array:
    """x above 0 and `negative_slope * x` below, so that no neuron dies.

    >>> leaky_relu(jnp.array([-10.0, 10.0])).tolist()
    [-2.0, 10.0]
    """
    return jnp.where(x > 0, x, negative_slope * x)


def prelu(x: jax.Array, alpha: float | jax.Array = 0.25) -> jax.Array:
    """`leaky_relu` with a slope that is learned: `alpha` is a weight of the layer `PReLU`.

    >>> prelu(jnp.array([-8.0, 8.0]), jnp.array([0.5, 0.25])).tolist()
    [-4.0, 8.0]
    """
    return leaky_relu(x, alpha)  # type: ignore[arg-type]


def relu6(x: jax.Array) -> jax.Array:
    """min(max(x, 0), 6).

    >>> relu6(jnp.array([-1.0, 3.0, 8.0])).tolist()
    [0.0, 3.0, 6.0]
    """
    return _within(x, 0, 6)


def rrelu(x: jax.Array, lower: float = 1 / 8, upper: float = 1 / 3) -> jax.Array:
    """`leaky_relu` with the mean of the slopes that the layer `RReLU` draws while training.

    >>> rrelu(jnp.array([-8.0, 8.0]), 0.25, 0.75).tolist()
    [-4.0, 8.0]
    """
    return leaky_relu(x, (lower + upper) / 2)


def softplus(x: jax.Array, beta: float = 1.0) -> jax.Array:
    """log(1 + exp(beta x)) / beta: a smooth ReLU.

    >>> softplus(jnp.array([-1e4, 1e4])).tolist()
    [0.0, 10000.0]
    """
    return jax.nn.softplus(beta * x) / beta


def gelu(x: jax.Array, approximate: bool = False) -> jax.Array:
    """x times the probability that a normal variable is below x; `approximate` is the tanh form.

    >>> gelu(jnp.array([-1e4, 0.0, 1e4])).tolist()
    [-0.0, 0.0, 10000.0]
    """
    return jax.nn.gelu(x, approximate)


def silu(x: jax.Array) -> jax.Array:
    """x sigmoid(x), also called swish.

    >>> silu(jnp.array([-1e4, 0.0, 1e4])).tolist()
    [-0.0, 0.0, 10000.0]
    """
    return jax.nn.silu(x)


def hard_silu(x: jax.Array) -> jax.Array:
    """x hard_sigmoid(x), also called hard swish.

    >>> hard_silu(jnp.array([-3.0, 0.0, 3.0])).tolist()
    [-0.0, 0.0, 3.0]
    """
    return x * hard_sigmoid(x)


def mish(x: jax.Array) -> jax.Array:
    """x tanh(softplus(x)).

    >>> mish(jnp.array([-1e4, 0.0, 1e4])).tolist()
    [-0.0, 0.0, 10000.0]
    """
    return jax.nn.mish(x)


def squareplus(x: jax.Array, b: float = 4.0) -> jax.Array:
    """(x + sqrt(x^2 + b)) / 2: a smooth ReLU without exponentials.

    >>> squareplus(jnp.array([0.0])).tolist()
    [1.0]
    """
    return jax.nn.squareplus(x, b)


def sparse_plus(x: jax.Array) -> jax.Array:
    """0 below -1, x above 1, and (x + 1)^2 / 4 between.

    >>> sparse_plus(jnp.array([-2.0, 0.0, 2.0])).tolist()
    [0.0, 0.25, 2.0]
    """
    return jax.nn.sparse_plus(x)


# ELU like


def elu(x: jax.Array, alpha: float = 1.0) -> jax.Array:
    """x above 0 and alpha (exp(x) - 1) below.

    >>> elu(jnp.array([-1e4, 2.0]), 0.5).tolist()
    [-0.5, 2.0]
    """
    return jax.nn.elu(x, alpha)


def selu(x: jax.Array) -> jax.Array:
    """`elu`, scaled so that mean 0 and variance 1 are kept from layer to layer.

    >>> selu(jnp.array([0.0, 1.0])).round(4).tolist()
    [0.0, 1.0506999492645264]
    """
    return jax.nn.selu(x)


def celu(x: jax.Array, alpha: float = 1.0) -> jax.Array:
    """x above 0 and alpha (exp(x / alpha) - 1) below: without a kink for every alpha.

    >>> celu(jnp.array([-1e4, 2.0]), 0.5).tolist()
    [-0.5, 2.0]
    """
    return jax.nn.celu(x, alpha)


def exponential(x: jax.Array) -> jax.Array:
    """exp(x).

    >>> exponential(jnp.array([0.0])).tolist()
    [1.0]
    """
    return jnp.exp(x)


# Softmax like


def softmax(x: jax.Array, axis: Axis = -1) -> jax.Array:
    """exp(x_i) / sum_j exp(x_j): positive, and 1 in sum.

    >>> softmax(jnp.array([1e4, 1e4])).tolist()
    [0.5, 0.5]
    """
    return squeezed(jax.nn.softmax(x, axis), "softmax", x, axis)


def log_softmax(x: jax.Array, axis: Axis = -1) -> jax.Array:
    """log(softmax(x)), without overflow.

    >>> log_softmax(jnp.array([0.0, -1e4])).tolist()
    [0.0, -10000.0]
    """
    return jax.nn.log_softmax(x, axis)


def softmin(x: jax.Array, axis: Axis = -1) -> jax.Array:
    """softmax(-x): the smallest gets the largest share.

    >>> softmin(jnp.array([0.0, 1e4])).tolist()
    [1.0, 0.0]
    """
    return jax.nn.softmax(-x, axis)


def hardmax(x: jax.Array, axis: int = -1) -> jax.Array:
    """1 at the (first) largest, 0 elsewhere.

    >>> hardmax(jnp.array([5.0, 2.0, -1.0, 3.0])).tolist()
    [1.0, 0.0, 0.0, 0.0]
    """
    return jax.nn.one_hot(jnp.argmax(x, axis), x.shape[axis], axis=axis, dtype=x.dtype)


def sparsemax(x: jax.Array, axis: int = -1) -> jax.Array:
    """The point of the probability simplex nearest to x: a softmax with exact zeros.

    >>> sparsemax(jnp.array([1.0, 0.5, -1.0])).tolist()
    [0.75, 0.25, 0.0]
    """
    z = jnp.moveaxis(x, axis, -1)
    z = z - jax.lax.stop_gradient(z.max(-1, keepdims=True))
    ordered = jnp.sort(z, descending=True)
    support = 1 + jnp.arange(1, z.shape[-1] + 1) * ordered > jnp.cumsum(ordered, -1)
    total = jnp.sum(jnp.where(support, ordered, 0), -1, keepdims=True)
    return jnp.moveaxis(jax.nn.relu(z - (total - 1) / support.sum(-1, keepdims=True)), -1, axis)


def glu(x: jax.Array, axis: int = -1) -> jax.Array:
    """a sigmoid(b), where a and b are the two halves of x.

    >>> glu(jnp.array([4.0, 0.0])).tolist()
    [2.0]
    """
    return jax.nn.glu(x, axis)


swish, hard_swish = silu, hard_silu

FAMILIES: dict[str, tuple[Callable[..., jax.Array], ...]] = {
    "Threshold like": (threshold, sign, softsign, tanh_shrink, soft_shrink, hard_shrink),
    "Sigmoid like": (sigmoid, log_sigmoid, tanh, hard_sigmoid, hard_tanh),
    "ReLU like": (relu, prelu, leaky_relu, relu6, rrelu, softplus, gelu, silu, hard_silu, mish),
    "ELU like": (elu, selu, celu),
    "Softmax like": (softmax, log_softmax, softmin),
}
_MORE = (linear, exponential, glu, sparsemax, sparse_plus, sparse_sigmoid, squareplus, hardmax)
_KNOWN = {f.__name__: f for family in (*FAMILIES.values(), _MORE) for f in family}
_BY_NAME = {name.replace("_", ""): f for name, f in _KNOWN.items()} | {"swish": silu, "hardswish": hard_silu}
_LAYERS = {"prelu": "PReLU() learns its slope", "rrelu": "RReLU() draws its slopes"}


def get(identifier: Any) -> Callable[..., jax.Array]:
    """The activation function of a name; None is `linear`, and a callable is itself.

    >>> get("HardShrink").__name__, get("hard_shrink").__name__, get("swish").__name__, get(None).__name__
    ('hard_shrink', 'hard_shrink', 'silu', 'linear')
    """
    if identifier is None:
        return linear
    if callable(identifier):
        return identifier
    name = str(identifier).replace("_", "").lower()
    if name in _LAYERS:
        raise ArgumentError(f"{identifier!r} is not a function but a layer of its own: {_LAYERS[name]}")
    if name not in _BY_NAME:
        raise unknown_name("activation", identifier, (*_KNOWN, "swish", "hard_swish"))
    return _BY_NAME[name]
