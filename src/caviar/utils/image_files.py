"""Images as arrays and files. Files are read and written by Pillow."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np

from caviar import config
from caviar.arguments import check
from caviar.declarations import DataFormat, DataType, OneOf, Sizes
from caviar.errors import ArgumentError, FileError, ShapeError, missing_extra
from caviar.files import as_path, reading, written_whole

__all__ = ["array_to_img", "img_to_array", "load_img", "save_img"]

_RESAMPLING = ("nearest", "bilinear", "bicubic", "hamming", "box", "lanczos")
_MODES = {"grayscale": "L", "rgba": "RGBA", "rgb": "RGB"}


def pillow() -> Any:
    """Pillow's module of images."""
    try:
        from PIL import Image
    except ImportError as error:
        raise missing_extra("pillow", "images", "reading and writing images") from error
    return Image


def array_to_img(
    x: Any, data_format: DataFormat | None = None, scale: bool = True, dtype: DataType | None = None
) -> Any:
    """An array (height, width, channels) as an image of Pillow's; with `scale` the smallest value is black, the largest white.

    >>> import numpy as np
    >>> from caviar.utils import array_to_img
    >>> array_to_img(np.ones((4, 6, 3))).size
    (6, 4)
    """
    check(array_to_img, locals())
    image = np.asarray(x, dtype or config.floatx())
    if image.ndim != 3:
        raise ShapeError(f"an image is an array (height, width, channels), and was given {image.shape}")
    if (data_format or config.image_data_format()) == "channels_first":
        image = image.transpose(1, 2, 0)
    if scale:
        image = image - image.min()
        image = image / (image.max() or 1) * 255
    if image.shape[-1] in (3, 4):
        return pillow().fromarray(image.astype("uint8"))
    if image.shape[-1] != 1:
        raise ShapeError(f"an image has 1, 3 or 4 channels, and this one has {image.shape[-1]}")
    wide = image.max() > 255
    return pillow().fromarray(image[..., 0].astype("int32" if wide else "uint8"))


def img_to_array(img: Any, data_format: DataFormat | None = None, dtype: DataType | None = None) -> np.ndarray:
    """An image of Pillow's as an array (height, width, channels).

    >>> import numpy as np
    >>> from caviar.utils import array_to_img, img_to_array
    >>> img_to_array(array_to_img(np.ones((4, 6, 3)))).shape
    (4, 6, 3)
    """
    check(img_to_array, locals())
    image = np.asarray(img, dtype or config.floatx())
    if image.ndim not in (2, 3):
        raise ShapeError(f"an image has two or three axes, and was given {image.shape}")
    image = image[..., None] if image.ndim == 2 else image
    return image.transpose(2, 0, 1) if (data_format or config.image_data_format()) == "channels_first" else image


def load_img(
    path: Any,
    color_mode: Annotated[str, OneOf("grayscale", "rgb", "rgba")] = "rgb",
    target_size: Sizes | None = None,
    interpolation: Annotated[str, OneOf(*_RESAMPLING)] = "nearest",
    keep_aspect_ratio: bool = False,
) -> Any:
    """The image of a file, as Pillow has it; `target_size` is (height, width).

    >>> import numpy as np, pathlib, tempfile
    >>> from caviar.utils import load_img, save_img
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "white.png"
    >>> save_img(path, np.ones((4, 6, 3)))
    >>> load_img(path, target_size=(2, 3)).size
    (3, 2)
    """
    check(load_img, locals())
    library = pillow()
    if hasattr(path, "read"):
        image = library.open(path)
    else:
        with reading(path, "image") as found:
            try:
                image = library.open(found)
                image.load()
            except OSError as error:
                raise FileError(f"{found} is not an image that can be read: {error}") from error
    mode = _MODES[color_mode]
    if image.mode != mode and not (mode == "L" and image.mode in ("I;16", "I")):
        image = image.convert(mode)
    if target_size is None:
        return image
    height, width = (target_size, target_size) if isinstance(target_size, int) else target_size
    box = _inside(image.size, width / height) if keep_aspect_ratio else None
    return image.resize((width, height), getattr(library.Resampling, interpolation.upper()), box=box)


def _inside(size: tuple[int, int], ratio: float) -> tuple[int, int, int, int]:
    """The largest part in the middle with these proportions."""
    width, height = size
    across, down = min(width, int(height * ratio)), min(height, int(width / ratio))
    left, top = (width - across) // 2, (height - down) // 2
    return left, top, left + across, top + down


def save_img(
    path: Any,
    x: Any,
    data_format: DataFormat | None = None,
    file_format: str | None = None,
    scale: bool = True,
    **kwargs: Any,
) -> None:
    """Write an array (height, width, channels) as an image; the file's ending says which kind.

    >>> import numpy as np, pathlib, tempfile
    >>> from caviar.utils import save_img
    >>> save_img(pathlib.Path(tempfile.mkdtemp()) / "white.png", np.ones((4, 6, 3)))
    """
    check(save_img, {k: v for k, v in locals().items() if k != "kwargs"})
    image = array_to_img(x, data_format, scale)
    named = as_path(path)
    kinds = pillow().registered_extensions()
    kind = {"jpg": "JPEG"}.get(str(file_format).lower(), file_format) or kinds.get(named.suffix.lower())
    if kind is None:
        raise ArgumentError(f"{named.name!r} does not end as an image does: call it .png or .jpg, or give file_format")
    if image.mode == "RGBA" and kind.upper() == "JPEG":
        image = image.convert("RGB")
    with written_whole(named) as file:
        image.save(file, kind, **kwargs)
