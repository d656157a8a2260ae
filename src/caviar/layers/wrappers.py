"""Layers around another layer."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import numpy as np

from caviar.declarations import OneOf
from caviar.errors import ArgumentError, FrameError
from caviar.layers.base import Layer
from caviar.layers.recurrent import Recurrent
from caviar.live import Live
from caviar.placing import PASSES_ON, Placement, trusted

__all__ = ["Bidirectional", "TimeDistributed"]

_MERGES = {
    "concat": lambda a, b: jnp.concatenate([a, b], -1),
    "sum": lambda a, b: a + b,
    "ave": lambda a, b: (a + b) / 2,
    "mul": lambda a, b: a * b,
    None: lambda a, b: (a, b),
}


@dataclass(eq=False, repr=False)
class Bidirectional(Layer):
    """A recurrent layer run forwards and backwards; `merge_mode` is 'concat', 'sum', 'ave', 'mul', or None for a list of both.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import Bidirectional
    >>> from caviar.layers.recurrent import LSTM
    >>> Bidirectional(LSTM(4, return_sequences=True))(jnp.ones((2, 7, 3))).shape
    (2, 7, 8)
    """

    layer: Any
    merge_mode: Annotated[str, OneOf("concat", "sum", "ave", "mul")] | None = "concat"
    backward_layer: Any = None

    supports_masking = True
    takes = "floats"
    _build_for = Recurrent._build_for

    def build(self, input_shape: Any) -> None:
        """Make the layer for the other direction, and build both."""
        if not isinstance(self.layer, Recurrent):
            raise ArgumentError(f"Bidirectional goes around a recurrent layer such as LSTM(8), and not {self.layer!r}")
        self.forward, self.backward = self.layer, self.backward_layer or _reversed(self.layer)
        for name in ("return_sequences", "return_state", "stateful"):
            if getattr(self.forward, name) != getattr(self.backward, name):
                raise ArgumentError(f"the two layers of {self.name!r} differ in {name!r}")
        if self.forward.go_backwards == self.backward.go_backwards:
            raise ArgumentError(
                f"the two layers of {self.name!r} go in the same direction: make one with go_backwards=True"
            )
        for side, layer in (("forward", self.forward), ("backward", self.backward)):
            layer.build(input_shape)
            for variable in layer.variables:
                variable.name = f"{self.name}/{side}_{variable.name}"

    def call(self, x: jax.Array, initial_state: Any = None, mask: Any = None) -> Any:
        """The outputs of both directions, merged; with the last states of both, if `return_state`."""
        states = list(jax.tree.leaves(initial_state))
        half = len(states) // 2
        y, *forward = _as_list(self.forward(x, initial_state=states[:half] or None, mask=mask))
        z, *backward = _as_list(self.backward(x, initial_state=states[half:] or None, mask=mask))
        if self.layer.return_sequences:
            y, z = y, z[:, ::-1]
            if mask is not None:
                y, z = (jnp.where(mask[..., None], side, 0) for side in (y, z))
        merged = _MERGES[self.merge_mode](y, z)
        if not self.layer.return_state:
            return merged
        return (*(merged if self.merge_mode is None else (merged,)), *forward, *backward)

    def live(self, member: Placement, x: Live, initial_state: Any = None, mask: Any = None) -> Any:
        """The units of both directions, merged."""
        y, z = (live_inside(layer, member, x) for layer in (self.forward, self.backward))
        if self.layer.return_state or self.merge_mode is None:
            raise FrameError(f"{self.name} gives several outputs")
        if self.merge_mode == "concat":
            return Live([*y[:-1], np.concatenate([y[-1], z[-1]])])
        return Live([*y[:-1], member.common(self, [y[-1], z[-1]])])

    def reset_states(self) -> None:
        """Let the next batch start from zeros in both directions."""
        self.forward.reset_states()
        self.backward.reset_states()

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The mask of the outputs, where there is one for each step."""
        own = self.layer.compute_mask(inputs, mask)
        return [own, own] if self.merge_mode is None else own


def _reversed(layer: Recurrent) -> Recurrent:
    """A copy of the layer with other weights, in the other direction."""
    config = copy.deepcopy(layer.get_config()) | {"go_backwards": not layer.go_backwards, "name": layer.name}
    return type(layer).from_config(config)


def live_inside(layer: Layer, member: Placement, x: Live) -> Any:
    """The live units of a layer inside another.

    >>> import numpy as np
    >>> from caviar.live import Live
    >>> from caviar.placing import Placement
    >>> from caviar.layers.wrappers import live_inside
    >>> from caviar.layers.shaping import Identity
    >>> live_inside(Identity(), Placement({}), Live([np.array([True])]))
    (array([ True]),)
    """
    live = trusted(layer, "live", "call", "build")
    if live is None or live == PASSES_ON:
        raise FrameError(f"{layer.name} does not tell which of its units are live")
    found = live(member, x)
    if layer.activity_regularizer is not None:
        member.need_whole(layer.activity_regularizer, found)
    return found


def _as_list(outputs: Any) -> list[Any]:
    return list(outputs) if isinstance(outputs, (tuple, list)) else [outputs]


@dataclass(eq=False, repr=False)
class TimeDistributed(Layer):
    """Apply a layer to every step of a sequence, as if the steps were examples.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import TimeDistributed
    >>> from caviar.layers.dense import Dense
    >>> TimeDistributed(Dense(4))(jnp.ones((2, 7, 3))).shape
    (2, 7, 4)
    """

    layer: Layer

    supports_masking = True

    @property
    def takes(self) -> str:  # type: ignore[override]
        """What the layer takes."""
        return str(self.layer.takes)

    def call(self, x: jax.Array) -> jax.Array:
        """The outputs of all steps."""
        outputs = self.layer(x.reshape(-1, *x.shape[2:]))
        return jax.tree.map(lambda y: y.reshape(*x.shape[:2], *y.shape[1:]), outputs)

    def live(self, member: Placement, x: Live) -> Live:
        """What is live of each step."""
        member.shape = member.shape[1:]
        return Live([x[0], *live_inside(self.layer, member, Live(x[1:]))])
