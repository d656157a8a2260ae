"""Reading the files of both CIFAR data sets."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from caviar import config
from caviar.datasets.reading import Pair, unpickled
from caviar.fetching import get_file


def folder(name: str, archive: str, file_hash: str) -> Path:
    """The folder of the batches, inside that of the archive or alone."""
    origin = f"https://www.cs.toronto.edu/~kriz/{archive}.tar.gz"
    found = Path(get_file(f"{name}-target", origin=origin, extract=True, file_hash=file_hash))
    return found / name if (found / name).is_dir() else found


def batch(path: Path, label: bytes = b"labels") -> Pair:
    """Images (n, 32, 32, 3) and labels (n, 1) of one file."""
    with open(path, "rb") as file:
        found = unpickled(file)
    images = np.asarray(found[b"data"]).reshape(-1, 3, 32, 32)
    images = images if config.image_data_format() == "channels_first" else images.transpose(0, 2, 3, 1)
    return images, np.reshape(found[label], (-1, 1)).astype("uint8")
