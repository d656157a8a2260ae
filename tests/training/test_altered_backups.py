"""A backup with anything altered in it: refused with its name, or it goes on to the same weights; never to wrong ones."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import caviar
from caviar.callbacks import Callback
from caviar.errors import FileError
from caviar.layers import Dense
from caviar.models import Sequential

X = np.random.default_rng(0).normal(size=(8, 3)).astype("float32")


class Backup(Callback):
    """Saves after the first epoch, or goes on from there."""

    pace = "epoch"

    def __init__(self, path: Path, restores: bool):
        self.path, self.restores = path, restores

    def on_train_begin(self, logs: Any = None) -> None:
        if self.restores:
            self.model.restore_run(self.path)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if epoch == 0 and not self.restores:
            self.model.save_run(self.path)


def trained(model: Sequential, path: Path, restores: bool) -> list[np.ndarray]:
    caviar.config.set_random_seed(0)
    model.compile("adam", "mse")
    model.set_weights([np.ones((3, 2)), np.zeros(2)])
    model.fit(X, X[:, :2], epochs=2, verbose=0, callbacks=[Backup(path, restores)])
    return model.get_weights()


@pytest.fixture(scope="module")
def backup(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Sequential, list[np.ndarray], bytes]:
    path, model = tmp_path_factory.mktemp("backup") / "run.caviar", Sequential([Dense(2, input_dim=3)])
    weights = trained(model, path, restores=False)
    return path, model, weights, path.read_bytes()


@settings(deadline=None, derandomize=True, database=None, max_examples=60)
@given(
    flips=st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 255)), max_size=3),
    keep=st.one_of(st.just(1.0), st.floats(0, 1)),
)
@pytest.mark.slow
def test_an_altered_backup_is_refused_or_goes_on_the_same(backup: Any, flips: Any, keep: float) -> None:
    path, model, weights, whole = backup
    content = bytearray(whole)
    for at, bits in flips:
        content[at % len(content)] ^= bits
    path.write_bytes(bytes(content[: int(len(content) * keep)]))
    with contextlib.suppress(FileError):
        found = trained(model, path, restores=True)
        assert all(np.array_equal(a, b) for a, b in zip(found, weights, strict=True))
