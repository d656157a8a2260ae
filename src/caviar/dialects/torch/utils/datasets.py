"""Datasets: rows by number, or one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from caviar.dialects.torch import creation
from caviar.dialects.torch.tensor import Tensor
from caviar.errors import ArgumentError, BoundsError, ShapeError
from caviar.recording.values import Value


class Dataset:
    """Rows by number: subclass it with `__getitem__` and `__len__`."""

    def __class_getitem__(cls, kind: Any) -> Any:
        """`Dataset[int]`, an annotation, is the class itself."""
        return cls

    def __getitem__(self, index: Any) -> Any:
        raise NotImplementedError(f"dataset {type(self).__name__} needs a `__getitem__(self, index)`")

    def __add__(self, other: Dataset) -> ConcatDataset:
        return ConcatDataset([self, other])


class IterableDataset(Dataset):
    """Rows one after the other: subclass it with `__iter__`."""

    def __iter__(self) -> Iterator[Any]:
        raise NotImplementedError(
            f"dataset {type(self).__name__} needs an `__iter__(self)` that gives one row after the other"
        )


class TensorDataset(Dataset):
    """Rows of several tensors of equal length, as tuples.

    >>> from caviar.dialects.torch.utils.data import TensorDataset
    >>> import caviar.dialects.torch as torch
    >>> TensorDataset(torch.arange(3), torch.ones(3))[1]
    (tensor(1), tensor(1.))
    """

    def __init__(self, *tensors: Tensor) -> None:
        if strange := [t for t in tensors if not isinstance(t, Tensor)]:
            raise ArgumentError(
                f"a TensorDataset is of tensors, and was given {strange[0]!r:.60}: say torch.as_tensor(...)"
            )
        if len({len(t) for t in tensors}) != 1:
            shapes = ", ".join(str(tuple(t.shape)) for t in tensors) or "no tensors"
            raise ShapeError(f"the tensors of a dataset have the same number of rows, and were given as {shapes}")
        self.tensors = tensors
        self._arrays: Any = None

    def __getitem__(self, index: Any) -> tuple[Any, ...]:
        return tuple(t[index] for t in self.tensors)

    def __len__(self) -> int:
        return len(self.tensors[0])

    def batch(self, index: Any) -> list[Tensor]:
        """A whole batch, by the numbers of its rows or a slice of them, on the host."""
        held = [t.held() for t in self.tensors]
        if self._arrays is None or any(a is not b for (a, _), b in zip(self._arrays, held, strict=True)):
            self._arrays = [(h, np.asarray(t.array())) for h, t in zip(held, self.tensors, strict=True)]
        return [Tensor.holding(Value(array[index])) for _, array in self._arrays]


class Subset(Dataset):
    """Some rows of a dataset."""

    def __init__(self, dataset: Any, indices: Sequence[int]) -> None:
        self.dataset, self.indices = dataset, indices

    def __getitem__(self, index: Any) -> Any:
        several = isinstance(index, list)
        return self.dataset[[self.indices[i] for i in index] if several else self.indices[index]]

    def __len__(self) -> int:
        return len(self.indices)


class ConcatDataset(Dataset):
    """Datasets one after the other."""

    def __init__(self, datasets: Sequence[Any]) -> None:
        self.datasets = list(datasets)
        self.cumulative_sizes = np.cumsum([len(d) for d in self.datasets]).tolist()

    def __getitem__(self, index: int) -> Any:
        if not -len(self) <= index < len(self):
            raise BoundsError(f"row {index} of a dataset of {len(self)} rows")
        index %= len(self)
        at = int(np.searchsorted(self.cumulative_sizes, index, side="right"))
        return self.datasets[at][index - (self.cumulative_sizes[at - 1] if at else 0)]

    def __len__(self) -> int:
        return int(self.cumulative_sizes[-1])


def random_split(dataset: Any, lengths: Sequence[float], generator: Any = None) -> list[Subset]:
    """The dataset cut into parts at random: numbers of rows, or shares that sum to 1.

    >>> from caviar.dialects.torch.utils.data import random_split
    >>> [len(part) for part in random_split("abcdefg", [0.5, 0.5])]
    [4, 3]
    """
    n, sizes = len(dataset), list(lengths)
    if abs(sum(sizes) - 1) < 1e-9 and n > 1:
        sizes = [int(n * share) for share in lengths]
        for i in range(n - int(sum(sizes))):
            sizes[i % len(sizes)] += 1
    if sum(sizes) != n:
        raise ArgumentError(f"the parts {list(lengths)} do not sum to the dataset's {n} rows, nor are they shares of 1")
    order, ends = creation.generator(generator).permutation(n), np.cumsum(sizes).astype(int)
    return [Subset(dataset, order[end - int(size) : end].tolist()) for size, end in zip(sizes, ends, strict=True)]


def batches_of(dataset: Any) -> Callable[[Any], list[Tensor]] | None:
    """How to take a whole batch at once, if the dataset is one of tensors, or a subset of one.

    >>> from caviar.dialects.torch.utils.datasets import batches_of
    >>> batches_of(["no tensors"]) is None
    True
    """
    method = getattr(type(dataset), "__getitem__", None)
    if method is TensorDataset.__getitem__:
        return dataset.batch
    inner = batches_of(dataset.dataset) if method is Subset.__getitem__ else None
    if inner is None:
        return None
    rows = np.asarray(dataset.indices, int)
    return lambda index: inner(rows[index])
