"""The base of optimizers: groups of parameters, and one step that runs everything pending as one program."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from caviar import optimizers
from caviar.declarations import Declaration, Each, Number, OneOf, fits
from caviar.dialects.torch.autograd import enable_grad
from caviar.dialects.torch.optim import keeping
from caviar.dialects.torch.tensor import Tensor
from caviar.errors import ArgumentError
from caviar.recording.kernels import kernel_of
from caviar.recording.recorder import recorder
from caviar.recording.values import Value


def rule_of(kind: type[Optimizer], names: tuple[str, ...], numbers: Iterable[Any], static: Any) -> optimizers.Optimizer:
    """The optimizer of caviar's that a group's options mean; the numbers may be traced. Pairs are named betas/0, betas/1."""
    options = dict(static)
    for name, number in zip(names, numbers, strict=True):
        stem, _, place = name.partition("/")
        options[stem] = (*options.get(stem, ()), number) if place else number
    return kind.rule(**options)


def initial(*arrays: Any, kind: Any, names: tuple[str, ...], static: Any) -> tuple[Any]:
    """The state before the first step, as the one result; arrays are numbers, then parameters."""
    return (rule_of(kind, names, arrays[: len(names)], static).init(list(arrays[len(names) :])),)


def update(state: Any, *arrays: Any, kind: Any, names: tuple[str, ...], static: Any, sign: int) -> tuple[Any, ...]:
    """The new parameters, then the new state; arrays are numbers, then parameters, then their gradients."""
    numbers, rest = arrays[: len(names)], arrays[len(names) :]
    params, grads = list(rest[: len(rest) // 2]), [sign * g for g in rest[len(rest) // 2 :]]
    params, state = rule_of(kind, names, numbers, static).update(grads, state, params)
    return *params, state


class Cohort:
    """Parameters that have taken the same steps, with their state."""

    def __init__(self, params: list[Tensor], state: Value):
        self.params, self.state = params, state

    def split(self, at: list[int]) -> Cohort:
        """Split off the parameters at these places as another cohort."""
        state = jax.tree.map(_members(at), self.state.array, is_leaf=lambda v: isinstance(v, list))
        return Cohort([self.params[i] for i in at], Value(state))


def _members(at: list[int]) -> Callable[[Any], Any]:
    return lambda leaf: [leaf[i] for i in at] if isinstance(leaf, list) else jnp.array(leaf, copy=True)


_NOT_NEGATIVE = Number(least=0)
_ALLOWED: dict[str, Declaration] = {
    **dict.fromkeys(
        [
            "lr",
            "eps",
            "weight_decay",
            "momentum",
            "lr_decay",
            "alpha",
            "lambd",
            "initial_accumulator_value",
            "momentum_decay",
        ],
        _NOT_NEGATIVE,
    ),
    "betas": Each(Number(least=0, below=1), alone=False),
    "rho": Number(least=0, most=1),
    "step_sizes": Each(_NOT_NEGATIVE, alone=False),
}
"""What PyTorch's optimizers require of their options."""


def check_options(name: str, options: dict[str, Any]) -> None:
    """Refuse options that PyTorch refuses."""
    for option in _ALLOWED.keys() & options.keys():
        value = float(options[option]) if isinstance(options[option], Tensor) else options[option]
        allowed = _ALLOWED[option] | Each(_NOT_NEGATIVE | OneOf(None), alone=False)  # some eps are pairs
        if not fits(allowed if option == "eps" else _ALLOWED[option], value):
            hint = "; maximize=True goes uphill" if option == "lr" else ""
            raise ArgumentError(f"{option} of {name} must be {_ALLOWED[option].expected}, and is {value!r}{hint}")


class Optimizer:
    """The base of optimizers: a subclass defines its arguments in `__init__`, and `rule`, the optimizer of caviar's they mean.

    >>> from caviar import optimizers
    >>> from caviar.dialects.torch.optim import Optimizer
    >>> import caviar.dialects.torch as torch
    >>> class Sign(Optimizer):
    ...     defaults = {"lr": 0.1}
    ...     @staticmethod
    ...     def rule(lr):
    ...         return optimizers.SGD(lr)
    >>> w = torch.tensor([1.0], requires_grad=True)
    >>> w.grad = torch.tensor([2.0])
    >>> Sign([w], lr=0.5).step(); w.detach()
    tensor([0.])
    """

    defaults: dict[str, Any] = {}
    state_names: ClassVar[dict[str, str]] = {}
    unused: ClassVar[dict[str, Any]] = {"foreach": None, "capturable": False, "differentiable": False, "fused": None}

    rule: ClassVar[Callable[..., optimizers.Optimizer]]
    """From the options to the optimizer of caviar's that they mean; a static method."""

    def __init__(self, params: Any, *args: Any, **kwargs: Any) -> None:
        known = {"maximize": False, **self.defaults}
        if len(args) > len(self.defaults):
            raise ArgumentError(
                f"{type(self).__name__} takes after the parameters {', '.join(self.defaults)}; name the rest"
            )
        given = dict(zip(self.defaults, args, strict=False)) | kwargs
        wrong = [k for k in given if k not in known and k not in self.unused]
        if wrong:
            raise ArgumentError(f"{type(self).__name__} takes no {', '.join(wrong)}; it takes {', '.join(known)}")
        self.defaults = {**known, **{k: v for k, v in given.items() if k in known}}
        missing = [k for k, v in self.defaults.items() if v is inspect.Parameter.empty]
        if missing:
            raise ArgumentError(f"{type(self).__name__} needs {', '.join(missing)}")
        self.param_groups: list[dict[str, Any]] = []
        self._cohorts: list[list[Cohort]] = []
        self._known: list[Any] = []
        self._traced: list[set[str]] = []
        self._stepped = False
        groups: list[Any] = [params] if isinstance(params, Tensor) else list(params)
        if not groups:
            raise ArgumentError("the optimizer got no parameters: give model.parameters(), of a model that has some")
        for group in groups if isinstance(groups[0], dict) else [{"params": groups}]:
            self.add_param_group(group)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters with options of their own."""
        params = param_group["params"]
        params = [params] if isinstance(params, Tensor) else [p[1] if isinstance(p, tuple) else p for p in params]
        mine = {id(p) for group in self.param_groups for p in group["params"]}
        for p in params:
            if not isinstance(p, Tensor) or not p.is_leaf:
                raise ArgumentError(f"an optimizer moves leaves, as model.parameters() gives them, not {p!r:.80}")
            if id(p) in mine:
                raise ArgumentError("a parameter is in more than one group of the optimizer: leave it in one")
        group = {**self.defaults, **param_group, "params": params}
        check_options(type(self).__name__, group)
        self.param_groups.append(group)
        self._cohorts.append([])
        self._known.append(None)
        self._traced.append({"lr"})

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients."""
        for group in self.param_groups:
            for p in group["params"]:
                if set_to_none or p._grad is None:
                    p._grad = None
                else:
                    p._grad.zero_()

    # -- one step -------------------------------------------------------------------------------------------------

    def step(self, closure: Any = None) -> Any:
        """Update the parameters by their gradients; everything pending runs together with this as one program."""
        loss, self._stepped = None, True
        if closure is not None:
            with enable_grad():
                loss = closure()
        moves = [move for at, group in enumerate(self.param_groups) for move in self._moves(at, group)]
        if not moves:
            return loss
        here, grads, made = recorder(), list[Value](), list[list[Value]]()
        for cohort, numbers, static in moves:
            own = [p._grad.held() for p in cohort.params]
            inputs = [cohort.state, *numbers, *[p.held() for p in cohort.params], *own]
            made.append(here.write(update, static, inputs, (0,) * len(inputs)))
            grads += own
        here.run([v for new in made for v in new], postpone=grads, donate=[cohort.state for cohort, _, _ in moves])
        for (cohort, _, _), new in zip(moves, made, strict=True):
            *values, cohort.state = new
            for p, value in zip(cohort.params, values, strict=True):
                p.hold(value)
        return loss

    def _moves(self, at: int, group: dict[str, Any]) -> list[tuple[Cohort, list[float], Any]]:
        """The cohorts of a group that move now, with its numbers and static arguments."""
        moving = [p for p in group["params"] if p._grad is not None]
        if not moving:
            return []
        numbers, static = self._options(at, group)
        return [(cohort, numbers, static) for cohort in self._arranged(at, moving, static, numbers)]

    def _options(self, at: int, group: dict[str, Any]) -> tuple[list[float], Any]:
        """The numbers of a group, and the static arguments of `update`: their names, and all the rest.

        A number that is 0 is left out of the program, until it is another; then it stays, so that a schedule may reach 0.
        """
        names, numbers, static = list[str](), list[Any](), list[Any]()
        for name in self.defaults:
            value = group[name]
            if name == "maximize":
                continue
            if isinstance(value, Tensor):
                value = value.item()
            if isinstance(value, (tuple, list)) and None not in value:
                names += [f"{name}/{i}" for i in range(len(value))]
                numbers += [float(v) for v in value]
            elif isinstance(type(self).defaults[name], float) and (value or name in self._traced[at]):
                self._traced[at].add(name)
                names.append(name)
                numbers.append(float(value))
            else:
                static.append((name, value))
        key = type(self), tuple(names), tuple(static), -1 if group["maximize"] else 1
        if self._known[at] is None or self._known[at][0] != key:
            whole = tuple(zip(("kind", "names", "static", "sign"), key, strict=True))
            self._known[at] = key, whole
            self._refit(at, whole, numbers)
        return numbers, self._known[at][1]

    def _refit(self, at: int, static: Any, numbers: list[float]) -> None:
        """Start a new state where changed options need one, unless the old one would be lost."""
        for cohort in self._cohorts[at]:
            fresh = _started(cohort.params, static, numbers)
            old, new = map(str, (jax.tree.structure(cohort.state.array), jax.tree.structure(fresh.array)))
            if old != new:
                if keeping.columns(cohort.state.array):
                    raise ArgumentError(
                        f"{type(self).__name__} cannot go on with these options, because what it kept so far does not fit: "
                        "change numbers that are not 0 to others, or make a new optimizer"
                    )
                cohort.state = fresh

    def _arranged(self, at: int, moving: list[Tensor], static: Any, numbers: list[float]) -> list[Cohort]:
        """The cohorts that move now: split from those that have no gradients, with new ones for new parameters."""
        cohorts = self._cohorts[at]
        if len(cohorts) == 1 and len(cohorts[0].params) == len(moving) == len(self.param_groups[at]["params"]):
            return cohorts
        ids, arranged = {id(p) for p in moving}, list[Cohort]()
        for cohort in cohorts:
            here = [i for i, p in enumerate(cohort.params) if id(p) in ids]
            there = [i for i, p in enumerate(cohort.params) if id(p) not in ids]
            arranged += [cohort] if not here or not there else [cohort.split(here), cohort.split(there)]
        seen = {id(p) for cohort in arranged for p in cohort.params}
        new = [p for p in moving if id(p) not in seen]
        if new:
            arranged.append(Cohort(new, _started(new, static, numbers)))
        self._cohorts[at] = arranged
        return [cohort for cohort in arranged if id(cohort.params[0]) in ids]

    # -- the state ------------------------------------------------------------------------------------------------

    @property
    def state(self) -> dict[Tensor, dict[str, Any]]:
        """What is held of each parameter, by PyTorch's names: a copy; `load_state_dict` changes it."""
        found: dict[Tensor, dict[str, Any]] = {}
        for at, cohorts in enumerate(self._cohorts):
            for cohort in cohorts:
                rows = keeping.rows(cohort.state.array, self._names(at), len(cohort.params))
                found.update(zip(cohort.params, rows, strict=True))
        return found

    def _names(self, at: int) -> list[str]:
        """The names of what the state holds under the present options of a group."""
        group, traced = self.param_groups[at], self._traced[at]
        return [name for name, option in self.state_names.items() if not option or option in traced or group[option]]

    def state_dict(self) -> dict[str, Any]:
        """The options of all groups, and what the state holds of each parameter, by its number."""
        places = {id(p): i for i, p in enumerate(p for g in self.param_groups for p in g["params"])}
        groups = [{**g, "params": [places[id(p)] for p in g["params"]]} for g in self.param_groups]
        return {"state": {places[id(p)]: row for p, row in self.state.items()}, "param_groups": groups}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take options and state from what `state_dict` gave."""
        given = [len(g["params"]) for g in state_dict["param_groups"]]
        if given != [len(g["params"]) for g in self.param_groups]:
            raise ArgumentError(f"the state dict has groups of {given} parameters, which does not fit this optimizer")
        for at, (group, new) in enumerate(zip(self.param_groups, state_dict["param_groups"], strict=True)):
            group.update({k: v for k, v in new.items() if k != "params"})
            known = [(p, state_dict["state"].get(i)) for p, i in zip(group["params"], new["params"], strict=True)]
            self._restore(at, [(p, row) for p, row in known if row])

    def _restore(self, at: int, known: list[tuple[Tensor, dict[str, Any]]]) -> None:
        """The cohorts of a group: those parameters together that have made the same steps."""
        self._cohorts[at] = []
        self._traced[at] |= {self.state_names[name] for _, row in known for name in row if self.state_names.get(name)}
        numbers, static = self._options(at, self.param_groups[at])
        steps = {int(row["step"]): None for _, row in known}
        for step in steps:
            params, rows = zip(*[(p, row) for p, row in known if int(row["step"]) == step], strict=True)
            fresh = _started(list(params), static, numbers).array
            state = keeping.restored(fresh, self._names(at), step, rows, type(self).__name__)
            self._cohorts[at].append(Cohort(list(params), Value(state)))

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for i, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {i}")
            lines += [f"    {k}: {v}" for k, v in sorted(group.items()) if k != "params"]
        return "\n".join(lines) + "\n)"


def _started(params: list[Tensor], static: Any, numbers: list[float]) -> Value:
    """The initial state of parameters."""
    known, inputs = dict(static), [*numbers, *[p.array() for p in params]]
    codes = [*map(type, numbers), *(p.held().spec for p in params)]
    (state,) = kernel_of(initial, tuple((k, known[k]) for k in ("kind", "names", "static")), tuple(codes))(inputs)
    return Value(state)
