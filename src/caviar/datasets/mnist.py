"""Handwritten digits, 28 pixels wide and high."""

from __future__ import annotations

from caviar.arguments import check
from caviar.datasets.reading import Pair, arrays_in, keras_file

__all__ = ["load_data"]


def load_data(path: str = "mnist.npz") -> tuple[Pair, Pair]:
    """60,000 images and labels to train on and 10,000 to test on, from `~/.keras/datasets/mnist.npz`; fetched if missing.

    >>> from caviar.datasets import mnist
    >>> (x_train, y_train), (x_test, y_test) = mnist.load_data()  # doctest: +SKIP
    """
    check(load_data, locals())
    found = arrays_in(keras_file(path, "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"))
    return (found["x_train"], found["y_train"]), (found["x_test"], found["y_test"])


def __dir__() -> list[str]:
    return __all__
