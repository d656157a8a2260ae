"""Recurrent layers: a cell over a sequence (batch, time, features)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import jax
import jax.numpy as jnp

from caviar.declarations import Each, Kind
from caviar.errors import ArgumentError, FrameError, ShapeError
from caviar.graph.node import UNKNOWN_SIZES
from caviar.layers.base import Layer
from caviar.layers.cells import Cell, GRUCell, LSTMCell, SimpleRNNCell, StackedRNNCells, States
from caviar.layers.lowering import loops
from caviar.live import Live
from caviar.placing import Placement

__all__ = ["GRU", "LSTM", "RNN", "SimpleRNN"]


@dataclass(eq=False, repr=False, kw_only=True)
class Recurrent(Layer):
    """The base of all recurrent layers.

    `return_sequences` gives the outputs of all steps and not only the last, and `return_state` the last states too;
    `go_backwards` starts at the end; `stateful` starts each batch from the states at the end of the one before. A masked
    step leaves the state as it is. `unroll` is accepted and ignored: an unrolled loop is not faster.
    """

    return_sequences: bool = False
    return_state: bool = False
    go_backwards: bool = False
    stateful: bool = False
    unroll: bool = False
    zero_output_for_mask: bool = False

    supports_masking = True
    takes = "floats"

    @property
    def sizes(self) -> tuple[int, ...]:
        """The sizes of the states."""
        raise NotImplementedError

    def build(self, input_shape: Any) -> None:
        """Declare the weights of the cell, and the states of a stateful layer."""
        if len(input_shape) < 3:
            raise ShapeError(
                f"{self.name!r} wants sequences (batch, time, features), and was given {tuple(input_shape)}"
            )
        super().build(input_shape)
        if self.stateful and input_shape[0] is None:
            raise ArgumentError(
                f"{self.name!r} is stateful, and needs to know the batch: Input(batch_shape=(32, 100, 8))"
            )
        for name, size in self._state_weights():
            self.add_weight(name, (input_shape[0], size), "zeros", trainable=False).is_state = True

    def _build_for(self, args: Any) -> None:
        """As other layers, but with the size of the batch where it is known, which a stateful layer needs."""
        if not self.built:
            self.build(tuple(None if n in UNKNOWN_SIZES else n for n in args[0].shape))

    def _state_weights(self) -> list[tuple[str, int]]:
        return [(f"rnn_state_{i}", size) for i, size in enumerate(self.sizes)] if self.stateful else []

    def reset_states(self) -> None:
        """Let the next batch start from zeros again."""
        for name, _ in self._state_weights():
            state = getattr(self, name)
            state.assign(jnp.zeros(state.shape, state.dtype))

    reset_state = reset_states

    def call(self, x: jax.Array, initial_state: Any = None, mask: Any = None, rng: jax.Array | None = None) -> Any:
        """The last output, or all of them with `return_sequences`; with the last states, if `return_state`."""
        outputs, last = self._run(self._in_order(x), self._first(x, initial_state), self._in_order(mask), rng)
        for (name, _), state in zip(self._state_weights(), last, strict=False):
            setattr(self, name, state)
        if not self.return_sequences:
            output = outputs[-1]
        else:
            output = jnp.swapaxes(outputs, 0, 1)
            if self.zero_output_for_mask and mask is not None:
                output = jnp.where(self._in_order(mask).T[..., None], output, 0)
        return (output, *last) if self.return_state else output

    def _in_order(self, x: Any) -> Any:
        """The sequence with time as its first axis, in the direction of the layer."""
        if x is None:
            return None
        x = jnp.swapaxes(x, 0, 1)
        return x[::-1] if self.go_backwards else x

    def _first(self, x: jax.Array, given: Any) -> States:
        if given is not None:
            return tuple(jax.tree.leaves(given))
        if self.stateful:
            states = tuple(getattr(self, name) for name, _ in self._state_weights())
            if len(states[0]) != len(x):
                raise ShapeError(
                    f"{self.name!r} keeps states for batches of {len(states[0])}, and was given {len(x)} sequences: "
                    "Input(batch_shape=(32, 100, 8)) tells how many will come"
                )
            return states
        return tuple(jnp.zeros((x.shape[0], size), x.dtype) for size in self.sizes)

    def _run(self, x: jax.Array, states: States, mask: Any, rng: jax.Array | None) -> tuple[jax.Array, States]:
        raise NotImplementedError

    def _live_of(self, member: Placement, x: Live, units: Any) -> Any:
        """The outputs and states whose units are live."""
        member.need_whole(self, Live(x[:-1]))
        if self.stateful:
            raise FrameError(f"{self.name} keeps states from batch to batch")
        output = Live([x[0], units]) if self.return_sequences else Live([units])
        return (output, *[Live([units])] * len(self.sizes)) if self.return_state else output

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The mask of the outputs, if there is an output for each step."""
        return mask if self.return_sequences else None


@dataclass(eq=False, repr=False)
class RNN(Recurrent):
    """A cell, or several in a list, over a sequence.

    A cell of your own is a layer with `state_size`, and `call(self, inputs, states)` that gives the output and the new states.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import RNN, GRUCell, LSTMCell
    >>> RNN([LSTMCell(4), GRUCell(5)], return_sequences=True)(jnp.ones((2, 7, 3))).shape
    (2, 7, 5)
    """

    cell: Annotated[Any, Each(Kind(Layer, "a cell"))]

    stack: ClassVar[Any]

    def build(self, input_shape: Any) -> None:
        """Stack the cells, if there are several; each is built when it is first called."""
        vars(self)["stack"] = StackedRNNCells(list(self.cell)) if isinstance(self.cell, (list, tuple)) else self.cell
        super().build(input_shape)

    @property
    def sizes(self) -> tuple[int, ...]:
        """The sizes of the cell's states."""
        return tuple(jax.tree.leaves(self.stack.state_size))

    def _run(self, x: jax.Array, states: States, mask: Any, rng: jax.Array | None) -> tuple[jax.Array, States]:
        cell = self.stack
        if getattr(cell, "whole_sequences", False):
            outputs, last = cell(x, states, mask=mask)
            return outputs, tuple(last)

        def step(x: jax.Array, states: States) -> tuple[jax.Array, States]:
            output, new = cell(x, list(states))
            return output, tuple(jax.tree.leaves(new))

        return loops.scan_steps(step, x, states, mask)


class _Own(Recurrent, Cell):
    """A recurrent layer that is its own cell."""

    @property
    def sizes(self) -> tuple[int, ...]:
        """The sizes of the states."""
        return self.state_size

    def _run(self, x: jax.Array, states: States, mask: Any, rng: jax.Array | None) -> tuple[jax.Array, States]:
        return self.over(x, states, mask, rng)

    def live(self, member: Placement, x: Live, initial_state: Any = None, mask: Any = None) -> Any:
        """The first units, at every step."""
        return self._live_of(member, x, self.weighed(member, x[-1]))


@dataclass(eq=False, repr=False)
class SimpleRNN(_Own, SimpleRNNCell):
    """The simplest recurrent network: at each step `h = activation(x @ kernel + h @ recurrent_kernel + bias)`.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import SimpleRNN
    >>> SimpleRNN(4)(jnp.ones((2, 7, 3))).shape
    (2, 4)
    """

    scope = "simple_rnn_cell/"


@dataclass(eq=False, repr=False)
class LSTM(_Own, LSTMCell):
    """A long short-term memory: gates decide what the cell state keeps, takes in and shows, so it learns long dependencies.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import LSTM
    >>> LSTM(4, return_sequences=True)(jnp.ones((2, 7, 3))).shape
    (2, 7, 4)
    >>> output, h, c = LSTM(4, return_state=True)(jnp.ones((2, 7, 3)))
    """

    scope = "lstm_cell/"


@dataclass(eq=False, repr=False)
class GRU(_Own, GRUCell):
    """Gated recurrent units: like `LSTM`, with one state and fewer weights.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import GRU
    >>> GRU(4)(jnp.ones((2, 7, 3))).shape
    (2, 4)
    """

    scope = "gru_cell/"
