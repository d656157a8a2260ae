"""The module: PyTorch's interface on top of caviar's model, so that a module also has `compile`, `fit` and `save`."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from caviar.dialects.torch import dtypes
from caviar.dialects.torch.missing import missing
from caviar.dialects.torch.tensor import Tensor, device_class, dtype_class
from caviar.dialects.torch.weights import Parameter, UninitializedParameter
from caviar.errors import CONFUSED, ArgumentError, ShapeError, retell
from caviar.graph.context import current
from caviar.graph.node import Node
from caviar.models.model import Model
from caviar.outside import spoken
from caviar.recording.values import Value
from caviar.telling import tells


class _Yielding:
    """A property of caviar's models that an attribute of the same name replaces: `self.layers = nn.ModuleList(...)`."""

    def __init__(self, fallback: Any):
        self.fallback = fallback

    def __get__(self, module: Any, kind: Any = None) -> Any:
        return self if module is None else self.fallback.__get__(module, kind)


class Module(Model):
    """The base of every network: attributes in `__init__`, the computation in `forward`.

    >>> from caviar.dialects.torch.nn import Module
    >>> import caviar.dialects.torch as torch
    >>> class Double(Module):
    ...     def forward(self, x):
    ...         return 2 * x
    >>> Double()(torch.ones(2))
    tensor([2., 2.])
    """

    unwalked: ClassVar[frozenset[str]] = Model.unwalked | {"training", "_hooks", "_buffers"}
    training: bool = True
    built = True

    inputs, outputs, optimizer, loss, variables, weights, controls = (
        _Yielding(vars(kind)[name]) for name, kind in (
            (name, next(c for c in Model.__mro__ if name in vars(c)))
            for name in ("inputs", "outputs", "optimizer", "loss", "variables", "weights", "controls")
        )
    )  # fmt: skip
    layers = _Yielding(property(lambda module: list(module.children())))

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """Make the module, with room for hooks and the names of buffers."""
        self = super().__new__(cls, *args, **kwargs)
        vars(self).update(_buffers={}, _hooks=[], training=True)
        return self

    def __init_subclass__(cls, **kwargs: Any) -> None:
        own = vars(cls).get("build")  # in PyTorch a name like any other
        super().__init_subclass__(**kwargs)
        if own is not None:
            cls.build = own  # type: ignore[method-assign]

    def __init__(self) -> None:
        self.name = vars(self)["_own_name"]

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A module from what `get_config` gave."""
        return cls(*config.get("args", ()), **{k: v for k, v in config.items() if k != "args"})

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """The computation; every module defines its own."""
        raise ArgumentError(f"module {type(self).__name__} defines no `forward(self, x)`")

    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)

    def __getattr__(self, name: str) -> Any:
        return missing(type(self).__name__, [*vars(self), *dir(type(self))])(name)

    # -- calling --------------------------------------------------------------------------------------------------

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The outputs for tensors; nodes and arrays are computed as any layer of caviar computes them."""
        try:
            if args and isinstance(args[0], Tensor):
                return self._hooked(args, kwargs) if self._hooks else self.forward(*args, **kwargs)
            if current() is None and not _are_caviars((args, kwargs)):
                return self._hooked(args, kwargs)
        except CONFUSED as error:  # as `tells` does, written out for speed
            retell(error, lambda: f"{type(self).__name__}() of {spoken((*args, *kwargs.values()))}")
            raise
        return super().__call__(*args, **kwargs)

    def _hooked(self, args: tuple[Any, ...], kwargs: Any) -> Any:
        for hook in [h for h in self._hooks if h.before]:
            changed = hook.function(self, args)
            args = args if changed is None else changed if isinstance(changed, tuple) else (changed,)
        output = self.forward(*args, **kwargs)
        for hook in [h for h in self._hooks if not h.before]:
            changed = hook.function(self, args, output)
            output = output if changed is None else changed
        return output

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Inside an evaluation of caviar's: `forward` on tensors that hold what is being traced."""
        kwargs.pop("training", None)
        context: Any = current()
        before = []
        for module in list(self.modules()):
            own = vars(module)
            held = {k: Tensor.holding(Value(v)) for k, v in own.items() if isinstance(v, (jax.Array, np.ndarray))}
            before.append((own, held.keys(), own.get("training", True)))
            own.update(held, training=context.training and own.get("trainable", True))
            own.setdefault("_hooks", [])
        outputs = self.forward(*map(_tensors, args), **kwargs)
        for own, names, training in before:
            own.update({name: own[name].array() for name in names}, training=training)
        return _arrays(outputs)

    def register_forward_hook(self, hook: Callable[..., Any]) -> Hook:
        """Call `hook(module, args, output)` after each forward; what it returns, if anything, is the output."""
        return Hook(self._hooks, hook, False)

    def register_forward_pre_hook(self, hook: Callable[..., Any]) -> Hook:
        """Call `hook(module, args)` before each forward; what it returns, if anything, are the arguments."""
        return Hook(self._hooks, hook, True)

    # -- members --------------------------------------------------------------------------------------------------

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Make a parameter an attribute."""
        setattr(self, name, param)

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Make a tensor an attribute that is state: saved, and not trained."""
        setattr(self, name, tensor)
        self._buffers[name] = persistent

    def register_module(self, name: str, module: Module | None) -> None:
        """Make a module an attribute."""
        setattr(self, name, module)

    add_module = register_module

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The modules directly inside, by name."""
        return ((k, v) for k, v in vars(self).items() if isinstance(v, Module))

    def children(self) -> Iterator[Module]:
        """The modules directly inside."""
        return (module for _, module in self.named_children())

    def named_modules(self, memo: Any = None, prefix: str = "") -> Iterator[tuple[str, Module]]:
        """This module and all inside, each once."""
        memo = set() if memo is None else memo
        if id(self) in memo:
            return
        memo.add(id(self))
        yield prefix, self
        for name, module in self.named_children():
            yield from module.named_modules(memo, f"{prefix}.{name}" if prefix else name)

    def modules(self) -> Iterator[Module]:
        """This module and all inside, each once."""
        return (module for _, module in self.named_modules())

    def _named(self, own: Callable[[Module], Any], twice: bool = False) -> Iterator[tuple[str, Any]]:
        seen: set[int] = set()
        for prefix, module in self.named_modules():
            for name, value in own(module):
                if twice or id(value) not in seen:
                    seen.add(id(value))
                    yield f"{prefix}.{name}" if prefix else name, value

    def named_parameters(self, prefix: str = "", recurse: bool = True) -> Iterator[tuple[str, Parameter]]:
        """All parameters by name."""
        found = self._named(_own_parameters) if recurse else _own_parameters(self)
        return ((f"{prefix}.{name}" if prefix else name, p) for name, p in found)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """All parameters."""
        return (p for _, p in self.named_parameters("", recurse))

    def named_buffers(self) -> Iterator[tuple[str, Tensor]]:
        """All buffers by name."""
        return self._named(_own_buffers)

    def buffers(self) -> Iterator[Tensor]:
        """All buffers."""
        return (b for _, b in self.named_buffers())

    def get_submodule(self, target: str) -> Module:
        """The module at a path of names with dots."""
        return dict(self.named_modules())[target]

    def apply(self, fn: Callable[[Module], Any]) -> Module:
        """Call a function with every module, those inside first."""
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    # -- modes ----------------------------------------------------------------------------------------------------

    def train(self, mode: bool = True) -> Module:
        """Set training mode, here and inside: dropout drops values, and normalization uses the batch's statistics."""
        for module in self.modules():
            vars(module)["training"] = mode
        return self

    def eval(self) -> Module:
        """Set evaluation mode, here and inside: no dropout, and normalization uses the running statistics."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Module:
        """Let all parameters require grad, or not."""
        for p in self.parameters():
            p.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters."""
        for p in self.parameters():
            if set_to_none or p._grad is None:
                p._grad = None
            else:
                p._grad.zero_()

    def to(self, *args: Any, dtype: Any = None, device: Any = None, **_: Any) -> Module:
        """Convert all floats to a type; a device is checked, and ignored."""
        for given in (*args, device):
            dtype = given if isinstance(given, dtype_class) else dtype
            if given is not None and not isinstance(given, (dtype_class, bool)):
                device_class(given)
        if dtype is not None:
            for tensor in (*self.parameters(), *self.buffers()):
                if tensor.is_floating_point():
                    tensor.hold(tensor.detach().to(dtype).held())
        return self

    def cpu(self) -> Module:
        """The module itself."""
        return self

    def cuda(self, device: Any = None) -> Module:
        """The module itself, if there is a GPU."""
        return self.to("cuda")

    def float(self) -> Module:
        """All floats in 32 bits."""
        return self.to(dtypes.float32)

    def double(self) -> Module:
        """All floats in 64 bits."""
        return self.to(dtypes.float64)

    # -- state ----------------------------------------------------------------------------------------------------

    def state_dict(self) -> OrderedDict[str, Tensor]:
        """Parameters and buffers by name."""
        found = self._named(
            lambda m: (*_own_parameters(m), *((k, b) for k, b in _own_buffers(m) if m._buffers[k])), True
        )
        return OrderedDict((name, value.detach()) for name, value in found)

    @tells
    def load_state_dict(self, state_dict: Any, strict: bool = True, assign: bool = False) -> Any:
        """Take the values of a state dict; with `strict` the names must be the same."""
        own = self.state_dict()
        lacking, extra = [k for k in own if k not in state_dict], [k for k in state_dict if k not in own]
        if strict and (lacking or extra):
            raise ArgumentError(
                f"the state dict does not fit {type(self).__name__}: missing {', '.join(lacking) or 'nothing'}; "
                f"not known {', '.join(extra) or 'nothing'}. Build the same modules, or pass strict=False"
            )
        for name in own.keys() & state_dict.keys():
            value = jnp.asarray(np.asarray(state_dict[name]), own[name].held().spec.dtype)
            if value.shape != tuple(own[name].shape):
                raise ShapeError(
                    f"{name} has shape {tuple(own[name].shape)}, and the state dict has {value.shape} for it"
                )
        for name in own.keys() & state_dict.keys():
            own[name].hold(Value(jnp.asarray(np.asarray(state_dict[name]), own[name].held().spec.dtype)))
        return Keys(lacking, extra)

    # -- printing -------------------------------------------------------------------------------------------------

    def extra_repr(self) -> str:
        """The text in the brackets of the module's `repr`."""
        return ""

    def __repr__(self) -> str:
        lines = [f"({name}): " + repr(module).replace("\n", "\n  ") for name, module in self.named_children()]
        extra = self.extra_repr()
        if not lines:
            return f"{type(self).__name__}({extra})"
        return "\n  ".join([f"{type(self).__name__}(", *([extra] if extra else []), *lines]) + "\n)"


class Keys:
    """The names that `load_state_dict` missed, and those that it did not know."""

    def __init__(self, missing_keys: list[str], unexpected_keys: list[str]):
        self.missing_keys, self.unexpected_keys = missing_keys, unexpected_keys

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return f"Keys(missing_keys={self.missing_keys}, unexpected_keys={self.unexpected_keys})"


class Hook:
    """A registered hook; `remove()` takes it away."""

    def __init__(self, hooks: list[Hook], function: Callable[..., Any], before: bool):
        self.hooks, self.function, self.before = hooks, function, before
        hooks.append(self)

    def remove(self) -> None:
        """Remove the hook."""
        self.hooks.remove(self)


def _are_caviars(given: Any) -> bool:
    """Whether arguments are for a layer of caviar's: nodes of its graph, or JAX's arrays, and no tensors."""
    leaves = jax.tree.leaves(given)
    return any(isinstance(v, (Node, jax.Array)) for v in leaves) and not any(isinstance(v, Tensor) for v in leaves)


def _own_parameters(module: Module) -> list[tuple[str, Any]]:
    return [(k, v) for k, v in vars(module).items() if isinstance(v, Parameter)]


def _own_buffers(module: Module) -> list[tuple[str, Any]]:
    own = vars(module)
    return [(k, own[k]) for k in own.get("_buffers", ()) if own[k] is not None]


def _tensors(value: Any) -> Any:
    return jax.tree.map(lambda v: Tensor.holding(Value(v)), value)


def _arrays(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.array()
    if isinstance(value, (tuple, list)):
        return type(value)(_arrays(v) for v in value)
    return {k: _arrays(v) for k, v in value.items()} if isinstance(value, dict) else value


def uninitialized(module: Module) -> bool:
    """Whether a module has parameters without a shape."""
    return any(isinstance(v, UninitializedParameter) for v in vars(module).values())
