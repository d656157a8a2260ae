"""Calls of Keras' models: with quick operations, and with other things standing in them while they are traced."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import jax

from caviar.adopting.quickening import quick


@contextlib.contextmanager
def standing_in(model: Any, others: dict[str, Any]) -> Iterator[None]:
    """Let others stand in the places of some attributes of an object inside a `with` block."""
    before = {name: vars(model)[name] for name in others if name in vars(model)}
    vars(model).update(others)
    try:
        yield
    finally:
        for name in others:
            del vars(model)[name]
        vars(model).update(before)


def quickly(model: Any) -> Callable[..., Any]:
    """The model's `stateless_call` with quick operations; the masks that Keras attaches to outputs stay there."""
    call = model.stateless_call

    def stateless_call(learned: Any, kept: Any, *args: Any, **how: Any) -> Any:
        def pure(*given: Any) -> Any:
            found = call(*given, **how)
            return found, [getattr(output, "_keras_mask", None) for output in jax.tree.leaves(found[0])]

        found, masks = quick(pure)(learned, kept, *args)
        for output, mask in zip(jax.tree.leaves(found[0]), masks, strict=True):
            if mask is not None:
                output._keras_mask = mask
        return found

    return stateless_call
