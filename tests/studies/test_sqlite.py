"""The file of a search: all of a commit or nothing of it, one writer, and every damage told in words."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stores import SEARCH, TRIALS, contents, filled, run

from caviar.errors import FileError
from caviar.studies import sqlite as study_file
from caviar.studies.store import Store, Trial

OPENED = pytest.mark.parametrize("opened", [Store.read, lambda path: Store.open(path, SEARCH)], ids=["read", "open"])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a study #1?.db"


# Commits


def test_the_file_shrinks_when_blobs_are_dropped(path: Path) -> None:
    with Store.open(path, {}) as store:
        store.put("weights", "0", bytes(1_000_000))
        store.commit()
        assert path.stat().st_size > 1_000_000
        store.drop("weights", "0")
        store.commit()
        assert path.stat().st_size < 60_000
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_what_is_not_committed_is_rolled_back_by_an_exception(path: Path) -> None:
    def interrupted() -> None:
        with filled(path) as store:
            store.note("rounds", 4)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    with Store.open(path, SEARCH) as store:
        assert store.noted("rounds") == 3
        store.note("rounds", 5)
    assert Store.read(path).noted("rounds") == 5


def test_closing_commits_and_may_be_repeated(path: Path) -> None:
    store = filled(path)
    store.note("rounds", 4)
    store.close()
    store.close()
    for use in (store.trials, store.commit, lambda: store.note("rounds", 5)):
        with pytest.raises(FileError, match="is closed: open it again"):
            use()
    assert Store.read(path).noted("rounds") == 4


@pytest.mark.parametrize("again", [True, False], ids=["commit again", "go on"])
def test_an_interrupt_between_commit_and_begin_leaves_no_hole(
    again: bool, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = filled(path)
    with monkeypatch.context() as patch:
        patch.setattr(store, "_begin", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            store.commit()
    if again:
        store.commit()
    store.note("rounds", 4)
    assert Store.read(path).noted("rounds") == 3
    store.commit()
    assert Store.read(path).noted("rounds") == 4


def test_a_full_disk_keeps_the_last_commit(path: Path) -> None:
    store = filled(path)
    before = contents(store)
    pages = store._database.execute("PRAGMA page_count").fetchone()[0]  # type: ignore[union-attr]
    store._database.execute(f"PRAGMA max_page_count = {pages + 2}")  # type: ignore[union-attr]
    store.note("rounds", 4)
    with pytest.raises(
        FileError,
        match=r"study\.db could not be written, and .* its last commit: database or disk is full".replace(
            "study", ".*"
        ),
    ):
        store.put("weights", "1", bytes(100_000))
    with pytest.raises(FileError, match="is closed"):
        store.commit()
    store.close()
    with Store.open(path, SEARCH) as again:
        assert contents(again) == before


FULL_IN_THE_COMMIT = """
import resource, sys
from caviar.errors import FileError
from caviar.studies.store import Store
store = Store.open(sys.argv[1], {})
store.note("rounds", 1)
store.commit()
store.note("rounds", 2)
store.put("weights", "0", bytes(1_000_000))
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
try:
    store.commit()
except FileError as error:
    print(error)
store.close()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits of a process are POSIX")
def test_a_disk_that_fills_in_the_middle_of_a_commit_keeps_the_last_one(path: Path) -> None:
    process = run(FULL_IN_THE_COMMIT, path)
    assert "could not be written, and holds everything up to its last commit" in process.communicate()[0]
    assert process.returncode == 0
    with Store.open(path, {}) as store:
        assert (store.noted("rounds"), store.keys("weights")) == (1, [])


# Kills

COUNTING = """
import sys
import numpy as np
from caviar.studies.store import Store, Trial
store = Store.open(sys.argv[1], {})
n = store.noted("count", 0)
while True:
    n += 1
    store.note("count", n)
    store.add_trials([Trial(n, [n / 7], {}, 0)])
    store.add_epochs(0, 0, n - 1, {"loss": np.array([float(n)])})
    store.put("state", "population", bytes([n % 256]) * (300_000 + n))
    store.commit()
    print(n, flush=True)
"""


def counted(store: Store) -> int:
    """The counter, after all that must agree with it was seen to agree."""
    n = store.noted("count", 0)
    assert [t.number for t in store.trials()] == list(range(1, n + 1))
    assert store.curve(0).get("loss", np.empty(0)).tolist() == list(range(1, n + 1))
    assert store.get("state", "population") == (bytes([n % 256]) * (300_000 + n) if n else None)
    return n


@pytest.mark.slow
def test_a_kill_at_any_moment_leaves_the_last_commit(path: Path) -> None:
    wait, counts = random.Random(0), [0]
    for attempt in range(8):
        process = run(COUNTING, path)
        assert process.stdout is not None
        told = [int(process.stdout.readline())]
        time.sleep(wait.uniform(0, 0.15))
        process.send_signal(signal.SIGKILL)
        told += [int(line) for line in process.stdout.read().split()]
        process.wait()
        process.stdout.close()
        for _ in range(2):  # looking first, or opening first: both must cope with what the kill left
            with Store.read(path) if attempt % 2 else Store.open(path, {}) as store:
                counts.append(counted(store))
                assert store._database.execute("PRAGMA integrity_check").fetchone() == ("ok",)  # type: ignore[union-attr]
        assert counts[-2] == counts[-1]
        assert told[-1] <= counts[-1] <= told[-1] + 1
    assert sorted(counts) == counts
    assert counts[-1] >= 8


def half_written(path: Path) -> list[Any]:
    """A file as it is in the middle of a commit: changed, with the journal that undoes it beside it."""
    original = path.with_name("original.db")
    store = filled(original)
    before, database = contents(store), store._database
    assert database is not None
    for statement in ("COMMIT", "PRAGMA cache_spill = ON", "PRAGMA cache_size = 1", "BEGIN IMMEDIATE"):
        database.execute(statement)
    store.set_trials([Trial(0, [], {}, 9)])
    store.put("weights", "0", bytes(500_000))
    for suffix in ("", "-journal"):
        shutil.copy(f"{original}{suffix}", f"{path}{suffix}")
    assert path.stat().st_size > 400_000
    return before


@OPENED
def test_a_half_written_commit_is_undone_by_whoever_comes_first(opened: Callable[[Path], Store], path: Path) -> None:
    before = half_written(path)
    with opened(path) as store:
        assert contents(store) == before
    assert path.stat().st_size < 100_000


def test_a_journal_left_by_a_deleted_study_does_no_harm(path: Path) -> None:
    half_written(path)
    path.unlink()
    with Store.open(path, SEARCH) as store:
        assert store.trials() == []


# Several at once

SECOND = """
import sys, time
from caviar.errors import FileError
from caviar.studies.store import Store
start = time.perf_counter()
try:
    Store.open(sys.argv[1], {"another": "search"})
except FileError as error:
    print(time.perf_counter() - start < 1, error)
reader = Store.read(sys.argv[1])
print(reader.noted("rounds"), flush=True)
sys.stdin.readline()
print(reader.noted("rounds"), reader.keys("weights"), flush=True)
"""


def test_a_second_process_may_read_and_not_write(path: Path) -> None:
    with filled(path) as store:
        store.note("rounds", 4)
        store.put("weights", "1", bytes(20_000_000))  # more than SQLite keeps in memory by itself
        process = run(SECOND, path, stdin=subprocess.PIPE)
        assert process.stdout is not None
        assert "True another process is working on this study" in process.stdout.readline()
        assert process.stdout.readline() == "3\n"
        store.commit()
        assert process.communicate("go\n")[0] == "4 ['0', '1']\n"
        store.note("rounds", 5)
    assert process.returncode == 0


def test_two_studies_of_one_process_do_not_write_one_file(path: Path) -> None:
    with filled(path), pytest.raises(FileError, match=r"another process is working on this study.*in a notebook"):
        Store.open(path, SEARCH)
    Store.open(path, SEARCH).close()


def test_a_new_file_has_one_writer_too(path: Path) -> None:
    first = sqlite3.connect(path, isolation_level=None)
    first.execute("BEGIN IMMEDIATE")
    with pytest.raises(FileError, match="another process is working on this study"):
        Store.open(path, SEARCH)
    first.close()


def test_a_writer_who_loses_its_place_is_told(path: Path) -> None:
    store, thief = filled(path), sqlite3.connect(path, isolation_level=None, timeout=0, check_same_thread=False)
    steal = lambda statement: thief.execute(statement) if statement == "BEGIN IMMEDIATE" else None  # noqa: E731
    store._database.set_trace_callback(steal)  # type: ignore[union-attr]
    store.note("rounds", 4)
    with pytest.raises(FileError, match="another process is working on this study"):
        store.commit()
    thief.close()
    assert Store.read(path).noted("rounds") == 4


def test_readers_and_writers_wait_for_each_other(path: Path) -> None:
    filled(path).close()
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN EXCLUSIVE")
    threading.Timer(0.2, lambda: other.execute("ROLLBACK")).start()
    assert Store.read(path).noted("rounds") == 3
    with Store.open(path, SEARCH) as store:
        store.note("rounds", 4)
        other.execute("BEGIN")
        other.execute("SELECT * FROM notes").fetchall()
        threading.Timer(0.2, lambda: other.execute("ROLLBACK")).start()
        store.commit()
    assert Store.read(path).noted("rounds") == 4
    other.close()


def test_a_reader_who_never_ends_is_told_about(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(study_file, "PATIENCE", 0.1)
    store, reader = filled(path), sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM notes").fetchall()
    store.note("rounds", 4)
    with pytest.raises(
        FileError, match=r"up to its last commit: another process has held it for more than 0.1 seconds"
    ):
        store.close()
    reader.close()
    assert Store.read(path).noted("rounds") == 3


def test_reading_changes_nothing(path: Path) -> None:
    filled(path).close()
    before = path.read_bytes()
    with Store.read(path) as store:
        for write in (
            store.commit,
            lambda: store.note("rounds", 4),
            lambda: store.add_trials(TRIALS),
            lambda: store.put("weights", "0", b""),
        ):
            with pytest.raises(FileError, match="was opened to be read"):
                write()
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            store._database.execute("DELETE FROM notes")  # type: ignore[union-attr]
        assert store.noted("rounds") == 3
    assert path.read_bytes() == before


FORKING = """
import os, sys
from caviar.errors import FileError
from caviar.studies.store import Store
def child(store):
    try:
        store.trials()
    except FileError as error:
        assert "was opened by process" in str(error), error
    else:
        raise AssertionError("the child may use the store of its parent")
    store.close()
def main():
    with Store.open(sys.argv[1], {}) as store:
        store.note("rounds", 1)
        if os.fork() == 0:
            child(store)
            del store
            sys.exit()
        assert os.wait()[1] == 0
        assert os.path.exists(sys.argv[1] + "-journal")
        store.commit()
main()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_leaves_the_store_of_its_parent_alone(path: Path) -> None:
    process = run(FORKING, path)
    assert (process.communicate()[0], process.returncode) == ("", 0)
    assert Store.read(path).noted("rounds") == 1


def test_threads_may_share_a_store(path: Path) -> None:
    def work(trial: int) -> None:
        for epoch in range(20):
            store.add_epochs(trial, 0, epoch, {"loss": np.array([float(epoch)])})
            store.commit()
            assert len(store.curve(trial)["loss"]) == epoch + 1

    with Store.open(path, {}) as store:
        threads = [threading.Thread(target=work, args=(trial,)) for trial in range(4)]
        for step in (threading.Thread.start, threading.Thread.join):
            for thread in threads:
                step(thread)
        assert {key: len(logs["loss"]) for key, logs in store.curves().items()} == {(t, 0): 20 for t in range(4)}


# Files that are not what they should be


def sql(path: Path, *statements: str) -> None:
    database = sqlite3.connect(path)
    for statement in statements:
        database.execute(statement)
    database.commit()
    database.close()


def rewritten(path: Path, change: Callable[[bytes], bytes]) -> None:
    path.write_bytes(change(path.read_bytes()))


def as_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


SPOILED: dict[str, tuple[Callable[[Path], Any], str]] = {
    "text": (lambda p: p.write_text("number,loss\n0,0.5\n" * 500), "nor any SQLite file: name another file"),
    "short text": (lambda p: p.write_text("no"), "nor any SQLite file: name another file"),
    "half": (lambda p: rewritten(p, lambda b: b[: len(b) // 2]), "damaged or truncated"),
    "without its last byte": (lambda p: rewritten(p, lambda b: b[:-1]), "damaged or truncated.*its end is missing"),
    "of the future": (
        lambda p: sql(p, "PRAGMA user_version = 2"),
        r"has format 2; this is caviar .* reads format 1: use",
    ),
    "of somebody else": (lambda p: sql(p, "PRAGMA application_id = 7"), "is an SQLite file, but not a study of caviar"),
    "without a table": (lambda p: sql(p, "DROP TABLE notes"), "damaged or truncated.*its tables"),
    "with a trigger": (
        lambda p: sql(p, "CREATE TRIGGER t AFTER INSERT ON notes BEGIN DELETE FROM trials; END"),
        "damaged or truncated.*its tables",
    ),
    "with an altered key": (lambda p: rewritten(p, lambda b: b.replace(b"rounds", b"sounds", 1)), "damaged.*index"),
    "without its search": (lambda p: sql(p, "DELETE FROM search"), "damaged or truncated"),
    "with a broken search": (lambda p: sql(p, "UPDATE search SET description = '{'"), "damaged or truncated"),
    "folder": (as_folder, "is a folder: give the name of a file"),
}


@OPENED
@pytest.mark.parametrize("spoil", SPOILED)
def test_what_is_no_whole_study_is_refused_and_left_as_it_is(spoil: str, opened: Any, path: Path) -> None:
    filled(path).close()
    SPOILED[spoil][0](path)
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(FileError, match=SPOILED[spoil][1]) as told:
        opened(path)
    assert path.name in str(told.value)
    assert (path.read_bytes() if path.is_file() else None) == before
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_a_missing_folder_or_file_is_told(path: Path) -> None:
    for opened in (Store.read, lambda p: Store.open(p, SEARCH)):
        with pytest.raises(FileError, match=r"the folder .*missing does not exist: make it first"):
            opened(path.parent / "missing" / "study.db")
    with pytest.raises(FileError, match="does not exist: no search has begun in it"):
        Store.read(path)
    path.touch()
    with pytest.raises(FileError, match="is empty: no search has begun in it"):
        Store.read(path)
    Store.open(str(path), SEARCH).close()
    assert Store.read(path).search == SEARCH


def test_another_search_is_told_by_what_differs(path: Path) -> None:
    Store.open(path, SEARCH | {"layers": "Dense(8), " * 40 + "Dense(1)", "gone": 1}).close()
    with pytest.raises(FileError) as told:
        Store.open(path, SEARCH | {"epochs": 50, "layers": "Dense(8), " * 40 + "Dense(2)", "new": [2]})
    text = str(told.value)
    assert "epochs was 30 and is 50; " in text
    assert '...8), Dense(8), Dense(1)" and is ...8), Dense(8), Dense(2)"; ' in text
    assert "gone was 1 and is absent; new was absent and is [2]. " in text
    assert "seed" not in text
    assert "space" not in text
    assert len(text) < 500


def test_an_equal_search_is_the_same_however_it_is_written(path: Path) -> None:
    Store.open(path, {"a": (1, 2.0), "b": {"x": 1, "y": float("nan")}, "c": float("nan")}).close()
    Store.open(path, {"c": float("nan"), "b": {"y": float("nan"), "x": 1}, "a": [1.0, 2]}).close()


def outcome(path: Path, opened: Callable[[Path], Store]) -> Any:
    """What a file holds, or the error that tells of its damage; anything else is a failure."""
    try:
        with opened(path) as store:
            return contents(store)
    except FileError as error:
        return str(error)


@OPENED
def test_every_truncation_is_told(opened: Callable[[Path], Store], path: Path) -> None:
    filled(path).close()
    whole = path.read_bytes()
    for length in [*range(2, len(whole), 997), *range(4096, len(whole), 4096)]:
        path.write_bytes(whole[:length])
        assert "truncated" in (found := outcome(path, opened)) or "nor any SQLite file" in found, length


@OPENED
def test_altered_bytes_are_told_or_are_of_no_account(opened: Callable[[Path], Store], path: Path) -> None:
    with filled(path) as store:
        before = contents(store)
    whole, rng, told = path.read_bytes(), np.random.default_rng(0), 0
    for _ in range(300):
        start, length = int(rng.integers(len(whole))), int(rng.integers(1, 40))
        altered = rng.bytes(len(whole[start : start + length]))
        path.write_bytes(whole[:start] + altered + whole[start + length :])
        found = outcome(path, opened)
        assert found == before or "study" in found, (start, altered)
        told += found != before
    assert told > 60


@pytest.mark.parametrize("uncommitted", [True, False])
def test_a_file_deleted_while_it_is_written_is_written_anew(uncommitted: bool, path: Path) -> None:
    store = filled(path)
    if uncommitted:
        store.note("rounds", 4)
    path.unlink()
    store.note("late", 5)
    with pytest.warns(UserWarning, match=r"was deleted, moved or replaced.*the file is written anew"):
        store.commit()
    store.note("later", 6)
    store.close()
    with Store.read(path) as found:
        assert [found.noted(key) for key in ("rounds", "late", "later")] == [3 + uncommitted, 5, 6]
        assert (found.trials(), found.get("weights", "0")) == (TRIALS, bytes(range(256)) * 40)


def test_another_file_in_its_place_is_left_alone_until_it_goes(path: Path) -> None:
    store = filled(path)
    store.note("rounds", 4)
    path.rename(path.with_name("moved.study"))
    path.write_text("somebody else's")
    with pytest.warns(UserWarning, match="in memory, until nothing stands in the place"):
        store.commit()
    store.note("rounds", 5)
    store.commit()
    assert (path.read_text(), store.noted("rounds"), store.lasts, store.path) == ("somebody else's", 5, True, None)
    with Store.read(path.with_name("moved.study")) as moved:
        assert moved.noted("rounds") == 3  # one moment of the search: that of its last commit
    path.unlink()
    store.close()
    with Store.read(path) as found:
        assert found.noted("rounds") == 5


def test_a_folder_that_went_away_and_came_back(path: Path, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    store = filled(folder / path.name)
    shutil.rmtree(folder)
    store.note("rounds", 4)
    with pytest.warns(UserWarning, match="in memory"):
        store.commit()
    folder.mkdir()
    store.close()
    with Store.read(folder / path.name) as found:
        assert found.noted("rounds") == 4
