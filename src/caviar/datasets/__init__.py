"""Data sets: those of Keras are read from its files in `~/.keras/datasets`; the others come with scikit-learn.

>>> from caviar.datasets import digits
>>> (x_train, y_train), (x_test, y_test) = digits.load_data()
>>> x_train.shape, x_test.shape
((1437, 8, 8), (360, 8, 8))
"""

from __future__ import annotations

from caviar.datasets import (
    boston_housing,
    breast_cancer,
    california_housing,
    cifar10,
    cifar100,
    diabetes,
    digits,
    fashion_mnist,
    imdb,
    iris,
    mnist,
    reuters,
    wine,
)

__all__ = [
    "boston_housing", "breast_cancer", "california_housing", "cifar10", "cifar100", "diabetes", "digits", "fashion_mnist", "imdb",
    "iris", "mnist", "reuters", "wine",
]  # fmt: skip


def __dir__() -> list[str]:
    return __all__
