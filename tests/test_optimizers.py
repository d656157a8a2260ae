"""Optimizers: one table of members under every contract, then the recorded trajectories and the notes' numbers."""

from __future__ import annotations

import functools
import inspect
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from conftest import recorded, written
from optimizing import TARGET, descend, follow, from_torch, slope, start

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
member = pytest.mark.parametrize("optimizer", MEMBERS, ids=written)
rated = pytest.mark.parametrize("optimizer", RATED, ids=written)


def kinds(tree: Any) -> list[Any]:
    return [(x.shape, x.dtype, x.weak_type) for x in jax.tree.leaves(jax.eval_shape(lambda: tree))]


# Contracts of every member ------------------------------------------------------------------------------------------


@functools.cache
def program(optimizer: Optimizer) -> Any:
    """One step as a compiled program, with the optimizer's numbers among the arguments."""
    structure = take_apart(optimizer).structure

    def step(numbers: Any, state: Any, weights: Any, rate_scale: Any) -> Any:
        now = put_together(structure, numbers, [])
        return now.update(jax.tree.map(now.scale_loss, slope(weights)), state, weights, rate_scale)

    return jax.jit(step)


def numbers_of(optimizer: Optimizer, rate_factor: Any = 1.0) -> list[jax.Array]:
    apart = take_apart(optimizer)
    rate = next((i for i, name in enumerate(apart.names) if name.startswith("learning_rate")), None)
    return [jnp.asarray(n * (rate_factor if i == rate else 1.0)) for i, n in enumerate(apart.numbers)]


def walk(step: Any, optimizer: Optimizer, steps: int, rate_factor: Any = 1.0, rate_scale: float = 1.0) -> Any:
    weights, scale = start("float64"), jnp.asarray(rate_scale)
    state, numbers = optimizer.init(weights), numbers_of(optimizer, rate_factor)
    for _ in range(steps):
        weights, state = step(numbers, state, weights, scale)
    return weights, state


@member
def test_converges_on_a_quadratic_and_compiles_nothing_twice(optimizer, float64):
    weights, state = walk(program(optimizer), optimizer, 400)
    for w, t in zip(optimizer.averaged(state, weights), TARGET, strict=True):
        assert np.allclose(w, t, atol=0.1)
    walk(program(optimizer), optimizer, 2, rate_factor=0.5)
    assert program(optimizer)._cache_size() == 1


@rated
def test_rate_scale_is_a_factor_on_the_rate(optimizer, float64):
    scaled, _ = walk(program(optimizer), optimizer, 1, rate_scale=0.5)
    halved, _ = walk(program(optimizer), optimizer, 1, rate_factor=0.5)
    for a, b in zip(scaled, halved, strict=True):
        assert np.allclose(a, b, rtol=0, atol=1e-12)


@rated
def test_a_population_of_rates_moves_as_its_members_do(optimizer, float64):
    states = jax.vmap(lambda _: (start("float64"), optimizer.init(start("float64"))))(np.arange(2))
    numbers = jax.vmap(lambda factor: numbers_of(optimizer, factor))(jnp.array([0.5, 1.0]))
    step = jax.jit(jax.vmap(program(optimizer), in_axes=(0, 0, 0, None)))
    weights, state = states
    for _ in range(3):
        weights, state = step(numbers, state, weights, jnp.asarray(1.0))
    for i, factor in enumerate((0.5, 1.0)):
        alone, _ = walk(program(optimizer), optimizer, 3, rate_factor=factor)
        for w, a in zip(weights, alone, strict=True):
            assert np.allclose(w[i], a, rtol=0, atol=1e-12)


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
def test_no_two_arrays_of_a_state_share_memory(optimizer):
    weights = start()
    for state in (optimizer.init(weights), jax.jit(optimizer.init)(weights)):
        places = [x.unsafe_buffer_pointer() for x in jax.tree.leaves((weights, state)) if x.size]
        assert len(set(places)) == len(places)


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


def test_the_public_names_are_exact():
    public = {
        n for n, v in vars(optimizers).items() if n != "__dir__" and (isinstance(v, type) or inspect.isfunction(v))
    }
    assert set(optimizers.__all__) == public | {"schedules"}


# What other libraries record ----------------------------------------------------------------------------------------


def from_record(case: dict[str, Any]) -> Optimizer:
    library, *_, name = case["source"].split(".")
    return from_torch(name, **case["config"]) if library == "torch" else getattr(optimizers, name)(**case["config"])


@pytest.mark.parametrize("case", recorded("optimizers"), ids=lambda c: c["id"])
def test_recorded_trajectories(case, float64):
    given = {name: jnp.asarray(value) for name, value in case["inputs"].items()}
    optimizer, weights = from_record(case), [given["w0"]]
    if "gradients" in given:
        path, state = follow(optimizer, weights[0], given["gradients"])
    else:  # of 1/2 w'Hw + b'w - 0.1 sum cos 3w
        gradient = lambda w: [given["H"] @ w[0] + given["b"] + 0.3 * jnp.sin(3 * w[0])]  # noqa: E731
        weights, state, path = descend(optimizer, weights, 25, gradient)
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


def test_the_rate_of_adafactor_is_at_most_one_over_the_root_of_the_step(float64):
    path, _ = follow(Adafactor(0.8), [1.0, 2.0], [[0.1, -0.3]] * 3)
    # Of keras.optimizers.Adafactor, Keras 3.15.1: the given rate, then 1 / sqrt(2), then 1 / sqrt(3).
    expected = [[-0.264911064067352, 3.264911064067352], [-1.902731426531859, 4.902731426531859]]
    expected.append([-4.049712318879937, 7.049712318879937])
    assert np.allclose(path, expected, rtol=0, atol=KERAS_FLOAT32_NOISE)


@pytest.mark.parametrize(("optimizer", "end", "tolerance"), MATRICES, ids=repr)
def test_matrices(optimizer, end, tolerance, float64):
    weights, _, _ = descend(optimizer, [jnp.asarray(t) for t in TARGET], 8, wavy)
    assert np.allclose(weights[0].ravel()[:3], end, rtol=0, atol=tolerance)


# What all share -----------------------------------------------------------------------------------------------------


@pytest.mark.slow
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
        assert np.allclose(weights[0][0], weights[1][0], rtol=0, atol=1e-12)
    assert np.allclose(
        big.averaged(states[0], weights[0])[0], small.averaged(states[1], weights[1])[0], rtol=0, atol=1e-12
    )
    assert [int(s.step) for s in states] == [2, 6]


def test_clipping(float64):
    grads = [jnp.array([3.0, 4.0]), jnp.array([0.0, 12.0])]

    def step(**clip):
        zeros = [jnp.zeros(2), jnp.zeros(2)]
        optimizer = SGD(1.0, **clip)
        return np.array(optimizer.update(grads, optimizer.init(zeros), zeros)[0])

    assert np.allclose(step(clipvalue=3.5), [[-3, -3.5], [0, -3.5]], rtol=1e-12, atol=1e-15)
    assert np.allclose(step(clipnorm=10.0), [[-3, -4], [0, -10]], rtol=1e-12, atol=1e-15)
    assert np.allclose(np.linalg.norm(step(global_clipnorm=6.5)), 6.5, rtol=1e-12, atol=1e-15)
    assert np.allclose(step(global_clipnorm=13.0), [[-3, -4], [0, -12]], rtol=1e-12, atol=1e-15)


def test_only_one_clipping():
    with pytest.raises(ArgumentError, match="clipnorm and clipvalue"):
        Adam(clipnorm=1.0, clipvalue=1.0).init(start())


def test_loss_scaling_changes_nothing_but_the_range(float64):
    optimizer = Adam(0.1, loss_scale_factor=1024.0)
    scaled = jax.grad(lambda w: optimizer.scale_loss(jnp.sum(w**2)))(jnp.ones(2))
    one, _ = optimizer.update([scaled], optimizer.init([jnp.ones(2)]), [jnp.ones(2)])
    other, _ = Adam(0.1).update([2 * jnp.ones(2)], Adam(0.1).init([jnp.ones(2)]), [jnp.ones(2)])
    assert np.allclose(one[0], other[0], rtol=0, atol=1e-12)


def test_the_average_before_the_first_step_is_the_weights():
    for optimizer in (Adam(use_ema=True), ASGD()):
        assert np.array_equal(optimizer.averaged(optimizer.init(start()), start())[0], start()[0])


def test_any_float_may_be_a_schedule(float64):
    cycle = schedules.Cyclic(0.01, max_lr=0.1, step_size_up=2)
    optimizer = SGD(cycle, momentum=cycle.momentum(), weight_decay=schedules.StepDecay(0.1, 1))
    assert np.allclose([optimizer.learning_rate_at(i) for i in range(3)], [0.01, 0.055, 0.1], rtol=1e-12, atol=1e-15)
    w, v, path = 1.0, 0.0, []
    for i in range(4):
        rate, momentum, decay = float(cycle(i)), float(cycle.momentum()(i)), 0.1 * 0.1**i
        v = momentum * v - rate * (0.5 * w)
        w = w * (1 - rate * decay) + v
        path.append(w)
    _, _, given = descend(optimizer, [jnp.array(1.0)], 4, lambda weights: [0.5 * weights[0]])
    assert np.allclose(given, path, rtol=0, atol=1e-12)


def test_the_rate_may_be_set_at_the_desk_and_be_an_optax_schedule(float64):
    optimizer = SGD(optax.linear_schedule(1.0, 0.0, 2))
    assert np.allclose(follow(optimizer, 0.0, [1, 1, 1])[0], [-1, -1.5, -1.5], rtol=1e-12, atol=1e-15)
    optimizer.learning_rate = 0.5
    assert np.allclose(follow(optimizer, 0.0, [1])[0], [-0.5], rtol=1e-12, atol=1e-15)


def test_apply_gradients_by_hand_is_update(float64):
    variables = [Variable(np.ones(2), name="a"), Variable(np.zeros(1), name="b")]
    optimizer, weights = Adam(0.1), [jnp.ones(2), jnp.zeros(1)]
    state = optimizer.init(weights)
    for i in range(3):
        optimizer.learning_rate = 0.1 / (i + 1)
        grads = [jnp.arange(1.0, 3.0), jnp.ones(1)]
        weights, state = optimizer.update(grads, state, weights)
        optimizer.apply_gradients(zip(grads, variables, strict=True))
    assert all(np.allclose(v.numpy(), w, rtol=0, atol=1e-12) for v, w in zip(variables, weights, strict=True))
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


@pytest.mark.parametrize("optimizer", [Adam, Adamax, Adagrad])
def test_a_mistyped_place_of_epsilon(optimizer):
    with pytest.raises(UnknownNameError, match="epsilon_at"):
        optimizer(epsilon_at="below")


# Keras 3.15.1 in float32, three steps of Muon(0.05) on the network below: the sums of the absolute weights.
SET_ASIDE = [
    ({}, [11.76877498626709, 30.714900970458984, 3.8769137859344482, 5.278751373291016, 0.9847002625465393]),
    (
        {"exclude_embeddings": False},
        [12.794455528259277, 30.72454071044922, 3.874450922012329, 5.2782087326049805, 0.984865665435791],
    ),
    (
        {"exclude_layers": ["head"]},
        [11.806396484375, 30.693418502807617, 3.9047908782958984, 4.52674674987793, 0.986247181892395],
    ),
    (
        {"exclude_layers": ("^hid", "d/k"), "exclude_embeddings": False},
        [12.799514770507812, 28.140365600585938, 3.913454532623291, 4.528766632080078, 0.9950921535491943],
    ),
]


@pytest.mark.parametrize(("arguments", "expected"), SET_ASIDE, ids=str)
def test_muon_leaves_embeddings_and_named_layers_to_adamw(arguments, expected, tmp_path):
    words = caviar.layers.Embedding(5, 4, name="words")
    layers = [caviar.layers.Flatten(), caviar.layers.Dense(4, name="hidden"), caviar.layers.Dense(2, name="head")]
    model = caviar.Sequential([caviar.Input((3,), dtype="int32"), words, *layers])
    model.set_weights(
        [np.cos(np.arange(w.size) * (i + 1.0)).reshape(w.shape) for i, w in enumerate(model.get_weights())]
    )
    model.compile(Muon(0.05, **arguments), "mse")
    x, y = np.array([[0, 1, 2], [3, 4, 0], [1, 1, 3], [2, 4, 4]]), np.sin(np.arange(8.0)).reshape(4, 2)
    model.fit(x, y, batch_size=4, epochs=3, verbose=0, shuffle=False)
    assert np.allclose([np.abs(w).sum() for w in model.get_weights()], expected, rtol=2e-5, atol=0)
    model.save(tmp_path / "model.caviar")
    again = caviar.load_model(tmp_path / "model.caviar")  # the optimizer's state is of the same form there
    for one in (model, again):
        one.fit(x, y, batch_size=4, verbose=0, shuffle=False)
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), again.get_weights(), strict=True))
    words.trainable = False
    model.fit(x, y, batch_size=4, verbose=0, shuffle=False)  # other weights are moved now
    assert np.array_equal(words.embeddings, again.get_weights()[0])


def test_at_the_desk_muon_knows_embeddings_too():
    tables = [Variable(np.eye(2), name=name) for name in ("embedding/embeddings", "dense/kernel")]
    optimizer = Muon(0.1, weight_decay=None, adam_weight_decay=None)
    optimizer.apply_gradients([(np.full((2, 2), 3.0), table) for table in tables])
    assert np.allclose(np.eye(2) - tables[0].value, 0.1, atol=1e-6)  # Adam's first step is the rate
    assert not np.allclose(np.eye(2) - tables[1].value, 0.1, atol=1e-2)


@pytest.mark.parametrize("wrong", ["head", ["("], [3], 3], ids=str)
def test_muon_excludes_by_regular_expressions(wrong):
    with pytest.raises(ArgumentError, match=r"exclude_layers of Muon must be a list, each of it a regular expression"):
        Muon(exclude_layers=wrong)
