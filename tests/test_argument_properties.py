"""Any value at all for any declared argument: taken as it is declared, or refused in caviar's words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_arguments import ARGUMENTS, CLASSES

from caviar.arguments import declared, signature_of
from caviar.declarations import Number, fits
from caviar.errors import ArgumentError, CaviarError
from caviar.parts import take_apart
from caviar.ranges import Choice, IntUniform, Uniform

SETTINGS = settings(deadline=None, derandomize=True, database=None)
PLAIN = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=4),
    st.binary(max_size=2),
    st.complex_numbers(),
    st.floats(width=32).map(np.float32),
    st.integers(-(2**31), 2**31 - 1).map(np.int32),
)
ANYTHING = st.one_of(
    PLAIN,
    st.lists(PLAIN, max_size=3),
    st.lists(st.integers(-2, 5), max_size=3).map(tuple),
    st.dictionaries(st.text(max_size=2), PLAIN, max_size=2),
    st.lists(st.floats(), max_size=3).map(np.array),
    st.lists(PLAIN, min_size=1, max_size=3).map(lambda options: Choice(*options)),
    st.tuples(st.integers(-9, 0), st.integers(1, 9)).map(lambda ends: IntUniform(*ends)),
    st.tuples(st.floats(-9, 0), st.floats(1, 9)).map(lambda ends: Uniform(*ends)),
)


@settings(SETTINGS, max_examples=600)
@given(at=st.integers(0, len(ARGUMENTS) - 1), value=ANYTHING)
def test_what_is_declared_is_taken_and_all_else_is_refused(at: int, value: Any) -> None:
    cls, name = ARGUMENTS[at]
    declaration, refused = declared(cls)[name], None
    try:
        cls(**{name: value})
    except (CaviarError, TypeError) as error:
        refused = error
    if refused is None:
        assert fits(declaration, value)
    elif str(refused).startswith(f"{name} of {cls.__name__} must be"):
        assert isinstance(refused, ArgumentError)
        assert not fits(declaration, value)
    else:  # of no use without, or beside, another argument; where that has no default, Python says so
        assert isinstance(refused, CaviarError) or "missing" in str(refused)


@settings(SETTINGS, max_examples=300)
@given(value=st.one_of(st.floats(), st.integers()), ends=st.tuples(st.floats(-9, 9), st.floats(-9, 9)))
def test_the_hint_of_an_interval_is_always_right(value: Any, ends: tuple[float, float]) -> None:
    for number in (Number(least=min(ends), most=max(ends)), Number(above=min(ends)), Number(least=1, whole=True)):
        hint = number.hint(value)
        if not number.allows(value) and hint.startswith("write ") and hint != "write a finite number":
            near = float(hint.removeprefix("write "))
            assert (
                number.allows(int(near) if number.whole else near)
                or abs(near - number.least) < 1e-5
                or abs(near - number.most) < 1e-5
            )


@pytest.mark.parametrize(
    "cls", [c for c in CLASSES if c.__module__.startswith("caviar.optimizers")], ids=lambda c: c.__name__
)
def test_what_was_made_says_how_to_make_it_again(cls: type) -> None:
    if any(p.default is p.empty and p.kind < 2 for p in signature_of(cls).parameters.values()):
        pytest.skip("it has arguments without a default")
    made = cls()
    again = cls(**made.get_config())  # type: ignore[attr-defined]
    assert take_apart(again).structure == take_apart(made).structure
    assert take_apart(again).numbers == take_apart(made).numbers
