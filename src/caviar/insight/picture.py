"""Pictures: matplotlib figures that a notebook shows by itself, without pyplot and `%matplotlib`."""

from __future__ import annotations

import functools
import io
import os
from typing import Any

from caviar.errors import FileError, missing_extra
from caviar.files import as_path, write_whole


def picture(width: float, height: float) -> Any:
    """An empty figure of this size in inches, without a window; a notebook shows it once, as the last value of a cell.

    >>> from caviar.insight.picture import picture
    >>> picture(4, 3)._repr_png_()[1:4]
    b'PNG'
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise missing_extra("matplotlib", "plots", "drawing") from None
    figure: Any = Figure(figsize=(width, height), layout="constrained")
    figure._repr_png_ = functools.partial(_as_png, figure)
    return figure


def _as_png(figure: Any) -> bytes:
    written = io.BytesIO()
    figure.savefig(written, format="png", dpi=100)
    return written.getvalue()


def save(figure: Any, path: str | os.PathLike[str] | None) -> Any:
    """Write the figure to a file, if a path is given, and return it; the suffix says the format.

    >>> from caviar.insight.picture import picture, save
    >>> save(picture(4, 3), "nowhere/study.png")
    Traceback (most recent call last):
    caviar.errors.FileError: nowhere/study.png could not be written, and nothing was changed: No such file or directory
    """
    if path is None:
        return figure
    named, written = as_path(path), io.BytesIO()
    named = named if named.suffix else named.with_name(f"{named.name}.png")
    try:
        figure.savefig(written, format=named.suffix[1:], dpi=150)
    except ValueError as error:  # an unknown format
        raise FileError(f"{path!r} could not be written: {error}") from error
    write_whole(named, written.getvalue())
    return figure


def as_it_is(text: str) -> str:
    r"""A user's text, escaped for matplotlib, which takes text between two dollar signs for mathematics.

    >>> from caviar.insight.picture import as_it_is
    >>> as_it_is("$\\frac$")
    '\\$\\frac\\$'
    """
    return text.replace("$", r"\$")
