"""Settings of the whole library: the float type, mixed precision, the seed, the compile cache."""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import os
import platform
import random
import threading
from collections.abc import Iterator
from pathlib import Path

import jax
import jaxlib
import numpy as np

from caviar import engine as engine
from caviar.errors import ArgumentError, unknown_name

_FLOATS = ("float16", "bfloat16", "float32", "float64")
_POLICIES = (*_FLOATS, "mixed_bfloat16", "mixed_float16")


class _Settings:
    """The present values; one object, so that nothing copies a setting that changes later."""

    floatx = "float32"
    policy = "float32"
    entropy: np.random.SeedSequence | None = None
    lock = threading.Lock()


def floatx() -> str:
    """The float type of new weights and of data.

    >>> floatx()
    'float32'
    """
    return _Settings.floatx


def set_floatx(dtype: str) -> None:
    """Choose the float type of new weights and of data: 'float32' or 'float64' (double precision throughout).

    >>> set_floatx("float64"); floatx()
    'float64'
    >>> set_floatx("float32")
    """
    if dtype not in _FLOATS:
        raise unknown_name("float type", dtype, _FLOATS)
    jax.config.update("jax_enable_x64", dtype == "float64")
    _Settings.floatx = _Settings.policy = dtype


def set_dtype_policy(policy: str) -> None:
    """'mixed_bfloat16' computes products in bfloat16 and keeps the weights in float32.

    >>> set_dtype_policy("mixed_bfloat16"); compute_dtype()
    'bfloat16'
    >>> set_dtype_policy("float32")
    """
    if policy not in _POLICIES:
        raise unknown_name("dtype policy", policy, _POLICIES)
    if policy.startswith("mixed_"):
        _Settings.policy = policy
    else:
        set_floatx(policy)


def dtype_policy() -> str:
    """The present policy: a float type, or 'mixed_bfloat16'."""
    return _Settings.policy


def compute_dtype() -> str:
    """The type in which matrix products and convolutions are computed."""
    return _Settings.policy.removeprefix("mixed_")


@contextlib.contextmanager
def precision(policy: str) -> Iterator[None]:
    """Use a float type or a policy inside a `with` block.

    >>> with precision("float64"):
    ...     floatx()
    'float64'
    """
    floats, before, x64 = _Settings.floatx, _Settings.policy, jax.config.read("jax_enable_x64")
    set_dtype_policy(policy)
    try:
        yield
    finally:
        _Settings.floatx, _Settings.policy = floats, before
        jax.config.update("jax_enable_x64", x64)  # the user may have switched it on for work of their own


def set_random_seed(seed: int) -> None:
    """Make everything that follows reproducible: initial weights, shuffling, dropout; Python's and NumPy's draws too.

    >>> set_random_seed(0)
    """
    if not isinstance(seed, (int, np.integer)) or isinstance(seed, bool):
        raise ArgumentError(f"set_random_seed wants an int, and was given {seed!r}")
    random.seed(int(seed))
    np.random.seed(int(seed) % 2**32)
    _Settings.entropy = np.random.SeedSequence(int(seed) % 2**63)


def next_key(count: int | None = None) -> jax.Array:
    """A fresh random key, or an array of them: reproducible after `set_random_seed`, unpredictable before.

    Made on the host, so that it compiles nothing.
    """
    with _Settings.lock:
        if _Settings.entropy is None:
            _Settings.entropy = np.random.SeedSequence()
        (child,) = _Settings.entropy.spawn(1)
    return jax.random.wrap_key_data(jax.device_put(_key_data(child, count)))


def _key_data(sequence: np.random.SeedSequence, count: int | None) -> np.ndarray:
    state = sequence.generate_state(2 * (count or 1))
    return state if count is None else state.reshape(count, 2)


def keys_of(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The key of the initial weights, and those of the run, that one model and one `fit` get after `set_random_seed(seed)`.

    >>> set_random_seed(7); weights, run = keys_of(7)
    >>> bool((jax.random.key_data(next_key()) == weights).all()), bool((jax.random.key_data(next_key(2)) == run).all())
    (True, True)
    """
    weights, run = np.random.SeedSequence(int(seed) % 2**63).spawn(2)
    return _key_data(weights, None), _key_data(run, 2)


def _one_device_a_core() -> None:
    """Let a population use every core: JAX runs small programs on one core of each device. Others' choices are kept."""
    chosen = "JAX_NUM_CPU_DEVICES" in os.environ or "host_platform_device_count" in os.environ.get("XLA_FLAGS", "")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with contextlib.suppress(RuntimeError):  # the user's code has started JAX already: what is there is used
        if not chosen:
            jax.config.update("jax_num_cpu_devices", min(cores, 32))


def cache_folder() -> Path:
    """Where compiled programs are kept: a folder of its own for each version of jaxlib and each kind of processor."""
    root = Path(os.environ.get("CAVIAR_CACHE", Path.home() / ".cache" / "caviar"))
    machine = f"{platform.machine()}-{_processor()}-{os.environ.get('XLA_FLAGS', '')}"
    return root / f"jaxlib-{jaxlib.__version__}-{hashlib.sha256(machine.encode()).hexdigest()[:12]}"


def _processor() -> str:
    """What the processor can do: a program compiled for another one may not run here."""
    try:
        return next(
            line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith(("flags", "Features"))
        )
    except (OSError, StopIteration):
        return platform.processor()


def set_compile_cache(folder: str | os.PathLike[str] | None) -> None:
    """Keep compiled programs in this folder, or nowhere (None). At import it is set to `cache_folder()`.

    >>> set_compile_cache(cache_folder())
    """
    jax.config.update("jax_compilation_cache_dir", None if folder is None else str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.02)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


def trim_compile_cache(folder: Path, limit: int = 2**30) -> None:
    """Delete the oldest programs of a cache until it is under its limit.

    JAX has a limit of its own, but keeps to it by looking at every file each time it adds one: seconds, in a full cache.
    """
    with contextlib.suppress(OSError):  # another process may trim too
        files = sorted((entry.stat().st_mtime, entry.stat().st_size, entry.path) for entry in os.scandir(folder))
        excess = sum(size for _, size, _ in files) - limit
        for _, size, path in files:
            if excess <= 0:
                break
            os.unlink(path)
            excess -= size


def _default_cache() -> None:
    """The user's own choice of JAX's cache is left alone; CAVIAR_CACHE=off turns ours off."""
    if os.environ.get("CAVIAR_CACHE") != "off" and not jax.config.values["jax_compilation_cache_dir"]:
        set_compile_cache(cache_folder())
        atexit.register(trim_compile_cache, cache_folder())


_one_device_a_core()
_default_cache()
