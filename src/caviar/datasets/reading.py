"""Reading data sets: arrays, and pickles of lists and NumPy arrays; nothing in a file is executed."""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy

from caviar.declarations import Fraction
from caviar.errors import FileError
from caviar.fetching import get_file

KERAS = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
_HARMLESS = {"_reconstruct", "ndarray", "dtype", "scalar", "_frombuffer", "encode", "list", "tuple"}
_MODULES = {
    "numpy",
    "numpy.core.multiarray",
    "numpy._core.multiarray",
    "numpy.core.numeric",
    "_codecs",
    "builtins",
    "__builtin__",
}

Pair = tuple[np.ndarray, np.ndarray]


def keras_file(name: str, file_hash: str | None = None, subdir: str = "datasets") -> Path:
    """The path of a file of Keras' data sets."""
    return Path(get_file(name, origin=KERAS + name.rpartition("/")[2], file_hash=file_hash, cache_subdir=subdir))


class _DataUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        """The classes of NumPy's arrays, and no others."""
        if module in _MODULES and name in _HARMLESS:
            return super().find_class(module, name)
        raise FileError(f"the file holds {module}.{name}, which is no data")


def unpickled(source: Any) -> Any:
    """The content of a pickle of lists, dicts and NumPy arrays.

    >>> import io, pickle
    >>> from caviar.datasets.reading import unpickled
    >>> unpickled(io.BytesIO(pickle.dumps([1, [2, 3]])))
    [1, [2, 3]]
    """
    return _DataUnpickler(source, encoding="bytes").load()


def arrays_in(path: Path) -> dict[str, Any]:
    """The arrays of an .npz file, also arrays of lists."""
    found: dict[str, Any] = {}
    try:
        with zipfile.ZipFile(path) as packed:
            for name in packed.namelist():
                found[name.removesuffix(".npy")] = _array(io.BytesIO(packed.read(name)))
    except (zipfile.BadZipFile, ValueError, pickle.UnpicklingError) as error:
        raise FileError(f"{path} is not an .npz file ({error}): fetch it again") from error
    return found


def _array(file: io.BytesIO) -> Any:
    version = npy.read_magic(file)
    header = npy.read_array_header_1_0(file) if version == (1, 0) else npy.read_array_header_2_0(file)
    if header[2].hasobject:
        return unpickled(file)
    file.seek(0)
    return npy.read_array(file, allow_pickle=False)


def divided(x: Any, y: Any, test_split: Fraction, seed: int) -> tuple[Pair, Pair]:
    """Rows shuffled by the seed, and split: the last part is for testing."""
    order = np.arange(len(x))
    np.random.RandomState(seed).shuffle(order)
    x, y = np.asarray(x)[order], np.asarray(y)[order]
    count = int(len(x) * (1 - test_split))
    return (x[:count], y[:count]), (x[count:], y[count:])
