"""Strategies: which trials train, and for how long.

A strategy is a generator over a board. It looks at nothing but the board, and draws its random numbers from the board's
seed, so a search that was killed is replayed to where it was: the same board, the same rounds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from numbers import Integral
from typing import Any, ClassVar, NamedTuple, Protocol

import numpy as np

from caviar.errors import ArgumentError, unknown_name
from caviar.parts import Part
from caviar.ranges import Choice, IntUniform, Range
from caviar.studies import samplers
from caviar.studies.samplers import Sampler, nothing_told


class Change(NamedTuple):
    """Population-based training: take over the parent's run, and train on with these units."""

    parent: int
    units: np.ndarray


class Round(NamedTuple):
    """The next round of training."""

    trials: list[int]  # those that train in this round; a trial of the population that is not among them is finished
    epochs: int  # until they have this many epochs in all
    changes: dict[int, Change]  # made before the round
    note: str = ""  # a few words for the progress line: "round 2 of 3", "rung 3: 11 of 100"


class BoardView(Protocol):
    """What a strategy sees of a search. In a replay it shows what it showed the first time."""

    @property
    def seed(self) -> int:
        """The seed of the search."""

    @property
    def ranges(self) -> Sequence[Range]:
        """The hyperparameters, one dimension each."""

    @property
    def numeric(self) -> Sequence[bool]:
        """Which dimensions vary within one program; known after the first round."""

    def add(self, units: np.ndarray, round: int) -> list[int]:
        """New trials at these points; their numbers."""

    def units(self, numbers: Sequence[int]) -> np.ndarray:
        """Where these trials are now, [trials, dimensions]."""

    def scores(self, numbers: Sequence[int], epochs: int | None = None) -> np.ndarray:
        """The best of each so far, or within so many epochs; larger is better, -inf for a failed trial."""

    def numbers(self) -> list[int]:
        """All trials so far."""


@dataclass(eq=False, repr=False, frozen=True)
class Strategy(Part):
    """Decides who trains how long. A strategy of your own is a subclass with `rounds`.

    >>> from caviar.studies import Strategy
    >>> from caviar.studies.strategies import get
    >>> isinstance(get("halving"), Strategy)
    True
    """

    grows: ClassVar[bool] = False
    """Whether a search with more trials begins with the same ones, trained in the same way, so that a finished one can grow."""

    def rounds(self, board: BoardView, trials: int, epochs: int) -> Iterator[Round]:
        """The rounds of a search with this many trials, of at most this many epochs each."""
        raise NotImplementedError(f"{type(self).__name__} has no rounds(self, board, trials, epochs)")


@dataclass(eq=False, repr=False, frozen=True)
class Full(Strategy):
    """All trials for all epochs; in batches, if the sampler learns from the ones before (Optuna, 16 at a time).

    >>> from caviar.studies import Full
    >>> Full("sobol")
    Full('sobol')
    """

    sampler: str | Sampler = "random"
    batch: int | None = None
    grows = True

    def rounds(self, board: BoardView, trials: int, epochs: int) -> Iterator[Round]:
        """One round, or one for each batch."""
        _require_ints(trials=trials, epochs=epochs, batch=self.batch)
        sampler = samplers.get(self.sampler)
        size = self.batch or (16 if sampler.learns else trials)
        for i, points in enumerate(_batches(board, sampler, trials, size)):
            yield Round(board.add(points, i), epochs, {}, f"batch {i + 1}" if size < trials else "")


def _batches(board: BoardView, sampler: Sampler, trials: int, size: int) -> Iterator[np.ndarray]:
    """The points, batch by batch; a sampler that does not learn (a grid, say) gives all of them at once."""
    if sampler.learns:
        for start in range(0, trials, size):
            yield _ask(board, sampler, min(size, trials - start))
    else:
        points = _ask(board, sampler, trials)
        yield from (points[start : start + size] for start in range(0, len(points), size))


def _ask(board: BoardView, sampler: str | Sampler, count: int) -> np.ndarray:
    """New points from a sampler, which is told the results of all trials so far."""
    numbers = board.numbers()
    told = (board.units(numbers), board.scores(numbers)) if numbers else nothing_told(board.ranges)
    return samplers.get(sampler).points(count, board.ranges, board.seed, len(numbers), told)


class CoarseToFine(Strategy):
    """Sample the whole space, then more finely the box around the best trials, and so on, with equally many trials each time.

    The lecture's picture: 25 random points, of which the 3 best lie in a corner, and 25 finer ones there.

    >>> from caviar.studies import CoarseToFine
    >>> CoarseToFine(rounds=2, best=3)
    CoarseToFine(2, best=3)
    """

    def __init__(self, rounds: int = 3, best: int = 3, sampler: str | Sampler = "random"):
        self.count, self.best, self.sampler = rounds, best, sampler  # the name `rounds` is taken by the method

    def rounds(self, board: BoardView, trials: int, epochs: int) -> Iterator[Round]:
        """One round for the whole space, and one for each finer box."""
        _require_ints(trials=trials, epochs=epochs, rounds=self.count, best=self.best)
        box = Box.whole(board.ranges)
        sizes = [size for size in _split(trials, [1] * self.count) if size]
        for i, size in enumerate(sizes):
            best = _best(board, board.numbers(), self.best, epochs) if i else []
            box = box.around(board.units(best)) if best else box
            numbers = board.add(box.points(self.sampler, board, size), i)
            yield Round(numbers, epochs, {}, f"round {i + 1} of {len(sizes)}")


MARGIN = 0.1
"""The margin around the best trials, as a share of the box's width: half a step of a square grid of 25 points."""


class Box(NamedTuple):
    """A part of the unit cube: an interval of each dimension, and the options that are left of each choice.

    >>> import numpy as np
    >>> from caviar.studies.strategies import Box
    >>> from caviar.ranges import Uniform
    >>> box = Box.whole([Uniform(0, 1)]).around(np.array([[0.7], [0.8]]))
    >>> box.low.round(2).tolist(), box.high.round(2).tolist()
    ([0.6], [0.9])
    """

    ranges: Sequence[Range]
    low: np.ndarray
    high: np.ndarray
    options: dict[int, list[float]]  # by dimension, as units

    @classmethod
    def whole(cls, ranges: Sequence[Range]) -> Box:
        """The unit cube."""
        options = {i: r.grid(len(r.options)) for i, r in enumerate(ranges) if isinstance(r, Choice)}
        return cls(ranges, np.zeros(len(ranges)), np.ones(len(ranges)), options)

    def around(self, best: np.ndarray) -> Box:
        """The box of the best points and a margin, never wider than this one; of choices, the options among the best."""
        width, middle = self.high - self.low, (best.min(0) + best.max(0)) / 2
        half = np.minimum((best.max(0) - best.min(0)) / 2 + MARGIN * width, width / 2)
        options = {i: sorted({_middle(self.ranges[i], u) for u in best[:, i]}) for i in self.options}
        return self._replace(low=np.maximum(middle - half, 0), high=np.minimum(middle + half, 1), options=options)

    def points(self, sampler: str | Sampler, board: BoardView, count: int) -> np.ndarray:
        """The sampler's points for a whole cube, scaled into the box."""
        left = {i: IntUniform(0, len(kept) - 1) for i, kept in self.options.items()}
        ranges = [left.get(i, r) for i, r in enumerate(self.ranges)]
        drawn = len(board.numbers())
        points = samplers.get(sampler).points(count, ranges, board.seed, drawn, nothing_told(ranges))
        units = self.low + points * (self.high - self.low)
        for i, kept in self.options.items():
            units[:, i] = [kept[left[i].at(p)] for p in points[:, i]]
        return units


def _middle(of: Range, unit: float) -> float:
    """The middle of the interval of an option in which a unit lies."""
    return of.unit(of.at(unit))


def _best(board: BoardView, numbers: Sequence[int], count: int, epochs: int) -> list[int]:
    """The best trials, best first; failed ones are never among them."""
    scores = np.asarray(board.scores(numbers, epochs))
    return [numbers[i] for i in np.argsort(-scores, kind="stable")[:count] if scores[i] > -math.inf]


@dataclass(eq=False, repr=False, frozen=True)
class Halving(Strategy):
    """Successive halving: all trials start, and at each rung the best 1/factor go on to `factor` times as many epochs.

    >>> from caviar.studies import Halving
    >>> Halving(factor=3).rungs(trials=100, epochs=81)
    [1, 3, 9, 27, 81]
    """

    factor: float = 3
    min_epochs: int | None = None
    sampler: str | Sampler = "random"

    def rounds(self, board: BoardView, trials: int, epochs: int) -> Iterator[Round]:
        """One round for each rung."""
        rungs = self.rungs(trials, epochs)
        yield from _climb(board, board.add(_ask(board, self.sampler, trials), 0), rungs, self.factor)

    def rungs(self, trials: int, epochs: int) -> list[int]:
        """The epochs at which the worse trials end."""
        _require_ints(trials=trials, epochs=epochs, min_epochs=self.min_epochs)
        _require_factor(self.factor)
        least = self.min_epochs or 1
        if least > epochs:
            raise ArgumentError(
                f"halving was given min_epochs={least}, and only {epochs} epochs: one of them must change"
            )
        return _rungs(epochs, self.factor, min(_divisions(trials, self.factor), _divisions(epochs, self.factor, least)))


def _rungs(epochs: int, factor: float, halvings: int) -> list[int]:
    return sorted({max(1, int(epochs / factor**k)) for k in range(halvings + 1)})


def _divisions(whole: float, factor: float, least: float = 1) -> int:
    """How often a number can be divided by a factor without falling below the least."""
    count = 0
    while whole >= least * factor ** (count + 1):
        count += 1
    return count


def _climb(board: BoardView, numbers: list[int], rungs: list[int], factor: float, note: str = "") -> Iterator[Round]:
    """Train until each rung in turn, with the survivors of the one before."""
    began = len(numbers)
    for i, rung in enumerate(rungs):
        if i:
            numbers = sorted(_best(board, numbers, max(1, int(len(numbers) / factor)), rungs[i - 1]))
        if not numbers:
            return  # all failed
        yield Round(numbers, rung, {}, f"{note}rung {i + 1}: {len(numbers)} of {began}")


@dataclass(eq=False, repr=False, frozen=True)
class Hyperband(Strategy):
    """Brackets of successive halving, from many trials that mostly end early to a few that all train to the end.

    >>> from caviar.studies import Hyperband
    >>> Hyperband(factor=3).brackets(trials=17, epochs=9)
    [(9, [1, 3, 9]), (5, [3, 9]), (3, [9])]
    """

    factor: float = 3
    sampler: str | Sampler = "random"

    def rounds(self, board: BoardView, trials: int, epochs: int) -> Iterator[Round]:
        """The rounds of one bracket after the other."""
        brackets = self.brackets(trials, epochs)
        for i, (count, rungs) in enumerate(brackets):
            numbers = board.add(_ask(board, self.sampler, count), i)
            yield from _climb(board, numbers, rungs, self.factor, f"bracket {i + 1} of {len(brackets)}, ")

    def brackets(self, trials: int, epochs: int) -> list[tuple[int, list[int]]]:
        """The trials and the rungs of each bracket."""
        _require_ints(trials=trials, epochs=epochs)
        _require_factor(self.factor)
        most = _divisions(epochs, self.factor)
        halvings = range(most, -1, -1)
        counts = _split(trials, [math.ceil((most + 1) / (s + 1) * self.factor**s) for s in halvings])
        return [
            (count, _rungs(epochs, self.factor, min(_divisions(count, self.factor), s)))
            for count, s in zip(counts, halvings, strict=True)
            if count
        ]


def _split(whole: int, weights: Sequence[float]) -> list[int]:
    """Integers that add up to the whole, in proportion to the weights."""
    ends = np.round(np.cumsum(weights) / np.sum(weights) * whole).astype(int)
    return np.diff(ends, prepend=0).tolist()


@dataclass(eq=False, repr=False, frozen=True)
class PopulationBased(Strategy):
    """All trials train to the end, but every `interval` epochs the worst take over the run of one of the best, and vary it.

    So hyperparameters change while a network trains: what is found is a schedule. `interval` is a tenth of the epochs.

    >>> from caviar.studies import PopulationBased
    >>> PopulationBased(interval=5, share=0.2)
    PopulationBased(5, share=0.2)
    """

    interval: int | None = None
    share: float = 0.25
    sampler: str | Sampler = "random"

    def rounds(self, board: BoardView, trials: int, epochs: int) -> Iterator[Round]:
        """One round for each interval."""
        _require_ints(trials=trials, epochs=epochs, interval=self.interval)
        if not (isinstance(self.share, (int, float)) and 0 < self.share <= 0.5):
            raise ArgumentError(f"share was given as {self.share!r}: write a number above 0 and at most 0.5, like 0.25")
        interval = self.interval or max(1, epochs // 10)
        ends = [*range(interval, epochs, interval), epochs]
        numbers = board.add(_ask(board, self.sampler, trials), 0)
        for i, end in enumerate(ends):
            changes = self._changes(board, numbers, ends[i - 1], i) if i else {}
            yield Round(numbers, end, changes, f"generation {i + 1} of {len(ends)}")

    def _changes(self, board: BoardView, numbers: list[int], epochs: int, round: int) -> dict[int, Change]:
        """For each of the worst, the run of one of the best, and units near that one's."""
        scores = dict(zip(numbers, board.scores(numbers, epochs), strict=True))
        ranked = sorted(numbers, key=lambda n: -scores[n])
        count = min(max(1, int(len(numbers) * self.share)), len(numbers) // 2)
        rng = np.random.default_rng([board.seed, _TAG, round])
        changes = {}
        for worse in ranked[len(numbers) - count :]:
            parent = ranked[rng.integers(count)]
            units = _varied(board.units([parent])[0], np.asarray(board.numeric), rng)
            if scores[parent] > scores[worse]:
                changes[worse] = Change(parent, units)
        return changes


_TAG = 20171127  # makes these random numbers independent of the samplers'


def _varied(units: np.ndarray, numeric: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A small random step, reflected at the walls of the cube, or sometimes a new point; what needs another program stays."""
    stepped = np.abs(units + rng.normal(0, 0.1, units.shape)) % 2
    stepped = np.where(stepped > 1, 2 - stepped, stepped)
    anew = rng.random(units.shape)
    return np.where(numeric, np.where(rng.random(units.shape) < 0.25, anew, stepped), units)


def _require_ints(**given: Any) -> None:
    for name, value in given.items():
        if value is not None and (isinstance(value, bool) or not isinstance(value, Integral) or value < 1):
            raise ArgumentError(f"{name} was given as {value!r}: write an int of at least 1")


def _require_factor(factor: Any) -> None:
    if not (isinstance(factor, (int, float)) and 1 < factor < math.inf):
        raise ArgumentError(f"factor was given as {factor!r}: write a number above 1, like 3")


_KNOWN: dict[str, Callable[[], Strategy]] = {
    "random": partial(Full, "random"),
    "grid": partial(Full, "grid"),
    "sobol": partial(Full, "sobol"),
    "halton": partial(Full, "halton"),
    "optuna": partial(Full, "optuna"),
    "coarse_to_fine": CoarseToFine,
    "halving": Halving,
    "hyperband": Hyperband,
    "population": PopulationBased,
}


def get(identifier: Any) -> Strategy:
    """The strategy of a name; a strategy is itself.

    >>> from caviar.studies import Halving
    >>> from caviar.studies.strategies import get
    >>> get("sobol"), get("coarse_to_fine"), get(Halving(2))
    (Full('sobol'), CoarseToFine(), Halving(2))
    """
    if isinstance(identifier, Strategy):
        return identifier
    if isinstance(identifier, type) and issubclass(identifier, Strategy):
        return identifier()
    if not isinstance(identifier, str):
        raise ArgumentError(
            f"a strategy is a name like 'random', or a Strategy like Full(Sobol()), and not {identifier!r}"
        )
    if identifier.lower() not in _KNOWN:
        raise unknown_name("strategy", identifier, _KNOWN)
    return _KNOWN[identifier.lower()]()
