"""A store with something of everything, for the tests of studies."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

import caviar
from caviar.studies.store import Store, Trial

SEARCH = {"epochs": 30, "space": {"learning_rate": [1e-4, 1.0]}, "seed": None}
TRIALS = [
    Trial(0, [0.25, 1 / 3], {"learning_rate": 0.1 + 0.2, "units": None, "activation": "relu"}, round=0),
    Trial(
        1, [0.5, 0.7], {"learning_rate": 2**70, "units": [1, 2], "activation": True}, 1, "diverged", "NaN after ü\ud800"
    ),
]


def filled(path: Path | None) -> Store:
    """A store with something of everything, committed."""
    store = Store.open(path, SEARCH)
    store.add_trials(TRIALS)
    store.add_epochs(0, 0, 0, {"loss": np.arange(5.0), "accuracy": np.full(5, 0.5)})
    store.put("weights", "0", bytes(range(256)) * 40)
    store.note("rounds", 3)
    store.commit()
    return store


def contents(store: Store) -> list[Any]:
    curves = {key: {name: log.tobytes() for name, log in logs.items()} for key, logs in store.curves().items()}
    return [
        store.search,
        store.trials(),
        curves,
        store.keys("weights"),
        store.get("weights", "0"),
        store.noted("rounds"),
    ]


# The store without the rest of its package, which imports JAX: quick to start, and without threads when it forks.
ALONE = """
import sys, types, caviar
sys.modules["caviar.studies"] = package = types.ModuleType("caviar.studies")
package.__path__ = [caviar.__path__[0] + "/studies"]
"""


def run(script: str, *arguments: Any, **options: Any) -> subprocess.Popen[str]:
    """A Python of its own that runs a script with stores."""
    source = str(Path(caviar.__file__).parents[1])
    command = [sys.executable, "-W", "error", "-c", ALONE + script, *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": source}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, **options)
