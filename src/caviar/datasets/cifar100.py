"""Small colour photographs of a hundred kinds of things, in twenty groups."""

from __future__ import annotations

from typing import Annotated

from caviar.arguments import check
from caviar.datasets.cifar import batch, folder
from caviar.datasets.reading import Pair
from caviar.declarations import OneOf

__all__ = ["load_data"]


def load_data(label_mode: Annotated[str, OneOf("fine", "coarse")] = "fine") -> tuple[Pair, Pair]:
    """50,000 images and labels to train on and 10,000 to test on, from `~/.keras/datasets/cifar-100-python-target`.

    >>> from caviar.datasets import cifar100
    >>> (x_train, y_train), (x_test, y_test) = cifar100.load_data()  # doctest: +SKIP
    """
    check(load_data, locals())
    path = folder(
        "cifar-100-python", "cifar-100-python", "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7"
    )
    labels = f"{label_mode}_labels".encode()
    return batch(path / "train", labels), batch(path / "test", labels)


def __dir__() -> list[str]:
    return __all__
