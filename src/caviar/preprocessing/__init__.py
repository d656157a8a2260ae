"""Other names for functions of `utils`, as Keras has them."""

from __future__ import annotations

from caviar.preprocessing import image, sequence
from caviar.utils import image_dataset_from_directory, text_dataset_from_directory, timeseries_dataset_from_array

__all__ = [
    "image",
    "image_dataset_from_directory",
    "sequence",
    "text_dataset_from_directory",
    "timeseries_dataset_from_array",
]


def __dir__() -> list[str]:
    return __all__
