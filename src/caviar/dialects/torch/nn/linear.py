"""Linear and bilinear modules. Parameters are initialized as in PyTorch."""

from __future__ import annotations

import math
from typing import Any

from caviar.declarations import Count
from caviar.dialects.torch import creation
from caviar.dialects.torch.nn import functional as F
from caviar.dialects.torch.nn.lazy import Lazy
from caviar.dialects.torch.nn.module import Module
from caviar.dialects.torch.weights import Parameter
from caviar.layers.weights import require_memory


def around_zero(shape: tuple[int, ...], fan_in: int) -> Parameter:
    """A parameter drawn between plus and minus the inverse root of the fan-in: kaiming_uniform with a = sqrt(5)."""
    return between(1 / math.sqrt(fan_in) if fan_in else 0.0, shape)


def between(bound: float, shape: tuple[int, ...]) -> Parameter:
    """A parameter drawn between minus and plus the bound."""
    require_memory("a parameter", shape, "float64")
    return Parameter(creation.fresh(creation.generator().uniform(-bound, bound, shape).astype(creation.default())))


class Linear(Module):
    """`x @ weight.T + bias`.

    >>> from caviar.dialects.torch.nn import Linear
    >>> Linear(3, 2)
    Linear(in_features=3, out_features=2, bias=True)
    """

    def __init__(
        self, in_features: Count, out_features: Count, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__()
        self.in_features, self.out_features = in_features, out_features
        self.weight = around_zero((out_features, in_features), in_features)
        self.bias = around_zero((out_features,), in_features) if bias else None

    def forward(self, input: Any) -> Any:
        """The product plus the bias."""
        return F.linear(input, self.weight, self.bias)

    def extra_repr(self) -> str:
        """The sizes."""
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


class LazyLinear(Lazy, Linear):
    """A linear module that takes the number of its inputs from the first one.

    >>> from caviar.dialects.torch.nn import LazyLinear
    >>> import caviar.dialects.torch as torch
    >>> layer = LazyLinear(2)
    >>> layer(torch.ones(4, 3)).shape, layer
    (torch.Size([4, 2]), Linear(in_features=3, out_features=2, bias=True))
    """

    becomes, axis = Linear, -1


class Bilinear(Module):
    """`x1 @ weight[k] @ x2` for each output k, plus the bias.

    >>> from caviar.dialects.torch.nn import Bilinear
    >>> Bilinear(3, 4, 2)
    Bilinear(in1_features=3, in2_features=4, out_features=2, bias=True)
    """

    def __init__(
        self, in1_features: Count, in2_features: Count, out_features: Count, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:  # fmt: skip
        super().__init__()
        self.in1_features, self.in2_features, self.out_features = in1_features, in2_features, out_features
        self.weight = around_zero((out_features, in1_features, in2_features), in1_features)
        self.bias = around_zero((out_features,), in1_features) if bias else None

    def forward(self, input1: Any, input2: Any) -> Any:
        """The products plus the bias."""
        return F.bilinear(input1, input2, self.weight, self.bias)

    def extra_repr(self) -> str:
        """The sizes."""
        text = f"in1_features={self.in1_features}, in2_features={self.in2_features}, out_features={self.out_features}"
        return f"{text}, bias={self.bias is not None}"
