"""The file of a search: one SQLite file, with one writer at a time, and clear errors when something is wrong with it.

The writer keeps one transaction open at all times: what it wrote since its last commit lasts as a whole or not at all, and
nobody else can become the writer. Others may read meanwhile. Opening a file executes nothing: it holds JSON and raw arrays,
and beside each row its checksum.
"""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import json
import os
import sqlite3
import threading
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Self

from caviar import __version__
from caviar.errors import ArgumentError, FileError, warn
from caviar.files import as_path, write_whole

FORMAT = 1
APPLICATION = 0x63617669  # "cavi": distinguishes our files from other SQLite files
PATIENCE = 30  # seconds to wait until another process has committed, or has read

SCHEMA = (
    "CREATE TABLE search (caviar TEXT, description TEXT, crc INTEGER)",
    'CREATE TABLE trials (number INTEGER PRIMARY KEY, units TEXT, "values" TEXT, round TEXT, status TEXT, note TEXT, crc INTEGER)',
    "CREATE TABLE curves (trial INTEGER, copy INTEGER, start INTEGER, stop INTEGER, names TEXT, logs BLOB, crc INTEGER, "
    "PRIMARY KEY (trial, copy, start))",
    "CREATE TABLE blobs (kind TEXT, key TEXT, part INTEGER, content BLOB, crc INTEGER, PRIMARY KEY (kind, key, part))",
    "CREATE TABLE notes (key TEXT PRIMARY KEY, value TEXT, crc INTEGER)",
)

# What is not committed stays in memory: writing it early would lock readers out.
WRITING = ("synchronous = EXTRA", "cache_spill = OFF", "trusted_schema = OFF")
READING = ("query_only = ON", "trusted_schema = OFF")


class StudyFile:
    """What a `Store` is as a file: opened, committed, closed; a context manager that rolls back after an exception.

    >>> from caviar.studies.sqlite import StudyFile
    >>> with StudyFile.open(None, {"epochs": 3}) as file:  # no path: in memory
    ...     file.search
    {'epochs': 3}
    """

    path: Path | None
    search: dict[str, Any]
    grown_from: Any = None

    def __init__(self, path: Path | None, writes: bool):
        self.path, self._name, self._writes = path, path or "(in memory)", writes
        # The file's path, how to recognize it, and whether it was lost since the last commit.
        self._home, self._identity, self._lost = path, (0, 0), False
        self._process, self._lock = os.getpid(), threading.RLock()
        self._database: sqlite3.Connection | None = None
        # Not mode=ro for readers: after a kill in the middle of a commit, they too must undo the half of it that was written.
        address = f"{path.absolute().as_uri()}?mode={'rwc' if writes else 'rw'}" if path else ":memory:"
        with self._closing_on(BaseException):
            try:
                self._database = _connected(address, WRITING if writes else READING)
                self._identity = _identity(path)
            except (sqlite3.Error, ValueError) as error:  # ValueError: what is wrong there is no UTF-8
                raise _told(self._name, "cannot be opened", error) from error

    @classmethod
    def open(cls, path: str | os.PathLike[str] | None, search: dict[str, Any], growing: str = "") -> Self:
        """Open for writing a new file, or one made by an equal search; the values in `growing` may be larger now."""
        text = to_text(search)
        file = cls(None if path is None else _checked(path), writes=True)
        with file._closing_on(BaseException), file._telling("cannot be opened") as database:
            new = _is_blank(database)  # it also waits, and undoes what a killed writer left
            file._begin(database, *["PRAGMA auto_vacuum = FULL"] * new)  # the file shrinks when rows are deleted
            if _is_blank(database):
                file._create(database, text)
            file._check(database)
            before, now = file.search.get(growing), json.loads(text)
            if None not in (before, now.get(growing)) and before < now[growing]:
                file.grown_from, file.search[growing] = before, now[growing]
            _require_same(file._name, file.search, now)
            if file.grown_from is not None:
                file._write("DELETE FROM search", [()])
                file._insert("search", [(__version__, text)])
        return file

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Self:
        """Look at a file, also while another process writes it: each call sees the commit that is then the last."""
        if not os.path.exists(found := _checked(path)):
            raise FileError(f"{path} does not exist: no search has begun in it")
        file = cls(found, writes=False)
        with file._closing_on(BaseException), file._telling("cannot be read") as database:
            database.execute("BEGIN")  # one moment for all checks
            if _is_blank(database):
                raise FileError(f"{path} is empty: no search has begun in it")
            file._check(database)
            database.execute("ROLLBACK")
        return file

    def commit(self) -> None:
        """Commit everything since the last commit."""
        with self._writing() as database:
            if database.in_transaction:  # no longer, if an interrupt ended an earlier call right after its COMMIT
                database.execute("COMMIT")
            if self._home is not None and self.path is None:
                self._return_home(self._home)
            assert self._database is not None
            self._begin(self._database)
        if self._lost:
            self._lost = False
            how = (
                "the file is written anew" if self.path else "in memory, until nothing stands in the place of the file"
            )
            warn(f"the study file {self._home} was deleted, moved or replaced while it was written; it goes on: {how}")

    @property
    def lasts(self) -> bool:
        """Whether there is a file, and not only memory."""
        return self._home is not None

    def undo(self) -> None:
        """Back to the last commit."""
        with self._writing() as database:
            database.execute("ROLLBACK")
            self._begin(database)

    def close(self) -> None:
        """Commit and close; a second call does nothing."""
        if self._writes and self._is_ours():
            self.commit()
        self._abandon()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.close()
        self._abandon()

    def __del__(self) -> None:
        # A forked child that closed the connection of its parent would delete the journal under the parent's transaction.
        if self._database is not None and not self._is_ours():
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._database))
        self._abandon()

    def _is_ours(self) -> bool:
        return self._database is not None and self._process == os.getpid()

    def _abandon(self) -> None:
        """Close without a commit."""
        if self._database is not None and self._is_ours():
            self._database.close()
            self._database = None

    def _insert(self, table: str, rows: Iterable[tuple[Any, ...]], replace: bool = False) -> None:
        """Add rows, each with its checksum, or replace those with the same key."""
        checked = [(*row, _checksum(row)) for row in rows]  # all of them, before any is written
        for row in checked[:1]:
            marks = ", ".join("?" * len(row))
            self._write(f"{'REPLACE' if replace else 'INSERT'} INTO {table} VALUES ({marks})", checked)

    def _rows(self, which: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows of a table, checked against their checksums."""
        with self._telling() as database:
            rows = database.execute(f"SELECT * FROM {which}", values).fetchall()
            if any(row[-1] != _checksum(row[:-1]) for row in rows):
                raise ValueError(f"a row of its {which.split()[0]} is altered")
            return [row[:-1] for row in rows]

    def _write(self, statement: str, rows: list[tuple[Any, ...]]) -> None:
        with self._writing() as database:
            if not database.in_transaction:
                self._begin(database)
            database.executemany(statement, rows)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        if not self._writes:
            raise FileError(f"{self._name} was opened to be read: Store.open opens it to write")
        doing = "could not be written, and holds everything up to its last commit"
        with self._closing_on(FileError), self._telling(doing):
            if self.path is not None and _identity(self.path) != self._identity:
                self._leave_home()
            assert self._database is not None
            yield self._database

    def _leave_home(self) -> None:
        """The file is gone, or another stands in its place: go on in memory, with what is not committed yet."""
        assert self._database is not None
        memory = _connected(":memory:", WRITING)
        memory.deserialize(self._database.serialize())
        self._database.close()  # that removes the journal, and leaves the file, wherever it is, at its last commit
        self._database, self.path, self._lost = memory, None, True
        self._begin(memory)

    def _return_home(self, home: Path) -> None:
        """Write the whole file again, if no other file is in its place."""
        assert self._database is not None
        # No folder, no permission, no space: the next commit tries again.
        with contextlib.suppress(FileError, sqlite3.Error):
            if not os.path.lexists(home):
                write_whole(home, self._database.serialize())
                found = _connected(home.absolute().as_uri(), WRITING)
                self._database.close()
                self._database, self.path, self._identity = found, home, _identity(home)

    @contextlib.contextmanager
    def _telling(self, doing: str = "cannot be read") -> Iterator[sqlite3.Connection]:
        """The connection, for one thread at a time; any error becomes a `FileError` that says what to do."""
        if self._database is None:
            raise FileError(f"{self._name} is closed: open it again")
        if not self._is_ours():
            raise FileError(f"{self._name} was opened by process {self._process}: open it again in this one")
        with self._lock:
            try:
                yield self._database
            except (sqlite3.Error, ValueError, TypeError) as error:
                raise error if isinstance(error, FileError) else _told(self._name, doing, error) from error

    @contextlib.contextmanager
    def _closing_on(self, kind: type[BaseException]) -> Iterator[None]:
        try:
            yield
        except kind:
            self._abandon()
            raise

    def _begin(self, database: sqlite3.Connection, *before: str) -> None:
        database.execute("PRAGMA busy_timeout = 0")
        try:
            for statement in (*before, "BEGIN IMMEDIATE"):
                database.execute(statement)
        except sqlite3.OperationalError as error:
            if _code(error) != sqlite3.SQLITE_BUSY:
                raise
            raise FileError(
                f"another process is working on this study, {self._name}: wait for its end, stop it, or name another file "
                "(in a notebook it may be this process, with a study that is not closed)"
            ) from error
        finally:
            database.execute(f"PRAGMA busy_timeout = {PATIENCE * 1000:.0f}")

    def _create(self, database: sqlite3.Connection, description: str) -> None:
        for table in SCHEMA:
            database.execute(table)
        self._insert("search", [(__version__, description)])
        database.execute(f"PRAGMA application_id = {APPLICATION}")
        database.execute(f"PRAGMA user_version = {FORMAT}")
        self.commit()

    def _check(self, database: sqlite3.Connection) -> None:
        """Raise unless it is a whole study of this format; read what search it is of."""
        pragma = lambda name: database.execute(f"PRAGMA {name}").fetchone()[0]  # noqa: E731
        if pragma("application_id") != APPLICATION:
            raise FileError(f"{self._name} is an SQLite file, but not a study of caviar: name another file")
        if (version := pragma("user_version")) != FORMAT:
            raise FileError(
                f"{self._name} has format {version}; this is caviar {__version__}, which reads format {FORMAT}: "
                "use the caviar that wrote it, or name another file"
            )
        # Not through another handle: closing that would release SQLite's locks on the file.
        if self.path and os.path.getsize(self.path) < pragma("page_count") * pragma("page_size"):
            raise ValueError("its end is missing")
        tables = database.execute("SELECT sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'").fetchall()
        if {sql for (sql,) in tables} != set(SCHEMA):
            raise ValueError("its tables are not those of a study")
        if (found := pragma("integrity_check(1)")) != "ok":
            raise ValueError(found)
        ((_, description),) = self._rows("search")
        self.search = json.loads(description)


def _connected(address: str, settings: Iterable[str]) -> sqlite3.Connection:
    options: dict[str, Any] = {"uri": True, "isolation_level": None, "check_same_thread": False}
    database = sqlite3.connect(address, timeout=PATIENCE, **options)
    for setting in settings:
        database.execute(f"PRAGMA {setting}")
    return database


def _identity(path: Path | None) -> tuple[int, int]:
    """What distinguishes a file from another of the same name."""
    with contextlib.suppress(OSError):
        if path is not None:
            found = os.stat(path)
            return found.st_dev, found.st_ino
    return 0, 0


def to_text(value: Any) -> str:
    """JSON as Python reads and writes it: floats exactly, and with NaN, Infinity and -Infinity.

    >>> from caviar.studies.sqlite import to_text
    >>> to_text([0.1, float("nan")])
    '[0.1, NaN]'
    """
    try:
        return json.dumps(value)
    except (TypeError, ValueError) as error:
        raise ArgumentError(
            f"a study holds JSON values (None, bool, int, float, str, list, dict), not {value!r}: {error}"
        ) from error


def _checksum(row: tuple[Any, ...]) -> int:
    crc = 0
    for value in row:
        crc = zlib.crc32(value if isinstance(value, bytes | memoryview) else str(value).encode(), crc)
    return crc


def _checked(given: str | os.PathLike[str]) -> Path:
    path = as_path(given)
    if not os.path.isdir(path.parent):  # which, unlike pathlib, has no error of its own for a name that is too long
        raise FileError(f"{path}: the folder {path.parent} does not exist: make it first")
    if os.path.exists(path) and not path.is_file():
        raise FileError(f"{path} is a {'folder' if path.is_dir() else 'device'}: give the name of a file")
    return path


def _is_blank(database: sqlite3.Connection) -> bool:
    tables = database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    return tables == 0 and database.execute("PRAGMA application_id").fetchone()[0] == 0


def _require_same(name: Any, before: dict[str, Any], now: dict[str, Any]) -> None:
    differences = []
    for key in {**before, **now}:
        texts = [json.dumps(search[key], sort_keys=True) if key in search else "absent" for search in (before, now)]
        if texts[0] != texts[1] and (key not in before or key not in now or before[key] != now[key]):
            differences.append(f"{key} was {_shortened(*texts)} and is {_shortened(*reversed(texts))}")
    if differences:
        raise FileError(
            f"{name} holds another search: {'; '.join(differences)}. Search as before, or name another file"
        )


def _shortened(text: str, other: str) -> str:
    """A text from where it begins to differ from another, shortened."""
    same = sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(text, other, strict=False)))
    start = max(0, same - 20)
    return ("..." if start else "") + text[start : start + 60] + ("..." if len(text) > start + 60 else "")


def _code(error: Exception) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF  # SQLite keeps details in the higher bits


def _told(name: Any, doing: str, error: Exception) -> FileError:
    if _code(error) == sqlite3.SQLITE_BUSY:
        why = f"another process has held it for more than {PATIENCE} seconds"
    elif _code(error) == sqlite3.SQLITE_NOTADB:
        why = "it is not a study, nor any SQLite file: name another file"
    elif _code(error) in (0, sqlite3.SQLITE_CORRUPT):  # 0: what was read is no valid content
        why = f"it is damaged or truncated ({error}): go back to a copy of it, or name another file"
    else:
        why = str(error)
    return FileError(f"the study file {name} {doing}: {why}")
