"""Pooling over all of space."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from caviar.declarations import DataFormat
from caviar.layers.spatial import Spatial
from caviar.live import Live
from caviar.placing import Placement

__all__ = [
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "GlobalAveragePooling3D",
    "GlobalMaxPooling1D",
    "GlobalMaxPooling2D",
    "GlobalMaxPooling3D",
]


@dataclass(eq=False, repr=False)
class _GlobalPooling(Spatial):
    data_format: DataFormat | None = None
    keepdims: bool = False

    def build(self, input_shape: Any) -> None:
        """Check the rank of the input."""
        self.shape_of(input_shape)

    def live(self, member: Placement, x: Live) -> Live:
        """Every channel has a summary of its own."""
        first = self.channels_at == 0
        member.need_whole(self, Live(x[1:] if first else x[:-1]))
        return member.slid(self, x, first) if self.keepdims else Live([x[self.channels_at]])

    def _over_space(self, summary: Any, x: jax.Array) -> jax.Array:
        y = summary(self.channels_last(x), tuple(range(1, self.rank + 1)), keepdims=self.keepdims)
        return self.as_given(y) if self.keepdims else y


class _GlobalMaxPooling(_GlobalPooling):
    live = _GlobalPooling.live

    def call(self, x: jax.Array) -> jax.Array:
        """The largest value of each channel."""
        return self._over_space(jnp.max, x)


class _GlobalAveragePooling(_GlobalPooling):
    live = _GlobalPooling.live

    def call(self, x: jax.Array) -> jax.Array:
        """The mean of each channel."""
        return self._over_space(jnp.mean, x)


class GlobalMaxPooling1D(_GlobalMaxPooling):
    """The largest value of each channel over all steps.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import GlobalMaxPooling1D
    >>> GlobalMaxPooling1D()(jnp.arange(6.0).reshape(1, 3, 2)).tolist()
    [[4.0, 5.0]]
    """

    rank = 1


class GlobalMaxPooling2D(_GlobalMaxPooling):
    """The largest value of each channel over the image.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import GlobalMaxPooling2D
    >>> GlobalMaxPooling2D(keepdims=True)(jnp.ones((2, 5, 4, 3))).shape
    (2, 1, 1, 3)
    """

    rank = 2


class GlobalMaxPooling3D(_GlobalMaxPooling):
    """The largest value of each channel over the volume.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import GlobalMaxPooling3D
    >>> GlobalMaxPooling3D()(jnp.ones((2, 5, 4, 4, 3))).shape
    (2, 3)
    """

    rank = 3


class GlobalAveragePooling1D(_GlobalAveragePooling):
    """The mean of each channel over all steps; masked steps do not count.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import GlobalAveragePooling1D
    >>> GlobalAveragePooling1D()(jnp.arange(6.0).reshape(1, 3, 2)).tolist()
    [[2.0, 3.0]]
    """

    rank = 1

    live = _GlobalPooling.live

    def call(self, x: jax.Array, mask: jax.Array | None = None) -> jax.Array:
        """The mean of each channel over the steps that are not masked; 0 where all are (Keras: NaN)."""
        if mask is None:
            return super().call(x)
        kept = jnp.asarray(mask, bool)[..., None]

        def mean(x: jax.Array, axes: Any, keepdims: bool) -> jax.Array:
            count = jnp.sum(kept, axes, keepdims=keepdims).astype(x.dtype)
            return jnp.sum(x, axes, keepdims=keepdims, where=kept) / jnp.maximum(count, 1)

        return self._over_space(mean, x)


class GlobalAveragePooling2D(_GlobalAveragePooling):
    """The mean of each channel over the image.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import GlobalAveragePooling2D
    >>> GlobalAveragePooling2D()(jnp.ones((2, 5, 4, 3))).shape
    (2, 3)
    """

    rank = 2


class GlobalAveragePooling3D(_GlobalAveragePooling):
    """The mean of each channel over the volume.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import GlobalAveragePooling3D
    >>> GlobalAveragePooling3D()(jnp.ones((2, 5, 4, 4, 3))).shape
    (2, 3)
    """

    rank = 3
