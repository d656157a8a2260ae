"""What every member of every family is from the line that lists it on: public, found by its name, and saved by it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest

from caviar import (
    activations,
    initializers,
    layers,
    losses,
    metrics,
    ops,
    optimizers,
    public,
    ranges,
    regularizers,
    studies,
)
from caviar.models import names
from caviar.optimizers import schedules
from caviar.parts import Part
from caviar.studies import Strategy, samplers
from caviar.studies.strategies import lookup
from caviar.text import snake_case

SAVED = [initializers, layers, losses, metrics, optimizers, ranges, regularizers, schedules]
# How a member is found by its name, and what is no member of the family: its bases, and what is made of others.
FOUND: list[tuple[Any, Callable[[str], Any], set[str]]] = [
    (initializers, initializers.get, {"Initializer"}),
    (losses, losses.get, {"ElementLoss", "FunctionLoss", "Loss"}),
    (metrics, metrics.get, {"Accuracy", "Additive", "MeanOf", "Metric", "SampleMean"}),
    (optimizers, optimizers.get, {"Optax", "Optimizer"}),
    (regularizers, regularizers.get, {"Regularizer"}),
    (studies, samplers.get, {"Sampler", *public.members("caviar.studies", Strategy)}),
    (studies, lookup.get, {"Full", "PopulationBased", "Strategy", *public.members("caviar.studies", samplers.Sampler)}),
]


def needs_nothing(cls: type) -> bool:
    """Whether it can be made without arguments, and so by its name alone."""
    return all(p.default is not p.empty or p.kind is p.VAR_KEYWORD for p in inspect.signature(cls).parameters.values())


@pytest.mark.parametrize("family", SAVED, ids=lambda f: f.__name__)
def test_a_file_names_each_and_finds_it_again(family: Any) -> None:
    members = public.members(family.__name__, Part)
    assert {name: names.class_of(names.name_of_class(cls)) for name, cls in members.items()} == members


@pytest.mark.parametrize("family", [activations, losses], ids=lambda f: f.__name__)
def test_a_file_names_each_function_and_finds_it_again(family: Any) -> None:
    own = [f for f in public.functions(family.__name__).values() if family is activations or hasattr(f, "made_from")]
    assert [names.function_of(str(names.name_of_function(f))) for f in own] == own


def test_a_file_names_each_operation_and_finds_it_again() -> None:
    own = {name: function for table in ops.TABLES for name, function in table.items()}
    assert {name: names.OPERATIONS[str(names.name_of_operation(f))] for name, f in own.items()} == own


@pytest.mark.parametrize(("family", "get", "others"), FOUND, ids=[f.__name__ for f, _, _ in FOUND])
def test_each_is_found_by_its_name(family: Any, get: Callable[[str], Any], others: set[str]) -> None:
    members = public.members(family.__name__, Part)
    named = {n: c for n, c in members.items() if n[0].isupper() and n not in others and needs_nothing(c)}
    assert len(named) > 2
    assert {name: type(get(snake_case(name))) for name in named} == named


def test_each_activation_is_found_by_its_name() -> None:
    own = {n: f for n, f in public.functions("caviar.activations").items() if n not in ("prelu", "rrelu")}
    assert {name: activations.get(name) for name in own} == own
