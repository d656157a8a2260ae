"""The session: it holds the values of variables, and runs what is fetched as one compiled program."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, NamedTuple, Self

import jax
import jax.numpy as jnp
import numpy as np

from caviar import config
from caviar.declarations import Kind
from caviar.dialects.tensorflow.building import Placeholder, PlaceholderWithDefault
from caviar.dialects.tensorflow.graphs import Graph, get_default_graph
from caviar.dialects.tensorflow.random import random_key
from caviar.dialects.tensorflow.weights import Assign, Weight, unassignable
from caviar.errors import ArgumentError, CaviarError, DataError, NotBuiltError, ShapeError, unknown_name
from caviar.graph import Graph as Nodes
from caviar.graph import Input, Node, evaluate
from caviar.graph.evaluation import as_arrays
from caviar.graph.programs import cached
from caviar.graph.runners import current_runner, default_runner, enter_runner, leave_runner
from caviar.parts import take_apart

__all__ = ["InteractiveSession", "Session", "get_default_session"]


def default_session() -> Session | None:
    """The session of the `with` block under way in this thread, or of an `InteractiveSession`.

    >>> from caviar.dialects.tensorflow.session import default_session
    >>> print(default_session())
    None
    """
    found: Session | None = current_runner()
    return found


get_default_session = default_session


class FetchProgram(NamedTuple):
    """What a run of certain fetches needs: prepared at the first run, and looked up at every other."""

    program: Callable[..., Any]
    numbers: list[Any]
    variables: list[Any]
    targets: list[Any]
    drawn: bool
    nodes: Any  # held here, so that their ids stay their own


Feeds = Annotated[Any, Kind(Mapping, "a dict of what stands for values and what is fed")]


class Session:
    """Runs nodes. Every run computes all that is fetched from the values before it, and then assigns.

    >>> from caviar.dialects.tensorflow import Session, Variable, global_variables_initializer, reset_default_graph
    >>> reset_default_graph()
    >>> w = Variable(0, dtype="float32")
    >>> session = Session()
    >>> session.run(global_variables_initializer())
    >>> [float(value) for value in session.run([w, w + 1, w.assign(5)])], float(session.run(w))
    ([0.0, 1.0, 5.0], 5.0)
    """

    def __init__(self, target: str = "", graph: Graph | None = None, config: Any = None):
        self.graph = graph or get_default_graph()
        self.values: dict[Any, jax.Array] = {}
        self.closed = False
        self._programs: dict[Any, FetchProgram] = {}
        self._key = _key_words(self.graph.seed)
        self._runs = 0

    def run(self, fetches: Any, feed_dict: Feeds | None = None) -> Any:
        """The values of the fetches (nodes, or names of variables), nested as they are; of operations, None."""
        if self.closed:
            raise ArgumentError(
                "this session is closed: make a new tf.Session(), or indent what belongs into its `with` block"
            )
        leaves, nesting = jax.tree.flatten(fetches)
        feeds = {} if feed_dict is None else feed_dict
        key = (nesting, *map(id, leaves), None, *map(id, feeds))
        fetch = self._programs.get(key) or self._prepared(key, fetches, leaves, feeds)
        fed = [_fed(node, value) for node, value in feeds.items()]
        if fetch.drawn:
            fed.append(np.array([*self._key, self._runs], np.uint32))
        self._runs += 1
        outputs, assigned = self._called(fetch, [self.value_of(v) for v in fetch.variables], fed)
        for variable, value in zip(fetch.targets, assigned, strict=True):
            self.store(variable, value)
        return jax.tree.unflatten(nesting, [None if value is None else np.array(value)[()] for value in outputs])

    def value_of(self, variable: Any) -> jax.Array:
        """The present value of a variable in this session; layers hold those of their weights themselves."""
        if not isinstance(variable, Weight):
            return variable.value
        if variable not in self.values:
            self._check_own([variable])
            raise NotBuiltError(
                f"variable {variable.path!r} has no value in this session: run the initializer first,"
                " session.run(tf.global_variables_initializer()), made after all variables"
            )
        return self.values[variable]

    def store(self, variable: Any, value: Any) -> None:
        """Give a variable a value in this session."""
        if not isinstance(variable, Weight):
            variable.assign(value)
            return
        if variable not in self.values:
            self._check_own([variable])
        if np.shape(value) != variable.shape:
            raise unassignable(variable.path, variable.shape, np.shape(value))
        self.values[variable] = value if isinstance(value, jax.Array) else jnp.asarray(value, variable.dtype)

    def _prepared(self, key: Any, fetches: Any, leaves: list[Any], feeds: dict[Any, Any]) -> FetchProgram:
        """Find what a run needs."""
        if any(leaf is None for leaf in jax.tree.leaves(fetches, is_leaf=lambda leaf: leaf is None)):
            raise ArgumentError(
                "session.run was asked for None: fetch nodes; an operation has no value, but is one itself"
            )
        nodes = [self._node(leaf) for leaf in leaves]
        for node in feeds:
            _check_feedable(node)
        order = Nodes([], nodes).nodes
        assigns = [n for n in order if isinstance(n, Assign)]
        drawn = any(n is random_key() for n in order)
        graph = Nodes([*feeds, *([random_key()] if drawn else [])], (nodes, assigns))
        _check_fed(order, feeds)
        apart = take_apart(graph)
        targets = [n.target for n in assigns]
        self._check_own([*apart.variables, *targets])
        _check_once(targets)
        numbers = jax.device_put(as_arrays(apart.numbers))
        program = _program(apart.structure)
        if len(self._programs) >= 256:  # a loop that goes on writing new nodes must not fill the memory
            self._programs.clear()
        self._programs[key] = fetch = FetchProgram(
            program, numbers, apart.variables, targets, drawn, (leaves, list(feeds))
        )
        return fetch

    def _called(self, fetch: FetchProgram, values: list[Any], fed: list[Any]) -> Any:
        try:
            return fetch.program(fetch.numbers, values, fed)
        except CaviarError:
            raise
        except (TypeError, ValueError) as error:
            shapes = ", ".join(str(np.shape(f)) for f in fed) or "nothing"
            raise ShapeError(f"what was fed ({shapes}) does not fit the graph: {str(error).splitlines()[0]}") from error

    def _node(self, fetch: Any) -> Node:
        if isinstance(fetch, Node):
            return fetch
        if not isinstance(fetch, str):
            raise ArgumentError(
                f"session.run fetches nodes, or nested lists and dicts of them, and was given {fetch!r}"
            )
        named = {v.name.removesuffix(":0"): v for v in self.graph.variables}
        if fetch.removesuffix(":0") not in named:
            raise unknown_name("variable", fetch, named)
        return named[fetch.removesuffix(":0")]

    def _check_own(self, variables: list[Any]) -> None:
        strange = [v for v in variables if isinstance(v, Weight) and v.graph is not self.graph]
        if strange:
            raise ArgumentError(
                f"variable {strange[0].path!r} belongs to another graph than this session"
                " (after tf.reset_default_graph(), write the graph anew and then make a session)"
            )

    def close(self) -> None:
        """End the session; its values are gone."""
        self.closed = True
        self.values.clear()
        self._programs.clear()
        leave_runner(self)

    @contextlib.contextmanager
    def as_default(self) -> Iterator[Self]:
        """The default session inside a `with` block, which does not close it, as `with session:` does."""
        with default_runner(self):
            yield self

    def __enter__(self) -> Self:
        enter_runner(self)
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


class InteractiveSession(Session):
    """A session that is the default one from now on, until it is closed.

    >>> from caviar.dialects.tensorflow import InteractiveSession
    >>> from caviar.dialects.tensorflow.session import default_session
    >>> session = InteractiveSession()
    >>> default_session() is session
    True
    >>> session.close()
    """

    def __init__(self, target: str = "", graph: Graph | None = None, config: Any = None):
        super().__init__(target, graph, config)
        enter_runner(self)


def _key_words(seed: int | None) -> list[int]:
    """The key of the session's random numbers; sessions of a graph with a seed draw the same."""
    if seed is not None:
        return [int(word) for word in np.random.SeedSequence(seed).generate_state(2)]
    return [int(word) for word in jax.random.key_data(config.next_key())]


def _program(structure: Any) -> Callable[..., Any]:
    def make() -> Callable[..., Any]:
        def program(numbers: Any, values: Any, fed: Any) -> Any:
            return evaluate(structure, numbers, values, call=lambda graph: graph(*fed)).outputs

        return program

    return cached(("session", structure), make)


def _check_feedable(node: Any) -> None:
    if isinstance(node, Node) and isinstance(node.saved_as, Weight):
        raise ArgumentError(f"{node!r} is a variable, which is not fed: use assign, or load(value, session)")
    if not isinstance(node, (Input, PlaceholderWithDefault)):
        raise ArgumentError(
            f"feed_dict takes placeholders, {{x: array}} with x = tf.placeholder(...), and was given {node!r}"
        )


def _check_fed(order: list[Any], feeds: dict[Any, Any]) -> None:
    missing = [n for n in order if isinstance(n, Input) and n is not random_key() and n not in feeds]
    if missing:
        raise ArgumentError(
            f"{missing[0]!r} is needed and was not fed: feed it, session.run(..., feed_dict={{{missing[0].name}: ...}})"
        )


def _check_once(targets: list[Any]) -> None:
    twice = [t for i, t in enumerate(targets) if any(t is other for other in targets[:i])]
    if twice:
        raise ArgumentError(
            f"variable {twice[0].path!r} would be assigned twice in one run: use a session.run for each"
        )


def _fed(node: Any, value: Any) -> Any:
    """A value in the type of its placeholder; raises if it does not fit."""
    if isinstance(value, Node):
        raise ArgumentError(f"{node!r} was fed a node, {value!r}: feed arrays, such as session.run gives")
    given = value if isinstance(value, (np.ndarray, jax.Array)) else _as_array(node, value)
    if given.dtype.kind not in "biuf" and given.dtype != jnp.bfloat16:
        raise DataError(f"{node!r} was fed {given.dtype} values, which are no numbers")
    array = given if given.dtype == node.dtype else given.astype(node.dtype)
    if array is not given and given.dtype.kind == "f" and array.dtype.kind in "iu" and not np.array_equal(array, given):
        raise DataError(f"{node!r} takes integers, and was fed {given.dtype} values with fractions")
    if not _fits(array.shape, node):
        raise ShapeError(f"{node!r} was fed an array of shape {array.shape}")
    return array


def _as_array(node: Any, value: Any) -> np.ndarray:
    try:
        return np.asarray(value)
    except ValueError as error:
        raise ShapeError(f"{node!r} was fed rows of different lengths, which are no array") from error


def _fits(shape: tuple[int, ...], node: Any) -> bool:
    wanted = node.shape
    if shape == wanted or (isinstance(node, Placeholder) and node.any_shape):
        return True
    return len(shape) == len(wanted) and all(w in (None, s) for w, s in zip(wanted, shape, strict=True))
