"""A picture: matplotlib's figure that a notebook shows by itself, without pyplot and without a magic word."""

from __future__ import annotations

import functools
import io
import os
from typing import Any

from caviar.errors import FileError, missing_extra
from caviar.files import as_path, write_whole


def picture(width: float, height: float) -> Any:
    """An empty figure of some inches that no window shows; as the last value of a notebook's cell it is seen, once.

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
    """Write the figure to a file, if one is named, and return it; the name's end says the format.

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
    except ValueError as error:  # a format that does not exist
        raise FileError(f"{path!r} could not be written: {error}") from error
    write_whole(named, written.getvalue())
    return figure


def as_it_is(text: str) -> str:
    r"""A user's text for a picture: matplotlib would read what stands between two dollars as mathematics.

    >>> from caviar.insight.picture import as_it_is
    >>> as_it_is("$\\frac$")
    '\\$\\frac\\$'
    """
    return text.replace("$", r"\$")
