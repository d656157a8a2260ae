"""Texts as lists of word numbers, as in the data sets IMDB and Reuters."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import numpy as np

from caviar.datasets.reading import Pair, keras_file
from caviar.errors import DataError


def in_words(
    texts: Iterable[Any],
    labels: Any,
    num_words: int | None,
    skip_top: int,
    maxlen: int | None,
    start_char: int | None,
    oov_char: int | None,
    index_from: int | None,
) -> tuple[list[list[int]], np.ndarray]:
    """Word numbers moved by `index_from`, behind a start word; texts of `maxlen` words or more are left out.

    Words that are too rare or too frequent are replaced by `oov_char`, or left out if that is None.
    """
    first = [] if start_char is None else [start_char]
    moved = [[*first, *(int(word) + (index_from or 0) for word in text)] for text in texts]
    labels = np.asarray(labels)
    if maxlen:
        short = [len(text) < maxlen for text in moved]
        moved, labels = [t for t, s in zip(moved, short, strict=True) if s], labels[np.array(short, bool)]
        if not moved:
            raise DataError(f"no text has less than maxlen={maxlen} words: give a larger one")
    end = num_words or max(max(text) for text in moved)

    def kept(text: list[int]) -> list[int]:
        if oov_char is None:
            return [w for w in text if skip_top <= w < end]
        return [w if skip_top <= w < end else oov_char for w in text]

    return [kept(text) for text in moved], labels


def together(train: Pair, test: Pair, **options: Any) -> tuple[Pair, Pair]:
    """Both parts of a data set, with word frequencies counted over both."""
    texts, labels = in_words([*train[0], *test[0]], np.concatenate([train[1], test[1]]), **options)
    count = len(train[0]) if not options.get("maxlen") else _kept(train[0], options)
    return (as_objects(texts[:count]), labels[:count]), (as_objects(texts[count:]), labels[count:])


def _kept(texts: Any, options: dict[str, Any]) -> int:
    extra = 0 if options["start_char"] is None else 1
    return sum(len(text) + extra < options["maxlen"] for text in texts)


def as_objects(texts: list[list[int]]) -> np.ndarray:
    """An array whose entries are lists."""
    made = np.empty(len(texts), object)
    made[:] = texts
    return made


def shuffled(x: Any, y: Any, rng: np.random.RandomState) -> Pair:
    """Rows shuffled by a generator."""
    order = np.arange(len(x))
    rng.shuffle(order)
    return np.asarray(x, object)[order], np.asarray(y)[order]


def word_index(path: str, file_hash: str) -> dict[str, int]:
    """The number of every word."""
    return json.loads(keras_file(path, file_hash).read_text())
