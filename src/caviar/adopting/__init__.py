"""Models of other libraries that compute with JAX, adopted: trained, searched and evaluated here as they are."""

from __future__ import annotations

from caviar.adopting.adopted import AdoptedModel
from caviar.adopting.front import adopt


def __dir__() -> list[str]:
    return __all__


__all__ = ["AdoptedModel", "adopt"]
