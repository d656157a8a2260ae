"""Film reviews, as lists of word numbers, and whether they are good ones."""

from __future__ import annotations

from typing import Any

import numpy as np

from caviar.arguments import check
from caviar.datasets import reading, texts
from caviar.declarations import Count, Size

__all__ = ["get_word_index", "load_data"]


def load_data(
    path: str = "imdb.npz",
    num_words: Size | None = None,
    skip_top: Count = 0,
    maxlen: Size | None = None,
    seed: Count = 113,
    start_char: Count | None = 1,
    oov_char: Count | None = 2,
    index_from: Count | None = 3,
    **kwargs: Any,
) -> tuple[reading.Pair, reading.Pair]:
    """25,000 reviews to train on and 25,000 to test on, from `~/.keras/datasets/imdb.npz`; fetched if it is not there.

    >>> from caviar.datasets import imdb
    >>> (x_train, y_train), (x_test, y_test) = imdb.load_data(num_words=1000)  # doctest: +SKIP
    """
    check(load_data, {k: v for k, v in locals().items() if k != "kwargs"})
    found = reading.arrays_in(
        reading.keras_file(path, "69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f")
    )
    rng = np.random.RandomState(seed)
    train = texts.shuffled(found["x_train"], found["y_train"], rng)
    test = texts.shuffled(found["x_test"], found["y_test"], rng)
    options = {"start_char": start_char, "oov_char": oov_char, "index_from": index_from}
    return texts.together(train, test, num_words=num_words, skip_top=skip_top, maxlen=maxlen, **options)


def get_word_index(path: str = "imdb_word_index.json") -> dict[str, int]:
    """The number of every word, before `index_from` is added.

    >>> from caviar.datasets import imdb
    >>> imdb.get_word_index()["the"]  # doctest: +SKIP
    1
    """
    return texts.word_index(path, "bfafd718b763782e994055a2d397834f")


def __dir__() -> list[str]:
    return __all__
