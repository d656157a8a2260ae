"""Errors about missing names."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from typing import Any

from caviar.errors import UnknownNameError

_MOST = 30  # names, which a message can list


class MissingNameError(UnknownNameError, AttributeError):
    """A name that this dialect lacks, though PyTorch may have it."""


def missing(module: str, known: Iterable[str]) -> Callable[[str], Any]:
    """The `__getattr__` of a module: says what there is instead.

    >>> from caviar.dialects.torch.missing import missing
    >>> try:
    ...     missing("nn", ["Linear", "Conv2d"])("Linaer")
    ... except AttributeError as error:
    ...     print(error)
    nn.Linaer is not part of caviar's PyTorch dialect: did you mean nn.Linear? It has Conv2d, Linear
    """
    names = sorted(n for n in known if not n.startswith("_"))

    def refuse(name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
        hint = f"did you mean {module}.{near[0]}? " if near else "write it with what there is. "
        there = (
            f"It has {', '.join(names)}" if len(names) <= _MOST else f"dir({module}) lists the {len(names)} that it has"
        )
        raise MissingNameError(f"{module}.{name} is not part of caviar's PyTorch dialect: {hint}{there}")

    return refuse
