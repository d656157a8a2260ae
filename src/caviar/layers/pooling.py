"""Pooling: a summary of each window."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import jax

from caviar.declarations import DataFormat, OneOf, Sizes
from caviar.layers.lowering.pooling import max_pool, mean_pool
from caviar.layers.spatial import Spatial

__all__ = ["AveragePooling1D", "AveragePooling2D", "AveragePooling3D", "MaxPooling1D", "MaxPooling2D", "MaxPooling3D"]


class _Pooling(Spatial):
    """The base of pooling over windows."""

    strides: Sizes | None
    _summary: ClassVar[Callable[..., jax.Array]]

    def build(self, input_shape: Any) -> None:
        """Check the window against the input."""
        self.check_fits(self.shape_of(input_shape)[0], "pool_size", (1,) * self.rank)

    def call(self, x: jax.Array) -> jax.Array:
        """The summary of every window."""
        window, strides = self.sizes("pool_size"), self.sizes("pool_size" if self.strides is None else "strides")
        return self.as_given(self._summary(self.channels_last(x), window, strides, self.padding))

    live = Spatial.live


@dataclass(eq=False, repr=False)
class _MaxPooling(_Pooling):
    pool_size: Sizes = 2
    strides: Sizes | None = None
    padding: Annotated[str, OneOf("valid", "same")] = "valid"
    data_format: DataFormat | None = None

    _summary = staticmethod(max_pool)


@dataclass(eq=False, repr=False)
class _AveragePooling(_Pooling):
    pool_size: Sizes
    strides: Sizes | None = None
    padding: Annotated[str, OneOf("valid", "same")] = "valid"
    data_format: DataFormat | None = None

    _summary = staticmethod(mean_pool)


@dataclass(eq=False, repr=False)
class MaxPooling1D(_MaxPooling):
    """The largest value of each window of steps.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import MaxPooling1D
    >>> MaxPooling1D(2)(jnp.arange(6.0).reshape(1, 6, 1)).ravel().tolist()
    [1.0, 3.0, 5.0]
    """

    rank: ClassVar[int] = 1


@dataclass(eq=False, repr=False)
class MaxPooling2D(_MaxPooling):
    """The largest value of each window of an image.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import MaxPooling2D
    >>> MaxPooling2D()(jnp.arange(16.0).reshape(1, 4, 4, 1)).ravel().tolist()
    [5.0, 7.0, 13.0, 15.0]
    """

    pool_size: Sizes = (2, 2)
    rank: ClassVar[int] = 2


@dataclass(eq=False, repr=False)
class MaxPooling3D(_MaxPooling):
    """The largest value of each window of a volume.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import MaxPooling3D
    >>> MaxPooling3D()(jnp.ones((1, 4, 6, 4, 3))).shape
    (1, 2, 3, 2, 3)
    """

    pool_size: Sizes = (2, 2, 2)
    rank: ClassVar[int] = 3


@dataclass(eq=False, repr=False)
class AveragePooling1D(_AveragePooling):
    """The mean of each window of steps.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import AveragePooling1D
    >>> AveragePooling1D(2)(jnp.arange(6.0).reshape(1, 6, 1)).ravel().tolist()
    [0.5, 2.5, 4.5]
    """

    rank: ClassVar[int] = 1


@dataclass(eq=False, repr=False)
class AveragePooling2D(_AveragePooling):
    """The mean of each window of an image.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import AveragePooling2D
    >>> AveragePooling2D(2)(jnp.arange(16.0).reshape(1, 4, 4, 1)).ravel().tolist()
    [2.5, 4.5, 10.5, 12.5]
    """

    rank: ClassVar[int] = 2


@dataclass(eq=False, repr=False)
class AveragePooling3D(_AveragePooling):
    """The mean of each window of a volume.

    >>> import jax.numpy as jnp
    >>> from caviar.layers import AveragePooling3D
    >>> AveragePooling3D(2)(jnp.ones((1, 4, 6, 4, 3))).shape
    (1, 2, 3, 2, 3)
    """

    rank: ClassVar[int] = 3
