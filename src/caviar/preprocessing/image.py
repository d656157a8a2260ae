"""Functions of images, as in Keras' `preprocessing.image`."""

from __future__ import annotations

from typing import Any

import numpy as np

from caviar.declarations import DataFormat, Sizes
from caviar.images.resizing import resize
from caviar.utils import array_to_img, img_to_array, load_img, save_img

__all__ = ["array_to_img", "img_to_array", "load_img", "save_img", "smart_resize"]


def smart_resize(
    x: Any, size: Sizes, interpolation: str = "bilinear", data_format: DataFormat = "channels_last", **kwargs: Any
) -> np.ndarray:
    """Images resampled to this (height, width), cropped first to keep their proportions.

    >>> import numpy as np
    >>> from caviar.preprocessing.image import smart_resize
    >>> smart_resize(np.ones((4, 6, 3)), (2, 2)).shape
    (2, 2, 3)
    """
    made = resize(np.asarray(x), size, interpolation, crop_to_aspect_ratio=True, data_format=data_format)  # type: ignore[arg-type]
    return np.asarray(made)


def __dir__() -> list[str]:
    return __all__
