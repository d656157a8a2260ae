"""Initializers whose spread follows from the shape of a weight, so that variances stay the same from layer to layer.

`n_in` is how many inputs a unit sums over, and `n_out` how many units an input reaches.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated, Any

import jax
import jax.numpy as jnp

from caviar import config
from caviar.declarations import OneOf, Positive, Seed
from caviar.errors import unknown_name
from caviar.initializers.base import Initializer, Shape, drawn, truncated

__all__ = [
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "LecunNormal",
    "LecunUniform",
    "VarianceScaling",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "lecun_normal",
    "lecun_uniform",
    "variance_scaling",
]

_TRUNCATED_STDDEV = 0.87962566103423978  # standard deviation of a standard normal variable truncated at -2 and 2


@dataclass(eq=False, repr=False, frozen=True)
class VarianceScaling(Initializer):
    """Mean 0 and variance `scale / n`, where n is by `mode` 'fan_in' n_in, 'fan_out' n_out, 'fan_avg' their mean.

    `distribution` is 'truncated_normal' (as Keras draws), 'untruncated_normal' or 'uniform'. The axes of the weight
    that count as its inputs and outputs may be given; else the last two are, times the size of a convolution's window.

    >>> import jax
    >>> from caviar.initializers import VarianceScaling
    >>> VarianceScaling(2.0, "fan_avg", "uniform")(jax.random.key(0), (3, 3, 8, 16)).shape
    (3, 3, 8, 16)
    """

    scale: Positive = 1.0
    mode: Annotated[str, OneOf("fan_in", "fan_out", "fan_avg")] = "fan_in"
    distribution: Annotated[str, OneOf("truncated_normal", "untruncated_normal", "uniform")] = "truncated_normal"
    seed: Seed | None = None
    input_axes: Sequence[int] | None = None
    output_axes: Sequence[int] | None = None

    in_frames = True

    def _draw(self, key: jax.Array, shape: Shape, dtype: Any) -> jax.Array:
        deviation = jnp.sqrt(jnp.asarray(self.scale / _at_least_1(self._fan(shape)), dtype))
        match self.distribution:
            case "truncated_normal":
                return drawn(truncated, key, shape, dtype) * (deviation / _TRUNCATED_STDDEV)
            case "untruncated_normal":
                return drawn(jax.random.normal, key, shape, dtype) * deviation
            case "uniform":
                return drawn(partial(jax.random.uniform, minval=-1), key, shape, dtype) * (deviation * math.sqrt(3))
        raise unknown_name("distribution", self.distribution, ("truncated_normal", "untruncated_normal", "uniform"))

    def _fan(self, shape: Shape) -> float:
        n_in, n_out = fans(shape, self.input_axes, self.output_axes)
        choices = {"fan_in": n_in, "fan_out": n_out, "fan_avg": (n_in + n_out) / 2}
        if self.mode not in choices:
            raise unknown_name("mode", self.mode, choices)
        return choices[self.mode]


@dataclass(eq=False, repr=False, frozen=True)
class LecunNormal(VarianceScaling):
    """Variance 1 / n_in, normal: keeps the variance from layer to layer; for sigmoid, tanh and SELU.

    >>> import jax
    >>> from caviar.initializers import LecunNormal
    >>> LecunNormal()(jax.random.key(0), (8, 4)).shape
    (8, 4)
    """

    scale: float = field(default=1.0, init=False)
    mode: str = field(default="fan_in", init=False)
    distribution: str = field(default="truncated_normal", init=False)


@dataclass(eq=False, repr=False, frozen=True)
class LecunUniform(LecunNormal):
    """Variance 1 / n_in, uniform in [-sqrt(3 / n_in), sqrt(3 / n_in)].

    >>> import jax
    >>> from caviar.initializers import LecunUniform
    >>> bool(abs(LecunUniform()(jax.random.key(0), (3, 99))).max() <= 1)
    True
    """

    distribution: str = field(default="uniform", init=False)


@dataclass(eq=False, repr=False, frozen=True)
class GlorotNormal(LecunNormal):
    """Variance 2 / (n_in + n_out), normal: balances both directions. Also called Xavier. Not for ReLU.

    >>> import jax
    >>> from caviar.initializers import GlorotNormal
    >>> GlorotNormal()(jax.random.key(0), (8, 4)).shape
    (8, 4)
    """

    mode: str = field(default="fan_avg", init=False)


@dataclass(eq=False, repr=False, frozen=True)
class GlorotUniform(GlorotNormal):
    """Variance 2 / (n_in + n_out), uniform in [-sqrt(6 / (n_in + n_out)), sqrt(6 / (n_in + n_out))].

    >>> import jax
    >>> from caviar.initializers import GlorotUniform
    >>> bool(abs(GlorotUniform()(jax.random.key(0), (3, 3))).max() <= 1)
    True
    """

    distribution: str = field(default="uniform", init=False)


@dataclass(eq=False, repr=False, frozen=True)
class HeNormal(LecunNormal):
    """Variance 2 / n_in, normal: made for ReLU, which halves the variance. Also called Kaiming.

    >>> import jax
    >>> from caviar.initializers import HeNormal
    >>> HeNormal()(jax.random.key(0), (8, 4)).shape
    (8, 4)
    """

    scale: float = field(default=2.0, init=False)


@dataclass(eq=False, repr=False, frozen=True)
class HeUniform(HeNormal):
    """Variance 2 / n_in, uniform in [-sqrt(6 / n_in), sqrt(6 / n_in)].

    >>> import jax
    >>> from caviar.initializers import HeUniform
    >>> bool(abs(HeUniform()(jax.random.key(0), (6, 99))).max() <= 1)
    True
    """

    distribution: str = field(default="uniform", init=False)


def _at_least_1(fan: Any) -> Any:
    return jnp.maximum(fan, 1).astype(config.floatx()) if isinstance(fan, jax.Array) else max(fan, 1)


def fans(
    shape: Shape, input_axes: Sequence[int] | None = None, output_axes: Sequence[int] | None = None
) -> tuple[int, int]:
    """The fans (n_in, n_out) of a weight: a matrix's two sizes; of a convolution's kernel these times the window's.

    >>> from caviar.initializers.scaling import fans
    >>> fans((784, 512)), fans((3, 3, 16, 32)), fans((5,))
    ((784, 512), (144, 288), (5, 5))
    """
    if input_axes is not None and output_axes is not None:
        return math.prod(shape[a] for a in input_axes), math.prod(shape[a] for a in output_axes)
    if len(shape) < 2:
        return math.prod(shape), math.prod(shape)
    window = math.prod(shape[:-2])
    return window * shape[-2], window * shape[-1]


variance_scaling = VarianceScaling
lecun_normal = LecunNormal
lecun_uniform = LecunUniform
glorot_normal = GlorotNormal
glorot_uniform = GlorotUniform
he_normal = HeNormal
he_uniform = HeUniform
