"""Recurrent networks as loops that XLA runs fast. Sequences are time-major here: (time, batch, features).

A loop costs what its body does, times its trips; on a CPU the body runs on one core. So whatever can be done for all steps
at once stands outside: the product of the inputs with their kernel before the loop; in the gradient, the slopes of the
activations before it, and the gradient of the recurrent kernel, as one product, after it.

Sigmoids are computed as tanh(z/2)/2 + 1/2, with the halves put into the weights: one `tanh` then serves all gates.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from caviar import activations
from caviar.graph.products import matmul

Array = jax.Array
States = tuple[Array, ...]
Activation = Callable[[Array], Array]
_alone = lax.optimization_barrier  # computed once and stored: XLA would compute it again inside each of its users


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

    Steps where `mask` is False carry the state on and repeat the output; `keep` multiplies h where the gates see it.

    >>> outputs, (h, c) = lstm(jnp.ones((7, 2, 3)), jnp.ones((3, 20)), jnp.ones((5, 20)), None, *jnp.zeros((2, 2, 5)))
    >>> outputs.shape, h.shape
    ((7, 2, 5), (2, 5))
    """
    if keep is None and _usual(activation, recurrent_activation):
        return _lean(_LSTM, x, kernel, recurrent_kernel, bias, (h0, c0), mask)

    def step(x: Array, states: States) -> tuple[Array, States]:
        i, f, g, o = jnp.split(x + matmul(_kept(states[0], keep), recurrent_kernel), 4, -1)
        i, f, o = recurrent_activation(i), recurrent_activation(f), recurrent_activation(o)
        c = f * states[1] + i * activation(g)
        h = o * activation(c)
        return h, (h, c)

    return plain(step, _plus(_projected(x, kernel), bias), (h0, c0), mask)


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

    >>> gru(jnp.ones((7, 2, 3)), jnp.ones((3, 15)), jnp.ones((5, 15)), None, jnp.zeros((2, 5)))[0].shape
    (7, 2, 5)
    """
    outer, inner = (bias, None) if bias is None or not reset_after else (bias[0], bias[1])
    if reset_after and keep is None and _usual(activation, recurrent_activation):
        return _lean(_GRU, x, kernel, recurrent_kernel, inner, (h0,), mask, outer)
    units = h0.shape[-1]
    gating, candidate = recurrent_kernel[:, : 2 * units], recurrent_kernel[:, 2 * units :]

    def step(x: Array, states: States) -> tuple[Array, States]:
        h = _kept(states[0], keep)
        if reset_after:
            r = _plus(matmul(h, recurrent_kernel), inner)
            update, reset = jnp.split(recurrent_activation(x[:, : 2 * units] + r[:, : 2 * units]), 2, -1)
            new = activation(x[:, 2 * units :] + reset * r[:, 2 * units :])
        else:
            update, reset = jnp.split(recurrent_activation(x[:, : 2 * units] + matmul(h, gating)), 2, -1)
            new = activation(x[:, 2 * units :] + matmul(reset * h, candidate))
        h = update * states[0] + (1 - update) * new
        return h, (h,)

    return plain(step, _plus(_projected(x, kernel), outer), (h0,), mask)


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

    >>> simple_rnn(jnp.ones((7, 2, 3)), jnp.ones((3, 5)), jnp.ones((5, 5)), None, jnp.zeros((2, 5)))[0].shape
    (7, 2, 5)
    """
    if keep is None and _usual(activation):
        return _lean(_SIMPLE, x, kernel, recurrent_kernel, bias, (h0,), mask)

    def step(x: Array, states: States) -> tuple[Array, States]:
        h = activation(x + matmul(_kept(states[0], keep), recurrent_kernel))
        return h, (h,)

    return plain(step, _plus(_projected(x, kernel), bias), (h0,), mask)


def _usual(activation: Activation, recurrent_activation: Activation = activations.sigmoid) -> bool:
    return activation is activations.tanh and recurrent_activation is activations.sigmoid


def _kept(h: Array, keep: Array | None) -> Array:
    return h if keep is None else h * keep


def _plus(x: Array, bias: Array | None) -> Array:
    return x if bias is None else x + bias


def plain(
    step: Callable[[Array, States], tuple[Array, States]], x: Array, states: States, mask: Array | None
) -> tuple[Array, States]:
    """Any step (input and states to output and states) as a loop; its gradient is JAX's own.

    >>> plain(lambda x, states: (x, (states[0] + x,)), jnp.arange(4.0), (jnp.zeros(()),), None)[1]
    (Array(6., dtype=float32),)
    """

    def body(states: States, now: Any) -> tuple[States, Array]:
        output, new = step(now[0], states)
        output, *new = _where(now[1], (output, *new), (states[0], *states))
        return tuple(new), output

    last, outputs = lax.scan(body, states, (x, mask))
    return outputs, last


def _where(mask: Array | None, new: States, old: States) -> States:
    if mask is None:
        return new
    return tuple(jnp.where(mask.reshape(-1, *(1,) * (n.ndim - 1)), n, o) for n, o in zip(new, old, strict=True))


class _Slopes(NamedTuple):
    """How gradients move back through one step: the partial derivatives, for all steps at once."""

    gates: Array  # of the states by the gates' inputs
    kept: Array | None = None  # of the previous h by h, past the gates
    cell: Array | None = None  # of c by h
    cell_kept: Array | None = None  # of the previous c by c
    inner: Array | None = None  # of the inputs' part of a gate by the recurrent part, where they differ


class _Network(NamedTuple):
    """What differs between the networks."""

    step: Callable[[Array, Array, States], tuple[Any, States]]  # inputs' part, recurrent part, states: what to save, states
    slopes: Callable[[Any, States, States], _Slopes]  # what was saved, states before, states after
    feeds: tuple[int, ...]  # the state that each gate acts on
    scales: tuple[float, ...]  # of each gate's input: 1/2 for a sigmoid

    def scale(self, h: Array) -> np.ndarray:
        """The scales, repeated for every unit."""
        return np.repeat(np.asarray(self.scales, h.dtype), h.shape[-1])


def _lean(
    network: _Network,
    x: Array,
    kernel: Array,
    recurrent_kernel: Array,
    bias: Array | None,
    states: States,
    mask: Array | None,
    outer_bias: Array | None = None,
) -> tuple[Array, States]:
    scale = network.scale(states[0])
    x = _plus(_projected(x, kernel * scale), None if outer_bias is None else outer_bias * scale)
    return _loop(network, x, recurrent_kernel * scale, None if bias is None else bias * scale, states, mask)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _loop(network: _Network, x: Array, kernel: Array, bias: Array | None, states: States, mask: Array | None) -> Any:
    return _forward(network, x, kernel, bias, states, mask)[0]


def _forward(network: _Network, x: Array, kernel: Array, bias: Array | None, first: States, mask: Array | None) -> Any:
    def body(states: States, now: Any) -> tuple[States, Any]:
        saved, new = network.step(now[0], _plus(matmul(states[0], kernel), bias), states)
        new = _alone(_where(now[1], new, states))
        return new, (saved, new)

    last, (saved, states) = lax.scan(body, first, (x, mask))
    return (states[0], last), (saved, first, states, kernel, bias, mask)


def _backward(network: _Network, residuals: Any, gradients: Any) -> Any:
    saved, first, states, kernel, bias, mask = residuals
    before = tuple(jnp.concatenate([f[None], s[:-1]]) for f, s in zip(first, states, strict=True))
    slopes = _alone(_masked(network.slopes(saved, before, states), mask))
    transposed = _alone(kernel.T)

    def body(d: States, now: tuple[Array, _Slopes]) -> tuple[States, Array]:
        d, slope = (d[0] + now[0], *d[1:]), now[1]
        if slope.cell is not None:
            d = (d[0], d[1] + d[0] * slope.cell)
        dx = _alone(_alone(jnp.concatenate([d[k] for k in network.feeds], -1)) * slope.gates)
        back = matmul(dx if slope.inner is None else dx * slope.inner, transposed)
        back = back if slope.kept is None else back + d[0] * slope.kept
        return (back, *(c * slope.cell_kept for c in d[1:])), dx

    d_first, dx = lax.scan(body, gradients[1], (gradients[0], slopes), reverse=True)
    inner = _rows(dx if slopes.inner is None else dx * slopes.inner)
    d_bias = None if bias is None else jnp.ones(len(inner), inner.dtype) @ inner  # XLA sums columns slowly
    return dx, matmul(_rows(before[0]).T, inner), d_bias, d_first, None


_loop.defvjp(_forward, _backward)


def _projected(x: Array, kernel: Array) -> Array:
    """`x @ kernel` for all steps, as one product of matrices: its gradient then is one too."""
    return matmul(_rows(x), kernel).reshape(*x.shape[:-1], kernel.shape[-1])


def _rows(x: Array) -> Array:
    return x.reshape(-1, x.shape[-1])


def _masked(slopes: _Slopes, mask: Array | None) -> _Slopes:
    """A masked step carries the states on: nothing through the gates, everything past them."""
    if mask is None:
        return slopes
    on = mask[..., None].astype(slopes.gates.dtype)
    return slopes._replace(
        gates=slopes.gates * on,
        kept=1 - on if slopes.kept is None else slopes.kept * on + 1 - on,
        cell=None if slopes.cell is None else slopes.cell * on,
        cell_kept=None if slopes.cell_kept is None else slopes.cell_kept * on + 1 - on,
    )


def _sigmoid(half: Array) -> Array:
    """The sigmoid of z from tanh(z / 2)."""
    return 0.5 * half + 0.5


def _lstm_step(x: Array, r: Array, states: States) -> tuple[Array, States]:
    t = _alone(jnp.tanh(x + r))
    i, f, g, o = jnp.split(t, 4, -1)
    c = _sigmoid(f) * states[1] + _sigmoid(i) * g
    return t, (_sigmoid(o) * jnp.tanh(c), c)


def _lstm_slopes(t: Array, before: States, after: States) -> _Slopes:
    i, f, g, o = jnp.split(t, 4, -1)
    cell = jnp.tanh(after[1])
    gates = (1 - t * t) * jnp.concatenate([g, before[1], _sigmoid(i), cell], -1) * _LSTM.scale(cell)
    return _Slopes(gates, cell=_sigmoid(o) * (1 - cell * cell), cell_kept=_sigmoid(f))


def _gru_step(x: Array, r: Array, states: States) -> tuple[Any, States]:
    units = states[0].shape[-1]
    t = _alone(jnp.tanh(x[:, : 2 * units] + r[:, : 2 * units]))
    update, reset = _sigmoid(t[:, :units]), _sigmoid(t[:, units:])
    inner = r[:, 2 * units :]
    new = _alone(jnp.tanh(x[:, 2 * units :] + reset * inner))
    return (t, new, inner), (new + update * (states[0] - new),)


def _gru_slopes(saved: Any, before: States, after: States) -> _Slopes:
    t, new, inner = saved
    update, reset = jnp.split(_sigmoid(t), 2, -1)
    by_new = (1 - update) * (1 - new * new)
    gates = jnp.concatenate([(0.5 - 0.5 * t * t) * jnp.concatenate([before[0] - new, by_new * inner], -1), by_new], -1)
    return _Slopes(gates, kept=update, inner=jnp.concatenate([jnp.ones_like(t), reset], -1))


def _simple_step(x: Array, r: Array, states: States) -> tuple[tuple[()], States]:
    return (), (jnp.tanh(x + r),)


def _simple_slopes(saved: tuple[()], before: States, after: States) -> _Slopes:
    return _Slopes(1 - after[0] * after[0])


_LSTM = _Network(_lstm_step, _lstm_slopes, (1, 1, 1, 0), (0.5, 0.5, 1, 0.5))
_GRU = _Network(_gru_step, _gru_slopes, (0, 0, 0), (0.5, 0.5, 1))
_SIMPLE = _Network(_simple_step, _simple_slopes, (0,), (1,))
