"""Houses around Boston in the 1970s, 13 numbers each, and their prices."""

from __future__ import annotations

from caviar.arguments import check
from caviar.datasets.reading import Pair, arrays_in, divided, keras_file
from caviar.declarations import Count, Fraction

__all__ = ["load_data"]


def load_data(path: str = "boston_housing.npz", test_split: Fraction = 0.2, seed: Count = 113) -> tuple[Pair, Pair]:
    """404 houses to train on and 102 to test on, from `~/.keras/datasets/boston_housing.npz`; fetched if it is not there.

    One of the 13 columns is a function of the share of Black residents: the data set's authors assumed an influence on prices.

    >>> from caviar.datasets import boston_housing
    >>> (x_train, y_train), (x_test, y_test) = boston_housing.load_data()  # doctest: +SKIP
    """
    check(load_data, locals())
    found = arrays_in(keras_file(path, "f553886a1f8d56431e820c5b82552d9d95cfcb96d1e678153f8839538947dff5"))
    return divided(found["x"], found["y"], test_split, seed)


def __dir__() -> list[str]:
    return __all__
