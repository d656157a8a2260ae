"""Evaluation: a pure function of a part's structure, its numbers, its variables' values, the inputs and a random key."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from caviar import config, engine
from caviar.describing import LOOKS_AT_VALUES, misuse
from caviar.errors import ArgumentError
from caviar.graph.context import Context, as_floats, current, evaluating
from caviar.graph.node import Input, Node, Operation, in_order, nodes_in, replace_nodes
from caviar.graph.programs import cached
from caviar.graph.variable import Variable
from caviar.parts import Apart, Numbers, Part, Structure, collect, put_together, take_apart

__all__ = ["Graph", "evaluate", "fetch", "gradients", "run_apart"]


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
    """The type of the values fed for a node: as declared, but "floats" for any float type, which becomes the library's."""
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
