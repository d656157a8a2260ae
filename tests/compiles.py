"""Counting compilations."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import jax

_COMPILED = "/jax/core/compile/backend_compile_duration"
_counts: list[int] = [0]


def _listen(event: str, duration: float, **_: object) -> None:
    _counts[0] += event == _COMPILED


jax.monitoring.register_event_duration_secs_listener(_listen)


@contextlib.contextmanager
def compiles() -> Iterator[Callable[[], int]]:
    """Counts the programs compiled inside the block."""
    before = _counts[0]
    yield lambda: _counts[0] - before
