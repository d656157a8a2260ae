"""Names that users chose are shown letter by letter, even where a terminal or a table would take them for a command."""

from __future__ import annotations

import contextlib
import io
import re
import sys
from typing import Any


def printable(text: object) -> str:
    r"""Text for one line of a terminal or a file: what would break the line, move the cursor or change colours is escaped.

    >>> from caviar.text import printable
    >>> printable("größe"), printable("two\nlines"), printable("\x1b[31mred")
    ('größe', 'two\\nlines', '\\x1b[31mred')
    """
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in str(text))


def snake_case(name: str) -> str:
    """The name of a class as Keras writes it, in logs and as the name of a layer.

    >>> from caviar.text import snake_case
    >>> snake_case("KLDivergence"), snake_case("TopKCategoricalAccuracy"), snake_case("MaxPooling2D"), snake_case("LSTM")
    ('kl_divergence', 'top_k_categorical_accuracy', 'max_pooling2d', 'lstm')
    """
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", name))
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def tabled(table: Any, width: int, stream: Any = None) -> str:
    """A table of the library rich as text; frames that the stream cannot show are drawn in ASCII.

    >>> from caviar.text import tabled
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
    """Print without ever failing: letters that the stream lacks are replaced, and a closed, broken or missing one is ignored.

    >>> from caviar.text import say
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
