"""Tensors, as users hold them: objects that stand for a value, which in-place operations may replace."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any

from caviar.graph.context import current
from caviar.recording.at_once import at_once
from caviar.recording.encoding import LEAF, NO_GRADIENT, RESULT
from caviar.recording.recorder import recorder
from caviar.recording.values import Value, gradient, spent

_LONGEST = 1000  # a recording of so many calls runs by itself


class LazyTensor:
    """The base of a dialect's tensors: it holds a value, and knows how that takes part in gradients.

    One that shares its value with another (a detached one, a view) has that as its `_root`. A view also has `_view`: what
    takes it from the root and what puts it back, each a function, its static arguments, and further inputs.
    """

    __slots__ = ("__weakref__", "_grad", "_held", "_needs", "_root", "_seen", "_view")
    _held: Value
    _needs: int
    _root: LazyTensor | None
    _grad: Any
    _seen: Value  # the value of the root that `_held` of a view was taken from
    _view: Any

    @classmethod
    def holding(cls, value: Value, needs: int = NO_GRADIENT) -> Any:
        """A tensor that holds the value."""
        self = object.__new__(cls)
        self._held, self._needs, self._root, self._grad = value, needs, None, None
        return self

    @classmethod
    def alias(cls, root: LazyTensor) -> Any:
        """A tensor that always has the value of another, outside of gradients."""
        self = cls.holding(None)  # type: ignore[arg-type]
        self._root, self._view = root, None
        return self

    def become_view(self, root: LazyTensor, take: Any, put: Any) -> None:
        """Become a view: `take` computes its value from the root's, `put` the root's from its own."""
        self._root, self._seen, self._view = root, root.held(), (take, put)

    def held(self) -> Value:
        """The present value; a view's is taken again if the root's has changed."""
        root = self._root
        if root is None:
            return self._held
        now = root.held()
        if self._view is None:
            return now
        if now is not self._seen:
            function, static, inputs = self._view[0]
            taken = record(LazyTensor, function, (root, *inputs), static)
            self._held, self._seen, self._needs = taken._held, now, taken._needs
        return self._held

    def hold(self, value: Value) -> None:
        """Replace the value; a view writes it into its root."""
        root = self._root
        if root is None:
            self._held = value
            if value.array is None:
                recorder().promise(self)
        elif self._view is None:
            root.hold(value)
        else:
            function, static, inputs = self._view[1]
            root.hold(_through(function, static, (root.held(), value, *inputs)))
            self._held, self._seen = value, root.held()

    def hold_alone(self, array: Any) -> Value:
        """Replace the value by an array of its own, and be no view any more."""
        self._root, self._held = None, Value(array)
        return self._held

    def array(self) -> Any:
        """The value as an array, computed now if need be."""
        value = self.held()
        return value.array if value.array is not None else recorder().need(value)


def _through(function: Any, static: Any, inputs: Sequence[Any]) -> Value:
    here = recorder()
    made = at_once(function, static, inputs)
    return (made or here.write(function, static, inputs, (NO_GRADIENT,) * len(inputs)))[0]


def record(kind: type[LazyTensor], function: Any, args: Sequence[Any], static: Any = ()) -> Any:
    """Record a call on tensors and numbers; returns a tensor of this class, or a tuple of them."""
    if current() is not None:
        return _compute(kind, function, args, static)
    here = recorder()
    if len(here.calls) >= _LONGEST:
        here.run()
    inputs, needs, differentiable, gradients = [], [], NO_GRADIENT, here.gradients
    for arg in args:
        need = NO_GRADIENT
        if isinstance(arg, LazyTensor):
            value = arg._held if arg._root is None else arg.held()
            if gradients and arg._needs:
                need = arg._needs
                differentiable = RESULT
                if need == LEAF and (value.array is None or value.owner is None or value.owner() is not arg):
                    value = _as_leaf(arg, value)
            arg = value
        inputs.append(arg)
        needs.append(need)
    if not differentiable and (made := at_once(function, static, inputs)) is not None:
        found = [kind.holding(value) for value in made]
        return found[0] if len(found) == 1 else tuple(found)
    results, promised = [], here.promised
    for value in here.write(function, static, inputs, needs):
        tensor = kind.holding(value, differentiable if value.spec.differentiable else NO_GRADIENT)
        promised.append(weakref.ref(tensor))  # as `promise` does
        results.append(tensor)
    return results[0] if len(results) == 1 else tuple(results)


def _compute(kind: type[LazyTensor], function: Any, args: Sequence[Any], static: Any) -> Any:
    """Compute at once: inside an evaluation nothing is recorded."""
    made = function(*(a.array() if isinstance(a, LazyTensor) else a for a in args), **dict(static))
    if isinstance(made, (tuple, list)):
        return tuple(kind.holding(Value(m)) for m in made)
    return kind.holding(Value(made))


def _as_leaf(tensor: LazyTensor, value: Value) -> Value:
    """The value of a leaf that needs gradients: computed, and owned by this tensor alone."""
    recorder().need(value)
    if value.owner is not None and value.owner() not in (None, tensor):  # another leaf has the same value
        value = tensor.hold_alone(value.array)
    value.owner = weakref.ref(tensor)
    return value


def gradients(
    target: LazyTensor, seed: Value | None, sources: list[Any] | None, keep: bool
) -> tuple[list[Any], list[Value]]:
    """The gradients of a tensor with respect to the sources, or to all leaves that it was made from: those, and theirs.

    Without `keep` the calls between are released: no second gradient can flow through them.
    """
    here, value = recorder(), target.held()
    if value.call is None:
        raise spent()
    value = value.twin()  # computing the sources may compute the target, which then releases its calls
    calls, leaves = here.unfold(value)
    if sources is None and (pending := _pending_gradient(leaves)):
        here.need(pending)
        calls, leaves = here.unfold(value)
    if any(call.spent for call in calls):
        raise spent()
    if sources is None:
        pairs = [(tensor, leaf) for leaf in leaves if (tensor := leaf.owner()) is not None]
    else:
        pairs = [(tensor, tensor.held()) for tensor in sources]
    needs = [RESULT, NO_GRADIENT, *(t._needs for t, _ in pairs)]
    made = here.write(gradient, (), [value, seed, *(v for _, v in pairs)], needs) if pairs else []
    for call in () if keep else calls:
        call.spent = True
    return [tensor for tensor, _ in pairs], made


def _pending_gradient(leaves: list[Value]) -> Value | None:
    """A gradient of an earlier recording that is not computed yet, or None; adding to it for ever would pile up calls."""
    serial = recorder().serial
    for leaf in leaves:
        tensor = leaf.owner()
        if tensor is not None and tensor._grad is not None:
            held: Value = tensor._grad._held
            if held.array is None and held.recording != serial:
                return held
    return None
