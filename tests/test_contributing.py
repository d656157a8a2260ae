"""CONTRIBUTING's worked examples are true: each is written into a copy of the house as it says, and the tests run over it."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
STEP = re.compile(r"^In (?:`(\w+)` of )?`([\w/]+\.py)`[^\n]*:\n\n```python\n(.*?)```\n", re.MULTILINE | re.DOTALL)
FAMILIES = 14


class Step(NamedTuple):
    """What CONTRIBUTING says to write, and where: into a table, or at the end of a file."""

    table: str
    path: str
    code: str

    @property
    def names(self) -> list[str]:
        """What the code defines."""
        if self.table:
            return []
        body = ast.parse(self.code).body
        assigned = [n.targets[0].id for n in body if isinstance(n, ast.Assign) and isinstance(n.targets[0], ast.Name)]
        return assigned + [n.name for n in body if isinstance(n, (ast.ClassDef, ast.FunctionDef))]

    def follow(self, root: Path) -> None:
        """Write it there, and its names into the `__all__` of the file."""
        text = (root / self.path).read_text()
        if self.table:
            text, count = re.subn(
                rf"^({self.table}\b.*[\[{{(])$", rf"\1\n{self.code.rstrip()}", text, count=1, flags=re.M
            )
            assert count == 1, f"{self.path} has no table {self.table} with a line a member"
        else:
            listed = ", ".join(map(repr, self.names))
            text = re.sub(r"^__all__ = \[", f"__all__ = [{listed}, ", text, count=1, flags=re.MULTILINE)
            text += f"\n\n{self.code}"
        (root / self.path).write_text(text)


STEPS = [Step(*match.groups("")) for match in STEP.finditer((ROOT / "CONTRIBUTING.md").read_text())]

CHECKED = ["test_members", "ediff1d", "in_the_table", "expected0", "computes_as_an_array_does and 0"]
"""Tests of all members at once, and the first line of tables whose lines have no names."""


@pytest.fixture(scope="module")
def passed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The tests that passed where all the examples were followed; if one fails, what pytest said."""
    root = tmp_path_factory.mktemp("house")
    for name in ("src", "tests"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "conftest.py"):
        shutil.copy(ROOT / name, root)
    for step in STEPS:
        step.follow(root)
    names = [name for step in STEPS for name in step.names]
    paths = ["tests/test_members.py", *sorted({step.path for step in STEPS})]
    asked = ["-vv", "-p", "no:cacheprovider", *paths, "-k", " or ".join([*names, *CHECKED])]
    said = subprocess.run([sys.executable, "-m", "pytest", *asked], cwd=root, capture_output=True, text=True)
    assert said.returncode == 0, said.stdout[-5000:] + said.stderr
    return "\n".join(line for line in said.stdout.splitlines() if "PASSED" in line).lower().replace("_", "")


def test_there_is_an_example_of_each_family() -> None:
    assert len(STEPS) == 2 * FAMILIES
    assert [bool(step.path.startswith("tests/")) for step in STEPS] == [False, True] * FAMILIES


@pytest.mark.parametrize("step", [s for s in STEPS if s.names], ids=lambda s: s.names[0])
def test_a_member_that_is_added_as_contributing_says_passes_the_contracts(step: Step, passed: str) -> None:
    assert [name for name in step.names if name.lower().replace("_", "") not in passed] == []


def test_a_line_without_a_name_is_tested_too(passed: str) -> None:
    assert "ediff1d" in passed
    assert "-expected0]" in passed
    assert "asanarraydoes[0]" in passed
