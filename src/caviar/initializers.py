"""Initializers: the first value of a weight, a pure function of a key, a shape and a dtype.

Below, `n_in` is how many inputs a unit sums over, and `n_out` how many units an input reaches: the fans of a weight.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import numpy as np

from caviar import config, engine
from caviar.declarations import NotNegative, OneOf, Positive, Seed, Several
from caviar.errors import ArgumentError, ShapeError, unknown_name
from caviar.parts import Part

Shape = tuple[int, ...]
_TRUNCATED_STDDEV = 0.87962566103423978  # of a standard normal cut at -2 and 2


@dataclass(eq=False, repr=False, frozen=True)
class Initializer(Part):
    """The first value of a weight. One of your own is a function of (key, shape, dtype), or a subclass with `__call__`.

    >>> get(lambda key, shape, dtype: jnp.full(shape, 7, dtype))(None, (2,), "float32").tolist()
    [7.0, 7.0]
    """

    @engine.own_rules()
    def __call__(self, key: jax.Array | None, shape: Sequence[int], dtype: Any = None) -> jax.Array:
        """A new array of this shape. A `seed` makes it independent of the key; without both, a fresh key is taken."""
        seed = getattr(self, "seed", None)
        if seed is not None:
            key = jax.random.key(seed, impl="threefry2x32")
        elif key is None:
            key = config.next_key()
        return self._draw(key, tuple(shape), jnp.dtype(config.floatx() if dtype is None else dtype))

    def _draw(self, key: jax.Array, shape: Shape, dtype: Any) -> jax.Array:
        raise NotImplementedError(f"{type(self).__name__} has no __call__(self, key, shape, dtype)")


@dataclass(eq=False, repr=False, frozen=True)
class Constant(Initializer):
    """The same value everywhere; or an array of the weight's own shape.

    >>> Constant(0.5)(None, (2,)).tolist()
    [0.5, 0.5]
    """

    value: Several = 0.0

    def _draw(self, key: jax.Array, shape: Shape, dtype: Any) -> jax.Array:
        given = jnp.shape(self.value)
        if given not in ((), shape):
            raise ShapeError(f"a weight of shape {shape} cannot start as an array of shape {given}")
        return jnp.broadcast_to(jnp.asarray(self.value, dtype), shape)


@dataclass(eq=False, repr=False, frozen=True)
class Zeros(Constant):
    """0 everywhere: for biases. Units with equal weights learn equal features, so not for kernels.

    >>> Zeros()(None, (2,)).tolist()
    [0.0, 0.0]
    """

    value: float = field(default=0.0, init=False)


@dataclass(eq=False, repr=False, frozen=True)
class Ones(Constant):
    """1 everywhere.

    >>> Ones()(None, (2,)).tolist()
    [1.0, 1.0]
    """

    value: float = field(default=1.0, init=False)


@dataclass(eq=False, repr=False, frozen=True)
class Identity(Initializer):
    """The identity matrix times `gain`.

    >>> Identity(2.0)(None, (2, 2)).tolist()
    [[2.0, 0.0], [0.0, 2.0]]
    """

    gain: float = 1.0

    def _draw(self, key: jax.Array, shape: Shape, dtype: Any) -> jax.Array:
        if len(shape) != 2:
            raise ShapeError(f"Identity starts matrices, and was asked for the shape {shape}")
        return jnp.asarray(self.gain, dtype) * jnp.eye(shape[0], shape[1], dtype=dtype)


@dataclass(eq=False, repr=False, frozen=True)
class RandomNormal(Initializer):
    """Normal with the given mean and standard deviation.

    >>> RandomNormal(stddev=1.0, seed=0)(None, (2, 3)).shape
    (2, 3)
    """

    mean: float = 0.0
    stddev: NotNegative = 0.05
    seed: Seed | None = None

    def _draw(self, key: jax.Array, shape: Shape, dtype: Any) -> jax.Array:
        drawn = jax.random.normal(key, shape, dtype)
        return drawn * jnp.asarray(self.stddev, drawn.dtype) + jnp.asarray(self.mean, drawn.dtype)


@dataclass(eq=False, repr=False, frozen=True)
class TruncatedNormal(Initializer):
    """Normal, but never further than two standard deviations from the mean.

    >>> bool(abs(TruncatedNormal(stddev=1.0)(jax.random.key(0), (99,))).max() <= 2)
    True
    """

    mean: float = 0.0
    stddev: NotNegative = 0.05
    seed: Seed | None = None

    def _draw(self, key: jax.Array, shape: Shape, dtype: Any) -> jax.Array:
        drawn = jax.random.truncated_normal(key, -2, 2, shape, dtype)
        return drawn * jnp.asarray(self.stddev, drawn.dtype) + jnp.asarray(self.mean, drawn.dtype)


@dataclass(eq=False, repr=False, frozen=True)
class RandomUniform(Initializer):
    """Uniform in [`minval`, `maxval`).

    >>> bool(RandomUniform(0.0, 1.0)(jax.random.key(0), (99,)).min() >= 0)
    True
    """

    minval: float = -0.05
    maxval: float = 0.05
    seed: Seed | None = None

    def _draw(self, key: jax.Array, shape: Shape, dtype: Any) -> jax.Array:
        return jax.random.uniform(key, shape, dtype, self.minval, self.maxval)


@dataclass(eq=False, repr=False, frozen=True)
class SmallRandom(RandomUniform):
    """Uniform in [-0.01, 0.01), as in early machine learning: deep networks vanish with it.

    >>> bool(abs(SmallRandom()(jax.random.key(0), (99,))).max() <= 0.01)
    True
    """

    minval: float = -0.01
    maxval: float = 0.01


@dataclass(eq=False, repr=False, frozen=True)
class VarianceScaling(Initializer):
    """Mean 0 and variance `scale / n`, where n is by `mode` 'fan_in' n_in, 'fan_out' n_out, 'fan_avg' their mean.

    `distribution` is 'truncated_normal' (as Keras draws), 'untruncated_normal' or 'uniform'. The axes of the weight
    that count as its inputs and outputs may be given; else the last two are, times the size of a convolution's window.

    >>> VarianceScaling(2.0, "fan_avg", "uniform")(jax.random.key(0), (3, 3, 8, 16)).shape
    (3, 3, 8, 16)
    """

    scale: Positive = 1.0
    mode: Annotated[str, OneOf("fan_in", "fan_out", "fan_avg")] = "fan_in"
    distribution: Annotated[str, OneOf("truncated_normal", "untruncated_normal", "uniform")] = "truncated_normal"
    seed: Seed | None = None
    input_axes: Sequence[int] | None = None
    output_axes: Sequence[int] | None = None

    def _draw(self, key: jax.Array, shape: Shape, dtype: Any) -> jax.Array:
        deviation = jnp.sqrt(jnp.asarray(self.scale / max(self._fan(shape), 1), dtype))
        match self.distribution:
            case "truncated_normal":
                return jax.random.truncated_normal(key, -2, 2, shape, dtype) * (deviation / _TRUNCATED_STDDEV)
            case "untruncated_normal":
                return jax.random.normal(key, shape, dtype) * deviation
            case "uniform":
                return jax.random.uniform(key, shape, dtype, -1) * (deviation * math.sqrt(3))
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

    >>> LecunNormal()(jax.random.key(0), (8, 4)).shape
    (8, 4)
    """

    scale: float = field(default=1.0, init=False)
    mode: str = field(default="fan_in", init=False)
    distribution: str = field(default="truncated_normal", init=False)


@dataclass(eq=False, repr=False, frozen=True)
class LecunUniform(LecunNormal):
    """Variance 1 / n_in, uniform in [-sqrt(3 / n_in), sqrt(3 / n_in)].

    >>> bool(abs(LecunUniform()(jax.random.key(0), (3, 99))).max() <= 1)
    True
    """

    distribution: str = field(default="uniform", init=False)


@dataclass(eq=False, repr=False, frozen=True)
class GlorotNormal(LecunNormal):
    """Variance 2 / (n_in + n_out), normal: balances both directions. Also called Xavier. Not for ReLU.

    >>> GlorotNormal()(jax.random.key(0), (8, 4)).shape
    (8, 4)
    """

    mode: str = field(default="fan_avg", init=False)


@dataclass(eq=False, repr=False, frozen=True)
class GlorotUniform(GlorotNormal):
    """Variance 2 / (n_in + n_out), uniform in [-sqrt(6 / (n_in + n_out)), sqrt(6 / (n_in + n_out))].

    >>> bool(abs(GlorotUniform()(jax.random.key(0), (3, 3))).max() <= 1)
    True
    """

    distribution: str = field(default="uniform", init=False)


@dataclass(eq=False, repr=False, frozen=True)
class HeNormal(LecunNormal):
    """Variance 2 / n_in, normal: made for ReLU, which halves the variance. Also called Kaiming.

    >>> HeNormal()(jax.random.key(0), (8, 4)).shape
    (8, 4)
    """

    scale: float = field(default=2.0, init=False)


@dataclass(eq=False, repr=False, frozen=True)
class HeUniform(HeNormal):
    """Variance 2 / n_in, uniform in [-sqrt(6 / n_in), sqrt(6 / n_in)].

    >>> bool(abs(HeUniform()(jax.random.key(0), (6, 99))).max() <= 1)
    True
    """

    distribution: str = field(default="uniform", init=False)


@dataclass(eq=False, repr=False, frozen=True)
class Orthogonal(Initializer):
    """A matrix with orthonormal rows or columns, times `gain`; all axes but the last count as rows.

    >>> w = Orthogonal()(jax.random.key(0), (4, 4))
    >>> bool(jnp.allclose(w @ w.T, jnp.eye(4), atol=1e-5))
    True
    """

    gain: float = 1.0
    seed: Seed | None = None

    def _draw(self, key: jax.Array, shape: Shape, dtype: Any) -> jax.Array:
        if len(shape) < 2:
            raise ShapeError(f"Orthogonal starts matrices and kernels, and was asked for the shape {shape}")
        precise = jnp.promote_types(dtype, jnp.float32)  # LAPACK has no half precision
        return jax.nn.initializers.orthogonal(self.gain)(key, shape, precise).astype(dtype)


def fans(
    shape: Shape, input_axes: Sequence[int] | None = None, output_axes: Sequence[int] | None = None
) -> tuple[int, int]:
    """The fans (n_in, n_out) of a weight: a matrix's two sizes; of a convolution's kernel these times the window's.

    >>> fans((784, 512)), fans((3, 3, 16, 32)), fans((5,))
    ((784, 512), (144, 288), (5, 5))
    """
    if input_axes is not None and output_axes is not None:
        return math.prod(shape[a] for a in input_axes), math.prod(shape[a] for a in output_axes)
    if len(shape) < 2:
        return math.prod(shape), math.prod(shape)
    window = math.prod(shape[:-2])
    return window * shape[-2], window * shape[-1]


zeros, ones, constant, identity, orthogonal = Zeros, Ones, Constant, Identity, Orthogonal
random_normal, random_uniform, truncated_normal = RandomNormal, RandomUniform, TruncatedNormal
small_random, variance_scaling, lecun_normal, lecun_uniform = SmallRandom, VarianceScaling, LecunNormal, LecunUniform
glorot_normal, glorot_uniform, he_normal, he_uniform = GlorotNormal, GlorotUniform, HeNormal, HeUniform

_KNOWN: dict[str, type[Initializer]] = {
    name: cls for name, cls in globals().items() if isinstance(cls, type) and issubclass(cls, Initializer)
} | {
    "zero": Zeros,
    "one": Ones,
    "normal": RandomNormal,
    "uniform": RandomUniform,
    "xavier_normal": GlorotNormal,
    "xavier_uniform": GlorotUniform,
    "kaiming_normal": HeNormal,
    "kaiming_uniform": HeUniform,
}


def get(identifier: Any) -> Callable[..., jax.Array]:
    """The initializer of a name; None is `GlorotUniform()`, an array starts as itself, a callable is itself.

    >>> get("he_normal"), get("HeNormal"), get("xavier_uniform"), get(None)
    (HeNormal(), HeNormal(), GlorotUniform(), GlorotUniform())
    """
    if identifier is None:
        return GlorotUniform()
    if isinstance(identifier, str):
        if identifier not in _KNOWN:
            raise unknown_name("initializer", identifier, (n for n in _KNOWN if n.islower()))
        return _KNOWN[identifier]()
    if isinstance(identifier, (int, float, np.ndarray, jax.Array)):
        return Constant(identifier)  # type: ignore[arg-type]
    if isinstance(identifier, type):
        return identifier()
    if not callable(identifier):
        raise ArgumentError(f"an initializer is a name or a function of (key, shape, dtype), not {identifier!r}")
    return identifier
