"""A traced function as steps over NumPy arrays, one for each primitive: nothing compiles, so what runs once is done at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal

from caviar.recording.primitives import ELEMENTWISE, MADE
from caviar.recording.widths import narrowed

_FOLDED = 4096  # elements of a result without inputs that is kept rather than computed each time
_INSIDE = ("jaxpr", "call_jaxpr", "fun_jaxpr")  # where a primitive that only calls has what it calls
_CALLS = {"jit", "pjit", "closed_call", "core_call", "checkpoint", "remat", "custom_jvp_call", "custom_vjp_call"}
_GROWING = {"add", "sub", "mul", "integer_pow", "pow", "reduce_sum", "reduce_prod", "cumsum", "cumprod", "dot_general"}
_MOVING = {
    "reshape",
    "broadcast_in_dim",
    "transpose",
    "squeeze",
    "expand_dims",
    "slice",
    "dynamic_slice",
    "convert_element_type",
}


class Steps:
    """What a jaxpr computes, over NumPy arrays.

    >>> import jax
    >>> import numpy as np
    >>> from caviar.recording.steps import Steps
    >>> Steps(jax.make_jaxpr(lambda x: 2 * x + 1)(jax.ShapeDtypeStruct((2,), "int32")))(np.arange(2))
    [array([1, 3], dtype=int32)]
    """

    def __init__(self, closed: ClosedJaxpr, wanted: Sequence[bool] | None = None):
        self.values: list[Any] = [None] * len(closed.jaxpr.invars)
        self.todo: list[tuple[Any, list[int], Any]] = []
        self.work = 0  # about how many elements are computed
        self.slow = 0  # primitives that XLA computes
        self.known: set[int] = set()
        self.whole = any(_aval(v).dtype == np.int32 for v in closed.jaxpr.outvars)
        places = dict(zip(closed.jaxpr.invars, range(len(self.values)), strict=True))
        found = self._read(closed.jaxpr, closed.consts, places)
        self.results = [f for i, f in enumerate(found) if wanted is None or wanted[i]]
        self._drop_unused()

    def __call__(self, *arrays: Any) -> list[Any]:
        """The results for these inputs."""
        values = self.values.copy()
        values[: len(arrays)] = arrays
        for function, inputs, place in self.todo:
            values[place] = function(*[values[i] for i in inputs])
        return [values[i] for i in self.results]

    def _add(self, value: Any) -> int:
        self.values.append(value)
        return len(self.values) - 1

    def _constant(self, value: Any) -> int:
        self.known.add(len(self.values))
        return self._add(value if jax.dtypes.issubdtype(value.dtype, jax.dtypes.extended) else np.asarray(value))

    def _read(self, jaxpr: Jaxpr, constants: Sequence[Any], places: dict[Any, int]) -> list[int]:
        """Append the steps of a jaxpr whose inputs are at these places; returns the places of its outputs."""
        places = places | {v: self._constant(c) for v, c in zip(jaxpr.constvars, constants, strict=True)}

        def place(v: Any) -> int:
            return places[v] if not isinstance(v, Literal) else self._constant(np.asarray(v.val, _aval(v).dtype))

        for eqn in jaxpr.eqns:
            inputs = [place(v) for v in eqn.invars]
            if eqn.primitive.name in _CALLS:
                inner = next(eqn.params[name] for name in _INSIDE if name in eqn.params)
                body, given = (inner.jaxpr, inner.consts) if isinstance(inner, ClosedJaxpr) else (inner, ())
                outputs: Sequence[int] = self._read(body, given, dict(zip(body.invars, inputs, strict=True)))
            else:
                outputs = self._step(eqn, inputs)
            places.update(zip(eqn.outvars, outputs, strict=True))
        return [place(v) for v in jaxpr.outvars]

    def _step(self, eqn: Any, inputs: list[int]) -> Sequence[int]:
        function, elements = self._function(eqn), sum(v.aval.size for v in eqn.outvars)
        if elements <= _FOLDED and self.known.issuperset(inputs):
            made = function(*[self.values[i] for i in inputs])
            return [self._constant(m) for m in (made if eqn.primitive.multiple_results else [made])]
        first = len(self.values)
        self.values += [None] * len(eqn.outvars)
        outputs = range(first, len(self.values))
        place = slice(first, len(self.values)) if eqn.primitive.multiple_results else first
        self.todo.append((function, inputs, place))
        if eqn.primitive.name == "dot_general":
            (left, _), _ = eqn.params["dimension_numbers"]
            elements = elements * int(np.prod([eqn.invars[0].aval.shape[i] for i in left])) // 8
        if eqn.primitive.name not in _MOVING:
            self.work += elements
        return outputs

    def _function(self, eqn: Any) -> Callable[..., Any]:
        name, params = eqn.primitive.name, eqn.params
        if all(_is_plain(v.aval.dtype) for v in (*eqn.invars, *eqn.outvars)):
            if name in _LOOPS:
                function, inside = _LOOPS[name](eqn)
                self.work += sum(steps.work for steps in inside) * params.get("length", 1)
                self.slow += sum(steps.slow for steps in inside)
                return function
            found = ELEMENTWISE.get(name) or (MADE[name](**params) if name in MADE else None)
            if found is not None:
                return (
                    _widely(found)
                    if self.whole and name in _GROWING and eqn.outvars[0].aval.dtype == np.int32
                    else found
                )
        self.slow += 1
        return _by_xla(eqn)

    def _drop_unused(self) -> None:
        """Leave out the steps whose results nobody needs."""
        needed, kept = set(self.results), list[Any]()
        for step in reversed(self.todo):
            place = step[2]
            made = range(place.start, place.stop) if isinstance(place, slice) else (place,)
            if not needed.isdisjoint(made):
                kept.append(step)
                needed.update(step[1])
        self.todo = kept[::-1]


def _widely(function: Callable[..., Any]) -> Callable[..., Any]:
    """Arithmetic of whole numbers that raises when a result does not fit."""
    return lambda *arrays: narrowed(function(*[a.astype(np.int64) for a in arrays]))


def _aval(v: Any) -> Any:
    return v.aval


def _is_plain(dtype: Any) -> bool:
    """Whether NumPy computes with a type as XLA does: random keys and floats of 16 bits it does not."""
    return isinstance(dtype, np.dtype) and dtype.kind in "biuf" and not (dtype.kind == "f" and dtype.itemsize < 4)


def _by_xla(eqn: Any) -> Callable[..., Any]:
    primitive, params, several = eqn.primitive, eqn.params, eqn.primitive.multiple_results
    keys = [not isinstance(v.aval.dtype, np.dtype) for v in eqn.outvars]

    def run(*arrays: Any) -> Any:
        made = primitive.bind(*[jax.numpy.asarray(a) for a in arrays], **params)
        found = [m if key else np.asarray(m) for m, key in zip(made if several else [made], keys, strict=True)]
        return found if several else found[0]

    return run


# -- loops and choices ------------------------------------------------------------------------------------------------


def _scan(eqn: Any) -> tuple[Any, list[Steps]]:
    p = eqn.params
    body, length, constants, carries = Steps(p["jaxpr"]), p["length"], p["num_consts"], p["num_carry"]
    empty = [np.empty(v.aval.shape, v.aval.dtype) for v in eqn.outvars[carries:]] if not length else None
    order = range(length)[::-1] if p["reverse"] else range(length)

    def run(*inputs: Any) -> list[Any]:
        fixed, rows = inputs[:constants], inputs[constants + carries :]
        carry, found = list(inputs[constants : constants + carries]), list[Any]()
        for i in order:
            made = body(*fixed, *carry, *[x[i] for x in rows])
            carry = made[:carries]
            found.append(made[carries:])
        if p["reverse"]:
            found.reverse()
        return [*carry, *([np.stack(column) for column in zip(*found, strict=True)] if empty is None else empty)]

    return run, [body]


def _while(eqn: Any) -> tuple[Any, list[Steps]]:
    p = eqn.params
    test, body, ours, theirs = Steps(p["cond_jaxpr"]), Steps(p["body_jaxpr"]), p["cond_nconsts"], p["body_nconsts"]

    def run(*inputs: Any) -> list[Any]:
        asked, fixed, carry = inputs[:ours], inputs[ours : ours + theirs], list(inputs[ours + theirs :])
        while test(*asked, *carry)[0]:
            carry = body(*fixed, *carry)
        return carry

    return run, [test, body]


def _cond(eqn: Any) -> tuple[Any, list[Steps]]:
    branches = [Steps(branch) for branch in eqn.params["branches"]]
    return lambda at, *inputs: branches[min(max(int(at), 0), len(branches) - 1)](*inputs), branches


_LOOPS = {"scan": _scan, "while": _while, "cond": _cond}
