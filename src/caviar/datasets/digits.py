"""1,797 handwritten digits, 8 pixels wide and high."""

from __future__ import annotations

from caviar.arguments import check
from caviar.datasets.reading import Pair, divided
from caviar.declarations import Count, Fraction
from caviar.errors import missing_extra

__all__ = ["load_data"]


def load_data(test_split: Fraction = 0.2, seed: Count = 113) -> tuple[Pair, Pair]:
    """1,797 handwritten digits, 8 pixels wide and high, as scikit-learn ships them.

    >>> from caviar.datasets import digits
    >>> (x_train, y_train), (x_test, y_test) = digits.load_data()
    >>> x_train.shape
    (1437, 8, 8)
    """
    check(load_data, locals())
    try:
        from sklearn import datasets
    except ImportError as error:
        raise missing_extra("scikit-learn", "datasets", "the data sets that it ships") from error
    found = datasets.load_digits()
    return divided(found.images, found.target, test_split, seed)


def __dir__() -> list[str]:
    return __all__
