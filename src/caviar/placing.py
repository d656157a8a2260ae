"""Placing a member in arrays of the largest size (`live.py`): which of their places are its own, layer by layer.

A layer with a size defines `live`: which units of its output are live, given those of its input. The members of a network with
a layer that does not define it need programs of their own.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np

from caviar.closing import ClosedSize
from caviar.elementwise import by_element
from caviar.errors import FrameError
from caviar.live import Axis, Live, whole


class Noted(NamedTuple):
    """A layer, or an operation, that was called: `args` and `outputs` hold the numbers of arrays in their places."""

    what: Any
    args: Any
    kwargs: Any
    outputs: Any


class Place:
    """An array on a tape. No tuple, so that trees have it as a leaf."""

    def __init__(self, number: int, shape: tuple[int, ...]):
        self.number, self.shape = number, shape


class Tape:
    """The outermost calls of layers and operations in an evaluation, written while a network is traced."""

    def __init__(self) -> None:
        self.calls: list[Noted] = []
        self.outputs: list[int] = []  # the numbers of what the whole network gives
        self._numbers: dict[int, int] = {}
        self._alive: list[Any] = []  # keeps ids unique

    def place(self, value: Any) -> Any:
        """An array's place on the tape; anything else unchanged."""
        if not hasattr(value, "shape") or not hasattr(value, "dtype"):
            return value
        if id(value) not in self._numbers:
            self._numbers[id(value)] = len(self._alive)
            self._alive.append(value)
        return Place(self._numbers[id(value)], tuple(value.shape))

    def write(self, what: Any, args: Any, kwargs: Any, outputs: Any, since: int | None = None) -> None:
        """Write a call. Calls made inside a layer are dropped, unless the layer only passes everything on."""
        manner = _manner(what)
        if manner == PASSES_ON:
            return
        del self.calls[len(self.calls) if since is None else since :]
        self.calls.append(Noted(what, *(jax.tree.map(self.place, tree) for tree in (args, kwargs, outputs))))


PASSES_ON = "passes on"
"""The `live` of a layer that does nothing but call others."""


def trusted(part: Any, word: str, *methods: str) -> Any:
    """What a part defines about itself, unless a subclass of the class that defines it overrides one of these methods."""
    order = type(part).__mro__
    said, *done = (
        next((i for i, cls in enumerate(order) if name in vars(cls)), len(order)) for name in (word, *methods)
    )
    return getattr(part, word) if said < len(order) and said <= min(done) else None


def _manner(what: Any) -> Any:
    return trusted(what, "live", "call", "build")


class Placement:
    """One member in a frame: the live places of each weight, and what layers are told of their own size.

    `own` has the member's values by the names of the hyperparameters.

    A layer of your own takes part in frames if it says in `live` what follows from its input's live units:
    >>> import numpy as np
    >>> from caviar.live import Live
    >>> from caviar.placing import Placement
    >>> from caviar.layers import Layer
    >>> class Twice(Layer):
    ...     def call(self, x):
    ...         return 2 * x
    ...     def live(self, member, x):
    ...         return x  # with weights, after `member.weigh(self.kernel, x[-1], member.axis(self.units))`
    >>> Twice().live(Placement({}), Live([np.array([True, False])]))
    (array([ True, False]),)
    """

    def __init__(self, own: Mapping[str, Any]):
        self.own = own
        self.weights: dict[int, Live] = {}  # by the id of the variable
        self.told: dict[tuple[int, str], np.ndarray] = {}  # by (id of the layer, attribute)
        self.needed: set[tuple[int, str]] = set()
        self.work = 0.0  # multiplications for one row
        self.elements = 0.0  # values for one row that functions computed side by side give
        self.used = 0.0  # the weights of the call under way
        self.shape: tuple[int, ...] = ()  # the shape of its output, without the batch

    def size(self, value: Any) -> int:
        """A size of the frame as it is for this member."""
        return int(self.own.get(value.origin, value)) if isinstance(value, ClosedSize) else int(value)

    def axis(self, size: Any) -> Axis:
        """An axis of so many units, of which the member's are the first."""
        if self.size(size) > size:
            raise FrameError(f"{self.size(size)} units do not fit into {int(size)}")
        return np.arange(size) < self.size(size)

    def weigh(self, weight: Any, *axes: Axis) -> None:
        """Set which places of a weight are live."""
        live = Live(axes)
        self.used += math.prod(int(axis.sum()) for axis in live)
        if tuple(len(axis) for axis in live) != tuple(weight.shape):
            raise FrameError(f"weight {weight.path!r} has the shape {weight.shape}, and its axes are others")
        before = self.weights.setdefault(id(weight), live)
        if not all(np.array_equal(a, b) for a, b in zip(before, live, strict=True)):
            raise FrameError(f"weight {weight.path!r} is used with inputs of two kinds")

    def tell(self, layer: Any, needed: bool = True, **values: Any) -> None:
        """Set an attribute of a layer to a value of the member's own, where members of the frame differ in it."""
        for name, value in values.items():
            before = self.told.setdefault((id(layer), name), np.asarray(value))
            if not np.array_equal(before, value):
                raise FrameError(f"layer {layer.name!r} is used with inputs of two kinds")
            if needed:
                self.needed.add((id(layer), name))

    def activated(self, activation: Any, live: Live) -> Live:
        """The live units after an activation function, which must work element by element if some units are not live."""
        if not live.is_whole and activation is not None and not by_element(activation):
            raise FrameError(f"{activation!r} looks at several units together")
        options = getattr(activation, "options", ())
        self.elements += math.prod(int(axis.sum()) for axis in live) * max(0, len(options) - 1)
        return live

    def slid(self, layer: Any, x: Live, channels_first: bool, channels: Axis | None = None) -> Live:
        """All places that a window slides to, of the live channels: those of x, or others."""
        at = 0 if channels_first else -1
        self.need_whole(layer, Live(x[1:] if channels_first else x[:-1]))
        found = [*whole(self.shape)]
        found[at] = x[at] if channels is None else channels
        return Live(found)

    def common(self, layer: Any, axes: Iterable[Axis]) -> Axis:
        """The live places along an axis of several arrays, which must agree; an axis of length 1 fits any."""
        found = [axis for axis in axes if len(axis) > 1] or [np.ones(1, bool)]
        if not all(np.array_equal(axis, found[0]) for axis in found):
            raise FrameError(f"the inputs of {layer.name!r} have other live units each")
        return found[0]

    def need_whole(self, what: Any, *live: Any) -> None:
        """Raise for inputs of which some places are not live."""
        if not all(one.is_whole for one in jax.tree.leaves(live)):
            raise FrameError(f"{what} looks at several units together")


def placed(tape: Tape, own: Mapping[str, Any]) -> Placement:
    """Where a member with these sizes is in the frame whose network was traced."""
    member, known = Placement(own), dict[int, Live]()

    def live_of(leaf: Any) -> Any:
        if not isinstance(leaf, Place):
            return leaf
        return known.get(leaf.number, whole(leaf.shape[1:]))

    for call in tape.calls:
        args, kwargs = (jax.tree.map(live_of, tree) for tree in (call.args, call.kwargs))
        given = [one for one in jax.tree.leaves((args, kwargs)) if isinstance(one, Live)]
        live = _manner(call.what)
        if live is not None:
            member.used, member.shape = 0.0, jax.tree.leaves(call.outputs)[0].shape[1:]
            found = live(member, *args, **kwargs)
            positions = (math.prod(int(axis.sum()) for axis in one[:-1]) for one in (*given, *jax.tree.leaves(found)))
            member.work += member.used * max(positions)
        else:
            member.need_whole(call.what, given)
            found = jax.tree.map(lambda leaf: whole(leaf.shape[1:]), call.outputs)
        if getattr(call.what, "activity_regularizer", None) is not None:
            member.need_whole(call.what.activity_regularizer, found)
        for leaf, one in zip(jax.tree.leaves(call.outputs), jax.tree.leaves(found), strict=True):
            if tuple(map(len, one)) != leaf.shape[1:]:
                raise FrameError(f"{call.what!r} gives the shape {leaf.shape}, and tells of other axes")
            known[leaf.number] = one
    member.need_whole("what the loss is computed from", [known[number] for number in tape.outputs if number in known])
    return member
