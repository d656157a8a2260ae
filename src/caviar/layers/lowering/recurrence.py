"""The recurrent networks. Sequences are time-major here: (time, batch, features).

With the usual activations they run, on a CPU, in the loop of `loops.py` that has a gradient of its own. Sigmoids are then computed
as tanh(z/2)/2 + 1/2, with the halves multiplied into the weights, so that one `tanh` serves all gates.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

from caviar import activations
from caviar.graph.products import matmul
from caviar.layers.lowering.loops import (
    Array,
    Network,
    Slopes,
    States,
    plus,
    projected,
    scan_steps,
    scan_with_own_gradient,
)
from caviar.layers.lowering.platform import computed_once, uses_own_lowering

Activation = Callable[[Array], Array]


def lstm(
    x: Array,
    kernel: Array,
    recurrent_kernel: Array,
    bias: Array | None,
    h0: Array,
    c0: Array,
    mask: Array | None = None,
    activation: Activation = activations.tanh,
    recurrent_activation: Activation = activations.sigmoid,
    keep: Array | None = None,
) -> tuple[Array, States]:
    """All outputs and the final (h, c) of an LSTM, gates in the order i, f, g, o.

    Steps where `mask` is False leave the state as it is and repeat the output; `keep` is a dropout mask on h before the gates.

    >>> import jax.numpy as jnp
    >>> from caviar.layers.lowering.recurrence import lstm
    >>> outputs, (h, c) = lstm(jnp.ones((7, 2, 3)), jnp.ones((3, 20)), jnp.ones((5, 20)), None, *jnp.zeros((2, 2, 5)))
    >>> outputs.shape, h.shape
    ((7, 2, 5), (2, 5))
    """
    if keep is None and _usual(activation, recurrent_activation):
        return scan_with_own_gradient(_LSTM, x, kernel, recurrent_kernel, bias, (h0, c0), mask)

    def step(x: Array, states: States) -> tuple[Array, States]:
        i, f, g, o = jnp.split(x + matmul(_dropped(states[0], keep), recurrent_kernel), 4, -1)
        i, f, o = recurrent_activation(i), recurrent_activation(f), recurrent_activation(o)
        c = f * states[1] + i * activation(g)
        h = o * activation(c)
        return h, (h, c)

    return scan_steps(step, plus(projected(x, kernel), bias), (h0, c0), mask)


def gru(
    x: Array,
    kernel: Array,
    recurrent_kernel: Array,
    bias: Array | None,
    h0: Array,
    mask: Array | None = None,
    activation: Activation = activations.tanh,
    recurrent_activation: Activation = activations.sigmoid,
    keep: Array | None = None,
    reset_after: bool = True,
) -> tuple[Array, States]:
    """All outputs and the final (h,) of a GRU, gates in the order update, reset, new; see `lstm`.

    With `reset_after` the bias has two rows: for the inputs and for the state.

    >>> import jax.numpy as jnp
    >>> from caviar.layers.lowering.recurrence import gru
    >>> gru(jnp.ones((7, 2, 3)), jnp.ones((3, 15)), jnp.ones((5, 15)), None, jnp.zeros((2, 5)))[0].shape
    (7, 2, 5)
    """
    outer, inner = (bias, None) if bias is None or not reset_after else (bias[0], bias[1])
    if reset_after and keep is None and _usual(activation, recurrent_activation):
        return scan_with_own_gradient(_GRU, x, kernel, recurrent_kernel, inner, (h0,), mask, outer)
    units = h0.shape[-1]
    gating, candidate = recurrent_kernel[:, : 2 * units], recurrent_kernel[:, 2 * units :]

    def step(x: Array, states: States) -> tuple[Array, States]:
        h = _dropped(states[0], keep)
        if reset_after:
            r = plus(matmul(h, recurrent_kernel), inner)
            update, reset = jnp.split(recurrent_activation(x[:, : 2 * units] + r[:, : 2 * units]), 2, -1)
            new = activation(x[:, 2 * units :] + reset * r[:, 2 * units :])
        else:
            update, reset = jnp.split(recurrent_activation(x[:, : 2 * units] + matmul(h, gating)), 2, -1)
            new = activation(x[:, 2 * units :] + matmul(reset * h, candidate))
        h = update * states[0] + (1 - update) * new
        return h, (h,)

    return scan_steps(step, plus(projected(x, kernel), outer), (h0,), mask)


def simple_rnn(
    x: Array,
    kernel: Array,
    recurrent_kernel: Array,
    bias: Array | None,
    h0: Array,
    mask: Array | None = None,
    activation: Activation = activations.tanh,
    keep: Array | None = None,
) -> tuple[Array, States]:
    """All outputs and the final (h,) of h = activation(x @ kernel + h @ recurrent_kernel + bias); see `lstm`.

    >>> import jax.numpy as jnp
    >>> from caviar.layers.lowering.recurrence import simple_rnn
    >>> simple_rnn(jnp.ones((7, 2, 3)), jnp.ones((3, 5)), jnp.ones((5, 5)), None, jnp.zeros((2, 5)))[0].shape
    (7, 2, 5)
    """
    if keep is None and _usual(activation):
        return scan_with_own_gradient(_SIMPLE, x, kernel, recurrent_kernel, bias, (h0,), mask)

    def step(x: Array, states: States) -> tuple[Array, States]:
        h = activation(x + matmul(_dropped(states[0], keep), recurrent_kernel))
        return h, (h,)

    return scan_steps(step, plus(projected(x, kernel), bias), (h0,), mask)


def _usual(activation: Activation, recurrent_activation: Activation = activations.sigmoid) -> bool:
    return uses_own_lowering() and activation is activations.tanh and recurrent_activation is activations.sigmoid


def _dropped(h: Array, keep: Array | None) -> Array:
    return h if keep is None else h * keep


def _sigmoid(half: Array) -> Array:
    """The sigmoid of z from tanh(z / 2)."""
    return 0.5 * half + 0.5


def _lstm_step(x: Array, r: Array, states: States) -> tuple[Array, States]:
    t = computed_once(jnp.tanh(x + r))
    i, f, g, o = jnp.split(t, 4, -1)
    c = _sigmoid(f) * states[1] + _sigmoid(i) * g
    return t, (_sigmoid(o) * jnp.tanh(c), c)


def _lstm_slopes(t: Array, before: States, after: States) -> Slopes:
    i, f, g, o = jnp.split(t, 4, -1)
    cell = jnp.tanh(after[1])
    gates = (1 - t * t) * jnp.concatenate([g, before[1], _sigmoid(i), cell], -1) * _LSTM.scale(cell)
    return Slopes(gates, h_by_c=_sigmoid(o) * (1 - cell * cell), c_by_c=_sigmoid(f))


def _gru_step(x: Array, r: Array, states: States) -> tuple[Any, States]:
    units = states[0].shape[-1]
    t = computed_once(jnp.tanh(x[:, : 2 * units] + r[:, : 2 * units]))
    update, reset = _sigmoid(t[:, :units]), _sigmoid(t[:, units:])
    inner = r[:, 2 * units :]
    new = computed_once(jnp.tanh(x[:, 2 * units :] + reset * inner))
    return (t, new, inner), (new + update * (states[0] - new),)


def _gru_slopes(saved: Any, before: States, after: States) -> Slopes:
    t, new, inner = saved
    update, reset = jnp.split(_sigmoid(t), 2, -1)
    by_new = (1 - update) * (1 - new * new)
    gates = jnp.concatenate([(0.5 - 0.5 * t * t) * jnp.concatenate([before[0] - new, by_new * inner], -1), by_new], -1)
    return Slopes(gates, h_by_h=update, inner=jnp.concatenate([jnp.ones_like(t), reset], -1))


def _simple_step(x: Array, r: Array, states: States) -> tuple[tuple[()], States]:
    return (), (jnp.tanh(x + r),)


def _simple_slopes(saved: tuple[()], before: States, after: States) -> Slopes:
    return Slopes(1 - after[0] * after[0])


_LSTM = Network(_lstm_step, _lstm_slopes, (1, 1, 1, 0), (0.5, 0.5, 1, 0.5))
_GRU = Network(_gru_step, _gru_slopes, (0, 0, 0), (0.5, 0.5, 1))
_SIMPLE = Network(_simple_step, _simple_slopes, (0,), (1,))
