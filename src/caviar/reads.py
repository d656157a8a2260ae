"""What was read from objects that may change, and whether it is still the same.

A walk over a part notes whatever it reads: attributes, entries of dicts, items of lists. As long as the very same objects are
there, the walk need not be repeated. No object has to report its changes, so none is missed; and checking costs a hundredth of a
walk.
"""

from __future__ import annotations

import functools
import operator
import types
from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any

import jax
import numpy as np


class Reads:
    """Everything that one walk has read.

    >>> from caviar.reads import Reads
    >>> rates, reads = {"dropout": 0.2, "decays": [0.1]}, Reads()
    >>> reads.entries(rates, ["dropout", "decays"]), reads.items(rates["decays"])
    ((0.2, [0.1]), (0.1,))
    >>> reads.hold()
    True
    >>> rates["decays"][0] = 0.3
    >>> reads.hold()
    False
    """

    def __init__(self) -> None:
        self.holders: list[Any] = []
        self.sizes: list[int] = []
        self.sources: list[Any] = []  # the holders that are not empty
        self.readers: list[Callable[[Any], tuple[Any, ...]]] = []
        self.found: list[Any] = []
        self.looks: dict[Callable[[Any], Any], tuple[list[Any], list[Any]]] = {}

    def entries(self, held: dict[Any, Any], keys: Iterable[Any]) -> tuple[Any, ...]:
        """The values of a dict, or of an object's `vars`, under these keys; a new key counts as a change, too."""
        keys = tuple(keys)
        return self._read(held, _entries(*keys, keys[0]) if keys else None)[: len(keys)]

    def items(self, held: list[Any]) -> tuple[Any, ...]:
        """The items of a list."""
        return self._read(held, tuple if held else None)

    def look(self, see: Callable[[Any], Any], thing: Any) -> Any:
        """What a function reads from an object, compared by value, since it returns a new object each time."""
        things, seen = self.looks.setdefault(see, ([], []))
        things.append(thing)
        seen.append(see(thing))
        return seen[-1]

    def stand_in(self, value: Any) -> Any:
        """A hashable stand-in for a value that is neither a number nor made of parts."""
        key = stand_in(value)
        return key if key is value else self.look(stand_in, value)

    def _read(self, held: Any, reader: Callable[[Any], tuple[Any, ...]] | None) -> tuple[Any, ...]:
        self.holders.append(held)
        self.sizes.append(len(held))
        if reader is None:
            return ()
        values = reader(held)
        self.sources.append(held)
        self.readers.append(reader)
        self.found.extend(values)
        return values

    def hold(self) -> bool:
        """Whether everything is still as it was read."""
        if list(map(len, self.holders)) != self.sizes:
            return False
        now = chain.from_iterable(map(operator.call, self.readers, self.sources))
        try:
            return all(map(operator.is_, now, self.found)) and all(
                list(map(see, things)) == seen for see, (things, seen) in self.looks.items()
            )
        except LookupError:  # a key has been replaced by another
            return False


_entries = functools.lru_cache(4096)(operator.itemgetter)  # of two keys at least, so that it gives a tuple


trainable_of = operator.attrgetter("trainable")


def shape_and_type(array: Any) -> tuple[tuple[int, ...], Any]:
    """The shape of an array, which may change in place, and its type by name.

    >>> import numpy as np
    >>> from caviar.reads import shape_and_type
    >>> shape_and_type(np.zeros((2, 3)))
    ((2, 3), 'float64')
    """
    return array.shape, str(array.dtype)


def stand_in(value: Any) -> Any:
    """A hashable stand-in: equal for functions that were written at the same place and hold the same things.

    >>> from caviar.reads import stand_in
    >>> stand_in(len) is len, stand_in(slice(2))
    (True, ('slice', None, 2, None))
    """
    if isinstance(value, types.FunctionType) and ("<lambda>" in value.__qualname__ or "<locals>" in value.__qualname__):
        held = [c.cell_contents for c in value.__closure__ or ()]
        return value.__code__, tuple(stand_in(h) for h in (*held, *(value.__defaults__ or ())))
    if isinstance(value, slice):  # not hashable before Python 3.12
        return "slice", value.start, value.stop, value.step
    if isinstance(value, (np.ndarray, jax.Array)):
        return value.shape, str(value.dtype), np.asarray(value).tobytes()
    try:
        hash(value)
    except TypeError:
        return id(value)
    return value
