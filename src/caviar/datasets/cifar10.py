"""Small colour photographs of ten kinds of things."""

from __future__ import annotations

import numpy as np

from caviar.datasets.cifar import batch, folder
from caviar.datasets.reading import Pair

__all__ = ["load_data"]


def load_data() -> tuple[Pair, Pair]:
    """50,000 images and labels to train on and 10,000 to test on, from `~/.keras/datasets/cifar-10-batches-py-target`.

    >>> from caviar.datasets import cifar10
    >>> (x_train, y_train), (x_test, y_test) = cifar10.load_data()  # doctest: +SKIP
    """
    path = folder(
        "cifar-10-batches-py", "cifar-10-python", "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"
    )
    parts = [batch(path / f"data_batch_{i}") for i in range(1, 6)]
    return (np.concatenate([x for x, _ in parts]), np.concatenate([y for _, y in parts])), batch(path / "test_batch")


def __dir__() -> list[str]:
    return __all__
