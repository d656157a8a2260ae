"""The structure of a recording, and what it compiles to: its operations in order, with gradients where they were asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from caviar import config, engine
from caviar.errors import CaviarError, ShapeError
from caviar.graph.programs import cached

NO_GRADIENT, LEAF, RESULT = range(3)  # how an argument takes part in gradients


class Spec:
    """Shape and type of an array; there is one object for each, so that comparing them is free."""

    __slots__ = ("differentiable", "dtype", "shape")
    known: ClassVar[dict[Any, Spec]] = {}
    shape: Any
    dtype: Any
    differentiable: bool

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
            spec.differentiable = hasattr(value, "dtype") and bool(jnp.issubdtype(spec.dtype, jnp.inexact))
        return spec


class Node:
    """The structure of a recording up to an operation; it remembers what was found out about it."""

    __slots__ = ("base", "cones", "key", "later", "next", "number", "parent", "programs", "size", "specs")

    def __init__(self, parent: Node | None, key: Any, specs: tuple[Spec, ...]):
        self.parent, self.key, self.specs = parent, key, specs
        self.number: int = parent.number + 1 if parent else -1
        self.base: int = parent.size if parent else 0
        self.size: int = self.base + len(specs)
        self.next: dict[Any, Node] = {}
        self.cones: dict[int, Any] = {}
        self.programs: dict[Any, Any] = {}
        self.later: set[int] = set()  # places that were left out when the others were computed, and wanted after all

    def program(self, places: tuple[int, ...], spent: tuple[int, ...]) -> Callable[..., Any]:
        """The compiled program that gives the values at these places."""
        found = self.programs.get((places, spent))
        if found is None:
            key = "recorded", self, places, spent
            found = cached(
                key, lambda: program(self, places, spent), donate=0, forget=lambda: self.forget(places, spent)
            )
            self.programs[places, spent] = found
        return found

    def forget(self, places: tuple[int, ...], spent: tuple[int, ...]) -> None:
        """Let a closed program go, and the branch of the tree that led to nothing else."""
        self.programs.pop((places, spent), None)
        node = self
        while node.parent is not None and not node.programs and not node.next:
            node.parent.next.pop(node.key, None)
            node = node.parent

    def cone(self, place: int) -> tuple[list[int], list[int]] | None:
        """The operations that a gradient of a place goes through, and the leaves that it reaches, by number.

        None where a part of them was recorded and computed before, and is not here.
        """
        if place not in self.cones:
            self.cones[place] = _cone(self, place)
        return self.cones[place]


_roots: dict[Any, Node] = {}


def root() -> Node:
    """Where recordings begin under the present policy."""
    policy = config.dtype_policy(), jax.config.jax_enable_x64  # type: ignore[attr-defined]
    return _roots.get(policy) or _roots.setdefault(policy, Node(None, None, ()))


def _cone(node: Node, place: int) -> tuple[list[int], list[int]] | None:
    wanted, numbers, leaves = {place}, [], dict[int, None]()
    while node.parent is not None:
        if not wanted.isdisjoint(range(node.base, node.size)):
            numbers.append(node.number)
            for at, need in (divmod(code, 3) for code in node.key[2:] if type(code) is int):
                if need == LEAF:
                    leaves[-at - 1] = None
                elif need == RESULT:
                    wanted.add(at)
        node = node.parent
    return None if min(wanted) < 0 else (numbers, sorted(leaves))


def infer(function: Any, static: Any, inputs: Sequence[Any]) -> tuple[Spec, ...]:
    """What the results of an operation on values and numbers will be; a misfit is told here, where it was called."""
    specs = [_abstract(v) for v in inputs if hasattr(v, "spec")]
    if function is gradient:
        return tuple(v.spec for v in inputs[2:])

    def call(given: Any) -> Any:
        arrays = iter(given)
        return function(*(next(arrays) if hasattr(v, "spec") else v for v in inputs), **dict(static))

    try:
        made = engine.shapes_of(call, specs)
    except (TypeError, ValueError, IndexError) as error:
        if isinstance(error, CaviarError):
            raise
        name = getattr(function, "__name__", str(function)).lstrip("_")
        given = ", ".join(str(tuple(s.shape)) for s in jax.tree.leaves(specs))
        raise ShapeError(f"{name} was given tensors of shapes {given}: {str(error).splitlines()[0]}") from error
    return tuple(map(Spec.of, made)) if isinstance(made, (tuple, list)) else (Spec.of(made),)


def _abstract(value: Any) -> Any:
    if value.array is None:
        return jax.ShapeDtypeStruct(value.spec.shape, value.spec.dtype)
    return jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype), value.array)


def gradient(target: Any, seed: Any, *sources: Any) -> Any:
    """Stands in a recording for the gradients of the target; `_Replay.differentiate` computes them."""
    raise NotImplementedError


class _Argument(NamedTuple):
    """Where an operation finds an argument: at a place (negative: a leaf), among the numbers, or here."""

    kind: Any
    at: Any
    need: int = NO_GRADIENT


class _Operation(NamedTuple):
    function: Any
    static: dict[str, Any]
    arguments: list[_Argument]
    base: int
    specs: tuple[Any, ...]

    @property
    def places(self) -> range:
        """Where its results stand."""
        return range(self.base, self.base + len(self.specs))

    @property
    def reads(self) -> list[int]:
        """The places of earlier results that it needs."""
        return [a.at for a in self.arguments if a.kind == "place" and a.at >= 0]


def _operations(node: Any) -> list[_Operation]:
    """The path from the root to a node, as it reads."""
    path = []
    while node.parent is not None:
        path.append(node)
        node = node.parent
    counts = {float: 0, int: 0}
    operations = []
    for step in reversed(path):
        function, static, *codes = step.key
        arguments = []
        for code in codes:
            if type(code) is int:
                arguments.append(_Argument("place", *divmod(code, 3)))
            elif code in (float, int, np.int32):
                family = float if code is float else int
                arguments.append(_Argument(code, counts[family]))
                counts[family] += 1
            elif isinstance(code, tuple):
                arguments.append(_Argument("constant", code[1]))
        operations.append(_Operation(function, dict(static), arguments, step.base, step.specs))
    return operations


def _needed(operations: list[_Operation], places: Iterable[int]) -> list[_Operation]:
    """Those that lead to the places, in order."""
    wanted, found = set(places), []
    for operation in reversed(operations):
        if not wanted.isdisjoint(operation.places):
            found.append(operation)
            wanted.update(operation.reads)
    return found[::-1]


def _inside(operations: list[_Operation], differentiated: _Operation) -> list[_Operation]:
    """What is computed while differentiating: all between the sources and the target."""
    target, _, *sources = differentiated.arguments
    traced = {s.at for s in sources}
    inside, found = [], set[int]()
    for operation in _needed(operations, [target.at]):
        begins = any(a.kind == "place" and a.need == LEAF and a.at in traced for a in operation.arguments)
        begins = begins or not traced.isdisjoint(operation.places)
        if operation.function is not gradient and (begins or not found.isdisjoint(operation.reads)):
            inside.append(operation)
            found.update(operation.places)
    return inside


def program(node: Any, places: tuple[int, ...], spent: tuple[int, ...]) -> Callable[..., Any]:
    """The function from leaves and numbers to the values at these places; leaves to be spent are given apart, first."""
    operations = _needed(_operations(node), places)

    def run(own: Any, leaves: list[Any], floats: jax.Array, ints: jax.Array) -> list[Any]:
        kept, apart = iter(leaves), dict(zip(spent, own, strict=True))
        leaves = [apart[i] if i in apart else next(kept) for i in range(len(leaves) + len(own))]
        replay = _Replay(leaves, floats, ints)
        replay.go(operations)
        return [jax.tree.map(_strong, replay.known[place]) for place in places]

    return run


def _strong(value: Any) -> jax.Array:
    """With a type that stays, so that a program is not compiled again for its own results."""
    return jax.lax.convert_element_type(value, jnp.asarray(value).dtype)


class _Replay:
    """One run through the operations, on traced arrays."""

    def __init__(self, leaves: list[Any], floats: jax.Array, ints: jax.Array):
        self.known: dict[int, Any] = {-i - 1: leaf for i, leaf in enumerate(leaves)}
        self.numbers = {float: floats, int: ints, np.int32: ints}

    def go(self, operations: list[_Operation]) -> None:
        """Run in order, except that what a gradient goes through is computed once, with that gradient."""
        before = {o.base: operations[:at] for at, o in enumerate(operations) if o.function is gradient}
        inside = {o.base: _inside(before[o.base], o) for o in operations if o.base in before}
        hoisted = {o.base for path in inside.values() for o in path}
        waiting: list[_Operation] = []
        for operation in operations:
            if operation.base in inside:
                self.differentiate(operation, inside[operation.base])
                waiting = [o for o in waiting if not self.compute(o)]
            elif operation.base not in hoisted and not self.compute(operation):
                waiting.append(operation)

    def compute(self, operation: _Operation) -> bool:
        """Compute an operation, if what it reads is known."""
        if not all(place in self.known for place in operation.reads):
            return False
        self.known.update(self.results(operation, [self.read(a) for a in operation.arguments]))
        return True

    def read(self, argument: _Argument) -> Any:
        """The value of an argument."""
        match argument.kind:
            case "place":
                return self.known[argument.at]
            case "constant":
                return argument.at
        return self.numbers[argument.kind][argument.at]

    def results(self, operation: _Operation, arguments: list[Any]) -> dict[int, Any]:
        """What an operation gives, by place."""
        kinds = [a.kind for a in operation.arguments]
        made = operation.function(*_weighed(kinds, arguments), **operation.static)
        return dict(zip(operation.places, made if isinstance(made, (tuple, list)) else [made], strict=True))

    def differentiate(self, operation: _Operation, inside: list[_Operation]) -> None:
        """The gradients, and the values of everything on the way to the target."""
        target, seed, *sources = operation.arguments
        specs = {place: spec for o in inside for place, spec in zip(o.places, o.specs, strict=True)}

        def run(given: list[Any]) -> tuple[Any, dict[int, Any]]:
            traced, local = dict(zip((s.at for s in sources), given, strict=True)), dict[int, Any]()

            def flowing(argument: _Argument) -> Any:
                if argument.need == LEAF and argument.at in traced:
                    return traced[argument.at]
                if argument.kind == "place" and argument.at in local:
                    value = local[argument.at]
                    return value if argument.need else jax.lax.stop_gradient(value)
                return self.read(argument)

            for o in inside:
                for place, value in self.results(o, [flowing(a) for a in o.arguments]).items():
                    local[place] = value + traced[place] if place in traced else value
            return local[target.at], local

        starts = [self.known[s.at] if s.at < 0 else jnp.zeros(specs[s.at].shape, specs[s.at].dtype) for s in sources]
        value, back, local = jax.vjp(run, starts, has_aux=True)
        start = jnp.ones_like(value) if seed.kind == "constant" else jnp.asarray(self.read(seed), value.dtype)
        self.known.update({place: v for place, v in local.items() if place not in self.known})
        self.known.update(zip(operation.places, back(start)[0], strict=True))


def _weighed(kinds: list[Any], arguments: list[Any]) -> list[Any]:
    """Numbers in the type of the arrays they meet, as Python's numbers would be."""
    arrays = [
        a for kind, value in zip(kinds, arguments, strict=True) if kind == "place" for a in jax.tree.leaves(value)
    ]
    floats = [a.dtype for a in arrays if jnp.issubdtype(a.dtype, jnp.inexact)]
    whole = [a.dtype for a in arrays if jnp.issubdtype(a.dtype, jnp.integer)]
    types = {float: [*floats, jnp.asarray(0.0).dtype][0], int: [*floats, *whole, jnp.asarray(0).dtype][0]}
    return [value.astype(types[k]) if k in types else value for k, value in zip(kinds, arguments, strict=True)]
