"""Activations that are near 0 on one side and near the input on the other, as layers."""

from __future__ import annotations

from dataclasses import dataclass

from caviar import activations
from caviar.declarations import NotNegative, Positive
from caviar.layers.activation import FunctionLayer

__all__ = [
    "CELU",
    "ELU",
    "GELU",
    "SELU",
    "HardSiLU",
    "HardSwish",
    "LeakyReLU",
    "Mish",
    "ReLU",
    "ReLU6",
    "SiLU",
    "Softplus",
    "Swish",
]


@dataclass(eq=False, repr=False)
class ReLU(FunctionLayer):
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
class LeakyReLU(FunctionLayer):
    """x above 0 and `negative_slope * x` below.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import LeakyReLU
    >>> LeakyReLU(0.5)(jnp.array([[-2.0, 2.0]])).tolist()
    [[-1.0, 2.0]]
    """

    negative_slope: NotNegative = 0.3

    function = staticmethod(activations.leaky_relu)


class ReLU6(FunctionLayer):
    """min(max(x, 0), 6): a `ReLU` that cannot grow beyond 6, used in networks for small devices.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import ReLU6
    >>> ReLU6()(jnp.array([[-1.0, 8.0]])).tolist()
    [[0.0, 6.0]]
    """

    function = staticmethod(activations.relu6)


@dataclass(eq=False, repr=False)
class Softplus(FunctionLayer):
    """log(1 + exp(beta x)) / beta.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import Softplus
    >>> Softplus()(jnp.array([[-1e4, 1e4]])).tolist()
    [[0.0, 10000.0]]
    """

    beta: Positive = 1.0

    function = staticmethod(activations.softplus)


@dataclass(eq=False, repr=False)
class GELU(FunctionLayer):
    """`x * P(X <= x)` for a standard normal X, approximated with tanh if `approximate`. The usual activation of transformers.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import GELU
    >>> GELU()(jnp.array([[0.0, 1e4]])).tolist()
    [[0.0, 10000.0]]
    """

    approximate: bool = False

    function = staticmethod(activations.gelu)


class SiLU(FunctionLayer):
    """x * sigmoid(x), also called swish: like `ReLU`, but smooth.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import SiLU
    >>> SiLU()(jnp.array([[0.0, 1e4]])).tolist()
    [[0.0, 10000.0]]
    """

    function = staticmethod(activations.silu)


class HardSiLU(FunctionLayer):
    """x * hard_sigmoid(x), also called hard swish: close to `SiLU`, and cheaper.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import HardSiLU
    >>> HardSiLU()(jnp.array([[0.0, 3.0]])).tolist()
    [[0.0, 3.0]]
    """

    function = staticmethod(activations.hard_silu)


class Mish(FunctionLayer):
    """x * tanh(softplus(x)): like `SiLU`, smooth and not monotonic.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import Mish
    >>> Mish()(jnp.array([[0.0, 1e4]])).tolist()
    [[0.0, 10000.0]]
    """

    function = staticmethod(activations.mish)


@dataclass(eq=False, repr=False)
class ELU(FunctionLayer):
    """x above 0 and alpha (exp(x) - 1) below.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import ELU
    >>> ELU(0.5)(jnp.array([[-1e4, 2.0]])).tolist()
    [[-0.5, 2.0]]
    """

    alpha: float = 1.0

    function = staticmethod(activations.elu)


class SELU(FunctionLayer):
    """`ELU`, scaled so that mean 0 and variance 1 are kept; with `lecun_normal` and `AlphaDropout`.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import SELU
    >>> SELU()(jnp.array([[0.0]])).tolist()
    [[0.0]]
    """

    function = staticmethod(activations.selu)


@dataclass(eq=False, repr=False)
class CELU(FunctionLayer):
    """x above 0 and alpha (exp(x / alpha) - 1) below.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import CELU
    >>> CELU(0.5)(jnp.array([[-1e4, 2.0]])).tolist()
    [[-0.5, 2.0]]
    """

    alpha: float = 1.0

    function = staticmethod(activations.celu)


Swish, HardSwish = SiLU, HardSiLU
