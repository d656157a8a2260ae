"""Functions of sequences, as in Keras' `preprocessing.sequence`."""

from __future__ import annotations

from caviar.utils import pad_sequences

__all__ = ["pad_sequences"]


def __dir__() -> list[str]:
    return __all__
