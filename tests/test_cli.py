"""The command line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import caviar
from caviar import LogUniform, Sequential, search
from caviar.cli import main
from caviar.layers import Dense
from caviar.optimizers import Adam


def test_a_study_is_printed_drawn_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    x = np.linspace(-1, 1, 20).reshape(20, 1)
    model = Sequential([Dense(1)])
    model.compile(Adam(LogUniform(1e-3, 1e-1)), "mse")
    file, picture, table = (str(tmp_path / name) for name in ("a.study", "a.png", "a.csv"))
    search(model, x, x, trials=3, epochs=2, path=file, seed=0, verbose=0).close()
    assert main(["study", file, "--best", "2", "--plot", picture, "--csv", table]) == 0
    printed = capsys.readouterr().out
    assert "learning_" in printed
    assert len(Path(table).read_text().splitlines()) == 4
    assert Path(picture).read_bytes().startswith(b"\x89PNG")


def test_a_wrong_file_is_told_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["study", str(tmp_path / "nothing.study")]) == 1
    assert capsys.readouterr().err.startswith("caviar: ")


def test_a_saved_model_is_summed_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = Sequential([Dense(3, input_dim=2)])
    model.save(tmp_path / "a.caviar")
    assert main(["summary", str(tmp_path / "a.caviar")]) == 0
    assert "9" in capsys.readouterr().out


@pytest.fixture(scope="module")
def studied(tmp_path_factory: pytest.TempPathFactory) -> str:
    x = np.linspace(-1, 1, 20).reshape(20, 1)
    model = Sequential([Dense(1)])
    model.compile(Adam(LogUniform(1e-3, 1e-1)), "mse")
    path = tmp_path_factory.mktemp("studies") / "a.study"
    search(model, x, x, trials=30, epochs=1, path=path, seed=0, verbose=0).close()
    return str(path)


def test_as_many_trials_are_printed_as_were_asked_for(studied: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["study", studied, "--best", "25"]) == 0
    assert capsys.readouterr().out.count(" finished ") == 25


@pytest.mark.parametrize("count", ["0", "-1", "1.5", "x", "", "²"])
def test_a_count_that_is_none_is_told(count: str, studied: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["study", studied, "--best", count])
    assert "a whole number of at least 1 is wanted" in capsys.readouterr().err


def test_a_reader_who_left_and_a_terminal_without_the_characters(studied: str) -> None:
    source = str(Path(caviar.__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": source, "PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-m", "caviar", "study", studied]
    reading, writing = os.pipe()
    os.close(reading)
    left = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, env=environment)
    os.close(writing)
    assert (left.returncode, left.stderr) == (141, b"")
    plain = subprocess.run(command, capture_output=True, env=environment)
    assert (plain.returncode, plain.stderr) == (0, b"")
    assert b"finished" in plain.stdout


@pytest.mark.parametrize("wanted", [["--plot", "nowhere/a.png"], ["--plot", "a.xyz"], ["--csv", "nowhere/a.csv"]])
def test_what_cannot_be_written_is_told_in_one_line(
    wanted: list[str], studied: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["study", studied, *wanted]) == 1
    told = capsys.readouterr().err
    assert (told.startswith("caviar: "), told.count("\n")) == (True, 1)
