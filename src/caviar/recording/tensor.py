"""What a user holds in his hands: an object that stands for a value, whatever value that is by now."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any

from caviar.graph.evaluation import current
from caviar.recording.encoding import LEAF, NO_GRADIENT, RESULT
from caviar.recording.recorder import recorder
from caviar.recording.values import Value, gradient, spent

_LONGEST = 1000  # calls, after which a recording runs by itself


class LazyTensor:
    """What a tensor of a dialect is: it holds a value, and knows how that takes part in gradients.

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
        """One that holds the value."""
        self = object.__new__(cls)
        self._held, self._needs, self._root, self._grad = value, needs, None, None
        return self

    @classmethod
    def alias(cls, root: LazyTensor) -> Any:
        """One that always holds what another holds, outside of gradients."""
        self = cls.holding(None)  # type: ignore[arg-type]
        self._root, self._view = root, None
        return self

    def become_view(self, root: LazyTensor, take: Any, put: Any) -> None:
        """Be a view from now on: what `take` gives of the root, and what `put` writes back into it."""
        self._root, self._seen, self._view = root, root.held(), (take, put)

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
            self._held, self._seen, self._needs = _through(function, static, (now, *inputs)), now, NO_GRADIENT
        return self._held

    def hold(self, value: Value) -> None:
        """Take another value; a view writes it into its root."""
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
        """Take an array that nobody else has as its value, and be nobody's view."""
        self._root, self._held = None, Value(array)
        return self._held

    def array(self) -> Any:
        """The value itself, computed now if it was not yet."""
        value = self.held()
        return value.array if value.array is not None else recorder().need(value)


def _through(function: Any, static: Any, inputs: Sequence[Any]) -> Value:
    return recorder().write(function, static, inputs, (NO_GRADIENT,) * len(inputs))[0]


def record(kind: type[LazyTensor], function: Any, args: Sequence[Any], static: Any = ()) -> Any:
    """Write down a call on tensors and numbers; the results are tensors of this kind, one or a tuple."""
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
    results, promised = [], here.promised
    for value in here.write(function, static, inputs, needs):
        tensor = kind.holding(value, differentiable if value.spec.differentiable else NO_GRADIENT)
        promised.append(weakref.ref(tensor))  # as `promise` does
        results.append(tensor)
    return results[0] if len(results) == 1 else tuple(results)


def _compute(kind: type[LazyTensor], function: Any, args: Sequence[Any], static: Any) -> Any:
    """Inside an evaluation nothing is written down: the arrays are at hand."""
    made = function(*(a.array() if isinstance(a, LazyTensor) else a for a in args), **dict(static))
    if isinstance(made, (tuple, list)):
        return tuple(kind.holding(Value(m)) for m in made)
    return kind.holding(Value(made))


def _as_leaf(tensor: LazyTensor, value: Value) -> Value:
    """The value of a leaf that needs gradients: computed, and its own."""
    recorder().need(value)
    if value.owner is not None and value.owner() not in (None, tensor):  # another leaf began with the same value
        value = tensor.hold_alone(value.array)
    value.owner = weakref.ref(tensor)
    return value


def gradients(
    target: LazyTensor, seed: Value | None, sources: list[Any] | None, keep: bool
) -> tuple[list[Any], list[Value]]:
    """The gradients of a tensor with respect to the sources, or to all leaves that it was made from: those, and theirs.

    Without `keep`, the calls on the way are given up: they serve no second gradient.
    """
    here, value = recorder(), target.held()
    if value.call is None:
        raise spent()
    value = value.twin()  # what is needed below may compute the target, after which it forgets its calls
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
    """A gradient of an earlier recording that is still uncomputed: added to for ever, it would pile up."""
    serial = recorder().serial
    for leaf in leaves:
        tensor = leaf.owner()
        if tensor is not None and tensor._grad is not None:
            held: Value = tensor._grad._held
            if held.array is None and held.recording != serial:
                return held
    return None
