"""News, as lists of word numbers, and their topics."""

from __future__ import annotations

import numpy as np

from caviar.arguments import check
from caviar.datasets import reading, texts
from caviar.declarations import Count, Fraction, Size

__all__ = ["get_label_names", "get_word_index", "load_data"]

_TOPICS = (
    "cocoa grain veg-oil earn acq wheat copper housing money-supply coffee sugar trade reserves ship cotton carcass crude nat-gas "
    "cpi money-fx interest gnp meal-feed alum oilseed gold tin strategic-metal livestock retail ipi iron-steel rubber heat jobs lei "
    "bop zinc orange pet-chem dlr gas silver wpi hog lead"
)


def load_data(
    path: str = "reuters.npz",
    num_words: Size | None = None,
    skip_top: Count = 0,
    maxlen: Size | None = None,
    test_split: Fraction = 0.2,
    seed: Count = 113,
    start_char: Count | None = 1,
    oov_char: Count | None = 2,
    index_from: Count | None = 3,
) -> tuple[reading.Pair, reading.Pair]:
    """11,228 newswires of 46 topics, from `~/.keras/datasets/reuters.npz`; fetched if it is not there.

    >>> from caviar.datasets import reuters
    >>> (x_train, y_train), (x_test, y_test) = reuters.load_data(num_words=1000)  # doctest: +SKIP
    """
    check(load_data, locals())
    found = reading.arrays_in(
        reading.keras_file(path, "d6586e694ee56d7a4e65172e12b3e987c03096cb01eab99753921ef915959916")
    )
    x, y = texts.shuffled(found["x"], found["y"], np.random.RandomState(seed))
    made, y = texts.in_words(x, y, num_words, skip_top, maxlen, start_char, oov_char, index_from)
    x, count = texts.as_objects(made), int(len(made) * (1 - test_split))
    return (x[:count], y[:count]), (x[count:], y[count:])


def get_word_index(path: str = "reuters_word_index.json") -> dict[str, int]:
    """The number of every word, before `index_from` is added.

    >>> from caviar.datasets import reuters
    >>> reuters.get_word_index()["the"]  # doctest: +SKIP
    1
    """
    return texts.word_index(path, "4d44cc38712099c9e383dc6e5f11a921")


def get_label_names() -> tuple[str, ...]:
    """The topics.

    >>> from caviar.datasets import reuters
    >>> len(reuters.get_label_names()), reuters.get_label_names()[3]
    (46, 'earn')
    """
    return tuple(_TOPICS.split())


def __dir__() -> list[str]:
    return __all__
