"""PyTorch's schedulers: one table of members under every contract, then PyTorch's curves and the notes' numbers."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from compiles import compiles
from conftest import DATA, fact, recorded

import caviar.dialects.torch as torch
from caviar.dialects.torch.optim import SGD, Adagrad, Adam
from caviar.dialects.torch.optim import lr_scheduler as L
from caviar.errors import ArgumentError, CaviarError

MEMBERS: dict[str, Any] = {
    "ChainedScheduler": lambda o: L.ChainedScheduler([L.ConstantLR(o, 0.1, 2), L.ExponentialLR(o, 0.9)]),
    "ConstantLR": L.ConstantLR,
    "CosineAnnealingLR": lambda o: L.CosineAnnealingLR(o, 5, 0.01),
    "CosineAnnealingWarmRestarts": lambda o: L.CosineAnnealingWarmRestarts(o, 2, 2),
    "CyclicLR": lambda o: L.CyclicLR(o, 0.01, 0.1, 3, mode="triangular2"),
    "ExponentialLR": lambda o: L.ExponentialLR(o, 0.9),
    "LambdaLR": lambda o: L.LambdaLR(o, lambda epoch: 0.5**epoch),
    "LinearLR": L.LinearLR,
    "MultiStepLR": lambda o: L.MultiStepLR(o, [2, 5]),
    "MultiplicativeLR": lambda o: L.MultiplicativeLR(o, lambda epoch: 0.9),
    "OneCycleLR": lambda o: L.OneCycleLR(o, 0.3, 20),
    "PolynomialLR": lambda o: L.PolynomialLR(o, 10),
    "ReduceLROnPlateau": lambda o: L.ReduceLROnPlateau(o, patience=0),
    "SequentialLR": lambda o: L.SequentialLR(o, [L.LinearLR(o), L.ExponentialLR(o, 0.9)], [3]),
    "StepLR": lambda o: L.StepLR(o, 3, 0.5),
}
member = pytest.mark.parametrize("name", MEMBERS)


def optimizer(kind: Any = SGD, **options: Any) -> Any:
    """Two groups, whose rates are 0.1 and 0.4, and gradients that are there."""
    params = [torch.ones(1, requires_grad=True) for _ in "ab"]
    for p in params:
        p.grad = torch.zeros(1)
    return kind([{"params": params[:1]}, {"params": params[1:], "lr": 0.4}], lr=0.1, **options)


def rates(scheduler: Any, steps: int, metrics: Any = None) -> list[list[float]]:
    """The rates of all groups with which each epoch is trained."""
    seen = []
    for epoch in range(steps):
        seen.append([group["lr"] for group in scheduler.optimizer.param_groups])
        assert scheduler.get_last_lr() == seen[-1]
        scheduler.optimizer.step()
        if isinstance(scheduler, L.ReduceLROnPlateau):
            scheduler.step(1.0 if metrics is None else metrics[epoch])
        else:
            scheduler.step()
    return seen


# -- every scheduler --------------------------------------------------------------------------------------------------


def test_the_public_list_is_exact_and_documented() -> None:
    assert sorted(L.__all__) == sorted([*MEMBERS, "LRScheduler"])
    assert all(getattr(L, name).__doc__ for name in L.__all__)
    assert all(isinstance(make(optimizer()), getattr(L, name)) for name, make in MEMBERS.items())


@member
def test_a_state_dict_resumes_exactly(name: str, tmp_path: Path) -> None:
    first = MEMBERS[name](optimizer())
    rates(first, 4)
    torch.save([first.optimizer.state_dict(), first.state_dict()], tmp_path / "state.pt")
    again = MEMBERS[name](optimizer())
    theirs, own = torch.load(tmp_path / "state.pt")
    again.optimizer.load_state_dict(theirs)
    again.load_state_dict(own)
    assert rates(again, 8) == rates(first, 8)


@member
def test_other_rates_compile_nothing(name: str) -> None:
    scheduler = MEMBERS[name](optimizer(momentum=0.5))
    rates(scheduler, 1)
    with compiles() as count:
        seen = rates(scheduler, 7)
    assert count() == 0
    assert len(np.unique(seen)) > 2


@member
def test_what_is_no_optimizer_is_refused(name: str) -> None:
    parts = {"ChainedScheduler": "ConstantLR", "SequentialLR": "LinearLR"}  # made first
    with pytest.raises(ArgumentError, match=rf"^{parts.get(name, name)} schedules an optimizer, and was given tensor"):
        MEMBERS[name](torch.ones(1))


# -- against PyTorch --------------------------------------------------------------------------------------------------

CASES = [c for c in recorded("schedules") if "torch" in c["source"]]
COMBINED: dict[str, Any] = {
    "ChainedScheduler": lambda o, _: L.ChainedScheduler([L.ExponentialLR(o, 1.5), L.ExponentialLR(o, 2 / 3)]),
    "ChainedScheduler2": lambda o, _: L.ChainedScheduler([L.ConstantLR(o, 0.1, 20), L.ExponentialLR(o, 0.9)]),
    "SequentialLR": lambda o, milestones: L.SequentialLR(
        o, [L.ConstantLR(o, 0.1, 20), L.ExponentialLR(o, 0.9)], milestones
    ),
}


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c['id']}-{c['config']}")
def test_a_recorded_curve(case: dict[str, Any]) -> None:
    config, given, expected = case["config"], case["inputs"], case["expected"]
    w = torch.ones(1, requires_grad=True)
    own = SGD([w], given["base_lr"], momentum=0.9)
    make = COMBINED.get(case["id"])
    scheduler = make(own, config.get("milestones")) if make else getattr(L, case["id"])(own, **config)
    curve, momenta = [], []
    for epoch in range(given["steps"]):
        curve.append(own.param_groups[0]["lr"])
        momenta.append(own.param_groups[0]["momentum"])
        own.step()
        scheduler.step(*([given["metrics"][epoch]] if "metrics" in given else []))
    np.testing.assert_allclose(curve, expected["lr"], rtol=0, atol=1e-12)
    if "momentum" in expected:
        np.testing.assert_allclose(momenta, expected["momentum"], rtol=0, atol=1e-12)


# PyTorch 2.13: the rates of both groups in epochs 0, 2, 5 and 8.
CURVES: dict[str, Any] = {
    "lambda": (
        lambda o: L.LambdaLR(o, [lambda e: 0.95**e, lambda e: 1 / (e + 1)]),
        [
            [0.1, 0.4],
            [0.09025, 0.133333333333333],
            [0.07737809375, 0.066666666666667],
            [0.066342043128906, 0.044444444444444],
        ],
    ),
    "multiplicative": (
        lambda o: L.MultiplicativeLR(o, lambda e: 1 - 0.05 * e),
        [[0.1, 0.4], [0.0855, 0.342], [0.043605, 0.17442], [0.011904165, 0.04761666]],
    ),
    "warm-up, cosine": (
        lambda o: L.SequentialLR(o, [L.LinearLR(o, 0.01, 1.0, 4), L.CosineAnnealingLR(o, 8, 0.01)], [4]),
        [[0.001, 0.004], [0.0505, 0.202], [0.096574578963008, 0.385156508839701], [0.055, 0.205]],
    ),
    "warm-up, factors": (
        lambda o: L.SequentialLR(o, [L.LinearLR(o, 0.5, 0.8, 4), L.MultiplicativeLR(o, lambda e: 0.9)], [4]),
        [[0.05, 0.2], [0.065, 0.26], [0.058725, 0.2349], [0.042810525, 0.1712421]],
    ),
    "three in a row": (
        lambda o: L.SequentialLR(o, [L.ConstantLR(o, 0.1, 2), L.ExponentialLR(o, 0.9), L.StepLR(o, 2, 0.5)], [3, 7]),
        [[0.01, 0.04], [0.1, 0.4], [0.081, 0.324], [0.1, 0.4]],
    ),
    "a sequence in a chain": (
        lambda o: L.ChainedScheduler(
            [L.SequentialLR(o, [L.LinearLR(o, 0.5, 1.0, 3), L.ConstantLR(o, 1.0, 3)], [3]), L.ExponentialLR(o, 0.9)]
        ),
        [[0.05, 0.2], [0.0675, 0.27], [0.0729, 0.2916], [0.0531441, 0.2125764]],
    ),
    "cosine and steps": (
        lambda o: L.ChainedScheduler([L.CosineAnnealingLR(o, 10), L.StepLR(o, 4, 0.5)]),
        [[0.1, 0.4], [0.090450849718747, 0.36180339887499], [0.025, 0.1], [0.002387287570313, 0.009549150281253]],
    ),
    "cosine, up again": (
        lambda o: L.CosineAnnealingLR(o, 4, 0.02),
        [[0.1, 0.4], [0.06, 0.21], [0.031715728752538, 0.075649711574556], [0.1, 0.4]],
    ),
    "restarts": (
        lambda o: L.CosineAnnealingWarmRestarts(o, 3, 2, 0.01),
        [[0.1, 0.4], [0.0325, 0.1075], [0.0775, 0.3025], [0.0160288568297, 0.036125046262034]],
    ),
    "polynomial": (lambda o: L.PolynomialLR(o, 5, 2.0), [[0.1, 0.4], [0.036, 0.144], [0.0, 0.0], [0.0, 0.0]]),
    "line to 0": (lambda o: L.LinearLR(o, 1.0, 0.0, 5), [[0.1, 0.4], [0.06, 0.24], [0.0, 0.0], [0.0, 0.0]]),
    "a milestone twice": (
        lambda o: L.MultiStepLR(o, [5, 2, 2], 0.5),
        [[0.1, 0.4], [0.025, 0.1], [0.0125, 0.05], [0.0125, 0.05]],
    ),
    "cycles of one's own": (
        lambda o: L.CyclicLR(
            o, [0.01, 0.02], [0.1, 0.3], 3, 4, scale_fn=lambda x: 0.8**x, scale_mode="iterations", cycle_momentum=False
        ),
        [[0.01, 0.02], [0.0484, 0.139466666666667], [0.0247456, 0.0658752], [0.0150331648, 0.035658734933333]],
    ),
    "one cycle, lines": (
        lambda o: L.OneCycleLR(
            o, [0.3, 0.6], epochs=3, steps_per_epoch=4, anneal_strategy="linear", cycle_momentum=False
        ),
        [
            [0.012, 0.024],
            [0.233538461538462, 0.467076923076923],
            [0.214286057142857, 0.428572114285714],
            [0.107143628571429, 0.214287257142857],
        ],
    ),
    "one cycle in three": (
        lambda o: L.OneCycleLR(o, 0.3, 12, three_phase=True, cycle_momentum=False, pct_start=0.25),
        [[0.012, 0.012], [0.3, 0.3], [0.011405872626094, 0.011405872626094], [0.004665607908822, 0.004665607908822]],
    ),
}


@pytest.mark.parametrize("name", CURVES)
def test_a_curve_of_two_groups(name: str) -> None:
    make, expected = CURVES[name]
    np.testing.assert_allclose(np.array(rates(make(optimizer()), 9))[[0, 2, 5, 8]], expected, rtol=0, atol=1e-12)


def test_cycles_move_the_first_beta() -> None:
    for make, expected in (
        (lambda o: L.CyclicLR(o, 0.01, 0.1, 3, 2), [0.9, 0.8666666666666667, 0.8333333333333334, 0.8, 0.85, 0.9]),
        (
            lambda o: L.OneCycleLR(o, 0.3, 12, three_phase=True),
            [0.95, 0.9177302443521267, 0.8625744625914449, 0.8557271987173395, 0.9060268340127662, 0.9485470908713025],
        ),
    ):
        own, seen = optimizer(Adam, betas=(0.5, 0.9)), []
        scheduler = make(own)
        for _ in expected:
            seen.append(own.param_groups[1]["betas"])
            own.step()
            scheduler.step()
        np.testing.assert_allclose(seen, [(beta, 0.9) for beta in expected], rtol=0, atol=1e-12)


def test_restarts_take_fractions_of_an_epoch() -> None:
    scheduler, seen = L.CosineAnnealingWarmRestarts(optimizer(), 3, 2), []
    scheduler.optimizer.step()
    for epoch in (0, 0.5, 1.25, 2.9, 3.5, 8.99, 9.5):
        scheduler.step(epoch)
        seen.append(scheduler.get_last_lr()[0])
    expected = [0.1, 0.09330127018922195, 0.06294095225512604, 0.0002739052315863355, 0.09829629131445342,
                6.853876286627703e-07, 0.09957224306869053]  # fmt: skip
    np.testing.assert_allclose(seen, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda o: L.StepLR(o, 3, 0.5), [0.1, 0.05, 0.05, 0.0125]),
        (lambda o: L.ExponentialLR(o, 0.9), [0.09, 0.059049, 0.0729, 0.03874204890000001]),
        (lambda o: L.LinearLR(o, 0.5, 1, 4), [0.0625, 0.1, 0.0875, 0.1]),
        (lambda o: L.LambdaLR(o, lambda epoch: 1 / max(epoch, 1)), [0.1, 0.02, 0.1 / 3, 0.1 / 9]),
    ],
    ids=["steps", "exponential", "line", "function"],
)
def test_an_epoch_can_be_told(make: Any, expected: list[float]) -> None:
    scheduler, seen = make(optimizer()), []
    scheduler.optimizer.step()
    for epoch in (1, 5, 3, 9):
        scheduler.step(epoch)
        seen.append(scheduler.get_last_lr()[0])
    np.testing.assert_allclose(seen, expected, rtol=0, atol=1e-12)


METRICS = [1, 1.2, 1.22, 1.21, 1.4, 1.4, 1.3, 1.2, 1.1, 1.0, 0.5]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (
            {
                "mode": "max",
                "threshold_mode": "abs",
                "threshold": 0.05,
                "patience": 1,
                "cooldown": 1,
                "min_lr": [0.02, 0.0],
            },
            [[0.1, 0.4]] * 4 + [[0.02, 0.04]] * 3 + [[0.02, 0.004]] * 3 + [[0.02, 0.0004]],
        ),
        ({"mode": "max", "patience": 2, "factor": 0.5}, [[0.1, 0.4]] * 8 + [[0.05, 0.2]] * 3),
    ],
    ids=["absolute", "relative"],
)
def test_a_plateau_of_a_score(options: dict[str, Any], expected: Any) -> None:
    scheduler = L.ReduceLROnPlateau(optimizer(), **options)
    np.testing.assert_allclose(rates(scheduler, 11, [torch.tensor(m) for m in METRICS]), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", ["StepLR", "ExponentialLR", "LinearLR", "CosineAnnealingLR"])
def test_it_can_go_on_from_a_last_epoch(kind: str) -> None:
    options = {"StepLR": (3, 0.5), "ExponentialLR": (0.9,), "LinearLR": (), "CosineAnnealingLR": (10,)}[kind]
    own, whole = optimizer(), rates(getattr(L, kind)(optimizer(), *options), 9)
    scheduler = getattr(L, kind)(own, *options)
    rates(scheduler, 4)
    again = getattr(L, kind)(own, *options, last_epoch=scheduler.last_epoch - 1)
    np.testing.assert_allclose(rates(again, 5), whole[4:], rtol=0, atol=1e-12)


def test_a_chain_within_a_sequence_begins_as_the_chain_does() -> None:
    make = lambda o: L.ChainedScheduler([L.LinearLR(o, 0.5, 1.0, 3), L.ExponentialLR(o, 0.9)])  # noqa: E731
    alone, own = rates(make(optimizer()), 6), optimizer()
    first = L.SequentialLR(own, [make(own), L.StepLR(own, 2, 0.5)], [3])
    np.testing.assert_allclose(rates(first, 6), [*alone[:3], [0.1, 0.4], [0.1, 0.4], [0.05, 0.2]], rtol=1e-12)
    own = optimizer()
    second = L.SequentialLR(own, [L.StepLR(own, 2, 0.5), make(own)], [3])
    np.testing.assert_allclose(rates(second, 6)[3:], alone[:3], rtol=1e-12)


# -- the notes --------------------------------------------------------------------------------------------------------

NOTES: dict[str, Any] = {
    "sched.step": lambda o, f: L.StepLR(o, f["n"], f["gamma"]),
    "sched.multistep": lambda o, f: L.MultiStepLR(o, f["milestones"], f["gamma"]),
    "sched.exponential": lambda o, f: L.ExponentialLR(o, f["gamma"]),
    "sched.polynomial": lambda o, f: L.PolynomialLR(o, f["T"], f["power"]),
    "sched.linear_0p01_0p1": lambda o, f: L.LinearLR(o, f["start"] / f["end"], 1.0, f["total"]),
    "sched.constant": lambda o, f: L.ConstantLR(o, f["factor"], f["total"]),
    "sched.cosine": lambda o, f: L.CosineAnnealingLR(o, f["T"], f["eta_min"]),
}


@pytest.mark.parametrize("name", NOTES)
def test_the_notes_schedules(name: str) -> None:
    f = fact(name)
    seen = rates(NOTES[name](optimizer(), f["inputs"]), len(f["expected"]))
    np.testing.assert_allclose([first for first, _ in seen], f["expected"], rtol=0, atol=max(f["tolerance"], 1e-15))


def test_the_notes_listing() -> None:
    """The two exponentials as printed, at the same time and one after the other, as the figures are titled."""
    listing = (DATA / "listings" / "003_chained_sequential_exponential.py").read_text()
    for name, together in (("sched.chained", True), ("sched.sequential", False)):
        f, own = fact(name), optimizer()
        scope: dict[str, Any] = {"optimizer": own}
        exec("from caviar.dialects.torch.optim.lr_scheduler import ExponentialLR\n" + listing, scope)
        both = [scope["exp1"], scope["exp2"]]
        chosen = L.ChainedScheduler(both) if together else L.SequentialLR(own, both, [f["inputs"]["milestone"]])
        seen = [first for first, _ in rates(chosen, len(f["expected"]))]
        np.testing.assert_allclose(seen, f["expected"], rtol=0, atol=1e-12)


def test_the_notes_spelling_is_answered_with_pytorchs() -> None:
    with pytest.raises(AttributeError, match=r"it is called lr_scheduler\.SequentialLR"):
        L.SequentialScheduler  # noqa: B018
    with pytest.raises(AttributeError, match=r"did you mean optim\.lr_scheduler\.CosineAnnealingLR"):
        torch.optim.lr_scheduler.CosineAnealingLR  # noqa: B018


# -- when it goes wrong -----------------------------------------------------------------------------------------------


def test_the_optimizer_steps_first() -> None:
    scheduler = L.StepLR(optimizer(), 3)
    with pytest.warns(UserWarning, match="before optimizer.step"):
        scheduler.step()
    scheduler = L.StepLR(optimizer(), 3)
    scheduler.optimizer.step()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scheduler.step()


def test_one_of_ones_own() -> None:
    class Root(L._LRScheduler):
        def get_lr(self) -> list[float]:
            return [base / (1 + self.last_epoch) ** 0.5 for base in self.base_lrs]

    np.testing.assert_allclose([r[0] for r in rates(Root(optimizer()), 4)], 0.1 / np.sqrt([1, 2, 3, 4]))


@pytest.mark.parametrize(
    ("attempt", "message"),
    [
        (lambda o: L.StepLR(o, 3, last_epoch=4), "needs its initial_lr"),
        (lambda o: L.StepLR(torch.ones(1), 3), "schedules an optimizer"),
        (lambda o: L.ConstantLR(o, 2.0), "between 0 and 1"),
        (lambda o: L.LinearLR(o, 0.0), "start_factor must not be 0"),
        (lambda o: L.OneCycleLR(o, 0.1), "total_steps"),
        (lambda o: L.OneCycleLR(o, 0.1, 5, anneal_strategy="cosine"), "did you mean 'cos'"),
        (lambda o: L.CyclicLR(o, 0.1, 0.2, mode="triangle"), "did you mean 'triangular'"),
        (lambda o: L.CyclicLR(optimizer(Adagrad), 0.1, 0.2), "cycle_momentum=False"),
        (lambda o: L.LambdaLR(o, [abs]), "1 values for 2 parameter groups"),
        (lambda o: L.CosineAnnealingWarmRestarts(o, 0), "at least 1"),
        (lambda o: L.SequentialLR(o, [L.StepLR(o, 3)], [4]), "one scheduler more than milestones"),
        (lambda o: L.SequentialLR(o, [L.ReduceLROnPlateau(o)], []), "step that by itself"),
        (lambda o: L.SequentialLR(o, [MEMBERS["SequentialLR"](o)], []), "write one"),
        (lambda o: L.ChainedScheduler([L.StepLR(o, 3), L.StepLR(optimizer(), 3)]), "the same optimizer"),
        (lambda o: L.ChainedScheduler([]), "no schedulers"),
        (lambda o: L.ReduceLROnPlateau(o, factor=1.0), "below 1"),
        (lambda o: L.ReduceLROnPlateau(o, mode="mim"), "did you mean 'min'"),
        (lambda o: rates(L.OneCycleLR(o, 0.1, 3), 4), "ends after 3 steps"),
    ],
    ids=range(18),
)
def test_errors_say_what_to_do(attempt: Any, message: str) -> None:
    with pytest.raises(CaviarError, match=message):
        attempt(optimizer(momentum=0.5))
