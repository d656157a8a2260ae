"""Schedules: one table of members under every contract, then the recorded curves and the notes' numbers."""

from __future__ import annotations

import functools
import inspect
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import fact, recorded

import caviar
from caviar.errors import ArgumentError, UnknownNameError
from caviar.optimizers import schedules
from caviar.optimizers.schedules import (
    Chained,
    ConstantStart,
    CosineAnnealing,
    CosineAnnealingRestarts,
    CosineDecay,
    CosineDecayRestarts,
    Cyclic,
    Every,
    ExponentialDecay,
    InverseTimeDecay,
    LinearRamp,
    LinearWarmup,
    MultiStepDecay,
    OneCycle,
    PiecewiseConstantDecay,
    Plateau,
    PolynomialDecay,
    Schedule,
    Sequential,
    StepDecay,
)
from caviar.parts import put_together, take_apart

MEMBERS = [
    PiecewiseConstantDecay([2, 5], [0.1, 0.05, 0.01]),
    StepDecay(0.1, step_size=3, gamma=0.5),
    MultiStepDecay(0.1, milestones=[2, 5], gamma=0.5),
    ConstantStart(0.1, total_iters=4),
    ExponentialDecay(0.1, 4, 0.5),
    ExponentialDecay(0.1, 4, 0.5, staircase=True),
    InverseTimeDecay(0.1, 4, 0.5),
    InverseTimeDecay(0.1, 4, 0.5, staircase=True),
    PolynomialDecay(0.1, 6, power=2.0),
    PolynomialDecay(0.1, 4, cycle=True),
    LinearRamp(0.1),
    CosineDecay(0.1, 8, alpha=0.1),
    CosineDecay(0.0, 8, warmup_target=0.1, warmup_steps=3),
    CosineDecayRestarts(0.1, 3, m_mul=0.5),
    CosineDecayRestarts(0.1, 3, t_mul=1.0),
    CosineAnnealing(0.1, T_max=5, eta_min=0.01),
    CosineAnnealingRestarts(0.1, T_0=3),
    CosineAnnealingRestarts(0.1, T_0=3, T_mult=3, eta_min=0.01),
    Cyclic(0.01, max_lr=0.1, step_size_up=3),
    Cyclic(0.01, max_lr=0.1, step_size_up=3, mode="triangular2"),
    Cyclic(0.01, max_lr=0.1, step_size_up=2, step_size_down=4, mode="exp_range", gamma=0.9),
    OneCycle(0.1, total_steps=12),
    OneCycle(0.1, total_steps=12, three_phase=True, anneal_strategy="linear"),
    Chained([LinearRamp(0.1), ExponentialDecay(1.0, 1, 0.9)]),
    Sequential([ConstantStart(0.1), ExponentialDecay(0.1, 1, 0.9)], milestones=[4]),
    LinearWarmup(CosineDecay(0.1, 8), steps=3),
    LinearWarmup(0.1, steps=3, start=0.01),
    Every(ExponentialDecay(0.1, 1, 0.5), 3),
]
member = pytest.mark.parametrize("schedule", MEMBERS, ids=repr)


@member
def test_the_same_by_hand_compiled_and_with_its_numbers_as_arguments(schedule, float64):
    apart = take_apart(schedule)
    program = jax.jit(jax.vmap(lambda n, step: put_together(apart.structure, n, [])(step), in_axes=(None, 0)))
    numbers = [jnp.asarray(n) for n in apart.numbers]
    compiled = program(numbers, jnp.arange(15))
    assert np.allclose(schedule.curve(15), compiled, rtol=0, atol=1e-15)
    assert np.allclose([schedule(step) for step in (0, 4, 14)], compiled[jnp.array([0, 4, 14])], rtol=0, atol=1e-15)
    program([n * 0.99 for n in numbers], jnp.arange(15))
    assert program._cache_size() == 1
    assert np.all(np.isfinite(compiled))


@member
def test_in_float32_it_is_close_and_stays_so(schedule):
    value = jax.eval_shape(schedule, jnp.int32(3))
    assert (value.shape, value.dtype, value.weak_type) == ((), jnp.float32, False)
    single = schedule.curve(15)
    assert single.dtype == np.float32
    with caviar.config.precision("float64"):
        double = schedule.curve(15)
    assert double.dtype == np.float64
    assert np.allclose(single, double, rtol=2e-6, atol=1e-9)


@member
def test_every_counts_in_epochs(schedule, float64):
    assert np.array_equal(schedule.every(4).curve(15)[:12], np.repeat(schedule.curve(15)[:3], 4))


@member
def test_a_saved_schedule_is_the_same_one(schedule):
    again = type(schedule).from_config(schedule.get_config())
    assert repr(again) == repr(schedule)
    assert take_apart(again).structure == take_apart(schedule).structure


def test_a_population_of_schedules(float64):
    rates = jnp.array([0.1, 0.2])
    curves = jax.vmap(lambda rate: jax.vmap(CosineDecay(rate, 8))(jnp.arange(5)))(rates)
    assert np.allclose(curves[1], CosineDecay(0.2, 8).curve(5), rtol=0, atol=1e-15)


@pytest.mark.parametrize("name", [n for n in schedules.__all__ if isinstance(getattr(schedules, n), type)])
def test_every_schedule_is_documented_and_in_the_table(name):
    kind = getattr(schedules, name)
    assert inspect.getdoc(kind)
    if issubclass(kind, Schedule) and kind is not Schedule:
        assert ">>>" in inspect.getdoc(kind)
        assert any(type(m) is kind for m in MEMBERS)


def test_the_public_names_are_sorted_and_exact():
    public = {
        n for n, v in vars(schedules).items() if n != "__dir__" and (isinstance(v, type) or inspect.isfunction(v))
    }
    assert set(schedules.__all__) == public
    assert schedules.__all__ == sorted(public)


# What other libraries record ----------------------------------------------------------------------------------------

FROM_TORCH = {
    "StepLR": StepDecay,
    "MultiStepLR": MultiStepDecay,
    "ExponentialLR": lambda lr, gamma: ExponentialDecay(lr, 1, gamma),
    "PolynomialLR": lambda lr, total_iters, power: PolynomialDecay(lr, total_iters, 0.0, power),
    "LinearLR": LinearRamp,
    "ConstantLR": ConstantStart,
    "CosineAnnealingLR": CosineAnnealing,
    "CosineAnnealingWarmRestarts": CosineAnnealingRestarts,
    "CyclicLR": lambda _, base_lr, **rest: Cyclic(base_lr, **rest),
    "OneCycleLR": lambda _, **arguments: OneCycle(**arguments),
    "ChainedScheduler": lambda lr, **_: Chained([ExponentialDecay(lr, 1, 1.5), ExponentialDecay(1.0, 1, 2 / 3)]),
    "ChainedScheduler2": lambda lr, **_: Chained([ConstantStart(lr, 0.1, 20), ExponentialDecay(1.0, 1, 0.9)]),
    "SequentialLR": lambda lr, milestones, **_: Sequential(
        [ConstantStart(lr, 0.1, 20), ExponentialDecay(lr, 1, 0.9)], milestones
    ),
}


@pytest.mark.parametrize(
    "case", [c for c in recorded("schedules") if "Plateau" not in c["id"]], ids=lambda c: f"{c['id']}-{c['config']}"
)
def test_recorded_curves(case, float64):
    if case["id"].startswith("keras/"):
        schedule: Any = getattr(schedules, case["id"].removeprefix("keras/"))(**case["config"])
    else:
        schedule = FROM_TORCH[case["id"]](case["inputs"]["base_lr"], **case["config"])
    steps = case["inputs"]["steps"]
    assert np.allclose(schedule.curve(steps), case["expected"]["lr"], rtol=0, atol=1e-12)
    if "momentum" in case["expected"]:
        assert np.allclose(schedule.momentum().curve(steps), case["expected"]["momentum"], rtol=0, atol=1e-12)


def rates_on(plateau: Plateau, metrics: Any, rate: float) -> Any:
    """The learning rate after each epoch, in one compiled scan."""

    def epoch(carry, metric):
        carry = plateau.update(carry[0], metric, carry[1])
        return carry, carry[1]

    return jax.jit(functools.partial(jax.lax.scan, epoch))(
        (plateau.initial(), jnp.asarray(rate)), jnp.asarray(metrics)
    )[1]


PLATEAUS = [case for case in recorded("schedules") if "Plateau" in case["id"]]


@pytest.mark.parametrize("case", PLATEAUS, ids=lambda c: str(c["config"]))
def test_recorded_plateaus(case, float64):
    rates = rates_on(Plateau(**case["config"]), case["inputs"]["metrics"], case["inputs"]["base_lr"])
    used = [case["inputs"]["base_lr"], *rates[:-1]]  # recorded is the rate with which each epoch was trained
    assert np.allclose(used, case["expected"]["lr"], rtol=0, atol=1e-15)


def keras_plateau(metrics, rate, factor, patience, min_delta, cooldown, min_lr):
    """`keras.callbacks.ReduceLROnPlateau.on_epoch_end`, as plain Python."""
    best, wait, left, rates = None, 0, 0, []
    for metric in metrics:
        if left > 0:
            left, wait = left - 1, 0
        if best is None or metric < best - min_delta:
            best, wait = metric, 0
        elif not left > 0:
            wait += 1
            if wait >= patience and rate > min_lr:
                rate, left, wait = max(rate * factor, min_lr), cooldown, 0
        rates.append(rate)
    return rates


@pytest.mark.parametrize(("patience", "cooldown"), [(0, 0), (1, 0), (3, 0), (2, 1), (2, 4), (1, 2)])
def test_plateau_as_keras_counts(patience, cooldown, float64):
    metrics = np.random.default_rng(0).uniform(0, 1, 80) + np.linspace(1, 0, 80)
    expected = keras_plateau(metrics, 1.0, 0.5, patience, 0.01, cooldown, 1e-3)
    plateau = Plateau(0.5, max(patience - 1, 0), 0.01, "abs", max(cooldown - 1, 0), 1e-3, eps=0.0)
    assert np.allclose(rates_on(plateau, metrics, 1.0), expected, rtol=0, atol=1e-15)


@pytest.mark.parametrize("threshold_mode", ["rel", "abs"])
def test_plateau_of_a_score(threshold_mode, float64):
    plateau = Plateau(0.5, patience=0, mode="max", threshold=0.1, threshold_mode=threshold_mode)
    assert np.allclose(rates_on(plateau, [1.0, 1.2, 1.25, 2.0], 1.0), [1.0, 1.0, 0.5, 0.5], rtol=1e-12, atol=1e-15)


def test_a_plateau_state_keeps_its_types_and_shares_no_memory():
    state = Plateau().initial()
    after, rate = jax.eval_shape(Plateau().update, state, jnp.float32(1), jnp.float32(0.1))
    assert [(x.dtype, x.weak_type) for x in after] == [(x.dtype, x.weak_type) for x in state]
    assert (rate.dtype, rate.weak_type) == (jnp.float32, False)
    assert len({x.unsafe_buffer_pointer() for x in state}) == len(state)


# Shapes of the curves -----------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_restarts_begin_exactly_where_they_should():
    curve = CosineAnnealingRestarts(1.0, T_0=2, T_mult=3).curve(2500)
    assert (np.flatnonzero(np.diff(curve) > 0) + 1).tolist() == [2, 8, 26, 80, 242, 728, 2186]
    curve = CosineDecayRestarts(1.0, 10, t_mul=2.0).curve(700)
    assert np.flatnonzero(curve == 1.0).tolist() == [0, 10, 30, 70, 150, 310, 630]


def test_one_cycle_in_three_phases(float64):
    schedule = OneCycle(1.0, total_steps=11, pct_start=4 / 11, anneal_strategy="linear", three_phase=True)
    turns = [0, 3, 6, 10, 11]
    assert np.allclose(schedule.curve(12)[turns], [0.04, 1.0, 0.04, 4e-6, 4e-6], rtol=1e-12, atol=1e-15)
    assert np.allclose(schedule.momentum().curve(12)[turns], [0.95, 0.85, 0.95, 0.95, 0.95], rtol=1e-12, atol=1e-15)


def test_polynomial_cycles(float64):
    curve = PolynomialDecay(1.0, 2, 0.0, cycle=True).curve(7)
    assert np.allclose(curve, [1, 0.5, 0, 0.25, 0, 1 / 6, 0], rtol=1e-12, atol=1e-15)


# Errors -------------------------------------------------------------------------------------------------------------


def test_errors():
    with pytest.raises(ArgumentError, match="decay_steps of ExponentialDecay must be a number above 0, and is 0"):
        ExponentialDecay(0.1, 0, 0.5)(1)
    with pytest.raises(ArgumentError, match="2 boundaries and 2 values"):
        PiecewiseConstantDecay([1, 2], [0.1, 0.2])(1)
    with pytest.raises(ArgumentError, match="1 schedules and 1 milestones"):
        Sequential([ConstantStart(0.1)], [1])(1)
    with pytest.raises(UnknownNameError, match="did you mean 'triangular2'"):
        Cyclic(0.1, 0.2, mode="triangle2")(1)
    with pytest.raises(UnknownNameError, match="anneal_strategy"):
        OneCycle(0.1, 5, anneal_strategy="sine")(1)
    with pytest.raises(UnknownNameError, match="mode of Plateau"):
        Plateau(mode="least").initial()
    with pytest.raises(UnknownNameError, match="threshold_mode of Plateau"):
        Plateau(threshold_mode="relative").initial()


def test_get():
    schedule = StepDecay(0.1, 3)
    assert schedules.get(schedule) is schedule
    assert schedules.get(0.1) == 0.1
    saved = {"class_name": "StepDecay", "config": schedule.get_config()}
    assert repr(schedules.get(saved)) == repr(schedule)
    with pytest.raises(UnknownNameError, match="did you mean 'StepDecay'"):
        schedules.get({"class_name": "StepDekay"})
    with pytest.raises(ArgumentError, match="a Schedule or a callable is needed"):
        schedules.get("StepDecay")


# The lecture notes' numbers -----------------------------------------------------------------------------------------

NOTES = {
    "sched.step": lambda f: StepDecay(f["lr0"], f["n"], f["gamma"]),
    "sched.multistep": lambda f: MultiStepDecay(f["lr0"], f["milestones"], f["gamma"]),
    "sched.exponential": lambda f: ExponentialDecay(f["lr0"], 1, f["gamma"]),
    "sched.polynomial": lambda f: PolynomialDecay(f["lr0"], f["T"], 0.0, f["power"]),
    "sched.linear_0p01_0p1": lambda f: LinearRamp(f["end"], f["start"] / f["end"], 1.0, f["total"]),
    "sched.constant": lambda f: ConstantStart(f["lr0"], f["factor"], f["total"]),
    "sched.cosine": lambda f: CosineAnnealing(f["eta_max"], f["T"], f["eta_min"]),
    "sched.chained": lambda f: Chained([ExponentialDecay(f["lr0"], 1, f["g1"]), ExponentialDecay(1.0, 1, f["g2"])]),
    "sched.sequential": lambda f: Sequential(
        [ExponentialDecay(f["lr0"], 1, f["g1"]), ExponentialDecay(f["lr0"], 1, f["g2"])], [f["milestone"]]
    ),
}


@pytest.mark.parametrize("name", NOTES)
def test_the_notes_schedules(name, float64):
    f = fact(name)
    curve = NOTES[name](f["inputs"]).curve(len(f["expected"]))
    assert np.allclose(curve, f["expected"], rtol=0, atol=max(f["tolerance"], 1e-15))
