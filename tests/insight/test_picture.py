"""Pictures: what a notebook sees of them, and what becomes of a user's text in them."""

from __future__ import annotations

import copy
import io
import pickle
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure
from PIL import Image

from caviar.errors import FileError
from caviar.insight import plot_history
from caviar.insight.picture import picture, save
from caviar.ranges import Choice, Uniform
from caviar.studies.plots import plot_curves, plot_parallel, plot_scatter, plot_study, plot_zoom
from caviar.studies.tables import Dimension

HISTORY = {"loss": [3.0, 2.0, 1.0], r"$\frac$": [1.0, 2.0, 3.0]}
ROWS = [
    {"trial": i, r"$\frac$": i / 9, "b$": ["$a$", r"$\sqrt$"][i % 2], "status": "finished", r"$\loss$": 1.0 + i}
    for i in range(9)
]
CURVES = {i: {r"$\loss$": [2.0 + i, 1.0 + i]} for i in range(9)}
STUDY = (ROWS, [Dimension(r"$\frac$", Uniform(0, 1)), Dimension("b$", Choice("$a$", r"$\sqrt$"))], r"$\loss$", -1)
DRAWN = {
    "history": lambda: plot_history(HISTORY),
    "study": lambda: plot_study(STUDY[0], CURVES, *STUDY[1:]),
    "parallel": lambda: plot_parallel(*STUDY),
    "scatter": lambda: plot_scatter(*STUDY),
    "curves": lambda: plot_curves(CURVES, *(STUDY[0], *STUDY[2:])),
    "zoom": lambda: plot_zoom(*STUDY),
}


@pytest.mark.parametrize("name", DRAWN)
def test_a_notebook_shows_every_picture_and_a_users_text_is_text(name: str) -> None:
    figure = DRAWN[name]()
    assert isinstance(figure, Figure)
    shown = Image.open(io.BytesIO(figure._repr_png_()))
    assert shown.size == tuple(round(100 * inches) for inches in figure.get_size_inches())
    assert len(shown.convert("L").getcolors()) > 10


def test_a_copy_of_a_picture_shows_what_was_drawn_into_the_copy() -> None:
    for again in (lambda f: pickle.loads(pickle.dumps(f)), copy.deepcopy):
        figure = picture(2, 1)
        made = again(figure)
        made.text(0.5, 0.5, "new")
        assert made._repr_png_() != figure._repr_png_()


@pytest.mark.parametrize("path", ["nowhere/a.png", "a.xyz", 3.5, ["a.png"]], ids=str)
def test_a_picture_that_cannot_be_written_is_told(path: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileError, match=r"could not be written|named by a str"):
        save(picture(2, 1), path)
