"""The five families of the lecture."""

from __future__ import annotations

from collections.abc import Callable

import jax

from caviar.activations.exponentials import celu, elu, selu
from caviar.activations.rectifiers import gelu, hard_silu, leaky_relu, mish, prelu, relu, relu6, rrelu, silu, softplus
from caviar.activations.sigmoids import hard_sigmoid, hard_tanh, log_sigmoid, sigmoid, tanh
from caviar.activations.softmaxes import log_softmax, softmax, softmin
from caviar.activations.thresholds import hard_shrink, sign, soft_shrink, softsign, tanh_shrink, threshold

__all__ = ["FAMILIES"]

FAMILIES: dict[str, tuple[Callable[..., jax.Array], ...]] = {
    "Threshold like": (threshold, sign, softsign, tanh_shrink, soft_shrink, hard_shrink),
    "Sigmoid like": (sigmoid, log_sigmoid, tanh, hard_sigmoid, hard_tanh),
    "ReLU like": (relu, prelu, leaky_relu, relu6, rrelu, softplus, gelu, silu, hard_silu, mish),
    "ELU like": (elu, selu, celu),
    "Softmax like": (softmax, log_softmax, softmin),
}
