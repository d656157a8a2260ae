"""How much each hyperparameter matters, as if the trials were spread evenly over the space, however they were chosen.

A search that narrows its ranges puts most trials where all hyperparameters are near the best, so that the good ones lie
together along each of them, also along one that does nothing. Two things undo that: a trial counts as much as the part of
the space for which it stands, and all hyperparameters explain the ranks together, so none is credited with another's effect.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from caviar.studies.tables import Dimension, value_of

_FEWEST = 10
"""Trials that can say anything."""
_TRIALS_A_TERM, _FEWEST_TERMS, _MOST_TERMS = 6, 2, 5  # the curve of a hyperparameter: the more trials, the finer
_BY_CHANCE = 0.01
"""An effect that chance gives more often than this counts as none."""


def importance(
    rows: Iterable[Mapping[str, Any]], dimensions: Iterable[Dimension], monitor: str, sign: int
) -> dict[str, float]:
    """The share of the variance of the ranked values that each hyperparameter explains by itself, largest first.

    It is that over the space as it was written down, with every hyperparameter spread over its whole range: the trials of
    rounds that narrowed it count less. Ranks keep a few terrible trials from deciding; diverged trials rank last. The effects
    are curves of any smooth shape (a choice has one height an option), fitted together; what chance gives once in a hundred
    counts as none, and so does every effect of fewer than 10 trials. The shares add up to at most 1: what is left are
    interactions, of which it sees nothing, and noise.

    >>> from caviar.studies.importance import importance
    >>> from caviar.studies.tables import Dimension
    >>> from types import SimpleNamespace
    >>> line = SimpleNamespace(scale="linear", unit=lambda value: value)
    >>> rows = [{"trial": i, "rate": i / 50, "other": i * 7 % 50 / 50, "loss": i / 50} for i in range(50)]
    >>> found = importance(rows, [Dimension("other", line), Dimension("rate", line)], "loss", sign=-1)
    >>> list(found), found["rate"] > 0.9, found["other"]
    (['rate', 'other'], True, 0.0)
    """
    dimensions = list(dimensions)
    valued = [(row, worth) for row in rows if not math.isnan(worth := _worth(row, monitor, sign))]
    found = dict.fromkeys((d.name for d in dimensions), 0.0)
    if len(valued) >= _FEWEST and dimensions and len({worth for _, worth in valued}) > 1:
        units = np.array([[_unit(d, row) for d in dimensions] for row, _ in valued])
        weights = _weights(units, np.array([row.get("round", 0) for row, _ in valued]))
        ranks = _ranks(np.array([worth for _, worth in valued]), weights)
        found |= _shares(units, weights, ranks, dimensions)
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def _worth(row: Mapping[str, Any], monitor: str, sign: int) -> float:
    """The value of a trial, larger is better; NaN if it has none yet."""
    value = sign * value_of(row, monitor)
    return -math.inf if math.isnan(value) and row.get("status") == "diverged" else value


def _unit(dimension: Dimension, row: Mapping[str, Any]) -> float:
    value = row.get(dimension.name)
    return math.nan if value is None else float(dimension.range.unit(value))


def _weights(units: np.ndarray, rounds: np.ndarray) -> np.ndarray:
    """How much of the space each trial stands for: 1 over the density of all rounds' trials at its point."""
    filled = np.where(np.isnan(units), 0.5, units)
    density = np.zeros(len(units))
    for number in np.unique(rounds):
        own = filled[rounds == number]
        low, high, count = own.min(0), own.max(0), len(own)
        margin = (high - low) / max(count - 1, 1)  # the mean distance of evenly spread points from the ends
        low, high = np.maximum(low - margin, 0), np.minimum(high + margin, 1)
        inside = ((filled >= low - 1e-9) & (filled <= high + 1e-9)).all(1)
        density += inside * count / np.prod(np.maximum(high - low, 1 / len(units)))
    return len(units) / density / np.sum(1 / density)


def _ranks(worths: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The share of the space that is worse than each trial; equal trials get the mean of theirs."""
    _, place = np.unique(worths, return_inverse=True)
    sizes = np.bincount(place, weights)
    return ((np.cumsum(sizes) - sizes / 2) / sizes.sum())[place]


class _Fit(NamedTuple):
    """Least squares with weights: the coefficients, their covariance, and what is left."""

    coefficients: np.ndarray
    covariance: np.ndarray
    noise: float  # its variance
    freedom: float

    @classmethod
    def of(cls, columns: np.ndarray, weights: np.ndarray, ranks: np.ndarray) -> _Fit:
        root = np.sqrt(weights)[:, None]
        solve = np.linalg.pinv(columns * root, rcond=1e-8) * root.T
        rest = ranks - columns @ (solve @ ranks)
        # The number of trials of equal weight that would carry as much information.
        effective = weights.sum() ** 2 / np.sum(weights**2)
        freedom = effective - np.linalg.matrix_rank(solve)
        noise = float(weights @ rest**2 / weights.sum() * effective / max(freedom, 1))
        noise = max(noise, 1 / (12 * len(ranks) ** 2))  # at least the variance of rounding to a rank
        return cls(solve @ ranks, noise * solve @ solve.T, noise, freedom)

    def chance(self, block: slice) -> float:
        """The probability that chance alone gives some columns such an effect (an F test)."""
        from scipy.special import fdtrc

        own, covariance = self.coefficients[block], self.covariance[block, block]
        rank = int(np.linalg.matrix_rank(covariance, hermitian=True))
        if not rank or self.freedom < 1:
            return 1.0
        return float(
            fdtrc(rank, self.freedom, own @ np.linalg.pinv(covariance, rcond=1e-8, hermitian=True) @ own / rank)
        )


def _shares(
    units: np.ndarray, weights: np.ndarray, ranks: np.ndarray, dimensions: Sequence[Dimension]
) -> dict[str, float]:
    """Add one effect after the other, the most certain first, as long as one is beyond chance; then fit them together."""
    effective = weights.sum() ** 2 / np.sum(weights**2)
    terms = int(np.clip(effective // _TRIALS_A_TERM, _FEWEST_TERMS, _MOST_TERMS))
    blocks = {d.name: _curves(units[:, i], d.range.scale == "choice", terms) for i, d in enumerate(dimensions)}
    # Whether a hyperparameter is active is a choice's effect: it counts by itself only where no hyperparameter explains it.
    absent = {f"no {d.name}": np.isnan(units[:, [i]]).astype(float) for i, d in enumerate(dimensions)}
    columns, taken = np.ones((len(ranks), 1)), {}
    while len(columns[0]) < effective / 2:
        best = _surest(blocks, columns, weights, ranks) or _surest(absent, columns, weights, ranks)
        if best is None:
            break
        block = (blocks if best in blocks else absent).pop(best)
        taken[best] = slice(columns.shape[1], columns.shape[1] + block.shape[1])
        columns = np.concatenate([columns, block], 1)
    fit = _Fit.of(columns, weights, ranks)
    of_chance = np.diag(fit.covariance)
    credited = {name: block for name, block in taken.items() if name in {d.name for d in dimensions}}
    explained = {n: max(float(np.sum(fit.coefficients[b] ** 2 - of_chance[b])), 0.0) for n, b in credited.items()}
    whole = sum(explained.values()) + fit.noise
    return {name: share / whole for name, share in explained.items()} if whole else {}


def _surest(
    blocks: Mapping[str, np.ndarray], columns: np.ndarray, weights: np.ndarray, ranks: np.ndarray
) -> str | None:
    start, best, least = columns.shape[1], None, _BY_CHANCE
    for name, block in blocks.items():
        if block.size and np.ptp(block, axis=0).any():
            chance = _Fit.of(np.concatenate([columns, block], 1), weights, ranks).chance(slice(start, None))
            best, least = (name, chance) if chance < least else (best, least)
    return best


def _curves(units: np.ndarray, choice: bool, terms: int) -> np.ndarray:
    """Columns whose sums are the curves along a hyperparameter; over its range each has mean 0 and variance 1."""
    there = ~np.isnan(units)
    if choice:
        _, option = np.unique(units[there], return_inverse=True)
        count = int(option.max(initial=0)) + 1
        contrasts = np.linalg.qr(np.column_stack([np.ones(count), np.eye(count)[:, 1:]]))[0][:, 1:] * math.sqrt(count)
        found = contrasts[option]
    else:
        terms = min(terms, max(len(np.unique(units[there])) - 1, 0))  # through three values goes a curve with one bend
        legendre = np.polynomial.legendre.legvander(2 * units[there] - 1, terms)
        found = (legendre * np.sqrt(2 * np.arange(terms + 1) + 1))[:, 1:]
    columns = np.zeros((len(units), found.shape[1]))
    columns[there] = found
    return columns
