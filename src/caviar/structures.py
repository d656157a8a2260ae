"""Structures: all of a part that is not a number or a value. Equal ones compile to the same program; comparing them is quick."""

from __future__ import annotations

import threading
import weakref
from typing import Any, NamedTuple


class Slot(NamedTuple):
    """A variable's place in a structure."""

    place: int
    shape: tuple[int, ...]
    dtype: str
    trainable: bool


class _Alike:
    """A token that equal structures share, so that comparing them is comparing tokens."""


_alikes: weakref.WeakValueDictionary[Any, _Alike] = weakref.WeakValueDictionary()
_alikes_lock = threading.Lock()


class Structure:
    """All of a part that is not a number or a value; hashable, and equal for parts that compile to the same program."""

    __slots__ = ("_alike", "skeleton", "slots")

    def __init__(self, skeleton: Any, slots: tuple[Slot, ...]):
        self.skeleton, self.slots = skeleton, slots
        with _alikes_lock:
            self._alike = _alikes.setdefault((skeleton, slots), _Alike())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Structure) and self._alike is other._alike

    def __hash__(self) -> int:
        return hash(self._alike)
