"""`torch.nn.init`: initial values, in place. They are drawn on the host: `torch.manual_seed` repeats them, nothing compiles."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import special

from caviar.declarations import Limit, NotNegative, Share, Size
from caviar.dialects.torch import creation
from caviar.dialects.torch.missing import missing
from caviar.dialects.torch.tensor import Tensor
from caviar.errors import ArgumentError, ShapeError, unknown_name
from caviar.recording.values import Value
from caviar.telling import all_tell

_GAINS = {
    **dict.fromkeys(("linear", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d"), 1.0),
    "sigmoid": 1.0, "tanh": 5 / 3, "relu": math.sqrt(2), "leaky_relu": math.nan, "selu": 3 / 4,
}  # fmt: skip


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The factor by which weights before a nonlinearity should be larger; `param` is the slope of a leaky ReLU.

    >>> from caviar.dialects.torch.nn.init import calculate_gain
    >>> calculate_gain("leaky_relu", 1.0), calculate_gain("selu")
    (1.0, 0.75)
    """
    if nonlinearity not in _GAINS:
        raise unknown_name("nonlinearity", nonlinearity, _GAINS)
    if nonlinearity == "leaky_relu":
        return math.sqrt(2 / (1 + (0.01 if param is None else param) ** 2))
    return _GAINS[nonlinearity]


def _put(tensor: Tensor, values: Any) -> Tensor:
    tensor.hold(Value(np.asarray(values).astype(tensor.held().spec.dtype)))
    return tensor


def _fans(tensor: Tensor) -> tuple[int, int]:
    """How many inputs a unit sums over, and how many units an input reaches."""
    if tensor.ndim < 2:
        raise ShapeError(
            f"a tensor of shape {tuple(tensor.shape)} has no fans: this is for weights of 2 or more dimensions"
        )
    receptive = math.prod(tensor.shape[2:])
    return tensor.shape[1] * receptive, tensor.shape[0] * receptive


def _fan(tensor: Tensor, mode: str) -> int:
    fans = dict(zip(("fan_in", "fan_out"), _fans(tensor), strict=True))
    if mode not in fans:
        raise unknown_name("mode", mode, fans)
    return fans[mode]


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: creation.Generator | None = None) -> Tensor:
    """Uniformly distributed between a and b."""
    return _put(tensor, creation.generator(generator).uniform(a, b, tensor.shape))


def normal_(
    tensor: Tensor, mean: float = 0.0, std: NotNegative = 1.0, generator: creation.Generator | None = None
) -> Tensor:
    """Normally distributed with this mean and standard deviation."""
    return _put(tensor, creation.generator(generator).normal(mean, std, tensor.shape))


def trunc_normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: NotNegative = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: creation.Generator | None = None,
) -> Tensor:
    """Normally distributed, but only between a and b, which are values and not multiples of the standard deviation."""
    low, high = special.ndtr((a - mean) / std), special.ndtr((b - mean) / std)
    if not low < high:
        raise ArgumentError(f"between a={a} and b={b} a normal of mean {mean} and deviation {std} has no values")
    drawn = special.ndtri(creation.generator(generator).uniform(low, high, tensor.shape))
    return _put(tensor, np.clip(mean + std * drawn, a, b))


def constant_(tensor: Tensor, val: Limit) -> Tensor:
    """Fill with one number."""
    return _put(tensor, np.full(tensor.shape, val))


def ones_(tensor: Tensor) -> Tensor:
    """Fill with 1."""
    return constant_(tensor, 1)


def zeros_(tensor: Tensor) -> Tensor:
    """Fill with 0."""
    return constant_(tensor, 0)


def eye_(tensor: Tensor) -> Tensor:
    """Fill a matrix with the identity: 1 on the diagonal, 0 elsewhere.

    >>> from caviar.dialects.torch.nn.init import eye_
    >>> import caviar.dialects.torch as torch
    >>> eye_(torch.empty(2, 3))
    tensor([[1., 0., 0.],
            [0., 1., 0.]])
    """
    _matrix(tensor, "eye_")
    return _put(tensor, np.eye(*tensor.shape))


def dirac_(tensor: Tensor, groups: Size = 1) -> Tensor:
    """Fill a kernel with an identity, so that the convolution passes each channel on unchanged."""
    if tensor.ndim not in (3, 4, 5) or tensor.shape[0] % groups:
        raise ShapeError(
            f"dirac_ is for kernels whose outputs divide into groups, not {tuple(tensor.shape)} in {groups} groups"
        )
    kernel, each = np.zeros(tensor.shape), tensor.shape[0] // groups
    middle = tuple(n // 2 for n in tensor.shape[2:])
    for at in range(groups * each):
        if at % each < tensor.shape[1]:
            kernel[(at, at % each, *middle)] = 1
    return _put(tensor, kernel)


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: creation.Generator | None = None) -> Tensor:
    """Uniform with variance gain^2 * 2 / (fan_in + fan_out): a compromise that keeps variances forwards and backwards (Glorot)."""
    bound = gain * math.sqrt(6 / sum(_fans(tensor)))
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: creation.Generator | None = None) -> Tensor:
    """The same with normals."""
    return normal_(tensor, 0.0, gain * math.sqrt(2 / sum(_fans(tensor))), generator)


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: creation.Generator | None = None,
) -> Tensor:
    """Uniform with variance gain^2 / fan, which keeps variances forwards ("fan_in") or backwards ("fan_out") (He)."""
    bound = calculate_gain(nonlinearity, a) * math.sqrt(3 / _fan(tensor, mode))
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: creation.Generator | None = None,
) -> Tensor:
    """The same with normals."""
    return normal_(tensor, 0.0, calculate_gain(nonlinearity, a) / math.sqrt(_fan(tensor, mode)), generator)


def orthogonal_(tensor: Tensor, gain: float = 1, generator: creation.Generator | None = None) -> Tensor:
    """A matrix with orthogonal rows (or columns, if there are fewer) of length `gain`."""
    _fans(tensor)
    rows, columns = tensor.shape[0], math.prod(tensor.shape[1:])
    drawn = creation.generator(generator).normal(size=(max(rows, columns), min(rows, columns)))
    q, r = np.linalg.qr(drawn)
    q *= np.sign(np.diag(r))  # makes the distribution of directions uniform
    return _put(tensor, gain * (q if rows >= columns else q.T).reshape(tensor.shape))


def sparse_(
    tensor: Tensor, sparsity: Share, std: NotNegative = 0.01, generator: creation.Generator | None = None
) -> Tensor:
    """Normal, but in each column this share of rows, chosen at random, is 0."""
    _matrix(tensor, "sparse_")
    chance, rows = creation.generator(generator), tensor.shape[0]
    order = chance.permuted(np.tile(np.arange(rows)[:, None], tensor.shape[1]), axis=0)
    return _put(tensor, np.where(order < math.ceil(sparsity * rows), 0, chance.normal(0, std, tensor.shape)))


def _matrix(tensor: Tensor, name: str) -> None:
    if tensor.ndim != 2:
        raise ShapeError(f"{name} fills matrices, and was given the shape {tuple(tensor.shape)}")


__all__ = [
    "calculate_gain", "constant_", "dirac_", "eye_", "kaiming_normal_", "kaiming_uniform_", "normal_", "ones_", "orthogonal_",
    "sparse_", "trunc_normal_", "uniform_", "xavier_normal_", "xavier_uniform_", "zeros_",
]  # fmt: skip
__dir__ = __all__.copy
globals().update(all_tell(globals(), __all__, asks=True))
__getattr__ = missing("nn.init", __all__)
