"""Modules that hold others."""

from __future__ import annotations

import itertools
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

from caviar.dialects.torch.nn.module import Module
from caviar.dialects.torch.weights import Parameter
from caviar.errors import ArgumentError
from caviar.layers.base import Layer


def member(container: Module, given: Any) -> Any:
    """A member for a container; raises if it is of the wrong kind."""
    if not isinstance(given, (Module, Parameter)):
        hint = {list: ": write Sequential(*modules)"}.get(type(given), "")
        hint = ": wrap it in torch.from_caviar" if isinstance(given, Layer) else hint
        raise ArgumentError(f"{type(container).__name__} holds modules, and was given {given!r:.60}{hint}")
    return given


class _List(Module):
    """The base of containers with numbered members."""

    def _members(self) -> list[Any]:
        return [v for v in vars(self).values() if isinstance(v, (Module, Parameter))]

    def __len__(self) -> int:
        return len(self._members())

    def __iter__(self) -> Iterator[Any]:
        return iter(self._members())

    def __getitem__(self, index: Any) -> Any:
        found, kind = self._members()[index], type(self)
        if not isinstance(index, slice):
            return found
        return kind(*found) if isinstance(self, Sequential) else kind(found)  # type: ignore[call-arg]

    def __setitem__(self, index: int, member: Any) -> None:
        names = [k for k, v in vars(self).items() if isinstance(v, (Module, Parameter))]
        setattr(self, names[index], member)

    def append(self, module: Any) -> Any:
        """Add one at the end."""
        setattr(self, str(len(self)), member(self, module))
        return self

    def extend(self, modules: Iterable[Any]) -> Any:
        """Add several at the end."""
        for module in modules:
            self.append(module)
        return self


class Sequential(_List):
    """Modules one after the other, given as arguments or as an OrderedDict.

    >>> from caviar.dialects.torch.nn import Linear, ReLU, Sequential
    >>> Sequential(Linear(2, 3), ReLU())
    Sequential(
      (0): Linear(in_features=2, out_features=3, bias=True)
      (1): ReLU()
    )
    """

    def __init__(self, *args: Any) -> None:
        super().__init__()
        named = args[0].items() if len(args) == 1 and isinstance(args[0], OrderedDict) else enumerate(args)
        for name, module in named:
            setattr(self, str(name), member(self, module))

    def forward(self, input: Any) -> Any:
        """The output of the last module."""
        for value in vars(self).values():
            if isinstance(value, Module):
                input = value(input)
        return input

    def get_config(self) -> dict[str, Any]:
        """The present modules."""
        return (
            {"args": (OrderedDict(self.named_children()),)}
            if not self._numbered()
            else {"args": tuple(self.children())}
        )

    def _numbered(self) -> bool:
        return [name for name, _ in self.named_children()] == [str(i) for i in range(len(self))]


class ModuleList(_List):
    """Modules in a list, for a `forward` of your own.

    >>> from caviar.dialects.torch.nn import Linear, ModuleList
    >>> len(ModuleList([Linear(2, 2) for _ in range(3)]))
    3
    """

    def __init__(self, modules: Iterable[Module] = ()) -> None:
        super().__init__()
        self.extend(modules)

    def __repr__(self) -> str:
        groups = [(text, len(list(group))) for text, group in itertools.groupby(map(repr, self))]
        lines, at = [], 0
        for text, count in groups:
            name = f"({at})" if count == 1 else f"({at}-{at + count - 1})"
            lines.append(f"{name}: {'' if count == 1 else f'{count} x '}{text}".replace("\n", "\n  "))
            at += count
        return "\n  ".join(["ModuleList(", *lines]) + "\n)" if lines else "ModuleList()"


class ParameterList(_List):
    """A list of parameters, for a `forward` of your own.

    >>> from caviar.dialects.torch.nn import Parameter, ParameterList
    >>> import caviar.dialects.torch as torch
    >>> len(ParameterList([Parameter(torch.ones(2))]))
    1
    """

    def __init__(self, values: Iterable[Any] = ()) -> None:
        super().__init__()
        self.extend(v if isinstance(v, Parameter) else Parameter(v) for v in values)


class _Dict(Module):
    """The base of containers with named members."""

    kind: ClassVar[type]

    def _as_member(self, value: Any) -> Any:
        return member(self, value)

    def __init__(self, members: Any = None) -> None:
        super().__init__()
        self.update(members or {})

    def __getitem__(self, key: str) -> Any:
        return dict(self.items())[key]

    def __setitem__(self, key: str, member: Any) -> None:
        setattr(self, key, self._as_member(member))

    def __delitem__(self, key: str) -> None:
        delattr(self, key)

    def __len__(self) -> int:
        return len(self.items())

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __contains__(self, key: str) -> bool:
        return key in self.keys()

    def update(self, members: Any) -> None:
        """Add several."""
        for key, member in dict(members).items():
            self[key] = member

    def keys(self) -> list[str]:
        """The names."""
        return [name for name, _ in self.items()]

    def values(self) -> list[Any]:
        """The members."""
        return [member for _, member in self.items()]

    def items(self) -> list[tuple[str, Any]]:
        """Names and members."""
        return [(name, value) for name, value in vars(self).items() if isinstance(value, self.kind)]


class ModuleDict(_Dict):
    """Modules by name, for a `forward` of your own.

    >>> from caviar.dialects.torch.nn import ModuleDict, ReLU
    >>> list(ModuleDict({"act": ReLU()}))
    ['act']
    """

    kind = Module

    def __init__(self, modules: Mapping[str, Module] | None = None) -> None:
        super().__init__(modules)


class ParameterDict(_Dict):
    """A dict of parameters, for a `forward` of your own.

    >>> from caviar.dialects.torch.nn import ParameterDict
    >>> import caviar.dialects.torch as torch
    >>> ParameterDict({"scale": torch.ones(2)})["scale"].requires_grad
    True
    """

    kind = Parameter

    def __init__(self, parameters: Mapping[str, Any] | None = None) -> None:
        super().__init__(parameters)

    def _as_member(self, value: Any) -> Any:
        return value if isinstance(value, Parameter) else Parameter(value)
