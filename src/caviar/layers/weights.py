"""Drawing initial weights: all those of a network at once, by one compiled program."""

from __future__ import annotations

import contextlib
import functools
import gc
import math
import os
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from caviar import config
from caviar.errors import FileError, ShapeError
from caviar.graph.evaluation import as_arrays
from caviar.graph.programs import cached
from caviar.graph.variable import Variable
from caviar.layers.argument_types import InitializerLike
from caviar.live import Within, masked
from caviar.parts import Numbers, put_together, take_apart


class _Planned(threading.local):
    """The weights declared since the outermost `build` under way began."""

    def __init__(self) -> None:
        self.variables: list[Variable] = []
        self.bytes = 0  # of all of them together
        self.depth = 0
        self.key: jax.Array | None = None
        self.most: int | None = None


_planned = _Planned()


class _Drawn:
    """The weights that have values, as long as they live."""

    def __init__(self) -> None:
        self.bytes = 0

    def hold(self, variable: Variable) -> None:
        """Count a weight until it is gone."""
        size = _size(variable.shape, variable.dtype)
        self.bytes += size
        weakref.finalize(variable, self.release, size).atexit = False

    def release(self, size: int) -> None:
        """Count one less, of so many bytes."""
        self.bytes -= size


_drawn_so_far = _Drawn()


def _size(shape: tuple[int, ...], dtype: Any) -> int:
    return math.prod(shape) * jnp.dtype(dtype).itemsize


def plan(shape: tuple[int, ...], dtype: str, initializer: InitializerLike, trainable: bool, name: str) -> Variable:
    """Declare a weight whose value is drawn when the outermost build ends."""
    size = _size(shape, dtype)
    if size + _planned.bytes + _drawn_so_far.bytes > memory():
        gc.collect()  # models that nobody holds any more may be in cycles
    require_memory(f"weight {name!r}", shape, dtype, _planned.bytes + _drawn_so_far.bytes)
    _planned.bytes += size
    variable = Variable.planned(shape, dtype, initializer, trainable, name)
    _planned.variables.append(variable)
    if _planned.depth == 0:
        _draw_planned()
    return variable


def require_memory(what: str, shape: tuple[int, ...], dtype: Any, before: int = 0) -> None:
    """Raise where the machine cannot hold an array, with so many bytes before it."""
    size = _size(shape, dtype)
    if size + before > memory():
        others = f", and {_spoken(size + before)} with the weights before it" if before else ""
        raise ShapeError(
            f"{what} of shape {shape} would take {_spoken(size)}{others}, and this machine has {_spoken(memory())}: "
            "make the layer or its input smaller"
        )


def _spoken(size: int) -> str:
    unit = max(i for i in range(6) if i == 0 or size >= 1024**i)
    return f"{size / 1024**unit:.4g} {('bytes', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB')[unit]}"


@functools.cache
def memory() -> int:
    """The bytes of the device, or of the machine.

    >>> from caviar.layers.weights import memory
    >>> memory() > 2**20
    True
    """
    statistics = jax.local_devices()[0].memory_stats()
    if statistics and "bytes_limit" in statistics:
        return int(statistics["bytes_limit"])
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 8 * 2**30


def give_name(layer: Any, variable: Variable, name: str) -> None:
    """Name a weight after the attribute it is assigned to, and drop its other name: state assigned to one would miss the other."""
    known = next((k for k, v in vars(layer).items() if v is variable), name)
    if known == name:
        return
    held = {(name if k == known else k): v for k, v in vars(layer).items() if k != name}
    vars(layer).clear()
    vars(layer).update(held)
    for held_by_name in (layer._penalties, layer._constraints):
        if known in held_by_name:
            held_by_name[name] = held_by_name.pop(known)


@contextlib.contextmanager
def drawing(key: jax.Array | None = None) -> Iterator[None]:
    """Draw all weights declared inside the outermost of such blocks together, when it ends, from this key if one is given."""
    _planned.depth += 1
    count = len(_planned.variables)
    if key is not None:
        _planned.key = key
    try:
        yield
    except BaseException:
        del _planned.variables[count:]  # a layer that could not be built leaves no weights behind
        raise
    finally:
        _planned.depth -= 1
        if _planned.depth == 0:
            _draw_planned()


@contextlib.contextmanager
def at_most(count: int) -> Iterator[None]:
    """Raise if the block draws more than so many numbers, for a model whose weights a file says to be as many."""
    _planned.most = count
    try:
        yield
    finally:
        _planned.most = None


def _draw_planned() -> None:
    variables, _planned.variables, _planned.bytes = _planned.variables, [], 0
    key, _planned.key = _planned.key, None
    if not variables:
        return
    if _planned.most is not None:
        _planned.most -= sum(math.prod(v.shape) for v in variables)
        if _planned.most < 0:
            raise FileError("the model it describes has more weights than the file")
    with jax.core.eval_context():  # a layer first used inside the user's own jit still gets real weights
        for variable, value in zip(
            variables, initial_values(variables)(config.next_key() if key is None else key), strict=True
        ):
            variable.assign(value).is_drawn = True
            _drawn_so_far.hold(variable)


@contextlib.contextmanager
def undrawn() -> Iterator[None]:
    """Forget the weights declared inside the block: only their shapes were wanted."""
    _planned.depth += 1
    count, size = len(_planned.variables), _planned.bytes
    try:
        yield
    finally:
        _planned.depth -= 1
        del _planned.variables[count:]
        _planned.bytes = size


def initial_values(variables: list[Variable]) -> Callable[[jax.Array], list[Any]]:
    """The function from a random key to initial values of the variables; those drawn alike are compiled once."""
    draw, alike = Draw(variables), _alike(variables)
    count = len(variables)  # the program outlives them

    def stacked(key: jax.Array, numbers: Numbers) -> list[jax.Array]:
        keys, draws = jax.random.split(key, count), draw.each(numbers)
        several = ((draws[places[0]], keys[np.array(places)]) for places in alike)
        return [jax.lax.map(one, own) if len(own) > 1 else one(own[0])[None] for one, own in several]

    def values(key: jax.Array) -> list[Any]:
        found = cached(("init", draw.key, alike), lambda: stacked, runs_once=True)(key, as_arrays(draw.numbers))
        by_place: dict[int, Any] = {}
        for places, own in zip(alike, found, strict=True):
            by_place.update(zip(places, np.asarray(own), strict=True))
        return [by_place[place] for place in range(count)]

    return values


def _alike(variables: list[Variable]) -> tuple[tuple[int, ...], ...]:
    """The places of the variables, those of one shape and one initializer together; a user's own may count its calls."""
    groups: dict[Any, list[int]] = {}
    for place, variable in enumerate(variables):
        apart = take_apart(variable.initializer)
        ours = type(variable.initializer).__module__.startswith("caviar.initializers.")
        plain = ours and all(isinstance(number, float) for number in apart.numbers)
        key = (apart.structure, tuple(apart.numbers), variable.shape, variable.dtype) if plain else place
        groups.setdefault(key, []).append(place)
    return tuple(map(tuple, groups.values()))


class Draw:
    """The pure function from a random key, and the initializers' numbers, to initial values; a population maps it."""

    def __init__(self, variables: list[Variable], live: list[Any] | None = None):
        self.specs = tuple((v.shape, v.dtype) for v in variables)
        apart = take_apart([[v.initializer, None if live is None else live[i]] for i, v in enumerate(variables)])
        self.structure, self.numbers = apart.structure, apart.numbers
        self.key = (apart.structure, self.specs)

    def __call__(self, key: jax.Array, numbers: Numbers) -> list[jax.Array]:
        """The values, each from a key of its own."""
        keys = jax.random.split(key, len(self.specs))
        return [draw(own) for draw, own in zip(self.each(numbers), keys, strict=True)]

    def each(self, numbers: Numbers) -> list[Callable[[jax.Array], jax.Array]]:
        """For each variable the function from a key to its value."""
        initializers = put_together(self.structure, numbers, [])
        pairs = zip(initializers, self.specs, strict=True)
        return [functools.partial(_drawn, f, live, shape, dtype) for (f, live), (shape, dtype) in pairs]


def _drawn(initializer: Any, live: Any, shape: tuple[int, ...], dtype: str, key: jax.Array) -> jax.Array:
    """The first value of one weight. A member's in a frame is drawn in its own shape, with zeros around it."""
    if live is None:
        return jnp.asarray(initializer(key, shape, jnp.dtype(dtype)), dtype)
    return masked(jnp.asarray(initializer(key, Within.of(shape, live), jnp.dtype(dtype)), dtype), live)
