"""Clothes, 28 pixels wide and high."""

from __future__ import annotations

import gzip

import numpy as np

from caviar.datasets.reading import Pair, keras_file

__all__ = ["load_data"]


def load_data() -> tuple[Pair, Pair]:
    """60,000 images and labels to train on and 10,000 to test on, from `~/.keras/datasets/fashion-mnist`; fetched if missing.

    >>> from caviar.datasets import fashion_mnist
    >>> (x_train, y_train), (x_test, y_test) = fashion_mnist.load_data()  # doctest: +SKIP
    """
    return _half("train"), _half("t10k")


def _half(name: str) -> Pair:
    labels = np.frombuffer(_bytes(f"{name}-labels-idx1-ubyte.gz"), np.uint8, offset=8)
    return np.frombuffer(_bytes(f"{name}-images-idx3-ubyte.gz"), np.uint8, offset=16).reshape(
        len(labels), 28, 28
    ), labels


def _bytes(name: str) -> bytes:
    with gzip.open(keras_file(name, subdir="datasets/fashion-mnist")) as file:
        return file.read()


def __dir__() -> list[str]:
    return __all__
