"""Ranges: the shares of the lecture notes, exactly and by drawing; one table of all ranges, and what each must do."""

from __future__ import annotations

import copy
import itertools
import operator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import fact

from caviar import ranges
from caviar.closing import Closed
from caviar.errors import ArgumentError, OpenRangeError
from caviar.layers import Dense
from caviar.optimizers import SGD, Adam
from caviar.parts import parts_of, take_apart
from caviar.ranges import (
    Choice,
    IntUniform,
    LogNormal,
    LogUniform,
    Normal,
    OneMinus,
    Quantized,
    Range,
    Uniform,
)
from caviar.regularizers import L2

# The range, what it is drawn as, the values at its ends (None: it has none).
TABLE: list[tuple[Range, str, Any]] = [
    (Uniform(0, 1), "linear", (0.0, 1.0)),
    (Uniform(-3, 5.5, name="angle"), "linear", (-3.0, 5.5)),
    (LogUniform(1e-4, 1), "log", (1e-4, 1.0)),
    (LogUniform(3, 7), "log", (3.0, 7.0)),
    (OneMinus(LogUniform(1e-3, 1e-1)), "one_minus_log", (0.999, 0.9)),
    (OneMinus(Uniform(0, 1)), "linear", (1.0, 0.0)),
    (OneMinus(OneMinus(LogUniform(1e-3, 1e-1))), "log", (1 - (1 - 1e-3), 1 - (1 - 1e-1))),
    (IntUniform(50, 100), "linear", (50, 100)),
    (IntUniform(-3, 9, 3), "linear", (-3, 9)),
    (IntUniform(1, 10, step=4), "linear", (1, 9)),
    (IntUniform(7, 7), "linear", (7, 7)),
    (Quantized(Uniform(0, 0.3), 0.1), "linear", (0.0, 0.3)),
    (Quantized(Uniform(0.05, 0.99), 0.25), "linear", (0.25, 0.75)),
    (Quantized(LogUniform(16, 500), 16), "log", (16, 496)),
    (Quantized(OneMinus(Uniform(0.1, 0.5)), 0.1), "linear", (0.9, 0.5)),
    (Normal(5, 2), "linear", None),
    (LogNormal(-3.0, 0.5), "log", None),
    (Choice("relu", "tanh"), "choice", ("relu", "tanh")),
    (Choice(None, 0.5, 3, True, name="mixed"), "choice", (None, True)),
    (Choice([1, 2], [3]), "choice", ([1, 2], [3])),
    (Choice(2), "choice", (2, 2)),
]
CASES = [pytest.param(*row, id=repr(row[0])) for row in TABLE]
UNITS = [*np.linspace(0, 1, 101), 1e-300, np.nextafter(1, 0)]


def numbers(of: Range) -> list[float]:
    """The values along the unit interval; for a choice, the places of its options."""
    values = [of.at(u) for u in sorted(UNITS)]
    return [of.options.index(v) for v in values] if isinstance(of, Choice) else values


@pytest.mark.parametrize(("of", "scale", "ends"), CASES)
def test_values_are_plain_and_stay_within_the_ends(of: Range, scale: str, ends: Any) -> None:
    assert of.scale == scale
    if ends is not None:
        assert (of.at(0.0), of.at(1.0)) == ends
    if not isinstance(of, Choice):
        values = numbers(of)
        assert np.isfinite(values).all()
        assert {type(v) for v in values} <= {int, float}
        if ends is not None:
            assert min(ends) <= min(values) <= max(values) <= max(ends)


@pytest.mark.parametrize(("of", "scale", "ends"), CASES)
def test_values_rise_or_fall_with_the_unit(of: Range, scale: str, ends: Any) -> None:
    steps = np.diff(numbers(of))
    assert (steps >= 0).all() or (steps <= 0).all()
    assert isinstance(of, IntUniform | Choice) or steps.any()


@pytest.mark.parametrize(("of", "scale", "ends"), CASES)
def test_unit_is_the_inverse(of: Range, scale: str, ends: Any) -> None:
    for u in np.linspace(0.01, 0.99, 50):
        value = of.at(u)
        assert 0 <= of.unit(value) <= 1
        assert of.at(of.unit(value)) == (
            value if isinstance(of, Choice) else pytest.approx(value, rel=1e-12, abs=1e-12)
        )
        if isinstance(of, Uniform | Normal):
            assert of.unit(value) == pytest.approx(u, abs=1e-12)


@pytest.mark.parametrize(("of", "scale", "ends"), CASES)
def test_a_grid_has_different_values_and_the_ends(of: Range, scale: str, ends: Any) -> None:
    for count in (1, 2, 5, 100):
        values = [of.at(u) for u in of.grid(count)]
        assert 1 <= len(values) <= count
        assert all(a != b for a, b in itertools.pairwise(values))
        if ends is not None and len(values) > 1:
            assert (values[0], values[-1]) == ends
    if isinstance(of, Uniform | OneMinus | Normal):
        assert len(of.grid(100)) == 100


@pytest.mark.parametrize(("of", "scale", "ends"), CASES)
def test_draws_are_reproducible(of: Range, scale: str, ends: Any) -> None:
    keys: list[Any] = [0, np.int64(3), jax.random.key(1), jax.random.PRNGKey(1)]
    for key in keys:
        assert of.draw(key) == of.draw(key)
    assert of.draw(keys[2]) == of.draw(keys[3])
    generator = np.random.default_rng(5)
    assert of.draw(generator) == of.draw(5)
    assert generator.random() != np.random.default_rng(5).random()  # a generator moves on


@pytest.mark.parametrize(("of", "scale", "ends"), CASES)
def test_round_trips(of: Range, scale: str, ends: Any) -> None:
    again = [eval(repr(of)), type(of).from_config(of.get_config()), copy.deepcopy(of), copy.copy(of), of.replace()]
    for other in again:
        assert other is not of
        assert repr(other) == repr(of)
        assert (other.name, numbers(other)) == (of.name, numbers(of))
    assert of.replace(name="other").name == "other"
    assert ">>>" in (type(of).__doc__ or "")


@pytest.mark.parametrize("of", [row[0] for row in TABLE], ids=repr)
def test_a_range_is_equal_to_itself_alone(of: Range) -> None:
    assert of == of
    assert of != copy.deepcopy(of)
    assert len({of, copy.deepcopy(of)}) == 2
    twice = copy.deepcopy({"a": of, "b": [of]})
    assert twice["a"] is twice["b"][0]  # type: ignore[index]


@pytest.mark.parametrize(
    ("of", "text"),
    [
        (LogUniform(1e-4, 1), "LogUniform(0.0001, 1)"),
        (OneMinus(LogUniform(1e-3, 1e-1)), "OneMinus(LogUniform(0.001, 0.1))"),
        (IntUniform(8, 64, step=8), "IntUniform(8, 64, 8)"),
        (Quantized(Uniform(0, 1, name="x"), 0.1, name="y"), "Quantized(Uniform(0, 1, name='x'), 0.1, name='y')"),
        (Choice("relu", jnp.tanh, None, name="f"), "Choice('relu', tanh, None, name='f')"),
    ],
)
def test_repr_reads_as_it_was_written(of: Range, text: str) -> None:
    assert repr(of) == text


def test_every_range_is_in_the_table() -> None:
    public = {v for n, v in vars(ranges).items() if isinstance(v, type) and issubclass(v, Range) and n[0] != "_"}
    assert public - {type(row[0]) for row in TABLE} == {Range}


# -- what the lecture notes say -----------------------------------------------------------------------------------------


def share(of: Range, low: float, high: float) -> tuple[float, float]:
    """The share of values between two numbers: by the inverse distribution function, and by drawing."""
    generator = np.random.default_rng(0)
    values = np.array([of.draw(generator) for _ in range(20_000)])
    return abs(of.unit(high) - of.unit(low)), float(np.mean((values >= low) & (values < high)))


def test_uniform_learning_rates_waste_nine_of_ten_trials() -> None:
    f = fact("hp.uniform_lr_share")
    lo, hi, cut, samples = (f["inputs"][k] for k in ("lo", "hi", "cut", "samples"))
    exact, drawn = share(Uniform(lo, hi), cut, hi)
    assert exact == pytest.approx(f["expected"]["share_above"], abs=f["tolerance"])
    assert samples * exact == pytest.approx(f["expected"]["above"], abs=samples * f["tolerance"])
    assert samples * Uniform(lo, hi).unit(cut) == pytest.approx(f["expected"]["below"], abs=samples * f["tolerance"])
    assert drawn == pytest.approx(exact, abs=0.01)


def test_logarithmic_learning_rates_give_each_decade_a_quarter() -> None:
    f = fact("hp.log_lr_share")
    a, b = f["expected"]["a"], f["expected"]["b"]
    of = LogUniform(f["inputs"]["lo"], f["inputs"]["hi"])
    for r in range(int(a), int(b)):
        exact, drawn = share(of, 10.0**r, 10.0 ** (r + 1))
        assert exact == pytest.approx(f["expected"]["share_per_decade"], abs=f["tolerance"])
        assert f["inputs"]["samples"] * exact == pytest.approx(f["expected"]["samples_per_decade"], abs=1e-10)
        assert drawn == pytest.approx(exact, abs=0.01)
    for u in np.linspace(0, 1, 9):
        assert of.at(u) == pytest.approx(10 ** (a + (b - a) * u), rel=f["tolerance"])


def test_uniform_momentum_is_ten_to_one_below_099() -> None:
    f = fact("hp.uniform_beta_share")
    lo, mid, hi, samples = (f["inputs"][k] for k in ("lo", "mid", "hi", "samples"))
    exact, drawn = share(Uniform(lo, hi), lo, mid)
    assert exact == pytest.approx(f["expected"]["share_low"], abs=f["tolerance"])
    assert samples * exact == pytest.approx(f["expected"]["low"], abs=samples * f["tolerance"])
    assert samples * (1 - exact) == pytest.approx(f["expected"]["high"], abs=samples * f["tolerance"])
    assert drawn == pytest.approx(exact, abs=0.01)


def test_momentum_by_one_minus_gives_each_decade_half() -> None:
    f = fact("hp.log_beta")
    expected, tolerance = f["expected"], f["tolerance"]
    of = OneMinus(LogUniform(1 - f["inputs"]["hi"], 1 - f["inputs"]["lo"]))
    assert of.at(0.0) == pytest.approx(expected["beta_at_r_min"], abs=tolerance)
    assert of.at(1.0) == pytest.approx(expected["beta_at_r_max"], abs=tolerance)
    for u in np.linspace(0, 1, 9):
        r = expected["r_min"] + (expected["r_max"] - expected["r_min"]) * u
        assert of.at(u) == pytest.approx(1 - 10**r, abs=tolerance)
    for low, high in ((0.9, 0.99), (0.99, 0.999)):
        exact, drawn = share(of, low, high)
        assert exact == pytest.approx(expected["share_per_decade"], abs=tolerance)
        assert drawn == pytest.approx(exact, abs=0.015)


def test_hidden_units_and_layers_are_uniform() -> None:
    f = fact("hp.linear_range")
    units = IntUniform(f["inputs"]["units_lo"], f["inputs"]["units_hi"])
    assert len(units.values) == len(units.grid(1000)) == f["expected"]["n_unit_values"]
    counts = np.bincount([units.draw(seed) for seed in range(20_000)])[50:]
    assert len(counts) == f["expected"]["n_unit_values"]
    assert np.abs(counts / 20_000 - 1 / 51).max() < 0.005
    layers = Choice(*f["inputs"]["layers"])
    assert sorted({layers.draw(seed) for seed in range(100)}) == f["expected"]["layers"]
    assert list(IntUniform(2, 4).values) == f["expected"]["layers"]


def test_normal_and_log_normal_have_their_moments() -> None:
    units = (np.arange(20_000) + 0.5) / 20_000
    values = [Normal(5, 2).at(u) for u in units]
    assert (np.mean(values), np.std(values)) == (pytest.approx(5, abs=1e-9), pytest.approx(2, abs=1e-3))
    logs = np.log([LogNormal(-3, 0.5).at(u) for u in units])
    assert (logs.mean(), logs.std()) == (pytest.approx(-3, abs=1e-9), pytest.approx(0.5, abs=1e-3))


def test_quantized_values_are_multiples() -> None:
    assert [Quantized(Uniform(0, 1), 0.1).at(u) for u in np.linspace(0, 1, 11)] == [i / 10 for i in range(11)]
    counts = np.unique([Quantized(Uniform(0, 4), 1).at(u) for u in (np.arange(8000) + 0.5) / 8000], return_counts=True)
    assert [c.tolist() for c in counts] == [[0, 1, 2, 3, 4], [1000, 2000, 2000, 2000, 1000]]
    assert {type(Quantized(Uniform(0, 64), step).at(0.3)) for step in (8, 8.0)} == {int, float}


# -- where they stand ---------------------------------------------------------------------------------------------------


def test_a_range_stands_where_a_number_stands() -> None:
    rate, units = LogUniform(1e-4, 1), IntUniform(50, 100)
    optimizer = Adam(rate, beta_1=OneMinus(LogUniform(1e-3, 1e-1)))
    assert optimizer.learning_rate is rate
    assert repr(optimizer) == "Adam(LogUniform(0.0001, 1), beta_1=OneMinus(LogUniform(0.001, 0.1)))"
    layer = Dense(units, activation=Choice("relu", "tanh"), kernel_regularizer=L2(LogUniform(1e-5, 1e-1)))
    assert len(parts_of(layer, Range)) == 3
    assert layer.units is units


def test_an_option_is_the_object_itself() -> None:
    options = [SGD(0.1), Adam(LogUniform(1e-4, 1)), [Dense(4), Dense(2)], None, SGD(0.1)]
    choice = Choice(*options)
    assert all(choice.at((i + 0.5) / 5) is option for i, option in enumerate(options))
    assert [choice.unit(o) for o in options] == pytest.approx([0.1, 0.3, 0.5, 0.7, 0.9])
    assert choice.unit(SGD(0.1)) == 0.1  # one that reads the same
    with pytest.raises(ArgumentError, match="not among the options"):
        choice.unit(0.0)


def test_a_value_outside_is_at_the_nearest_end() -> None:
    outside = [
        (Uniform(1, 2), 0.0, 3.0),
        (LogUniform(1, 2), -1.0, 3.0),
        (IntUniform(1, 3), -5, 5),
        (LogNormal(0, 1), -1.0, 1e300),
    ]
    for of, below, above in outside:
        assert of.at(of.unit(below)) == of.at(0.0)
        assert of.at(of.unit(above)) == of.at(1.0)


OPERATIONS = [
    *[lambda r, op=op: op(r, 2) for op in (operator.add, operator.sub, operator.mul, operator.truediv, operator.pow)],
    *[lambda r, op=op: op(2, r) for op in (operator.add, operator.sub, operator.mul, operator.mod, operator.floordiv)],
    *[lambda r, op=op: op(r, 2.0) for op in (operator.lt, operator.le, operator.gt, operator.ge)],
    *[lambda r, op=op: op(1, r) for op in (operator.lt, operator.ge, min, max)],
    *[operator.neg, abs, round, float, int, bool, complex, range, np.asarray, np.exp, jnp.asarray],
    *[lambda r: np.ones(2) * r, lambda r: jnp.ones(2) * r, lambda r: np.float32(1) + r, lambda r: [1, 2][r]],
]


@pytest.mark.parametrize("number", range(len(OPERATIONS)))
def test_whoever_needs_a_number_is_told_of_the_range(number: int) -> None:
    with pytest.raises(
        OpenRangeError, match=r"LogUniform\(0.0001, 1\) stands where .* needs a value: caviar.search closes ranges"
    ):
        OPERATIONS[number](LogUniform(1e-4, 1))


WRONG = [
    (lambda: Uniform(3, 1), r"reversed: write Uniform\(1, 3\)"),
    (lambda: Uniform(1, 1.0), "empty: write the number 1"),
    (lambda: Uniform(0, float("inf")), "high of Uniform must be a number, and is inf: write a finite number"),
    (lambda: Uniform(float("nan"), 1), "low of .* is nan"),
    (lambda: Uniform("0", 1), "low of .* is '0'"),
    (lambda: Uniform(None, 1), "low of .* is None"),
    (lambda: Uniform(True, 2), "low of .* is True"),
    (lambda: LogUniform(0, 1), "no logarithm: write a low end like 1e-4"),
    (lambda: LogUniform(-1, 1), "no logarithm"),
    (lambda: LogUniform(1, 1e-4), r"reversed: write LogUniform\(0.0001, 1\)"),
    (lambda: OneMinus(0.1), "range of OneMinus must be a Range, and is 0.1"),
    (lambda: OneMinus(Choice(1, 2)), "OneMinus was given Choice"),
    (lambda: Quantized(3, 1), "range of Quantized must be a Range, and is 3"),
    (lambda: Quantized(Uniform(0, 1), 0), "step of Quantized must be a number above 0, and is 0"),
    (lambda: Quantized(Uniform(0, 1), -0.1), "step of .* is -0.1"),
    (lambda: Quantized(Uniform(0.2, 0.8), 1), "empty: no multiple of 1 lies in it"),
    (lambda: IntUniform(5, 1), r"reversed: write IntUniform\(1, 5\)"),
    (lambda: IntUniform(1.0, 5), "low of IntUniform must be a whole number, and is 1.0: write 1"),
    (lambda: IntUniform(1, 5, 0), "step of IntUniform must be a whole number of at least 1, and is 0: write 1"),
    (lambda: IntUniform(1, 5, 0.5), "step of .* is 0.5"),
    (lambda: Normal(0, 0), "stddev of Normal must be a number above 0, and is 0"),
    (lambda: Normal(float("inf"), 1), "mean of .* is inf"),
    (lambda: LogNormal(1000, 200), "mean and stddev of the natural logarithm"),
    (lambda: Choice(), "no options"),
    (lambda: Choice([1, 2, 3]), r"Choice\(\[1, 2, 3\]\) is a list: write Choice\(\*options\)"),
    (lambda: Choice((1, 2)), r"write Choice\(\*options\)"),
    (
        lambda: Uniform(0, 1).draw(None),
        "draw wants an int that is not negative, a NumPy generator or a JAX key, and not None",
    ),
    (lambda: Uniform(0, 1).draw(-1), "not -1"),
]


@pytest.mark.parametrize(("make", "says"), WRONG, ids=[says for _, says in WRONG])
def test_wrong_ranges_are_refused(make: Any, says: str) -> None:
    with pytest.raises(ArgumentError, match=says):
        make()


def test_a_range_of_ones_own_needs_at_and_unit() -> None:
    class Square(Range):
        def at(self, u: float) -> float:
            return u * u

    assert Square(name="s").draw(0) == np.random.default_rng(0).random() ** 2
    with pytest.raises(NotImplementedError, match="Square has no unit"):
        Square().unit(0.25)
    with pytest.raises(NotImplementedError, match="Range has no at"):
        Range().at(0.5)


def test_a_closed_number_remembers_its_hyperparameter() -> None:
    number = Closed(0.01, "learning_rate")
    for one in (number, copy.copy(number), copy.deepcopy(number), copy.deepcopy([number])[0]):
        assert (type(one), one, one.origin) == (Closed, 0.01, "learning_rate")
    assert (repr(number), type(number * 2)) == ("0.01", float)
    assert take_apart(SGD(number)).numbers[0] == 0.01
