"""A leaf of the graph that has a value."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from caviar import config, engine
from caviar.errors import ArgumentError, DataError, NotBuiltError, ShapeError
from caviar.graph.node import Node
from caviar.outside import checked
from caviar.telling import tells

__all__ = ["Variable"]


@tells
class Variable(Node):
    """A leaf with a value: a weight, or a number that training changes.

    >>> from caviar.graph import Variable
    >>> w = Variable(0.0, dtype="float32", name="w")
    >>> w.assign(w.value + 0.5)
    Variable(0.5, name='w')
    >>> import numpy as np
    >>> float(np.asarray(w))
    0.5
    """

    unwalked = Node.unwalked | {"_value", "initializer", "is_drawn"}

    is_drawn = False  # whether it has its initial random value, so that each member of a population draws another
    is_state = False  # whether it is a layer's state from batch to batch, and not a weight

    def __init__(self, value: Any, dtype: Any = None, trainable: bool = True, name: str | None = None):
        engine.start()
        try:
            array = jnp.asarray(value, dtype=dtype or _natural_dtype(value))
        except TypeError as error:
            raise ArgumentError(f"a variable holds numbers, and was given {value!r}") from error
        if jnp.issubdtype(array.dtype, jax.dtypes.extended):
            raise ArgumentError("a variable holds numbers, and was given a random key: give jax.random.key_data(key)")
        super().__init__(array.shape, str(array.dtype), name)
        self.trainable = trainable
        self.initializer: Any = None
        self._value: jax.Array | None = array

    @classmethod
    def planned(cls, shape: tuple[int, ...], dtype: str, initializer: Any, trainable: bool, name: str) -> Variable:
        """A variable whose value is drawn later, together with the others of its network."""
        self = cls.__new__(cls)
        Node.__init__(self, shape, dtype, name)
        self.trainable, self.initializer, self._value, self.is_drawn = trainable, initializer, None, True
        return self

    @property
    def value(self) -> jax.Array:
        """The present value."""
        if self._value is None:
            raise NotBuiltError(f"variable {self.name!r} has no value yet: build the layer or the model first")
        return self._value

    @property
    def path(self) -> str:
        """The name of the variable, with the layers that hold it: 'dense/kernel'."""
        return self.name or "variable"

    def assign(self, value: Any) -> Variable:
        """Give the variable another value of the same shape."""
        if not self._is_alike(value):
            value = value if isinstance(value, jax.Array) and str(value.dtype) == self.dtype else self._converted(value)
        if value.shape != self.shape:
            raise ShapeError(f"variable {self.path!r} has shape {self.shape} and cannot take a value of {value.shape}")
        vars(self).update(_value=value, is_drawn=False)
        return self

    def _is_alike(self, value: Any) -> bool:
        """Whether a value is of the present one's kind and type, as what a program gives is: seen at a glance."""
        held: Any = vars(self).get("_value")
        return type(value) is type(held) and value.dtype == held.dtype

    def _converted(self, value: Any) -> jax.Array:
        """The value in this variable's type, if it can be."""
        if value is None or (isinstance(value, np.ndarray) and value.dtype.kind == "O" and None in value):
            raise DataError(f"the value for variable {self.path!r} holds None, which is no number")
        if jnp.issubdtype(self.dtype, jnp.floating) and not isinstance(value, Node):
            value = checked(value, f"the value for variable {self.path!r}", self.dtype, finite=False)
        return jnp.asarray(value, self.dtype)

    def assign_add(self, value: Any) -> Variable:
        """Add to the value."""
        return self.assign(self.value + jnp.asarray(value, self.dtype))

    def assign_sub(self, value: Any) -> Variable:
        """Subtract from the value."""
        return self.assign(self.value - jnp.asarray(value, self.dtype))

    def numpy(self) -> np.ndarray:
        """The value as a NumPy array."""
        return np.asarray(self.value)

    def __deepcopy__(self, memo: Any) -> Variable:
        copy = object.__new__(type(self))  # another variable; arrays are immutable, so the copy shares them
        memo[id(self)] = copy
        vars(copy).update(vars(self))
        return copy

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.value, dtype=dtype) if copy else np.asarray(self.value, dtype=dtype)

    def __write__(self, writer: Any, number: int) -> Any:
        return writer.variable(self, number)

    def __walk__(self, walk: Any, path: str, trainable: bool) -> Any:
        return walk.variable(self, trainable)

    def __repr__(self) -> str:
        text = (
            "not drawn yet"
            if self._value is None
            else np.array2string(np.asarray(self._value), threshold=8, precision=4)
        )
        shape = "" if self.shape == () else f", shape={self.shape}"
        return f"Variable({text}{shape}, name={self.path!r})"


def _natural_dtype(value: Any) -> Any:
    """Python's and NumPy's floats become the library's float type; everything else keeps its own."""
    if isinstance(value, jax.Array):
        return value.dtype
    array = np.asarray(value)
    return config.floatx() if array.dtype.kind == "f" else jax.dtypes.canonicalize_dtype(array.dtype)
