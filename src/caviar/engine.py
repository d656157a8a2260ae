"""Starting JAX: the settings it reads once, before its first program. Importing caviar changes none; the user's own win."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from typing import Any

import jax
from jax._src import xla_bridge  # JAX has no public way to ask whether it has started

from caviar import cache
from caviar.errors import ForkError

# jaxlib 0.10 can return wrong results with its default fusion by YNNPACK (jax#39103); this keeps its fast dots alone.
_FUSION = {"xla_cpu_experimental_ynn_fusion_type": "LIBRARY_FUSION_TYPE_INDIVIDUAL_DOT"}


class _Process:
    """Whether JAX was started by this process, or by the one that this was forked from."""

    started = forked = False
    lock = threading.Lock()
    in_child: list[Callable[[], None]] = []


def start() -> None:
    """Make JAX ready, before the first array or program: a device for each core, and a folder for compiled programs.

    >>> from caviar.engine import start
    >>> start()
    """
    if not _Process.started:
        with _Process.lock:
            if _Process.forked:
                raise forked()
            if not _Process.started:
                _one_device_a_core()
                _compute_in_place()
                cache.use_default()
                _Process.started = True


def _one_device_a_core() -> None:
    """Let a population use every core: JAX runs a small program on one core of a device. What the user set is left alone."""
    chosen = jax.config.jax_num_cpu_devices != -1  # type: ignore[attr-defined]
    chosen = chosen or "host_platform_device_count" in os.environ.get("XLA_FLAGS", "")
    with contextlib.suppress(RuntimeError):  # the user's code has started JAX already: its devices are used as they are
        if not chosen:
            jax.config.update("jax_num_cpu_devices", min(cores(), 32))


def cores() -> int:
    """The number of cores that this process may use.

    >>> from caviar.engine import cores
    >>> cores() >= 1
    True
    """
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _compute_in_place() -> None:
    """Let whoever calls a program on a CPU compute it: to wake another thread, and to be woken by it, takes 30 microseconds."""
    if "JAX_CPU_ENABLE_ASYNC_DISPATCH" not in os.environ:  # the user's choice
        jax.config.update("jax_cpu_enable_async_dispatch", False)


def _after_fork() -> None:
    _Process.lock = threading.Lock()
    if xla_bridge.backends_are_initialized():
        _Process.forked, _Process.started = True, False
        for tell in _Process.in_child:
            tell()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def in_child(tell: Callable[[], None]) -> None:
    """Call this in a process that is forked off after JAX has started."""
    _Process.in_child.append(tell)


def forked() -> ForkError:
    """The error for a process in which JAX's threads are missing."""
    return ForkError(
        "this process was forked after JAX had started, and JAX's threads stayed behind: it would wait for them for ever. "
        "Start processes anew, by multiprocessing.get_context('spawn'), or fork before anything is computed"
    )


_QUICKLY = {"xla_backend_optimization_level": 0, "xla_cpu_use_fusion_emitters": False}  # a third of the compile time


def options(runs_once: bool = False) -> dict[str, Any] | None:
    """XLA's options for one of our programs on this machine; one that `runs_once` is compiled quickly rather than well."""
    if jax.default_backend() != "cpu":
        return None
    flags = os.environ.get("XLA_FLAGS", "")
    fusion = {name: value for name, value in _FUSION.items() if name not in flags}
    return {**fusion, **_QUICKLY} if runs_once else fusion


@contextlib.contextmanager
def own_rules() -> Iterator[None]:
    """Compute or trace under the JAX settings that caviar is written for, whatever the user has set for their own code.

    >>> import jax
    >>> from caviar.engine import own_rules
    >>> with own_rules():
    ...     jax.numpy.ones((2, 3)) + jax.numpy.ones(3)
    Array([[2., 2., 2.],
           [2., 2., 2.]], dtype=float32)
    """
    start()
    with (
        jax.numpy_rank_promotion("allow"),
        jax.numpy_dtype_promotion("standard"),
        jax.default_prng_impl("threefry2x32"),
    ):
        yield


def shapes_of(function: Callable[..., Any], *args: Any) -> Any:
    """The shapes and types that a function would give, traced under caviar's settings.

    >>> import jax
    >>> from caviar.engine import shapes_of
    >>> shapes_of(lambda x: x + 1, jax.ShapeDtypeStruct((3,), "int32")).shape
    (3,)
    """
    with own_rules():
        return jax.eval_shape(function, *args)
