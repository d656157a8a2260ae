"""Activations as modules."""

from __future__ import annotations

from typing import Any

from caviar.declarations import Count
from caviar.dialects.torch import creation
from caviar.dialects.torch.nn import functional as F
from caviar.dialects.torch.nn.applied import Applied
from caviar.dialects.torch.nn.module import Module
from caviar.dialects.torch.weights import Parameter
from caviar.errors import ShapeError


class _Shrink(Applied):
    def extra_repr(self) -> str:
        """The threshold."""
        return str(self.lambd)


class _Softmax(Applied):
    """The base of functions of the classes along `dim`, which `repr` always shows."""

    def __init__(self, dim: int | None = None) -> None:
        super().__init__(dim=dim)

    shown = ("dim",)


class Threshold(Applied):
    """The elements above the threshold, `value` at and below it."""

    function = F.threshold
    shown = ("threshold", "value")


class ReLU(Applied):
    """max(x, 0)."""

    function = F.relu


class ReLU6(Applied):
    """min(max(x, 0), 6)."""

    function = F.relu6


class Hardtanh(Applied):
    """x, clipped to [`min_val`, `max_val`]."""

    function = F.hardtanh
    shown = ("min_val", "max_val")


class LeakyReLU(Applied):
    """x above 0 and `negative_slope * x` below."""

    function = F.leaky_relu
    shown = ("negative_slope",)


class RReLU(Applied):
    """`LeakyReLU` with slopes drawn between `lower` and `upper` while training, else with their mean."""

    function = F.rrelu
    shown = ("lower", "upper")


class ELU(Applied):
    """x above 0 and `alpha * (exp(x) - 1)` below."""

    function = F.elu
    shown = ("alpha",)


class CELU(Applied):
    """x above 0 and `alpha * (exp(x / alpha) - 1)` below."""

    function = F.celu
    shown = ("alpha",)


class SELU(Applied):
    """`ELU`, scaled so that mean 0 and variance 1 stay the same from layer to layer."""

    function = F.selu


class GELU(Applied):
    """`x * P(X <= x)` for a standard normal X."""

    function = F.gelu
    shown = ("approximate",)


class Softplus(Applied):
    """`log(1 + exp(beta * x)) / beta`, and x itself where `beta * x` is above the threshold."""

    function = F.softplus
    shown = ("beta", "threshold")


class Softsign(Applied):
    """`x / (1 + |x|)`."""

    function = F.softsign


class Softshrink(_Shrink):
    """x moved towards 0 by `lambd`; 0 where |x| is at most `lambd`."""

    function = F.softshrink


class Hardshrink(_Shrink):
    """x, but 0 where |x| is at most `lambd`."""

    function = F.hardshrink


class Tanhshrink(Applied):
    """`x - tanh(x)`."""

    function = F.tanhshrink


class Tanh(Applied):
    """tanh(x) = (exp(x) - exp(-x)) / (exp(x) + exp(-x)), between -1 and 1."""

    function = F.tanh


class Sigmoid(Applied):
    """`1 / (1 + exp(-x))`."""

    function = F.sigmoid


class LogSigmoid(Applied):
    """log(sigmoid(x)), computed without overflow."""

    function = F.logsigmoid


class Hardsigmoid(Applied):
    """`x / 6 + 1 / 2`, clipped to [0, 1]."""

    function = F.hardsigmoid
    hidden = ("inplace",)


class SiLU(Applied):
    """`x * sigmoid(x)`."""

    function = F.silu


class Mish(Applied):
    """`x * tanh(softplus(x))`."""

    function = F.mish


class Hardswish(Applied):
    """`x * hardsigmoid(x)`."""

    function = F.hardswish
    hidden = ("inplace",)


class GLU(Applied):
    """The first half along `dim`, times the sigmoid of the second."""

    function = F.glu
    shown = ("dim",)


class Softmax(_Softmax):
    """exp(x_i) / sum_j exp(x_j) along `dim`: probabilities that sum to 1."""

    function = F.softmax


class Softmin(_Softmax):
    """softmax(-x) along `dim`: the smallest input gets the largest share."""

    function = F.softmin


class LogSoftmax(_Softmax):
    """log(softmax(x)) along `dim`, computed without overflow."""

    function = F.log_softmax


class Softmax2d(Module):
    """The softmax over the channels, at each place of an image."""

    def forward(self, input: Any) -> Any:
        """The softmax of the channels."""
        if input.ndim not in (3, 4):
            raise ShapeError(f"Softmax2d takes (n, channels, height, width), and was given {tuple(input.shape)}")
        return F.softmax(input, -3)


class PReLU(Module):
    """`LeakyReLU` with a slope that is learned: one, or one for each channel.

    >>> from caviar.dialects.torch.nn import PReLU
    >>> PReLU()
    PReLU(num_parameters=1)
    """

    def __init__(self, num_parameters: Count = 1, init: float = 0.25, device: Any = None, dtype: Any = None) -> None:
        super().__init__()
        self.num_parameters, self.init = num_parameters, init
        self.weight = Parameter(creation.full((num_parameters,), float(init)))

    def forward(self, input: Any) -> Any:
        """x above 0 and the slope times x below."""
        return F.prelu(input, self.weight)

    def extra_repr(self) -> str:
        """The number of slopes."""
        return f"num_parameters={self.num_parameters}"
