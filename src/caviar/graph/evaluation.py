"""Evaluation: a pure function of a part's structure, its numbers, its variables' values, the inputs and a random key."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from caviar import config, engine
from caviar.describing import LOOKS_AT_VALUES, misuse
from caviar.dice import beside
from caviar.errors import ArgumentError
from caviar.graph.node import Input, Node, Operation, in_order, nodes_in, replace_nodes
from caviar.graph.programs import cached
from caviar.graph.variable import Variable
from caviar.parts import Apart, Numbers, Part, Structure, collect, put_together, take_apart
from caviar.placing import Tape


@partial(jax.tree_util.register_dataclass, data_fields=["value"], meta_fields=["function", "axis"])
@dataclass(frozen=True)
class Logits:
    """The logits from which an activation (sigmoid, softmax) computed probabilities."""

    value: Any
    function: str
    axis: int


class Traits(NamedTuple):
    """What is known of a value beside its numbers, such as its mask; it belongs to exactly that value."""

    mask: Any = None
    logits: Logits | None = None


class Context:
    """What is true during one evaluation: training or not, the random key, and what layers leave behind.

    >>> import jax
    >>> from caviar.graph import Context
    >>> Context(training=True, rng=jax.random.key(0)).next_rng().shape
    ()
    """

    def __init__(self, training: bool = False, rng: jax.Array | None = None, building: bool = False, note: Any = None):
        self.training, self.rng, self.building = training, rng, building
        self.real: Any = None  # how many rows of the batch are no padding; None where all are real
        self.note = note  # called with every layer and its outputs
        self.met: list[Any] | None = None  # if wanted, every layer called, with its first input and its outputs
        self.tape: Tape | None = None  # if wanted, every call of a layer or an operation
        self.draws = 0
        self.penalties: list[Any] = []
        self._traits: dict[int, tuple[Any, Traits]] = {}

    @contextlib.contextmanager
    def mode(self, training: bool | None) -> Iterator[None]:
        """Let a layer and all layers in it follow an explicit `training=`, inside a `with` block."""
        before = self.training
        self.training = before if training is None else bool(training)
        try:
            yield
        finally:  # the evaluation goes on if the user's code catches what a layer raised
            self.training = before

    def next_rng(self) -> jax.Array | None:
        """A fresh random key for every layer that needs one; None outside training."""
        if self.rng is None or not self.training:
            return None
        self.draws += 1
        return beside(self.rng, layer=self.draws)

    def traits_of(self, value: Any) -> Traits:
        """What is known of a value."""
        return self._traits.get(id(value), (None, Traits()))[1]

    def set_traits(self, value: Any, **traits: Any) -> None:
        """Attach traits to a value."""
        # Holds the value too: no other gets its id.
        self._traits[id(value)] = (
            value,
            self.traits_of(value)._replace(**traits),
        )

    def mask_of(self, value: Any) -> Any:
        """The mask that came with a value, if one did."""
        return self.traits_of(value).mask

    def set_mask(self, value: Any, mask: Any) -> None:
        """Attach a mask to a value."""
        if mask is not None:
            self.set_traits(value, mask=mask)


class _Stack(threading.local):
    def __init__(self) -> None:
        self.contexts: list[Context] = []


_stack = _Stack()


def current() -> Context | None:
    """The evaluation under way in this thread, or None outside of one.

    >>> from caviar.graph import current
    >>> print(current())
    None
    """
    return _stack.contexts[-1] if _stack.contexts else None


@contextlib.contextmanager
def evaluating(context: Context) -> Iterator[Context]:
    """Make the context current inside a `with` block.

    >>> from caviar.graph import Context, current, evaluating
    >>> with evaluating(Context(training=True)):
    ...     current().training
    True
    """
    _stack.contexts.append(context)
    try:
        yield context
    finally:
        _stack.contexts.pop()


def as_floats(tree: Any) -> Any:
    """Integers and booleans as floats, with the masks that came with them; all else stays as it is.

    >>> import jax.numpy as jnp
    >>> from caviar.graph.evaluation import as_floats
    >>> as_floats([jnp.array([0, 255], "uint8"), jnp.array([0.5])])
    [Array([  0., 255.], dtype=float32), Array([0.5], dtype=float32)]
    """
    return jax.tree.map(_as_float, tree)


def _as_float(value: Any) -> Any:
    dtype = getattr(value, "dtype", None)
    if dtype is None or not (jnp.issubdtype(dtype, jnp.integer) or dtype == np.bool_):
        return value
    made, context = jnp.asarray(value, config.floatx()), current()
    if context is not None:
        context.set_mask(made, context.mask_of(value))
    return made


def squeezed(value: Any, function: str, logits: Any, axis: Any = -1) -> Any:
    """The value of a sigmoid or softmax, with its logits attached, from which a crossentropy is computed more exactly."""
    context = current()
    if context is not None and isinstance(axis, int):
        context.set_traits(value, logits=Logits(logits, function, axis))
    return value


def logits_of(value: Any, function: str, axis: int = -1) -> Any:
    """The logits of a value, if this function computed it along this axis in the evaluation under way; else None.

    >>> import jax.numpy as jnp
    >>> from caviar.graph import Context, evaluating
    >>> from caviar.graph.evaluation import logits_of, squeezed
    >>> with evaluating(Context()):
    ...     p = squeezed(jnp.ones(2), "sigmoid", jnp.full(2, 50.0))
    ...     logits_of(p, "sigmoid").tolist(), logits_of(p + 0, "sigmoid")
    ([50.0, 50.0], None)
    """
    context = current()
    found = context.traits_of(value).logits if context else None
    if found is None or found.function != function or (found.axis - axis) % jnp.ndim(value):
        return None
    return found.value


@contextlib.contextmanager
def told_in_words(what: str) -> Iterator[None]:
    """Explain what a user's function may not do inside a program, where JAX's own error speaks of tracers.

    >>> import jax
    >>> import jax.numpy as jnp
    >>> import numpy as np
    >>> from caviar.graph.evaluation import told_in_words
    >>> with told_in_words("loss 'mine'"):
    ...     jax.jit(lambda x: np.sort(x))(jnp.ones(2))
    Traceback (most recent call last):
    caviar.errors.ArgumentError: loss 'mine' looks at a value in Python (an `if`, a `while`, `float(...)` or NumPy), which is not ...
    """
    try:
        yield
    except LOOKS_AT_VALUES as error:
        raise misuse(error, what) or error from error


class Outcome(NamedTuple):
    """What an evaluation gives: outputs, the variables' values after it, and the copy and context it happened in."""

    outputs: Any
    values: list[Any]
    copy: Any
    context: Context


def evaluate(
    structure: Structure,
    numbers: Numbers,
    values: Any,
    *,
    training: bool = False,
    rng: jax.Array | None = None,
    real: Any = None,
    call: Callable[[Any], Any],
) -> Outcome:
    """Call a copy of the part that holds the given numbers and values; pure, so every JAX transformation applies.

    >>> import jax
    >>> import jax.numpy as jnp
    >>> from caviar.graph import evaluate
    >>> from caviar.parts import take_apart
    >>> from caviar.regularizers import L2
    >>> apart = take_apart(L2(0.5))
    >>> square = lambda strength: evaluate(apart.structure, [strength], [], call=lambda l2: l2(jnp.ones(3))).outputs
    >>> float(square(2.0)), float(jax.grad(square)(2.0))
    (6.0, 3.0)
    """
    copy = put_together(structure, numbers, values)
    with evaluating(Context(training, rng)) as context:
        context.real = real
        outputs = call(copy)
    return Outcome(outputs, collect(structure, copy), copy, context)


class Graph(Part):
    """Nodes ready to be evaluated: inputs, outputs, and all nodes between them in the order of computation.

    >>> import jax.numpy as jnp
    >>> from caviar.graph import Graph
    >>> from caviar.layers import Input
    >>> x = Input((2,))
    >>> Graph([x], [x + 1, x * x])(jnp.array([3.0]))
    [Array([4.], dtype=float32), Array([9.], dtype=float32)]
    """

    def __init__(self, inputs: Any, outputs: Any):
        self.nodes = in_order(outputs)
        self.inputs, self.outputs = inputs, outputs
        self.declared = [_kind(node) for node in self.nodes]

    def __write__(self, writer: Any, number: int) -> Any:
        return writer.graph(self, number)

    def __call__(self, *fed: Any) -> Any:
        """The outputs for the values fed, in the order of `inputs`."""
        known = dict(zip(map(id, nodes_in(self.inputs)), fed, strict=True))
        declared = dict(zip(map(id, self.nodes), self.declared, strict=True))

        def value(node: Node, as_they_are: bool = False) -> Any:
            """The value fed for a node: integers become floats where floats were declared, unless the node takes any type."""
            found, kind = known[id(node)], declared[id(node)]
            if isinstance(node, Input) and kind != "floats":
                return found.astype(kind)
            return as_floats(found) if kind == "floats" and not as_they_are else found

        for node in self.nodes:
            if id(node) not in known and isinstance(node, Operation):
                as_they_are = getattr(node.function, "takes", "floats") in ("ids", "anything")
                before = nodes_in((node.args, node.kwargs))
                given = {id(n): value(n, as_they_are) for n in before}
                known[id(node)] = node.compute(given)
                context = current()
                if context is not None and context.tape is not None and not isinstance(node.function, Part):
                    context.tape.write(node.function, tuple(given.values()), {}, known[id(node)])
        return replace_nodes(self.outputs, value)


def _kind(node: Node) -> str:
    """The type that was declared for a node, as far as its values follow it: floats are of the library's float type."""
    # A node with several results, or none, has no one type.
    return "floats" if "float" in str(node.dtype) else str(node.dtype)


def run_apart(apart: Apart, args: Any, kwargs: Any, training: bool = False) -> tuple[Any, list[tuple[Variable, Any]]]:
    """Call a part with arrays outside an evaluation, as one compiled program; the states that it changed, with their values, are
    returned, not stored.

    >>> import jax.numpy as jnp
    >>> from caviar.graph.evaluation import run_apart
    >>> from caviar.parts import take_apart
    >>> from caviar.regularizers import L2
    >>> float(run_apart(take_apart(L2(0.5)), [jnp.ones(4)], {})[0])
    2.0
    """
    given = take_apart((args, kwargs))
    structure, form = apart.structure, given.structure

    def make() -> Callable[..., Any]:
        def program(numbers: Numbers, values: Any, given: Numbers, own: Any, rng: Any) -> Any:
            args, kwargs = put_together(form, given, own)
            found = evaluate(
                structure, numbers, values, training=training, rng=rng, call=lambda copy: copy(*args, **kwargs)
            )
            changed = {
                slot.place: value
                for slot, value in zip(structure.slots, found.values, strict=True)
                if not slot.trainable and value is not values[slot.place]
            }
            return found.outputs, changed

        return program

    program = cached(("call", structure, form, training), make)
    rng = config.next_key() if training else None
    own, values = ([v.value for v in variables] for variables in (given.variables, apart.variables))
    fed = [n if isinstance(n, np.ndarray) else as_arrays([n])[0] for n in given.numbers]
    outputs, changed = program(numbers_of(apart), values, fed, own, rng)
    return outputs, [(apart.variables[place], value) for place, value in changed.items()]


def as_arrays(numbers: Numbers) -> list[Any]:
    """Numbers as arguments of a program: floats in the library's float type, never weakly typed."""
    engine.start()
    return [np.asarray(n, jnp.dtype(config.floatx())) if isinstance(n, float) else jnp.asarray(n) for n in numbers]


def numbers_of(apart: Apart) -> list[Any]:
    """The numbers of a part as arguments of a program; arrays of NumPy's anew each time, for they change in place.

    >>> from caviar.graph.evaluation import numbers_of
    >>> from caviar.parts import take_apart
    >>> from caviar.regularizers import L2
    >>> numbers_of(take_apart(L2(0.5)))
    [array(0.5, dtype=float32)]
    """
    made = apart.finding("numbers", lambda: as_arrays([0 if isinstance(n, np.ndarray) else n for n in apart.numbers]))
    return [
        jnp.asarray(n) if isinstance(n, np.ndarray) else array for n, array in zip(apart.numbers, made, strict=True)
    ]


def fetch(nodes: Any, feeds: dict[Node, Any] | None = None, training: bool = False) -> Any:
    """The values of nodes, with inputs fed from a dict.

    >>> import jax.numpy as jnp
    >>> from caviar.graph import Variable, fetch
    >>> from caviar.layers import Input
    >>> x = Input((2,))
    >>> w = Variable([1.0, 2.0])
    >>> fetch(x * w, {x: jnp.ones((1, 2))}).tolist()
    [[1.0, 2.0]]
    """
    feeds = feeds or {}
    graph = Graph(list(feeds), nodes)
    _check_feeds(graph, feeds)
    fed = [jnp.asarray(v, dtype=k.dtype) for k, v in feeds.items()]
    return run_apart(take_apart(graph), fed, {}, training)[0]


def gradients(target: Any, variables: list[Variable], feeds: dict[Node, Any] | None = None) -> list[jax.Array]:
    """The gradients of a scalar node with respect to variables.

    >>> from caviar.graph import Variable, gradients
    >>> w = Variable(3.0)
    >>> gradients(w * w, [w])[0].item()
    6.0
    """
    feeds = feeds or {}
    graph = Graph(list(feeds), target)
    _check_feeds(graph, feeds)
    apart = take_apart((graph, variables))
    structure = apart.structure
    at = [next(i for i, v in enumerate(apart.variables) if v is w) for w in variables]

    def make() -> Callable[..., Any]:
        def scalar(wanted: Any, numbers: Numbers, values: Any, fed: Any) -> Any:
            values = list(values)
            for i, value in zip(at, wanted, strict=True):
                values[i] = value
            return evaluate(structure, numbers, values, call=lambda c: c[0](*fed)).outputs.sum()

        return jax.grad(scalar)

    program = cached(("gradients", structure, tuple(at)), make)
    values = [v.value for v in apart.variables]
    fed = [jnp.asarray(v, dtype=k.dtype) for k, v in feeds.items()]
    return program([v.value for v in variables], as_arrays(apart.numbers), values, fed)


def _check_feeds(graph: Graph, feeds: dict[Node, Any]) -> None:
    missing = [n for n in graph.nodes if isinstance(n, Input) and n not in feeds]
    if missing:
        raise ArgumentError(f"{missing[0]!r} is needed and was not fed: give its value, {{input: array}}")
