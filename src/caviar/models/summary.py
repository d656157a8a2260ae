"""The table of a model."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from caviar import engine
from caviar.arguments import check
from caviar.declarations import Size
from caviar.graph.context import Context, evaluating
from caviar.layers.base import Layer
from caviar.parts import take_apart
from caviar.text import printable, say, tabled

if TYPE_CHECKING:
    from caviar.models.model import Model


def summary(model: Model, line_length: Size | None = None, print_fn: Callable[[str], Any] | None = None) -> None:
    """Print a table of layers, output shapes and parameter counts."""
    check(summary, {"line_length": line_length, "print_fn": print_fn})
    if print_fn is not None:
        print_fn(as_text(model, line_length or 80))
    else:
        say(as_text(model, line_length or min(shutil.get_terminal_size().columns, 80), sys.stdout))


def as_text(model: Model, width: int = 80, stream: Any = None) -> str:
    """The table as text, with frames that the stream can show."""
    from rich.box import ROUNDED  # imported here, since it takes longer than the rest of the module
    from rich.table import Table

    model.require_built("a summary")
    shapes = output_shapes(model)
    table = Table(title=f"Model: {str(model.name)!r}", box=ROUNDED, title_justify="left", width=width)
    table.add_column("Layer (type)", ratio=3)
    table.add_column("Output shape", ratio=3)
    table.add_column("Parameters", justify="right", ratio=2)
    for layer in model.layers:
        table.add_row(
            f"{printable(layer.name)} ({type(layer).__name__})",
            shapes.get(str(layer.name), "?"),
            f"{layer.count_params():,}",
        )
    lines = [tabled(table, width, stream)]
    apart = take_apart(model)
    sizes = [(int(np.prod(s.shape)), np.dtype(_known(s.dtype)).itemsize, s.trainable) for s in apart.structure.slots]
    for name, chosen in (
        ("Total parameters", sizes),
        ("Trainable", [s for s in sizes if s[2]]),
        ("Not trainable", [s for s in sizes if not s[2]]),
    ):
        lines.append(f" {name}: {sum(n for n, _, _ in chosen):,} ({_bytes(sum(n * b for n, b, _ in chosen))})")
    return "\n".join(lines)


def output_shapes(model: Model) -> dict[str, str]:
    """The output shape of each layer, by its name, from one abstract evaluation."""
    if model.built_for is None and not model.inputs:
        return {}
    found: dict[str, str] = {}
    given = model.input_specs

    def note(layer: Layer, outputs: Any) -> None:
        leaves = [f"(None{''.join(f', {d}' for d in o.shape[1:])})" for o in jax.tree.leaves(outputs)]
        found.setdefault(str(layer.name), ", ".join(leaves))

    with evaluating(Context(building=True, note=note)):
        engine.shapes_of(model, given)
    return found


def _known(dtype: str) -> str:
    return "uint16" if dtype == "bfloat16" else dtype


def _bytes(size: float) -> str:
    """A size in readable units.

    >>> from caviar.models.summary import _bytes
    >>> _bytes(2048)
    '2.00 KB'
    """
    for unit in ("B", "KB", "MB"):
        if size < 1024:
            return f"{size:.2f} {unit}"
        size /= 1024
    return f"{size:.2f} GB"
