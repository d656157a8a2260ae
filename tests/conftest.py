"""What every test shares: the recorded references, float64, and a fixed seed."""

from __future__ import annotations

import gc
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

os.environ.setdefault("CAVIAR_CACHE", str(Path(__file__).parents[1] / ".pytest_cache" / "programs"))
# XLA compiles in a sixth of the time, without its optimizations; `XLA_FLAGS= make test` compiles as for users, and so does `as_shipped`.
os.environ.setdefault(
    "XLA_FLAGS",
    "--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1",
)

import jax
from telling import Telling

import caviar
from caviar import engine
from caviar.graph import programs

DATA = Path(__file__).parent / "data"
AS_SHIPPED = {"xla_backend_optimization_level": 3, "xla_cpu_use_fusion_emitters": True}
"""With all of XLA's optimizations."""
SLOW = {
    "dialects/test_three_dialects", "dialects/test_torch_training", "layers/test_integer_inputs", "models/test_broken_files",
    "studies/test_members", "studies/test_population", "studies/test_resume", "studies/test_search", "studies/test_search_refusals",
    "studies/test_frames", "test_cli", "test_contributing", "test_data_properties", "test_engine",
    "test_listings", "test_programs", "test_typing", "training/test_kills", "training/test_meanings",
    "training/test_padding", "training/test_reference_runs", "training/test_statistics",
}  # fmt: skip
"""Files that start processes or compile programs of many structures: `make quick` leaves them out, and tests marked `slow`."""


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


@pytest.fixture
def as_shipped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs as users have them, in a table of their own."""
    given = engine.options
    monkeypatch.setattr(engine, "options", lambda runs_once=False: {**AS_SHIPPED, **(given(runs_once) or {})})
    monkeypatch.setattr(programs, "_table", {})


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--quick", action="store_true", help="of each test the first case, without the slow files")


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("numprocesses", None) and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Telling(config.pluginmanager.getplugin("terminalreporter")))
    if config.getoption("quick"):  # what is run again and again keeps the smallest programs, too
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Not even import the slow files, where the developer wants to know quickly."""
    name = collection_path.with_suffix("").as_posix().split("/tests/")[-1]
    return True if config.getoption("quick") and name in SLOW else None


def pytest_collection_finish() -> None:
    gc.freeze()  # thousands of tests, which the collector would look through again and again
    gc.set_threshold(100_000, 20, 20)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Of each test the first case, such as the first member of a table, where the developer wants to know quickly."""
    if config.getoption("quick"):
        first: dict[str, pytest.Item] = {}
        for item in items:
            if not item.get_closest_marker("slow"):
                first.setdefault(item.nodeid.split("[")[0], item)
        chosen = set(first.values())
        config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
        items[:] = [item for item in items if item in chosen]
