"""Runners compute nodes that are asked for their value. They form a stack, of which the last one is used.

A session in TensorFlow's dialect is such a runner. It holds the values of its variables, so they ask for it too.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

from caviar.errors import ArgumentError


class _Runners(threading.local):
    def __init__(self) -> None:
        self.stack: list[Any] = []


_runners = _Runners()


def enter_runner(runner: Any) -> None:
    """Let this one run the nodes of this thread from now on."""
    _runners.stack.append(runner)


def leave_runner(runner: Any) -> None:
    """Let the one before it run them again."""
    _runners.stack[:] = [r for r in _runners.stack if r is not runner]


@contextlib.contextmanager
def default_runner(runner: Any) -> Iterator[None]:
    """Let this one run nodes inside a `with` block."""
    enter_runner(runner)
    try:
        yield
    finally:
        _runners.stack.pop()


def current_runner() -> Any:
    """The one that runs nodes now, or None.

    >>> from caviar.graph.runners import current_runner
    >>> print(current_runner())
    None
    """
    return _runners.stack[-1] if _runners.stack else None


class TensorShape(tuple[int | None, ...]):
    """A shape; `as_list()` gives it as a list.

    >>> from caviar.graph.runners import TensorShape
    >>> TensorShape((None, 3)).as_list()
    [None, 3]
    """

    def as_list(self) -> list[int | None]:
        """The shape as a list."""
        return list(self)


class Runnable:
    """What every node does that a runner can run."""

    shape: Any

    def eval(self, feed_dict: dict[Any, Any] | None = None, session: Any = None) -> Any:
        """The node's value in a session, by default the one of the `with` block."""
        used = session or current_runner()
        if used is None:
            raise ArgumentError("there is no default session: use `with tf.Session():`, or node.eval(session=session)")
        return used.run(self, feed_dict)

    def run(self, feed_dict: dict[Any, Any] | None = None, session: Any = None) -> None:
        """Run an operation in a session, by default the one of the `with` block."""
        self.eval(feed_dict, session)

    def get_shape(self) -> TensorShape:
        """The shape, as TensorFlow gives it."""
        return TensorShape(self.shape)
