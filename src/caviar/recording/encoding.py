"""The key of a call, by which the tree of recordings finds it: `(function, static, *codes)`.

Every input has a code:

| input                      | code                                                                            |
|----------------------------|---------------------------------------------------------------------------------|
| a result of a call before  | `encode(place, need)`: its place is 0, 1, 2, ... in the order of all results     |
| an array that was there    | `encode(place, need)`, then its `Spec`: its place is -1, -2, -3, ..., a *leaf*   |
| a float, int or int32      | its type: the numbers themselves are arguments of the program, in order         |
| anything else              | `("constant", value, type)`: the structure is another one where it is another   |

So two recordings of equal keys do the same, and the program of the one serves the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

NO_GRADIENT, LEAF, RESULT = range(3)
"""The need of an input: no gradient of it is wanted, it is a leaf whose gradient is, or gradients flow through what made it."""


def encode(place: int, need: int) -> int:
    """A place and a need as one number, which is faster as a dictionary's key than a pair.

    >>> from caviar.recording.encoding import LEAF, NO_GRADIENT, RESULT, encode
    >>> [encode(-1, LEAF), encode(0, NO_GRADIENT), encode(2, RESULT)]
    [-2, 0, 8]
    """
    return place * 3 + need


def decode(code: int) -> tuple[int, int]:
    """The place and the need. Division rounds down, so the places of leaves, which are negative, come back too.

    >>> from caviar.recording.encoding import decode
    >>> [decode(code) for code in (-2, 0, 8)]
    [(-1, 1), (0, 0), (2, 2)]
    """
    return divmod(code, 3)


def values_in(key: tuple[Any, ...]) -> Iterator[tuple[int, int]]:
    """The place and the need of every input that is a value.

    >>> from caviar.recording.encoding import RESULT, encode, values_in
    >>> list(values_in((max, (), encode(4, RESULT), float, ("constant", None, type(None)))))
    [(4, 2)]
    """
    return (decode(code) for code in key[2:] if type(code) is int)
