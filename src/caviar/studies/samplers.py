"""Samplers: the points of the unit cube at which a search has trials.

A sampler is pure: the same arguments give the same points, so that a search that was killed goes on where it was.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from caviar import public
from caviar.errors import missing_extra
from caviar.parts import Part
from caviar.ranges import Choice, Range

__all__ = ["Grid", "Halton", "Optuna", "Random", "Sampler", "Sobol"]

Told = tuple[np.ndarray, np.ndarray]
"""The results of earlier points: their units [n, d] and scores [n]; larger is better, -inf for a failed trial."""


def nothing_told(ranges: Sequence[Range]) -> Told:
    """The results before the first trial: none.

    >>> from caviar.studies.samplers import nothing_told
    >>> [part.shape for part in nothing_told([])]
    [(0, 0), (0,)]
    """
    return np.empty((0, len(ranges))), np.empty(0)


@dataclass(eq=False, repr=False, frozen=True)
class Sampler(Part):
    """Chooses points of the unit cube. A sampler of your own is a subclass with `points`.

    >>> from caviar.studies import Random
    >>> from caviar.studies.samplers import nothing_told
    >>> from caviar.ranges import LogUniform
    >>> Random().points(2, [LogUniform(1e-4, 1)], seed=0, start=0, told=nothing_told([LogUniform(1e-4, 1)])).shape
    (2, 1)
    """

    learns: ClassVar[bool] = False
    """Whether it uses earlier results, so that a search asks it for points in batches."""
    exhausts: ClassVar[bool] = False
    """Whether one answer covers the space, so that there are no others to ask for."""

    def points(self, count: int, ranges: Sequence[Range], seed: int, start: int, told: Told) -> np.ndarray:
        """Points of shape [count, len(ranges)] for a search in which `start` points were drawn before."""
        raise NotImplementedError(f"{type(self).__name__} has no points(self, count, ranges, seed, start, told)")


@dataclass(eq=False, repr=False, frozen=True)
class Random(Sampler):
    """Independent random points: with n of them, every hyperparameter is tried at n values, whichever ones matter.

    >>> from caviar.studies import Random
    >>> from caviar.studies.samplers import nothing_told
    >>> every = Random().points(3, [], seed=0, start=0, told=nothing_told([]))
    >>> every.shape
    (3, 0)
    """

    def points(self, count: int, ranges: Sequence[Range], seed: int, start: int, told: Told) -> np.ndarray:
        """Points that depend only on the seed and their number, so that a longer search begins with the same ones."""
        drawn = [np.random.default_rng([seed, number]).random(len(ranges)) for number in range(start, start + count)]
        return np.reshape(drawn, (count, len(ranges)))


@dataclass(eq=False, repr=False, frozen=True)
class Grid(Sampler):
    """Every combination of a few values each, as many for each hyperparameter as the trials allow.

    >>> from caviar.studies import Grid
    >>> from caviar.studies.samplers import nothing_told
    >>> from caviar.ranges import Choice, Uniform
    >>> ranges = [Uniform(0, 1), Choice("relu", "tanh")]
    >>> Grid().points(7, ranges, seed=0, start=0, told=nothing_told(ranges)).tolist()
    [[0.0, 0.25], [0.0, 0.75], [0.5, 0.25], [0.5, 0.75], [1.0, 0.25], [1.0, 0.75]]
    """

    exhausts = True

    def points(self, count: int, ranges: Sequence[Range], seed: int, start: int, told: Told) -> np.ndarray:
        """At most `count` points, fewer where the sides do not multiply to it; the same for every seed."""
        sides = [r.grid(side) for r, side in zip(ranges, _sides(count, ranges), strict=True)]
        return np.reshape(list(itertools.product(*sides)), (-1, len(ranges))) if sides else np.empty((1, 0))


def _sides(count: int, ranges: Sequence[Range]) -> list[int]:
    """The number of values for each range: the same for all, except for those that have fewer."""
    most = [len(r.grid(count)) for r in ranges]
    sides = [1] * len(ranges)
    while growing := [i for i, side in enumerate(sides) if side < most[i]]:
        shortest = min(growing, key=lambda i: sides[i])
        sides[shortest] += 1
        if math.prod(sides) > count:
            sides[shortest] -= 1
            break
    return sides


@dataclass(eq=False, repr=False, frozen=True)
class Sobol(Sampler):
    """A scrambled Sobol sequence: as many different values as random points, without their gaps and clusters.

    >>> from caviar.studies import Sobol
    >>> from caviar.studies.samplers import nothing_told
    >>> from caviar.ranges import Uniform
    >>> points = Sobol().points(4, [Uniform(0, 1)], seed=0, start=0, told=nothing_told([Uniform(0, 1)]))
    >>> sorted(int(4 * u) for u in points[:, 0])
    [0, 1, 2, 3]
    """

    def points(self, count: int, ranges: Sequence[Range], seed: int, start: int, told: Told) -> np.ndarray:
        """The points of the sequence from the number `start` on."""
        from scipy.stats import qmc

        power = (start + count - 1).bit_length()  # a power of two, as SciPy wants it
        return qmc.Sobol(len(ranges), rng=seed).random_base2(power)[start : start + count]


@dataclass(eq=False, repr=False, frozen=True)
class Halton(Sampler):
    """A scrambled Halton sequence: evenly spread too, for any number of points.

    >>> from caviar.studies import Halton
    >>> from caviar.studies.samplers import nothing_told
    >>> from caviar.ranges import Uniform
    >>> points = Halton().points(3, [Uniform(0, 1)], seed=0, start=0, told=nothing_told([Uniform(0, 1)]))
    >>> len({round(u, 6) for u in points[:, 0]})
    3
    """

    def points(self, count: int, ranges: Sequence[Range], seed: int, start: int, told: Told) -> np.ndarray:
        """The points of the sequence from the number `start` on."""
        from scipy.stats import qmc

        return qmc.Halton(len(ranges), rng=seed).random(start + count)[start:]


@dataclass(eq=False, repr=False, frozen=True)
class Optuna(Sampler):
    """Optuna's tree-structured Parzen estimator, which proposes points where earlier ones did well. Needs `caviar[search]`.

    >>> from caviar.studies import Optuna
    >>> Optuna().learns
    True
    """

    learns = True

    def points(self, count: int, ranges: Sequence[Range], seed: int, start: int, told: Told) -> np.ndarray:
        """The points that a new Optuna study asks for when it has been told all results so far."""
        try:
            import optuna
        except ImportError:
            raise missing_extra("optuna", "search", "the model-based sampler") from None
        with _silent(optuna):
            own = int(np.random.SeedSequence([seed, start]).generate_state(1)[0])
            sampler = optuna.samplers.TPESampler(seed=own, multivariate=True, constant_liar=True)
            study = optuna.create_study(sampler=sampler, direction="maximize")
            space = {str(i): _distribution(optuna, r) for i, r in enumerate(ranges)}
            for units, score in zip(*told, strict=True):
                params = {str(i): _to_optuna(r, u) for i, (r, u) in enumerate(zip(ranges, units, strict=True))}
                study.add_trial(optuna.trial.create_trial(params=params, distributions=space, value=float(score)))
            asked = [study.ask(space).params for _ in range(count)]
        drawn = [[_from_optuna(r, params[str(i)]) for i, r in enumerate(ranges)] for params in asked]
        return np.reshape(drawn, (count, len(ranges)))


@contextlib.contextmanager
def _silent(optuna: Any) -> Iterator[None]:
    """Silence Optuna, which logs every trial, and warns that some options are experimental."""
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        optuna.logging.set_verbosity(level)


def _distribution(optuna: Any, of: Range) -> Any:
    if isinstance(of, Choice):
        return optuna.distributions.CategoricalDistribution(range(len(of.options)))
    return optuna.distributions.FloatDistribution(0.0, 1.0)


def _to_optuna(of: Range, unit: float) -> float:
    return min(int(unit * len(of.options)), len(of.options) - 1) if isinstance(of, Choice) else float(unit)


def _from_optuna(of: Range, value: float) -> float:
    return (value + 0.5) / len(of.options) if isinstance(of, Choice) else value


def known() -> dict[str, type[Sampler]]:
    """Every sampler by its name.

    >>> from caviar.studies.samplers import known
    >>> known()["sobol"]()
    Sobol()
    """
    own = public.named("caviar.studies", Sampler, Sampler)
    return {name: cls for name, cls in own.items() if name.islower()}


def get(identifier: Any) -> Sampler:
    """The sampler of a name; a sampler is itself.

    >>> from caviar.studies import Random
    >>> from caviar.studies.samplers import get
    >>> get("sobol"), get(Random())
    (Sobol(), Random())
    """
    return public.made(identifier, Sampler, known(), "a sampler is a name like 'random', or a Sampler like Sobol()")
