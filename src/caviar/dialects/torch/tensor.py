"""The tensor. Its operations are in `functions`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from caviar.dialects.torch.dtypes import Size, device, dtype, held_as, is_available, type_of
from caviar.dialects.torch.printing import text
from caviar.errors import ArgumentError, DataError, ShapeError
from caviar.recording.encoding import LEAF, NO_GRADIENT, RESULT
from caviar.recording.memory import Memory
from caviar.recording.recorder import recorder
from caviar.recording.tensor import LazyTensor, record
from caviar.recording.values import Value
from caviar.telling import tells


class Tensor(LazyTensor):
    """An array that may not be computed yet; made by `torch.tensor`, or by operations on other tensors.

    >>> import caviar.dialects.torch as torch
    >>> w = torch.tensor([1.0, 2.0], requires_grad=True)
    >>> (w * w).sum().backward()
    >>> w.grad
    tensor([2., 4.])
    """

    __array_priority__ = 1000

    if TYPE_CHECKING:  # the methods come from tables: see `methods`

        def __getattr__(self, name: str) -> Any: ...
        def __getitem__(self, index: Any) -> Tensor: ...
        def __setitem__(self, index: Any, value: Any) -> None: ...
        def __add__(self, other: Any) -> Tensor: ...
        def __mul__(self, other: Any) -> Tensor: ...
        def __truediv__(self, other: Any) -> Tensor: ...
        def __lt__(self, other: Any) -> Tensor: ...

    # -- properties -----------------------------------------------------------------------------------------------

    @property
    def spec(self) -> Any:
        """Shape and type of the array."""
        return self.held().spec

    @property
    def shape(self) -> Size:
        """The number of elements along each dimension."""
        return Size(self.held().spec.shape)

    def size(self, dim: int | None = None) -> Any:
        """The shape, or its entry for one dimension."""
        return self.shape if dim is None else self.shape[dim]

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return len(self.held().spec.shape)

    def dim(self) -> int:
        """The number of dimensions."""
        return self.ndim

    def numel(self) -> int:
        """The number of elements."""
        return self.shape.numel()

    nelement = numel

    @property
    def dtype(self) -> dtype:
        """The type of the elements."""
        return type_of(self.held().spec.dtype)

    @property
    def device(self) -> device:
        """Where the tensor is."""
        return device("cuda", 0) if is_available() else device("cpu")

    @property
    def is_cuda(self) -> bool:
        """Whether it is on a GPU."""
        return is_available()

    def is_floating_point(self) -> bool:
        """Whether the elements are floats."""
        return self.dtype.is_floating_point

    def is_contiguous(self) -> bool:
        """Always: how an array lies in memory is XLA's choice."""
        return True

    def contiguous(self) -> Tensor:
        """The tensor itself."""
        return self

    # -- looking at values ----------------------------------------------------------------------------------------

    def item(self) -> Any:
        """The one element as a number."""
        if self.numel() != 1:
            raise ShapeError(f"item() is for tensors of one element, and this one has shape {tuple(self.shape)}")
        return np.asarray(self.array()).item()

    def tolist(self) -> Any:
        """The elements as nested lists."""
        return np.asarray(self.array()).tolist()

    def numpy(self, *, force: bool = False) -> np.ndarray:
        """The elements as a NumPy array, which shares its memory with a small tensor; a parameter's cannot be written."""
        if self.requires_grad and not force:
            raise ArgumentError(
                "numpy() of a tensor that requires grad would lose its gradient: say tensor.detach().numpy()"
            )
        owner: Any = self if self._root is None or isinstance(self._root, Memory) else self._root
        if isinstance(owner._root, Memory) and (owner is self or self._view is None):
            return owner._root.shared
        array = np.array(self.array()).astype(self.dtype.numpy, copy=False)
        if type(owner) is Tensor and owner._root is None and self._is_whole and Memory.can_share(array):
            owner._root, owner._view = Memory(array, _as_held(owner)), None
        array.flags.writeable = owner._needs != LEAF  # what is written here would not reach the parameter
        return array

    @property
    def _is_whole(self) -> bool:
        """Whether it is no view, nor a result that gradients flow through."""
        return (self._root is None and not self._needs) or bool(
            self._root is not None and self._view is None and not self._root._needs
        )

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        array = np.array(self.numpy())
        return array if dtype is None else array.astype(dtype)

    def __jax_array__(self) -> Any:
        return self.array()

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __index__(self) -> int:
        return int(self.item())

    def __bool__(self) -> bool:
        return bool(self.item())

    def __len__(self) -> int:
        if not self.ndim:
            raise TypeError("a tensor of no dimensions has no length")
        return int(self.shape[0])

    def __iter__(self) -> Iterator[Tensor]:
        return (self[i] for i in range(len(self)))

    def __contains__(self, value: Any) -> bool:
        return bool((self == value).any())

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        return text(self)

    def __format__(self, form: str) -> str:
        return format(self.item(), form) if self.ndim == 0 and type(self) is Tensor else object.__format__(self, form)

    # -- gradients ------------------------------------------------------------------------------------------------

    @property
    def requires_grad(self) -> bool:
        """Whether gradients are taken of it, or flow through it."""
        return self._needs != NO_GRADIENT

    @requires_grad.setter
    def requires_grad(self, wanted: bool) -> None:
        self.requires_grad_(wanted)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Take gradients of this tensor, or not."""
        if not requires_grad and self._needs == RESULT:
            raise ArgumentError("only leaves can stop requiring grad: say tensor.detach() instead")
        if requires_grad and not self.held().spec.differentiable:
            raise ArgumentError(f"only floats can require grad, and this tensor holds {self.dtype}")
        if requires_grad and self._root is not None:
            self.hold_alone(self.array())
        if requires_grad != self.requires_grad:
            self._needs = LEAF if requires_grad else NO_GRADIENT
        return self

    @property
    def is_leaf(self) -> bool:
        """Whether it was made by the user, and not by an operation that gradients flow through."""
        return self._needs != RESULT

    @property
    def grad_fn(self) -> Any:
        """What made it, None for leaves."""
        if self._needs != RESULT:
            return None
        call = self.held().call
        return f"<{getattr(call and call.function, '__name__', 'Spent')}>"

    @property
    def grad(self) -> Tensor | None:
        """The gradients accumulated so far."""
        return self._grad

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None and (not isinstance(value, Tensor) or value.shape != self.shape):
            given = tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
            raise ShapeError(
                f"the grad of a tensor of shape {tuple(self.shape)} is a tensor of that shape, not {given}"
            )
        self._grad = value

    def detach(self) -> Tensor:
        """The same values, outside of gradients; writing into it writes here."""
        return Tensor.alias(self)

    @property
    def data(self) -> Tensor:
        """The same values, outside of gradients; writing into it writes here."""
        return self.detach()

    @data.setter
    def data(self, value: Tensor) -> None:
        self.hold(value.held())

    def retain_grad(self) -> None:
        """Refused for results: only leaves keep their `.grad`."""
        if not self.is_leaf:
            raise ArgumentError("retain_grad is for leaves here: torch.autograd.grad(loss, tensor) gives any gradient")

    # -- writing in place -----------------------------------------------------------------------------------------

    def become(self, result: Any) -> Tensor:
        """Take the result of an operation as the new value: how in-place operations are done."""
        if result._needs and isinstance(self._root, Memory):
            self._root = None  # gradients do not flow through NumPy's memory
        owner = self._root if self._root is not None else self
        differentiable = recorder().gradients
        if owner._needs == LEAF and differentiable and self._root is None:
            raise ArgumentError(
                "a leaf that requires grad cannot be changed in place while gradients are recorded: "
                "do it inside `with torch.no_grad():`, or write p.data"
            )
        if result.shape != self.shape:
            raise ShapeError(f"in place, {tuple(self.shape)} cannot become {tuple(result.shape)}")
        if result.dtype is not self.dtype:
            result = result.to(self.dtype)
        if self._root is not None and self._view is not None and differentiable:
            return self._become_within(self._root, result)
        self.hold(result.held())
        if self._needs != LEAF:
            self._needs = result._needs
        return self

    def _become_within(self, root: Any, result: Tensor) -> Tensor:
        """Take a result as the new value of a view: it is written into the root, and gradients flow through that."""
        function, static, inputs = self._view[1]
        root.become(record(Tensor, function, (root, result, *inputs), static))
        self._held, self._seen, self._needs = result.held(), root.held(), root._needs and RESULT
        return self

    # -- elsewhere ------------------------------------------------------------------------------------------------

    @tells
    def to(self, *to: Any, dtype: Any = None, device: Any = None, **_: Any) -> Any:
        """The tensor in another type; a device is checked, and ignored."""
        for given in (*to, device):
            if isinstance(given, Tensor):
                dtype = given.dtype
            elif isinstance(given, dtype_class):
                dtype = given
            elif given is not None and not isinstance(given, bool):
                device_class(given)
        if dtype is None:
            return self
        wanted = held_as(dtype)
        return self if type_of(wanted) is self.dtype else record(Tensor, cast, (self,), (("dtype", wanted),))

    def cpu(self) -> Tensor:
        """The tensor itself."""
        return self

    def cuda(self, device: Any = None) -> Tensor:
        """The tensor itself, if there is a GPU."""
        device_class("cuda")
        return self

    def __deepcopy__(self, memo: Any) -> Tensor:
        copy = type(self).holding(Value(self.array()), min(self._needs, LEAF))
        memo[id(self)] = copy
        return copy


def _as_held(tensor: Tensor) -> Any:
    kind = tensor.held().spec.dtype
    return lambda array: array.astype(kind)


dtype_class, device_class = dtype, device


def cast(x: jax.Array, dtype: Any) -> jax.Array:
    """The array in another type."""
    return x.astype(dtype)


def wrap(value: Any) -> Tensor:
    """An array, or another value inside an evaluation, as a tensor."""
    if isinstance(value, Tensor):
        return value
    if isinstance(value, (jax.Array, np.ndarray)):
        return Tensor.holding(Value(value))
    raise DataError(f"expected a tensor, and was given {type(value).__name__}: {value!r:.60}")
