"""Recurrent networks over a sequence, with PyTorch's weights: the gates stacked along the first axis, and two biases."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from caviar import activations
from caviar.layers.lowering import recurrence

Array = jax.Array
Bias = Array | None


def _sum(ih: Bias, hh: Bias) -> Bias:
    return None if ih is None or hh is None else ih + hh


def _turned(function: Any) -> Any:
    """The function on (steps, n, features), from the last step to the first with `reverse`."""

    def run(x: Array, *given: Any, reverse: bool = False, **options: Any) -> tuple[Array, ...]:
        outputs, states = function(x[::-1] if reverse else x, *given, **options)
        return outputs[::-1] if reverse else outputs, *states

    run.__name__ = function.__name__.lstrip("_")
    return run


@_turned
def lstm(x: Array, h: Array, c: Array, w_ih: Array, w_hh: Array, b_ih: Bias = None, b_hh: Bias = None) -> Any:
    """Outputs, h and c; gates in the order input, forget, new, output."""
    return recurrence.lstm(x, w_ih.T, w_hh.T, _sum(b_ih, b_hh), h, c)


@_turned
def gru(x: Array, h: Array, w_ih: Array, w_hh: Array, b_ih: Bias = None, b_hh: Bias = None) -> Any:
    """Outputs and h; gates in the order reset, update, new (caviar's is update, reset, new)."""
    w_ih, w_hh = _swapped(w_ih).T, _swapped(w_hh).T
    bias = None if b_ih is None or b_hh is None else jnp.stack([_swapped(b_ih), _swapped(b_hh)])
    return recurrence.gru(x, w_ih, w_hh, bias, h)


def _swapped(gates: Array) -> Array:
    reset, update, new = jnp.split(gates, 3)
    return jnp.concatenate([update, reset, new])


@_turned
def rnn(
    x: Array, h: Array, w_ih: Array, w_hh: Array, b_ih: Bias = None, b_hh: Bias = None, nonlinearity: str = "tanh"
) -> Any:
    """Outputs and h."""
    activation = activations.tanh if nonlinearity == "tanh" else activations.relu
    return recurrence.simple_rnn(x, w_ih.T, w_hh.T, _sum(b_ih, b_hh), h, activation=activation)
