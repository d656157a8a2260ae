"""Words and numbers as places in a vocabulary. They are looked up on the host, before a model, since JAX has no text."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from caviar import config
from caviar.declarations import Count, OneOf, Size
from caviar.errors import ArgumentError, DataError, FileError, NotBuiltError, unknown_name
from caviar.files import as_path
from caviar.graph.node import Node
from caviar.layers.base import Layer
from caviar.outside import spoken

__all__ = ["IntegerLookup", "StringLookup", "TextVectorization"]

Mode = Annotated[str, OneOf("int", "one_hot", "multi_hot", "count", "tf_idf")]
_PUNCTUATION = re.compile(r"[!\"#$%&()*+,\-./:;<=>?@\[\\\]^_`{|}~']")


class VocabularyLayer(Layer):
    """The base of layers with a vocabulary: learning it, and encoding places."""

    max_tokens: int | None
    num_oov_indices: int
    mask_token: Any
    oov_token: Any
    vocabulary: Any
    idf_weights: Any
    invert: bool = False
    output_mode: str
    pad_to_max_tokens: bool

    takes = "anything"
    unwalked = Layer.unwalked | {"_words", "_places", "_idf", "_documents"}

    def __post_init__(self) -> None:
        """Take the vocabulary, if one is given."""
        super().__post_init__()
        self._words: list[Any] | None = None
        if self.vocabulary is not None:
            self.set_vocabulary(self.vocabulary, self.idf_weights)

    def _token(self, value: Any) -> Any:
        return value

    def _tokens(self, data: Any) -> np.ndarray:
        """Data as an array of tokens."""
        if isinstance(data, Node):
            raise ArgumentError(
                f"{type(self).__name__} {self.name!r} looks up on the host: apply it to the data, and give the model its numbers"
            )
        return np.vectorize(self._token, otypes=[object])(np.asarray(data)) if np.size(data) else np.asarray(data)

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Take a list of tokens, or the lines of a file."""
        if isinstance(vocabulary, (str, Path)):
            path = as_path(vocabulary)
            if not path.is_file():
                raise FileError(f"{path}, which is to hold a vocabulary, is no file")
            vocabulary = path.read_text().splitlines()
        try:
            words = [self._token(v) for v in np.asarray(vocabulary, object).ravel().tolist()]
        except (TypeError, ValueError, OverflowError):
            words = []
        if not words or np.ndim(vocabulary) != 1:
            raise ArgumentError(
                f"the vocabulary of {self.name!r} is a list of tokens, or the name of a file with one a line, and not "
                f"{spoken(vocabulary)}"
            )
        special = self._special()
        words = words[len(special) :] if special and words[: len(special)] == special else words
        if len(set(words)) < len(words):
            twice = next(w for w, n in Counter(words).items() if n > 1)
            raise DataError(f"the vocabulary of {self.name!r} holds {twice!r} twice: each token has one place")
        self._take(words)
        if self.output_mode == "tf_idf":
            if idf_weights is None:
                raise ArgumentError(f"{self.name!r} wants idf_weights with its vocabulary, or adapt(data)")
            weights = np.asarray(idf_weights, config.floatx())
            self._idf = np.concatenate([np.full(self.num_oov_indices, weights.mean()), weights]).astype(config.floatx())

    def _special(self) -> list[Any]:
        """The tokens before the vocabulary: the mask's, and the unknown's."""
        mask = [self.mask_token] if self.mask_token is not None and self.output_mode == "int" else []
        return [*mask, *[self.oov_token] * self.num_oov_indices]

    def _take(self, words: list[Any]) -> None:
        self._words = words
        self._places = {word: place for place, word in enumerate(words, len(self._special()))}
        if self.mask_token is not None and self.output_mode == "int":
            self._places[self.mask_token] = 0
        vars(self)["built"] = True

    def adapt(self, data: Any, batch_size: Any = None, steps: Any = None) -> None:
        """Learn the vocabulary: the most frequent tokens first."""
        counts: Counter[Any] = Counter()
        documents: Counter[Any] = Counter()
        number = 0
        for example in self._examples(data):
            counts.update(example)
            documents.update(set(example))
            number += 1
        for special in (self.mask_token, self.oov_token):
            counts.pop(special, None)
        words = sorted(counts, key=lambda word: (counts[word], word), reverse=True)
        most = None if self.max_tokens is None else self.max_tokens - len(self._special())
        self._take(words[:most])
        weights = [np.log(1 + number / (1 + documents[word])) for word in self._words or []]
        unknown = [float(np.mean(weights or [0.0]))] * self.num_oov_indices
        self._idf = np.array([*unknown, *weights], config.floatx())

    def _examples(self, data: Any) -> Iterable[list[Any]]:
        """The tokens of every example."""
        for batch in [data] if isinstance(data, (np.ndarray, list, tuple)) else data:
            tokens = self._tokens(batch)
            yield from ([v] if np.ndim(v) == 0 else list(np.ravel(v)) for v in tokens)

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[Any]:
        """The tokens in the order of their places."""
        return [*(self._special() if include_special_tokens else []), *self._known()]

    def get_config(self) -> dict[str, Any]:
        """The arguments that make this layer again, with what it has learned."""
        learned = {} if self._words is None else {"vocabulary": list(self._words)}
        if self._words is not None and self.output_mode == "tf_idf":
            learned["idf_weights"] = self._idf[self.num_oov_indices :].tolist()
        return {**super().get_config(), **learned}

    def vocabulary_size(self) -> int:
        """The number of places."""
        return len(self.get_vocabulary())

    def _known(self) -> list[Any]:
        if self._words is None:
            raise NotBuiltError(f"{self.name!r} knows no vocabulary yet: give one, or call adapt(data)")
        return self._words

    def _place(self, token: Any) -> int:
        place = self._places.get(token)
        if place is not None:
            return place
        if self.num_oov_indices == 0:
            raise DataError(
                f"{token!r} is not in the vocabulary of {self.name!r}, which has no place for what is unknown"
            )
        first = len(self._special()) - self.num_oov_indices
        return first + (_number_of(token) % self.num_oov_indices if self.num_oov_indices > 1 else 0)

    def _encoded(self, places: np.ndarray) -> np.ndarray:
        """Places in the form of the output mode; an example is along the last axis."""
        if self.output_mode == "int":
            return places
        if self.output_mode == "one_hot" and places.ndim > 1 and places.shape[-1] == 1:
            places = places[..., 0]
        size = self.max_tokens if self.pad_to_max_tokens and self.max_tokens else self.vocabulary_size()
        ones = np.eye(size, dtype=config.floatx())[places]
        if self.output_mode == "one_hot" or not places.ndim:
            return ones
        if self.output_mode == "multi_hot":
            return ones.max(-2, initial=0)
        counts = ones.sum(-2)
        return counts * np.pad(self._idf, (0, size - len(self._idf))) if self.output_mode == "tf_idf" else counts

    def __call__(self, inputs: Any, *args: Any, **kwargs: Any) -> np.ndarray:
        """The places of tokens, in the form of the output mode; with `invert`, the tokens at places."""
        self._known()
        if self.invert:
            words = np.array(self.get_vocabulary(), object)
            return np.where(np.asarray(inputs) < len(words), words[np.minimum(inputs, len(words) - 1)], self.oov_token)
        tokens = self._tokens(inputs)
        places = np.vectorize(self._place, otypes=["int32"])(tokens) if tokens.size else tokens.astype("int32")
        return self._encoded(places)


def _number_of(token: Any) -> int:
    return int(token) if isinstance(token, int) else sum(str(token).encode())


@dataclass(eq=False, repr=False)
class StringLookup(VocabularyLayer):
    """Words as their places in a vocabulary, after one place for unknown words; with `invert`, places as words.

    With several places for unknown words, a word gets another one of them than in Keras.

    >>> from caviar.layers import StringLookup
    >>> StringLookup(vocabulary=["a", "b"])(["b", "z"]).tolist()
    [2, 0]
    """

    max_tokens: Size | None = None
    num_oov_indices: Count = 1
    mask_token: str | None = None
    oov_token: str = "[UNK]"
    vocabulary: Any = None
    idf_weights: Any = None
    invert: bool = False
    output_mode: Mode = "int"
    pad_to_max_tokens: bool = False
    sparse: bool = False
    encoding: str = "utf-8"
    salt: Any = None

    def _token(self, value: Any) -> Any:
        return value.decode(self.encoding) if isinstance(value, bytes) else str(value)


@dataclass(eq=False, repr=False)
class IntegerLookup(VocabularyLayer):
    """Integers as their places in a vocabulary, after one place for unknown ones; with `invert`, places as integers.

    >>> from caviar.layers import IntegerLookup
    >>> IntegerLookup(vocabulary=[12, 36])([36, 5]).tolist()
    [2, 0]
    """

    max_tokens: Size | None = None
    num_oov_indices: Count = 1
    mask_token: int | None = None
    oov_token: int = -1
    vocabulary: Any = None
    vocabulary_dtype: Annotated[str, OneOf("int32", "int64")] = "int64"
    idf_weights: Any = None
    invert: bool = False
    output_mode: Mode = "int"
    sparse: bool = False
    pad_to_max_tokens: bool = False
    oov_method: Annotated[str, OneOf("floormod")] = "floormod"
    salt: Any = None

    def _token(self, value: Any) -> Any:
        return int(value)


@dataclass(eq=False, repr=False)
class TextVectorization(VocabularyLayer):
    """Texts as rows of places in a vocabulary: converted to lower case, without punctuation, split at spaces.

    >>> from caviar.layers import TextVectorization
    >>> layer = TextVectorization()
    >>> layer.adapt(["the cat sat", "the dog"])
    >>> layer.get_vocabulary()[:3], layer(["The dog!"]).tolist()
    (['', '[UNK]', 'the'], [[2, 4]])
    """

    max_tokens: Size | None = None
    standardize: Any = "lower_and_strip_punctuation"
    split: Any = "whitespace"
    ngrams: Any = None
    output_mode: Mode = "int"
    output_sequence_length: Size | None = None
    pad_to_max_tokens: bool = False
    vocabulary: Any = None
    idf_weights: Any = None
    sparse: bool = False
    ragged: bool = False
    encoding: str = "utf-8"

    mask_token = ""
    oov_token = "[UNK]"
    num_oov_indices = 1

    def __post_init__(self) -> None:
        """Raise for unknown names of standardization, split and output mode."""
        known = {
            "standardize": ("lower_and_strip_punctuation", "lower", "strip_punctuation"),
            "split": ("whitespace", "character"),
        }
        for name, ways in known.items():
            if isinstance(value := getattr(self, name), str) and value not in ways:
                raise unknown_name(name, value, ways)
        super().__post_init__()

    def _token(self, value: Any) -> Any:
        return value.decode(self.encoding) if isinstance(value, bytes) else str(value)

    def words_of(self, text: str) -> list[str]:
        """The tokens of one text, of several words with `ngrams`."""
        if callable(self.standardize):
            text = str(self.standardize(text))
        elif self.standardize is not None:
            text = text.lower() if "lower" in self.standardize else text
            text = _PUNCTUATION.sub("", text) if "strip" in self.standardize else text
        if callable(self.split):
            words = [str(w) for w in self.split(text)]
        else:
            words = [text] if self.split is None else text.split() if self.split == "whitespace" else list(text)
        if self.ngrams is None:
            return words
        sizes = range(1, self.ngrams + 1) if isinstance(self.ngrams, int) else self.ngrams
        return [" ".join(words[i : i + n]) for n in sizes for i in range(len(words) - n + 1)]

    def _examples(self, data: Any) -> Iterable[list[Any]]:
        for batch in [data] if isinstance(data, (np.ndarray, list, tuple)) else data:
            yield from (self.words_of(text) for text in np.ravel(self._tokens(batch)))

    def __call__(self, inputs: Any, *args: Any, **kwargs: Any) -> np.ndarray:
        """A row for each text."""
        self._known()
        texts = self._tokens(inputs)
        rows = [[self._place(word) for word in self.words_of(text)] for text in np.ravel(texts)]
        if self.output_mode != "int":
            made = np.stack([self._encoded(np.array(row, "int32")) for row in rows])
        else:
            length = self.output_sequence_length or max(map(len, rows), default=0)
            made = np.array([[*row[:length], *[0] * (length - len(row))] for row in rows], "int32").reshape(-1, length)
        return made if texts.ndim else made[0]
