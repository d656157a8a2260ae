"""What the file of a search holds comes back as it was written, to the bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stores import SEARCH, TRIALS, contents, filled

from caviar.errors import ArgumentError, ShapeError
from caviar.studies import store as study_store
from caviar.studies.store import Store, Trial

AWKWARD = [0.1, 1 / 3, 5e-324, 1.7976931348623157e308, -0.0, float("inf"), float("-inf"), float("nan")]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a study #1?.db"


def same(a: Any, b: Any) -> bool:
    """Equal to the bit, NaN and the sign of zero included."""
    return repr(a) == repr(b)


@pytest.mark.parametrize("where", ["memory", "file"])
def test_everything_comes_back(where: str, path: Path) -> None:
    with filled(path if where == "file" else None) as store:
        assert contents(store)[:2] == [SEARCH, TRIALS]
        assert store.keys("weights") == ["0"]
        assert store.get("weights", "0") == bytes(range(256)) * 40
        assert store.noted("rounds") == 3
        before = contents(store)
    if where == "file":
        for again in (Store.read(path), Store.open(path, SEARCH)):
            assert contents(again) == before
            again.close()


def test_numbers_survive_to_the_bit(path: Path) -> None:
    curve = np.array([*AWKWARD, 0.0])
    curve[-1:].view("u8")[0] = 0xFFF8_0000_0000_0123  # a NaN with a sign and a payload
    with Store.open(path, {"limits": AWKWARD}) as store:
        store.add_trials([Trial(3, AWKWARD, {"rate": AWKWARD}, 0)])
        store.note("best", AWKWARD)
        store.add_epochs(3, 0, 0, {"loss": curve})
    store = Store.open(path, {"limits": AWKWARD})
    assert same(store.trials(), [Trial(3, AWKWARD, {"rate": AWKWARD}, 0)])
    assert same(store.noted("best"), AWKWARD)
    assert store.curve(3)["loss"].tobytes() == curve.tobytes()


def test_trials_are_ordered_and_replaced() -> None:
    store = Store.open(None, {})
    store.add_trials(Trial(n, [0.0], {}, 0) for n in (2, 0, 1))
    assert [t.number for t in store.trials()] == [0, 1, 2]
    store.set_trials([TRIALS[1], Trial(np.int64(2), [0.1], {}, 1, "running")])  # type: ignore[arg-type]
    assert store.trials() == [Trial(0, [0.0], {}, 0), TRIALS[1], Trial(2, [0.1], {}, 1, "running")]


def test_chunks_of_a_curve_are_joined_in_order() -> None:
    store = Store.open(None, {})
    rng = np.random.default_rng(0)
    whole = {(t, c): {"loss": rng.normal(size=23), "mae": rng.normal(size=23)} for t in range(3) for c in range(2)}
    for start, stop in ((0, 10), (10, 11), (11, 23)):
        for (trial, copy), logs in whole.items():
            store.add_epochs(trial, copy, start, {name: log[start:stop] for name, log in logs.items()})
    found = store.curves()
    assert list(found) == list(whole)
    for key, logs in whole.items():
        for curves in (found[key], store.curve(*key)):
            assert {name: log.tolist() for name, log in curves.items()} == {n: log.tolist() for n, log in logs.items()}
    assert found[0, 0]["loss"].dtype == np.float64
    assert found[0, 0]["loss"].flags.writeable
    assert store.curve(7) == {}


@pytest.mark.parametrize("start", [0, 1, 4, 5, 9, 10, 12])
def test_epochs_are_forgotten_and_added_again(start: int) -> None:
    store = Store.open(None, {})
    logs = {"loss": np.arange(10.0), "mae": -np.arange(10.0)}
    for trial, copy in ((0, 0), (0, 1), (1, 0)):
        for chunk in (slice(0, 5), slice(5, 10)):
            store.add_epochs(trial, copy, chunk.start, {name: log[chunk] for name, log in logs.items()})
    store.forget_epochs(0, 1, start)
    kept = store.curve(0, 1)
    assert {n: log.tolist() for n, log in kept.items()} == (
        {n: log[:start].tolist() for n, log in logs.items()} if start else {}
    )
    assert [len(store.curve(*other)["loss"]) for other in ((0, 0), (1, 0))] == [10, 10]
    store.add_epochs(0, 1, min(start, 10), {"loss": np.array([7.0]), "mae": np.array([8.0])})
    assert store.curve(0, 1)["mae"].tolist() == [*logs["mae"][:start], 8.0]


def test_a_log_missing_in_some_epochs_is_nan_there() -> None:
    store = Store.open(None, {})
    store.add_epochs(0, 0, 0, {"loss": np.ones(2)})
    store.add_epochs(0, 0, 2, {"val_loss": np.zeros(1), "loss": np.ones(1)})
    np.testing.assert_array_equal(store.curve(0)["val_loss"], [np.nan, np.nan, 0])
    np.testing.assert_array_equal(store.curve(0)["loss"], np.ones(3))


def test_wrong_epochs_are_refused_and_change_nothing() -> None:
    store = Store.open(None, {})
    store.add_epochs(0, 0, 0, {"loss": np.ones(4)})
    with pytest.raises(
        ArgumentError, match=r"trial 0, copy 0 has epochs up to 4: forget_epochs before those from 3 on"
    ):
        store.add_epochs(0, 0, 3, {"loss": np.zeros(2)})
    for curves in ({"a": np.ones(2), "b": np.ones(3)}, {"a": np.ones((2, 2))}, {"a": np.float64(1)}, {}):
        with pytest.raises(ShapeError, match="one number for each epoch"):
            store.add_epochs(0, 0, 4, curves)
    store.add_epochs(0, 0, 4, {"loss": np.ones(0)})
    assert store.curve(0)["loss"].tolist() == [1.0] * 4


@pytest.mark.parametrize("size", [0, 1, 99, 100, 101, 1000])
def test_blobs_of_any_size(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(study_store, "PART", 100)
    store, content = Store.open(None, {}), np.random.default_rng(0).bytes(size)
    store.put("state", "b", b"x" * 250)
    store.put("state", "b", content)
    store.put("state", "a", b"")
    store.put("weights", "b", b"other")
    assert [store.get("state", "b"), store.get("state", "a"), store.get("weights", "b")] == [content, b"", b"other"]
    assert store.keys("state") == ["a", "b"]
    store.drop("state", "b")
    store.drop("state", "never there")
    assert [store.get("state", "b"), store.keys("state"), store.keys("weights")] == [None, ["a"], ["b"]]


def test_notes_have_a_default() -> None:
    store = Store.open(None, {})
    assert store.noted("done") is None
    assert store.noted("done", False) is False
    store.note("done", None)
    assert store.noted("done", False) is None


def test_what_is_no_json_is_refused_and_nothing_of_it_is_kept() -> None:
    store = Store.open(None, {})
    for write in (
        lambda: store.note("x", np.float32(1)),
        lambda: store.add_trials([TRIALS[0], Trial(9, [], {"x": object()}, 0)]),
        lambda: Store.open(None, {"x": {1, 2}}),
    ):
        with pytest.raises(ArgumentError, match="a study holds JSON values"):
            write()
    assert store.trials() == []
