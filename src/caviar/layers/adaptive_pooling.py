"""Pooling over windows whose number is given, and not their size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from caviar.declarations import DataFormat, Sizes
from caviar.layers.spatial import Spatial

__all__ = [
    "AdaptiveAveragePooling1D",
    "AdaptiveAveragePooling2D",
    "AdaptiveAveragePooling3D",
    "AdaptiveMaxPooling1D",
    "AdaptiveMaxPooling2D",
    "AdaptiveMaxPooling3D",
]


@dataclass(eq=False, repr=False)
class _AdaptivePooling(Spatial):
    output_size: Sizes
    data_format: DataFormat | None = None

    def build(self, input_shape: Any) -> None:
        """Check the rank of the input."""
        self.shape_of(input_shape)

    def _along_each(self, summary: Any, x: jax.Array) -> jax.Array:
        """Cut each axis into so many parts, as equal as possible (neighbours may overlap by one), and summarize each."""
        x = self.channels_last(x)
        for axis, parts in enumerate(self.sizes("output_size"), start=1):
            n = x.shape[axis]
            bounds = [(i * n // parts, -(-(i + 1) * n // parts)) for i in range(parts)]
            cuts = [jax.lax.slice_in_dim(x, start, end, axis=axis) for start, end in bounds]
            x = jnp.concatenate([summary(cut, axis, keepdims=True) for cut in cuts], axis)
        return self.as_given(x)


class _AdaptiveMaxPooling(_AdaptivePooling):
    def call(self, x: jax.Array) -> jax.Array:
        """The largest value of each part."""
        return self._along_each(jnp.max, x)


class _AdaptiveAveragePooling(_AdaptivePooling):
    def call(self, x: jax.Array) -> jax.Array:
        """The mean of each part."""
        return self._along_each(jnp.mean, x)


class AdaptiveMaxPooling1D(_AdaptiveMaxPooling):
    """The largest values of so many parts of a sequence of any length.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import AdaptiveMaxPooling1D
    >>> AdaptiveMaxPooling1D(2)(jnp.arange(6.0).reshape(1, 6, 1)).ravel().tolist()
    [2.0, 5.0]
    """

    rank = 1


class AdaptiveMaxPooling2D(_AdaptiveMaxPooling):
    """The largest values of so many parts of an image of any size.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import AdaptiveMaxPooling2D
    >>> AdaptiveMaxPooling2D((2, 3))(jnp.ones((1, 5, 7, 4))).shape
    (1, 2, 3, 4)
    """

    rank = 2


class AdaptiveMaxPooling3D(_AdaptiveMaxPooling):
    """The largest values of so many parts of a volume of any size.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import AdaptiveMaxPooling3D
    >>> AdaptiveMaxPooling3D(2)(jnp.ones((1, 5, 7, 3, 4))).shape
    (1, 2, 2, 2, 4)
    """

    rank = 3


class AdaptiveAveragePooling1D(_AdaptiveAveragePooling):
    """The means of so many parts of a sequence of any length.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import AdaptiveAveragePooling1D
    >>> AdaptiveAveragePooling1D(2)(jnp.arange(6.0).reshape(1, 6, 1)).ravel().tolist()
    [1.0, 4.0]
    """

    rank = 1


class AdaptiveAveragePooling2D(_AdaptiveAveragePooling):
    """The means of so many parts of an image of any size.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import AdaptiveAveragePooling2D
    >>> AdaptiveAveragePooling2D((2, 3))(jnp.ones((1, 5, 7, 4))).shape
    (1, 2, 3, 4)
    """

    rank = 2


class AdaptiveAveragePooling3D(_AdaptiveAveragePooling):
    """The means of so many parts of a volume of any size.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import AdaptiveAveragePooling3D
    >>> AdaptiveAveragePooling3D(2)(jnp.ones((1, 5, 7, 3, 4))).shape
    (1, 2, 2, 2, 4)
    """

    rank = 3
