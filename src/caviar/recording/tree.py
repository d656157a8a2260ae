"""The tree of all recordings. Each call goes one branch further, so the structure of all that was written down is one `Path`.

Whoever writes the same down again finds the same path, by one look-up a call, with the shapes and programs that it remembers.
"""

from __future__ import annotations

from typing import Any

import jax

from caviar import config
from caviar.recording.encoding import LEAF, RESULT, values_in
from caviar.recording.values import Spec


class Path:
    """The structure of a recording up to a call, with what is remembered about it: shapes, programs."""

    __slots__ = (
        "asked_for",
        "base",
        "before",
        "branches",
        "compiles",
        "cones",
        "kernel",
        "key",
        "number",
        "programs",
        "size",
        "specs",
    )

    def __init__(self, before: Path | None, key: Any, specs: tuple[Spec, ...], kernel: Any = None):
        self.before, self.key, self.specs, self.kernel = before, key, specs, kernel  # the last call, and its results
        self.number: int = before.number + 1 if before else -1
        self.base: int = before.size if before else 0  # the place of its first result
        self.size: int = self.base + len(specs)
        self.branches: dict[Any, Path] = {}
        self.cones: dict[int, Any] = {}
        self.programs: dict[Any, Any] = {}
        self.compiles: set[tuple[int, ...]] = set()  # places whose values are computed by programs
        self.asked_for: set[int] = set()  # places that were postponed and then asked for: not postponed again

    def cone(self, place: int) -> tuple[list[int], list[int]] | None:
        """Everything that a gradient of a place flows back through: the numbers of the calls, and of the leaves that it reaches.

        None where a part of that was recorded, and computed, before this recording began.
        """
        if place not in self.cones:
            self.cones[place] = _cone(self, place)
        return self.cones[place]

    def forget(self, program: Any) -> None:
        """Forget a closed program, and the branch of the tree that led only to it."""
        self.programs.pop(program, None)
        self.compiles.discard(program[0])
        self.prune()

    def prune(self) -> None:
        """Take off the branch of the tree that leads to no program any more."""
        path = self
        while path.before is not None and not path.programs and not path.branches:
            path.before.branches.pop(path.key, None)
            path = path.before


_roots: dict[Any, Path] = {}


def root() -> Path:
    """The root of recordings under the present precision policy."""
    policy = config.dtype_policy(), jax.config.jax_enable_x64  # type: ignore[attr-defined]
    return _roots.get(policy) or _roots.setdefault(policy, Path(None, None, ()))


def _cone(path: Path, place: int) -> tuple[list[int], list[int]] | None:
    wanted, calls, leaves = {place}, [], dict[int, None]()
    while path.before is not None:
        if not wanted.isdisjoint(range(path.base, path.size)):
            calls.append(path.number)
            for at, need in values_in(path.key):
                if need == LEAF:
                    leaves[-at - 1] = None
                elif need == RESULT:
                    wanted.add(at)
        path = path.before
    return None if min(wanted) < 0 else (calls, sorted(leaves))
