"""Waiting for the compiler so that Ctrl-C is heard: XLA holds its thread for seconds or minutes, so that is not the main one."""

from __future__ import annotations

import atexit
import collections
import contextlib
import os
import queue
import sys
import threading
from collections.abc import Callable, Sequence

_POLL = 0.2  # seconds; where waiting for a lock does not hear signals (Windows), Ctrl-C is heard as often
_PATIENCE = 0.5  # seconds for a compilation to end by itself, when its process ends
INTERRUPTED = 130
"""How a process ends that Ctrl-C has reached, as shells have it."""

_abandoned: set[threading.Thread] = set()


def in_threads(
    works: Sequence[Callable[[], object]], at_once: int = 1, tell: Callable[[int, int], None] | None = None
) -> list[BaseException | None]:
    """Do some things, several at once, and wait for all; what each raised. Ctrl-C abandons them, and they end unheard.

    `tell` hears after each how many of how many are done.

    >>> from caviar.graph.waiting import in_threads
    >>> in_threads([lambda: None, lambda: 1 / 0], at_once=2)
    [None, ZeroDivisionError('division by zero')]
    """
    left, ended = collections.deque(enumerate(works)), queue.SimpleQueue[tuple[int, BaseException | None]]()
    threads = [threading.Thread(target=_work, args=(left, ended), daemon=True) for _ in works[:at_once]]
    errors: dict[int, BaseException | None] = {}
    try:
        for thread in threads:
            thread.start()
        while len(errors) < len(works):
            with contextlib.suppress(queue.Empty):
                errors.update([ended.get(timeout=_POLL)])
                if tell is not None:
                    tell(len(errors), len(works))
    except BaseException:
        _abandoned.update(threads)
        raise
    finally:
        left.clear()
    return [errors[i] for i in range(len(works))]


def _work(left: collections.deque[tuple[int, Callable[[], object]]], ended: queue.SimpleQueue) -> None:
    with contextlib.suppress(IndexError):
        while True:
            number, work = left.popleft()
            try:
                work()
            except BaseException as error:  # told to whoever waits
                ended.put((number, error))
            else:
                ended.put((number, None))


def compiled_ahead(jitted: Callable[..., object], *args: object) -> None:
    """Compile a jitted function for such arguments, so that calling it need not.

    >>> from caviar.graph.waiting import compiled_ahead
    >>> import jax
    >>> compiled_ahead(jax.jit(lambda x: x + 1), 1.0)
    """
    if threading.current_thread() is threading.main_thread():  # no other hears Ctrl-C
        lowered = jitted.lower(*args)  # type: ignore[attr-defined]  # here, for a `with` of JAX's holds for its own thread
        in_threads([lowered.compile])  # what it raises, the call raises too


def _leave() -> None:
    """XLA aborts a process that ends while it compiles, since its thread comes back to an interpreter that is gone."""
    for thread in _abandoned:
        thread.join(_PATIENCE)
    if any(thread.is_alive() for thread in _abandoned):
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError, AttributeError):
                stream.flush()
        os._exit(INTERRUPTED)


atexit.register(_leave)
