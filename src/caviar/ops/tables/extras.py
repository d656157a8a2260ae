"""Activations that Keras has no operation for."""

from __future__ import annotations

import inspect

from caviar import activations, public
from caviar.ops.words import Function, in_keras_words


def _words(function: Function) -> str:
    _first, *rest = inspect.signature(function).parameters.values()
    return " ".join(["x /", *(p.name if p.default is p.empty else f"{p.name}={p.default!r}" for p in rest)])


TABLE = {name: in_keras_words(f, _words(f)) for name, f in public.functions(activations.__name__).items()}
