"""Models: layers that can be compiled, trained, asked and saved."""

from __future__ import annotations

from caviar.models.model import Model
from caviar.models.saving import load_model
from caviar.models.sequential import Sequential

__all__ = ["Model", "Sequential", "load_model"]
