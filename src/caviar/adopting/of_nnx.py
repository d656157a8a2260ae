"""Modules of Flax' NNX, which hold their weights: after training here, the module has the trained ones."""

from __future__ import annotations

import sys
from typing import Any

import jax

from caviar.adopting.adopted import AdoptedModel
from caviar.adopting.mirrors import Origin
from caviar.adopting.of_functions import OfFunction


def adopt_nnx(module: Any) -> AdoptedModel:
    """An NNX module: its parameters are learned; batch statistics and random streams are its state."""
    nnx = sys.modules["flax.nnx"]
    graph, params, rest = nnx.split(module, nnx.Param, ...)
    computes = _Computes(graph, [_is_key(leaf) for leaf in jax.tree.leaves(rest)])
    return OfNnx(Origin(module), Origin(computes), params, computes.as_numbers(rest))


class OfNnx(OfFunction):
    """An NNX module, adopted."""

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name == "last_run" and value is not None and not self.is_copy:
            self.give_back()

    def give_back(self) -> Any:
        """Give the NNX module these weights, and return it."""
        nnx = sys.modules["flax.nnx"]
        copies = jax.tree.map(lambda leaf: leaf.copy(), (self.params, self.computes.it.as_keys(self.state)))
        nnx.update(self.original, *copies)
        return self.original


class _Computes:
    """What an NNX module computes, as a pure function. Random keys are numbers outside of it."""

    def __init__(self, graph: Any, are_keys: list[bool]):
        self.graph, self.are_keys = graph, are_keys

    def __call__(self, params: Any, state: Any, x: Any, training: bool, rng: Any) -> tuple[Any, Any]:
        nnx = sys.modules["flax.nnx"]
        module = nnx.merge(self.graph, params, self.as_keys(state))
        if training:
            module.train()
        else:
            module.eval()
        outputs = module(x)
        return outputs, self.as_numbers(nnx.split(module, nnx.Param, ...)[2])

    def as_numbers(self, state: Any) -> Any:
        """The state with random keys as numbers."""
        return jax.tree.map(lambda leaf: jax.random.key_data(leaf) if _is_key(leaf) else leaf, state)

    def as_keys(self, state: Any) -> Any:
        """The state with random keys."""
        leaves, form = jax.tree.flatten(state)
        pairs = zip(leaves, self.are_keys, strict=True)
        return jax.tree.unflatten(form, [jax.random.wrap_key_data(leaf) if key else leaf for leaf, key in pairs])


def _is_key(leaf: Any) -> bool:
    return jax.numpy.issubdtype(leaf.dtype, jax.dtypes.prng_key)
