"""Modules without parameters: a function, whose arguments after the tensors are attributes.

A new activation or loss is a class of two lines: a docstring and its function.
"""

from __future__ import annotations

import inspect
from typing import Any, ClassVar

from caviar.arguments import check
from caviar.dialects.torch.nn.module import Module
from caviar.dialects.torch.tensor import Tensor


class Applied(Module):
    """A function as a module; `tensors` is how many of its leading arguments are given when it is called."""

    function: ClassVar[Any]
    tensors: ClassVar[int] = 1
    shown: ClassVar[tuple[str, ...]] = ()
    """Options that are printed even if they are the defaults."""
    hidden: ClassVar[tuple[str, ...]] = ()
    """Options that are never printed."""
    options: ClassVar[dict[str, Any]] = {}
    trains: ClassVar[bool] = False
    """Whether the function takes `training=`."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "function" in vars(cls):
            parameters = inspect.signature(cls.function).parameters
            cls.options = {p.name: p.default for p in list(parameters.values())[cls.tensors :] if p.name != "training"}
            cls.trains = "training" in parameters

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()
        given = dict(zip(self.options, args, strict=False)) | kwargs
        for name, default in self.options.items():
            value = given.pop(name, default)
            if value is inspect.Parameter.empty:
                raise TypeError(f"{type(self).__name__} needs {name}=")
            if value is not default and not isinstance(value, Tensor):
                check(type(self).function, {name: value}, type(self).__name__)
            (self.register_buffer if isinstance(value, Tensor) else self.__setattr__)(name, value)
        if given or len(args) > len(self.options):
            raise TypeError(
                f"{type(self).__name__} takes no {', '.join(given) or f'{len(args)} arguments'}; "
                f"it takes {', '.join(self.options) or 'nothing'}"
            )

    def forward(self, *inputs: Any) -> Any:
        """The function's result."""
        own, given = vars(self), {}
        for name, default in self.options.items():
            if own[name] is not default:
                given[name] = own[name]
        if self.trains:
            given["training"] = self.training
        return type(self).function(*inputs, **given)

    def extra_repr(self) -> str:
        """The arguments that are not the defaults."""
        own = vars(self)
        printed = {k: own[k] for k, v in self.options.items() if k in self.shown or repr(own[k]) != repr(v)}
        return ", ".join(f"{k}={v!r}" for k, v in printed.items() if k not in self.hidden)


class Loss(Applied):
    """A function of predictions and targets as a module."""

    tensors = 2

    def extra_repr(self) -> str:
        """Nothing, as in PyTorch."""
        return ""
