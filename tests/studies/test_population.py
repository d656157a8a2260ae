"""A population is any number of blocks: what fits, what is left over, and who survives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from compiles import compiles

from caviar import LogUniform, Sequential, search
from caviar.callbacks import EarlyStopping
from caviar.layers import LSTM, Conv2D, Dense, Dropout, Flatten
from caviar.optimizers import SGD, Adam
from caviar.studies.groups import Group
from caviar.studies.population import Population
from caviar.training import vectorized

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3)).astype("float32")
Y = X.sum(axis=1, keepdims=True)


def model(optimizer: Any = None) -> Sequential:
    made = Sequential([Dense(4, "tanh"), Dense(1)])
    made.compile(Adam(LogUniform(1e-3, 1e-1)) if optimizer is None else optimizer, "mse")
    return made


def study(trials: int, **given: Any) -> Any:
    arguments = {"epochs": 3, "seed": 0, "verbose": 0, "validation_split": 0.25, **given}
    return search(arguments.pop("model", model()), X, Y, trials=trials, **arguments)


def losses(found: Any) -> list[np.ndarray]:
    return [found.curves(n)["val_loss"] for n in range(len(found.table()))]


@pytest.fixture
def lanes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many lanes each group was given."""
    seen: list[int] = []
    prepare = Group.prepare

    def noted(self: Group, seats: Any, lanes: Any = None) -> None:
        prepare(self, seats, lanes)
        seen.append(self.lanes)

    monkeypatch.setattr(Group, "prepare", noted)
    return seen


def test_a_population_of_any_size_is_trained_by_one_program() -> None:
    study(12)
    with compiles() as count:
        many = study(3 * vectorized.devices() * max(vectorized.LANES))
    assert count() <= 2  # other lanes: one program to train, one to start
    assert {row["epochs"] for row in many.table()} == {3}


def test_a_block_that_does_not_fit_the_memory_is_halved(lanes: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    free = study(24)
    assert lanes[-1] > vectorized.devices()
    monkeypatch.setattr(vectorized, "bytes_free", lambda: 1)
    tight = study(24)
    assert lanes[-1] == vectorized.devices()
    for a, b in zip(losses(free), losses(tight), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)


@pytest.mark.parametrize(
    ("members", "bytes_each", "side_by_side", "expected"),
    [(1, 0, True, 1), (3, 0, True, 3), (50, 0, True, 5), (24, 0, True, 6), (50, 2**21, True, 1), (50, 0, False, 1)],
)
def test_lanes_fit_the_members(members: int, bytes_each: int, side_by_side: bool, expected: int) -> None:
    assert vectorized.lanes_for(members * vectorized.devices(), bytes_each, side_by_side) == expected


def test_convolutions_are_trained_one_after_the_other(lanes: list[int]) -> None:
    made = Sequential([Conv2D(2, 2, activation="relu"), Flatten(), Dense(1)])
    made.compile(Adam(LogUniform(1e-3, 1e-1)), "mse")
    images = RNG.normal(size=(16, 4, 4, 1)).astype("float32")
    found = search(made, images, images.mean(axis=(1, 2)), trials=5, epochs=2, seed=0, verbose=0)
    assert lanes == [vectorized.devices()]
    alone = found.untrained(4).fit(images, images.mean(axis=(1, 2)), epochs=2, verbose=0)
    np.testing.assert_allclose(found.curves(4)["loss"], alone.history["loss"], rtol=2e-5)


def test_orthogonal_weights_are_drawn_for_many_members() -> None:
    """JAX's batched QR can wait for itself for ever when two devices run it."""
    made = Sequential([LSTM(4, return_sequences=True), LSTM(4), Dense(1)])
    made.compile(Adam(LogUniform(1e-3, 1e-1)), "mse")
    x = RNG.normal(size=(16, 5, 2)).astype("float32")
    found = search(made, x, x[:, 0, :1], trials=12, epochs=1, seed=0, verbose=0)
    kernel = found.best_model.layers[0].get_weights()[1]
    np.testing.assert_allclose(kernel @ kernel.T, np.eye(4), atol=0.05)


def test_survivors_are_packed_into_fewer_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time follows the members alive: those that stop early leave their blocks."""
    blocks: list[int] = []
    pack = Population.pack

    def noted(self: Population, leaving: Any) -> None:
        pack(self, leaving)
        blocks.append(sum(len(s.blocks) for s in self.groups.values()))

    monkeypatch.setattr(Population, "pack", noted)
    many = 6 * vectorized.devices() * max(vectorized.LANES)
    given = {"callbacks": [EarlyStopping(patience=2)], "epochs": 60, "model": model(SGD(LogUniform(1e-3, 1)))}
    found = study(many, **given)
    assert blocks[-1] < blocks[0]
    assert {row["status"] for row in found.table()} <= {"finished", "stopped", "diverged"}
    for trial in (0, many - 1):
        alone = found.untrained(trial).fit(
            X, Y, epochs=60, validation_split=0.25, callbacks=[EarlyStopping(patience=2)], verbose=0
        )
        assert found.table()[trial]["epochs"] == len(alone.epoch) or found.table()[trial]["status"] == "diverged"


def test_every_member_shuffles_and_drops_for_itself() -> None:
    made = Sequential([Dense(8), Dropout(0.5), Dense(1)])
    made.compile(Adam(0.01), "mse")
    found = search(made, X, Y, trials=1, repeats=4, epochs=2, seed=0, verbose=0)
    assert len({found.curves(0, copy)["loss"][0] for copy in range(4)}) == 4
