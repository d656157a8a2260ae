"""The recorder of a thread: it records calls, records earlier ones again where they are needed, and runs all as one program."""

from __future__ import annotations

import itertools
import threading
import weakref
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import jax
import numpy as np

from caviar.recording.at_once import code_of, refuse_wide
from caviar.recording.encoding import RESULT
from caviar.recording.kernels import kernel_of
from caviar.recording.replay import compiled
from caviar.recording.stepwise import stepwise
from caviar.recording.tree import Path, root
from caviar.recording.values import Call, Value, calls_before, gradient

_serials = itertools.count()


class Recorder:
    """The calls of one thread that have not run yet: one recording after another.

    A value that was not computed when its recording ran keeps its call. When the value is needed later, that call is recorded
    *again*, in the recording then under way.
    """

    def __init__(self) -> None:
        self.gradients = True  # whether calls on tensors that need gradients are differentiable
        self.clear()

    def clear(self) -> None:
        """Begin another recording."""
        self.serial = next(_serials)
        self.path = root()
        self.calls: list[Call] = []
        self.leaves: list[Value] = []
        self.floats: list[float] = []
        self.ints: list[int] = []
        self.promised: list[weakref.ref[Any]] = []
        self.again: dict[Call, int] = {}  # the places of calls that were recorded before

    def promise(self, tensor: Any) -> None:
        """Compute the value of a tensor together with all others, if the tensor still exists when this recording runs."""
        self.promised.append(weakref.ref(tensor))

    # -- writing down ---------------------------------------------------------------------------------------------

    def write(self, function: Any, static: Any, inputs: Sequence[Any], needs: Sequence[int]) -> list[Value]:
        """Record the call of a function on values and numbers, with static keyword arguments; returns its results."""
        serial, leaves, codes = self.serial, self.leaves, [function, static]
        floats, ints = len(self.floats), len(self.ints)
        for value, need in zip(inputs, needs):  # noqa: B905
            kind = type(value)
            if kind is Value:
                if value.recording == serial:
                    codes.append(value.place * 3 + need)  # `encode`, written out: a call of it costs 2 % of recording
                elif value.array is not None:
                    leaves.append(value)
                    value.recording, value.place = serial, -len(leaves)
                    codes += value.place * 3 + need, value.spec
                else:  # it was not computed earlier: record its call first, then begin this one anew
                    del self.floats[floats:], self.ints[ints:]
                    self._resume(value) if value.postponed is None else self.need(value)
                    return self.write(function, static, inputs, needs)
            elif kind is float:
                self.floats.append(value)
                codes.append(float)
            else:
                codes.append(self._other(value))
        key = tuple(codes)
        path = self.path.branches.get(key)
        if path is None:
            try:
                path = self._branch(key, inputs)
            except BaseException:
                del self.floats[floats:], self.ints[ints:]
                raise
        self.path = path
        call, base = Call(function, static, inputs, needs), path.base
        self.calls.append(call)
        results = []
        for index, spec in enumerate(path.specs):
            results.append(Value(None, spec, call, index, base + index, serial))
        return results

    def _other(self, value: Any) -> Any:
        """The code of an input that is neither a value nor a float."""
        code = code_of(value)
        if code in (int, np.int32):
            self.ints.append(value)
        return code

    def _branch(self, key: tuple[Any, ...], inputs: Sequence[Any]) -> Path:
        """The path after a call that was never made at this point before."""
        if not self.calls:
            self.path = root()  # the precision policy may have changed
        if key[0] is gradient:
            path = Path(self.path, key, tuple(source.spec for source in inputs[2:]))
        else:
            codes = tuple(map(code_of, inputs))
            refuse_wide(codes)
            kernel = kernel_of(key[0], key[1], codes)
            path = Path(self.path, key, kernel.specs, kernel)
        self.path.branches[key] = path
        return path

    # -- writing again --------------------------------------------------------------------------------------------

    def _resume(self, value: Value) -> None:
        """Record again the calls that lead to a value that was not computed when they were first recorded."""
        for call in calls_before(value.call, lambda v, _: v.array is None and v.recording != self.serial, self.again):
            if call.function is gradient:
                self.unfold(call.inputs[0])
            self._rewrite(call, lambda v, _: v.recording != self.serial and v.array is None)
        self._locate(value)

    def unfold(self, target: Value) -> tuple[list[Call], list[Value]]:
        """Make sure that this recording has everything that a gradient of the target flows through: the calls, and the leaves."""
        cone = self.path.cone(target.place) if target.recording == self.serial and target.place >= 0 else None
        if cone is None:
            for call in calls_before(target.call, lambda v, need: need == RESULT, {}):
                self._rewrite(call, lambda v, need: need == RESULT)
            self._locate(target)
            cone = self.path.cone(target.place)
        calls, leaves = cone  # type: ignore[misc]
        return [self.calls[i] for i in calls], [self.leaves[i] for i in leaves]

    def _rewrite(self, call: Call, stale: Callable[[Value, int], bool]) -> None:
        for value, need in zip(call.inputs, call.needs, strict=True):
            if type(value) is Value and stale(value, need):
                self._locate(value)
        self.again[call] = self.write(call.function, call.static, call.inputs, call.needs)[0].place
        self.calls[-1] = call

    def _locate(self, value: Value) -> None:
        """Set the place of a value whose call has been recorded here again."""
        value.recording, value.place = self.serial, self.again[value.call] + value.index  # type: ignore[index]

    # -- running --------------------------------------------------------------------------------------------------

    def need(self, value: Value) -> Any:
        """The array of a value, computed now if need be."""
        if value.array is None:
            wanted = [value]
            if value.recording != self.serial:
                if value.postponed is not None:
                    wanted = value.postponed.asked_for()
                for v in wanted:
                    self._resume(v)
            self.run(wanted)
        return value.array

    def run(self, also: Iterable[Value] = (), postpone: Iterable[Value] = (), donate: Sequence[Value] = ()) -> None:
        """Compute every promised value, and some others, as one program.

        Values to postpone are not computed until they are asked for. The arrays of values to donate may be overwritten.
        """
        path, leaves, floats, ints = self.path, self.leaves, self.floats, self.ints
        wanted, flowing = {v.place: v for v in also}, list[Any]()
        self._collect(wanted, flowing, postpone)
        self.clear()
        if not wanted:
            stepwise(path, ())  # so that it is forgotten in its turn
            return
        places, donated = tuple(wanted), tuple([-value.place - 1 for value in donate])
        at_once = stepwise(path, places)
        if at_once is not None:
            found = at_once([leaf.array for leaf in leaves], floats, ints)
        else:
            own, arrays = (
                [_own(leaves[i].array) for i in donated],
                [v.array for i, v in enumerate(leaves) if i not in donated],
            )
            kind = np.float64 if jax.config.jax_enable_x64 else np.float32  # type: ignore[attr-defined]
            found = compiled(path, places, donated)(own, arrays, np.array(floats, kind), np.array(ints, np.int32))
        for value, array in zip(wanted.values(), found, strict=True):
            value.array = array
        _release(wanted, flowing)

    def _collect(self, wanted: dict[int, Value], flowing: list[Any], postpone: Iterable[Value]) -> None:
        """Add the promised values to the wanted ones; `flowing` are the tensors among them that gradients flow through."""
        later, serial = Postponed(self.path), self.serial
        postponed = {id(v) for v in postpone if v.place not in self.path.asked_for}
        for ref in self.promised:
            tensor = ref()
            if tensor is not None and (tensor._root is None or tensor._view is not None):
                value = tensor._held
                if value.array is None and value.recording == serial:
                    if id(value) in postponed:
                        value.postponed = later
                        later.tensors.append(ref)
                        continue
                    wanted[value.place] = value
                    if tensor._needs:
                        flowing.append(tensor)


def _own(tree: Any) -> Any:
    """Arrays that a program may overwrite: those of NumPy may be shared, and are copied."""
    return jax.tree.map(lambda a: a if isinstance(a, jax.Array) else jax.numpy.array(a), tree)


def _release(computed: dict[int, Value], flowing: list[Any]) -> None:
    """Release the calls of the values, and so all earlier ones, except where a gradient may still flow back."""
    for tensor in flowing:
        value = tensor._held
        computed.pop(value.place, None)
        if value.call is not None and value.call.spent:
            tensor._held = Value(value.array, value.spec)
    for value in computed.values():
        value.call = None


class Postponed:
    """Values that were not computed when their recording ran: gradients, which most loops never look at.

    A program that looks at one of them will look at the others, and in its next round too: all are computed now, and from then
    on together with everything else.
    """

    def __init__(self, path: Path):
        self.path = path
        self.tensors: list[weakref.ref[Any]] = []

    def asked_for(self) -> list[Value]:
        """Those whose tensors still exist."""
        held = [tensor._held for ref in self.tensors if (tensor := ref()) is not None]
        values = [v for v in held if v.postponed is self and v.array is None]
        self.path.asked_for.update(v.place for v in values)
        for v in values:
            v.postponed = None
        return values


class _Here(threading.local):
    def __init__(self) -> None:
        self.recorder = Recorder()


_here = _Here()


def recorder() -> Recorder:
    """The recorder of this thread."""
    return _here.recorder
