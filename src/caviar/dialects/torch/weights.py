"""Parameters, and tensors as the rest of caviar sees them: variables."""

from __future__ import annotations

import weakref
from typing import Any

import jax
import jax.numpy as jnp

from caviar.dialects.torch.tensor import Tensor
from caviar.errors import NotBuiltError, ShapeError
from caviar.graph.node import Node
from caviar.graph.variable import Variable
from caviar.recording.encoding import LEAF, NO_GRADIENT
from caviar.recording.values import Value


class Parameter(Tensor):
    """A tensor that a module registers when it becomes an attribute, and that requires grad.

    >>> from caviar.dialects.torch.nn import Parameter
    >>> import caviar.dialects.torch as torch
    >>> Parameter(torch.ones(2))
    Parameter containing:
    tensor([1., 1.], requires_grad=True)
    """

    def __new__(cls, data: Any, requires_grad: bool = True) -> Any:
        """A parameter with the values of a tensor."""
        return cls.holding(Value(data.array()), LEAF if requires_grad else NO_GRADIENT)

    def __repr__(self) -> str:
        return f"Parameter containing:\n{super().__repr__()}"


class UninitializedParameter(Parameter):
    """A parameter whose shape is not known before the first input."""

    def __new__(cls) -> Any:
        """A parameter without a shape."""
        self = cls.holding(None, LEAF)  # type: ignore[arg-type]
        self._root = self  # so that the value is read through `held`
        return self

    def held(self) -> Value:
        """Raise: there is no value before the shape is known."""
        raise NotBuiltError("this parameter has no shape yet: call the module on an input first")

    def __repr__(self) -> str:
        return "<UninitializedParameter>"


class TensorVariable(Variable):
    """A tensor as a variable of caviar's graph: training with `fit` reads it and writes it."""

    def __init__(self, tensor: Tensor, name: str):
        spec = tensor.held().spec
        Node.__init__(self, spec.shape, str(spec.dtype), name)
        self.tensor, self.initializer = weakref.ref(tensor), None

    @property
    def trainable(self) -> bool:  # type: ignore[override]
        """Whether the tensor is a leaf that requires grad."""
        return bool(self._tensor()._needs == LEAF)

    @property
    def value(self) -> jax.Array:
        """The present value."""
        return jnp.asarray(self._tensor().array())

    def assign(self, value: Any) -> Variable:
        """Give the tensor another value of the same shape."""
        array = jnp.asarray(value, self.dtype)
        if array.shape != self.shape:
            raise ShapeError(f"parameter {self.path!r} has shape {self.shape} and cannot take a value of {array.shape}")
        self._tensor().hold(Value(array))
        return self

    @property
    def _value(self) -> Any:  # type: ignore[override]
        return self.value

    def _tensor(self) -> Any:
        return self.tensor()


def walk_tensor(self: Tensor, walk: Any, path: str, trainable: bool) -> Any:
    """A tensor inside a part is a variable."""
    return walk.variable(weight_of(self, path), trainable)


def weight_of(tensor: Tensor, path: str) -> TensorVariable:
    """The variable that a tensor is; always the same one."""
    found = vars(tensor).get("variable")
    if found is None:
        found = vars(tensor)["variable"] = TensorVariable(tensor, path.replace(".", "/"))
    return found
