"""`x[...]`: ints and the starts of slices are numbers, so that a loop over batches compiles once."""

from __future__ import annotations

import operator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from caviar.dialects.torch.bounds import check_inside
from caviar.dialects.torch.functions import record
from caviar.dialects.torch.shapes import _view
from caviar.dialects.torch.tensor import Tensor, wrap
from caviar.errors import ArgumentError, BoundsError, ShapeError

Template = tuple[tuple[Any, ...], ...]


def read(x: Tensor, index: Any) -> Tensor:
    """`x[index]`: a view, unless tensors are among the indices."""
    template, operands = _taken_apart(x, index, moving=True)
    if any(kind == "tensor" for kind, *_ in template):
        return record(get, x, *operands, template=template)
    return _view(x, get, put, {"template": template}, tuple(operands))


def write(x: Tensor, index: Any, value: Any) -> None:
    """`x[index] = value`."""
    value = value if isinstance(value, Tensor) or np.isscalar(value) else wrap(np.asarray(value))
    if isinstance(index, Tensor) and index.held().spec.dtype == bool and not (isinstance(value, Tensor) and value.ndim):
        x.become(record(put_masked, x, index, value))
        return
    template, operands = _taken_apart(x, index, moving=True)
    x.become(record(put, x, value, *operands, template=template))


def _taken_apart(x: Tensor, index: Any, moving: bool) -> tuple[Template, list[Any]]:
    """The kinds of the indices, and the numbers and tensors in them."""
    if type(index) is int and x.ndim:  # the usual one, at once
        return (("int",), *[("all",)] * (x.ndim - 1)), [np.int32(_within(index, x.shape[0], 0))]
    items = _complete(x, index if isinstance(index, tuple) else (index,))
    if any(isinstance(i, Tensor) for i in items):
        moving = False
    template, operands, axis = list[tuple[Any, ...]](), list[Any](), 0
    for item in items:
        if item is None:
            template.append(("new",))
            continue
        size = x.shape[axis]
        axis += 1
        if isinstance(item, Tensor):
            check_inside(item, size, "index", least=-size)
            template.append(("tensor",))
            operands.append(item)
        elif isinstance(item, slice):
            if item.step is not None and operator.index(item.step) < 1:
                raise ArgumentError(f"the step of a slice is positive here, and is {item.step}: say x.flip({axis - 1})")
            start, stop, step = item.indices(size)
            if (start, stop, step) == (0, size, 1):
                template.append(("all",))
            elif step == 1 and moving:
                template.append(("slice", max(stop - start, 0)))
                operands.append(np.int32(min(start, size)))
            else:
                template.append(("steps", start, stop, step))
        else:
            template.append(("int",))
            operands.append(np.int32(_within(_whole(item), size, axis - 1)))
    return tuple(template), operands


def _whole(item: Any) -> int:
    if isinstance(item, (bool, np.bool_)):
        raise ArgumentError(
            f"{item} is not an index: give a number, a slice, or a tensor of as many bools as there are rows"
        )
    return operator.index(item)


def _within(i: int, size: int, axis: int) -> int:
    if not -size <= i < size:
        raise BoundsError(f"index {i} is out of bounds for dimension {axis} of size {size}")
    return i % size


def _complete(x: Tensor, items: tuple[Any, ...]) -> list[Any]:
    """One index for each dimension; masks become the places where they are true, for which their values are computed."""
    full: list[Any] = []
    for item in items:
        item = wrap(np.asarray(item)) if isinstance(item, (list, range, np.ndarray)) else item
        if isinstance(item, Tensor) and item.held().spec.dtype == bool:
            full += [wrap(at.astype(np.int32)) for at in np.nonzero(np.asarray(item.array()))]
        else:
            full.append(item)
    used = sum(i is not None and i is not Ellipsis for i in full)
    if used > x.ndim:
        raise ShapeError(f"{used} indices for a tensor of shape {tuple(x.shape)}")
    at = next((n for n, i in enumerate(full) if i is Ellipsis), len(full))
    return [*full[:at], *[slice(None)] * (x.ndim - used), *full[at + 1 :]]


def _paired(template: Template, operands: tuple[Any, ...]) -> list[tuple[tuple[Any, ...], Any]]:
    values = iter(operands)
    return [(entry, next(values) if entry[0] in ("tensor", "int", "slice") else None) for entry in template]


def get(x: jax.Array, *operands: Any, template: Template) -> jax.Array:
    """What an index takes from an array."""
    places: list[Any] = []
    axis = 0
    for (kind, *rest), value in _paired(template, operands):
        if kind == "slice":
            x = jax.lax.dynamic_slice_in_dim(x, value, rest[0], axis, allow_negative_indices=False)
        elif kind == "int":
            x = jax.lax.dynamic_slice_in_dim(x, value, 1, axis, allow_negative_indices=False)
        axis += kind != "new"
        places.append({"new": None, "int": 0}.get(kind, slice(*rest) if kind == "steps" else slice(None)))
    x, tensors = x[tuple(places)], _tensors(template, operands)
    return x[tensors] if tensors else x  # in two steps, since a number does not count as a tensor


def _tensors(template: Template, operands: tuple[Any, ...]) -> tuple[Any, ...]:
    """The tensors among the indices, each at its dimension of what the other indices leave; none where there are none."""
    kept = [
        value if kind == "tensor" else slice(None) for (kind, *_), value in _paired(template, operands) if kind != "int"
    ]
    return tuple(kept) if any(kind == "tensor" for kind, *_ in template) else ()


def put(x: jax.Array, value: Any, *operands: Any, template: Template) -> jax.Array:
    """The array with a value written where an index says."""
    pairs = _paired(template, operands)
    if tensors := _tensors(template, operands):  # write into what the other indices take, and that back
        basic = tuple(("all",) if entry[0] == "tensor" else entry for entry in template)
        others = [v for (kind, *_), v in pairs if kind != "tensor" and v is not None]
        part = get(x, *others, template=basic).at[tensors].set(jnp.asarray(value, x.dtype))
        return put(x, part, *others, template=basic)
    if any(kind == "steps" for kind, *_ in template) and not any(kind == "slice" for kind, *_ in template):
        places = [{"new": None, "int": v}.get(kind, slice(*rest) if kind == "steps" else slice(None))
            for (kind, *rest), v in pairs]  # fmt: skip
        return x.at[tuple(places)].set(jnp.asarray(value, x.dtype))
    starts, sizes, shape, axis = [], [], [], 0
    for (kind, *rest), start in pairs:
        if kind == "new":
            shape.append(1)
            continue
        size = {"int": 1, "slice": rest[0] if rest else 0}.get(kind, x.shape[axis])
        starts.append(jnp.int32(0) if start is None else start)
        sizes.append(size)
        shape += [size] if kind != "int" else []
        axis += 1
    block = jnp.broadcast_to(jnp.asarray(value, x.dtype), shape).reshape(sizes)
    return jax.lax.dynamic_update_slice(x, block, starts, allow_negative_indices=False)


def put_masked(x: jax.Array, mask: jax.Array, value: Any) -> jax.Array:
    """The array with one number written where the mask is true."""
    mask = mask.reshape(mask.shape + (1,) * (x.ndim - mask.ndim))
    return jnp.where(mask, jnp.asarray(value, x.dtype), x)
