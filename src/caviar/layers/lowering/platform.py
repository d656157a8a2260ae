"""Where caviar computes in ways of its own: on a CPU, where XLA's are slow. Elsewhere XLA's are the fast ones."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import jax


class _Choice(threading.local):
    plain = False


_choice = _Choice()


def own_ways() -> bool:
    """Whether what is traced now may use ways of our own, made for CPUs.

    >>> with plain():
    ...     own_ways()
    False
    """
    return jax.default_backend() == "cpu" and not _choice.plain


@contextlib.contextmanager
def plain() -> Iterator[None]:
    """Trace JAX's plain operations inside a `with` block, for export and for comparison."""
    before, _choice.plain = _choice.plain, True
    try:
        yield
    finally:
        _choice.plain = before


def stored(values: Any) -> Any:
    """The same values, computed once and kept: else XLA computes them again inside each of their users.

    >>> stored(jax.numpy.ones(2)).tolist()
    [1.0, 1.0]
    """
    return jax.lax.optimization_barrier(values) if own_ways() else values
