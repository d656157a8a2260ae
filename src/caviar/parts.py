"""Structure and numbers: how anything a user writes down becomes a program and its arguments.

A `Part` is something a user writes down: a layer, an optimizer, a loss, a whole model. `take_apart` walks it and separates

- its *numbers*: floats and arrays, which become arguments of the compiled program, so changing one never recompiles;
- its *variables*: the weights, whose values belong to a run;
- its *structure*: all the rest, hashable, the key under which a program is cached.

`put_together` is the inverse, used inside a program: it makes a copy of the part in which every number and every
variable is a traced array. A layer therefore simply reads `self.rate` or `self.kernel`, and updates its state by
assigning to it (`self.moving_mean = ...`); `collect` reads the new values off the copy. The original is never touched.

A float that is exactly zero is structure: dropout 0, momentum 0, no L2 are features that are not compiled in.

A part keeps the last walk over it, which is made again only when something that it read is another object by now (`reads.py`).
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, Self

import jax
import numpy as np

from caviar import config, engine
from caviar.arguments import Checked, annotations_of, mentions_float, signature_of
from caviar.errors import ArgumentError
from caviar.reads import Reads, shape_and_type, trainable_of
from caviar.structures import Slot as Slot
from caviar.structures import Structure as Structure


class Part(Checked):
    """Something a user writes down. Subclasses are dataclasses, or plain classes with an `__init__`."""

    __slots__ = ("_walk",)  # no attribute, so that no copy takes it along

    unwalked: ClassVar[frozenset[str]] = frozenset({"name", "_written"})
    fixed: ClassVar[tuple[str, ...]] = ()
    """Names of float attributes that decide structure (`if self.x > 1:` in Python), and so are not numbers."""
    spoken_names: ClassVar[Mapping[str, str]] = {}
    """What users call an attribute that has another name inside, in the paths of ranges."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if isinstance(cls.fixed, str):
            raise ArgumentError(f"fixed of {cls.__name__} lists names: write fixed = ({cls.fixed!r},)")

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Make the part, with JAX ready for it."""
        engine.start()
        return super().__new__(cls, *args, **kwargs)

    def __getstate__(self) -> dict[str, Any]:
        """What a copy is made of."""
        return vars(self)

    def get_config(self) -> dict[str, Any]:
        """The arguments that make this part again: `type(self)(**config)`.

        Dataclasses give their present fields, other classes the arguments of their `__init__`.
        """
        if not _made_of_fields(type(self)):  # type: ignore[arg-type]
            return dict(vars(self).get("_written", {}))
        fields = sorted((f for f in dataclasses.fields(self) if f.init), key=lambda f: bool(f.kw_only))  # type: ignore[arg-type]
        return {f.name: getattr(self, f.name) for f in fields if not _is_default(f, getattr(self, f.name))}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Make a part from what `get_config` gave."""
        if not isinstance(config, dict) or not all(isinstance(name, str) for name in config):
            raise ArgumentError(f"{cls.__name__}.from_config takes what get_config gives, a dict, and not {config!r}")
        return cls(**config)

    def replace(self, **changes: Any) -> Self:
        """A new part with some of the arguments changed.

        >>> from caviar.regularizers import L2
        >>> L2(0.01).replace(l2=0.1)
        L2(0.1)
        """
        return type(self)(**{**self.get_config(), **changes})

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(_arguments(self))})"

    def __walk__(self, walk: _Walk, path: str, trainable: bool) -> _Placed:
        return walk.part(self, path, trainable)

    @property
    def saved_as(self) -> Part:
        """What a file holds in its place."""
        return self

    def __write__(self, writer: Any, number: int) -> Any:
        """How a file has it: as its class and the arguments that make it again."""
        return writer.part(self, number)

    def path_of_ranges(self, path: str, numbered: Callable[[str], str]) -> str:
        """The path under which the ranges in it go; it stands at this one, and names can be numbered within the model."""
        return path


@functools.cache
def _made_of_fields(cls: Any) -> bool:
    """Whether the constructor is the one that `dataclass` wrote, so that the fields are the arguments."""
    maker = next(c for c in cls.__mro__ if "__init__" in vars(c))
    return "__dataclass_fields__" in vars(maker)


def _is_default(field: dataclasses.Field[Any], value: Any) -> bool:
    if field.default is not dataclasses.MISSING:
        return type(value) is type(field.default) and bool(np.all(value == field.default))
    return field.default_factory is not dataclasses.MISSING and repr(value) == repr(field.default_factory())


def _arguments(part: Part) -> Iterator[str]:
    """The arguments as code, the first one without its name, for `repr`."""
    first = next((n for n, p in signature_of(type(part)).parameters.items() if p.kind is p.POSITIONAL_OR_KEYWORD), None)  # type: ignore[arg-type]
    for name, value in part.get_config().items():
        text = getattr(value, "__name__", None) or repr(value)
        yield text if name == first else f"{name}={text}"


Numbers = Sequence[Any]
"""The numbers of a part, in the order in which they are met: floats, or the arrays that stand for them."""


class Apart(NamedTuple):
    """A part taken apart."""

    structure: Structure
    numbers: list[Any]
    names: list[str]
    owners: list[tuple[Any, str]]  # the part and the attribute that hold the number
    variables: list[Any]
    off: dict[str, tuple[Any, str]]  # the names of numbers that are zero, and so structure, with their owners
    findings: dict[Hashable, Any]  # what was found out about it, and is true as long as it is as it was

    def known(self, what: Hashable) -> Any:
        """What was found out about the part, if it was."""
        return self.findings.get((what, config.dtype_policy()))

    def finding(self, what: Hashable, find: Callable[[], Any]) -> Any:
        """What is found out about the part, once for as long as it stays as it is."""
        found = self.known(what)
        if found is None:
            if len(self.findings) >= 256:  # inputs of ever other shapes must not fill the memory
                self.findings.clear()
            found = self.findings[what, config.dtype_policy()] = find()
        return found


class _Placed(NamedTuple):
    """Marks in a skeleton where a number, variable or constant was. A class, so that no user's tuple can look like one."""

    kind: str
    content: Any
    extra: Any = None


def take_apart(part: Any) -> Apart:
    """Separate the numbers and variables of a part from its structure.

    >>> from caviar.parts import take_apart
    >>> from caviar.regularizers import L2
    >>> take_apart(L2(0.01)).numbers
    [0.01]
    """
    return _walked(part).apart


def _walked(part: Any) -> _Walk:
    """The walk over a part: that of the last time, if it would go the same way."""
    known = getattr(part, "_walk", None) if isinstance(part, Part) else None
    if known is not None and known.reads.hold():
        return known
    walk = _Walk()
    skeleton = walk(part, "", True, False)
    walk.apart = Apart(
        Structure(skeleton, tuple(walk.slots)), walk.numbers, walk.names, walk.owners, walk.variables, walk.off, {}
    )
    if isinstance(part, Part) and not walk.passing:
        object.__setattr__(part, "_walk", walk)
    return walk


class _Walk:
    """One walk over a part: everything shared is met once, in an order that depends on structure alone."""

    def __init__(self, reads: Reads | None = None) -> None:
        self.numbers: list[Any] = []
        self.names: list[str] = []
        self.owners: list[tuple[Any, str]] = []
        self.owner: tuple[Any, str] = (None, "")
        self.off: dict[str, tuple[Any, str]] = {}
        self.variables: list[Any] = []
        self.slots: list[Slot] = []
        self.seen: dict[int, int] = {}
        self.alive: list[Any] = []  # keeps ids unique during the walk
        self.paths: list[str] = []
        self.reads = reads or Reads()
        self.passing = (
            False  # whether it is of use only once: it met what is being traced, or still waits for its weights
        )
        self.apart: Apart

    def __call__(self, value: Any, path: str, trainable: bool, is_float: bool) -> Any:
        if value is None or isinstance(value, str):
            return value
        if isinstance(value, bool):
            return _Placed("constant", ("bool", value))  # its type too, since True == 1 == 1.0
        if isinstance(value, (float, np.floating)) or (is_float and isinstance(value, int)):
            if value == 0:
                self.off.setdefault(path, self.owner)
                return _Placed("constant", ("float", 0.0))
            return self.number(value if isinstance(value, float) else float(value), path, "number")
        if isinstance(value, (int, np.integer)):
            return int(value)
        if isinstance(value, (np.ndarray, jax.Array)):
            self.passing |= isinstance(value, jax.core.Tracer)
            return self.number(value, path, _Placed("array", *self.reads.look(shape_and_type, value)))
        if isinstance(value, (tuple, list)):
            held = self.reads.items(value) if isinstance(value, list) else value
            items = tuple(self(v, f"{path}[{i}]", trainable, is_float) for i, v in enumerate(held))
            return _Placed("list" if isinstance(value, list) else "tuple", items, type(value))
        if isinstance(value, dict):
            pairs = zip(list(value), self.reads.entries(value, value), strict=True)
            return _Placed("dict", tuple((k, self(v, f"{path}[{k!r}]", trainable, is_float)) for k, v in pairs))
        if hasattr(value, "__walk__") and not isinstance(value, type):  # a class is what it is, and no part
            return self.shared(value, path, trainable)
        return _Placed("static", self.reads.stand_in(value), _Opaque(value))

    def number(self, value: Any, path: str, mark: Any) -> _Placed:
        self.numbers.append(value)
        self.names.append(path)
        self.owners.append(self.owner)
        return _Placed("number", len(self.numbers) - 1, mark)

    def note(self, value: Any) -> None:
        """Read what is no part of the structure, so that whoever remembers this walk notices when it changes."""
        _Walk(self.reads)(value, "", True, False)

    def shared(self, value: Any, path: str, trainable: bool) -> _Placed:
        if id(value) in self.seen:
            return _Placed("again", self.seen[id(value)])
        self.seen[id(value)] = len(self.alive)
        self.alive.append(value)
        self.paths.append(path)
        return value.__walk__(self, path, trainable)

    def variable(self, variable: Any, trainable: bool) -> _Placed:
        free = self.reads.look(trainable_of, variable)
        slot = Slot(len(self.slots), tuple(variable.shape), str(variable.dtype), trainable and free)
        self.slots.append(slot)
        self.variables.append(variable)
        return _Placed("variable", slot)

    def part(self, part: Part, path: str, trainable: bool) -> _Placed:
        own = getattr(part, "name", None)
        path = own if isinstance(own, str) and own else path
        if "trainable" not in vars(part) and hasattr(part, "trainable"):
            self.reads.look(trainable_of, part)
        trainable = trainable and getattr(part, "trainable", True)
        floats, skip = float_fields(type(part)), part.unwalked  # type: ignore[arg-type]
        content = []
        names = [name for name in vars(part) if name not in skip or name == "name"]
        for name, value in zip(names, self.reads.entries(vars(part), names), strict=True):
            if name in skip:
                continue
            self.owner = part, name
            if name in part.fixed:
                content.append((name, _Placed("static", value, _Opaque(value))))
            else:
                content.append((name, self(value, f"{path}.{name}" if path else name, trainable, name in floats)))
        return _Placed("part", tuple(content), (type(part), _Opaque(own)))


class _Opaque:
    """An object carried along in a skeleton that does not take part in comparisons of skeletons."""

    def __init__(self, value: Any):
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Opaque)

    def __hash__(self) -> int:
        return 0


@functools.cache
def float_fields(cls: Any) -> frozenset[str]:
    """The fields declared as float, in which an int is a number too."""
    return frozenset(name for name, (annotation, _) in annotations_of(cls).items() if mentions_float(annotation))


def put_together(structure: Structure, numbers: Numbers, values: Any) -> Any:
    """A copy of the part in which numbers and variables are the given arrays."""
    made: list[Any] = []

    def make(item: Any) -> Any:
        if not isinstance(item, _Placed):
            return item
        match item.kind:
            case "number":
                return numbers[item.content]
            case "constant":
                return item.content[1]
            case "static":
                return item.extra.value
            case "again":
                return made[item.content]
            case "variable":
                made.append(values[item.content.place])
                return values[item.content.place]
            case "dict":
                return {k: make(v) for k, v in item.content}
            case "part":
                copy = object.__new__(item.extra[0])
                made.append(copy)
                vars(copy).update({name: make(v) for name, v in item.content}, name=item.extra[1].value)
                return copy
        items = [make(v) for v in item.content]
        return items if item.kind == "list" else item.extra(*items) if hasattr(item.extra, "_fields") else tuple(items)

    return make(structure.skeleton)


def collect(structure: Structure, copy: Any) -> list[Any]:
    """The present value of every variable of a copy, in the order of the structure's slots."""
    values: list[Any] = [None] * len(structure.slots)

    def read(item: Any, value: Any) -> None:
        if not isinstance(item, _Placed):
            return
        match item.kind:
            case "variable":
                values[item.content.place] = value
            case "part":
                for name, inner in item.content:
                    read(inner, vars(value).get(name))
            case "dict":
                for key, inner in item.content:
                    read(inner, value[key])
            case "list" | "tuple":
                for inner, v in zip(item.content, value, strict=False):
                    read(inner, v)

    read(structure.skeleton, copy)
    return values


def parts_of(part: Any, kind: type | Callable[[Any], bool] = Part) -> list[Any]:
    """Every part inside a part (itself included) that is of the given kind, each once, in the order of the structure."""
    wanted: Callable[[Any], bool] = kind if inspect.isfunction(kind) else lambda p: isinstance(p, kind)  # type: ignore[arg-type]
    return [p for p in _walked(part).alive if wanted(p)]


def named_parts(part: Any, kind: type) -> dict[str, Any]:
    """Every part of a kind under the path at which it stands.

    >>> from caviar.parts import named_parts
    >>> from caviar.regularizers import L1, L2
    >>> named_parts([L1(0.1), L2(0.1)], L2)
    {'[1]': L2(0.1)}
    """
    walk = _walked(part)
    return {path: p for path, p in zip(walk.paths, walk.alive, strict=True) if isinstance(p, kind)}


def is_off(value: Any) -> bool:
    """Whether a number is at its off value, which is structure: nothing is compiled in for it.

    >>> from caviar.parts import is_off
    >>> is_off(0.0), is_off(None), is_off(0.1)
    (True, True, False)
    """
    return value is None or (isinstance(value, (int, float)) and value == 0)
