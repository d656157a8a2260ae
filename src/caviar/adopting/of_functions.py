"""Pure functions of parameters, adopted; and modules of Flax (Linen) and Equinox, which are such functions at heart."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from caviar.adopting.adopted import AdoptedModel
from caviar.adopting.mirrors import Origin
from caviar.adopting.quickening import quick
from caviar.errors import ArgumentError
from caviar.graph.variable import Variable

_MODES = {"training": True, "train": True, "is_training": True, "deterministic": False, "inference": False}
"""Arguments that say whether it is training, and what they are then."""
_KEYS = ("rng", "key")

Computes = Callable[[Any, Any, Any, bool, Any], tuple[Any, Any]]
"""Outputs and the state after it, of parameters, state, x, whether it is training, and a random key."""


class OfFunction(AdoptedModel):
    """A pure function with its parameters, and with the state that it keeps from batch to batch, if it has any."""

    def __init__(self, origin: Origin, computes: Origin, params: Any, state: Any) -> None:
        super().__init__(origin)
        self.computes = computes
        leaves, form = jax.tree.flatten((params, state))
        count = len(jax.tree.leaves(params))
        self.form, self.places = Origin(form), []
        for i, leaf in enumerate(leaves):
            self.places.append(self._place(leaf, learned=i < count))

    def _place(self, leaf: Any, learned: bool) -> Any:
        """Where the value of a leaf is: among the variables, or here, if it is no array."""
        if not isinstance(leaf, (np.ndarray, jax.Array)):
            return Origin(leaf)
        trained = learned and jax.numpy.issubdtype(leaf.dtype, np.inexact)
        variables = self.learned if trained else self.kept
        variables.append(Variable(leaf, trainable=trained))
        return trained

    def _tree(self, learned: Any, kept: Any) -> Any:
        these, those = iter(learned), iter(kept)
        found = [p.it if isinstance(p, Origin) else next(these if p else those) for p in self.places]
        return jax.tree.unflatten(self.form.it, found)

    @property
    def params(self) -> Any:
        """The parameters as they are by now, nested as they were given; for Equinox, the module."""
        return self._tree([v.value for v in self.learned], [v.value for v in self.kept])[0]

    @property
    def state(self) -> Any:
        """The state as it is by now."""
        return self._tree([v.value for v in self.learned], [v.value for v in self.kept])[1]

    def evaluate_origin(self, learned: Any, kept: Any, x: Any, training: bool, rng: Any) -> tuple[Any, Any, Any]:
        """What the function gives."""

        def computed(learned: Any, kept: Any, x: Any, rng: Any) -> Any:
            params, state = self._tree(learned, kept)
            outputs, state = self.computes.it(params, state, x, training, rng)
            pairs = zip(jax.tree.leaves((params, state)), self.places, strict=True)
            return outputs, [leaf for leaf, place in pairs if place is False]

        return *quick(computed)(learned, kept, x, rng), ()


def adopt_function(function: Any, params: Any, state: Any = None) -> AdoptedModel:
    """`function(params, x)`, or `function(params, state, x)` which gives the outputs and the new state."""
    if params is None:
        raise ArgumentError(f"{function!r:.60} was given without its parameters: adopt(function, params)")
    params, state = jax.tree.map(_as_array, (params, state))
    return OfFunction(Origin(function), Origin(functools.partial(_called, function)), params, state)


def _as_array(leaf: Any) -> Any:
    return np.asarray(leaf, np.float32) if isinstance(leaf, float) else leaf


def _called(function: Any, params: Any, state: Any, x: Any, training: bool, rng: Any) -> tuple[Any, Any]:
    more = asked(function, training, rng)
    return (function(params, x, **more), None) if state is None else function(params, state, x, **more)


def asked(function: Any, training: bool, rng: Any) -> dict[str, Any]:
    """The arguments by which a function wants to know whether it is training, and a random key."""
    known = inspect.signature(function).parameters
    modes = {name: training is value for name, value in _MODES.items() if name in known}
    return modes | {name: rng for name in _KEYS if name in known}


def adopt_linen(module: Any, variables: Any) -> AdoptedModel:
    """A Linen module with what its `init` gave."""
    if not isinstance(variables, dict) or "params" not in variables:
        raise ArgumentError(
            f"{type(module).__name__} was given without its variables: adopt(module, module.init(key, x))"
        )
    state = {name: tree for name, tree in variables.items() if name != "params"}
    return OfFunction(Origin(module), Origin(functools.partial(_applied, module)), variables["params"], state)


def _applied(module: Any, params: Any, state: Any, x: Any, training: bool, rng: Any) -> tuple[Any, Any]:
    rngs = None if rng is None else {"dropout": rng}
    mode = asked(module.__call__, training, None)
    if not (training and state):
        return module.apply({"params": params, **state}, x, rngs=rngs, **mode), state
    return module.apply({"params": params, **state}, x, rngs=rngs, mutable=list(state), **mode)


def adopt_equinox(module: Any, state: Any = None) -> AdoptedModel:
    """An Equinox module, which computes one row; with its `State`, if it has one."""
    return OfFunction(Origin(module), Origin(_mapped), module, state)


def _mapped(module: Any, state: Any, x: Any, training: bool, rng: Any) -> tuple[Any, Any]:
    rows = jax.tree.leaves(x)[0].shape[0]
    module = sys.modules["equinox"].nn.inference_mode(module, value=not training)
    keys = {"key": None if rng is None else jax.random.split(rng, rows)} if _takes_key(module) else {}

    def one(x: Any, keys: Any) -> Any:
        return (module(x, **keys), None) if state is None else module(x, state, **keys)

    return jax.vmap(one, in_axes=(0, 0), out_axes=(0, None), axis_name="batch")(x, keys)


def _takes_key(module: Any) -> bool:
    return "key" in inspect.signature(type(module).__call__).parameters
