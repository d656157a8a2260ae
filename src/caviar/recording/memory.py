"""A NumPy array that a tensor shares with the user: what either writes, the other sees."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from caviar.recording.encoding import NO_GRADIENT
from caviar.recording.recorder import recorder
from caviar.recording.tensor import LazyTensor
from caviar.recording.values import Value

_MOST = 1 << 14  # elements; whether more have changed would cost too long to see


class Memory(LazyTensor):
    """The root of tensors that share an array. Each value is a copy, made again when the array has changed."""

    __slots__ = ("_held_as", "_seen_array", "shared")

    def __init__(self, shared: np.ndarray, held_as: Callable[[np.ndarray], np.ndarray]):
        self.shared, self._held_as = shared, held_as
        self._needs, self._root, self._grad = NO_GRADIENT, None, None
        self._see()

    @staticmethod
    def can_share(array: np.ndarray) -> bool:
        """Whether an array is small enough, and can be written."""
        return array.size <= _MOST and array.flags.writeable

    def _see(self) -> Value:
        self._seen_array = self.shared.copy()
        self._held = Value(self._held_as(self._seen_array))
        return self._held

    def held(self) -> Value:
        """The value of the array as it is now."""
        same = np.array_equal(self.shared, self._seen_array, equal_nan=self.shared.dtype.kind == "f")
        return self._held if same else self._see()

    def hold(self, value: Value) -> None:
        """Write another value into the array."""
        np.copyto(self.shared, np.asarray(recorder().need(value)), casting="unsafe")
        self._see()
