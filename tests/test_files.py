"""Writing a file: as a whole or not at all, with the rights it had, and no trace of those who died at it."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from caviar import insight
from caviar.dialects import tensorflow, torch
from caviar.errors import FileError
from caviar.files import append, make_folder, truncate, write_whole
from caviar.layers import Dense
from caviar.models import Sequential, load_model
from caviar.studies.tables import Table


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def careful() -> Any:
    before = os.umask(0o077)
    yield
    os.umask(before)


def model() -> Sequential:
    return Sequential([Dense(1, input_dim=2)])


def saver(path: Path) -> None:
    w = tensorflow.Variable(3.0, name="kept")
    with tensorflow.Session() as session:
        session.run(w.initializer)
        tensorflow.train.Saver([w]).save(session, path)


WRITERS: dict[str, Callable[[Path], Any]] = {
    "model": lambda path: model().save(path),
    "weights": lambda path: model().save_weights(path),
    "table": lambda path: Table([{"trial": 0, "loss": 0.5}], "loss", -1).to_csv(path),
    "picture": lambda path: insight.plot_history({"loss": [2.0, 1.0]}, path),
    "torch": lambda path: torch.save({"w": torch.ones(2)}, path),
    "tensorflow": saver,
}


@pytest.fixture(params=WRITERS.values(), ids=WRITERS)
def written(request: pytest.FixtureRequest) -> Callable[[Path], Any]:
    return request.param


def test_everything_that_is_written_respects_umask_mode_and_links(
    written: Callable[[Path], Any], tmp_path: Path, careful: None
) -> None:
    path, link = tmp_path / "a.png", tmp_path / "link.png"
    written(path)
    assert mode(path) == 0o600  # as the umask says
    path.chmod(0o640)
    link.symlink_to(path)
    path.write_bytes(b"")
    written(link)
    assert link.is_symlink()
    assert path.stat().st_size > 0
    assert mode(path) == 0o640  # as it was
    assert sorted(os.listdir(tmp_path)) == ["a.png", "link.png"]


def test_a_temporary_name_cannot_be_foreseen(written: Callable[[Path], Any], tmp_path: Path) -> None:
    victim, path = tmp_path / "victim", tmp_path / "a.png"
    victim.write_text("precious")
    for planted in (f".{path.name}.{os.getpid()}", f"{path.name}.part"):
        (tmp_path / planted).symlink_to(victim)
    written(path)
    assert victim.read_text() == "precious"


def test_a_link_that_somebody_else_planted_is_replaced_and_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    victim, path = tmp_path / "victim", tmp_path / "table.csv"
    victim.write_text("precious")
    path.symlink_to(victim)
    real = os.stat_result(os.lstat(path))
    stranger = os.stat_result([*real[:4], real.st_uid + 1, *real[5:]])
    monkeypatch.setattr(Path, "lstat", lambda self: stranger if os.path.islink(self) else os.lstat(self))
    write_whole(path, "mine")
    assert victim.read_text() == "precious"
    assert not path.is_symlink()


def test_a_link_to_a_file_that_is_not_there_yet(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("there")
    write_whole(tmp_path / "link", "text")
    assert (tmp_path / "there").read_text() == "text"


KILLED = """
import os, signal, sys
from caviar.files import written_whole
with written_whole(sys.argv[1]) as file:
    file.write(b"half")
    print("half", flush=True)
    os.kill(os.getpid(), signal.SIGSTOP)
"""


def test_what_a_writer_left_that_was_killed_is_swept_and_what_one_writes_now_is_not(tmp_path: Path) -> None:
    path = tmp_path / ("long " * 49 + ".csv")  # as long as a name can be
    write_whole(path, "before")
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1] / "src")}
    writer = subprocess.Popen([sys.executable, "-c", KILLED, path], stdout=subprocess.PIPE, env=environment)
    assert writer.stdout is not None
    writer.stdout.readline()
    write_whole(path, "mine")
    assert len(os.listdir(tmp_path)) == 2  # the other writer lives
    writer.send_signal(signal.SIGKILL)
    writer.communicate()
    write_whole(path, "after")
    assert os.listdir(tmp_path) == [path.name]
    assert path.read_text() == "after"


@pytest.mark.parametrize("named", [str, os.fsencode, Path], ids=["text", "bytes", "path"])
def test_a_path_is_text_or_bytes_or_a_path_and_knows_the_home(
    named: Callable[[str], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    model().save(named("~/model.caviar"))
    assert os.listdir(tmp_path) == ["model.caviar"]
    load_model(named("~/model.caviar"))


REFUSED = {
    "a number": (3, "named by a str"),
    "nothing": (None, "named by a str"),
    "an empty name": ("", "not a file name"),
    "no name": ("a\0b", "not a file name"),
    "a folder": (".", "is a folder"),
    "no folder": ("nowhere/model.caviar", "could not be written.*No such file"),
    "a file as folder": (f"{__file__}/model.caviar", "could not be written.*Not a directory"),
    "too long a name": ("a" * 300, "could not be written.*too long"),
}


@pytest.mark.parametrize(("path", "message"), REFUSED.values(), ids=REFUSED)
def test_where_nothing_can_be_written_one_error_says_so(path: Any, message: str, tmp_path: Path) -> None:
    for save in (lambda: write_whole(path, ""), lambda: model().save(path)):
        with pytest.raises(FileError, match=message):
            save()
    with pytest.raises(FileError):
        load_model(path)


def test_a_pipe_is_neither_replaced_nor_read(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(FileError, match="is a device or a pipe"):
        write_whole(pipe, "")
    with pytest.raises(FileError):
        load_model(pipe)
    assert pipe.is_fifo()


def test_a_folder_that_may_not_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    user = os.geteuid()
    if user == 0:  # who may do everything
        os.seteuid(65534)
    try:
        with pytest.raises(FileError, match="nothing was changed: Permission denied"):
            write_whole(tmp_path / "model.caviar", "")
    finally:
        os.seteuid(user)


def test_a_block_that_fails_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "table.csv"
    write_whole(path, "before")
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(FileError, match="nothing was changed: No space left"):
        write_whole(path, "after")
    assert (path.read_text(), os.listdir(tmp_path)) == ("before", ["table.csv"])


def test_appending_and_cutting(tmp_path: Path) -> None:
    path = make_folder(tmp_path / "deep") / "log.csv"
    assert (append(path, b"one\n"), append(path, b"two\n")) == (4, 8)
    assert (truncate(path, 4), truncate(path, 100), truncate(tmp_path / "none", 4)) == (4, 4, 0)
    assert path.read_text() == "one\n"
    with pytest.raises(FileError, match="No space left"):
        append("/dev/full", b"row")
    with pytest.raises(FileError, match=r"log\.csv could not be made"):
        make_folder(path)


def session_restores(path: Path) -> None:
    with tensorflow.Session() as session:
        tensorflow.train.Saver([tensorflow.Variable(3.0, name="kept")]).restore(session, path)


ELSE = {
    "empty": b"",
    "text": b"text",
    "types": b"\x10\0\0\0\0\0\0\0" + b'{"a":{"dtype":1}}',
    "bytes": b"\xff" * 50,
    "tree": b'\x24\0\0\0\0\0\0\0{"__metadata__":{"tree":"[[[[[[[[{}"}}',
}


@pytest.mark.parametrize("load", [load_model, torch.load, session_restores, lambda path: model().load_weights(path)])
@pytest.mark.parametrize("content", ELSE.values(), ids=ELSE)
def test_what_is_read_and_is_something_else_is_one_error(load: Any, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(FileError, match=r"/file is not a complete .*: it is truncated, altered"):
        load(path)
