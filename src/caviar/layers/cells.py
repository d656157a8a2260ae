"""Recurrent cells: the weights of a recurrent network, and one step of it.

A cell of caviar also runs over a whole sequence at once, which is how the layers of `recurrent.py` use it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from caviar import activations, initializers
from caviar.declarations import Each, Kind, Seed, Share, Size
from caviar.dice import beside, keep
from caviar.errors import FrameError
from caviar.layers.argument_types import ActivationLike, InitializerLike, RegularizerLike, Weight
from caviar.layers.base import Layer
from caviar.layers.lowering import recurrence
from caviar.live import Within, is_first, whole
from caviar.parts import is_off
from caviar.placing import Placement

__all__ = ["GRUCell", "LSTMCell", "SimpleRNNCell", "StackedRNNCells"]

States = tuple[jax.Array, ...]


@dataclass(eq=False, repr=False)
class _Units(Layer):
    units: Size
    activation: ActivationLike = "tanh"


@dataclass(eq=False, repr=False)
class _Gated(_Units):
    recurrent_activation: ActivationLike = "sigmoid"


@dataclass(eq=False, repr=False)
class _Weighted(_Units):
    use_bias: bool = True
    kernel_initializer: InitializerLike = "glorot_uniform"
    recurrent_initializer: InitializerLike = "orthogonal"
    bias_initializer: InitializerLike = "zeros"


@dataclass(eq=False, repr=False)
class _Forgetting(_Weighted):
    unit_forget_bias: bool = True


@dataclass(eq=False, repr=False)
class Cell(_Weighted):
    """The base of cells. `call` takes the inputs of one step, or a whole time-major sequence, and the states.

    The arguments of cells come in Keras' order: those of the bases from the last to the first.
    """

    kernel_regularizer: RegularizerLike = None
    recurrent_regularizer: RegularizerLike = None
    bias_regularizer: RegularizerLike = None
    dropout: Share = 0.0
    recurrent_dropout: Share = 0.0
    seed: Seed | None = None

    gates: ClassVar[int]
    scope: ClassVar[str] = ""  # put before the names of weights
    whole_sequences: ClassVar[bool] = True
    kernel: ClassVar[Weight]
    recurrent_kernel: ClassVar[Weight]
    bias: ClassVar[Weight]

    takes = "floats"

    @property
    def state_size(self) -> tuple[int, ...]:
        """The sizes of the states; the first state is the output."""
        return (self.units,)

    def build(self, input_shape: Any) -> None:
        """Declare kernel, recurrent kernel and bias."""
        width = self.gates * self.units
        kernel = (input_shape[-1], width)
        self._weight("kernel", kernel, self.kernel_initializer, self.kernel_regularizer)
        self._weight("recurrent_kernel", (self.units, width), self.recurrent_initializer, self.recurrent_regularizer)
        if self.use_bias:
            self._weight("bias", self._bias_shape(width), self._bias_initializer(), self.bias_regularizer)

    def _weight(
        self, name: str, shape: tuple[int, ...], initializer: InitializerLike, regularizer: RegularizerLike
    ) -> None:
        self.add_weight(name, shape, initializer, regularizer).name = f"{self.name}/{self.scope}{name}"

    may_differ = ("units",)

    def weighed(self, member: Placement, features: Any) -> Any:
        """The cell's live units, where these features of its inputs are live; the weights of its gates lie side by side."""
        units = member.axis(self.units)
        member.weigh(self.kernel, features, np.tile(units, self.gates))
        member.weigh(self.recurrent_kernel, units, np.tile(units, self.gates))
        if self.use_bias:
            member.weigh(self.bias, *whole(self.bias.shape[:-1]), np.tile(units, self.gates))
        if not is_off(self.dropout) and not is_first(features):
            raise FrameError(f"{self.name} drops inputs, of which some in the middle are not live")
        return units

    def _bias_shape(self, width: int) -> tuple[int, ...]:
        return (width,)

    def _bias_initializer(self) -> Any:
        return self.bias_initializer

    def call(self, inputs: jax.Array, states: Any, mask: Any = None, rng: jax.Array | None = None) -> Any:
        """The output and the new states."""
        first = tuple(jax.tree.leaves(states))
        if inputs.ndim > first[0].ndim:
            return self.over(inputs, first, mask, rng)
        outputs, last = self.over(inputs[None], first, mask, rng)
        return outputs[0], list(last)

    def over(self, x: jax.Array, states: States, mask: Any, rng: jax.Array | None) -> tuple[jax.Array, States]:
        """All outputs and the last states for a time-major sequence; dropout drops the same units at every step."""
        if rng is not None and self.seed is not None:
            rng = beside(rng, draw=self.seed + 2)
        keep = _dropout_mask(rng, 0, self.dropout, x[0])
        x = x if keep is None else x * keep
        return self._recur(x, states, mask, _dropout_mask(rng, 1, self.recurrent_dropout, states[0]))

    def _recur(self, x: jax.Array, states: States, mask: Any, keep: Any) -> tuple[jax.Array, States]:
        raise NotImplementedError

    @property
    def _weights(self) -> tuple[Any, Any, Any]:
        return self.kernel, self.recurrent_kernel, self.bias if self.use_bias else None


def _dropout_mask(rng: jax.Array | None, draw: int, rate: Any, like: jax.Array) -> jax.Array | None:
    """What a dropout of this rate multiplies values by; None where there is none."""
    if rng is None or is_off(rate):
        return None
    return jnp.where(keep(beside(rng, draw=draw), rate, like.shape), 1 / (1 - rate), 0).astype(like.dtype)


@dataclass(eq=False, repr=False)
class SimpleRNNCell(Cell):
    """One step of the simplest recurrence: `activation(x @ kernel + h @ recurrent_kernel + bias)`.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import SimpleRNNCell
    >>> h, states = SimpleRNNCell(4)(jnp.ones((2, 3)), [jnp.zeros((2, 4))])
    >>> h.shape
    (2, 4)
    """

    gates = 1

    def _recur(self, x: jax.Array, states: States, mask: Any, keep: Any) -> tuple[jax.Array, States]:
        return recurrence.simple_rnn(x, *self._weights, states[0], mask, activations.get(self.activation), keep)


@dataclass(eq=False, repr=False)
class LSTMCell(Cell, _Forgetting, _Gated):
    """One step of a long short-term memory; its states are h and c, its gates input, forget, new and output.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import LSTMCell
    >>> h, (h, c) = LSTMCell(4)(jnp.ones((2, 3)), [jnp.zeros((2, 4)), jnp.zeros((2, 4))])
    >>> c.shape
    (2, 4)
    """

    gates = 4

    @property
    def state_size(self) -> tuple[int, ...]:
        """The sizes of h and c."""
        return (self.units, self.units)

    def _bias_initializer(self) -> Any:
        return _ForgetOne(self.bias_initializer) if self.unit_forget_bias else self.bias_initializer

    def _recur(self, x: jax.Array, states: States, mask: Any, keep: Any) -> tuple[jax.Array, States]:
        functions = activations.get(self.activation), activations.get(self.recurrent_activation)
        return recurrence.lstm(x, *self._weights, states[0], states[1], mask, *functions, keep)


@dataclass(eq=False, repr=False)
class GRUCell(Cell, _Gated):
    """One step of a gated recurrent unit, its gates update, reset and new.

    `reset_after` says whether the reset gate acts on `h @ recurrent_kernel` or on h; the bias then has two rows.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import GRUCell
    >>> h, states = GRUCell(4)(jnp.ones((2, 3)), [jnp.zeros((2, 4))])
    >>> h.shape
    (2, 4)
    """

    reset_after: bool = True

    gates = 3

    def _bias_shape(self, width: int) -> tuple[int, ...]:
        return (2, width) if self.reset_after else (width,)

    def _recur(self, x: jax.Array, states: States, mask: Any, keep: Any) -> tuple[jax.Array, States]:
        functions = activations.get(self.activation), activations.get(self.recurrent_activation)
        return recurrence.gru(x, *self._weights, states[0], mask, *functions, keep, self.reset_after)


@dataclass(eq=False, repr=False)
class StackedRNNCells(Layer):
    """Cells stacked into one: each takes the output of the one below; the states are those of all cells.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import GRUCell, LSTMCell, StackedRNNCells
    >>> cells = StackedRNNCells([GRUCell(4), LSTMCell(5)])
    >>> h, states = cells(jnp.ones((2, 3)), [jnp.zeros((2, size)) for size in cells.state_size])
    >>> h.shape, len(states)
    ((2, 5), 3)
    """

    cells: Annotated[Any, Each(Kind(Layer, "a cell"), alone=False)]

    takes = "floats"

    def build(self, input_shape: Any) -> None:
        """Build every cell for the output of the one below."""
        for cell in self.cells:
            if not cell.built:
                cell.build(input_shape)
            input_shape = (*input_shape[:-1], jax.tree.leaves(cell.state_size)[0])

    @property
    def state_size(self) -> tuple[int, ...]:
        """The sizes of all states, cell by cell."""
        return tuple(size for cell in self.cells for size in jax.tree.leaves(cell.state_size))

    @property
    def whole_sequences(self) -> bool:
        """Whether every cell takes whole sequences."""
        return all(getattr(cell, "whole_sequences", False) for cell in self.cells)

    def call(self, inputs: jax.Array, states: Any, mask: Any = None) -> Any:
        """The output of the last cell and the new states of all."""
        given, new = iter(jax.tree.leaves(states)), []
        for cell in self.cells:
            own = [next(given) for _ in jax.tree.leaves(cell.state_size)]
            inputs, after = cell(inputs, own) if mask is None else cell(inputs, own, mask=mask)
            new += jax.tree.leaves(after)
        return inputs, new


@dataclass(eq=False, repr=False, frozen=True)
class _ForgetOne(initializers.Initializer):
    """The initial bias of an LSTM: ones for its forget gate, so that at first it remembers; zeros elsewhere."""

    others: Any

    @property
    def in_frames(self) -> bool:  # type: ignore[override]
        """As the initializer of the other gates says."""
        return bool(getattr(initializers.get(self.others), "in_frames", False))

    def _draw(self, key: jax.Array, shape: tuple[int, ...], dtype: Any) -> jax.Array:
        units = (shape.frame if isinstance(shape, Within) else shape)[0] // 4
        return initializers.get(self.others)(key, shape, dtype).at[units : 2 * units].set(1)
