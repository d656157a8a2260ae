"""Operations that are written down as they are called, and run together, compiled, when somebody needs a value.

A recording is a path in a tree: each operation is a step from one node to the next, so the structure of all that was written
down is one object, found by one dictionary look-up an operation. The node remembers shapes and compiled programs: a loop that
writes the same down again compiles nothing.
"""

from __future__ import annotations

import itertools
import threading
import weakref
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import jax
import numpy as np

from caviar.errors import ArgumentError
from caviar.graph import replay
from caviar.graph.evaluation import current
from caviar.graph.replay import LEAF, NO_GRADIENT, RESULT, Node, Spec

_LONGEST = 1000  # operations, after which a recording runs by itself
_INT32 = 2**31


class Value:
    """An array, or the place in a recording where it will come from."""

    __slots__ = ("array", "index", "owner", "place", "recording", "spec", "step")

    def __init__(self, array: Any, spec: Spec | None = None):
        self.array = array
        self.spec = spec or Spec.of(array)
        self.step: Step | None = None
        self.owner: Any = None
        self.recording = self.place = self.index = -1


class Step:
    """One operation that was called: a function of values and numbers."""

    __slots__ = ("function", "inputs", "needs", "spent", "static")

    def __init__(self, function: Any, static: Any, inputs: Sequence[Any], needs: Sequence[int]):
        self.function, self.static, self.inputs, self.needs, self.spent = function, static, inputs, needs, False


class Lazy:
    """What a tensor of a dialect holds: a value, and how it takes part in gradients.

    One that shares its value with another (a detached one, a view) has that as its `_root`. A view also has `_view`: what
    takes it from the root and what puts it back, each a function, its static arguments, and further inputs.
    """

    __slots__ = ("__weakref__", "_grad", "_held", "_needs", "_root", "_seen", "_view")
    _held: Value
    _needs: int
    _root: Lazy | None
    _grad: Any
    _seen: Value
    _view: Any

    @classmethod
    def holding(cls, value: Value, needs: int = NO_GRADIENT) -> Any:
        """One that holds the value."""
        self = object.__new__(cls)
        self._held, self._needs, self._root, self._grad = value, needs, None, None
        return self

    def held(self) -> Value:
        """The present value; that of a view is taken again when its root has another one by now."""
        root = self._root
        if root is None:
            return self._held
        now = root.held()
        if self._view is None:
            return now
        if now is not self._seen:
            function, static, inputs = self._view[0]
            self._held, self._seen, self._needs = self._through(function, static, (now, *inputs)), now, NO_GRADIENT
        return self._held

    def hold(self, value: Value) -> None:
        """Take another value; a view writes it into its root."""
        root = self._root
        if root is None:
            self._held = value
            if value.array is None:
                recording().results.append(weakref.ref(self))
        elif self._view is None:
            root.hold(value)
        else:
            function, static, inputs = self._view[1]
            root.hold(self._through(function, static, (root.held(), value, *inputs)))
            self._held, self._seen = value, root.held()

    def array(self) -> Any:
        """The value itself, computed now if it was not yet."""
        value = self.held()
        return value.array if value.array is not None else recording().need(value)

    @staticmethod
    def _through(function: Any, static: Any, inputs: Sequence[Any]) -> Value:
        return recording().write(function, static, inputs, (NO_GRADIENT,) * len(inputs))[0]


_serials = itertools.count()


class Recording:
    """The operations written down in one thread, and not run yet."""

    def __init__(self) -> None:
        self.gradients = True  # whether operations on tensors that need gradients are differentiable
        self.clear()

    def clear(self) -> None:
        """Begin anew."""
        self.serial = next(_serials)
        self.node = replay.root()
        self.steps: list[Step] = []
        self.leaves: list[Value] = []
        self.floats: list[float] = []
        self.ints: list[int] = []
        self.results: list[Any] = []
        self.again: dict[Step, int] = {}  # the places of steps that were recorded before

    # -- writing down ---------------------------------------------------------------------------------------------

    def record(self, kind: Any, function: Any, args: Sequence[Any], static: Any = ()) -> Any:
        """Write down an operation on tensors and numbers; the results are tensors of this kind, one or a tuple."""
        if current() is not None:
            return _compute(kind, function, args, static)
        if len(self.steps) >= _LONGEST:
            self.run()
        inputs, needs, differentiable, gradients = [], [], 0, self.gradients
        for arg in args:
            need = NO_GRADIENT
            if isinstance(arg, Lazy):
                value = arg._held if arg._root is None else arg.held()
                if gradients and arg._needs:
                    need = arg._needs
                    differentiable = RESULT
                    if need == LEAF and (value.array is None or value.owner is None or value.owner() is not arg):
                        value = self._as_leaf(arg, value)
                arg = value
            inputs.append(arg)
            needs.append(need)
        results, held = [], self.results
        for value in self.write(function, static, inputs, needs):
            tensor = kind.holding(value, differentiable if value.spec.differentiable else NO_GRADIENT)
            held.append(weakref.ref(tensor))
            results.append(tensor)
        return results[0] if len(results) == 1 else tuple(results)

    def write(self, function: Any, static: Any, inputs: Sequence[Any], needs: Sequence[int]) -> list[Value]:
        """Write down a function of values and numbers, with static keyword arguments."""
        serial, codes = self.serial, [function, static]
        floats, ints = len(self.floats), len(self.ints)
        for value, need in zip(inputs, needs):  # noqa: B905
            kind = type(value)
            if kind is Value:
                if value.recording == serial:
                    codes.append(value.place * 3 + need)
                elif value.array is not None:
                    self.leaves.append(value)
                    value.recording, value.place = serial, -len(self.leaves)
                    codes += value.place * 3 + need, value.spec
                else:
                    del self.floats[floats:], self.ints[ints:]
                    self._resume(value) if value.owner is None else self.need(value)
                    return self.write(function, static, inputs, needs)
            else:
                codes.append(self._number(value, kind))
        key = tuple(codes)
        node = self.node.next.get(key)
        if node is None:
            try:
                node = self._new(key, inputs)
            except BaseException:
                del self.floats[floats:], self.ints[ints:]
                raise
        self.node = node
        step, made, place = Step(function, static, inputs, needs), [], node.base
        self.steps.append(step)
        for index, spec in enumerate(node.specs):
            value = Value(None, spec)
            value.step, value.index, value.place, value.recording = step, index, place + index, serial
            made.append(value)
        return made

    def _number(self, value: Any, kind: Any) -> Any:
        """The code of an input that is no tensor: numbers are arguments of the program, all else is structure."""
        if kind is float:
            self.floats.append(value)
        elif kind is np.int32 or (kind is int and -_INT32 <= value < _INT32):  # the former keep their type
            self.ints.append(value)
        else:
            return "constant", value, kind
        return kind

    def _new(self, key: tuple[Any, ...], inputs: Sequence[Any]) -> Node:
        """The node that an operation leads to for the first time."""
        if not self.steps:
            self.node = replay.root()  # the policy may be another by now
        node = self.node.next[key] = Node(self.node, key, replay.infer(key[0], key[1], inputs))
        return node

    def _as_leaf(self, tensor: Lazy, value: Value) -> Value:
        """The value of a leaf that needs gradients: computed, and its own."""
        self.need(value)
        if value.owner is not None and value.owner() not in (None, tensor):  # another leaf began with the same value
            tensor._root, tensor._held = None, Value(value.array, value.spec)
            value = tensor._held
        value.owner = weakref.ref(tensor)
        return value

    def _resume(self, value: Value) -> None:
        """Write down again what leads to a value that was left uncomputed when it was recorded before."""
        for step in _in_order(value.step, lambda v, _: v.array is None and v.recording != self.serial, self.again):
            if step.function is replay.gradient:
                self.unfold(step.inputs[0])
            self._rewrite(step, lambda v, _: v.recording != self.serial and v.array is None)
        self._locate(value)

    def _rewrite(self, step: Step, stale: Callable[[Value, int], bool]) -> None:
        for value, need in zip(step.inputs, step.needs, strict=True):
            if type(value) is Value and stale(value, need):
                self._locate(value)
        self.again[step] = self.write(step.function, step.static, step.inputs, step.needs)[0].place
        self.steps[-1] = step

    def _locate(self, value: Value) -> None:
        """Let a value know its place, now that what makes it was written here again."""
        value.recording, value.place = self.serial, self.again[value.step] + value.index  # type: ignore[index]

    # -- gradients ------------------------------------------------------------------------------------------------

    def gradient(self, target: Lazy, seed: Any, wrt: list[Lazy] | None, keep: bool) -> tuple[list[Any], list[Value]]:
        """The gradients of a tensor with respect to those given, or to all leaves that it was made from."""
        value = target.held()
        if value.step is None:
            raise _spent()
        value = _remembering(value)
        steps, leaves = self.unfold(value)
        stale = [t._grad for v in leaves if (t := v.owner()) is not None and t._grad is not None]
        stale = [g for g in stale if g._held.array is None and g._held.recording != self.serial]
        if stale and wrt is None:  # what is accumulated into must not pile up
            self.need(stale[0]._held)
            steps, leaves = self.unfold(value)
        if any(step.spent for step in steps):
            raise _spent()
        pairs = [(leaf.owner(), leaf) for leaf in leaves] if wrt is None else [(t, t.held()) for t in wrt]
        pairs = [(tensor, leaf) for tensor, leaf in pairs if tensor is not None]
        needs = [RESULT, NO_GRADIENT, *(t._needs for t, _ in pairs)]
        made = self.write(replay.gradient, (), [value, seed, *(v for _, v in pairs)], needs) if pairs else []
        for step in () if keep else steps:
            step.spent = True
        return [tensor for tensor, _ in pairs], made

    def unfold(self, target: Value) -> tuple[list[Step], list[Value]]:
        """Have all that leads from the leaves to the target in this recording: its steps, and the leaves."""
        cone = self.node.cone(target.place) if target.recording == self.serial and target.place >= 0 else None
        if cone is None:
            for step in _in_order(target.step, lambda v, need: need == RESULT, {}):
                self._rewrite(step, lambda v, need: need == RESULT)
            self._locate(target)
            cone = self.node.cone(target.place)
        numbers, leaves = cone  # type: ignore[misc]
        return [self.steps[i] for i in numbers], [self.leaves[i] for i in leaves]

    # -- running --------------------------------------------------------------------------------------------------

    def need(self, value: Value) -> Any:
        """The array of a value."""
        if value.array is None:
            wanted = [value]
            if value.recording != self.serial:
                if isinstance(value.owner, _Left):
                    wanted = value.owner.wanted_after_all()
                for v in wanted:
                    self._resume(v)
            self.run(wanted)
        return value.array

    def run(self, also: Iterable[Value] = (), spare: Iterable[Value] = (), spend: Sequence[Value] = ()) -> None:
        """Compute every value that a tensor holds, and some others, as one program.

        Values to spare are left until they are asked for. The arrays of values to spend may be overwritten.
        """
        node, leaves, floats, ints = self.node, self.leaves, self.floats, self.ints
        wanted, flowing, left = {v.place: v for v in also}, list[Lazy](), _Left(node)
        spared = {id(v) for v in spare if v.place not in node.later}
        for ref in self.results:
            tensor = ref()
            if tensor is not None and (tensor._root is None or tensor._view is not None):
                value = tensor._held
                if value.array is None and value.recording == self.serial:
                    if id(value) in spared:
                        value.owner = left
                        left.tensors.append(ref)
                        continue
                    wanted[value.place] = value
                    if tensor._needs:
                        flowing.append(tensor)
        self.clear()
        if not wanted:
            return
        places, spent = tuple(wanted), tuple([-value.place - 1 for value in spend])
        own, arrays = [leaves[i].array for i in spent], [v.array for i, v in enumerate(leaves) if i not in spent]
        kind = np.float64 if jax.config.jax_enable_x64 else np.float32  # type: ignore[attr-defined]
        found = node.program(places, spent)(own, arrays, np.array(floats, kind), np.array(ints, np.int32))
        for value, array in zip(wanted.values(), found, strict=True):
            value.array = array
        for tensor in flowing:
            value = tensor._held
            wanted.pop(value.place, None)
            if value.step is not None and value.step.spent:
                tensor._held = Value(value.array, value.spec)
        for value in wanted.values():
            value.step = None


class _Left:
    """Values that were left out when their recording ran."""

    def __init__(self, node: Node):
        self.node = node
        self.tensors: list[Any] = []

    def wanted_after_all(self) -> list[Value]:
        """All of them that are still held; the next time they are computed with the others."""
        held = [tensor._held for ref in self.tensors if (tensor := ref()) is not None]
        values = [v for v in held if v.owner is self and v.array is None]
        self.node.later.update(v.place for v in values)
        for v in values:
            v.owner = None
        return values


def _spent() -> ArgumentError:
    return ArgumentError(
        "backward was called a second time through the same operations, which the first time gave up: "
        "say backward(retain_graph=True) the first time, or compute the loss again"
    )


def _remembering(value: Value) -> Value:
    """The same value, which goes on knowing what it was made from when the other forgets."""
    copy = Value(value.array, value.spec)
    copy.step, copy.recording, copy.place, copy.index = value.step, value.recording, value.place, value.index
    return copy


def _in_order(last: Step | None, through: Callable[[Value, int], bool], known: Any) -> list[Step]:
    """A step and all before it, each after those that it needs. Without recursion: recordings may be long."""
    order, seen, stack = list[Step](), set[int](), [(last, False)]
    while stack:
        step, expanded = stack.pop()
        if step is None:
            raise _spent()
        if expanded:
            order.append(step)
        elif id(step) not in seen and step not in known:
            seen.add(id(step))
            stack.append((step, True))
            stack += [
                (value.step, False)
                for value, need in zip(step.inputs, step.needs, strict=True)
                if type(value) is Value and through(value, need)
            ]
    return order


def _compute(kind: Any, function: Any, args: Sequence[Any], static: Any) -> Any:
    """Inside an evaluation nothing is written down: the arrays are at hand."""
    made = function(*(a.array() if isinstance(a, Lazy) else a for a in args), **dict(static))
    if isinstance(made, (tuple, list)):
        return tuple(kind.holding(Value(m)) for m in made)
    return kind.holding(Value(made))


class _Here(threading.local):
    def __init__(self) -> None:
        self.recording = Recording()


_here = _Here()


def recording() -> Recording:
    """The recording of this thread."""
    return _here.recording
