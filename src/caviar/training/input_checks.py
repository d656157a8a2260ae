"""Checks of a network's inputs by what they reach first: tables of ids, and products, for which large numbers are a problem."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from caviar import activations, engine
from caviar.errors import DataError, warn
from caviar.graph.context import Context, evaluating
from caviar.graph.evaluation import as_arrays
from caviar.graph.programs import cached, remembered
from caviar.layers.activation import Activation
from caviar.layers.dense import Dense
from caviar.layers.softmaxes import Softmax
from caviar.parts import Apart, Numbers, Structure, put_together, take_apart

if TYPE_CHECKING:
    from caviar.training.trainee import Trainee

SOME = 4096  # rows at a time: enough to judge by, few enough for memory
LARGE = 1000.0
"""Inputs with absolute values from here on are warned about, if they are multiplied by weights without being scaled."""


class Reached(NamedTuple):
    """What each leaf of the inputs reaches first, and the outputs."""

    outputs: Any  # shapes and types
    tables: list[tuple[int | None, int]]  # pairs: the leaf, or None where ids are computed; and the number of ids
    products: list[int]  # leaves that are multiplied by weights without being scaled
    ones: list[str]  # layers whose output is always 1


def check_ids(model: Trainee, x: Any, where: str = "x") -> None:
    """Raise for ids that a layer has no row for, with their place."""
    check_ids_at(reached_by(model, model.built_for), take_apart(model), x, where)


def check_ids_at(reached: Reached, apart: Apart, x: Any, where: str = "x") -> None:
    """Raise for ids that these tables have no row for, with their place."""
    for at, count in reached.tables:
        if at is not None:
            _check_range(np.asarray(jax.tree.leaves(x)[at]), count, where)
    if any(at is None for at, _ in reached.tables):
        _check_computed(apart, [count for _, count in reached.tables], x, where)


def tell_doubts(model: Trainee, x: Any) -> bool:
    """Warn of what hardly learns: a softmax over one unit, and inputs that are too large, judged by a few thousand rows."""
    reached, leaves = reached_by(model, model.built_for), jax.tree.leaves(x)
    for name in reached.ones:
        warn(
            f"layer {name!r} is a softmax over one unit, which is always 1: for two classes use a sigmoid, or give it two units"
        )
    for at in reached.products:
        some = np.asarray(leaves[at][:: max(1, len(leaves[at]) // SOME)])
        if some.dtype == np.bool_ or max(some.max(), -some.min()) < LARGE:
            continue
        column = int(np.argmax(np.abs(some).reshape(-1, some.shape[-1]).max(0))) if some.ndim > 1 else 0
        warn(
            f"x reaches {float(np.abs(some).max()):g}, in column {column}, and nothing scales it: networks learn from numbers "
            "around 1. Scale the columns, for instance by a first layer caviar.layers.Normalization() that adapt(x) was called on"
        )
        return True
    return False


def reached_by(model: Trainee, x: Any) -> Reached:
    """What the inputs of a network reach, found by one abstract evaluation, and remembered for networks of the same structure."""
    apart = take_apart(model)
    shapes = tuple((a.shape, str(a.dtype)) for a in jax.tree.leaves(x))
    return remembered(
        ("reached", apart.structure, str(jax.tree.structure(x)), shapes), lambda: _find_what_is_reached(apart, x)
    )


def _find_what_is_reached(apart: Any, specs: Any) -> Reached:
    found = Reached(None, [], [], [])

    def look(x: Any, numbers: Numbers, values: Any) -> Any:
        leaf_of = {id(leaf): i for i, leaf in enumerate(jax.tree.leaves(x))}
        outputs, met = _met(apart.structure, numbers, values, x)
        for layer, given, made in met:
            at = leaf_of.get(id(given))
            if layer.known_ids is not None:
                found.tables.append((at, layer.known_ids))
            elif at is not None and layer.takes == "anything":
                leaf_of[id(made)] = at  # a layer that passes its input on unchanged
            elif at is not None and layer.takes == "floats" and hasattr(layer, "kernel"):
                found.products.append(at)
            if _is_softmax(layer) and made.shape[-1] == 1:
                found.ones.append(str(layer.name))
        return outputs

    values = [jax.ShapeDtypeStruct(slot.shape, jnp.dtype(slot.dtype)) for slot in apart.structure.slots]
    outputs = engine.shapes_of(look, specs, as_arrays(apart.numbers), values)
    return found._replace(outputs=outputs)


def _is_softmax(layer: Any) -> bool:
    if isinstance(layer, Softmax):
        return layer.axis == -1
    return isinstance(layer, (Dense, Activation)) and activations.get(layer.activation) is activations.softmax


def _met(structure: Structure, numbers: Numbers, values: Any, x: Any) -> tuple[Any, list[tuple[Any, Any, Any]]]:
    """The outputs, and every layer called, with its first input and its outputs."""
    copy = put_together(structure, numbers, values)
    with evaluating(Context()) as context:
        context.met = []
        outputs = copy(x)
    return outputs, context.met


def _check_range(ids: np.ndarray, count: int, where: str) -> None:
    if ids.dtype.kind not in "iu" and ids.dtype != np.bool_ and (ids != np.floor(ids)).any():
        _refuse(ids, ids != np.floor(ids), count, where)
    if ids.min() < 0 or ids.max() >= count:
        _refuse(ids, (ids < 0) | (ids >= count), count, where)


def _refuse(ids: np.ndarray, wrong: np.ndarray, count: int, where: str) -> None:
    at = np.unravel_index(int(np.argmax(wrong)), wrong.shape)
    column = f", column {at[-1]}" if len(at) == 2 and ids.shape[-1] > 1 else ""
    raise DataError(
        f"{where} holds the id {ids[at].item()!r} in row {at[0]}{column}, and the layer that looks it up knows the ids "
        f"0..{count - 1}: number the ids from 0, or give that layer more of them"
    )


def _check_computed(apart: Any, counts: list[int], x: Any, where: str) -> None:
    """Raise for ids out of range that a network computes from its inputs, found by a small program of that part of it."""
    structure = apart.structure

    def make() -> Any:
        def program(numbers: Numbers, values: Any, x: Any) -> list[Any]:
            return [given for layer, given, _ in _met(structure, numbers, values, x)[1] if layer.known_ids is not None]

        return program

    program, values = cached(("ids", structure), make), [v.value for v in apart.variables]
    for start in range(0, len(jax.tree.leaves(x)[0]), SOME):
        some = jax.tree.map(lambda a, s=start: a[s : s + SOME], x)
        for ids, count in zip(program(as_arrays(apart.numbers), values, some), counts, strict=True):
            _check_range(np.asarray(ids), count, where if start == 0 else f"{where} from row {start} on")
