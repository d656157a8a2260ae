"""The lecture notes' numbers, from the optimizers."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import fact
from optimizing import descend, follow, from_torch

import caviar
from caviar import ops
from caviar.dialects import tensorflow, torch
from caviar.graph import fetch, gradients
from caviar.optimizers import (
    ASGD,
    SGD,
    Adadelta,
    Adafactor,
    Adagrad,
    Adam,
    AdamW,
)

NOTES = {
    "opt.sgd": lambda f: SGD(f["lr"]),
    "opt.momentum_ema": lambda f: SGD(f["lr"], momentum=f["beta"], average=True),
    "opt.momentum_torch": lambda f: SGD(f["lr"], momentum=f["beta"]),
    "opt.adagrad": lambda f: from_torch("Adagrad", f["lr"]),
    "opt.rmsprop": lambda f: from_torch("RMSprop", f["lr"], alpha=f["gamma"]),
    "opt.adadelta": lambda f: Adadelta(1.0, rho=f["rho"], epsilon=f["eps"]),
    "opt.adam": lambda f: from_torch("Adam", f["lr"]),
    "opt.adamw_eps_outside": lambda f: from_torch("AdamW", f["lr"], weight_decay=f["lam"]),
    "opt.adamw_eps_inside": lambda f: AdamW(f["lr"], weight_decay=f["lam"], epsilon=f["eps"], epsilon_at="inside"),
    "opt.adam_l2_coupled": lambda f: from_torch("Adam", f["lr"], weight_decay=f["lam"]),
}


@pytest.mark.parametrize("name", NOTES)
def test_the_notes_optimizers(name, float64):
    f = fact(name)
    expected = f["expected"]["w"] if isinstance(f["expected"], dict) else f["expected"]
    path, state = follow(NOTES[name](f["inputs"]), f["inputs"]["w0"], f["inputs"]["grads"])
    assert np.allclose(path, expected, rtol=0, atol=f["tolerance"])
    if name == "opt.momentum_ema":
        assert np.allclose(-jax.tree.leaves(state.rule)[-1], f["expected"]["v"][-1], rtol=0, atol=1e-12)


def test_the_notes_averaged_weights(float64):
    f = fact("asgd.table")
    theta = np.concatenate([np.zeros(f["inputs"]["t0"]), f["inputs"]["theta"]])
    grads = -np.diff(theta, prepend=0.0)  # weights that go exactly there at rate 1
    optimizer = ASGD(1.0, lambd=0.0, t0=f["inputs"]["t0"] - 1.0)  # PyTorch counts from the step before
    for seen, mean in zip(range(len(f["expected"])), f["expected"], strict=True):
        _, state = follow(optimizer, 0.0, grads[: f["inputs"]["t0"] + seen + 1])
        assert np.allclose(state.rule[-1].slots[0][0], mean, rtol=0, atol=1e-12)


def test_the_notes_running_average(float64):
    f = fact("ema.table")
    x, alpha = np.array(f["inputs"]["x"], float), 2 / (f["inputs"]["N"] + 1)
    assert alpha == f["expected"]["alpha"]
    optimizer = SGD(1.0, use_ema=True, ema_momentum=1 - alpha)
    for seen, average in enumerate(f["expected"]["ema"]):
        _, state = follow(optimizer, 0.0, -np.diff(x[: seen + 1], prepend=0.0))
        assert np.allclose(state.average[0], average, rtol=0, atol=f["tolerance"])


@pytest.mark.parametrize("name", ["ema.window", "ewa.windows"])
def test_momentum_speeds_a_steady_slope_up_by_its_window(name, float64):
    f = fact(name)

    def last_step(beta):
        optimizer, weights = SGD(1.0, momentum=beta), [jnp.zeros(())]
        step = lambda carry, _: (optimizer.update([-jnp.ones(())], carry[1], carry[0]), None)  # noqa: E731
        (_, state), _ = jax.lax.scan(step, (weights, optimizer.init(weights)), None, 50_000)
        return jax.tree.leaves(state.rule)[-1]

    assert np.allclose(jax.vmap(last_step)(jnp.array(f["inputs"]["beta"])), f["expected"], rtol=0, atol=1e-6)


def test_the_notes_sum_of_squares(float64):
    f = fact("cumsq.5_6_7")
    for seen, total in enumerate(f["expected"]):
        _, state = follow(Adagrad(initial_accumulator_value=0.0), 0.0, f["inputs"]["x"][: seen + 1])
        assert float(jax.tree.leaves(state.rule)[-1]) == total


def test_the_notes_bias_correction(float64):
    f = fact("opt.adam_bias_correction")
    moments = [jax.tree.leaves(follow(Adam(), 0.0, np.ones(t))[1].rule)[-2:] for t in (1, 10, 100)]
    assert np.allclose(np.array(moments).T, list(f["expected"].values()), rtol=0, atol=f["tolerance"])


def test_the_notes_defaults():
    f = fact("adam.defaults")["expected"]
    assert (Adam().beta_1, Adam().beta_2) == (f["beta1"], f["beta2"])
    assert (
        SGD(momentum=f["momentum_beta"]).momentum == torch.optim.SGD([torch.ones(1)], momentum=0.9).defaults["momentum"]
    )
    adam = torch.optim.Adam([torch.ones(1)]).defaults
    assert (adam["betas"], adam["eps"]) == ((f["beta1"], f["beta2"]), f["epsilon"])


BETAS = {"beta_1": 0.9, "beta_2": 0.999}
# Of keras.optimizers, Keras 3.15.1.
DEFAULTS = {
    "SGD": {"learning_rate": 0.01, "momentum": 0.0, "nesterov": False},
    "RMSprop": {"learning_rate": 0.001, "rho": 0.9, "momentum": 0.0, "epsilon": 1e-07, "centered": False},
    "Adam": {"learning_rate": 0.001, **BETAS, "epsilon": 1e-07, "amsgrad": False},
    "AdamW": {"learning_rate": 0.001, "weight_decay": 0.004, **BETAS, "epsilon": 1e-07, "amsgrad": False},
    "Adadelta": {"learning_rate": 0.001, "rho": 0.95, "epsilon": 1e-07},
    "Adagrad": {"learning_rate": 0.001, "initial_accumulator_value": 0.1, "epsilon": 1e-07},
    "Adamax": {"learning_rate": 0.001, **BETAS, "epsilon": 1e-07},
    "Adafactor": {
        "learning_rate": 0.001, "beta_2_decay": -0.8, "epsilon_1": 1e-30, "epsilon_2": 0.001, "clip_threshold": 1.0, "relative_step": True,
    },
    "Nadam": {"learning_rate": 0.001, **BETAS, "epsilon": 1e-07},
    "Ftrl": {
        "learning_rate": 0.001, "learning_rate_power": -0.5, "initial_accumulator_value": 0.1, "l1_regularization_strength": 0.0,
        "l2_regularization_strength": 0.0, "l2_shrinkage_regularization_strength": 0.0, "beta": 0.0,
    },
    "Lion": {"learning_rate": 0.001, "beta_1": 0.9, "beta_2": 0.99},
    "Lamb": {"learning_rate": 0.001, **BETAS, "epsilon": 1e-07},
    "Muon": {
        "learning_rate": 0.001, "adam_beta_1": 0.9, "adam_beta_2": 0.999, "adam_weight_decay": 0.004, "epsilon": 1e-07,
        "weight_decay": 0.004, "muon_a": 3.4445, "muon_b": -4.775, "muon_c": 2.0315,
        "adam_lr_ratio": 1.0, "momentum": 0.95, "ns_steps": 5, "nesterov": True, "rms_rate": 0.2,
        "exclude_layers": None, "exclude_embeddings": True,
    },
}  # fmt: skip


@pytest.mark.parametrize("name", DEFAULTS)
def test_the_defaults_are_keras(name):
    optimizer = getattr(caviar.optimizers, name)()
    expected = DEFAULTS[name] | {"use_ema": False, "ema_momentum": 0.99}
    assert {key: getattr(optimizer, key) for key in expected} == expected


def test_memory_of_momentum():
    f = fact("momentum.memory")
    weights = [jax.ShapeDtypeStruct((100_000, f["inputs"]["parameters"] // 100_000), "float32")]

    def kept(optimizer):
        return sum(x.size for x in jax.tree.leaves(jax.eval_shape(optimizer.init, weights)) if x.size > 1)

    assert kept(SGD(momentum=0.9)) == f["expected"]
    assert kept(Adam()) == 2 * f["expected"]
    assert kept(SGD()) == 0
    assert kept(Adafactor()) == 200_000


@pytest.mark.slow
def test_adafactor_rebuilds_a_matrix_of_rank_one(float64):
    f = fact("opt.adafactor_rank1")
    squares = jnp.array(f["inputs"]["V"])
    optimizer, weights = Adafactor(1.0), [jnp.ones((2, 2))]
    new, state = optimizer.update([jnp.sqrt(squares)], optimizer.init(weights), weights)
    rows, columns = jax.tree.leaves(state.rule)[-2:]
    assert np.allclose(2 * rows, f["expected"]["row"], rtol=0, atol=1e-12)
    assert np.allclose(2 * columns, f["expected"]["col"], rtol=0, atol=1e-12)
    assert np.allclose(new[0], 0, rtol=0, atol=1e-12)  # each gradient divided by its own size


def test_step_size_and_one_step_of_the_notes_listing(float64):
    f = fact("lr.step_size")
    assert np.allclose(
        -follow(SGD(f["inputs"]["lr"]), 0.0, [f["inputs"]["slope"]])[0], f["expected"], rtol=0, atol=1e-12
    )
    f = fact("tf.one_step")
    assert np.allclose(
        follow(SGD(f["inputs"]["lr"]), 0.0, [2 * f["inputs"]["w"] - 10])[0], f["expected"], rtol=0, atol=1e-12
    )


@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_a_thousand_and_one_steps_of_the_notes_listing(precision):
    f = fact(f"tf.1001_steps_{precision}")
    with caviar.config.precision(precision):
        (w,), _, _ = descend(SGD(0.01), [jnp.zeros((), precision)], 1001, lambda w: [2 * w[0] - 10])
    expected = f["expected"]["w"] if precision == "float64" else f["expected"]
    assert abs(float(w) - expected) <= f["tolerance"]


@pytest.mark.parametrize("name", ["tf.coefficients_same", "tf.coefficients_minus20"])
def test_the_notes_coefficients(name, float64):
    f = fact(name)
    c = f["inputs"]["coefficients"]
    (w,), _, path = descend(SGD(0.01), [jnp.zeros(())], 1000, lambda w: [2 * c[0] * w[0] + c[1]])
    assert np.allclose(path[0], f["expected"]["after_one"], rtol=0, atol=1e-12)
    assert np.allclose(w, f["expected"].get("w", f["expected"]["minimum"]), rtol=0, atol=1e-7)


def test_the_notes_gradient(float64):
    f = fact("grad.linear2")
    theta, x = caviar.Variable(f["inputs"]["theta"]), caviar.Input((2,))
    cost = 0.5 * (ops.sum(theta * x) - f["inputs"]["y"]) ** 2
    fed = {x: np.array([f["inputs"]["x"]])}
    assert np.allclose(fetch(cost, fed), f["expected"]["J"], rtol=0, atol=f["tolerance"])
    assert np.allclose(gradients(cost, [theta], fed)[0], f["expected"]["grad"], rtol=0, atol=f["tolerance"])


def test_a_saddle_is_no_trap(float64):
    f = fact("saddle.hessian")
    a, b = f["inputs"]["a"], f["inputs"]["b"]
    w = tensorflow.Variable([0.0, 0.0], dtype="float64")
    slopes = tensorflow.gradients(a * w[0] ** 2 + b * w[1] ** 2, w)[0]
    with tensorflow.Session() as session:
        session.run(w.initializer)
        assert session.run(slopes).tolist() == f["expected"]["grad_at_0"]
        hessian = session.run([tensorflow.gradients(slopes[i], w)[0] for i in range(2)])
    assert np.linalg.eigvalsh(hessian)[::-1].tolist() == f["expected"]["eigenvalues"]
    for optimizer, exact in ((SGD(0.1), True), (SGD(0.1, momentum=0.9), False), (Adam(0.1), False)):
        (w,), _, _ = descend(optimizer, [jnp.array([1.0, 1e-6])], 100, lambda w: [2 * jnp.array([a, b]) * w[0]])
        assert a * w[0] ** 2 + b * w[1] ** 2 < -1
        assert not exact or np.allclose(w, [(1 - 0.2 * a) ** 100, 1e-6 * (1 - 0.2 * b) ** 100], rtol=1e-12, atol=0)


def test_adam_does_not_see_the_scale_of_a_feature(float64):
    f = fact("feature_scale")
    small, large = np.ptp(f["inputs"]["a"]), np.ptp(f["inputs"]["b"])
    moved = lambda optimizer: [follow(optimizer, 0.0, [s])[0][0] for s in (small, large)]  # noqa: E731
    slow, fast = moved(SGD(1.0))
    assert np.allclose(fast / slow, f["expected"], rtol=1e-12)
    slow, fast = moved(Adam(1.0, epsilon=0.0))
    assert np.allclose(fast, slow, rtol=1e-12)
