"""Loops over time. Sequences are time-major here: (time, batch, features).

A loop costs what its body does, times its trips; on a CPU the body runs on one core. So `scan_with_own_gradient` does
outside the loop whatever can be done for all steps at once: before it, the product of the inputs with their kernel; in the
gradient, the slopes of the activations before it, and the gradient of the recurrent kernel, as one product, after it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from caviar.graph.products import matmul
from caviar.layers.lowering.platform import computed_once
from caviar.layers.lowering.sums import sums

Array = jax.Array
States = tuple[Array, ...]


def scan_steps(
    step: Callable[[Array, States], tuple[Array, States]], x: Array, states: States, mask: Array | None
) -> tuple[Array, States]:
    """Any step (from input and states to output and states) as a loop; its gradient is JAX's.

    >>> import jax.numpy as jnp
    >>> from caviar.layers.lowering.loops import scan_steps
    >>> scan_steps(lambda x, states: (x, (states[0] + x,)), jnp.arange(4.0), (jnp.zeros(()),), None)[1]
    (Array(6., dtype=float32),)
    """

    def body(states: States, now: Any) -> tuple[States, Array]:
        output, new = step(now[0], states)
        chosen = _where(now[1], (output, *new), (states[0], *states))
        return chosen[1:], chosen[0]

    last, outputs = lax.scan(body, states, (x, mask))
    return outputs, last


def _where(mask: Array | None, new: States, old: States) -> States:
    if mask is None:
        return new
    return tuple(jnp.where(mask.reshape(-1, *(1,) * (n.ndim - 1)), n, o) for n, o in zip(new, old, strict=True))


class Slopes(NamedTuple):
    """How gradients move back through one step: the partial derivatives, for all steps at once."""

    gates: Array  # of the state that each gate acts on, by the gate's input
    h_by_h: Array | None = None  # of h by the h before it, past the gates
    h_by_c: Array | None = None  # of h by c
    c_by_c: Array | None = None  # of c by the c before it
    inner: Array | None = None  # of a gate's input by its recurrent part, where that is not 1


class Network(NamedTuple):
    """What differs between the recurrent networks."""

    # From the inputs' and h's parts of the gates and the states: what to save, new states.
    step: Callable[[Array, Array, States], tuple[Any, States]]
    slopes: Callable[[Any, States, States], Slopes]  # from what was saved, and the states before and after
    feeds: tuple[int, ...]  # the state that each gate acts on
    scales: tuple[float, ...]  # of each gate's input: 1/2 for a sigmoid

    def scale(self, h: Array) -> np.ndarray:
        """The scales, repeated for every unit."""
        return np.repeat(np.asarray(self.scales, h.dtype), h.shape[-1])


def scan_with_own_gradient(
    network: Network,
    x: Array,
    kernel: Array,
    recurrent_kernel: Array,
    bias: Array | None,
    states: States,
    mask: Array | None,
    outer_bias: Array | None = None,
) -> tuple[Array, States]:
    """A network over a sequence, with a gradient of its own; `bias` is added to h's part of the gates, `outer_bias` to the inputs'.

    >>> import jax.numpy as jnp
    >>> from caviar.layers.lowering.loops import Network, Slopes, scan_with_own_gradient
    >>> network = Network(lambda x, r, states: ((), (x + r,)), lambda *_: Slopes(jnp.ones((3, 1, 1))), (0,), (1,))
    >>> one = jnp.ones((1, 1))
    >>> scan_with_own_gradient(network, jnp.ones((3, 1, 1)), one, one, None, (one,), None)[0].ravel().tolist()
    [2.0, 3.0, 4.0]
    """
    scale = network.scale(states[0])
    x = plus(projected(x, kernel * scale), None if outer_bias is None else outer_bias * scale)
    return _loop(network, x, recurrent_kernel * scale, None if bias is None else bias * scale, states, mask)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _loop(network: Network, x: Array, kernel: Array, bias: Array | None, states: States, mask: Array | None) -> Any:
    return _forward(network, x, kernel, bias, states, mask)[0]


def _forward(network: Network, x: Array, kernel: Array, bias: Array | None, first: States, mask: Array | None) -> Any:
    def body(states: States, now: Any) -> tuple[States, Any]:
        saved, new = network.step(now[0], plus(matmul(states[0], kernel), bias), states)
        new = computed_once(_where(now[1], new, states))
        return new, (saved, new)

    last, (saved, states) = lax.scan(body, first, (x, mask))
    return (states[0], last), (saved, first, states, kernel, bias, mask)


def _backward(network: Network, residuals: Any, gradients: Any) -> Any:
    """Back through time: the gradients of inputs, recurrent kernel, bias and first states.

    In the loop `d` are the gradients of the states after a step, and `dx` that of the gates' inputs. The kernel's gradient, which
    sums over all steps, is one product after the loop.
    """
    saved, first, states, kernel, bias, mask = residuals
    before = tuple(jnp.concatenate([f[None], s[:-1]]) for f, s in zip(first, states, strict=True))
    slopes = computed_once(_masked(network.slopes(saved, before, states), mask))
    transposed = computed_once(kernel.T)

    def body(d: States, now: tuple[Array, Slopes]) -> tuple[States, Array]:
        d, slope = (d[0] + now[0], *d[1:]), now[1]  # h is also an output of its step
        if slope.h_by_c is not None:
            d = (d[0], d[1] + d[0] * slope.h_by_c)
        dx = computed_once(computed_once(jnp.concatenate([d[k] for k in network.feeds], -1)) * slope.gates)
        back = matmul(dx if slope.inner is None else dx * slope.inner, transposed)
        back = back if slope.h_by_h is None else back + d[0] * slope.h_by_h
        return (back, *(dc * slope.c_by_c for dc in d[1:] if slope.c_by_c is not None)), dx

    d_first, dx = lax.scan(body, gradients[1], (gradients[0], slopes), reverse=True)
    inner = dx if slopes.inner is None else dx * slopes.inner
    return dx, matmul(_rows(before[0]).T, _rows(inner)), None if bias is None else sums(inner), d_first, None


_loop.defvjp(_forward, _backward)


def _masked(slopes: Slopes, mask: Array | None) -> Slopes:
    """Slopes for masked steps, which leave the states as they are: 0 through the gates, 1 past them."""
    if mask is None:
        return slopes
    on = mask[..., None].astype(slopes.gates.dtype)
    return slopes._replace(
        gates=slopes.gates * on,
        h_by_h=1 - on if slopes.h_by_h is None else slopes.h_by_h * on + 1 - on,
        h_by_c=None if slopes.h_by_c is None else slopes.h_by_c * on,
        c_by_c=None if slopes.c_by_c is None else slopes.c_by_c * on + 1 - on,
    )


def projected(x: Array, kernel: Array) -> Array:
    """`x @ kernel` for all steps as one product of matrices, so that its gradient is one too."""
    return matmul(_rows(x), kernel).reshape(*x.shape[:-1], kernel.shape[-1])


def _rows(x: Array) -> Array:
    return x.reshape(-1, x.shape[-1])


def plus(x: Array, bias: Array | None) -> Array:
    """`x + bias`, if there is one."""
    return x if bias is None else x + bias
