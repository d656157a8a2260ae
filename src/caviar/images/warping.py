"""Images rotated, shifted, distorted."""

from __future__ import annotations

from typing import Annotated, Any

import jax
import jax.numpy as jnp

from caviar import config
from caviar.declarations import DataFormat, NotNegative, OneOf
from caviar.images.axes import as_given, as_type, channels_last
from caviar.images.filters import blurred
from caviar.parts import is_off

Order = Annotated[str, OneOf("nearest", "bilinear")]
FillMode = Annotated[str, OneOf("constant", "nearest", "wrap", "mirror", "reflect")]


def map_coordinates(
    inputs: jax.Array,
    coordinates: Any,
    order: Annotated[int, OneOf(0, 1)],
    fill_mode: FillMode = "constant",
    fill_value: Any = 0,
) -> jax.Array:
    """The values at these places, of the nearest entry (order 0) or interpolated linearly (order 1).

    >>> import jax.numpy as jnp
    >>> from caviar.images.warping import map_coordinates
    >>> map_coordinates(jnp.array([1.0, 3.0]), [[0.5]], 1).tolist()
    [2.0]
    """
    return sampled(inputs, list(jnp.asarray(coordinates)), order, fill_mode, fill_value)


def sampled(values: jax.Array, places: Any, order: int, fill_mode: str, fill_value: Any) -> jax.Array:
    """JAX's function, where the fill value may also be traced."""
    if fill_mode != "constant" or is_off(fill_value):
        return jax.scipy.ndimage.map_coordinates(values, places, order, fill_mode)
    nothing = jnp.asarray(fill_value, values.dtype)
    return jax.scipy.ndimage.map_coordinates(values - nothing, places, order, fill_mode) + nothing


def affine_transform(
    images: jax.Array,
    transform: jax.Array,
    interpolation: Order = "bilinear",
    fill_mode: FillMode = "constant",
    fill_value: Any = 0,
    data_format: DataFormat | None = None,
) -> jax.Array:
    """Images whose pixel (x, y) is that at (a0 x + a1 y + a2, b0 x + b1 y + b2), for eight numbers a0 a1 a2 b0 b1 b2 0 0.

    >>> import jax.numpy as jnp
    >>> from caviar.images.warping import affine_transform
    >>> affine_transform(jnp.arange(4.0).reshape(2, 2, 1), jnp.array([1, 0, 1, 0, 1, 0, 0, 0.0]))[..., 0].tolist()
    [[1.0, 0.0], [3.0, 0.0]]
    """
    a = jnp.asarray(transform, config.floatx())

    def places(y: jax.Array, x: jax.Array, t: jax.Array) -> Any:
        return t[3] * x + t[4] * y + t[5], t[0] * x + t[1] * y + t[2]

    return warped(images, places, a, interpolation, fill_mode, fill_value, data_format, "affine_transform")


def perspective_transform(
    images: jax.Array,
    start_points: jax.Array,
    end_points: jax.Array,
    interpolation: Order = "bilinear",
    fill_value: Any = 0,
    data_format: DataFormat | None = None,
) -> jax.Array:
    """Images under the perspective that moves four points (x, y) to four others.

    >>> import jax.numpy as jnp
    >>> from caviar.images.warping import perspective_transform
    >>> corners = jnp.array([[0, 0], [0, 1], [1, 0], [1, 1.0]])
    >>> perspective_transform(jnp.arange(4.0).reshape(2, 2, 1), corners, corners)[..., 0].tolist()
    [[0.0, 1.0], [2.0, 3.0]]
    """
    start, end = jnp.asarray(start_points, config.floatx()), jnp.asarray(end_points, config.floatx())
    solve = _eight_numbers if start.ndim == 2 else jax.vmap(_eight_numbers)

    def places(y: jax.Array, x: jax.Array, t: jax.Array) -> Any:
        k = t[6] * x + t[7] * y + 1
        return (t[3] * x + t[4] * y + t[5]) / k, (t[0] * x + t[1] * y + t[2]) / k

    numbers = solve(start, end)
    return warped(images, places, numbers, interpolation, "constant", fill_value, data_format, "perspective_transform")


def _eight_numbers(start: jax.Array, end: jax.Array) -> jax.Array:
    """The eight numbers of the projection that maps each end point (x, y) to its start point."""
    (x, y), (u, v) = end.T, start.T
    one, zero = jnp.ones(4, x.dtype), jnp.zeros(4, x.dtype)
    across = jnp.stack([x, y, one, zero, zero, zero, -u * x, -u * y], 1)
    down = jnp.stack([zero, zero, zero, x, y, one, -v * x, -v * y], 1)
    return jnp.linalg.solve(jnp.concatenate([across, down]), jnp.concatenate([u, v]))


def warped(
    images: jax.Array,
    places: Any,
    numbers: jax.Array,
    interpolation: str,
    fill_mode: str,
    fill_value: Any,
    data_format: Any,
    what: str,
) -> jax.Array:
    """Images whose pixel (y, x) is that at `places(y, x, numbers)`; the numbers are for all images, or for each."""
    given = channels_last(images, data_format, what)
    batch = given if given.ndim == 4 else given[None]
    numbers = jnp.broadcast_to(numbers, (len(batch), numbers.shape[-1]))
    y, x = jnp.meshgrid(*(jnp.arange(n, dtype=numbers.dtype) for n in batch.shape[1:3]), indexing="ij")
    order = {"nearest": 0, "bilinear": 1}[interpolation]

    def one(image: jax.Array, own: jax.Array) -> jax.Array:
        found = places(y, x, own)

        def channel(plane: jax.Array) -> jax.Array:
            return sampled(plane, found, order, fill_mode, fill_value)

        return jax.vmap(channel, -1, -1)(image)

    made = as_type(jax.vmap(one)(batch.astype(numbers.dtype), numbers), images.dtype)
    return as_given(made if given.ndim == 4 else made[0], data_format)


def elastic_transform(
    images: jax.Array,
    alpha: NotNegative = 20.0,
    sigma: NotNegative = 5.0,
    interpolation: Order = "bilinear",
    fill_mode: FillMode = "reflect",
    fill_value: Any = 0.0,
    seed: Any = None,
    data_format: DataFormat | None = None,
) -> jax.Array:
    """Images whose pixels are moved by smooth random distances, the same for the same seed.

    >>> import jax.numpy as jnp
    >>> from caviar.images.warping import elastic_transform
    >>> elastic_transform(jnp.ones((4, 4, 1)), seed=1).shape
    (4, 4, 1)
    """
    x = channels_last(images, data_format, "elastic_transform")
    batch = x if x.ndim == 4 else x[None]
    height, width = batch.shape[1:3]
    key = config.next_key() if seed is None else jax.random.key(int(seed))
    size = int(6 * sigma) | 1
    moves = jax.random.uniform(key, (len(batch), height, width, 2), minval=-1, maxval=1)
    moves = blurred(moves, (size, size), (sigma, sigma)) * alpha

    def places(y: jax.Array, x: jax.Array, own: jax.Array) -> Any:
        by = own.reshape(height, width, 2)
        return y + by[..., 0], x + by[..., 1]

    flat = moves.reshape(len(batch), -1)
    made = warped(batch, places, flat, interpolation, fill_mode, fill_value, "channels_last", "elastic_transform")
    return as_given(made if x.ndim == 4 else made[0], data_format)
