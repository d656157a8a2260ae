"""Text of people is text: what they called as they like is shown letter by letter, whatever a medium takes for a command."""

from __future__ import annotations

import contextlib
import io
import sys
from typing import Any


def printable(text: object) -> str:
    r"""For a line of a terminal or a file: what would break the line, move the cursor or colour it is spelled out.

    >>> printable("größe"), printable("two\nlines"), printable("\x1b[31mred")
    ('größe', 'two\\nlines', '\\x1b[31mred')
    """
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in str(text))


def tabled(table: Any, width: int, stream: Any = None) -> str:
    """A table of rich as text; lines that the stream cannot show are drawn with its own letters.

    >>> from rich.table import Table
    >>> table = Table("layer", box=None)
    >>> table.add_row("[red]:smile:")
    >>> tabled(table, 20)
    ' layer\\n [red]:smile:'
    """
    from rich.console import Console

    console = Console(
        file=io.StringIO() if stream is None else stream,
        width=width,
        color_system=None,
        force_terminal=False,
        force_jupyter=False,
        markup=False,
        emoji=False,
        highlight=False,
    )
    with console.capture() as written:
        console.print(table)
    return "\n".join(line.rstrip() for line in written.get().rstrip("\n").split("\n"))


def say(text: str, stream: Any = None, end: str = "\n") -> None:
    """Print what no stream can refuse: what it has no letters for is replaced; one closed, broken or absent is let be.

    >>> say("epoch 1")
    epoch 1
    """
    stream = sys.stdout if stream is None else stream
    with contextlib.suppress(OSError, ValueError, AttributeError):
        try:
            stream.write(text + end)
        except UnicodeEncodeError:
            encoding = stream.encoding or "ascii"
            stream.write((text + end).encode(encoding, "replace").decode(encoding))
        stream.flush()
