"""Data sets from files in folders, with a folder for each class."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import jax.numpy as jnp
import numpy as np

from caviar import config
from caviar.arguments import check
from caviar.data.batches import Batches, PyDataset
from caviar.declarations import Count, DataFormat, Fraction, OneOf, Size, Sizes
from caviar.errors import ArgumentError, DataError, FileError
from caviar.files import as_path
from caviar.images.resizing import resize
from caviar.utils.image_files import img_to_array, load_img
from caviar.utils.labels import to_categorical

__all__ = ["PyDataset", "Sequence", "image_dataset_from_directory", "text_dataset_from_directory"]

LabelMode = Annotated[str | None, OneOf("int", "categorical", "binary", None)]
Sequence = PyDataset
Subset = Annotated[str | None, OneOf("training", "validation", "both", None)]
_IMAGES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".webp")


def image_dataset_from_directory(
    directory: Any,
    labels: Any = "inferred",
    label_mode: LabelMode = "int",
    class_names: Any = None,
    color_mode: Annotated[str, OneOf("grayscale", "rgb", "rgba")] = "rgb",
    batch_size: Size | None = 32,
    image_size: Sizes = (256, 256),
    shuffle: bool = True,
    seed: Count | None = None,
    validation_split: Fraction | None = None,
    subset: Subset = None,
    interpolation: Annotated[str, OneOf("bilinear", "nearest", "bicubic", "lanczos3", "lanczos5")] = "bilinear",
    follow_links: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    data_format: DataFormat | None = None,
    format: Any = "tf",
    verbose: bool = True,
) -> Any:
    """Batches of images of one size from folders, one for each class, with the numbers of the classes.

    >>> import numpy as np, pathlib, tempfile
    >>> from caviar.utils import image_dataset_from_directory, save_img
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> for kind in ("cat", "dog"):
    ...     (folder / kind).mkdir()
    ...     save_img(folder / kind / "1.png", np.ones((4, 6, 3)))
    >>> data = image_dataset_from_directory(folder, image_size=(8, 8), verbose=False)
    >>> data.class_names, next(iter(data))[0].shape
    (['cat', 'dog'], (2, 8, 8, 3))
    """
    check(image_dataset_from_directory, locals())
    del format
    size = (image_size, image_size) if isinstance(image_size, int) else tuple(image_size)
    options: Any = {"crop_to_aspect_ratio": crop_to_aspect_ratio, "pad_to_aspect_ratio": pad_to_aspect_ratio}

    def load(path: str) -> np.ndarray:
        image = img_to_array(load_img(path, color_mode), "channels_last")
        if image.shape[:2] != size:
            image = np.asarray(resize(jnp.asarray(image), size, interpolation, data_format="channels_last", **options))
        first = (data_format or config.image_data_format()) == "channels_first"
        return image.transpose(2, 0, 1) if first else image

    found = _found(directory, labels, class_names, _IMAGES, follow_links)
    return _datasets(found, label_mode, batch_size, shuffle, seed, validation_split, subset, verbose, load, np.stack)


def text_dataset_from_directory(
    directory: Any,
    labels: Any = "inferred",
    label_mode: LabelMode = "int",
    class_names: Any = None,
    batch_size: Size | None = 32,
    max_length: Size | None = None,
    shuffle: bool = True,
    seed: Count | None = None,
    validation_split: Fraction | None = None,
    subset: Subset = None,
    follow_links: bool = False,
    format: Any = "tf",
    verbose: bool = True,
) -> Any:
    """Batches of texts from .txt files in folders, one for each class, with the numbers of the classes.

    >>> import pathlib, tempfile
    >>> from caviar.utils import text_dataset_from_directory
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> for kind in ("bad", "good"):
    ...     (folder / kind).mkdir()
    ...     _ = (folder / kind / "1.txt").write_text(f"a {kind} film")
    >>> x, y = next(iter(text_dataset_from_directory(folder, shuffle=False, verbose=False)))
    >>> x.tolist(), y.tolist()
    (['a bad film', 'a good film'], [0, 1])
    """
    check(text_dataset_from_directory, locals())
    del format

    def load(path: str) -> str:
        return Path(path).read_text(encoding="utf-8", errors="ignore")[:max_length]

    def together(texts: list[str]) -> np.ndarray:
        return np.array(texts, object)

    found = _found(directory, labels, class_names, (".txt",), follow_links)
    return _datasets(found, label_mode, batch_size, shuffle, seed, validation_split, subset, verbose, load, together)


def _found(
    directory: Any, labels: Any, class_names: Any, endings: tuple[str, ...], follow_links: bool
) -> tuple[list[str], Any, list[str]]:
    """The files, the numbers of their classes if there are any, and the classes' names."""
    folder = as_path(directory)
    if not folder.is_dir():
        raise FileError(f"{folder} is not a folder: give one that holds a folder for each class")
    if labels != "inferred":
        paths = _files(folder, endings, follow_links)
        if labels is not None and len(labels) != len(paths):
            raise DataError(f"{len(labels)} labels were given for {len(paths)} files in {folder}")
        numbers = None if labels is None else np.asarray(labels)
        return paths, numbers, [] if labels is None else [str(c) for c in sorted(set(np.asarray(labels).tolist()))]
    names = sorted(p.name for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))
    if class_names is not None:
        if set(class_names) != set(names):
            raise ArgumentError(f"class_names are the folders in {folder}, {names}, and {list(class_names)} were given")
        names = list(class_names)
    each = [_files(folder / name, endings, follow_links) for name in names]
    return [p for paths in each for p in paths], np.repeat(np.arange(len(names)), [len(p) for p in each]), names


def _files(folder: Path, endings: tuple[str, ...], follow_links: bool) -> list[str]:
    walked = sorted(os.walk(folder, followlinks=follow_links))
    return [os.path.join(root, n) for root, _, names in walked for n in sorted(names) if n.lower().endswith(endings)]


def _datasets(
    found: Any,
    label_mode: str | None,
    batch_size: int | None,
    shuffle: bool,
    seed: int | None,
    validation_split: float | None,
    subset: str | None,
    verbose: bool,
    load: Callable[[str], Any],
    together: Callable[[list[Any]], Any],
) -> Any:
    """The batches of one part of the files, or of both parts."""
    paths, numbers, names = found
    if not paths:
        raise DataError("there are no files of that kind in the folder")
    _check_split(validation_split, subset, fixed=seed is not None or not shuffle)
    order = np.random.RandomState(seed).permutation(len(paths)) if shuffle else np.arange(len(paths))
    labels = None if numbers is None or label_mode is None else _as_labels(numbers, label_mode, len(names))
    if verbose:
        print(f"Found {len(paths)} files belonging to {len(names)} classes.")

    def batches(rows: np.ndarray) -> Batches:
        size = batch_size or 1

        def batch(of: np.ndarray) -> Any:
            x = together([load(paths[i]) for i in of])
            parts = x if labels is None else (x, labels[of])
            return parts if batch_size else (parts[0] if labels is None else (x[0], parts[1][0]))

        made = Batches([rows[i : i + size] for i in range(0, len(rows), size)], batch, shuffle=shuffle, seed=seed)
        made.class_names, made.file_paths = names, [paths[i] for i in rows]
        return made

    end = len(paths) - int((validation_split or 0) * len(paths))
    parts = {"training": order[:end], "validation": order[end:], None: order}
    return (batches(parts["training"]), batches(parts["validation"])) if subset == "both" else batches(parts[subset])


def _check_split(validation_split: float | None, subset: str | None, fixed: bool) -> None:
    """Raise unless a part is asked for of a split, whose order of the files is `fixed` from call to call."""
    if (validation_split is None) != (subset is None):
        raise ArgumentError("validation_split and subset are given together: validation_split=0.2, subset='training'")
    if validation_split and not fixed:
        raise ArgumentError("validation_split wants a seed, or shuffle=False, so that no file is in both parts")


def _as_labels(numbers: Any, label_mode: str, classes: int) -> np.ndarray:
    if label_mode == "binary":
        if classes != 2:
            raise ArgumentError(f"label_mode='binary' is for two classes, and there are {classes}")
        return numbers.astype(config.floatx())[:, None]
    return to_categorical(numbers, classes) if label_mode == "categorical" else numbers.astype("int32")
