"""Structure and numbers: what is an argument of a program, and what is its key."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from caviar.closing import hyperparameters
from caviar.graph import Variable
from caviar.parts import Part, collect, is_off, parts_of, put_together, take_apart
from caviar.ranges import LogUniform
from caviar.regularizers import L2


@dataclass(eq=False, repr=False)
class Thing(Part):
    size: int
    rate: float = 0.5
    inner: Any = None
    name: str | None = None


def structure(part: Any) -> Any:
    return take_apart(part).structure


def test_floats_and_arrays_are_numbers_all_else_is_structure() -> None:
    apart = take_apart(Thing(3, 0.1, {"a": [0.2, "text", 7, None, True], "b": np.ones(2)}))
    assert apart.numbers[:2] == [0.1, 0.2]
    assert apart.numbers[2].tolist() == [1.0, 1.0]
    assert apart.names == ["rate", "inner['a'][0]", "inner['b']"]


def test_an_int_in_a_field_of_floats_is_a_number() -> None:
    assert take_apart(Thing(3, 1)).numbers == [1.0]
    assert structure(Thing(3, 1)) == structure(Thing(3, 0.25))


def test_zero_is_structure_for_it_switches_a_feature_off() -> None:
    assert take_apart(Thing(3, 0.0)).numbers == []
    assert structure(Thing(3, 0.0)) != structure(Thing(3, 0.1))


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        (Thing(3, 0.1), Thing(3, 0.2), True),
        (Thing(3), Thing(4), False),
        (Thing(3, inner=[1, 2]), Thing(3, inner=(1, 2)), False),
        (Thing(3, inner=True), Thing(3, inner=1), False),
        (Thing(3, inner=np.ones(2)), Thing(3, inner=np.zeros(2)), True),
        (Thing(3, inner=np.ones(2)), Thing(3, inner=np.ones(3)), False),
        (Thing(3, inner=jnp.tanh), Thing(3, inner=jnp.tanh), True),
        (Thing(3, inner=jnp.tanh), Thing(3, inner=jnp.sin), False),
        (Thing(3, name="a"), Thing(3, name="b"), True),
    ],
)
def test_equal_structures_share_a_program(one: Part, other: Part, equal: bool) -> None:
    assert (structure(one) == structure(other)) is equal
    if equal:
        assert hash(structure(one)) == hash(structure(other))


def test_a_lambda_written_in_a_loop_is_one_structure() -> None:
    things = [Thing(3, inner=lambda x, n=n: x + n) for n in (1, 1, 2)]
    assert structure(things[0]) == structure(things[1])
    assert structure(things[0]) != structure(things[2])


def test_what_is_shared_stays_shared() -> None:
    inner = Thing(1)
    copy = put_together(*_copy_arguments(Thing(2, inner=[inner, inner])))
    assert copy.inner[0] is copy.inner[1]
    assert structure(Thing(2, inner=[inner, inner])) != structure(Thing(2, inner=[Thing(1), Thing(1)]))


def _copy_arguments(part: Part) -> tuple[Any, list[Any], list[Any]]:
    apart = take_apart(part)
    return apart.structure, apart.numbers, [v.value for v in apart.variables]


def test_a_copy_holds_the_given_numbers_and_values_and_the_original_is_untouched() -> None:
    thing = Thing(2, 0.1, Variable(jnp.ones(3)))
    copy = put_together(structure(thing), [0.7], [jnp.zeros(3)])
    assert (copy.rate, copy.size) == (0.7, 2)
    assert copy.inner.tolist() == [0, 0, 0]
    copy.inner = copy.inner + 5
    assert collect(structure(thing), copy)[0].tolist() == [5, 5, 5]
    assert thing.inner.numpy().tolist() == [1, 1, 1]


def test_repr_reads_like_the_code_that_made_it() -> None:
    thing = Thing(3, rate=0.25, inner=[Thing(4)])
    assert repr(thing) == "Thing(3, rate=0.25, inner=[Thing(4)])"
    assert repr(eval(repr(thing))) == repr(thing)


def test_replace_makes_another_part() -> None:
    thing = Thing(3, 0.25)
    assert repr(thing.replace(size=4)) == "Thing(4, rate=0.25)"
    assert thing.size == 3


def test_plain_classes_remember_what_they_were_made_with() -> None:
    class Plain(Part):
        def __init__(self, size: int, scale: float = 2.0):
            self.doubled = size * 2

    assert Plain(3, scale=4.0).get_config() == {"size": 3, "scale": 4.0}
    assert repr(Plain.from_config({"size": 3})) == "Plain(3)"


def test_floats_declared_fixed_stay_python_numbers() -> None:
    class Plain(Part):
        fixed = ("limit",)

        def __init__(self) -> None:
            self.limit, self.rate = 0.5, 0.25

    apart = take_apart(Plain())
    assert apart.numbers == [0.25]
    assert put_together(apart.structure, [1.0], []).limit == 0.5


def test_parts_of_finds_each_part_once() -> None:
    inner = Thing(1)
    whole = Thing(2, inner=[inner, {"again": inner}])
    assert parts_of(whole) == [whole, inner]


@pytest.mark.parametrize(("value", "off"), [(0, True), (0.0, True), (None, True), (0.1, False), (jnp.zeros(()), False)])
def test_is_off(value: Any, off: bool) -> None:
    assert is_off(value) is off


def test_a_part_says_under_which_path_its_ranges_go_and_how_its_attributes_are_called() -> None:
    @dataclass(eq=False, repr=False, frozen=True)
    class Renamed(L2):
        spoken_names = {"l2": "strength"}

        def path_of_ranges(self, path: str, numbered: Callable[[str], str]) -> str:
            return f"{path}_of_mine"

    assert [h.name for h in hyperparameters(penalty=Renamed(LogUniform(1e-6, 1e-3)))] == ["penalty_of_mine.strength"]
