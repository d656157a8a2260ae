"""Settings of the whole library: the float type, mixed precision, the seed, the compile cache."""

from __future__ import annotations

import contextlib
import random
import threading
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from caviar import engine
from caviar.cache import cache_folder as cache_folder
from caviar.cache import set_compile_cache as set_compile_cache
from caviar.errors import ArgumentError, unknown_name

__all__ = [
    "cache_folder", "compute_dtype", "dtype_policy", "floatx", "precision", "set_compile_cache", "set_dtype_policy", "set_floatx",
    "set_random_seed",
]  # fmt: skip
__dir__ = __all__.copy

_FLOATS = ("float16", "bfloat16", "float32", "float64")
_POLICIES = (*_FLOATS, "mixed_bfloat16", "mixed_float16")


class _Settings:
    """The present values. Other modules read them here, since a copy would not follow a change."""

    floatx = "float32"
    policy = "float32"
    epsilon = 1e-7
    image_data_format = "channels_last"
    entropy: np.random.SeedSequence | None = None
    lock = threading.Lock()


def floatx() -> str:
    """The float type of new weights and of data.

    >>> from caviar.config import floatx
    >>> floatx()
    'float32'
    """
    return _Settings.floatx


def set_floatx(dtype: str) -> None:
    """Choose the float type of new weights and of data: 'float32' or 'float64' (double precision throughout).

    >>> from caviar.config import floatx, set_floatx
    >>> set_floatx("float64"); floatx()
    'float64'
    >>> set_floatx("float32")
    """
    if not isinstance(dtype, str) or dtype not in _FLOATS:
        raise unknown_name("float type", dtype, _FLOATS)
    jax.config.update("jax_enable_x64", dtype == "float64")
    _Settings.floatx = _Settings.policy = dtype


def epsilon() -> float:
    """The small number that operations keep divisors and logarithms away from zero by.

    >>> from caviar import config
    >>> config.epsilon()
    1e-07
    """
    return _Settings.epsilon


def set_epsilon(value: float) -> None:
    """Choose the small number of `epsilon`, for the operations called from now on.

    >>> from caviar import config
    >>> config.set_epsilon(1e-7)
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)) or not 0 <= value < 1:
        raise ArgumentError(f"set_epsilon wants a small number, such as 1e-7, and was given {value!r}")
    _Settings.epsilon = float(value)


def image_data_format() -> str:
    """Where the channels of images are, where nothing is said: 'channels_last' or 'channels_first'.

    >>> from caviar import config
    >>> config.image_data_format()
    'channels_last'
    """
    return _Settings.image_data_format


def set_image_data_format(data_format: str) -> None:
    """Choose where the channels of images are, where nothing is said, for what is made from now on.

    >>> from caviar import config
    >>> config.set_image_data_format("channels_last")
    """
    if data_format not in ("channels_last", "channels_first"):
        raise unknown_name("data format", data_format, ("channels_last", "channels_first"))
    _Settings.image_data_format = data_format


def set_dtype_policy(policy: str) -> None:
    """Choose in which types to compute: 'mixed_bfloat16' computes products in bfloat16 and keeps the weights in float32.

    >>> from caviar.config import compute_dtype, set_dtype_policy
    >>> set_dtype_policy("mixed_bfloat16"); compute_dtype()
    'bfloat16'
    >>> set_dtype_policy("float32")
    """
    if not isinstance(policy, str) or policy not in _POLICIES:
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

    >>> from caviar.config import floatx, precision
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
        jax.config.update("jax_enable_x64", x64)  # the user may have switched it on themselves


def set_random_seed(seed: int) -> None:
    """Make everything that follows reproducible: initial weights, shuffling, dropout; Python's and NumPy's draws too.

    >>> from caviar.utils import set_random_seed
    >>> set_random_seed(0)
    """
    if not isinstance(seed, (int, np.integer)) or isinstance(seed, bool):
        raise ArgumentError(f"set_random_seed wants an int, and was given {seed!r}")
    if seed < 0:
        raise ArgumentError(f"a seed is a whole number from 0 on, and set_random_seed was given {seed}")
    random.seed(int(seed))
    np.random.seed(int(seed) % 2**32)
    seed_keys(int(seed))


def seed_keys(seed: int) -> None:
    """Make our own draws reproducible, and leave Python's and NumPy's alone.

    >>> from caviar.config import seed_keys
    >>> seed_keys(0)
    """
    _Settings.entropy = np.random.SeedSequence(seed % 2**63)


def next_key(count: int | None = None) -> jax.Array:
    """A fresh random key, or an array of them: reproducible after `set_random_seed`, unpredictable before.

    Made on the host, so that it compiles nothing.
    """
    with _Settings.lock:
        if _Settings.entropy is None:
            _Settings.entropy = np.random.SeedSequence()
        (child,) = _Settings.entropy.spawn(1)
    engine.start()
    return as_key(jax.device_put(_key_data(child, count)))


def as_key(words: Any) -> jax.Array:
    """The random key made of two 32-bit words, or many keys, of the same kind whatever JAX's default is."""
    return jax.random.wrap_key_data(words, impl="threefry2x32")


def _key_data(sequence: np.random.SeedSequence, count: int | None) -> np.ndarray:
    state = sequence.generate_state(2 * (count or 1))
    return state if count is None else state.reshape(count, 2)


def keys_of(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The keys that a model and one `fit` get after `set_random_seed(seed)`: of the initial weights, and of the run.

    >>> import jax
    >>> from caviar.config import keys_of, next_key
    >>> from caviar.utils import set_random_seed
    >>> set_random_seed(7); weights, run = keys_of(7)
    >>> bool((jax.random.key_data(next_key()) == weights).all()), bool((jax.random.key_data(next_key(2)) == run).all())
    (True, True)
    """
    weights, run = np.random.SeedSequence(int(seed) % 2**63).spawn(2)
    return _key_data(weights, None), _key_data(run, 2)
