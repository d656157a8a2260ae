"""The command line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

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
