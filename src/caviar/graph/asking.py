"""Asking a node for its value: whoever can run nodes stands on a stack, and the last one is asked.

A session of TensorFlow's words is such a runner. The values of its variables live in it, so they ask for it too.
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


def begin(runner: Any) -> None:
    """Let nodes ask this one, in this thread, from now on."""
    _runners.stack.append(runner)


def end(runner: Any) -> None:
    """Ask the one before it again."""
    _runners.stack[:] = [r for r in _runners.stack if r is not runner]


@contextlib.contextmanager
def asked(runner: Any) -> Iterator[None]:
    """Let nodes ask this one inside a `with` block."""
    begin(runner)
    try:
        yield
    finally:
        _runners.stack.pop()


def present() -> Any:
    """The one that is asked now.

    >>> print(present())
    None
    """
    return _runners.stack[-1] if _runners.stack else None


class TensorShape(tuple[int | None, ...]):
    """A shape; `as_list()` gives it as a list.

    >>> TensorShape((None, 3)).as_list()
    [None, 3]
    """

    def as_list(self) -> list[int | None]:
        """The shape as a list."""
        return list(self)


class Asked:
    """What every node answers, whoever wrote it."""

    shape: Any

    def eval(self, feed_dict: dict[Any, Any] | None = None, session: Any = None) -> Any:
        """The node's value in a session, by default the one of the `with` block."""
        used = session or present()
        if used is None:
            raise ArgumentError("there is no default session: use `with tf.Session():`, or node.eval(session=session)")
        return used.run(self, feed_dict)

    def run(self, feed_dict: dict[Any, Any] | None = None, session: Any = None) -> None:
        """Run an operation in a session, by default the one of the `with` block."""
        self.eval(feed_dict, session)

    def get_shape(self) -> TensorShape:
        """The shape, as TensorFlow gives it."""
        return TensorShape(self.shape)
