"""442 people with diabetes, 10 numbers each, and how far the disease went within a year."""

from __future__ import annotations

from caviar.arguments import check
from caviar.datasets.reading import Pair, divided
from caviar.declarations import Count, Fraction
from caviar.errors import missing_extra

__all__ = ["load_data"]


def load_data(test_split: Fraction = 0.2, seed: Count = 113) -> tuple[Pair, Pair]:
    """442 people with diabetes, 10 numbers each, and how far the disease went within a year, as scikit-learn ships them.

    >>> from caviar.datasets import diabetes
    >>> (x_train, y_train), (x_test, y_test) = diabetes.load_data()
    >>> x_train.shape
    (353, 10)
    """
    check(load_data, locals())
    try:
        from sklearn import datasets
    except ImportError as error:
        raise missing_extra("scikit-learn", "datasets", "the data sets that it ships") from error
    found = datasets.load_diabetes()
    return divided(found.data, found.target, test_split, seed)


def __dir__() -> list[str]:
    return __all__
