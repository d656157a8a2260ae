"""The base of layers. A layer defines `build`, which declares weights, and `call`, which computes; the rest is here.

As the user sees it, a layer holds `Variable`s. Every computation happens on a copy (see `caviar.parts`) in which the weights and the
numbers are plain arrays, so `call` reads `self.kernel` and `self.rate`, and updates state by assigning: `self.count = ...`.
`call` gets what it names: `training` (bool), `mask`, and `rng` (a fresh random key while training, else None).
"""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Self

import jax
import jax.numpy as jnp
import numpy as np

from caviar import constraints, engine, initializers, regularizers
from caviar.closing import is_open, typical
from caviar.declarations import DataType, Size
from caviar.errors import ArgumentError, NotBuiltError, nothing_foreign
from caviar.graph.context import Context, as_floats, current, evaluating
from caviar.graph.evaluation import run_apart
from caviar.graph.node import SHAPE, UNKNOWN_SIZES, apply, infer, nodes_in, unique_name, written
from caviar.graph.variable import Variable
from caviar.layers.applied import FromGraph, one_or_several, place_of, remember
from caviar.layers.argument_types import RegularizerLike
from caviar.layers.explaining import check_shape, explained
from caviar.layers.holding import WeightHolder
from caviar.layers.inferring import known_shape, of_shape, stand_in
from caviar.layers.wanted import wanted_weight
from caviar.layers.weights import drawing, give_name, plan, require_memory, undrawn
from caviar.outside import own_copy, spoken
from caviar.parts import Apart, Part, float_fields, parts_of, take_apart
from caviar.text import snake_case

__all__ = ["Layer"]


@dataclass(eq=False, repr=False, kw_only=True)
class Layer(WeightHolder):
    """The base of every layer; subclass it with `build` and `call`, as in Keras.

    >>> import numpy as np
    >>> from caviar.layers import Layer
    >>> class Double(Layer):
    ...     def call(self, x):
    ...         return 2 * x
    >>> Double()(np.ones((1, 2), "float32")).tolist()
    [[2.0, 2.0]]
    """

    name: str | None = None
    trainable: bool = True
    dtype: DataType | None = None
    input_shape: Annotated[Any, SHAPE] | None = None
    input_dim: Size | None = None
    activity_regularizer: RegularizerLike = None

    unwalked: ClassVar[frozenset[str]] = Part.unwalked | {"input_shape", "_own_name", "_key"}
    supports_masking: ClassVar[bool] = False
    live: ClassVar[Any] = None
    """`live(self, member, x)` gives the output's units that are a member's own in a frame, and sets those of weights (`caviar.placing`)."""
    may_differ: ClassVar[tuple[str, ...]] = ()  # the arguments in which members of a frame differ, as `live` tells
    side_by_side: ClassVar[bool] = True  # whether a CPU trains several members faster at once than one by one
    built: ClassVar[bool] = False
    known_ids: ClassVar[int | None] = None  # how many ids a layer looks up; others are refused before anything compiles
    _penalties: ClassVar[Mapping[str, Any]] = MappingProxyType({})  # regularizers by their weight's attribute
    _constraints: ClassVar[Mapping[str, Any]] = MappingProxyType({})
    takes: ClassVar[str] = "given"
    """What integers and booleans become before `call`: "floats"; or they stay, as "ids" that mean something, as
    "anything" that is passed on, or as "given", where only a model that holds this layer makes floats of its inputs."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Make the layer, with an automatic name: dense, dense_1, ..."""
        self = super().__new__(cls, *args, **kwargs)
        own = unique_name(snake_case(cls.__name__))
        vars(self).update(name=own, trainable=True, _own_name=own)  # also for subclasses that skip super().__init__()
        return self

    def __post_init__(self) -> None:
        """Take the given name, or the automatic one."""
        self.name = self.name or vars(self)["_own_name"]

    def path_of_ranges(self, path: str, numbered: Callable[[str], str]) -> str:
        """The name that it was given, or its own with a number within the model."""
        own = self.name == vars(self).get("_own_name")  # which copies inside programs do not have
        return numbered(str(self.name)) if own else str(self.name)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "build" in vars(cls):
            cls.build = _building(vars(cls)["build"])  # type: ignore[method-assign]

    # -- what subclasses define -----------------------------------------------------------------------------------

    def build(self, input_shape: Any) -> None:
        """Declare the weights with `add_weight`; called once, with the shape of the first input (None where unknown)."""

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the outputs; pure, except that state may be assigned to attributes."""
        raise ArgumentError(f"layer {type(self).__name__} defines no `call(self, x)`")

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The mask of the outputs; by default that of the input, for layers that support masking."""
        return mask if self.supports_masking else None

    @FromGraph
    def input(self) -> Any:
        """The node that the layer was applied to last, or a list of them."""
        return one_or_several(place_of(self)[0])

    @FromGraph
    def output(self) -> Any:
        """The node that the layer gave last, or a list of them."""
        return one_or_several(place_of(self)[1])

    # -- weights --------------------------------------------------------------------------------------------------

    def add_weight(self, *args: Any, **kwargs: Any) -> Variable:
        """Declare a weight, as `add_weight("kernel", shape, initializer, regularizer, trainable, dtype)`, or in Keras' order.

        It becomes the attribute of its name, or that to which it is assigned. Its value is drawn with the whole network.
        """
        wanted = wanted_weight(self, args, kwargs)
        name = wanted.name
        variable = plan(
            wanted.shape, wanted.dtype, initializers.get(wanted.initializer), wanted.trainable, f"{self.name}/{name}"
        )
        vars(self)[name] = variable
        if wanted.regularizer is not None:
            vars(self).setdefault("_penalties", {})[name] = regularizers.get(wanted.regularizer)
        if wanted.constraint is not None:
            vars(self).setdefault("_constraints", {})[name] = constraints.get(wanted.constraint)
        return variable

    @property
    def weight_penalties(self) -> Mapping[str, Any]:
        """The regularizers of weights, by the attribute that the weight is."""
        return self._penalties

    @property
    def weight_constraints(self) -> Mapping[str, Any]:
        """The constraints of weights, by the attribute that the weight is."""
        return self._constraints

    def add_loss(self, value: Any) -> None:
        """Add a scalar to the loss that training minimises; to be called inside `call`."""
        context = current()
        if context is not None:
            context.penalties.append(value)

    def sublayers(self) -> list[Layer]:
        """All layers inside this one."""
        return [p for p in parts_of(self, Layer) if p is not self]

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "trainable" and not isinstance(value, (bool, int, np.bool_)):
            raise ArgumentError(f"trainable of layer {self.name!r} is True or False, and not {value!r:.60}")
        if name == "trainable" and value != self.trainable:  # freezing a layer freezes its sublayers
            for layer in (self, *self.sublayers()):
                vars(layer)["trainable"] = value
            return
        if self.built and name in _structural(type(self)):  # type: ignore[arg-type]
            raise ArgumentError(
                f"{name!r} of layer {self.name!r} is part of its structure, which is fixed once it is built: make a new layer"
            )
        if isinstance(value, Variable):
            give_name(self, value, name)
        super().__setattr__(name, value)

    # -- calling --------------------------------------------------------------------------------------------------

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Apply to nodes (writes the graph down), to arrays outside an evaluation (computes), or to arrays inside an evaluation."""
        nodes = nodes_in((args, kwargs))
        if nodes:
            if is_open(self) or any(node.is_open for node in nodes):
                return self._written_open(args, kwargs)
            with drawing(), evaluating(Context(building=True)):
                return remember(self, args[0] if args else None, apply(self, *args, **kwargs))
        if current() is None:
            return self._at_desk(*args, **kwargs)
        return self._compute(*args, **kwargs)

    def _written_open(self, args: Any, kwargs: Any) -> Any:
        """Nodes with the shapes that typical values give, for a layer with open ranges; it is built when they are closed."""
        with undrawn(), evaluating(Context(building=True)):
            found = written(infer(typical(self), args, kwargs), self, args, kwargs)
        for node in nodes_in(found):
            node.is_open = True
        return found

    def _at_desk(self, *args: Any, training: bool = False, **kwargs: Any) -> Any:
        where = f"the input of layer {self.name!r}"
        args = jax.tree.map(lambda a: own_copy(a, where), args)
        kwargs = {k: _array_or_same(v) for k, v in kwargs.items()}
        with nothing_foreign(lambda: f"{where}, {spoken(args)},"):
            outputs, changed = run_apart(ensure_built(self, *args, **kwargs), args, kwargs, training)
        for variable, value in changed:
            if not isinstance(value, jax.core.Tracer):
                variable.assign(value)
        return outputs

    def _compute(self, *args: Any, **kwargs: Any) -> Any:
        context = current()
        assert context is not None
        given = args[0] if args else None
        if self.takes == "floats" and args:
            args = (as_floats(given), *args[1:])
        if context.building:
            self._build_for(args)
        elif not self.built:
            raise NotBuiltError(
                f"layer {self.name!r} was first used inside a compiled program: make it in __init__ or build"
            )
        layer = stand_in(self) if context.building else self
        since = None if context.tape is None else len(context.tape.calls)
        with context.mode(kwargs.get("training")):
            outputs = self._finish(context, args, layer._call(context, args, kwargs))
        if context.met is not None:
            context.met.append((self, given, outputs))
        if context.tape is not None:
            context.tape.write(self, (given, *args[1:]), kwargs, outputs, since)
        return outputs

    def _call(self, context: Context, args: Any, kwargs: Any) -> Any:
        wanted = _parameters(type(self))  # type: ignore[arg-type]
        kwargs = {k: v for k, v in kwargs.items() if k != "training"}
        if "training" in wanted:
            kwargs["training"] = context.training
        if "rng" in wanted:
            kwargs["rng"] = context.next_rng()
        if "mask" in wanted and kwargs.get("mask") is None:
            kwargs["mask"] = _mask_of(context, args[0])
        try:
            return self.call(*args, **kwargs)
        except (TypeError, ValueError, AttributeError) as error:
            told = explained(self, args, error)
            if told is None:
                raise
            raise told from error
        except RecursionError as error:
            raise ArgumentError(
                f"`call` of layer {self.name!r} nests calls without end: a layer's `call` calls other layers, not itself"
            ) from error

    def _finish(self, context: Context, args: Any, outputs: Any) -> Any:
        found = jax.tree.leaves(outputs)
        if not found:
            raise ArgumentError(
                f"layer {self.name!r} gives nothing: end {type(self).__name__}.call with `return outputs`"
            )
        if strange := [output for output in found if not hasattr(output, "shape")]:
            raise ArgumentError(f"layer {self.name!r} gives {strange[0]!r:.60}, which is no array")
        if args and not context.building:
            mask = self.compute_mask(args[0], _mask_of(context, args[0]))
            masks = mask if isinstance(mask, (tuple, list)) else [mask]  # a single mask belongs to the first output
            for output, own in zip(found, masks, strict=False):
                context.set_mask(output, own)
        if context.building:
            for output in found:
                known = tuple(n for n in jnp.shape(output) if n not in UNKNOWN_SIZES)
                require_memory(f"an output of layer {self.name!r}", known, jnp.result_type(output))
        if self.activity_regularizer is not None:
            batch = found[0].shape[0]
            penalty: Any = regularizers.get(self.activity_regularizer)
            context.penalties.append(penalty(outputs) / batch)
        if context.note is not None:
            context.note(self, outputs)
        return outputs

    def _build_for(self, args: Any) -> None:
        if self.built:
            return
        shapes = [jax.tree.map(known_shape, arg) for arg in args if arg is not None]
        wanted = inspect.signature(self.build).parameters.values()
        required = [p for p in wanted if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD]
        if len(shapes) < len(required):
            names = list(inspect.signature(self.call).parameters)[: len(required)]
            raise ArgumentError(
                f"layer {self.name!r} is called with {', '.join(names)}, and was given {len(shapes) or 'nothing'}"
            )
        self.build(*shapes) if len(wanted) > 1 else self.build(*shapes[:1])

    def get_config(self) -> dict[str, Any]:
        """The arguments that make this layer again."""
        given = super().get_config()
        if given.get("name") == vars(self).get("_own_name"):
            del given["name"]
        return given


def ensure_built(layer: Layer, *args: Any, **kwargs: Any) -> Apart:
    """Build a layer and its sublayers for inputs of these shapes, without computing anything; the layer taken apart."""
    apart = take_apart(layer)
    if apart.finding("is built", lambda: is_built(layer) or None):
        return apart
    with drawing(vars(layer).pop("_key", None)), evaluating(Context(building=True)):
        engine.shapes_of(lambda *a: layer(*a, **kwargs), *args)
    return take_apart(layer)


def is_built(layer: Layer) -> bool:
    """Whether a layer and its sublayers have their weights."""
    return layer.built and all(inner.built for inner in layer.sublayers())


def _building(build: Callable[..., None]) -> Callable[..., None]:
    """Wrap a subclass' `build` so that it runs once, and the weights are drawn when the outermost build ends."""

    @functools.wraps(build)
    def wrapped(self: Layer, *shapes: Any) -> None:
        for shape in shapes:
            check_shape(self, shape)
        with drawing():
            told = nothing_foreign(lambda: f"the shape {shapes[0]}, for which layer {self.name!r} is built,")
            with told if current() is None else contextlib.nullcontext():  # else the outer layer's error says for what
                build(self, *shapes)
                vars(self)["built"] = True
                # Sublayers that are built where they are called.
                if current() is None and shapes and not is_built(self):
                    ensure_built(self, *map(of_shape, shapes))

    return wrapped


Layer.build = _building(Layer.build)  # type: ignore[method-assign]


def _mask_of(context: Context, value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        masks = [context.mask_of(v) for v in value]
        return masks if any(m is not None for m in masks) else None
    return context.mask_of(value)


@functools.cache
def _structural(cls: Any) -> frozenset[str]:
    """The fields that belong to a layer's structure."""
    return frozenset(field.name for field in fields(cls)) - float_fields(cls) - {"name", "trainable"}


@functools.cache
def _parameters(cls: Any) -> frozenset[str]:
    return frozenset(inspect.signature(cls.call).parameters)


def _array_or_same(value: Any) -> Any:
    return jax.tree.map(jnp.asarray, value) if isinstance(value, (np.ndarray, jax.Array, list, tuple)) else value
