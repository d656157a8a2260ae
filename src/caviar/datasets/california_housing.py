"""Districts of California in 1990, 8 numbers each, and the prices of their houses."""

from __future__ import annotations

from typing import Annotated

from caviar.arguments import check
from caviar.datasets.reading import Pair, arrays_in, divided, keras_file
from caviar.declarations import Count, Fraction, OneOf

__all__ = ["load_data"]


def load_data(
    version: Annotated[str, OneOf("large", "small")] = "large",
    path: str = "california_housing.npz",
    test_split: Fraction = 0.2,
    seed: Count = 113,
) -> tuple[Pair, Pair]:
    """20,640 districts, or the first 600, from `~/.keras/datasets/california_housing.npz`; fetched if it is not there.

    >>> from caviar.datasets import california_housing
    >>> (x_train, y_train), (x_test, y_test) = california_housing.load_data()  # doctest: +SKIP
    """
    check(load_data, locals())
    found = arrays_in(keras_file(path, "1a2e3a52e0398de6463aebe6f4a8da34fb21fbb6b934cf88c3425e766f2a1a6f"))
    rows = 600 if version == "small" else None
    return divided(found["x"][:rows], found["y"][:rows], test_split, seed)


def __dir__() -> list[str]:
    return __all__
