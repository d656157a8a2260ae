"""Pooling: a summary of each window, or of all of space."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import jax
import jax.numpy as jnp

from caviar.declarations import DataFormat, OneOf, Sizes
from caviar.layers.lowering.pooling import max_pool, mean_pool
from caviar.layers.spatial import Spatial
from caviar.live import Live
from caviar.placing import Placement

__all__ = [
    "AdaptiveAveragePooling1D",
    "AdaptiveAveragePooling2D",
    "AdaptiveAveragePooling3D",
    "AdaptiveMaxPooling1D",
    "AdaptiveMaxPooling2D",
    "AdaptiveMaxPooling3D",
    "AveragePooling1D",
    "AveragePooling2D",
    "AveragePooling3D",
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "GlobalAveragePooling3D",
    "GlobalMaxPooling1D",
    "GlobalMaxPooling2D",
    "GlobalMaxPooling3D",
    "MaxPooling1D",
    "MaxPooling2D",
    "MaxPooling3D",
]


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
