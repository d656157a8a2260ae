"""What every test shares: the recorded references, float64, and a fixed seed."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

os.environ.setdefault("CAVIAR_CACHE", str(Path(__file__).parents[1] / ".pytest_cache" / "programs"))

import caviar

DATA = Path(__file__).parent / "data"


def recorded(family: str) -> list[dict[str, Any]]:
    """The recorded cases of a family: activations, layers, losses, optimizers, schedules, training_runs."""
    return json.loads((DATA / f"{family}.json").read_text())["cases"]


def fact(id: str) -> dict[str, Any]:
    """One of the lecture notes' worked numbers."""
    return next(f for f in json.loads((DATA / "facts.json").read_text()) if f["id"] == id)


def written(value: Any) -> str:
    """A test's name for a value: as it was written, without addresses, which differ between processes."""
    return re.sub(r" at 0x[0-9a-f]+", "", repr(value))


@pytest.fixture
def float64() -> Iterator[None]:
    with caviar.config.precision("float64"):
        yield


@pytest.fixture(autouse=True)
def seeded() -> None:
    caviar.config.set_random_seed(0)
