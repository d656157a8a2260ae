"""The house: what is public is listed, sorted and documented; a folder imports only from those above it."""

from __future__ import annotations

import ast
import importlib
import inspect
from pathlib import Path
from typing import Any

import pytest

import caviar

SOURCE = Path(__file__).parents[1] / "src" / "caviar"
PUBLIC = [
    "callbacks", "graph", "insight", "layers", "losses", "metrics", "models", "optimizers", "optimizers.schedules", "studies", "utils",
]  # fmt: skip

# The order of ARCHITECTURE.md.
ROOMS = [
    "errors", "text", "files", "cache", "engine", "config", "numbers", "declarations", "arguments", "parts", "ranges", "closing", "graph",
    "activations", "initializers", "regularizers", "ops", "layers", "losses",
    "metrics", "optimizers", "data", "insight", "training", "callbacks", "models", "studies",
    "recording", "dialects", "utils", "cli", "__main__",
]  # fmt: skip


def public(module: str) -> list[tuple[str, Any]]:
    found = importlib.import_module(f"caviar.{module}")
    return [(name, getattr(found, name)) for name in found.__all__]


@pytest.mark.parametrize("module", PUBLIC)
def test_the_public_list_is_exact_and_sorted(module: str) -> None:
    names = [name for name, _ in public(module)]
    key = {name: (0 if name.isupper() and name != "l1" else 1 if name[0].isupper() else 2, name) for name in names}
    assert names == sorted(names, key=key.get)
    space = vars(importlib.import_module(f"caviar.{module}"))
    own = [n for n, v in space.items() if n[0] != "_" and n != "Any" and (inspect.isclass(v) or inspect.isfunction(v))]
    assert sorted(set(own) - set(names)) == []


@pytest.mark.parametrize("module", ["ops", *PUBLIC])
def test_completion_shows_what_is_public(module: str) -> None:
    found = importlib.import_module(f"caviar.{module}")
    assert dir(found) == sorted(found.__all__)


@pytest.mark.parametrize("module", PUBLIC)
def test_everything_public_has_an_example_that_runs(module: str) -> None:
    """The examples themselves are run as doctests. A function made from a class is documented there."""
    named = [(n, v) for n, v in public(module) if inspect.isclass(v) or inspect.isfunction(v)]
    own = [(n, v) for n, v in named if not hasattr(v, "made_from")]
    assert [n for n, v in own if not hasattr(v, "_fields") and ">>>" not in (v.__doc__ or "")] == []


def room_of(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imports_of(path: Path) -> set[str]:
    """The rooms that a file imports from, whenever it does."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("caviar"):
            below = (node.module or "").split(".")[1:2]
            found |= set(below or [alias.name for alias in node.names])
    return found - {"__version__", "open_dialect"}  # what the front door has of its own


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda p: str(p.relative_to(SOURCE)))
def test_a_room_imports_only_from_those_above_it(path: Path) -> None:
    room = room_of(path)
    if room == "__init__":
        return  # the front door names every room
    assert [name for name in imports_of(path) if ROOMS.index(name) > ROOMS.index(room)] == []


def test_architecture_names_every_room() -> None:
    text = (SOURCE.parents[1] / "ARCHITECTURE.md").read_text()
    assert [
        r
        for r in ROOMS
        if f"{r}.py" not in text and f"{r}/" not in text and r not in ("__main__", "utils", "callbacks", "ops")
    ] == []


def test_no_file_is_too_long_to_read_in_one_sitting() -> None:
    lines = {str(p.relative_to(SOURCE)): len(p.read_text().splitlines()) for p in SOURCE.rglob("*.py")}
    assert {name: n for name, n in lines.items() if n > 400} == {}


def test_the_changelog_begins_with_this_version() -> None:
    heading = next(s for s in (SOURCE.parents[1] / "CHANGELOG.md").read_text().splitlines() if s.startswith("## "))
    number, development, _ = caviar.__version__.partition(".dev")
    assert heading.startswith(f"## {number} (")
    assert ("unreleased" in heading) == bool(development)
