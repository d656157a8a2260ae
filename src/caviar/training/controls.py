"""The numbers that may change while a run trains, by name."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import Any

from caviar.arguments import check
from caviar.declarations import Number, fits
from caviar.errors import ArgumentError, unknown_name
from caviar.parts import take_apart


class Controls(MutableMapping[str, Any]):
    """Every number of a recipe under its name: "learning_rate", "dropout.rate", "dense.kernel_regularizer.l2".

    It reads and writes the attributes of the optimizer and the layers, so changing those has the same effect. Another value
    never recompiles, unless it becomes zero or was zero: a feature that is off is not compiled in.

    >>> from caviar.training.controls import Controls
    >>> from caviar.optimizers import Adam
    >>> controls = Controls(Adam(0.1))
    >>> controls["learning_rate"] = 0.01
    >>> controls["learning_rate"]
    0.01
    """

    def __init__(self, *parts: Any):
        self._parts = parts

    def _owners(self) -> dict[str, tuple[Any, str]]:
        found: dict[str, tuple[Any, str]] = {}
        for part in self._parts:
            apart = take_apart(part)
            for name, number, (owner, attribute) in zip(apart.names, apart.numbers, apart.owners, strict=True):
                if isinstance(number, float) and isinstance(getattr(owner, attribute, None), (int, float)):
                    found.setdefault(name, (owner, attribute))
        return found

    def __getitem__(self, name: str) -> Any:
        owner, attribute = self._find(name)
        return getattr(owner, attribute)

    def __setitem__(self, name: str, value: Any) -> None:
        owner, attribute = self._find(name)
        check(type(owner), {attribute: value})
        if not fits(Number(), value):
            raise ArgumentError(f"control {name!r} is a number, and was given {value!r}")
        object.__setattr__(owner, attribute, float(value))  # the parts of a recipe may be frozen

    def snapshot(self) -> dict[str, float]:
        """The present value of every number."""
        return {name: float(getattr(owner, attribute)) for name, (owner, attribute) in self._owners().items()}

    def _find(self, name: str) -> tuple[Any, str]:
        """The part and attribute that hold a number; also one that is zero, which is not listed."""
        owners = self._owners()
        if not isinstance(name, str):
            raise ArgumentError(f"a control is found by its name, a str, and not by {name!r}")
        for part in () if name in owners else self._parts:
            owner, attribute = take_apart(part).off.get(name, (None, ""))
            if isinstance(getattr(owner, attribute, None), (int, float)):
                return owner, attribute
        if name not in owners:
            raise unknown_name("control", name, owners)
        return owners[name]

    def __contains__(self, name: object) -> bool:
        return name in self._owners()

    def __delitem__(self, name: str) -> None:
        raise ArgumentError(f"control {name!r} cannot be deleted; set it to 0 to switch it off")

    def __iter__(self) -> Iterator[str]:
        return iter(self._owners())

    def __len__(self) -> int:
        return len(self._owners())

    def __repr__(self) -> str:
        return f"Controls({dict(self)})"
