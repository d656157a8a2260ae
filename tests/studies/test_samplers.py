"""Samplers: grid against random as the lecture notes tell it, and what every sampler must do."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest
from conftest import fact

from caviar.errors import ArgumentError, MissingExtraError, UnknownNameError
from caviar.ranges import Choice, IntUniform, LogUniform, Normal, Quantized, Range, Uniform
from caviar.studies import samplers
from caviar.studies.samplers import Grid, Halton, Optuna, Random, Sampler, Sobol, nothing_told

MIXED = [LogUniform(1e-4, 1), Choice("a", "b", "c"), IntUniform(2, 4), Normal(0, 1)]
SQUARE = [Uniform(0, 1), LogUniform(1e-4, 1)]
ALL = [
    Random(),
    Grid(),
    Sobol(),
    Halton(),
    Optuna(),
]
SEQUENCES = [Random(), Sobol(), Halton()]  # any part of which can be asked for by itself


def drawn(sampler: Sampler, count: int, ranges: list[Range], seed: int = 0, start: int = 0) -> np.ndarray:
    return sampler.points(count, ranges, seed, start, nothing_told(ranges))


@pytest.fixture(autouse=True)
def _optuna(request: pytest.FixtureRequest) -> None:
    if "optuna" in request.node.name.lower():
        pytest.importorskip("optuna")


@pytest.mark.parametrize("sampler", ALL, ids=repr)
@pytest.mark.parametrize("count", [1, 2, 7, 25])  # no powers of two: SciPy's warnings are errors here
def test_points_lie_in_the_cube_and_come_again(sampler: Sampler, count: int) -> None:
    points = drawn(sampler, count, MIXED)
    assert points.dtype == np.float64
    assert ((points >= 0) & (points <= 1)).all()
    np.testing.assert_array_equal(points, drawn(sampler, count, MIXED))
    if not isinstance(sampler, Grid):
        assert points.shape == (count, 4)
        assert (points != drawn(sampler, count, MIXED, seed=1)).any()


@pytest.mark.parametrize("sampler", ALL, ids=repr)
def test_a_search_without_ranges_has_points_without_dimensions(sampler: Sampler) -> None:
    assert drawn(sampler, 3, []).shape == (1 if isinstance(sampler, Grid) else 3, 0)


@pytest.mark.parametrize("sampler", SEQUENCES, ids=repr)
def test_a_longer_search_begins_with_the_same_points(sampler: Sampler) -> None:
    whole = drawn(sampler, 30, MIXED, seed=4)
    np.testing.assert_array_equal(drawn(sampler, 7, MIXED, seed=4), whole[:7])
    np.testing.assert_array_equal(drawn(sampler, 23, MIXED, seed=4, start=7), whole[7:])


@pytest.mark.parametrize("sampler", ALL, ids=repr)
def test_round_trips(sampler: Sampler) -> None:
    assert (
        type(eval(repr(sampler), vars(samplers)))
        is type(type(sampler).from_config(sampler.get_config()))
        is type(sampler)
    )
    assert ">>>" in (type(sampler).__doc__ or "")


def test_a_grid_wastes_trials_where_random_points_do_not() -> None:
    f = fact("hp.grid_vs_random")
    count, expected = f["inputs"]["side"] ** 2, f["expected"]
    grid, random = drawn(Grid(), count, SQUARE), drawn(Random(), count, SQUARE)
    assert len(grid) == len(random) == count == expected["points"]
    for important in range(2):
        assert len(np.unique(grid[:, important])) == expected["distinct_values_grid"]
        assert len(grid) - len(np.unique(grid[:, important])) == expected["wasted_grid"]
        assert len(np.unique(random[:, important])) == expected["distinct_values_random"]
    assert len(np.unique(grid, axis=0)) == count


@pytest.mark.parametrize(
    ("count", "ranges", "sides"),
    [
        (25, SQUARE, [5, 5]),
        (24, SQUARE, [5, 4]),
        (26, SQUARE, [5, 5]),
        (1, SQUARE, [1, 1]),
        (3, SQUARE, [2, 1]),
        (25, [*SQUARE, Uniform(0, 1)], [3, 3, 2]),
        (100, MIXED, [3, 3, 3, 3]),
        (150, MIXED, [4, 3, 3, 4]),
        (1000, [Choice(1, 2), IntUniform(1, 3), Uniform(0, 1)], [2, 3, 166]),
        (50, [IntUniform(1, 3), Choice(1, 2), Quantized(Uniform(0, 1), 0.5)], [3, 2, 3]),
    ],
)
def test_the_sides_of_a_grid_are_as_equal_as_they_can_be(count: int, ranges: list[Range], sides: list[int]) -> None:
    points = drawn(Grid(), count, ranges)
    assert [len(np.unique(column)) for column in points.T] == sides
    assert len(points) == np.prod(sides) <= count
    assert [len({str(r.at(u)) for u in column}) for r, column in zip(ranges, points.T, strict=True)] == sides


def test_a_grid_has_the_ends() -> None:
    values = [SQUARE[1].at(u) for u in np.unique(drawn(Grid(), 25, SQUARE)[:, 1])]
    assert values == pytest.approx([1e-4, 1e-3, 1e-2, 1e-1, 1], rel=1e-12)
    assert (values[0], values[-1]) == (1e-4, 1)


@pytest.mark.parametrize("sampler", [Sobol(), Halton()], ids=repr)
def test_sequences_leave_smaller_gaps_than_random_points(sampler: Sampler) -> None:
    def gap(points: np.ndarray) -> float:
        return float(np.diff(np.sort(points, axis=0), axis=0, prepend=0, append=1).max())

    for seed in range(5):
        assert gap(drawn(sampler, 100, SQUARE, seed)) < 0.5 * gap(drawn(Random(), 100, SQUARE, seed))
    quarters = drawn(Sobol(), 64, SQUARE) // 0.25
    assert (np.unique(quarters, axis=0, return_counts=True)[1] == 4).all()  # 4 points in each of the 16 fields


def test_random_points_are_uniform_and_independent() -> None:
    points = drawn(Random(), 4000, SQUARE)
    fields = np.unique(points // 0.25, axis=0, return_counts=True)[1]
    assert len(fields) == 16
    assert ((fields - 250) ** 2 / 250).sum() < 37.7  # chi-squared with 15 degrees of freedom: 1 in 1000 is above


def score(points: np.ndarray) -> np.ndarray:
    """Best at the second option, the first hyperparameter at 0.7 and the last at 0.2; the third does nothing."""
    return -((points[:, 0] - 0.7) ** 2) - (points[:, 3] - 0.2) ** 2 - (points[:, 1] // (1 / 3) != 1)


def search(sampler: Sampler, seed: int, batches: int = 6) -> tuple[np.ndarray, np.ndarray]:
    units, scores = nothing_told(MIXED)
    for _ in range(batches):
        points = sampler.points(16, MIXED, seed, len(units), (units, scores))
        units = np.concatenate([units, points])
        scores = np.concatenate([scores, score(points)])
        scores[-1] = -np.inf  # one of each batch fails
    return units, scores


def test_optuna_learns_from_what_it_is_told() -> None:
    assert Optuna().learns
    assert not any(s.learns for s in ALL[:-1])
    for seed in range(3):
        units, scores = search(Optuna(), seed)
        by_chance = search(Random(), seed)[1]
        assert np.mean(scores[48:] > -0.1) > 3 * np.mean(by_chance > -0.1)
        assert set(np.round(units[:, 1], 6)) <= {0.166667, 0.5, 0.833333}  # the middles of the options
    np.testing.assert_array_equal(units, search(Optuna(), seed)[0])


def test_optuna_goes_on_when_everything_failed() -> None:
    told = (np.random.default_rng(0).random((20, 4)), np.full(20, -np.inf))
    assert Optuna().points(3, MIXED, 0, 20, told).shape == (3, 4)


def test_optuna_says_nothing_and_leaves_its_settings(capsys: pytest.CaptureFixture[str]) -> None:
    import optuna

    before = optuna.logging.get_verbosity()
    drawn(Optuna(), 20, MIXED)
    assert optuna.logging.get_verbosity() == before
    assert capsys.readouterr() == ("", "")


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(
        MissingExtraError, match=r"the model-based sampler needs optuna.*pip install 'caviar\[search\]'"
    ):
        samplers.Optuna().points(1, MIXED, 0, 0, nothing_told(MIXED))


def test_get() -> None:
    for name, kind in (("random", Random), ("grid", Grid), ("Sobol", Sobol), ("halton", Halton), ("optuna", Optuna)):
        assert type(samplers.get(name)) is kind
    sampler = Sobol()
    assert samplers.get(sampler) is sampler
    assert isinstance(samplers.get(Sobol), Sobol)


@pytest.mark.parametrize(
    ("wrong", "error", "says"),
    [
        ("sobel", UnknownNameError, "unknown sampler 'sobel': did you mean 'sobol'"),
        (None, ArgumentError, "and not None"),
        (3, ArgumentError, r"a name like 'random', or a Sampler like Sobol\(\), and not 3"),
    ],
)
def test_get_refuses(wrong: Any, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        samplers.get(wrong)


def test_a_sampler_of_ones_own_needs_points() -> None:
    class Mine(Sampler):
        pass

    with pytest.raises(NotImplementedError, match="Mine has no points"):
        drawn(Mine(), 1, SQUARE)
