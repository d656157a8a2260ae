"""Samplers: the order in which a dataset's rows are taken. Random ones draw on the host; `generator=` is a `torch.Generator`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from caviar.dialects.torch import creation
from caviar.errors import ArgumentError


class Sampler:
    """The base of every sampler: numbers of rows, by `__iter__` and `__len__`."""

    def __init__(self, data_source: Any = None) -> None: ...

    def __iter__(self) -> Iterator[Any]:
        raise NotImplementedError(f"{type(self).__name__} needs an `__iter__(self)` that gives the numbers of rows")


class SequentialSampler(Sampler):
    """All rows in order."""

    def __init__(self, data_source: Any) -> None:
        self.data_source = data_source

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.data_source)))

    def __len__(self) -> int:
        return len(self.data_source)


class Drawn(Sampler):
    """The base of samplers that draw the whole order at once."""

    generator: Any

    def order(self) -> np.ndarray:
        """A new order at each call."""
        raise NotImplementedError

    def __iter__(self) -> Iterator[int]:
        return iter(self.order().tolist())


class RandomSampler(Drawn):
    """All rows in random order, again and again if `num_samples` are more; with `replacement` each is drawn anew.

    >>> from caviar.dialects.torch.utils.data import RandomSampler
    >>> sorted(RandomSampler("abc"))
    [0, 1, 2]
    """

    def __init__(
        self, data_source: Any, replacement: bool = False, num_samples: int | None = None, generator: Any = None
    ) -> None:
        self.data_source, self.replacement, self.generator = data_source, replacement, generator
        self.num_samples = len(data_source) if num_samples is None else num_samples

    def order(self) -> np.ndarray:
        """Permutations one after the other, or draws."""
        chance, n = creation.generator(self.generator), len(self.data_source)
        if self.replacement:
            return chance.integers(n, size=self.num_samples)
        rounds = -(-self.num_samples // max(n, 1))
        orders = [chance.permutation(n) for _ in range(rounds)] or [np.zeros(0, int)]
        return np.concatenate(orders)[: self.num_samples] if rounds > 1 else orders[0][: self.num_samples]

    def __len__(self) -> int:
        return self.num_samples


class SubsetRandomSampler(Drawn):
    """Some rows in random order."""

    def __init__(self, indices: Sequence[int], generator: Any = None) -> None:
        self.indices, self.generator = indices, generator

    def order(self) -> np.ndarray:
        """A permutation of them."""
        return creation.generator(self.generator).permutation(np.asarray(self.indices))

    def __len__(self) -> int:
        return len(self.indices)


class WeightedRandomSampler(Drawn):
    """Rows drawn with these weights, which need not sum to 1: to see rare classes more often.

    >>> from caviar.dialects.torch.utils.data import WeightedRandomSampler
    >>> list(WeightedRandomSampler([0.0, 3.0], num_samples=3))
    [1, 1, 1]
    """

    def __init__(self, weights: Any, num_samples: int, replacement: bool = True, generator: Any = None) -> None:
        self.weights, self.num_samples = np.array(weights, float), num_samples
        self.replacement, self.generator = replacement, generator
        if not (self.weights >= 0).all() or not self.weights.sum() > 0:
            raise ArgumentError("the weights of a sampler are at least 0, and one is more")
        if not replacement and np.count_nonzero(self.weights) < num_samples:
            raise ArgumentError(f"without replacement there are no {num_samples} rows of a weight above 0 to draw")

    def order(self) -> np.ndarray:
        """Draws."""
        share = self.weights / self.weights.sum()
        return creation.generator(self.generator).choice(len(share), self.num_samples, self.replacement, share)

    def __len__(self) -> int:
        return self.num_samples


class BatchSampler(Sampler):
    """What a sampler gives, in batches."""

    def __init__(self, sampler: Any, batch_size: int, drop_last: bool = False) -> None:
        self.sampler, self.batch_size, self.drop_last = sampler, batch_size, drop_last

    def __iter__(self) -> Iterator[list[int]]:
        return in_batches(iter(self.sampler), self.batch_size, self.drop_last)

    def __len__(self) -> int:
        rows = len(self.sampler)
        return rows // self.batch_size if self.drop_last else -(-rows // self.batch_size)


def in_batches(rows: Iterator[Any], size: int, drop_last: bool) -> Iterator[list[Any]]:
    """Lists of so many; a shorter last one is dropped with `drop_last`.

    >>> from caviar.dialects.torch.utils.samplers import in_batches
    >>> list(in_batches(iter("abcde"), 2, drop_last=True))
    [['a', 'b'], ['c', 'd']]
    """
    batch = []
    for row in rows:
        batch.append(row)
        if len(batch) == size:
            yield batch
            batch = []
    if batch and not drop_last:
        yield batch
