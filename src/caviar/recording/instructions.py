"""A recording's path as instructions: what to call, with which arguments, and which of the calls are needed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from caviar.recording.encoding import LEAF, NO_GRADIENT, decode
from caviar.recording.tree import Path
from caviar.recording.values import gradient


class Argument(NamedTuple):
    """Where an instruction finds an input."""

    kind: Any  # "place", the type of a number, or "constant"
    at: Any  # the place, the position among all floats or all ints, or the constant itself
    need: int = NO_GRADIENT


class Instruction(NamedTuple):
    """A call, and the places of its results."""

    function: Any
    static: dict[str, Any]
    arguments: list[Argument]
    base: int
    specs: tuple[Any, ...]
    kernel: Any

    @property
    def places(self) -> range:
        """The places of its results."""
        return range(self.base, self.base + len(self.specs))

    @property
    def reads(self) -> list[int]:
        """The places of the results before it that it needs."""
        return [a.at for a in self.arguments if a.kind == "place" and a.at >= 0]


def instructions_of(path: Path) -> list[Instruction]:
    """The calls from the root of the tree to the end of a path."""
    calls = []
    while path.before is not None:
        calls.append(path)
        path = path.before
    counts = {float: 0, int: 0}
    return [
        Instruction(
            call.key[0], dict(call.key[1]), _arguments(call.key[2:], counts), call.base, call.specs, call.kernel
        )
        for call in reversed(calls)
    ]


def _arguments(codes: tuple[Any, ...], counts: dict[Any, int]) -> list[Argument]:
    """The arguments that codes of `encoding` stand for; `counts` are of the floats and ints so far."""
    arguments = []
    for code in codes:
        if type(code) is int:
            arguments.append(Argument("place", *decode(code)))
        elif code in (float, int, np.int32):
            family = float if code is float else int
            arguments.append(Argument(code, counts[family]))
            counts[family] += 1
        elif isinstance(code, tuple):
            arguments.append(Argument("constant", code[1]))
    return arguments


def needed(instructions: list[Instruction], places: Iterable[int]) -> list[Instruction]:
    """The instructions needed for the results at these places, in order."""
    wanted, found = set(places), []
    for instruction in reversed(instructions):
        if not wanted.isdisjoint(instruction.places):
            found.append(instruction)
            wanted.update(instruction.reads)
    return found[::-1]


def between(instructions: list[Instruction], differentiation: Instruction) -> list[Instruction]:
    """The instructions between the sources of a gradient and its target, which are computed while differentiating."""
    target, _, *sources = differentiation.arguments
    traced = {s.at for s in sources}
    inside, found = [], set[int]()
    for instruction in needed(instructions, [target.at]):
        begins = any(a.kind == "place" and a.need == LEAF and a.at in traced for a in instruction.arguments)
        begins = begins or not traced.isdisjoint(instruction.places)
        if instruction.function is not gradient and (begins or not found.isdisjoint(instruction.reads)):
            inside.append(instruction)
            found.update(instruction.places)
    return inside
