"""Compiling so that Ctrl-C works: XLA blocks its thread for seconds or minutes, so that must not be the main thread."""

from __future__ import annotations

import atexit
import collections
import contextlib
import os
import queue
import sys
import threading
from collections.abc import Callable, Sequence

_POLL = 0.2  # seconds between two looks for Ctrl-C, on Windows, where waiting for a lock is not interrupted
_PATIENCE = 0.5  # seconds that a compilation gets to finish, when the process ends
INTERRUPTED = 130
"""The exit code of a process that Ctrl-C ended, by the convention of shells."""

_abandoned: set[threading.Thread] = set()
_unhurried: set[threading.Thread] = set()  # the process ends when they do


class Works:
    """Tasks that run in threads, several at once, while something else happens.

    >>> from caviar.graph.interrupts import Works
    >>> works = Works([lambda: None, lambda: 1 / 0], at_once=2)
    >>> sorted(number for _ in range(2) for number, _ in works.ended(wait=9))
    [0, 1]
    """

    def __init__(self, works: Sequence[Callable[[], object]], at_once: int = 1):
        self.count, self.done = len(works), 0
        self._left = collections.deque(enumerate(works))
        self._ended = queue.SimpleQueue[tuple[int, BaseException | None]]()
        self._threads = [
            threading.Thread(target=_work, args=(self._left, self._ended), daemon=True) for _ in works[:at_once]
        ]
        for thread in self._threads:
            thread.start()

    def ended(self, wait: float) -> list[tuple[int, BaseException | None]]:
        """The number of the next task that ends within so many seconds, and what it raised; nothing if none does."""
        try:
            found = self._ended.get(timeout=wait)
        except queue.Empty:
            return []
        self.done += 1
        return [found]

    def abandon(self, at_leisure: bool = False) -> None:
        """Begin no more of them, and ignore how those under way end; at leisure, the process waits for these at its end."""
        self._left.clear()
        (_unhurried if at_leisure else _abandoned).update(self._threads)


def in_threads(
    works: Sequence[Callable[[], object]], at_once: int = 1, tell: Callable[[int, int], None] | None = None
) -> list[BaseException | None]:
    """Run tasks, several at once, and wait for all; returns what each raised. Ctrl-C stops waiting, and ignores how they end.

    `tell(done, count)` is called after each.

    >>> from caviar.graph.interrupts import in_threads
    >>> in_threads([lambda: None, lambda: 1 / 0], at_once=2)
    [None, ZeroDivisionError('division by zero')]
    """
    errors: dict[int, BaseException | None] = {}
    under_way = Works(works, at_once)
    try:
        while len(errors) < len(works):
            found = under_way.ended(_POLL)
            errors.update(found)
            if found and tell is not None:
                tell(len(errors), len(works))
    except BaseException:
        under_way.abandon()
        raise
    return [errors[i] for i in range(len(works))]


def _work(left: collections.deque[tuple[int, Callable[[], object]]], ended: queue.SimpleQueue) -> None:
    with contextlib.suppress(IndexError):
        while True:
            number, work = left.popleft()
            try:
                work()
            except BaseException as error:  # handed to the waiting thread
                ended.put((number, error))
            else:
                ended.put((number, None))


def compiled_ahead(jitted: Callable[..., object], *args: object) -> None:
    """Compile a jitted function for such arguments before it is called, in a thread that Ctrl-C does not wait for.

    >>> from caviar.graph.interrupts import compiled_ahead
    >>> import jax
    >>> compiled_ahead(jax.jit(lambda x: x + 1), 1.0)
    """
    if threading.current_thread() is threading.main_thread():  # only the main thread gets Ctrl-C
        lowered = jitted.lower(*args)  # type: ignore[attr-defined]  # here, for a `with` of JAX's holds for its own thread
        in_threads([lowered.compile])  # an error is raised again by the call itself


def _leave() -> None:
    """Exit without cleaning up: XLA aborts a process that ends during a compilation, as its thread returns to a dead interpreter."""
    try:
        for thread in _unhurried:
            thread.join()
    except KeyboardInterrupt:
        _abandoned.update(_unhurried)
    for thread in _abandoned:
        thread.join(_PATIENCE)
    if any(thread.is_alive() for thread in _abandoned):
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError, AttributeError):
                stream.flush()
        os._exit(INTERRUPTED)


atexit.register(_leave)
