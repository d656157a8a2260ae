"""Strategies: who trains how long, played on a board whose scores are known functions."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from conftest import fact

from caviar.errors import ArgumentError, UnknownNameError
from caviar.ranges import Choice, IntUniform, LogUniform, Range, Uniform
from caviar.studies import strategies
from caviar.studies.samplers import Random, Sampler, nothing_told
from caviar.studies.strategies import CoarseToFine, Full, Halving, Hyperband, PopulationBased, Strategy
from caviar.studies.strategies.base import Change, Round
from caviar.studies.strategies.boxes import Box
from caviar.studies.strategies.lookup import get

SQUARE: list[Range] = [Uniform(0, 1), LogUniform(1e-4, 1)]
CORNER = np.array([0.93, 0.08])  # lower right, as on the lecture's slide
STRATEGIES = [
    Full(),
    Full("sobol", batch=4),
    CoarseToFine(),
    CoarseToFine(rounds=2, best=1, sampler="halton"),
    Halving(),
    Halving(factor=1.5, min_epochs=1),
    Hyperband(),
    Hyperband(factor=2),
    PopulationBased(),
    PopulationBased(interval=1, share=0.5),
]
BUDGETS = [(1, 1), (2, 1), (1, 10), (2, 5), (5, 3), (10, 10), (25, 27)]

Train = Callable[[float, np.ndarray, int], float]


def corner(run: float, units: np.ndarray, epoch: int) -> float:
    """A score that grows as a network trains, to more where the point is nearer to the corner."""
    return float(-np.linalg.norm(units[:2] - CORNER) * (1 + 1 / epoch))


class FakeBoard:
    """A search whose trials train by a function of run, units and epoch; it holds strategies to their contract."""

    def __init__(self, train: Train = corner, ranges: Sequence[Range] = SQUARE, seed: int = 0, record: Any = None):
        self.train, self.ranges, self.seed = train, ranges, seed
        self.points: list[np.ndarray] = []
        self.histories: list[list[float]] = []
        self.added: list[int] = []  # the round of each trial
        self.record = record  # all that a search came to before it was killed
        self.numeric_dims: list[bool] | None = None

    @property
    def numeric(self) -> Sequence[bool]:
        assert self.numeric_dims is not None, "known after the first round only"
        return self.numeric_dims

    def add(self, units: np.ndarray, round: int) -> list[int]:
        assert units.shape[1:] == (len(self.ranges),)
        assert ((units >= 0) & (units <= 1)).all()
        new = range(len(self.points), len(self.points) + len(units))
        self.points += list(units)
        self.histories += [[] for _ in new]
        self.added += [round] * len(units)
        return list(new)

    def numbers(self) -> list[int]:
        return list(range(len(self.points)))

    def units(self, numbers: Sequence[int]) -> np.ndarray:
        return np.array([self.points[n] for n in numbers])

    def scores(self, numbers: Sequence[int], epochs: int | None = None) -> np.ndarray:
        histories = self.histories if self.record is None else self.record
        assert all(len(self.histories[n]) >= min(epochs or 1, 1) for n in numbers), "asked before it trained"
        return np.array([max(histories[n][:epochs], default=-np.inf) for n in numbers])

    def play(self, strategy: Strategy, trials: int, epochs: int) -> list[Round]:
        rounds: list[Round] = []
        finished: set[int] = set()
        for round in strategy.rounds(self, trials, epochs):
            assert round.trials, "a round in which nobody trains"
            assert len(set(round.trials)) == len(round.trials)
            assert not finished & set(round.trials)
            finished = set(self.numbers()) - set(round.trials)
            for child, change in round.changes.items():
                assert child in round.trials
                assert np.isfinite(self.histories[change.parent]).any(), "nothing to take over"
                self.points[child] = change.units
                self.histories[child] = list(self.histories[change.parent])
            for n in round.trials:
                assert len(self.histories[n]) <= round.epochs <= epochs
                for epoch in range(len(self.histories[n]) + 1, round.epochs + 1):
                    run = self.histories[n][-1] if self.histories[n] else 0.0
                    self.histories[n].append(self.train(run, self.points[n], epoch))
            self.numeric_dims = self.numeric_dims or [not isinstance(r, Choice) for r in self.ranges]
            rounds.append(round)
        return rounds

    @property
    def best(self) -> float:
        return float(self.scores(self.numbers()).max())

    @property
    def spent(self) -> int:
        return sum(map(len, self.histories))


def same(one: list[Round], other: list[Round]) -> bool:
    return repr(one) == repr(other)


# -- every strategy -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("trials", "epochs"), BUDGETS)
@pytest.mark.parametrize("strategy", STRATEGIES, ids=repr)
def test_the_budget_is_spent_as_asked(strategy: Strategy, trials: int, epochs: int) -> None:
    board = FakeBoard()
    rounds = board.play(strategy, trials, epochs)
    assert len(board.points) == trials
    assert max(map(len, board.histories)) == epochs  # somebody trains to the end
    assert min(map(len, board.histories)) >= 1
    if not isinstance(strategy, Halving | Hyperband):
        assert board.spent == trials * epochs
    assert all(len(r.note) < 40 for r in rounds)
    assert board.added == sorted(board.added)


@pytest.mark.parametrize("strategy", STRATEGIES, ids=repr)
def test_the_same_board_gives_the_same_rounds(strategy: Strategy) -> None:
    first, again, other = FakeBoard(seed=3), FakeBoard(seed=3), FakeBoard(seed=4)
    rounds = first.play(strategy, 25, 27)
    assert same(rounds, again.play(strategy, 25, 27))
    np.testing.assert_array_equal(first.points, again.points)
    other.play(strategy, 25, 27)
    assert (np.array(first.points) != np.array(other.points)).any()


@pytest.mark.parametrize("strategy", [s for s in STRATEGIES if not isinstance(s, PopulationBased)], ids=repr)
def test_a_search_that_was_killed_is_replayed(strategy: Strategy) -> None:
    """In a replay the board may know already what came after a round; the rounds do not hang on it."""
    first = FakeBoard()
    rounds = first.play(strategy, 25, 27)
    assert same(rounds, FakeBoard(record=first.histories).play(strategy, 25, 27))


@pytest.mark.parametrize("strategy", STRATEGIES, ids=repr)
def test_it_ends_when_everything_fails(strategy: Strategy) -> None:
    board = FakeBoard(train=lambda run, units, epoch: -np.inf)
    rounds = board.play(strategy, 25, 27)
    assert len(board.points) == 25
    assert not any(r.changes for r in rounds)


@pytest.mark.parametrize("strategy", STRATEGIES, ids=repr)
def test_failed_trials_are_left_behind(strategy: Strategy) -> None:
    """Nine of ten trials fail; nothing is built on them."""
    board = FakeBoard(train=lambda run, units, epoch: corner(run, units, epoch) if units[0] > 0.9 else -np.inf)
    rounds = board.play(strategy, 60, 27)
    began = Random().points(60, SQUARE, 0, 0, nothing_told(SQUARE))
    assert 0 < (began[:, 0] > 0.9).sum() < 10
    assert board.best > -np.inf
    for before, after in itertools.pairwise(rounds):
        if isinstance(strategy, Halving | Hyperband) and set(after.trials) <= set(before.trials):
            assert np.isfinite(board.scores(after.trials)).all()
    if isinstance(strategy, PopulationBased):
        assert any(r.changes for r in rounds)


@pytest.mark.parametrize("strategy", [*STRATEGIES, Full("grid"), CoarseToFine(best=5), Hyperband(4, "sobol")], ids=repr)
def test_round_trips(strategy: Strategy) -> None:
    assert (
        repr(type(strategy).from_config(strategy.get_config()))
        == repr(strategy)
        == repr(eval(repr(strategy), vars(strategies)))
    )
    assert repr(strategy.replace(sampler="halton")).count("halton") == 1
    assert ">>>" in (type(strategy).__doc__ or "")


# -- full ---------------------------------------------------------------------------------------------------------------


def test_full_trains_all_to_the_end() -> None:
    (round,) = FakeBoard().play(Full(), 5, 10)
    assert round == Round([0, 1, 2, 3, 4], 10, {}, "")
    assert [len(r.trials) for r in FakeBoard().play(Full(batch=4), 10, 3)] == [4, 4, 2]


def test_batches_are_the_same_points_as_one_round() -> None:
    for sampler in ("random", "sobol", "halton", "grid"):
        whole, batches = FakeBoard(), FakeBoard()
        whole.play(Full(sampler), 25, 1)
        assert len(batches.play(Full(sampler, batch=7), 25, 1)) == 4
        np.testing.assert_array_equal(whole.points, batches.points)


def test_a_grid_may_have_fewer_trials_than_allowed() -> None:
    board = FakeBoard()
    board.play(Full("grid"), 24, 1)
    assert len(board.points) == 20


def test_a_second_search_draws_other_points() -> None:
    twice, once = FakeBoard(), FakeBoard()
    twice.play(Full(), 5, 1)
    twice.play(Full(), 5, 1)
    once.play(Full(), 10, 1)
    np.testing.assert_array_equal(twice.points, once.points)


class Listening(Sampler):
    """Keeps what it is told."""

    learns = True

    def __init__(self) -> None:
        self.told: list[Any] = []

    def points(self, count: int, ranges: Any, seed: int, start: int, told: Any) -> np.ndarray:
        self.told.append((start, told))
        return Random().points(count, ranges, seed, start, told)


def test_a_sampler_that_learns_is_told_of_every_batch() -> None:
    board, sampler = FakeBoard(), Listening()
    rounds = board.play(Full(sampler), 40, 3)
    assert [len(r.trials) for r in rounds] == [16, 16, 8]
    assert [r.note for r in rounds] == ["batch 1", "batch 2", "batch 3"]
    assert [start for start, _ in sampler.told] == [0, 16, 32]
    for start, (units, scores) in sampler.told:
        assert units.shape == (start, 2)
        np.testing.assert_array_equal(units, np.reshape(board.points[:start], (start, 2)))
        np.testing.assert_array_equal(scores, board.scores(range(start)))


def test_optuna_comes_nearer_than_random_points() -> None:
    pytest.importorskip("optuna")
    for seed in range(3):
        modelled, by_chance = FakeBoard(seed=seed), FakeBoard(seed=seed)
        modelled.play(get("optuna"), 64, 1)
        by_chance.play(Full(), 64, 1)
        assert np.mean(modelled.scores(range(32, 64))) > 2 / 3 * np.mean(by_chance.scores(range(32, 64)))


# -- coarse to fine -----------------------------------------------------------------------------------------------------


def test_coarse_to_fine_is_the_lectures_picture() -> None:
    f = fact("hp.coarse_to_fine")["expected"]
    board = FakeBoard()
    coarse, fine = board.play(CoarseToFine(rounds=2, best=f["good"]), f["total"], 1)
    assert (len(coarse.trials), len(fine.trials), len(board.points)) == (f["first"], f["second"], f["total"])
    assert (coarse.note, fine.note) == ("round 1 of 2", "round 2 of 2")
    good = board.units(np.argsort(-board.scores(coarse.trials))[: f["good"]].tolist())
    assert (good[:, 0] > 0.5).all()  # they lie together at the lower right
    assert (good[:, 1] < 0.5).all()
    points = board.units(fine.trials)
    assert (points >= good.min(0) - 0.1).all()
    assert (points <= good.max(0) + 0.1).all()
    assert (np.ptp(points, axis=0) < np.ptp(board.units(coarse.trials), axis=0)).all()
    assert (points.std(0) < 0.5 * board.units(coarse.trials).std(0)).all()


def test_coarse_to_fine_finds_the_corner_better_than_one_round() -> None:
    coarse_to_fine, one_round = [], []
    for seed in range(30):
        boards = FakeBoard(seed=seed), FakeBoard(seed=seed)
        boards[0].play(CoarseToFine(), 75, 1)
        boards[1].play(Full(), 75, 1)
        coarse_to_fine.append(-boards[0].best)
        one_round.append(-boards[1].best)
    assert np.mean(coarse_to_fine) < 0.5 * np.mean(one_round)
    assert np.mean(np.less(coarse_to_fine, one_round)) > 0.8


def test_coarse_to_fine_rescues_a_poor_scale() -> None:
    """A learning rate on a linear scale, where the best, 0.003, has less than one trial in a hundred to its decade."""
    rate = Uniform(1e-4, 1)
    distance: Train = lambda run, units, epoch: -abs(np.log10(rate.at(units[0]) / 0.003))  # noqa: E731
    found = {}
    for strategy in (Full(), CoarseToFine(rounds=4)):
        boards = [FakeBoard(distance, [rate], seed) for seed in range(20)]
        for board in boards:
            board.play(strategy, 100, 1)
        found[type(strategy)] = -np.mean([board.best for board in boards])
    assert found[CoarseToFine] < 0.2  # within a factor of 1.6
    assert found[Full] > 0.4  # off by 2.5


def test_trials_are_split_evenly_over_the_rounds() -> None:
    for trials in range(1, 12):
        sizes = [len(r.trials) for r in FakeBoard().play(CoarseToFine(), trials, 1)]
        assert sum(sizes) == trials
        assert len(sizes) == min(trials, 3)
        assert max(sizes) - min(sizes) <= 1


def test_a_box_never_grows_and_holds_the_best() -> None:
    rng = np.random.default_rng(0)
    for _ in range(100):
        box = Box.whole(SQUARE)
        for _ in range(5):
            best = box.low + rng.random((3, 2)) * (box.high - box.low)
            finer = box.around(best)
            assert (finer.low >= 0).all()
            assert (finer.high <= 1).all()
            assert (finer.high - finer.low <= box.high - box.low + 1e-12).all()
            assert (finer.low - 1e-12 <= best).all()
            assert (best <= finer.high + 1e-12).all()
            box = finer


def test_options_that_are_not_among_the_best_are_dropped() -> None:
    ranges = [Uniform(0, 1), Choice("a", "b", "c", "d"), IntUniform(1, 9)]
    worth: Train = lambda run, units, epoch: {"a": -9, "b": 0, "c": -9, "d": 0.1}[ranges[1].at(units[1])] + units[0]  # noqa: E731
    for sampler in ("random", "grid", "sobol"):
        board = FakeBoard(worth, ranges)
        rounds = board.play(CoarseToFine(rounds=3, best=4, sampler=sampler), 240, 1)
        options = [{ranges[1].at(u) for u in board.units(r.trials)[:, 1]} for r in rounds]
        assert options[0] == set("abcd")
        assert options[2] <= options[1] <= {"b", "d"}
        assert "d" in options[2]


def test_nothing_is_narrowed_when_all_failed() -> None:
    board = FakeBoard(lambda run, units, epoch: -np.inf)
    last = board.play(CoarseToFine(), 300, 1)[-1]
    assert np.ptp(board.units(last.trials), axis=0).min() > 0.9


# -- halving and hyperband ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("halving", "trials", "epochs", "schedule"),
    [
        (Halving(), 100, 81, [(100, 1), (33, 3), (11, 9), (3, 27), (1, 81)]),
        (Halving(), 9, 100, [(9, 11), (3, 33), (1, 100)]),
        (Halving(), 100, 10, [(100, 1), (33, 3), (11, 10)]),
        (Halving(min_epochs=9), 100, 81, [(100, 9), (33, 27), (11, 81)]),
        (Halving(factor=2), 8, 8, [(8, 1), (4, 2), (2, 4), (1, 8)]),
        (Halving(factor=4), 8, 8, [(8, 2), (2, 8)]),
        (Halving(factor=1.5), 4, 4, [(4, 1), (2, 2), (1, 4)]),
        (Halving(), 2, 81, [(2, 81)]),
        (Halving(), 100, 1, [(100, 1)]),
        (Halving(), 1, 1, [(1, 1)]),
        (Halving(), 243, 243, [(243, 1), (81, 3), (27, 9), (9, 27), (3, 81), (1, 243)]),
    ],
)
def test_halving_keeps_the_best_share_at_each_rung(halving: Halving, trials: int, epochs: int, schedule: Any) -> None:
    board = FakeBoard()
    rounds = board.play(halving, trials, epochs)
    assert [(len(r.trials), r.epochs) for r in rounds] == schedule
    assert halving.rungs(trials, epochs) == [rung for _, rung in schedule]
    assert [r.note for r in rounds] == [f"rung {i + 1}: {n} of {trials}" for i, (n, _) in enumerate(schedule)]
    for before, after in itertools.pairwise(rounds):
        ranked = sorted(before.trials, key=lambda n: -board.histories[n][before.epochs - 1])
        assert set(after.trials) == set(ranked[: len(after.trials)])


def test_halving_finds_the_best_for_a_fraction_of_the_epochs() -> None:
    halved, full = FakeBoard(), FakeBoard()
    halved.play(Halving(), 81, 81)
    full.play(Full(), 81, 81)
    assert halved.best == full.best
    assert halved.spent < 0.06 * full.spent


def test_hyperband_is_the_papers_schedule() -> None:
    """Table 1 of Li et al. 2018, for 81 epochs, factor 3; the brackets without early stopping have 5 trials there."""
    paper = {81: [1, 3, 9, 27, 81], 34: [3, 9, 27, 81], 15: [9, 27, 81], 8: [27, 81], 5: [81]}
    assert Hyperband().brackets(sum(paper), 81) == list(paper.items())


@pytest.mark.parametrize(("trials", "epochs"), [(143, 81), (50, 81), (3, 81), (1, 81), (20, 1), (1, 1), (30, 50)])
@pytest.mark.parametrize("factor", [2, 3, 1.7])
def test_brackets_share_the_trials(trials: int, epochs: int, factor: float) -> None:
    board, hyperband = FakeBoard(), Hyperband(factor)
    brackets = hyperband.brackets(trials, epochs)
    assert sum(count for count, _ in brackets) == trials
    assert all(count > 0 and rungs[-1] == epochs for count, rungs in brackets)
    rounds = board.play(hyperband, trials, epochs)
    assert sum(len(rungs) for _, rungs in brackets) == len(rounds)
    assert board.spent <= trials * epochs
    assert rounds[0].note == f"bracket 1 of {len(brackets)}, rung 1: {brackets[0][0]} of {brackets[0][0]}"
    assert board.added == [i for i, (count, _) in enumerate(brackets) for _ in range(count)]


def test_hyperband_finds_what_halving_misses() -> None:
    """A trial that starts slowly and is best in the end, as one with a small learning rate is."""
    slow: Train = lambda run, units, epoch: units[0] * epoch - 5 * units[0] * (epoch < 20)  # noqa: E731
    halved, banded = FakeBoard(slow), FakeBoard(slow)
    halved.play(Halving(), 81, 81)
    banded.play(Hyperband(), 81, 81)
    assert banded.best > 3 * halved.best


# -- population-based training ------------------------------------------------------------------------------------------


def drifting(run: float, units: np.ndarray, epoch: int) -> float:
    """Progress at each epoch, most where the first unit is at an optimum that moves from 0.2 to 0.8 in 40 epochs."""
    return run + float(np.exp(-(((units[0] - 0.2 - 0.6 * epoch / 40) / 0.1) ** 2)))


def test_population_based_training_finds_a_schedule() -> None:
    gains = []
    for seed in range(5):
        fixed, population = FakeBoard(drifting, SQUARE[:1], seed), FakeBoard(drifting, SQUARE[:1], seed)
        fixed.play(Full(), 20, 40)
        population.play(PopulationBased(), 20, 40)
        gains.append(population.best / fixed.best)
        assert np.mean(population.scores(range(20))) > 1.5 * np.mean(fixed.scores(range(20)))
    assert min(gains) > 1.2


def test_the_worst_take_over_from_the_best() -> None:
    ranges = [Uniform(0, 1), Choice("relu", "tanh"), LogUniform(1e-4, 1)]
    board = FakeBoard(lambda run, units, epoch: run + units[0], ranges)
    played: list[tuple[Round, dict[int, float], np.ndarray]] = []
    for round in PopulationBased(interval=5).rounds(board, 20, 50):
        scores = {n: max(h) for n, h in enumerate(board.histories) if h}
        played.append((round, scores, np.array(board.points)))
        for child, change in round.changes.items():
            board.points[child], board.histories[child] = change.units, list(board.histories[change.parent])
        for n in round.trials:
            while len(board.histories[n]) < round.epochs:
                board.histories[n].append(board.train(sum(board.histories[n][-1:]), board.points[n], 0))
        board.numeric_dims = [True, False, True]
    assert [r.epochs for r, *_ in played] == [*range(5, 51, 5)]
    assert all(r.trials == list(range(20)) for r, *_ in played)
    assert played[0][0].changes == {}
    moves = []
    for round, scores, points in played[1:]:
        ranked = sorted(scores, key=lambda n: -scores[n])
        assert set(round.changes) == set(ranked[-5:])
        for change in round.changes.values():
            assert isinstance(change, Change)
            assert change.parent in ranked[:5]
            assert change.units[1] == points[change.parent][1]  # another activation would be another program
            assert (change.units[[0, 2]] != points[change.parent][[0, 2]]).all()
            moves.append(change.units[2] - points[change.parent][2])
    assert len({c.parent for r, *_ in played for c in r.changes.values()}) > 5
    assert np.median(np.abs(moves)) < 0.2
    assert 0.1 < np.mean(np.abs(moves) > 0.25) < 0.4  # the quarter that is drawn anew


def test_changes_come_every_interval() -> None:
    ends = {
        interval: [r.epochs for r in FakeBoard().play(PopulationBased(interval), 4, 25)] for interval in (None, 10, 99)
    }
    assert ends == {None: [*range(2, 25, 2), 25], 10: [10, 20, 25], 99: [25]}


def test_nobody_takes_over_from_an_equal() -> None:
    rounds = FakeBoard(lambda run, units, epoch: 1.0).play(PopulationBased(), 20, 10)
    assert not any(r.changes for r in rounds)


# -- names and refusals -------------------------------------------------------------------------------------------------


def test_get() -> None:
    for name in ("random", "grid", "sobol", "halton", "optuna"):
        assert repr(get(name)) in (f"Full({name!r})", "Full()")
    kinds = {"coarse_to_fine": CoarseToFine, "halving": Halving, "Hyperband": Hyperband, "population": PopulationBased}
    for name, kind in kinds.items():
        assert type(get(name)) is type(get(kind)) is kind
    mine = Halving(2)
    assert get(mine) is mine


@pytest.mark.parametrize(
    ("wrong", "error", "says"),
    [
        ("hyperbnd", UnknownNameError, "unknown strategy 'hyperbnd': did you mean 'hyperband'"),
        (None, ArgumentError, "and not None"),
        (Random(), ArgumentError, r"a Strategy like Full\(Sobol\(\)\), and not Random\(\)"),
    ],
)
def test_get_refuses(wrong: Any, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        get(wrong)


@pytest.mark.parametrize(
    ("strategy", "trials", "epochs", "says"),
    [
        *[(lambda s=s: s, 0, 5, "trials was given as 0: write an int of at least 1") for s in STRATEGIES],
        *[(lambda s=s: s, 5, 0, "epochs was given as 0") for s in STRATEGIES],
        (lambda: Full(), 2.5, 5, "trials was given as 2.5"),
        (lambda: Full(), True, 5, "trials was given as True"),
        (lambda: Full(), 5, "3", "epochs was given as '3'"),
        (lambda: Full(batch=0), 5, 5, "batch was given as 0"),
        (lambda: Full("rondom"), 5, 5, "did you mean 'random'"),
        (lambda: CoarseToFine(rounds=0), 5, 5, "rounds was given as 0"),
        (lambda: CoarseToFine(best=0), 5, 5, "best was given as 0"),
        (lambda: Halving(factor=1), 5, 5, "factor was given as 1: write a number above 1, like 3"),
        (lambda: Halving(factor=float("nan")), 5, 5, "factor of Halving must be a number, and is nan"),
        (lambda: Halving(factor="3"), 5, 5, "factor of Halving must be a number, and is '3'"),  # type: ignore[arg-type]
        (lambda: Halving(min_epochs=10), 5, 5, "min_epochs=10, and only 5 epochs"),
        (lambda: Halving(min_epochs=0), 5, 5, "min_epochs was given as 0"),
        (lambda: Hyperband(factor=0.5), 5, 5, "factor was given as 0.5"),
        (lambda: PopulationBased(interval=0), 5, 5, "interval was given as 0"),
        (lambda: PopulationBased(share=0.6), 5, 5, "share was given as 0.6: write a number above 0 and at most 0.5"),
        (lambda: PopulationBased(share=0), 5, 5, "share was given as 0"),
        (lambda: PopulationBased(sampler=None), 5, 5, "sampler of PopulationBased must be .* and is None"),  # type: ignore[arg-type]
    ],
)
def test_wrong_arguments_are_refused_before_anything_trains(
    strategy: Callable[[], Strategy], trials: Any, epochs: Any, says: str
) -> None:
    board = FakeBoard()
    with pytest.raises(ArgumentError, match=says):
        next(strategy().rounds(board, trials, epochs))
    assert board.points == []


def test_a_strategy_of_ones_own_needs_rounds() -> None:
    class Mine(Strategy):
        pass

    with pytest.raises(NotImplementedError, match="Mine has no rounds"):
        Mine().rounds(FakeBoard(), 1, 1)


def test_nothing_is_told_before_the_first_trial() -> None:
    units, scores = nothing_told(SQUARE)
    assert (units.shape, scores.shape) == ((0, 2), (0,))
