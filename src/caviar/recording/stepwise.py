"""A recording computed call by call, in NumPy: what is new costs no compiling, and becomes one program when it repeats."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import jax
import numpy as np

from caviar.recording.encoding import LEAF
from caviar.recording.instructions import Argument, Instruction, between, instructions_of, needed
from caviar.recording.kernels import on_host
from caviar.recording.tree import Path
from caviar.recording.values import gradient

_TIMES = 20  # a recording of little work is computed so often before it is compiled
_KEPT = 20_000  # calls in all branches of the tree that led to no program yet
_WORK = 2_000_000  # elements computed call by call before compiling is cheaper


class Stepwise:
    """The calls of a recording, one after the other, as long as that is cheaper than compiling them."""

    def __init__(self, path: Path, places: tuple[int, ...]):
        self.places, self.size = places, path.number + 1
        self.instructions = needed(instructions_of(path), places)
        self.ways = {
            o.base: between(self.instructions[:at], o)
            for at, o in enumerate(self.instructions)
            if o.function is gradient
        }
        self.left = self._times()

    def _times(self) -> int:
        """How often to compute in this way: never what XLA must compile anyway, nor what is much work."""
        kernels = [o.kernel.steps for o in self.instructions if o.function is not gradient]
        if any(steps.slow for steps in kernels) or not on_host():
            return 0
        work = sum(steps.work for steps in kernels) * (3 if self.ways else 1)
        return min(_TIMES, 1 + _WORK // max(work, 1))

    def __call__(self, leaves: list[Any], floats: list[float], ints: list[int]) -> list[Any]:
        """The values at the places."""
        self.left -= 1
        known = {-i - 1: leaf for i, leaf in enumerate(leaves)}
        pass_ = _Pass(known, {float: floats, int: ints, np.int32: ints})
        with np.errstate(all="ignore"):
            for o in self.instructions:
                if o.function is gradient:
                    pass_.differentiate(o, self.ways[o.base])
                else:
                    known.update(zip(o.places, o.kernel(pass_.inputs(o)), strict=True))
        return [jax.tree.map(np.asarray, known[place]) for place in self.places]


class _Pass:
    """One pass through the instructions."""

    def __init__(self, known: dict[int, Any], numbers: dict[Any, Any]):
        self.known, self.numbers = known, numbers

    def inputs(self, instruction: Instruction) -> list[Any]:
        """The values of an instruction's arguments."""
        return [self.read(a) for a in instruction.arguments]

    def read(self, argument: Argument) -> Any:
        """The value of an argument."""
        if argument.kind == "place":
            return self.known[argument.at]
        return argument.at if argument.kind == "constant" else self.numbers[argument.kind][argument.at]

    def differentiate(self, instruction: Instruction, inside: list[Instruction]) -> None:
        """The gradients of the target by the sources: back through the calls between them, last to first."""
        target, seed, *sources = instruction.arguments
        value = np.asarray(self.known[target.at])
        start = np.ones_like(value) if seed.kind == "constant" else np.asarray(self.read(seed), value.dtype)
        traced, made = {s.at for s in sources}, {place for o in inside for place in o.places}
        flowing: dict[int, Any] = {target.at: start}

        def flows(a: Argument) -> bool:
            return a.kind == "place" and ((a.need == LEAF and a.at in traced) or bool(a.need and a.at in made))

        for o in reversed(inside):
            of = tuple(i for i, place in enumerate(o.places) if place in flowing)
            wrt = tuple(i for i, a in enumerate(o.arguments) if flows(a))
            if of and wrt:
                found = o.kernel.back(self.inputs(o), wrt, of, [flowing[o.base + i] for i in of])
                for i, part in zip(wrt, found, strict=True):
                    at = o.arguments[i].at
                    flowing[at] = flowing[at] + part if at in flowing else part
        for place, source in zip(instruction.places, sources, strict=True):
            found = flowing.get(source.at)
            self.known[place] = np.zeros_like(self.known[source.at]) if found is None else found


_kept: OrderedDict[Any, Stepwise] = OrderedDict()


def stepwise(path: Path, places: tuple[int, ...]) -> Stepwise | None:
    """How to compute the values at these places call by call, or None where one program is cheaper."""
    key = path, places
    found = _kept.get(key)
    if found is None and places not in path.compiles:
        found = _kept[key] = Stepwise(path, places)
        while len(_kept) > 1 and sum(old.size for old in _kept.values()) > _KEPT:
            (oldest, _), _ = _kept.popitem(last=False)
            oldest.prune()
    if found is None or found.left:
        return found
    _kept.pop(key, None)
    path.compiles.add(places)
    return None
