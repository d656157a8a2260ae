"""Files: paths from what users give, and writing a file as a whole or not at all. All writing to disk goes through here."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from caviar.errors import FileError

try:
    import fcntl
except ImportError:  # Windows, where an open file cannot be removed
    fcntl = None  # type: ignore[assignment]

FilePath = str | os.PathLike[str]


def as_path(path: Any) -> Path:
    """A name as people give it: text, bytes or a `Path`, with ~ for the home.

    >>> from caviar.files import as_path
    >>> as_path(b"models/best.caviar").name
    'best.caviar'
    """
    try:
        text = os.fsdecode(path)
    except TypeError:
        raise FileError(f"a file is named by a str or a pathlib.Path, and {path!r} was given") from None
    if not text or "\0" in text:
        raise FileError(f"{text!r} is not a file name: give one, such as 'model.caviar'")
    return Path(os.path.expanduser(text))


@contextlib.contextmanager
def written_whole(path: Any) -> Iterator[BinaryIO]:
    """A temporary file to write to, which replaces `path` when the block ends without an error; else nothing has changed.

    The umask, or the mode of the file that was there, holds. A link of the user's own stays, and the file behind it is
    replaced; one that somebody else put there is replaced itself.

    >>> from pathlib import Path
    >>> from caviar.files import written_whole
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "note.txt"
    >>> with written_whole(path) as file:
    ...     _ = file.write(b"all or nothing")
    >>> path.read_text()
    'all or nothing'
    """
    named = as_path(path)
    with _told(named):
        target, mode = _behind(named)
        handle, temporary = _beside(target, mode)
        try:
            with os.fdopen(handle, "wb") as file:
                yield file
                file.flush()
                os.fsync(handle)
                if fcntl is None:
                    file.close()
                # Before the lock is released: another process deletes temporary files without one.
                os.replace(temporary, target)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise


def write_whole(path: Any, content: bytes | str) -> None:
    """Write all of a file, or change nothing.

    >>> from caviar.files import write_whole
    >>> import tempfile
    >>> write_whole(tempfile.mkdtemp() + "/table.csv", "trial,loss")
    """
    with written_whole(path) as file:
        file.write(content.encode() if isinstance(content, str) else content)


def append(path: Any, content: bytes) -> int:
    """Append all of it to a file, or nothing; returns the file's new length.

    >>> from caviar.files import append
    >>> import tempfile
    >>> append(tempfile.mkdtemp() + "/log.csv", b"epoch,loss")
    10
    """
    named = as_path(path)
    with _told(named), open(named, "ab", buffering=0) as file:
        start, rest = file.seek(0, os.SEEK_END), memoryview(content)
        try:
            while rest:
                rest = rest[file.write(rest) :]
        except OSError:
            with contextlib.suppress(OSError):
                file.truncate(start)
            raise
        return start + len(content)


def truncate(path: Any, size: int) -> int:
    """Cut a file off after so many bytes, if it exists; returns its new length.

    >>> from caviar.files import truncate
    >>> truncate("/nowhere/log.csv", 10)
    0
    """
    named = as_path(path)
    with _told(named):
        if not named.exists():
            return 0
        size = min(size, named.stat().st_size)
        os.truncate(named, size)
        return size


@contextlib.contextmanager
def reading(path: Any, kind: str = "caviar file") -> Iterator[Path]:
    """Turn whatever is wrong with a file's content into one error, with the file's name.

    >>> from caviar.files import reading
    >>> with reading("model.caviar"):
    ...     {}["inputs"]
    Traceback (most recent call last):
    caviar.errors.FileError: model.caviar is not a complete caviar file: it is truncated, altered, or something else (KeyError: 'inputs')
    """
    named = as_path(path)
    if os.path.exists(named) and not os.path.isfile(named):  # opening a pipe would wait for its other end
        raise FileError(f"{named} is a folder, a device or a pipe, and no {kind}")
    try:
        yield named
    except FileError as error:
        raise FileError(f"{named}: {error}") from error
    except Exception as error:
        wrong = f"{type(error).__name__}: {error}"
        raise FileError(
            f"{named} is not a complete {kind}: it is truncated, altered, or something else ({wrong})"
        ) from error


def make_folder(path: Any) -> Path:
    """Make a folder, and those above it, if it does not exist.

    >>> from caviar.files import make_folder
    >>> import tempfile
    >>> make_folder(tempfile.mkdtemp() + "/deep/er").name
    'er'
    """
    folder = as_path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(f"the folder {folder} could not be made: {error.strerror or error}") from error
    return folder


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise FileError(f"{path} could not be written, and nothing was changed: {error.strerror or error}") from error


def _behind(path: Path) -> tuple[Path, int | None]:
    """The file that is to be replaced, and its mode if it exists."""
    if path.is_symlink() and path.lstat().st_uid in (_me(), path.parent.stat().st_uid):
        path = Path(os.path.realpath(path))
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return path, None
    if stat.S_ISLNK(mode):  # made by another user
        return path, None
    if stat.S_ISDIR(mode):
        raise FileError(f"{path} is a folder: give the name of a file in it")
    if not stat.S_ISREG(mode):
        raise FileError(f"{path} is a device or a pipe, which no file can replace: give another name")
    return path, mode & 0o777


def _me() -> int:
    return os.geteuid() if hasattr(os, "geteuid") else 0


def _beside(target: Path, mode: int | None) -> tuple[int, str]:
    """A temporary file in the same folder, locked as long as its writer lives."""
    stem = f".{target.name[:40]}."  # file systems limit the length of a name
    _sweep(target.parent, stem)
    while True:
        name = os.path.join(target.parent, f"{stem}{secrets.token_hex(8)}.part")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        handle = os.open(name, flags, 0o666 if mode is None else mode)
        if mode is not None:
            os.chmod(name, mode)
        if _locked(handle) and os.fstat(handle).st_nlink:
            return handle, name
        os.close(handle)  # another process deleted it before it was locked


def _locked(handle: int) -> bool:
    try:
        if fcntl is not None:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks: nothing is cleaned up there
        pass
    return True


def _sweep(folder: Path, stem: str) -> None:
    """Delete what killed writers left behind: temporary files that nobody has locked."""
    if fcntl is None:
        return
    for name in os.listdir(folder):
        if re.fullmatch(re.escape(stem) + r"[0-9a-f]{16}\.part", name):
            with contextlib.suppress(OSError), open(folder / name, "r+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.unlink(folder / name)
