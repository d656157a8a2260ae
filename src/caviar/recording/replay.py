"""The program of a recording: its calls in order as one function, with gradients where they were asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from caviar.graph.programs import cached
from caviar.recording.encoding import LEAF
from caviar.recording.instructions import Argument, Instruction, between, instructions_of, needed
from caviar.recording.tree import Path
from caviar.recording.values import gradient


def compiled(path: Path, places: tuple[int, ...], donated: tuple[int, ...]) -> Callable[..., Any]:
    """The program of a recording that gives the values at these places; it may overwrite the arrays of donated leaves."""
    wanted = places, donated
    found = path.programs.get(wanted)
    if found is None:
        found = path.programs[wanted] = cached(
            ("recorded", path, places, donated),
            lambda: program(path, places, donated),
            donate=0,
            forget=lambda: path.forget(wanted),
        )
    return found


def program(path: Path, places: tuple[int, ...], donated: tuple[int, ...]) -> Callable[..., Any]:
    """The function from leaves and numbers to the values at these places; the donated leaves are given apart, first."""
    instructions = needed(instructions_of(path), places)

    def run(own: Any, rest: list[Any], floats: jax.Array, ints: jax.Array) -> list[Any]:
        others, apart = iter(rest), dict(zip(donated, own, strict=True))
        leaves = [apart[i] if i in apart else next(others) for i in range(len(rest) + len(own))]
        replay = Replay(leaves, floats, ints)
        replay.go(instructions)
        return [jax.tree.map(_strong, replay.known[place]) for place in places]

    return run


def _strong(value: Any) -> jax.Array:
    """The value with a strong type, so that a program is not compiled again for its own results."""
    return jax.lax.convert_element_type(value, jnp.asarray(value).dtype)


class Replay:
    """One pass through the instructions, on traced arrays."""

    def __init__(self, leaves: list[Any], floats: jax.Array, ints: jax.Array):
        self.known: dict[int, Any] = {-i - 1: leaf for i, leaf in enumerate(leaves)}
        self.numbers = {float: floats, int: ints, np.int32: ints}

    def go(self, instructions: list[Instruction]) -> None:
        """Compute in order, except that what a gradient flows through is computed once, together with that gradient."""
        gradients = {
            o.base: between(instructions[:at], o) for at, o in enumerate(instructions) if o.function is gradient
        }
        inside = {o.base for way in gradients.values() for o in way}
        waiting: list[Instruction] = []  # instructions that need a value which is computed together with a gradient
        for instruction in instructions:
            if instruction.base in gradients:
                self.differentiate(instruction, gradients[instruction.base])
                waiting = [o for o in waiting if not self.compute(o)]
            elif instruction.base not in inside and not self.compute(instruction):
                waiting.append(instruction)

    def compute(self, instruction: Instruction) -> bool:
        """Compute an instruction, if its arguments are known."""
        if not all(place in self.known for place in instruction.reads):
            return False
        self.known.update(_results(instruction, [self.read(a) for a in instruction.arguments]))
        return True

    def read(self, argument: Argument) -> Any:
        """The value of an argument."""
        match argument.kind:
            case "place":
                return self.known[argument.at]
            case "constant":
                return argument.at
        return self.numbers[argument.kind][argument.at]

    def differentiate(self, instruction: Instruction, inside: list[Instruction]) -> None:
        """The gradients, and the values of everything on the way to the target."""
        target, seed, *sources = instruction.arguments
        specs = {place: spec for o in inside for place, spec in zip(o.places, o.specs, strict=True)}

        def run(given: list[Any]) -> tuple[Any, dict[int, Any]]:
            traced, local = dict(zip((s.at for s in sources), given, strict=True)), dict[int, Any]()

            def flowing(argument: Argument) -> Any:
                if argument.need == LEAF and argument.at in traced:
                    return traced[argument.at]
                if argument.kind == "place" and argument.at in local:
                    value = local[argument.at]
                    return value if argument.need else jax.lax.stop_gradient(value)
                return self.read(argument)

            for o in inside:
                for place, value in _results(o, [flowing(a) for a in o.arguments]).items():
                    local[place] = value + traced[place] if place in traced else value
            return local[target.at], local

        # A source that is a result is computed inside, so nothing can be put in its place: a zero is added to it, and the
        # gradient by that zero is its gradient.
        starts = [self.known[s.at] if s.at < 0 else jnp.zeros(specs[s.at].shape, specs[s.at].dtype) for s in sources]
        value, back, local = jax.vjp(run, starts, has_aux=True)
        start = jnp.ones_like(value) if seed.kind == "constant" else jnp.asarray(self.read(seed), value.dtype)
        self.known.update({place: v for place, v in local.items() if place not in self.known})
        self.known.update(zip(instruction.places, back(start)[0], strict=True))


def _results(instruction: Instruction, inputs: list[Any]) -> dict[int, Any]:
    """An instruction's results, by place."""
    kinds = [a.kind for a in instruction.arguments]
    made = instruction.function(*_in_type(kinds, inputs), **instruction.static)
    return dict(zip(instruction.places, made if isinstance(made, (tuple, list)) else [made], strict=True))


def _in_type(kinds: list[Any], inputs: list[Any]) -> list[Any]:
    """The inputs, with numbers converted to the type of the arrays beside them, as Python's numbers are."""
    arrays = [a for kind, value in zip(kinds, inputs, strict=True) if kind == "place" for a in jax.tree.leaves(value)]
    floats = [a.dtype for a in arrays if jnp.issubdtype(a.dtype, jnp.inexact)]
    whole = [a.dtype for a in arrays if jnp.issubdtype(a.dtype, jnp.integer)]
    types = {float: [*floats, jnp.asarray(0.0).dtype][0], int: [*floats, *whole, jnp.asarray(0).dtype][0]}
    return [value.astype(types[k]) if k in types else value for k, value in zip(kinds, inputs, strict=True)]
