"""178 wines, 13 numbers each, and who grew them."""

from __future__ import annotations

from caviar.arguments import check
from caviar.datasets.reading import Pair, divided
from caviar.declarations import Count, Fraction
from caviar.errors import missing_extra

__all__ = ["load_data"]


def load_data(test_split: Fraction = 0.2, seed: Count = 113) -> tuple[Pair, Pair]:
    """178 wines, 13 numbers each, and who grew them, as scikit-learn ships them.

    >>> from caviar.datasets import wine
    >>> (x_train, y_train), (x_test, y_test) = wine.load_data()
    >>> x_train.shape
    (142, 13)
    """
    check(load_data, locals())
    try:
        from sklearn import datasets
    except ImportError as error:
        raise missing_extra("scikit-learn", "datasets", "the data sets that it ships") from error
    found = datasets.load_wine()
    return divided(found.data, found.target, test_split, seed)


def __dir__() -> list[str]:
    return __all__
