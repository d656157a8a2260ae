"""Searches: a population of networks trained by one program, and the study of what came out.

The way of a search: `search` describes the task, `strategies` decide who trains how long, `samplers` where new trials lie,
`population` sorts members into groups and blocks, `driver` runs the rounds and writes them to the `store`, and a `study` is
what people look at.
"""

from __future__ import annotations

from caviar.studies.plots import plot_grid_versus_random
from caviar.studies.samplers import Grid, Halton, Optuna, Random, Sampler, Sobol
from caviar.studies.searching import search
from caviar.studies.strategies import CoarseToFine, Full, Halving, Hyperband, PopulationBased, Strategy
from caviar.studies.study import Study, load_study
from caviar.studies.tables import Table

__all__ = [
    "CoarseToFine",
    "Full",
    "Grid",
    "Halton",
    "Halving",
    "Hyperband",
    "Optuna",
    "PopulationBased",
    "Random",
    "Sampler",
    "Sobol",
    "Strategy",
    "Study",
    "Table",
    "load_study",
    "plot_grid_versus_random",
    "search",
]


def __dir__() -> list[str]:
    return __all__
