"""Optimizers: one table of members under every contract, then the recorded trajectories and the notes' numbers."""

from __future__ import annotations

import inspect
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from conftest import fact, recorded

import caviar
from caviar import optimizers
from caviar.errors import ArgumentError, UnknownNameError
from caviar.graph.variable import Variable
from caviar.optimizers import (
    ASGD,
    SGD,
    Adadelta,
    Adafactor,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    Ftrl,
    Lamb,
    Lion,
    Muon,
    Nadam,
    Optax,
    Optimizer,
    RAdam,
    RMSprop,
    Rprop,
    schedules,
)
from caviar.parts import put_together, take_apart

MEMBERS = [
    SGD(0.1),
    SGD(0.1, momentum=0.5, nesterov=True),
    SGD(0.1, momentum=0.5, dampening=0.2, rate_inside=False),
    SGD(0.2, momentum=0.5, average=True),
    ASGD(0.1),
    Adagrad(0.5),
    RMSprop(0.02),
    RMSprop(0.02, momentum=0.5, centered=True),
    Adadelta(1.0, epsilon=1e-2),
    Adam(0.1),
    Adam(0.1, amsgrad=True, epsilon_at="outside"),
    Adam(0.1, epsilon_at="inside"),
    AdamW(0.1),
    Adamax(0.1),
    Nadam(0.1),
    RAdam(0.1),
    Adafactor(0.3),
    Adafactor(0.3, epsilon_1=None, epsilon_floor=True),
    Lion(0.02),
    Lamb(0.05),
    Ftrl(0.5),
    Rprop(0.01),
    Muon(0.1),
    Optax(optax.adam(0.1)),
    Adam(0.1, clipnorm=1.0),
    Adam(0.1, clipvalue=1.0),
    Adam(0.1, global_clipnorm=1.0),
    Adam(0.1, use_ema=True, ema_momentum=0.5, ema_overwrite_frequency=10),
    Adam(0.1, weight_decay=0.01, decoupled_weight_decay=False),
    Adam(0.1, loss_scale_factor=8.0),
    Adam(0.2, gradient_accumulation_steps=2),
    Adam(schedules.CosineDecay(0.2, 200), beta_1=schedules.LinearRamp(0.9, 0.5)),
]
RATED = [m for m in MEMBERS if not isinstance(m, (Rprop, Optax))]  # the others' steps have lengths of their own
member = pytest.mark.parametrize("optimizer", MEMBERS, ids=repr)
rated = pytest.mark.parametrize("optimizer", RATED, ids=repr)

TARGET = [np.array([[0.5, -1.0], [2.0, 0.3], [-0.7, 1.5]]), np.array([0.2, -0.4])]


def start(dtype: str = "float32") -> list[jax.Array]:
    return [jnp.full(t.shape, 1.0, dtype) for t in TARGET]


def slope(weights: list[jax.Array]) -> list[jax.Array]:
    """The gradient of half the squared distance from the target."""
    return [w - jnp.asarray(t, w.dtype) for w, t in zip(weights, TARGET, strict=True)]


def descend(optimizer: Optimizer, weights: Any, steps: int, gradient: Any = slope) -> tuple[Any, Any, Any]:
    """The weights and the state after so many steps in one compiled scan, and the weights of every step."""

    def step(carry: Any, _: Any) -> Any:
        weights, state = carry
        carry = optimizer.update(jax.tree.map(_scaled(optimizer), gradient(weights)), state, weights)
        return carry, carry[0]

    (weights, state), path = jax.jit(lambda c: jax.lax.scan(step, c, None, steps))((weights, optimizer.init(weights)))
    return weights, state, path


def _scaled(optimizer: Optimizer) -> Any:
    return optimizer.scale_loss


def kinds(tree: Any) -> list[Any]:
    return [(x.shape, x.dtype, x.weak_type) for x in jax.tree.leaves(jax.eval_shape(lambda: tree))]


def follow(optimizer: Optimizer, weight: Any, grads: Any) -> tuple[np.ndarray, Any]:
    """One weight after each of the given gradients, and the last state."""
    weights, path = [jnp.asarray(weight, float)], []
    state = optimizer.init(weights)
    for g in np.asarray(grads, float):
        weights, state = optimizer.update([jnp.asarray(g)], state, weights)
        path.append(weights[0])
    return np.array(path), state


# Contracts of every member ------------------------------------------------------------------------------------------


@member
def test_converges_on_a_quadratic(optimizer):
    weights, state, _ = descend(optimizer, start(), 400)
    for w, t in zip(optimizer.averaged(state, weights), TARGET, strict=True):
        assert np.allclose(w, t, atol=0.1)


@member
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_types_and_shapes_stay(optimizer, dtype):
    weights = start(dtype)
    state = optimizer.init(weights)
    new, after = jax.eval_shape(optimizer.update, slope(weights), state, weights)
    assert [(x.shape, x.dtype) for x in new] == [(x.shape, x.dtype) for x in weights]
    assert kinds(state) == [(x.shape, x.dtype, x.weak_type) for x in jax.tree.leaves(after)]
    assert not any(weak for *_, weak in kinds(state))
    assert state.step.dtype == jnp.int32


@member
def test_numbers_are_arguments_and_nothing_compiles_twice(optimizer):
    @jax.jit
    def program(numbers, state, weights):
        return put_together(apart.structure, numbers, []).update(slope(weights), state, weights)

    apart, weights = take_apart(optimizer), start()
    state = optimizer.init(weights)
    for factor in (1.0, 1.0, 0.5):
        numbers = [jnp.asarray(n * factor, "float32") for n in apart.numbers]
        weights, state = program(numbers, state, weights)
    assert program._cache_size() == 1


@member
def test_no_two_arrays_of_a_state_share_memory(optimizer):
    weights = start()
    for state in (optimizer.init(weights), jax.jit(optimizer.init)(weights)):
        places = [x.unsafe_buffer_pointer() for x in jax.tree.leaves((weights, state)) if x.size]
        assert len(set(places)) == len(places)


@rated
def test_a_population_of_rates_moves_as_its_members_do(optimizer, float64):
    weights, rates = start("float64"), jnp.array([0.01, 0.1])

    def train(rate):
        return descend(optimizer.replace(learning_rate=rate), weights, 3)[0]

    together = jax.vmap(train)(rates)
    for i, rate in enumerate(rates):
        for w, alone in zip(together, train(rate), strict=True):
            assert np.allclose(w[i], alone, atol=1e-12)


@rated
def test_rate_scale_is_a_factor_on_the_rate(optimizer, float64):
    weights = start("float64")
    half = optimizer.replace(learning_rate=0.05)
    given = optimizer.replace(learning_rate=0.1).update(slope(weights), optimizer.init(weights), weights, rate_scale=0.5)
    wanted = half.update(slope(weights), half.init(weights), weights)
    for a, b in zip(given[0], wanted[0], strict=True):
        assert np.allclose(a, b, atol=1e-12)


@member
def test_a_saved_optimizer_is_the_same_one(optimizer):
    again = type(optimizer).from_config(optimizer.get_config())
    assert repr(again) == repr(optimizer)
    assert take_apart(again).structure == take_apart(optimizer).structure


@pytest.mark.parametrize("name", [n for n in optimizers.__all__ if n not in ("get", "schedules", "OptimizerState")])
def test_every_optimizer_is_documented_and_found_by_its_name(name):
    kind = getattr(optimizers, name)
    assert ">>>" in inspect.getdoc(kind)
    if name not in ("Optimizer", "Optax"):
        assert isinstance(optimizers.get(name), kind)
        assert isinstance(optimizers.get(name.lower()), kind)
        assert isinstance(optimizers.get({"class_name": name, "config": {"learning_rate": 0.5}}), kind)
        assert any(type(m) is kind for m in MEMBERS)


def test_the_public_names_are_sorted_and_exact():
    public = [n for n, v in vars(optimizers).items() if not n.startswith("_") and getattr(v, "__module__", "") != "__future__"]
    modules = [n for n in public if inspect.ismodule(getattr(optimizers, n)) and n != "schedules"]
    assert set(optimizers.__all__) == set(public) - set(modules)


# What other libraries record ----------------------------------------------------------------------------------------

TORCH_DEFAULTS = {
    "SGD": {"rate_inside": False},
    "Adagrad": {"initial_accumulator_value": 0.0, "epsilon": 1e-10, "epsilon_at": "outside"},
    "RMSprop": {"rho": 0.99, "epsilon": 1e-8, "epsilon_at": "outside", "rate_inside": False},
    "Adadelta": {"rho": 0.9, "epsilon": 1e-6},
    "Adam": {"epsilon": 1e-8, "epsilon_at": "outside"},
    "AdamW": {"epsilon": 1e-8, "epsilon_at": "outside", "weight_decay": 0.01},
    "Adamax": {"epsilon": 1e-8, "epsilon_at": "inside"},
    "Nadam": {"epsilon": 1e-8, "momentum_decay": 0.004},
    "Adafactor": {"epsilon_1": None, "epsilon_floor": True},
}


def from_torch(name: str, lr: Any, betas: Any = None, lr_decay: float = 0.0, **arguments: Any) -> Optimizer:
    """The optimizer that PyTorch means by these arguments."""
    name = {"NAdam": "Nadam"}.get(name, name)
    names = {"eps": "epsilon", **({"alpha": "rho"} if name == "RMSprop" else {})}
    given = {names.get(k, k): v for k, v in arguments.items()}
    if betas:
        given["beta_1"], given["beta_2"] = betas
    rate = schedules.InverseTimeDecay(lr, 1, lr_decay) if lr_decay else lr
    common = {"decoupled_weight_decay": name == "AdamW"}
    return getattr(optimizers, name)(rate, **{**common, **TORCH_DEFAULTS.get(name, {}), **given})


def from_record(case: dict[str, Any]) -> Optimizer:
    library, *_, name = case["source"].split(".")
    return from_torch(name, **case["config"]) if library == "torch" else getattr(optimizers, name)(**case["config"])


@pytest.mark.parametrize("case", recorded("optimizers"), ids=lambda c: c["id"])
def test_recorded_trajectories(case, float64):
    given = {name: jnp.asarray(value) for name, value in case["inputs"].items()}
    optimizer, steps = from_record(case), jnp.arange(25)

    def gradient(w, step):  # of 1/2 w'Hw + b'w - 0.1 sum cos 3w, or as recorded
        return given["gradients"][step] if "gradients" in given else given["H"] @ w + given["b"] + 0.3 * jnp.sin(3 * w)

    def step(carry, number):
        (w,), state = carry
        carry = optimizer.update([gradient(w, number)], state, [w])
        return carry, carry[0][0]

    (weights, state), path = jax.lax.scan(step, ([given["w0"]], optimizer.init([given["w0"]])), steps)
    assert np.allclose(path, case["expected"]["trajectory"], rtol=0, atol=1e-9)
    for average in ("ema", "averaged"):
        if average in case["expected"]:
            assert np.allclose(optimizer.averaged(state, weights)[0], case["expected"][average], rtol=0, atol=1e-9)


# Keras 3.15 and PyTorch 2.13 in float64, eight steps down `wavy` from TARGET: the vector at the end.
HALVING = schedules.ExponentialDecay(0.1, 1, 0.5)
ENDS = [
    (SGD(HALVING, momentum=0.9), [-0.12133115171541337, 0.20686539381782526]),
    (SGD(HALVING, momentum=0.9, rate_inside=False), [0.086211948502803, -0.18495410133725576]),
    (RMSprop(HALVING, momentum=0.9), [-0.6730317279150573, 1.1994331435676928]),
    (from_torch("RMSprop", HALVING, momentum=0.9), [-0.270612140468691, 0.2309954352414986]),
    (Muon(0.1), [-0.033620096394653895, 0.17681768565316242]),
    (Muon(0.1, adam_lr_ratio=0.5), [-0.08843626629539847, -0.0238125784232349]),
    (Adam(0.1, use_ema=True, ema_overwrite_frequency=3, ema_momentum=0.5), [-0.04866641676301734, 0.11913514434852882]),
    (
        Ftrl(
            0.1,
            l1_regularization_strength=0.05,
            l2_regularization_strength=0.1,
            l2_shrinkage_regularization_strength=0.02,
            beta=0.3,
        ),
        [0.0, -0.024273400558961405],
    ),
    (Lion(0.1, weight_decay=0.1), [0.00013508516478502597, 0.007435177949630931]),
    (from_torch("Adafactor", 0.1), [0.050329771747601997, -0.22596057120203136]),
    (from_torch("RAdam", 0.1, weight_decay=0.1), [0.035056969096783755, -0.09140497879062115]),
]
# The matrix at the end, where matrices are treated as such; Keras computes these two partly in float32.
KERAS_FLOAT32_NOISE = 1e-7
MATRICES = [
    (from_torch("Adafactor", 0.1), [0.1075999545115815, -0.20080225431122897, 1.2458184403923325], 1e-9),
    (Adafactor(0.1, weight_decay=0.05), [0.10487522759202515, -0.19723657054353563, 1.19814026], KERAS_FLOAT32_NOISE),
    (Muon(0.1), [0.38952184254296174, -0.8621518218025755, 1.75263767853731], KERAS_FLOAT32_NOISE),
    (
        Muon(0.1, nesterov=False, rms_rate=None, weight_decay=0.1),
        [0.16101048596037695, -0.5200547249181049, 1.2030762598935651],
        KERAS_FLOAT32_NOISE,
    ),
]


def wavy(weights: list[jax.Array]) -> list[jax.Array]:
    return [w + 0.3 * jnp.sin(3 * w) for w in weights]


@pytest.mark.parametrize(("optimizer", "end"), ENDS, ids=repr)
def test_changing_rates_and_rarer_arguments(optimizer, end, float64):
    weights, _, _ = descend(optimizer, [jnp.asarray(t) for t in TARGET], 8, wavy)
    assert np.allclose(weights[1], end, rtol=0, atol=1e-9)


@pytest.mark.parametrize(("optimizer", "end", "tolerance"), MATRICES, ids=repr)
def test_matrices(optimizer, end, tolerance, float64):
    weights, _, _ = descend(optimizer, [jnp.asarray(t) for t in TARGET], 8, wavy)
    assert np.allclose(weights[0].ravel()[:3], end, rtol=0, atol=tolerance)


# What all share -----------------------------------------------------------------------------------------------------


def test_accumulated_gradients_make_the_step_of_the_big_batch(float64):
    grads = [[jnp.full(t.shape, float(i)) for t in TARGET] for i in range(6)]
    big, small = AdamW(0.1, use_ema=True), AdamW(0.1, use_ema=True, gradient_accumulation_steps=3)
    weights = [start("float64")] * 2
    states = [o.init(w) for o, w in zip((big, small), weights, strict=True)]
    for third in (grads[:3], grads[3:]):
        before = weights[1]
        for g in third:
            assert all(np.array_equal(a, b) for a, b in zip(weights[1], before, strict=True))
            weights[1], states[1] = small.update(g, states[1], weights[1])
        mean = jax.tree.map(lambda *g: sum(g) / 3, *third)
        weights[0], states[0] = big.update(mean, states[0], weights[0])
        assert np.allclose(weights[0][0], weights[1][0], atol=1e-12)
    assert np.allclose(big.averaged(states[0], weights[0])[0], small.averaged(states[1], weights[1])[0], atol=1e-12)
    assert [int(s.step) for s in states] == [2, 6]


def test_clipping(float64):
    grads = [jnp.array([3.0, 4.0]), jnp.array([0.0, 12.0])]

    def step(**clip):
        zeros = [jnp.zeros(2), jnp.zeros(2)]
        optimizer = SGD(1.0, **clip)
        return np.array(optimizer.update(grads, optimizer.init(zeros), zeros)[0])

    assert np.allclose(step(clipvalue=3.5), [[-3, -3.5], [0, -3.5]])
    assert np.allclose(step(clipnorm=10.0), [[-3, -4], [0, -10]])
    assert np.allclose(np.linalg.norm(step(global_clipnorm=6.5)), 6.5)
    assert np.allclose(step(global_clipnorm=13.0), [[-3, -4], [0, -12]])


def test_only_one_clipping():
    with pytest.raises(ArgumentError, match="clipnorm and clipvalue"):
        Adam(clipnorm=1.0, clipvalue=1.0).init(start())


def test_loss_scaling_changes_nothing_but_the_range(float64):
    optimizer = Adam(0.1, loss_scale_factor=1024.0)
    scaled = jax.grad(lambda w: optimizer.scale_loss(jnp.sum(w**2)))(jnp.ones(2))
    one, _ = optimizer.update([scaled], optimizer.init([jnp.ones(2)]), [jnp.ones(2)])
    other, _ = Adam(0.1).update([2 * jnp.ones(2)], Adam(0.1).init([jnp.ones(2)]), [jnp.ones(2)])
    assert np.allclose(one[0], other[0], atol=1e-12)


def test_the_average_before_the_first_step_is_the_weights():
    for optimizer in (Adam(use_ema=True), ASGD()):
        assert np.array_equal(optimizer.averaged(optimizer.init(start()), start())[0], start()[0])


def test_any_float_may_be_a_schedule(float64):
    cycle = schedules.Cyclic(0.01, max_lr=0.1, step_size_up=2)
    optimizer = SGD(cycle, momentum=cycle.momentum(), weight_decay=schedules.StepDecay(0.1, 1))
    assert np.allclose([optimizer.learning_rate_at(i) for i in range(3)], [0.01, 0.055, 0.1])
    w, v, path = 1.0, 0.0, []
    for i in range(4):
        rate, momentum, decay = float(cycle(i)), float(cycle.momentum()(i)), 0.1 * 0.1**i
        v = momentum * v - rate * (0.5 * w)
        w = w * (1 - rate * decay) + v
        path.append(w)
    _, _, given = descend(optimizer, [jnp.array(1.0)], 4, lambda weights: [0.5 * weights[0]])
    assert np.allclose(given[0], path, atol=1e-12)


def test_the_rate_may_be_set_at_the_desk_and_be_an_optax_schedule(float64):
    optimizer = SGD(optax.linear_schedule(1.0, 0.0, 2))
    assert np.allclose(follow(optimizer, 0.0, [1, 1, 1])[0], [-1, -1.5, -1.5])
    optimizer.learning_rate = 0.5
    assert np.allclose(follow(optimizer, 0.0, [1])[0], [-0.5])


def test_apply_gradients_by_hand_is_update(float64):
    variables = [Variable(np.ones(2), name="a"), Variable(np.zeros(1), name="b")]
    optimizer, weights = Adam(0.1), [jnp.ones(2), jnp.zeros(1)]
    state = optimizer.init(weights)
    for i in range(3):
        optimizer.learning_rate = 0.1 / (i + 1)
        grads = [jnp.arange(1.0, 3.0), jnp.ones(1)]
        weights, state = optimizer.update(grads, state, weights)
        optimizer.apply_gradients(zip(grads, variables, strict=True))
    assert all(np.allclose(v.numpy(), w, atol=1e-12) for v, w in zip(variables, weights, strict=True))
    with pytest.raises(ArgumentError, match="other variables"):
        optimizer.apply_gradients([(jnp.ones(1), variables[1])])
    with pytest.raises(ArgumentError, match="no gradient for b"):
        Adam().apply_gradients([(jnp.ones(2), variables[0]), (None, variables[1])])


def test_get():
    adam = Adam(0.5)
    assert optimizers.get(adam) is adam
    assert optimizers.get(None) is None
    assert isinstance(optimizers.get(optax.sgd(0.1)), Optax)
    saved = {"class_name": "StepDecay", "config": {"initial_learning_rate": 0.1, "step_size": 3}}
    assert repr(optimizers.get({"class_name": "Adam", "config": {"learning_rate": saved}}).learning_rate) == (
        "StepDecay(0.1, step_size=3)"
    )
    with pytest.raises(UnknownNameError, match="did you mean 'Adam'"):
        optimizers.get("adem")
    with pytest.raises(ArgumentError, match="optax transformation is needed"):
        optimizers.get(3)


@pytest.mark.parametrize(
    "optimizer", [Adam(epsilon_at="below"), Adamax(epsilon_at="below"), Adagrad(epsilon_at="below")], ids=repr
)
def test_a_mistyped_place_of_epsilon(optimizer):
    with pytest.raises(UnknownNameError, match="epsilon_at"):
        optimizer.update(start(), optimizer.init(start()), start())


# The lecture notes' numbers -----------------------------------------------------------------------------------------

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
        assert np.allclose(-jax.tree.leaves(state.rule)[-1], f["expected"]["v"][-1], atol=1e-12)


def test_the_notes_averaged_weights(float64):
    f = fact("asgd.table")
    theta = np.concatenate([np.zeros(f["inputs"]["t0"]), f["inputs"]["theta"]])
    grads = -np.diff(theta, prepend=0.0)  # weights that go exactly there at rate 1
    optimizer = ASGD(1.0, lambd=0.0, t0=f["inputs"]["t0"] - 1.0)  # PyTorch counts from the step before
    for seen, mean in zip(range(len(f["expected"])), f["expected"], strict=True):
        _, state = follow_fast(optimizer, grads[: f["inputs"]["t0"] + seen + 1])
        assert np.allclose(state.rule[-1].slots[0][0], mean, rtol=0, atol=1e-12)


def follow_fast(optimizer: Optimizer, grads: Any) -> Any:
    def step(carry, g):
        return optimizer.update([g], carry[1], carry[0]), None

    weights = [jnp.zeros(())]
    return jax.lax.scan(step, (weights, optimizer.init(weights)), jnp.asarray(grads))[0]


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
    moments = [jax.tree.leaves(follow_fast(Adam(), np.ones(t))[1].rule)[-2:] for t in (1, 10, 100)]
    assert np.allclose(np.array(moments).T, list(f["expected"].values()), rtol=0, atol=f["tolerance"])


def test_the_notes_defaults():
    f = fact("adam.defaults")["expected"]
    assert (Adam().beta_1, Adam().beta_2) == (f["beta1"], f["beta2"])
    assert from_torch("Adam", 0.1).epsilon == f["epsilon"]


def test_memory_of_momentum():
    f = fact("momentum.memory")
    weights = [jax.ShapeDtypeStruct((100_000, f["inputs"]["parameters"] // 100_000), "float32")]

    def kept(optimizer):
        return sum(x.size for x in jax.tree.leaves(jax.eval_shape(optimizer.init, weights)) if x.size > 1)

    assert kept(SGD(momentum=0.9)) == f["expected"]
    assert kept(Adam()) == 2 * f["expected"]
    assert kept(SGD()) == 0
    assert kept(Adafactor()) == 200_000


def test_adafactor_rebuilds_a_matrix_of_rank_one(float64):
    f = fact("opt.adafactor_rank1")
    squares = jnp.array(f["inputs"]["V"])
    optimizer, weights = Adafactor(1.0), [jnp.ones((2, 2))]
    new, state = optimizer.update([jnp.sqrt(squares)], optimizer.init(weights), weights)
    rows, columns = jax.tree.leaves(state.rule)[-2:]
    assert np.allclose(2 * rows, f["expected"]["row"], atol=1e-12)
    assert np.allclose(2 * columns, f["expected"]["col"], atol=1e-12)
    assert np.allclose(new[0], 0, atol=1e-12)  # each gradient divided by its own size


def test_step_size_and_one_step_of_the_notes_listing(float64):
    f = fact("lr.step_size")
    assert np.allclose(-follow(SGD(f["inputs"]["lr"]), 0.0, [f["inputs"]["slope"]])[0], f["expected"], atol=1e-12)
    f = fact("tf.one_step")
    assert np.allclose(follow(SGD(f["inputs"]["lr"]), 0.0, [2 * f["inputs"]["w"] - 10])[0], f["expected"], atol=1e-12)


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
    (w,), _, (path,) = descend(SGD(0.01), [jnp.zeros(())], 1000, lambda w: [2 * c[0] * w[0] + c[1]])
    assert np.allclose(path[0], f["expected"]["after_one"], atol=1e-12)
    assert np.allclose(w, f["expected"].get("w", f["expected"]["minimum"]), atol=1e-7)


def test_the_notes_gradient(float64):
    f = fact("grad.linear2")
    x, y = jnp.array(f["inputs"]["x"]), f["inputs"]["y"]
    cost, grad = jax.value_and_grad(lambda theta: 0.5 * (theta @ x - y) ** 2)(jnp.array(f["inputs"]["theta"]))
    assert np.allclose(cost, f["expected"]["J"], atol=1e-12)
    assert np.allclose(grad, f["expected"]["grad"], atol=1e-12)


def test_a_saddle_is_no_trap(float64):
    f = fact("saddle.hessian")
    a, b = f["inputs"]["a"], f["inputs"]["b"]
    surface = lambda w: a * w[0] ** 2 + b * w[1] ** 2  # noqa: E731
    assert np.allclose(jnp.linalg.eigvalsh(jax.hessian(surface)(jnp.zeros(2)))[::-1], f["expected"]["eigenvalues"])
    assert np.allclose(jax.grad(surface)(jnp.zeros(2)), f["expected"]["grad_at_0"])
    for optimizer in (SGD(0.1), SGD(0.1, momentum=0.9), Adam(0.1)):
        (w,), _, _ = descend(optimizer, [jnp.array([1.0, 1e-6])], 100, lambda w: [jax.grad(surface)(w[0])])
        assert surface(w) < -1


def test_adam_does_not_see_the_scale_of_a_feature(float64):
    f = fact("feature_scale")
    small, large = np.ptp(f["inputs"]["a"]), np.ptp(f["inputs"]["b"])
    moved = lambda optimizer: [follow(optimizer, 0.0, [s])[0][0] for s in (small, large)]  # noqa: E731
    slow, fast = moved(SGD(1.0))
    assert np.allclose(fast / slow, f["expected"])
    slow, fast = moved(Adam(1.0, epsilon=0.0))
    assert np.allclose(fast, slow)
