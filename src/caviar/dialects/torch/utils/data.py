"""`torch.utils.data`: datasets, and batches of them. Tensors are sliced a whole batch at a time, on the host."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from caviar.arguments import Checked
from caviar.declarations import Count, Size
from caviar.dialects.torch import creation
from caviar.dialects.torch.missing import missing
from caviar.dialects.torch.shapes import stack
from caviar.dialects.torch.tensor import Tensor
from caviar.dialects.torch.utils.datasets import (
    ConcatDataset,
    Dataset,
    IterableDataset,
    Subset,
    TensorDataset,
    batches_of,
    random_split,
)
from caviar.dialects.torch.utils.samplers import (
    BatchSampler,
    Drawn,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
    in_batches,
)
from caviar.errors import ArgumentError, DataError, ShapeError, nothing_foreign
from caviar.recording.recorder import recorder
from caviar.telling import all_tell

_UNUSED = {
    "num_workers", "pin_memory", "timeout", "worker_init_fn", "multiprocessing_context", "prefetch_factor", "persistent_workers",
    "pin_memory_device", "in_order",
}  # fmt: skip


class DataLoader(Checked):
    """Batches of a dataset, in order or shuffled. Workers and pinned memory are accepted and ignored.

    >>> from caviar.dialects.torch.utils.data import DataLoader, TensorDataset
    >>> import caviar.dialects.torch as torch
    >>> [len(x) for (x,) in DataLoader(TensorDataset(torch.arange(5)), batch_size=2)]
    [2, 2, 1]
    """

    def __init__(
        self, dataset: Any, batch_size: Size | None = 1, shuffle: bool | None = None, sampler: Any = None, batch_sampler: Any = None,
        num_workers: Count = 0, collate_fn: Callable[[Any], Any] | None = None, pin_memory: bool = False, drop_last: bool = False,
        *, generator: creation.Generator | None = None, **unused: Any,
    ) -> None:  # fmt: skip
        if wrong := sorted(unused.keys() - _UNUSED):
            raise ArgumentError(f"DataLoader takes no {', '.join(wrong)}")
        if shuffle and (sampler is not None or isinstance(dataset, IterableDataset)):
            given = "a sampler" if sampler is not None else "an IterableDataset"
            raise ArgumentError(f"{given} decides the order itself: leave out shuffle=True")
        if batch_sampler is not None and (batch_size != 1 or shuffle or sampler is not None or drop_last):
            raise ArgumentError("a batch_sampler decides all: leave out batch_size, shuffle, sampler and drop_last")
        if sampler is None and not isinstance(dataset, IterableDataset):
            sampler = RandomSampler(dataset, generator=generator) if shuffle else SequentialSampler(dataset)
        self.dataset, self.sampler, self.batch_sampler = dataset, sampler, batch_sampler
        self.batch_size, self.drop_last, self.collate_fn = batch_size, drop_last, collate_fn
        self.num_workers, self.generator = num_workers, generator

    def __len__(self) -> int:
        if self.batch_sampler is not None:
            return len(self.batch_sampler)
        rows, size = len(self.dataset if self.sampler is None else self.sampler), self.batch_size or 1
        return rows // size if self.drop_last else -(-rows // size)

    def __iter__(self) -> Iterator[Any]:
        with nothing_foreign(lambda: "what a DataLoader was given"):
            for batch in self._iterated() if isinstance(self.dataset, IterableDataset) else self._taken():
                yield batch
                recorder().run()  # so that pending operations of one batch are not recorded together with the next

    def _iterated(self) -> Iterator[Any]:
        """Batches of the rows as they come."""
        rows = iter(self.dataset)
        if self.batch_size is None:
            return map(self.collate_fn or default_convert, rows)
        return map(self.collate_fn or default_collate, in_batches(rows, self.batch_size, self.drop_last))

    def _taken(self) -> Iterator[Any]:
        """Batches of the rows that the samplers choose."""
        if self.batch_size is None and self.batch_sampler is None:
            convert = self.collate_fn or default_convert
            return (convert(self.dataset[i]) for i in self.sampler)
        whole = batches_of(self.dataset) if self.collate_fn is None else None
        if whole is not None:
            return map(whole, self._indices())
        collate = self.collate_fn or default_collate
        return (collate([self.dataset[i] for i in self._numbers(index)]) for index in self._indices())

    def _numbers(self, index: Any) -> Any:
        """The numbers of a batch's rows as Python's."""
        if isinstance(index, slice):
            return range(index.start, index.stop)
        return index.tolist() if isinstance(index, np.ndarray) else index

    @property
    def _in_order(self) -> bool:
        return self.batch_sampler is None and type(self.sampler) is SequentialSampler

    def _indices(self) -> Iterator[Any]:
        """The numbers of the rows of each batch; a slice where they follow each other."""
        if self.batch_sampler is not None:
            return map(list, self.batch_sampler)
        size: int = self.batch_size or 1
        if self._in_order:
            rows = len(self.dataset)
            return (slice(at * size, min((at + 1) * size, rows)) for at in range(len(self)))
        if not isinstance(self.sampler, Drawn) or type(self.sampler).__iter__ is not Drawn.__iter__:
            return in_batches(iter(self.sampler), size, self.drop_last)
        order = self.sampler.order()
        return (order[at * size : (at + 1) * size] for at in range(len(self)))


def default_collate(batch: Sequence[Any]) -> Any:
    """Samples as one batch: tensors, arrays and numbers stacked; tuples, lists and dicts entry by entry.

    >>> from caviar.dialects.torch.utils.data import default_collate
    >>> default_collate([{"x": 1, "name": "a"}, {"x": 2, "name": "b"}])
    {'x': tensor([1, 2]), 'name': ['a', 'b']}
    """
    first = batch[0]
    if isinstance(first, Mapping):
        return {key: default_collate([sample[key] for sample in batch]) for key in first}
    if isinstance(first, (tuple, list)):
        if len({len(sample) for sample in batch}) > 1:
            raise ShapeError("the samples of a batch have different numbers of entries: give DataLoader a collate_fn")
        entries = [default_collate(list(column)) for column in zip(*batch, strict=True)]
        return type(first)(*entries) if hasattr(first, "_fields") else entries
    if isinstance(first, (str, bytes)):
        return list(batch)
    if isinstance(first, Tensor) and any(v.held().array is None for v in batch):
        return stack(batch)
    arrays = [np.asarray(v.array() if isinstance(v, Tensor) else v) for v in batch]
    if len({a.shape for a in arrays}) > 1:
        shapes = ", ".join(sorted({str(a.shape) for a in arrays}))
        raise ShapeError(
            f"the samples of a batch have shapes {shapes}: make them alike, or give DataLoader a collate_fn"
        )
    if arrays[0].dtype.kind == "O":
        raise DataError(
            f"a dataset gave {type(first).__name__}: return tensors, arrays or numbers, or give DataLoader a collate_fn"
        )
    return creation.tensor(np.stack(arrays))


def default_convert(sample: Any) -> Any:
    """A sample with its arrays as tensors.

    >>> import numpy as np
    >>> from caviar.dialects.torch.utils.data import default_convert
    >>> default_convert((np.ones(2, "float32"), "name"))
    [tensor([1., 1.]), 'name']
    """
    if isinstance(sample, Mapping):
        return {key: default_convert(value) for key, value in sample.items()}
    if isinstance(sample, (tuple, list)):
        return [default_convert(value) for value in sample]
    return creation.tensor(sample) if isinstance(sample, (np.ndarray, np.generic)) else sample


def get_worker_info() -> None:
    """None: there are no workers, so an iterable dataset gives all its rows."""


__all__ = [
    "BatchSampler", "ConcatDataset", "DataLoader", "Dataset", "IterableDataset", "RandomSampler", "Sampler", "SequentialSampler",
    "Subset", "SubsetRandomSampler", "TensorDataset", "WeightedRandomSampler", "default_collate", "default_convert",
    "get_worker_info", "random_split",
]  # fmt: skip
globals().update(all_tell(globals(), __all__))
__dir__ = __all__.copy
__getattr__ = missing("torch.utils.data", __all__)
