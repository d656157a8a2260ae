"""Activations as layers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import ClassVar

import jax

from caviar import activations
from caviar.declarations import NotNegative, Positive
from caviar.layers.argument_types import ActivationLike
from caviar.layers.base import Layer
from caviar.live import Live
from caviar.placing import Placement

__all__ = [
    "CELU", "ELU", "GELU", "SELU", "Activation", "HardShrink", "HardSiLU", "HardSigmoid", "HardSwish", "HardTanh",
    "LeakyReLU", "LogSigmoid", "Mish", "ReLU", "ReLU6", "SiLU", "Sigmoid", "Sign", "SoftShrink", "Softplus",
    "Softsign", "Swish", "Tanh", "TanhShrink", "Threshold",
]  # fmt: skip


@dataclass(eq=False, repr=False)
class Activation(Layer):
    """Any activation, by its name or as a function.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import Activation
    >>> Activation("relu")(jnp.array([[-1.0, 2.0]])).tolist()
    [[0.0, 2.0]]
    """

    activation: ActivationLike

    supports_masking = True
    takes = "floats"

    def call(self, x: jax.Array) -> jax.Array:
        """The function of each input."""
        return activations.get(self.activation)(x)

    def live(self, member: Placement, x: Live) -> Live:
        """The same, if each is computed by itself."""
        return member.activated(activations.get(self.activation), x)

    may_differ = ("activation",)


class _Function(Layer):
    """A layer whose fields are the arguments of a function of `caviar.activations`."""

    function: ClassVar[Callable[..., jax.Array]]
    supports_masking = True
    takes = "floats"

    def call(self, x: jax.Array) -> jax.Array:
        """The function of each input."""
        inherited = {f.name for f in fields(Layer)}
        own = [f.name for f in fields(self) if f.name not in inherited]
        return type(self).function(x, **{name: getattr(self, name) for name in own})

    def live(self, member: Placement, x: Live) -> Live:
        """The same, if each is computed by itself."""
        return member.activated(type(self).function, x)


@dataclass(eq=False, repr=False)
class ReLU(_Function):
    """max(x, 0); or at most `max_value`, and `negative_slope * (x - threshold)` below the threshold.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import ReLU
    >>> ReLU(max_value=6.0)(jnp.array([[-1.0, 2.0, 8.0]])).tolist()
    [[0.0, 2.0, 6.0]]
    """

    max_value: NotNegative | None = None
    negative_slope: NotNegative = 0.0
    threshold: float = 0.0

    function = staticmethod(activations.relu)


@dataclass(eq=False, repr=False)
class LeakyReLU(_Function):
    """x above 0 and `negative_slope * x` below.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import LeakyReLU
    >>> LeakyReLU(0.5)(jnp.array([[-2.0, 2.0]])).tolist()
    [[-1.0, 2.0]]
    """

    negative_slope: NotNegative = 0.3

    function = staticmethod(activations.leaky_relu)


class ReLU6(_Function):
    """min(max(x, 0), 6): a `ReLU` that cannot grow beyond 6, used in networks for small devices.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import ReLU6
    >>> ReLU6()(jnp.array([[-1.0, 8.0]])).tolist()
    [[0.0, 6.0]]
    """

    function = staticmethod(activations.relu6)


@dataclass(eq=False, repr=False)
class Softplus(_Function):
    """log(1 + exp(beta x)) / beta.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import Softplus
    >>> Softplus()(jnp.array([[-1e4, 1e4]])).tolist()
    [[0.0, 10000.0]]
    """

    beta: Positive = 1.0

    function = staticmethod(activations.softplus)


@dataclass(eq=False, repr=False)
class GELU(_Function):
    """`x * P(X <= x)` for a standard normal X, approximated with tanh if `approximate`. The usual activation of transformers.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import GELU
    >>> GELU()(jnp.array([[0.0, 1e4]])).tolist()
    [[0.0, 10000.0]]
    """

    approximate: bool = False

    function = staticmethod(activations.gelu)


class SiLU(_Function):
    """x * sigmoid(x), also called swish: like `ReLU`, but smooth.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import SiLU
    >>> SiLU()(jnp.array([[0.0, 1e4]])).tolist()
    [[0.0, 10000.0]]
    """

    function = staticmethod(activations.silu)


class HardSiLU(_Function):
    """x * hard_sigmoid(x), also called hard swish: close to `SiLU`, and cheaper.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import HardSiLU
    >>> HardSiLU()(jnp.array([[0.0, 3.0]])).tolist()
    [[0.0, 3.0]]
    """

    function = staticmethod(activations.hard_silu)


class Mish(_Function):
    """x * tanh(softplus(x)): like `SiLU`, smooth and not monotonic.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import Mish
    >>> Mish()(jnp.array([[0.0, 1e4]])).tolist()
    [[0.0, 10000.0]]
    """

    function = staticmethod(activations.mish)


@dataclass(eq=False, repr=False)
class ELU(_Function):
    """x above 0 and alpha (exp(x) - 1) below.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import ELU
    >>> ELU(0.5)(jnp.array([[-1e4, 2.0]])).tolist()
    [[-0.5, 2.0]]
    """

    alpha: float = 1.0

    function = staticmethod(activations.elu)


class SELU(_Function):
    """`ELU`, scaled so that mean 0 and variance 1 are kept; with `lecun_normal` and `AlphaDropout`.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import SELU
    >>> SELU()(jnp.array([[0.0]])).tolist()
    [[0.0]]
    """

    function = staticmethod(activations.selu)


@dataclass(eq=False, repr=False)
class CELU(_Function):
    """x above 0 and alpha (exp(x / alpha) - 1) below.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import CELU
    >>> CELU(0.5)(jnp.array([[-1e4, 2.0]])).tolist()
    [[-0.5, 2.0]]
    """

    alpha: float = 1.0

    function = staticmethod(activations.celu)


@dataclass(eq=False, repr=False)
class Threshold(_Function):
    """x above the threshold, `default_value` at and below it.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import Threshold
    >>> Threshold(1.0, -5.0)(jnp.array([[1.0, 2.0]])).tolist()
    [[-5.0, 2.0]]
    """

    threshold: float = 0.0
    default_value: float = 0.0

    function = staticmethod(activations.threshold)


class Sign(_Function):
    """The sign of x: -1, 0 or 1. Its gradient is 0 everywhere, so nothing below it learns.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import Sign
    >>> Sign()(jnp.array([[-3.0, 0.0]])).tolist()
    [[-1.0, 0.0]]
    """

    function = staticmethod(activations.sign)


class Softsign(_Function):
    """x / (1 + |x|): between -1 and 1, as `Tanh`, but approaching its limits more slowly.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import Softsign
    >>> Softsign()(jnp.array([[-1.0, 3.0]])).tolist()
    [[-0.5, 0.75]]
    """

    function = staticmethod(activations.softsign)


class TanhShrink(_Function):
    """x - tanh(x): small values become smaller, large ones lose 1.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import TanhShrink
    >>> TanhShrink()(jnp.array([[0.0, 100.0]])).tolist()
    [[0.0, 99.0]]
    """

    function = staticmethod(activations.tanh_shrink)


@dataclass(eq=False, repr=False)
class SoftShrink(_Function):
    """x moved towards 0 by the threshold; 0 where |x| is at most the threshold.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import SoftShrink
    >>> SoftShrink()(jnp.array([[0.25, 2.0]])).tolist()
    [[0.0, 1.5]]
    """

    threshold: float = 0.5

    function = staticmethod(activations.soft_shrink)


@dataclass(eq=False, repr=False)
class HardShrink(_Function):
    """x, but 0 where |x| is at most the threshold.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import HardShrink
    >>> HardShrink()(jnp.array([[0.25, 2.0]])).tolist()
    [[0.0, 2.0]]
    """

    threshold: float = 0.5

    function = staticmethod(activations.hard_shrink)


class Sigmoid(_Function):
    """1 / (1 + exp(-x)), between 0 and 1: the probability of the second of two classes.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import Sigmoid
    >>> Sigmoid()(jnp.array([[0.0, 1e4]])).tolist()
    [[0.5, 1.0]]
    """

    function = staticmethod(activations.sigmoid)


class LogSigmoid(_Function):
    """log(sigmoid(x)), computed without overflow.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import LogSigmoid
    >>> LogSigmoid()(jnp.array([[-1e4]])).tolist()
    [[-10000.0]]
    """

    function = staticmethod(activations.log_sigmoid)


class Tanh(_Function):
    """tanh(x) = (exp(x) - exp(-x)) / (exp(x) + exp(-x)), between -1 and 1.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import Tanh
    >>> Tanh()(jnp.array([[0.0, 1e4]])).tolist()
    [[0.0, 1.0]]
    """

    function = staticmethod(activations.tanh)


class HardSigmoid(_Function):
    """x / 6 + 1/2, clipped to [0, 1]: straight lines in place of `Sigmoid`.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import HardSigmoid
    >>> HardSigmoid()(jnp.array([[0.0, 3.0]])).tolist()
    [[0.5, 1.0]]
    """

    function = staticmethod(activations.hard_sigmoid)


@dataclass(eq=False, repr=False)
class HardTanh(_Function):
    """x, clipped to [`min_val`, `max_val`].

    >>> import jax.numpy as jnp
    >>> from caviar.layers import HardTanh
    >>> HardTanh()(jnp.array([[-2.0, 0.5]])).tolist()
    [[-1.0, 0.5]]
    """

    min_val: float = -1.0
    max_val: float = 1.0

    function = staticmethod(activations.hard_tanh)


Swish, HardSwish = SiLU, HardSiLU
