"""Frames of a search: one program for members that differ in the sizes of layers, and in choices that are cheap to compute side by side."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from caviar import activations, config, engine, initializers
from caviar.closing import Closed, ClosedSize
from caviar.elementwise import by_element
from caviar.errors import FrameError
from caviar.graph.context import Context, evaluating
from caviar.graph.node import Node
from caviar.graph.variable import Variable
from caviar.layers.base import Layer
from caviar.live import Varied
from caviar.parts import Apart, Part, parts_of, take_apart
from caviar.placing import Placement, Tape, placed, trusted
from caviar.ranges import Choice, Range
from caviar.training.recipe import Recipe
from caviar.training.row_by_row import may_be_padded
from caviar.training.rules import Rule

Values = Mapping[str, Any]

INITIALIZER = "initializer"
"""How the names of attributes end that say how weights begin."""

CHOICES_AT_MOST = 8
"""Functions that are computed side by side: more are programs of their own."""


def ends(found: Range) -> tuple[int, int] | None:
    """The least and the largest value of a range of sizes; None for any other range.

    >>> from caviar.ranges import IntUniform, Uniform
    >>> from caviar.ranges import Choice
    >>> from caviar.studies.frames import ends
    >>> ends(IntUniform(50, 100)), ends(Choice(64, 16)), ends(Uniform(0, 1))
    ((50, 100), (16, 64), None)
    """
    values = found.stands_for()
    if not all(isinstance(v, int) and not isinstance(v, bool) and v > 0 for v in values):
        return None
    return min(values), max(values)


def is_functions(found: Range) -> bool:
    """Whether a range chooses among functions, such as activations.

    >>> from caviar.ranges import Choice
    >>> from caviar.studies.frames import is_functions
    >>> is_functions(Choice("relu", "tanh")), is_functions(Choice(1, 2))
    (True, False)
    """
    return (
        isinstance(found, Choice)
        and 1 < len(found.options) <= CHOICES_AT_MOST
        and all(o is None or isinstance(o, str) or inspect.isfunction(o) for o in found.options)
    )


@dataclass(eq=False, repr=False, frozen=True)
class Switch(Part):
    """One of several functions, by its number: all are computed, and one is taken.

    >>> import jax.numpy as jnp
    >>> from caviar.studies.frames import Switch
    >>> Switch(("relu", "tanh"), 0.0)(jnp.array([-1.0, 2.0])).tolist()
    [0.0, 2.0]
    """

    options: tuple[Any, ...]
    chosen: float

    def __call__(self, *given: Any) -> jax.Array:
        """The chosen activation of an array, or the initial value that the chosen initializer draws from (key, shape, dtype)."""
        return self._activated(*given) if len(given) == 1 else self._drawn(*given)

    def _drawn(self, *given: Any) -> jax.Array:
        found = initializers.get(self.options[0])(*given)
        for i, option in enumerate(self.options[1:], 1):
            found = jnp.where(self.chosen == i, initializers.get(option)(*given), found)
        return found

    @property
    def in_frames(self) -> bool:
        """Whether each of the initializers can draw a member's own shape within a frame."""
        return all(getattr(initializers.get(option), "in_frames", False) for option in self.options)

    def _activated(self, x: jax.Array) -> jax.Array:
        """The chosen function of x; the others get harmless numbers, and zero gradients."""
        found = activations.get(self.options[0])(jnp.where(self.chosen == 0, x, 0.5))
        for i, option in enumerate(self.options[1:], 1):
            mine = self.chosen == i
            found = jnp.where(mine, activations.get(option)(jnp.where(mine, x, 0.5)), found)
        return found

    @property
    def by_element(self) -> bool:
        """Whether each of the functions computes each value from one value."""
        return all(by_element(activations.get(option)) for option in self.options)


class Frame:
    """One program's arrays: a recipe of the frame's sizes, in which `sizes` and `choices` are a member's own numbers.

    `recipe` makes the recipe of some values, and `corner` has the least values of the sizes: it tells which axes are shared.
    """

    def __init__(self, task: Any, values: Values, sizes: Values, corner: Values, choices: Mapping[str, Choice]):
        self.sizes, self.choices = dict(sizes), dict(choices)
        switches = {
            name: Switch(choice.options, Varied.of(np.zeros((), config.floatx()), name))  # type: ignore[arg-type]
            for name, choice in choices.items()
        }
        self.recipe, self.batch_size = task.recipe({**values, **sizes, **switches})
        self.batch_name = task.space.batch_name if task.space.batch_name in sizes else None
        if self.batch_name is not None and not may_be_padded(self.recipe):
            raise FrameError(f"{self.recipe.network!r} may look at several rows together, so no batch is padded")
        _check_recipe(self.recipe, {*sizes, *choices}, self.batch_name)
        self.tape = traced(self.recipe, task.rows.x, self.batch_size)
        _check_outputs(self.tape)
        self.apart = take_apart(self.recipe)
        self._owns: dict[Any, dict[Any, Any]] = {}
        smallest = self.place({**values, **corner})
        self._check_against(task.recipe({**values, **corner})[0], smallest)
        self._mark(smallest)

    def batch_of(self, values: Values) -> int:
        """How many rows a batch of a member has."""
        return self.batch_size if self.batch_name is None else int(values[self.batch_name])

    def place(self, values: Values) -> Placement:
        """Where a member with these values is in the frame."""
        return placed(self.tape, values)

    def _check_against(self, other: Recipe, member: Placement) -> None:
        """Raise if the live places that layers define do not agree with the weights that they build."""
        apart = take_apart(other)
        own = [tuple(v.shape) for v in apart.variables]
        told = [self._own_shape(member, v) for v in self.apart.variables]
        if own != told:
            raise FrameError(f"layers tell of weights of shapes {told}, and build {own}")
        if _constants(apart) != _constants(self.apart):
            raise FrameError("a layer derives a number from its size")

    def _own_shape(self, member: Placement, variable: Any) -> tuple[int, ...]:
        live = member.weights.get(id(variable))
        return tuple(variable.shape) if live is None else tuple(int(axis.sum()) for axis in live)

    def _mark(self, smallest: Placement) -> None:
        """Put arrays of each member's own into the recipe: what is live of its weights, and what its layers are told."""
        self.live: list[Any] = []
        for i, variable in enumerate(self.apart.variables):
            live = smallest.weights.get(id(variable))
            if live is None or live.is_whole:
                self.live.append(None)
                continue
            if not (variable.is_drawn and getattr(variable.initializer, "in_frames", False)):
                raise FrameError(f"{variable.path} starts as {variable.initializer!r}, which knows one shape")
            axes = [
                None if axis.all() else Varied.of(np.ones(len(axis)), ("live", i, a)) for a, axis in enumerate(live)
            ]
            self.live.append(axes)
        _check_penalties(self.recipe, {id(v) for v, live in zip(self.apart.variables, self.live, strict=True) if live})
        self._layers = {id(p): p for p in parts_of(self.recipe.network, Layer)}
        self._places = {key: n for n, key in enumerate(smallest.told)}
        for key in smallest.needed:
            layer, name = key
            value = smallest.told[key]
            vars(self._layers[layer])[name] = Varied.of(value, ("told", self._places[key]))
        slots = self.apart.structure.slots
        if any(live is not None for live in self.live):
            self.recipe.live = [live for live, slot in zip(self.live, slots, strict=True) if slot.trainable]
        self._variables = self.apart.variables
        self.apart = take_apart(self.recipe)

    def own(self, values: Values) -> dict[Any, Any]:
        """A member's own arrays, by their origins."""
        key = tuple(values[name] for name in self.sizes if name in values)
        if key not in self._owns:
            member = self.place(values)
            found: dict[Any, Any] = {("told", self._places[k]): v for k, v in member.told.items() if k in self._places}
            for i, variable in enumerate(self._variables):
                for a, axis in enumerate(member.weights.get(id(variable), ())):
                    found["live", i, a] = axis
            self._owns[key] = found
        chosen = {name: choice._place(values[name]) for name, choice in self.choices.items() if name in values}
        return {**self._owns[key], **chosen}

    def cut(self, values: Values, weights: list[np.ndarray]) -> list[np.ndarray]:
        """A member's weights in their true shapes."""
        member = self.place(values)
        lives = (member.weights.get(id(v)) for v in self._variables)
        return [w if live is None else w[np.ix_(*live)] for w, live in zip(weights, lives, strict=True)]


def traced(recipe: Recipe, x: Any, batch_size: int) -> Tape:
    """The tape of a network."""

    def batch_of(a: Any) -> Any:
        rows = min(batch_size, a.shape[0])
        return jax.ShapeDtypeStruct((rows, *a.shape[1:]), jax.dtypes.canonicalize_dtype(a.dtype))

    tape = Tape()

    def call(x: Any) -> None:
        tape.outputs = [tape.place(o).number for o in jax.tree.leaves(recipe.network(x))]

    with evaluating(Context(building=True)) as context:
        context.tape = tape
        engine.shapes_of(call, jax.tree.map(batch_of, x))
    return tape


def _check_outputs(tape: Tape) -> None:
    """Raise if an output's activation is a choice: losses use the logits behind an output, so they must know its function."""
    for call in tape.calls:
        made = {leaf.number for leaf in jax.tree.leaves(call.outputs)}
        if made & set(tape.outputs) and any(
            isinstance(v, Switch) for n, v in vars(call.what).items() if not n.endswith(INITIALIZER)
        ):
            raise FrameError(f"{call.what!r} gives what the loss is computed from")


def _check_recipe(recipe: Recipe, names: set[str], batch_name: str | None) -> None:
    """Raise for anything that looks at whole weights or at sizes, and so at places that are not live."""
    network, optimizer = recipe.network, recipe.optimizer
    ways = ("transform", "rule", "init", "update", "_step", "_prepared", "decayed", "averaged")
    if not trusted(optimizer, "by_element", *ways) or getattr(optimizer, "epsilon", None) == 0:
        raise FrameError(f"{optimizer!r} looks at whole matrices")
    if recipe.custom_logs or recipe.scored_logs or recipe.own_loss:
        raise FrameError(f"{network!r} takes steps of its own")
    for rule in parts_of(recipe.rules, Rule):
        if not type(rule).__module__.startswith("caviar."):
            raise FrameError(f"{rule!r} may look at weights")
    found = {batch_name} & names
    for part in parts_of(recipe, lambda p: isinstance(p, Part) and not isinstance(p, Node)):
        shares = isinstance(part, Variable) or trusted(part, "live", "call", "build")
        for name, value in vars(part).items():
            may = shares and (name.endswith(INITIALIZER) or name in getattr(part, "may_differ", ()))
            for origin in _origins(value) & names:
                if not may:
                    raise FrameError(f"{type(part).__name__}.{name} is no size that members of a frame differ in")
                found.add(origin)
    if found != names:
        raise FrameError(f"{', '.join(names - found)} stand elsewhere")


def _constants(apart: Apart) -> list[Any]:
    return [np.asarray(n).tolist() for n in apart.numbers if not isinstance(n, Closed | Varied)]


def _origins(value: Any) -> set[Any]:
    """The hyperparameters that an attribute holds."""
    if isinstance(value, (list, tuple)):
        return set().union(*map(_origins, value)) if value else set()
    if isinstance(value, Switch):
        return {value.chosen.origin}  # type: ignore[attr-defined]
    return {value.origin} if isinstance(value, ClosedSize) else set()


def _check_penalties(recipe: Recipe, partly: set[int]) -> None:
    for layer in parts_of(recipe.network, Layer):
        for name, looks in (*layer.weight_penalties.items(), *layer.weight_constraints.items()):
            if id(vars(layer)[name]) in partly and not trusted(looks, "by_element", "__call__"):
                raise FrameError(f"{looks!r} looks at whole matrices")
