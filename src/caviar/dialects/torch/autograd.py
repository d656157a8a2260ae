"""`torch.autograd`: whether gradients are recorded, and functions that compute them."""

from __future__ import annotations

import contextlib
import functools
from typing import Any

import jax.numpy as jnp

from caviar.dialects.torch.tensor import Tensor
from caviar.errors import ArgumentError
from caviar.recording.recorder import recorder
from caviar.recording.tensor import gradients
from caviar.recording.values import Value

__all__ = ["backward", "enable_grad", "grad", "inference_mode", "is_grad_enabled", "no_grad", "set_grad_enabled"]
__dir__ = __all__.copy


class set_grad_enabled(contextlib.ContextDecorator):
    """Record gradients, or not: at once, inside a `with` block, or as a decorator.

    >>> from caviar.dialects.torch import is_grad_enabled, set_grad_enabled
    >>> with set_grad_enabled(False):
    ...     is_grad_enabled()
    False
    """

    def __init__(self, mode: bool):
        self.before = recorder().gradients
        self.mode = recorder().gradients = bool(mode)

    def __call__(self, function: Any) -> Any:
        """The function with gradients recorded, or not."""
        recorder().gradients = self.before

        @functools.wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            with set_grad_enabled(self.mode):
                return function(*args, **kwargs)

        return wrapped

    def __enter__(self) -> None:
        recorder().gradients = self.mode

    def __exit__(self, *_: object) -> None:
        recorder().gradients = self.before


class _Mode(contextlib.ContextDecorator):
    mode = False

    def __init__(self, function: Any = None):
        self.before: list[bool] = []

    def __new__(cls, function: Any = None) -> Any:
        """`@torch.no_grad` without brackets decorates too."""
        self = super().__new__(cls)
        if callable(function):
            self.__init__()  # type: ignore[misc]
            return self(function)
        return self

    def __enter__(self) -> None:
        self.before.append(recorder().gradients)
        recorder().gradients = self.mode

    def __exit__(self, *_: object) -> None:
        recorder().gradients = self.before.pop()


class no_grad(_Mode):
    """Record no gradients inside a `with` block, or in a function that it decorates.

    >>> from caviar.dialects.torch import no_grad
    >>> import caviar.dialects.torch as torch
    >>> w = torch.ones(2, requires_grad=True)
    >>> with no_grad():
    ...     (2 * w).requires_grad
    False
    """


class inference_mode(_Mode):
    """The same as `no_grad`."""

    def __init__(self, mode: Any = True):
        super().__init__()
        self.mode = mode is False


class enable_grad(_Mode):
    """Record gradients again, inside `no_grad`."""

    mode = True


def is_grad_enabled() -> bool:
    """Whether gradients are recorded."""
    return recorder().gradients


def backward(self: Tensor, gradient: Any = None, retain_graph: bool = False, create_graph: bool = False) -> None:
    """Add the gradients of this tensor to the `.grad` of every leaf that it was made from."""
    check(self, gradient, create_graph)
    here = recorder()
    leaves, made = gradients(self, _seed(gradient), None, bool(retain_graph))
    for leaf, value in zip(leaves, made, strict=True):
        if leaf._grad is None:
            leaf._grad = Tensor.holding(value)
            here.promise(leaf._grad)
        else:
            leaf._grad.hold(here.write(jnp.add, (), (leaf._grad.held(), value), (0, 0))[0])


def _seed(given: Tensor | None) -> Value | None:
    return None if given is None else given.held()


def check(target: Tensor, seed: Any, create_graph: bool) -> None:
    """Raise for a tensor that has no gradient."""
    if not target.requires_grad:
        raise ArgumentError(
            "backward needs a tensor that was made from one with requires_grad=True: this one was not, "
            "or under torch.no_grad(), or from detached tensors"
        )
    if create_graph:
        raise ArgumentError(
            "create_graph=True is not supported: gradients of gradients are jax.grad's, or caviar.graph's"
        )
    if seed is None and target.numel() != 1:
        raise ArgumentError(
            f"backward without a gradient is for one number, and this tensor has shape {tuple(target.shape)}: "
            "take its mean() or sum() first, or give gradient="
        )
    if target.is_leaf:
        raise ArgumentError("this tensor is a leaf: backward starts at the result of an operation")


def grad(
    outputs: Any, inputs: Any, grad_outputs: Any = None, retain_graph: bool = False, create_graph: bool = False
) -> tuple[Tensor, ...]:
    """The gradients of a tensor with respect to others, leaves or results, without touching any `.grad`.

    >>> from caviar.dialects.torch.autograd import grad
    >>> import caviar.dialects.torch as torch
    >>> w = torch.tensor(3.0, requires_grad=True)
    >>> grad(w * w, w)
    (tensor(6.),)
    """
    (output,) = outputs if isinstance(outputs, (list, tuple)) else (outputs,)
    (seed,) = grad_outputs if isinstance(grad_outputs, (list, tuple)) else (grad_outputs,)
    wanted = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
    check(output, seed, create_graph)
    _, made = gradients(output, _seed(seed), wanted, retain_graph)
    found = tuple(Tensor.holding(value) for value in made)
    for tensor in found:
        recorder().promise(tensor)
    return found
