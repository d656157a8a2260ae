"""The one table of compiled programs and remembered results: looked up by structure, bounded by what it costs the process.

A compiled program costs memory maps (15 to 150 of the 65,530 that Linux grants a process; XLA aborts at the last one) and two or
three megabytes. When either exceeds its share, the programs called least recently are closed. A closed program may still be
called: it compiles again, and returns to the table.
"""

from __future__ import annotations

import contextlib
import ctypes
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
from jax._src.core import trace_state_clean  # JAX has no public way to ask whether a function is being traced

from caviar import config, engine
from caviar.describing import LOOKS_AT_VALUES, misuse

__all__ = ["clear_programs"]

_COMPILED = "/jax/core/compile/backend_compile_duration"
_MAPS = Path("/proc/self/maps")
_SHARE = 4  # programs may take a quarter of the process's maps; the rest is for the user's own code
_COMPILED_AT_MOST = 400  # programs of two or three megabytes
_FOUND = 8192  # entries of all kinds
_EVERY = 16  # compilations between two counts of the maps; a count costs a millisecond for every thousand


class _Compilations:
    """How many programs this process has compiled; it serves as the clock by which entries are older or younger."""

    now = 0
    listens = False
    foreign = 0  # maps that are not ours: those left when every program was closed
    lock = threading.RLock()


class Program:
    """A jitted function, until it is closed; called after that, it compiles again."""

    __slots__ = ("_jitted", "_plain", "_run", "forget", "key", "used")

    def __init__(self, key: Any, function: Callable[..., Any], runs_once: bool, donate: Any, forget: Any):
        self._plain = _by_own_rules(function)
        self._jitted: Any = jax.jit(self._plain, donate_argnums=donate, compiler_options=engine.options(runs_once))
        self._run: Callable[..., Any] = self._jitted
        self.key, self.forget, self.used = key, forget, _Compilations.now

    def __call__(self, *args: Any) -> Any:
        """Call the function, compiled for such arguments; while JAX traces another function, it is traced into that one."""
        self.used = _Compilations.now
        return self._run(*args) if trace_state_clean() else self._plain(*args)

    @property
    def versions(self) -> int:
        """For how many kinds of arguments it is compiled."""
        return self._jitted._cache_size()

    def lower(self, *args: Any) -> Any:
        """What JAX calls lowered: the function traced for such arguments."""
        return self._jitted.lower(*args)

    def close(self) -> None:
        """Free what was compiled."""
        self._run = self._reopened
        self._jitted.clear_cache()
        if self.forget is not None:
            self.forget()

    def _reopened(self, *args: Any) -> Any:
        self._run = self._jitted
        with _Compilations.lock:
            _table.setdefault(self.key, self)
        return self._jitted(*args)


class _Known:
    """A remembered result about a structure, such as its shapes."""

    __slots__ = ("used", "value")

    def __init__(self, value: Any):
        self.value, self.used = value, _Compilations.now


_table: dict[Any, Program | _Known] = {}


def cached(
    key: Any, make: Callable[[], Callable[..., Any]], runs_once: bool = False, donate: Any = (), forget: Any = None
) -> Program:
    """The program for a structure: made once, and found again when the same is written down again.

    One that `runs_once` is compiled quickly rather than well. `forget` is called when it is closed.
    """
    key = (key, config.dtype_policy(), config.image_data_format())
    found = _table.get(key)
    if found is None:
        engine.start()
        found = _keep(key, Program(key, make(), runs_once, donate, forget))
    return found  # type: ignore[return-value]


def remembered(key: Any, find: Callable[[], Any]) -> Any:
    """The remembered result of `find` for a structure (shapes, names); it is called at the first time only."""
    key = (key, config.dtype_policy(), config.image_data_format())
    found = _table.get(key)
    if found is None:
        engine.start()
        with engine.own_rules():
            found = _keep(key, _Known(find()))
    found.used = _Compilations.now
    return found.value  # type: ignore[union-attr]


def clear_programs() -> None:
    """Forget every compiled program, and give back their memory.

    >>> from caviar.graph import clear_programs
    >>> clear_programs()
    """
    with _Compilations.lock:
        _close(list(_table.items()))
    jax.clear_caches()


def _keep(key: Any, entry: Any) -> Any:
    with _Compilations.lock:
        if not _Compilations.listens:
            jax.monitoring.register_event_duration_secs_listener(_listen)
            _Compilations.listens = True
        if len(_table) >= _FOUND:
            _close(_oldest(_FOUND // 4))
        return _table.setdefault(key, entry)


def _listen(event: str, duration_secs: float, **_: str | int) -> None:
    """Count what JAX compiles, whoever asked for it."""
    if event == _COMPILED:
        with _Compilations.lock:
            _Compilations.now += 1
            if _Compilations.now % _EVERY == 0:
                make_room()


def make_room() -> None:
    """Close the programs that were not called for longest, until there is room for others.

    >>> from caviar.graph.programs import make_room
    >>> make_room()
    """
    with _Compilations.lock:
        if _too_many():  # one program that is compiled for ever new shapes is also the one called most recently
            _close(
                [(k, e) for k, e in _table.items() if isinstance(e, Program) and e.versions > _COMPILED_AT_MOST // 2]
            )
        while (_too_many() or _crowded()) and (oldest := _oldest(max(1, _programs() // 4))):
            _close(oldest)
        if _crowded():  # JAX's own caches, of operations called one by one
            jax.clear_caches()
            _Compilations.foreign = min(count_maps() or 0, 2 * _limit()) if _crowded() else _Compilations.foreign


def _crowded() -> bool:
    return (count_maps() or 0) - _Compilations.foreign > _limit()


def _too_many() -> bool:
    return sum(entry.versions for entry in _table.values() if isinstance(entry, Program)) > _COMPILED_AT_MOST


def count_maps() -> int | None:
    """How many memory maps this process has, where one can know.

    >>> from caviar.graph.programs import count_maps
    >>> count_maps() is None or count_maps() > 10
    True
    """
    try:
        return _MAPS.read_bytes().count(b"\n")
    except OSError:
        return None


def _limit() -> int:
    with contextlib.suppress(OSError, ValueError):
        return int(Path("/proc/sys/vm/max_map_count").read_text()) // _SHARE
    return 65530 // _SHARE


def _programs() -> int:
    return sum(isinstance(entry, Program) for entry in _table.values())


def _oldest(count: int) -> list[tuple[Any, Any]]:
    """The entries used least recently, but for those just made."""
    old = [(key, entry) for key, entry in _table.items() if entry.used < _Compilations.now - 1]
    return sorted(old, key=lambda item: item[1].used)[:count]


def _close(entries: list[tuple[Any, Any]]) -> None:
    for key, entry in entries:
        _table.pop(key, None)
        if isinstance(entry, Program):
            entry.close()
    with contextlib.suppress(OSError, AttributeError, TypeError):  # glibc keeps what was freed until it is asked for it
        ctypes.CDLL(None).malloc_trim(0)


def _by_own_rules(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, traced under caviar's settings; calls of the compiled program pay nothing for that."""

    def program(*args: Any) -> Any:
        with engine.own_rules():
            try:
                return function(*args)
            except LOOKS_AT_VALUES as error:
                told = misuse(error)
                if told is None:
                    raise
                raise told from error

    program.__name__ = getattr(function, "__name__", "program").strip("<>")
    return program


def _in_child() -> None:
    def refuse(self: Program, *args: Any) -> Any:
        raise engine.forked()

    _Compilations.lock = threading.RLock()
    Program.__call__ = refuse  # type: ignore[method-assign]


engine.in_child(_in_child)
