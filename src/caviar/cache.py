"""Compiled programs on the disk: where they are kept, and for how long."""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import os
import platform
import tempfile
import warnings
import zlib
from pathlib import Path
from typing import Any

import jax
import jaxlib
from jax._src import compilation_cache  # JAX has no public way to install another cache
from jax._src.compilation_cache_interface import CacheInterface

_THRESHOLDS = {  # JAX's own defaults keep nothing that compiles within a second
    "jax_persistent_cache_min_compile_time_secs": (1.0, 0.02),
    "jax_persistent_cache_min_entry_size_bytes": (0, -1),
}
_chosen: list[Any] = []  # what the user gave to `set_compile_cache`
_others = compilation_cache.get_file_cache


def cache_folder() -> Path:
    """Where compiled programs are kept: a folder of its own for each version of jaxlib and each kind of processor.

    Below the folder that CAVIAR_CACHE names, or else in `caviar` below XDG_CACHE_HOME, or else below ~/.cache.
    """
    given = os.environ.get("CAVIAR_CACHE", "").strip()
    root = Path(given).expanduser().absolute() if given else _home() / "caviar"
    machine = f"checked-{platform.machine()}-{_processor()}-{os.environ.get('XLA_FLAGS', '')}"
    return root / f"jaxlib-{jaxlib.__version__}-{hashlib.sha256(machine.encode()).hexdigest()[:12]}"


def _home() -> Path:
    given = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return given if given.is_absolute() else Path.home() / ".cache"


def _processor() -> str:
    """The processor's instruction sets: a program compiled for others may not run here."""
    try:
        return next(
            line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith(("flags", "Features"))
        )
    except (OSError, StopIteration):
        return platform.processor()


def set_compile_cache(folder: str | os.PathLike[str] | None) -> None:
    """Keep compiled programs in this folder, or nowhere (None). If this is not called, it is `cache_folder()`.

    The folder is JAX's own setting, so programs that the same process compiles without caviar are kept there too.

    >>> from caviar.cache import cache_folder, set_compile_cache
    >>> set_compile_cache(cache_folder())
    """
    _chosen[:] = [folder]
    _use(folder)
    compilation_cache.reset_cache()  # JAX looks at its setting once, at its first program


def use_default() -> None:
    """Keep programs in the default folder, unless the user chose one, here or with JAX, or CAVIAR_CACHE is 'off'."""
    off = os.environ.get("CAVIAR_CACHE", "").strip().lower() in ("off", "none", "no", "false", "0")
    if off or _chosen or jax.config.values["jax_compilation_cache_dir"]:
        return
    try:
        folder = cache_folder()
        _check_own(folder)
    except (OSError, RuntimeError) as error:  # RuntimeError: there is no home
        warnings.warn(
            f"compiled programs are not kept from one process to the next: {error}. "
            "Set CAVIAR_CACHE to a folder of yours, or to 'off'",
            stacklevel=2,
        )
        return
    _use(folder)
    atexit.register(trim_compile_cache, folder)


def _check_own(folder: Path) -> None:
    """Refuse a folder of another user: whoever can write programs into it decides what runs here."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if hasattr(os, "getuid") and folder.stat().st_uid != os.getuid():
        raise PermissionError(f"{folder} belongs to another user")
    with tempfile.TemporaryFile(dir=folder):
        pass


def _use(folder: str | os.PathLike[str] | None) -> None:
    jax.config.update("jax_compilation_cache_dir", None if folder is None else str(folder))
    for name, (default, ours) in _THRESHOLDS.items():
        if jax.config.values[name] == default:
            jax.config.update(name, ours)
    compilation_cache.get_file_cache = lambda path: (Programs(path), path) if path == str(folder) else _others(path)


class Programs(CacheInterface):
    """A folder of compiled programs, each with a checksum.

    JAX's own writes in place, and never replaces an entry that it cannot read: after a process was killed while writing,
    every later one would warn and compile again.
    """

    def __init__(self, folder: str | os.PathLike[str]):
        self._path = Path(folder)
        self.writes = True

    def get(self, key: str) -> bytes | None:
        """The program, if it is there and whole."""
        try:
            found = (self._path / f"{key}-cache").read_bytes()
        except OSError:
            return None
        return found[4:] if found[:4] == _checksum(found[4:]) else None

    def put(self, key: str, value: bytes) -> None:
        """Store a program, whole or not at all. The first one that cannot be written is warned about."""
        if not self.writes:
            return
        try:
            self._path.mkdir(parents=True, exist_ok=True, mode=0o700)
            with tempfile.NamedTemporaryFile(dir=self._path, delete=False) as file:
                try:
                    file.write(_checksum(value) + value)
                    file.close()
                    os.replace(file.name, self._path / f"{key}-cache")
                except OSError:
                    os.unlink(file.name)
                    raise
        except OSError as error:
            self.writes = False
            warnings.warn(f"compiled programs are no longer kept: {error}", stacklevel=2)


def _checksum(content: bytes) -> bytes:
    return zlib.crc32(content).to_bytes(4)


def trim_compile_cache(folder: Path, limit: int = 2**30) -> None:
    """Delete the oldest programs of a cache until it is under its limit.

    JAX has a limit of its own, but to keep it, it looks at every file whenever it adds one: seconds, in a full cache.
    """
    with contextlib.suppress(OSError):  # another process may trim too
        files = sorted((entry.stat().st_mtime, entry.stat().st_size, entry.path) for entry in os.scandir(folder))
        excess = sum(size for _, size, _ in files) - limit
        for _, size, path in files:
            if excess <= 0:
                break
            os.unlink(path)
            excess -= size
