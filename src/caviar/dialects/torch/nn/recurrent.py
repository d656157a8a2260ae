"""Recurrent networks and their cells, with PyTorch's names of parameters."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from caviar.declarations import Count, Share, Size
from caviar.dialects.torch import creation
from caviar.dialects.torch.functions import record
from caviar.dialects.torch.nn import functional as F
from caviar.dialects.torch.nn.functional import recurrence
from caviar.dialects.torch.nn.linear import between
from caviar.dialects.torch.nn.module import Module
from caviar.dialects.torch.shapes import cat, stack
from caviar.errors import ArgumentError, ShapeError, unknown_name


class _Weighed(Module):
    """The base of recurrent networks and cells."""

    function: ClassVar[Any]
    gates: ClassVar[int]
    states: ClassVar[int] = 1
    kinds: ClassVar[tuple[str, ...]] = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")

    def _make(self, inputs: int, hidden: int, bias: bool, suffix: str = "") -> None:
        """The parameters of one layer in one direction, drawn between plus and minus the inverse root of the units."""
        rows = self.gates * hidden
        for kind, shape in zip(self.kinds, ((rows, inputs), (rows, hidden), (rows,), (rows,)), strict=True):
            if bias or kind.startswith("weight"):
                setattr(self, kind + suffix, between(1 / math.sqrt(hidden) if hidden else 0.0, shape))

    def _options(self) -> dict[str, Any]:
        """Further options of the function."""
        return {}

    def _run(self, x: Any, states: list[Any], suffix: str, **options: Any) -> Any:
        """Outputs and last states of a sequence (steps, n, features)."""
        weights = [getattr(self, kind + suffix) for kind in self.kinds[: 4 if self.bias else 2]]
        return record(type(self).function, x, *states, *weights, **options, **self._options())

    def _states(self, given: Any, shape: tuple[int, ...], like: Any) -> list[Any]:
        """The states to begin with, zeros if none are given."""
        if given is None:
            return [creation.zeros(*shape, dtype=like.dtype)] * self.states
        states = [given] if self.states == 1 else list(given)
        for state in states:
            if tuple(state.shape) != shape:
                raise ShapeError(
                    f"{type(self).__name__} begins with states {shape}, and was given {tuple(state.shape)}"
                )
        return states


class _Recurrent(_Weighed):
    """The base of recurrent networks."""

    def __init__(
        self, input_size: Count, hidden_size: Size, num_layers: Size = 1, bias: bool = True, batch_first: bool = False,
        dropout: Share = 0.0, bidirectional: bool = False, proj_size: int = 0, device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        if proj_size:
            raise ArgumentError("proj_size is not supported: put a Linear behind the network")
        self.input_size, self.hidden_size, self.num_layers, self.bias = input_size, hidden_size, num_layers, bias
        self.batch_first, self.dropout, self.bidirectional = batch_first, dropout, bidirectional
        for layer in range(num_layers):
            for way in self._ways():
                inputs = input_size if layer == 0 else hidden_size * len(self._ways())
                self._make(inputs, hidden_size, bias, f"_l{layer}{way}")

    def _ways(self) -> tuple[str, ...]:
        return ("", "_reverse") if self.bidirectional else ("",)

    def forward(self, input: Any, hx: Any = None) -> Any:
        """The outputs of the last layer at all steps, and the last states of all layers."""
        single = input.ndim == 2
        if input.ndim not in (2, 3) or input.shape[-1] != self.input_size:
            order = "(n, steps, {})" if self.batch_first else "(steps, n, {})"
            raise ShapeError(
                f"{type(self).__name__} takes {order.format(self.input_size)} or (steps, {self.input_size}), and was given "
                f"{tuple(input.shape)}"
            )
        x = input.unsqueeze(1) if single else input.transpose(0, 1) if self.batch_first else input
        if single and hx is not None:
            hx = hx.unsqueeze(1) if self.states == 1 else [h.unsqueeze(1) for h in hx]
        ways = self._ways()
        first = self._states(hx, (self.num_layers * len(ways), x.shape[1], self.hidden_size), x)
        x, last = self._layers(x, first, ways)
        if single:
            x, last = x.squeeze(1), [state.squeeze(1) for state in last]
        elif self.batch_first:
            x = x.transpose(0, 1)
        return x, last[0] if self.states == 1 else tuple(last)

    def _layers(self, x: Any, first: list[Any], ways: tuple[str, ...]) -> tuple[Any, list[Any]]:
        last = []
        for layer in range(self.num_layers):
            made = [
                self._run(
                    x, [state[layer * len(ways) + i] for state in first], f"_l{layer}{way}", reverse=bool(i)
                )
                for i, way in enumerate(ways)
            ]  # fmt: skip
            x = made[0][0] if len(made) == 1 else cat([outputs for outputs, *_ in made], -1)
            if layer < self.num_layers - 1:
                x = F.dropout(x, self.dropout, self.training)
            last += [states for _, *states in made]
        return x, [stack(states) for states in zip(*last, strict=True)]

    def flatten_parameters(self) -> None:
        """Does nothing: XLA decides how weights are stored in memory."""

    def extra_repr(self) -> str:
        """The sizes, and what is not the default."""
        text = f"{self.input_size}, {self.hidden_size}"
        usual = {"num_layers": 1, "bias": True, "batch_first": False, "dropout": 0.0, "bidirectional": False}
        return text + "".join(f", {k}={getattr(self, k)}" for k, v in usual.items() if getattr(self, k) != v)


class LSTM(_Recurrent):
    """Long short-term memory: outputs, and the last (h, c).

    >>> from caviar.dialects.torch.nn import LSTM
    >>> import caviar.dialects.torch as torch
    >>> output, (h, c) = LSTM(3, 5, batch_first=True)(torch.ones(2, 7, 3))
    >>> output.shape, h.shape, c.shape
    (torch.Size([2, 7, 5]), torch.Size([1, 2, 5]), torch.Size([1, 2, 5]))
    """

    function, gates, states = recurrence.lstm, 4, 2


class GRU(_Recurrent):
    """Gated recurrent units: outputs, and the last h.

    >>> from caviar.dialects.torch.nn import GRU
    >>> GRU(3, 5, num_layers=2)
    GRU(3, 5, num_layers=2)
    """

    function, gates = recurrence.gru, 3


def _known(nonlinearity: str) -> str:
    if nonlinearity not in ("tanh", "relu"):
        raise unknown_name("nonlinearity", nonlinearity, ("tanh", "relu"))
    return nonlinearity


class RNN(_Recurrent):
    """h = tanh(x @ w_ih.T + h @ w_hh.T + biases), or the same with relu: outputs, and the last h.

    >>> from caviar.dialects.torch.nn import RNN
    >>> RNN(3, 5, nonlinearity="relu")
    RNN(3, 5)
    """

    function, gates = recurrence.rnn, 1

    def __init__(
        self, input_size: Count, hidden_size: Size, num_layers: Size = 1, nonlinearity: str = "tanh", bias: bool = True,
        batch_first: bool = False, dropout: Share = 0.0, bidirectional: bool = False, device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional)
        self.nonlinearity = _known(nonlinearity)

    def _options(self) -> dict[str, Any]:
        return {"nonlinearity": self.nonlinearity}


class _Cell(_Weighed):
    """The base of cells: a network over a sequence of one step."""

    def __init__(
        self, input_size: Count, hidden_size: Size, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__()
        self.input_size, self.hidden_size, self.bias = input_size, hidden_size, bias
        self._make(input_size, hidden_size, bias)

    def forward(self, input: Any, hx: Any = None) -> Any:
        """The next state."""
        if input.ndim not in (1, 2) or input.shape[-1] != self.input_size:
            raise ShapeError(f"{type(self).__name__} takes (n, {self.input_size}), and was given {tuple(input.shape)}")
        single = input.ndim == 1
        x = input.unsqueeze(0) if single else input
        if single and hx is not None:
            hx = hx.unsqueeze(0) if self.states == 1 else [h.unsqueeze(0) for h in hx]
        first = self._states(hx, (x.shape[0], self.hidden_size), x)
        _, *last = self._run(x.unsqueeze(0), first, "")
        last = [state.squeeze(0) for state in last] if single else last
        return last[0] if self.states == 1 else tuple(last)

    def extra_repr(self) -> str:
        """The sizes."""
        return f"{self.input_size}, {self.hidden_size}{'' if self.bias else ', bias=False'}"


class LSTMCell(_Cell):
    """One step of an LSTM: the next (h, c)."""

    function, gates, states = recurrence.lstm, 4, 2


class GRUCell(_Cell):
    """One step of a GRU: the next h."""

    function, gates = recurrence.gru, 3


class RNNCell(_Cell):
    """One step of an RNN: the next h."""

    function, gates = recurrence.rnn, 1

    def __init__(
        self, input_size: Count, hidden_size: Size, bias: bool = True, nonlinearity: str = "tanh", device: Any = None,
        dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(input_size, hidden_size, bias)
        self.nonlinearity = _known(nonlinearity)

    def _options(self) -> dict[str, Any]:
        return {"nonlinearity": self.nonlinearity}

    def extra_repr(self) -> str:
        """The sizes, and what is not the default."""
        return super().extra_repr() + (f", nonlinearity={self.nonlinearity}" if self.nonlinearity != "tanh" else "")
