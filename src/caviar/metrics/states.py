"""The variables of a metric written as in Keras, to which `update_state` assigns."""

from __future__ import annotations

import operator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from caviar import initializers
from caviar.errors import ShapeError
from caviar.parts import Part


class State(Part):
    """An array that a metric assigns to; arithmetic on it is arithmetic on its value.

    >>> from caviar.metrics.states import State
    >>> total = State((), "float32")
    >>> total.assign_add(3.0)
    >>> float(total / 2)
    1.5
    """

    unwalked = Part.unwalked | {"_value"}
    __array_priority__ = 1000

    def __init__(self, shape: Any, dtype: Any, initializer: Any = "zeros", name: str | None = None):
        self.shape = (shape,) if isinstance(shape, int) else tuple(shape)
        self.dtype, self.name = jnp.dtype(dtype), name
        self._value = initializers.get(initializer)(jax.random.key(0), self.shape, self.dtype)

    @property
    def value(self) -> jax.Array:
        """The present value; zeros where none has been assigned."""
        return vars(self).get("_value", jnp.zeros(self.shape, self.dtype))

    def assign(self, value: Any) -> None:
        """Take another value of the same shape."""
        array = jnp.asarray(_value_of(value)).astype(self.dtype)
        if array.shape != self.shape:
            raise ShapeError(f"variable {self.name!r} of a metric has shape {self.shape}, and was given {array.shape}")
        vars(self)["_value"] = array

    def assign_add(self, value: Any) -> None:
        """Add to the value."""
        self.assign(self.value + jnp.asarray(_value_of(value)))

    def assign_sub(self, value: Any) -> None:
        """Subtract from the value."""
        self.assign(self.value - jnp.asarray(_value_of(value)))

    def reset(self) -> None:
        """Become zero."""
        vars(self)["_value"] = jnp.zeros(self.shape, self.dtype)

    def numpy(self) -> np.ndarray:
        """The value as a NumPy array."""
        return np.asarray(self.value)

    def __jax_array__(self) -> jax.Array:
        return self.value

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self.value, dtype)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.value, name)

    def __getitem__(self, index: Any) -> jax.Array:
        return self.value[index]

    def __float__(self) -> float:
        return float(self.value)

    def __int__(self) -> int:
        return int(self.value)

    def __len__(self) -> int:
        return len(self.value)

    def __repr__(self) -> str:
        return f"State({self.value}, name={self.name!r})"


def _value_of(value: Any) -> Any:
    return value.value if isinstance(value, State) else value


def _computed(function: Any, swapped: bool = False) -> Any:
    def method(self: State, *others: Any) -> Any:
        given = (self.value, *map(_value_of, others))
        return function(*reversed(given) if swapped else given)

    return method


for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul"):
    setattr(State, f"__{_name}__", _computed(getattr(operator, _name)))
    setattr(State, f"__r{_name}__", _computed(getattr(operator, _name), swapped=True))
for _name in ("neg", "abs", "lt", "le", "gt", "ge", "invert"):
    setattr(State, f"__{_name}__", _computed(getattr(operator, _name)))

# JAX's functions take it as the array that it holds.
jax.tree_util.register_pytree_node(State, lambda state: ((state.value,), None), lambda _, values: next(iter(values)))
