"""One call by itself: the specs of its results, and how NumPy computes it and its gradients. Each kind of call is traced once."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from caviar import config, engine
from caviar.arguments import check
from caviar.errors import CaviarError, ShapeError
from caviar.recording.steps import Steps
from caviar.recording.values import Spec

_KEPT = 4096  # kinds of calls
_LITTLE = 1 << 16  # elements, or about the work of computing them

Codes = tuple[Any, ...]
"""Of each input: its spec, the type of a number, or `("constant", value, type)`."""


class Kernel:
    """A kind of call: a function, its static arguments, and what is known of its inputs."""

    __slots__ = ("_backs", "_function", "_small", "_steps", "_takes", "_traced", "codes", "plain", "specs", "static")

    def __init__(self, function: Any, static: Any, codes: Codes):
        self._function, self.static, self.codes = function, dict(static), codes
        self.plain = all(not isinstance(c, Spec) or c.is_array for c in codes)
        self._traced, made = _traced(
            self._call, [_shapes(c, codes) for c in codes if type(c) is not tuple], self._named
        )
        self.specs = tuple(map(Spec.of, made)) if isinstance(made, (tuple, list)) else (Spec.of(made),)
        self.plain = self.plain and all(spec.is_array for spec in self.specs)
        self._takes = [_taker(code, codes) for code in codes]
        self._steps: Steps | None = None
        self._small: bool | None = None
        self._backs: dict[Any, Steps] = {}

    @property
    def steps(self) -> Steps:
        """The call in NumPy."""
        if self._steps is None:
            self._steps = Steps(self._traced)
        return self._steps

    @property
    def small(self) -> bool:
        """Whether NumPy computes it sooner than a program could be called."""
        if self._small is None:
            self._small = self.plain and on_host() and self.steps.work <= _LITTLE and not self.steps.slow
        return self._small

    def __call__(self, inputs: Sequence[Any]) -> list[Any]:
        """The results, for one input for each code."""
        made = self.steps(*self._arrays(inputs))
        return made if self.plain else self._as_specs(made)

    def back(
        self, inputs: Sequence[Any], wrt: tuple[int, ...], of: tuple[int, ...], flowing: Sequence[Any]
    ) -> list[Any]:
        """The gradients by some inputs, from those of some results."""
        return self.backward(wrt, of)(*self._arrays(inputs), *flowing)

    def backward(self, wrt: tuple[int, ...], of: tuple[int, ...]) -> Steps:
        """What `back` computes."""
        found = self._backs.get((wrt, of))
        if found is None:
            shapes = [_shapes(c, self.codes) for c in self.codes if type(c) is not tuple]
            flowing = [_shapes(self.specs[i], ()) for i in of]
            found = self._backs[wrt, of] = Steps(
                _traced(lambda *given: self._gradients(given, wrt, of), [*shapes, *flowing], self._named)[0]
            )
        return found

    def _gradients(self, given: Sequence[Any], wrt: tuple[int, ...], of: tuple[int, ...]) -> Any:
        inputs, flowing = self._complete(given[: len(given) - len(of)]), list(given[len(given) - len(of) :])

        def some(*chosen: Any) -> list[Any]:
            own = dict(zip(wrt, chosen, strict=True))
            made = self._function(*(own.get(i, v) for i, v in enumerate(inputs)), **self.static)
            made = made if isinstance(made, (tuple, list)) else [made]
            return [made[i] for i in of]

        return jax.vjp(some, *(inputs[i] for i in wrt))[1](flowing)

    def _call(self, *given: Any) -> Any:
        return self._function(*self._complete(given), **self.static)

    def _complete(self, given: Sequence[Any]) -> list[Any]:
        """The inputs, with the constants among them."""
        rest = iter(given)
        return [code[1] if type(code) is tuple else next(rest) for code in self.codes]

    def _arrays(self, inputs: Sequence[Any]) -> list[Any]:
        if self.plain:
            return [take(value) for take, value in zip(self._takes, inputs, strict=True) if take is not None]
        arrays = list[Any]()
        for code, take, value in zip(self.codes, self._takes, inputs, strict=True):
            if type(code) is Spec and not code.is_array:
                arrays += map(np.asarray, jax.tree.leaves(value))
            elif take is not None:
                arrays.append(take(value))
        return arrays

    def _as_specs(self, made: list[Any]) -> list[Any]:
        rest = iter(made)
        return [
            next(rest) if spec.is_array else jax.tree.unflatten(spec.shape, [next(rest) for _ in spec.dtype])
            for spec in self.specs
        ]

    @property
    def _named(self) -> str:
        return getattr(self._function, "__name__", str(self._function)).lstrip("_")


@functools.cache
def on_host() -> bool:
    """Whether JAX computes where NumPy does."""
    return jax.default_backend() == "cpu"


def _traced(function: Callable[..., Any], shapes: list[Any], name: str) -> Any:
    """The jaxpr, and the shapes of the results; inputs that do not fit raise here, at the line where the user wrote the call."""
    try:
        with engine.own_rules():
            return jax.make_jaxpr(function, return_shape=True)(*shapes)
    except (TypeError, ValueError, IndexError) as error:
        if isinstance(error, CaviarError):
            raise
        given = ", ".join(str(tuple(s.shape)) for s in jax.tree.leaves(shapes) if s.shape or len(shapes) == 1)
        raise ShapeError(f"{name} was given tensors of shapes {given}: {str(error).splitlines()[0]}") from error


def _shapes(code: Any, codes: Codes) -> Any:
    if type(code) is not Spec:
        return jax.ShapeDtypeStruct((), _number_type(code, codes))
    if code.is_array:
        return jax.ShapeDtypeStruct(code.shape, code.dtype)
    return jax.tree.unflatten(code.shape, [_shapes(spec, ()) for spec in code.dtype])


def _taker(code: Any, codes: Codes) -> Any:
    """What makes an input an array or a number for NumPy; None for a constant."""
    if type(code) is tuple:
        return None
    return np.asarray if type(code) is Spec else _number_type(code, codes).type


def _number_type(kind: Any, codes: Codes) -> np.dtype:
    """The type of a number: that of the arrays beside it, as for Python's numbers; NumPy's int32 keeps its own."""
    if kind is np.int32:
        return np.dtype(np.int32)
    types = [spec.dtype for code in codes if type(code) is Spec for spec in ([code] if code.is_array else code.dtype)]
    floats = [t for t in types if jnp.issubdtype(t, jnp.inexact)]
    whole = [t for t in types if jnp.issubdtype(t, jnp.integer)]
    if kind is float:
        return np.dtype([*floats, jax.dtypes.canonicalize_dtype(float)][0])
    return np.dtype([*floats, *whole, jax.dtypes.canonicalize_dtype(int)][0])


_kernels: dict[Any, Kernel] = {}


def kernel_of(function: Any, static: Any, codes: Codes, wide: bool = False) -> Kernel:
    """The kernel of a kind of call, made at its first time; a wide one computes in 64 bits."""
    wide = wide or jax.config.jax_enable_x64  # type: ignore[attr-defined]
    key = function, static, codes, config.dtype_policy(), wide
    found = _kernels.get(key)
    if found is None:
        check(function, dict(static))
        with jax.enable_x64(wide):
            found = Kernel(function, static, codes)
        if len(_kernels) >= _KEPT:
            for old in list(_kernels)[: _KEPT // 4]:
                _kernels.pop(old, None)
        _kernels[key] = found
    return found
