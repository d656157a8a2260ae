"""Batches that are made when they are needed, anew in every pass over them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from caviar.arguments import Checked
from caviar.declarations import Count, Size

__all__ = ["Batches", "PyDataset"]


class Batches:
    """Batches, each made by a function, for `fit`; with the methods of TensorFlow's data sets.

    >>> from caviar.data.batches import Batches
    >>> list(Batches([1, 2, 3]).map(lambda x: 10 * x).take(2))
    [10, 20]
    """

    class_names: list[str]
    file_paths: list[str]

    def __init__(
        self,
        pieces: Sequence[Any],
        make: Callable[[Any], Any] | None = None,
        shuffle: bool = False,
        seed: int | None = None,
    ):
        self._pieces, self._make, self._shuffle = pieces, make, shuffle
        self._random = np.random.default_rng(seed)

    def __len__(self) -> int:
        return len(self._pieces)

    def __iter__(self) -> Iterator[Any]:
        order = self._random.permutation(len(self)) if self._shuffle else range(len(self))
        return (self._made(self._pieces[i]) for i in order)

    def _made(self, piece: Any) -> Any:
        return piece if self._make is None else self._make(piece)

    def _like(self, pieces: Sequence[Any], make: Any, shuffle: bool) -> Batches:
        made = Batches(pieces, make, shuffle)
        vars(made).update({n: v for n, v in vars(self).items() if n in ("class_names", "file_paths")})
        return made

    def map(self, function: Callable[..., Any], num_parallel_calls: Any = None) -> Batches:
        """The batches that a function makes of these; its arguments are the parts of a batch."""

        def make(piece: Any) -> Any:
            batch = self._made(piece)
            return function(*batch) if isinstance(batch, tuple) else function(batch)

        return self._like(self._pieces, make, self._shuffle)

    def take(self, count: Count) -> Batches:
        """The first batches."""
        return self._like(self._pieces[:count], self._make, False)

    def skip(self, count: Count) -> Batches:
        """All but the first batches."""
        return self._like(self._pieces[count:], self._make, self._shuffle)

    def shuffle(self, buffer_size: Any = None, seed: Any = None, reshuffle_each_iteration: bool = True) -> Batches:
        """The batches, in another order in each pass."""
        return self._like(self._pieces, self._make, True)

    def prefetch(self, buffer_size: Any = None) -> Batches:
        """The same batches: the next one is made while the device computes."""
        return self

    def cache(self, filename: Any = "") -> Batches:
        """The same batches, made once and kept."""
        return self._like([self._made(p) for p in self._pieces], None, self._shuffle)

    def cardinality(self) -> int:
        """The number of batches."""
        return len(self)

    def as_numpy_iterator(self) -> Iterator[Any]:
        """The batches, as NumPy arrays."""
        return iter(self)


class PyDataset(Checked):
    """Batches by number: a subclass defines how many there are (`__len__`), and each of them (`__getitem__`).

    >>> import numpy as np
    >>> from caviar.utils import PyDataset
    >>> class Squares(PyDataset):
    ...     def __len__(self):
    ...         return 2
    ...     def __getitem__(self, index):
    ...         return np.full((4, 1), index), np.full((4, 1), index**2)
    >>> Squares().num_batches
    2
    """

    def __init__(self, workers: Size = 1, use_multiprocessing: bool = False, max_queue_size: Size = 10):
        self.workers, self.use_multiprocessing, self.max_queue_size = workers, use_multiprocessing, max_queue_size

    @property
    def num_batches(self) -> int:
        """How many batches there are."""
        return len(self)

    def __len__(self) -> int:
        raise NotImplementedError(f"{type(self).__name__} has no __len__(self), the number of its batches")

    def __getitem__(self, index: int) -> Any:
        """One batch."""
        raise NotImplementedError(f"{type(self).__name__} has no __getitem__(self, index), which gives a batch")

    def __iter__(self) -> Iterator[Any]:
        self.on_epoch_begin()
        yield from (self[i] for i in range(len(self)))
        self.on_epoch_end()

    def on_epoch_begin(self) -> None:
        """Called before every pass."""

    def on_epoch_end(self) -> None:
        """Called after every pass; shuffle here."""
