"""From a name to a strategy."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from caviar import public
from caviar.studies import samplers
from caviar.studies.strategies.base import Strategy
from caviar.studies.strategies.evolution import PopulationBased
from caviar.studies.strategies.full import Full


def known() -> dict[str, Callable[[], Strategy]]:
    """Every strategy by its name; that of a sampler is all of its trials, trained to the end.

    >>> from caviar.studies.strategies.lookup import known
    >>> known()["grid"](), known()["halving"]()
    (Full('grid'), Halving())
    """
    sampled = {name: partial(Full, name) for name in samplers.known()}
    others = public.named("caviar.studies.strategies", Strategy, Strategy, Full, PopulationBased)
    return {**sampled, **{name: cls for name, cls in others.items() if name.islower()}, "population": PopulationBased}


def get(identifier: Any) -> Strategy:
    """The strategy of a name; a strategy is itself.

    >>> from caviar.studies import Halving
    >>> from caviar.studies.strategies.lookup import get
    >>> get("sobol"), get("coarse_to_fine"), get(Halving(2))
    (Full('sobol'), CoarseToFine(), Halving(2))
    """
    return public.made(
        identifier, Strategy, known(), "a strategy is a name like 'random', or a Strategy like Full(Sobol())"
    )
