"""Values in recordings, the calls that give them, and their shapes before anything is computed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from caviar.errors import ArgumentError


class Spec:
    """Shape and type of an array; equal ones are one object, so that comparing them costs nothing."""

    __slots__ = ("differentiable", "dtype", "is_array", "shape")
    known: ClassVar[dict[Any, Spec]] = {}
    shape: Any
    dtype: Any
    differentiable: bool
    is_array: bool

    @classmethod
    def of(cls, value: Any) -> Spec:
        """The spec of an array, of something that has its shape and type, or of a whole tree of them."""
        try:
            key = value.shape, value.dtype
        except AttributeError:
            leaves, tree = jax.tree.flatten(value)
            key = tree, tuple(map(cls.of, leaves))
        spec = cls.known.get(key)
        if spec is None:
            spec = cls.known[key] = cls.__new__(cls)
            spec.shape, spec.dtype = key
            spec.is_array = hasattr(value, "dtype")
            spec.differentiable = spec.is_array and bool(jnp.issubdtype(spec.dtype, jnp.inexact))
        return spec


class Call:
    """One call of a function on values and numbers; `needs` says of each how it takes part in gradients."""

    __slots__ = ("function", "inputs", "needs", "spent", "static")

    def __init__(self, function: Any, static: Any, inputs: Sequence[Any], needs: Sequence[int]):
        self.function, self.static, self.inputs, self.needs = function, static, inputs, needs
        self.spent = False  # whether a gradient has flowed through it, after which no other may


class Value:
    """An array, or what it will be computed from: a call, and which of its results it is.

    `recording` and `place` say where it was last used. `owner` is a weak reference to the tensor whose gradient a leaf collects.
    """

    __slots__ = ("array", "call", "index", "owner", "place", "postponed", "recording", "spec")

    def __init__(
        self,
        array: Any,
        spec: Spec | None = None,
        call: Call | None = None,
        index: int = -1,
        place: int = -1,
        recording: int = -1,
    ):
        self.array, self.spec, self.call, self.index = array, Spec.of(array) if spec is None else spec, call, index
        self.place, self.recording = place, recording
        self.owner: Any = None
        self.postponed: Any = None

    def twin(self) -> Value:
        """A copy that still has its call when the original has been computed and has released it."""
        return Value(self.array, self.spec, self.call, self.index, self.place, self.recording)


def gradient(target: Any, seed: Any, *sources: Any) -> Any:
    """Stands in a recording for the gradients of the target by the sources; a replay knows how to compute them."""
    raise NotImplementedError


def calls_before(last: Call | None, follow: Callable[[Value, int], bool], known: Iterable[Call]) -> list[Call]:
    """A call and, before it, those that its inputs come from, each after its own; only inputs to follow, and calls not known.

    A stack in place of recursion, since recordings may be longer than Python's.
    """
    order, seen, stack = list[Call](), set[int](), [(last, False)]
    while stack:
        call, is_after_its_inputs = stack.pop()
        if call is None:
            raise spent()
        if is_after_its_inputs:
            order.append(call)
        elif id(call) not in seen and call not in known:
            seen.add(id(call))
            stack.append((call, True))
            stack += [
                (value.call, False)
                for value, need in zip(call.inputs, call.needs, strict=True)
                if type(value) is Value and follow(value, need)
            ]
    return order


def spent() -> ArgumentError:
    """The error for a second gradient through the same calls."""
    return ArgumentError(
        "backward was called a second time through the same operations, which the first time gave up: "
        "say backward(retain_graph=True) the first time, or compute the loss again"
    )
