"""Models: networks that can be compiled, trained, used to predict, and saved."""

from __future__ import annotations

from caviar.graph.registry import register as _register
from caviar.models.cloning import clone_model, model_from_json, save_model
from caviar.models.loading import load_model
from caviar.models.model import Model
from caviar.models.sequential import Sequential


def __dir__() -> list[str]:
    return __all__


__all__ = ["Model", "Sequential", "clone_model", "load_model", "model_from_json", "save_model"]

_register({"Model": Model, "Sequential": Sequential})
