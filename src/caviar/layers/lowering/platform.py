"""When to use caviar's own lowerings: on a CPU, where some of XLA's are slow. On other processors XLA's are the fast ones."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import jax

_LARGE = 2**14  # elements; a smaller array is cheaper to compute again than to store


class _Lowering(threading.local):
    plain = False


_lowering = _Lowering()


def uses_own_lowering() -> bool:
    """Whether what is traced now should use caviar's own lowerings, made for CPUs.

    >>> from caviar.layers.lowering.platform import uses_own_lowering, without_own_lowering
    >>> with without_own_lowering():
    ...     uses_own_lowering()
    False
    """
    return jax.default_backend() == "cpu" and not _lowering.plain


@contextlib.contextmanager
def without_own_lowering() -> Iterator[None]:
    """Trace JAX's standard operations inside a `with` block, for export and for comparison."""
    before, _lowering.plain = _lowering.plain, True
    try:
        yield
    finally:
        _lowering.plain = before


def computed_once(values: Any) -> Any:
    """The same values, computed once: without this, XLA may compute them again in every operation that uses them.

    >>> import jax
    >>> from caviar.layers.lowering.platform import computed_once
    >>> computed_once(jax.numpy.ones(2)).tolist()
    [1.0, 1.0]
    """
    return jax.lax.optimization_barrier(values) if uses_own_lowering() else values


def materialized(values: Any) -> Any:
    """The same arrays; large ones are written to memory once, and not computed again in every operation that reads them.

    XLA for CPUs removes the barrier of `computed_once` before it fuses operations. It does not fuse across a conditional, so the
    arrays pass through one, whose branches both return them.

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
    """The same values, written so that JAX does not see it: it would remove a conditional with equal branches."""
    return jax.tree.map(lambda v: v[::-1][::-1], values)
