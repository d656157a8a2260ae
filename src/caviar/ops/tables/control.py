"""Loops and branches inside a program; conversions and places of arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import numpy as np

from caviar.declarations import Count, Counts, DataType, OneOf
from caviar.errors import ArgumentError
from caviar.ops.words import Function, table_of

Step = Callable[..., Any]


def cond(pred: Any, true_fn: Step, false_fn: Step) -> Any:
    """The first function's result if the condition is true, else the second's; only one is computed.

    >>> import jax.numpy as jnp
    >>> from caviar.ops.tables.control import cond
    >>> float(cond(jnp.array(True), lambda: 1.0, lambda: 2.0))
    1.0
    """
    return jax.lax.cond(jnp.asarray(pred), true_fn, false_fn)


def switch(index: Any, branches: Any, *operands: Any) -> Any:
    """The result of the function at this place of a list.

    >>> from caviar.ops.tables.control import switch
    >>> float(switch(1, [lambda x: x, lambda x: -x], 3.0))
    -3.0
    """
    return jax.lax.switch(jnp.asarray(index), list(branches), *operands)


def while_loop(cond: Step, body: Step, loop_vars: Any, maximum_iterations: Count | None = None) -> Any:
    """Repeat a function of some values on its own results, while a condition of them holds.

    >>> from caviar.ops.tables.control import while_loop
    >>> [int(v) for v in while_loop(lambda i, x: i < 3, lambda i, x: (i + 1, x * 2), (0, 1))]
    [3, 8]
    """
    several = isinstance(loop_vars, (tuple, list))
    first = tuple(loop_vars) if several else (loop_vars,)

    def goes_on(state: Any) -> Any:
        count, values = state
        known = jnp.asarray(cond(*values)).reshape(())
        return known if maximum_iterations is None else known & (count < maximum_iterations)

    def step(state: Any) -> Any:
        count, values = state
        made = body(*values)
        return count + 1, tuple(made) if isinstance(made, (tuple, list)) else (made,)

    values = jax.lax.while_loop(goes_on, step, (0, jax.tree.map(jnp.asarray, first)))[1]
    return values if several else values[0]


def fori_loop(lower: Any, upper: Any, body_fun: Step, init_val: Any) -> Any:
    """Repeat a function of a counter and a value.

    >>> from caviar.ops.tables.control import fori_loop
    >>> int(fori_loop(0, 4, lambda i, x: x + i, 0))
    6
    """
    return jax.lax.fori_loop(lower, upper, body_fun, init_val)


def map_(f: Step, xs: Any) -> Any:
    """A function of each element, one after the other.

    >>> import jax.numpy as jnp
    >>> from caviar.ops.tables.control import map_
    >>> map_(lambda x: x + 1, jnp.arange(3)).tolist()
    [1, 2, 3]
    """
    return jax.lax.map(f, _arrays(xs))


def vectorized_map(function: Step, elements: Any) -> Any:
    """A function of each element, of all of them at once.

    >>> import jax.numpy as jnp
    >>> from caviar.ops.tables.control import vectorized_map
    >>> vectorized_map(lambda x: x + 1, jnp.arange(3)).tolist()
    [1, 2, 3]
    """
    return jax.vmap(function)(_arrays(elements))


def scan(
    f: Step, init: Any, xs: Any = None, length: Count | None = None, reverse: bool = False, unroll: int | bool = 1
) -> Any:
    """Carry a value along an axis from step to step; the other result of each step is stacked.

    >>> import jax.numpy as jnp
    >>> from caviar.ops.tables.control import scan
    >>> carry, sums = scan(lambda c, x: (c + x, c + x), 0, jnp.arange(4))
    >>> int(carry), sums.tolist()
    (6, [0, 1, 3, 6])
    """
    return jax.lax.scan(f, jax.tree.map(jnp.asarray, init), _arrays(xs), length, reverse, unroll)


def associative_scan(f: Step, elems: Any, reverse: bool = False, axis: int = 0) -> Any:
    """All results of an associative function along an axis: sums of the first one, two, three, ... elements.

    >>> import jax.numpy as jnp
    >>> from caviar.ops.tables.control import associative_scan
    >>> associative_scan(lambda a, b: a + b, jnp.arange(4)).tolist()
    [0, 1, 3, 6]
    """
    return jax.lax.associative_scan(f, _arrays(elems), reverse=reverse, axis=axis)


def _arrays(tree: Any) -> Any:
    """NumPy's arrays inside as JAX's; a list of numbers is an array."""
    if isinstance(tree, list) and not any(hasattr(v, "shape") for v in tree):
        return jnp.asarray(tree)
    return jax.tree.map(jnp.asarray, tree)


def custom_gradient(f: Step) -> Step:
    """A function that gives its value, and a second function: from the gradient of that value to those of the arguments.

    >>> import jax
    >>> from caviar.ops.tables.control import custom_gradient
    >>> double = custom_gradient(lambda x: (x, lambda upstream: 2 * upstream))
    >>> float(jax.grad(double)(1.0))
    2.0
    """
    return jax.custom_gradient(f)


def stop_gradient(variable: jax.Array) -> jax.Array:
    """The same value, treated as a constant by gradients.

    >>> import jax
    >>> from caviar.ops.tables.control import stop_gradient
    >>> float(jax.grad(lambda x: x * stop_gradient(x))(3.0))
    3.0
    """
    return jax.lax.stop_gradient(variable)


def cast(x: jax.Array, dtype: DataType) -> jax.Array:
    """The array in another type.

    >>> import jax.numpy as jnp
    >>> from caviar.ops.tables.control import cast
    >>> cast(jnp.array([1.7]), "int32").tolist()
    [1]
    """
    return x.astype(jnp.dtype(dtype))


def saturate_cast(x: jax.Array, dtype: DataType) -> jax.Array:
    """The array in another type; values outside its range become its smallest or largest.

    >>> import jax.numpy as jnp
    >>> from caviar.ops.tables.control import saturate_cast
    >>> saturate_cast(jnp.array([300.0]), "uint8").tolist()
    [255]
    """
    wanted = jnp.dtype(dtype)
    if jnp.issubdtype(wanted, jnp.integer):
        ends: Any = jnp.iinfo(wanted)
        x = jnp.clip(x, ends.min, ends.max)
    return x.astype(wanted)


def convert_to_tensor(x: Any, dtype: DataType | None = None, sparse: Any = None, ragged: Any = None) -> jax.Array:
    """Anything array-like as an array.

    >>> from caviar.ops.tables.control import convert_to_tensor
    >>> convert_to_tensor([1, 2]).dtype
    dtype('int32')
    """
    del sparse, ragged  # every array is dense
    return jnp.asarray(x, dtype)


def convert_to_numpy(x: Any) -> np.ndarray:
    """The array as NumPy's.

    >>> import jax.numpy as jnp
    >>> from caviar.ops.tables.control import convert_to_numpy
    >>> convert_to_numpy(jnp.ones(1))
    array([1.], dtype=float32)
    """
    return np.array(x)


def scatter(indices: jax.Array, values: jax.Array, shape: Counts) -> jax.Array:
    """An array of zeros with values added at these places.

    >>> import jax.numpy as jnp
    >>> from caviar.ops.tables.control import scatter
    >>> scatter(jnp.array([[1], [1]]), jnp.array([2, 3]), (3,)).tolist()
    [0, 5, 0]
    """
    return jnp.zeros(tuple(shape), values.dtype).at[tuple(jnp.moveaxis(indices, -1, 0))].add(values)  # type: ignore[arg-type]


def scatter_update(
    inputs: jax.Array,
    indices: jax.Array,
    updates: jax.Array,
    reduction: Annotated[str | None, OneOf(None, "add", "max", "min", "mul")] = None,
) -> jax.Array:
    """The array with other values at these places, or the result of a reduction of the old and the new.

    >>> import jax.numpy as jnp
    >>> from caviar.ops.tables.control import scatter_update
    >>> scatter_update(jnp.zeros(3), jnp.array([[1]]), jnp.array([5.0])).tolist()
    [0.0, 5.0, 0.0]
    """
    at = inputs.at[tuple(jnp.moveaxis(indices, -1, 0))]
    return getattr(at, reduction or "set")(updates)


def slice_(inputs: jax.Array, start_indices: Any, shape: Any) -> jax.Array:
    """The block of this shape that begins at this place.

    >>> import jax.numpy as jnp
    >>> from caviar.ops.tables.control import slice_
    >>> slice_(jnp.arange(5), [1], [2]).tolist()
    [1, 2]
    """
    return jax.lax.dynamic_slice(inputs, _starts(start_indices), tuple(shape))


def slice_update(inputs: jax.Array, start_indices: Any, updates: jax.Array) -> jax.Array:
    """The array with another block at this place.

    >>> import jax.numpy as jnp
    >>> from caviar.ops.tables.control import slice_update
    >>> slice_update(jnp.zeros(3), [1], jnp.ones(2)).tolist()
    [0.0, 1.0, 1.0]
    """
    return jax.lax.dynamic_update_slice(inputs, updates, _starts(start_indices))


def _starts(indices: Any) -> list[Any]:
    return list(indices) if isinstance(indices, (list, tuple)) else list(jnp.asarray(indices))


def unstack(x: jax.Array, num: Count | None = None, axis: int = 0) -> list[jax.Array]:
    """The slices along an axis.

    >>> import jax.numpy as jnp
    >>> from caviar.ops.tables.control import unstack
    >>> [int(v) for v in unstack(jnp.arange(3))]
    [0, 1, 2]
    """
    if num is not None and num != x.shape[axis]:
        raise ArgumentError(f"unstack was told of {num} slices, and axis {axis} of {x.shape} has {x.shape[axis]}")
    return list(jnp.moveaxis(x, axis, 0))


def rearrange(tensor: jax.Array, pattern: str, **axes_lengths: Any) -> jax.Array:
    """Axes in another order, joined and split: `"b h w c -> b (h w) c"`.

    >>> import jax.numpy as jnp
    >>> from caviar.ops.tables.control import rearrange
    >>> rearrange(jnp.zeros((2, 3, 4)), "b h w -> h (b w)").shape
    (3, 8)
    """
    left, right = (side.replace("(", " ( ").replace(")", " ) ").split() for side in pattern.split("->"))
    sizes: dict[str, int] = dict(axes_lengths)
    for group, size in zip(_groups(left), tensor.shape, strict=True):
        known = [sizes[name] for name in group if name in sizes]
        for name in group:
            sizes.setdefault(name, size // int(np.prod(known, dtype=int)))
    before = [name for group in _groups(left) for name in group]
    after = [name for group in _groups(right) for name in group]
    moved = tensor.reshape([sizes[n] for n in before]).transpose([before.index(n) for n in after])
    return moved.reshape([int(np.prod([sizes[n] for n in group], dtype=int)) for group in _groups(right)])


def _groups(words: list[str]) -> list[list[str]]:
    """The names of each axis: those in brackets are one axis."""
    groups: list[list[str]] = []
    inside = False
    for word in words:
        if word in "()":
            inside = word == "("
            groups += [[]] if inside else []
        elif inside:
            groups[-1].append(word)
        else:
            groups.append([word])
    return groups


TABLE: dict[str, Function] = table_of(
    associative_scan, cast, cond, convert_to_numpy, convert_to_tensor, custom_gradient, fori_loop, map_, rearrange, saturate_cast,
    scan, scatter, scatter_update, slice_, slice_update, stop_gradient, switch, unstack, vectorized_map, while_loop,
)  # fmt: skip
