"""Where caviar computes in ways of its own: on a CPU, where XLA's are slow. Elsewhere XLA's are the fast ones."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import jax

_LARGE = 2**14  # elements, below which computing again costs less than keeping


class _Lowering(threading.local):
    plain = False


_lowering = _Lowering()


def uses_own_lowering() -> bool:
    """Whether what is traced now may use ways of our own, made for CPUs.

    >>> from caviar.layers.lowering.platform import uses_own_lowering, without_own_lowering
    >>> with without_own_lowering():
    ...     uses_own_lowering()
    False
    """
    return jax.default_backend() == "cpu" and not _lowering.plain


@contextlib.contextmanager
def without_own_lowering() -> Iterator[None]:
    """Trace JAX's plain operations inside a `with` block, for export and for comparison."""
    before, _lowering.plain = _lowering.plain, True
    try:
        yield
    finally:
        _lowering.plain = before


def computed_once(values: Any) -> Any:
    """The same values, computed once and kept: else XLA computes them again inside each of their users.

    >>> import jax
    >>> from caviar.layers.lowering.platform import computed_once
    >>> computed_once(jax.numpy.ones(2)).tolist()
    [1.0, 1.0]
    """
    return jax.lax.optimization_barrier(values) if uses_own_lowering() else values


def materialized(values: Any) -> Any:
    """The same arrays, written to memory before anyone reads them, where they are large.

    XLA for CPUs forgets barriers before it decides what to compute again inside each user; into a conditional it does not look.

    >>> import jax
    >>> from caviar.layers.lowering.platform import materialized
    >>> materialized(jax.numpy.ones(2)).tolist()
    [1.0, 1.0]
    """
    large = [v for v in jax.tree.leaves(values) if v.size >= _LARGE]
    if not large or not uses_own_lowering():
        return values
    first = large[0].reshape(-1)[0]
    return jax.lax.cond(first != first, _the_same, lambda values: values, values)


def _the_same(values: Any) -> Any:
    """Nothing else either, but not in a way that JAX sees through: it would drop a conditional of equal branches."""
    return jax.tree.map(lambda v: v[::-1][::-1], values)
