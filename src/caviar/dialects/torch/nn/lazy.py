"""Lazy modules: they take the size of their input from the first one, and then become ordinary modules."""

from __future__ import annotations

import inspect
from typing import Any, ClassVar

from caviar.dialects.torch.nn.module import Module
from caviar.dialects.torch.weights import Parameter, UninitializedParameter


class Lazy(Module):
    """The base of lazy modules. `becomes` is the ordinary class that it turns into at the first input."""

    becomes: ClassVar[Any]
    axis: ClassVar[int] = 1
    """The axis of the input whose size is missing."""
    usual: ClassVar[dict[str, Any]] = {}
    """Arguments whose defaults are others here."""
    built = False
    unwalked = Module.unwalked | {"_missing"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        Module.__init__(self)
        _, self._missing, *names = inspect.signature(self.becomes.__init__).parameters
        self._written = self.usual | dict(zip(names, args, strict=False)) | kwargs
        self._take(0)
        for name, value in list(vars(self).items()):
            if isinstance(value, Parameter):
                setattr(self, name, UninitializedParameter())

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The outputs; the first call makes the parameters."""
        self._take(args[0].shape[self.axis])
        self.__class__ = self.becomes
        return self(*args, **kwargs)

    def _take(self, size: int) -> None:
        """Take over the attributes of an ordinary module for inputs of this size."""
        self._written = self._written | {self._missing: size}
        made = vars(self.becomes(**self._written))
        vars(self).update({k: v for k, v in made.items() if k not in _KEPT})


_KEPT = {"name", "_own_name", "_written", "_hooks", "training", "trainable", "_missing"}
