"""Sums that stay exact over a hundred million steps: what each addition rounds off is kept and added up too."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp


class Sums(NamedTuple):
    """Sums so far; `rest` is what was rounded off from `total`."""

    total: jax.Array
    rest: jax.Array


def no_sums(like: jax.Array) -> Sums:
    """Nothing added up yet.

    >>> import jax.numpy as jnp
    >>> from caviar.metrics.sums import no_sums
    >>> float(no_sums(jnp.ones(())).total)
    0.0
    """
    return Sums(jnp.zeros_like(like), jnp.zeros_like(like))


def plus(sums: Sums, more: Any) -> Sums:
    """The sums with more added: 2^24 + 1, which no float32 holds, is not lost.

    >>> import jax.numpy as jnp
    >>> from caviar.metrics.sums import no_sums, plus
    >>> sums = plus(plus(plus(no_sums(jnp.ones(())), 2.0**24), 1.0), 1.0)
    >>> float(sums.total) - 2**24
    2.0
    """
    more = jnp.asarray(more, sums.total.dtype)
    total = sums.total + more
    grown = total - sums.total
    lost = (sums.total - (total - grown)) + (more - grown)  # the exact rounding error of `total` (Knuth's two-sum)
    lost = jnp.where(jnp.isfinite(total), sums.rest + lost, 0)  # infinity minus infinity is NaN
    rounded = total + lost
    return Sums(rounded, lost - (rounded - total))
