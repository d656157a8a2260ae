"""The methods and operators of tensors, made from the tables of functions."""

from __future__ import annotations

import inspect
from typing import Any

import jax.numpy as jnp

from caviar.dialects.torch import creation, indexing
from caviar.dialects.torch.autograd import backward
from caviar.dialects.torch.dtypes import TYPES
from caviar.dialects.torch.functions import FUNCTIONS, operand, record
from caviar.dialects.torch.missing import missing
from caviar.dialects.torch.shapes import SHAPES, reshape
from caviar.dialects.torch.tensor import Tensor
from caviar.dialects.torch.weights import walk_tensor
from caviar.errors import ArgumentError
from caviar.recording.recorder import recorder
from caviar.telling import tells

_OPERATORS = {"add": "add", "sub": "sub", "mul": "mul", "truediv": "div", "floordiv": "floor_divide", "mod": "remainder",
    "pow": "pow", "matmul": "matmul", "and": "bitwise_and", "or": "bitwise_or", "xor": "bitwise_xor", "eq": "eq", "ne": "ne",
    "lt": "lt", "le": "le", "gt": "gt", "ge": "ge"}  # fmt: skip
_UNARY = {"neg": "neg", "abs": "abs", "invert": "bitwise_not"}
_IN_PLACE = ("add", "sub", "mul", "div", "pow", "clamp", "neg", "exp", "log", "sqrt", "abs", "relu", "sigmoid", "tanh",
    "masked_fill", "floor", "round", "lerp", "tril", "triu")  # fmt: skip


def _in_place(function: Any, name: str) -> Any:
    def method(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        return self.become(function(self, *args, **kwargs))

    method.__name__, method.__doc__ = name, f"`{name.rstrip('_')}`, in place."
    return method


def _like(function: Any) -> Any:
    """An operator; it leaves the operation to the other operand if that is neither a tensor nor a number."""

    def method(self: Tensor, other: Any) -> Any:
        if isinstance(other, (str, bytes, type(None), list, tuple, dict)):
            return NotImplemented
        return function(self, operand(other))

    return method


def _reflected(function: Any) -> Any:
    return lambda self, other: function(creation.as_tensor(other) if not isinstance(other, Tensor) else other, self)


def same(x: Any) -> Any:
    """The array."""
    return x


class _Methods:
    """Methods that are not in the tables."""

    def clone(self: Any) -> Any:
        """A copy: changing one does not change the other. Gradients flow through it."""
        if self.requires_grad and recorder().gradients:
            return record(same, self)
        return Tensor.holding(self.held())

    def type(self: Any, dtype: Any = None) -> Any:
        """The tensor in another type."""
        return self.to(dtype)

    def view(self: Any, *shape: Any) -> Any:
        """The elements in another shape."""
        return self.to(shape[0]) if type(shape[0]) is type(TYPES["long"]) else reshape(self, *shape)

    def view_as(self: Any, other: Any) -> Any:
        """The elements in the other's shape."""
        return reshape(self, *other.shape)

    reshape_as = view_as

    def expand_as(self: Any, other: Any) -> Any:
        """Dimensions of size 1 repeated as the other has them."""
        return self.expand(*other.shape)

    def type_as(self: Any, other: Any) -> Any:
        """The tensor in the other's type."""
        return self.to(other.dtype)

    @property
    def T(self: Any) -> Any:
        """The dimensions back to front."""
        return self.permute(*range(self.ndim)[::-1])

    @property
    def mT(self: Any) -> Any:
        """The last two dimensions swapped."""
        return self.transpose(-1, -2)

    def zero_(self: Any) -> Any:
        """Fill with 0, in place."""
        return self.fill_(0)

    def fill_(self: Any, value: Any) -> Any:
        """Fill with one number, in place."""
        return self.become(creation.full_like(self, value))

    def copy_(self: Any, source: Any) -> Any:
        """Take over another tensor's values, in place."""
        return self.become(record(copied, self, source))

    def set_(self: Any, source: Any) -> Any:
        """Take over another tensor's values and shape."""
        self.hold(source.held())
        return self

    def uniform_(self: Any, a: float = 0, b: float = 1) -> Any:
        """Fill with random numbers between a and b, in place."""
        return self.become(creation.drawn("uniform", self.shape, self.dtype, a, b))

    def normal_(self: Any, mean: float = 0, std: float = 1) -> Any:
        """Fill with normally distributed random numbers, in place."""
        return self.become(creation.drawn("normal", self.shape, self.dtype, mean, std))

    def new_zeros(self: Any, *size: Any) -> Any:
        """A tensor of this shape filled with 0, in this tensor's type."""
        return creation.zeros(*size, dtype=self.dtype)

    def new_ones(self: Any, *size: Any) -> Any:
        """A tensor of this shape filled with 1, in this tensor's type."""
        return creation.ones(*size, dtype=self.dtype)


def copied(x: Any, source: Any) -> Any:
    """The source in the array's shape and type."""
    return jnp.broadcast_to(source, x.shape).astype(x.dtype)


def _unknown(self: Any, name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    if name.endswith("_") and hasattr(Tensor, name[:-1]):
        raise _NotInPlace(f"tensor.{name} is not supported: write x = x.{name[:-1]}(...)")
    return missing("Tensor", dir(Tensor))(name)


class _NotInPlace(ArgumentError, AttributeError):
    """An operation that has no form in place."""


def equip() -> None:
    """Give the tensor its methods; called once, when the dialect is imported."""
    for name, function in {**FUNCTIONS, **SHAPES}.items():
        setattr(Tensor, name, function)
    for name in _IN_PLACE:
        setattr(Tensor, f"{name}_", _in_place(FUNCTIONS[name], f"{name}_"))
    for name, method in vars(_Methods).items():
        if not name.startswith("__"):
            setattr(Tensor, name, tells(method, name) if inspect.isfunction(method) else method)
    for operator, name in _OPERATORS.items():
        setattr(Tensor, f"__{operator}__", _like(FUNCTIONS[name]))
        setattr(Tensor, f"__i{operator}__", _in_place(FUNCTIONS[name], f"__i{operator}__"))
    for operator, name in {"add": "add", "mul": "mul", "sub": "rsub", "and": "bitwise_and", "or": "bitwise_or"}.items():
        setattr(Tensor, f"__r{operator}__", _like(FUNCTIONS[name]))
    for operator in ("truediv", "floordiv", "mod", "pow", "matmul"):
        setattr(Tensor, f"__r{operator}__", _reflected(FUNCTIONS[_OPERATORS[operator]]))
    for operator, name in _UNARY.items():
        setattr(Tensor, f"__{operator}__", FUNCTIONS[name])
    for name in ("float", "double", "half", "bfloat16", "long", "int", "short", "bool"):
        setattr(Tensor, name, lambda self, kind=TYPES[name]: self.to(kind))
    special = {
        "__getitem__": tells(indexing.read, "an index"),
        "__setitem__": tells(indexing.write, "an assignment"),
        "__getattr__": _unknown,
        "__walk__": walk_tensor,
    }
    for name, method in {**special, "__new__": staticmethod(creation.new), "backward": tells(backward)}.items():
        setattr(Tensor, name, method)
