"""Cell nuclei of 569 tumours, 30 numbers each, and whether they are benign."""

from __future__ import annotations

from caviar.arguments import check
from caviar.datasets.reading import Pair, divided
from caviar.declarations import Count, Fraction
from caviar.errors import missing_extra

__all__ = ["load_data"]


def load_data(test_split: Fraction = 0.2, seed: Count = 113) -> tuple[Pair, Pair]:
    """Cell nuclei of 569 tumours, 30 numbers each, and whether they are benign, as scikit-learn ships them.

    >>> from caviar.datasets import breast_cancer
    >>> (x_train, y_train), (x_test, y_test) = breast_cancer.load_data()
    >>> x_train.shape
    (455, 30)
    """
    check(load_data, locals())
    try:
        from sklearn import datasets
    except ImportError as error:
        raise missing_extra("scikit-learn", "datasets", "the data sets that it ships") from error
    found = datasets.load_breast_cancer()
    return divided(found.data, found.target, test_split, seed)


def __dir__() -> list[str]:
    return __all__
