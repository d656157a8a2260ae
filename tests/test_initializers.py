"""Initializers: the lecture's variances and bounds, the variance they keep through depth, and what a key decides."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import fact, written

from caviar import config, initializers
from caviar.errors import ArgumentError, ShapeError, UnknownNameError
from caviar.initializers import (
    Constant,
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    Identity,
    LecunNormal,
    LecunUniform,
    Ones,
    Orthogonal,
    RandomNormal,
    RandomUniform,
    SmallRandom,
    TruncatedNormal,
    VarianceScaling,
    Zeros,
)
from caviar.initializers.scaling import fans
from caviar.layers import Dense, Input
from caviar.models import Sequential
from caviar.parts import take_apart

KEY = jax.random.key(7)
SHAPE = (400, 100)
# The initializer, the standard deviation and the largest absolute value that it has for a matrix of that shape.
RANDOM = [
    (RandomNormal(stddev=0.3), 0.3, np.inf),
    (TruncatedNormal(stddev=0.3), 0.3 * 0.8796, 0.6),
    (RandomUniform(-0.3, 0.3), 0.3 / np.sqrt(3), 0.3),
    (SmallRandom(), 0.01 / np.sqrt(3), 0.01),
    (LecunNormal(), np.sqrt(1 / 400), 2.28 * np.sqrt(1 / 400)),
    (LecunUniform(), np.sqrt(1 / 400), np.sqrt(3 / 400)),
    (GlorotNormal(), np.sqrt(2 / 500), 2.28 * np.sqrt(2 / 500)),
    (GlorotUniform(), np.sqrt(2 / 500), np.sqrt(6 / 500)),
    (HeNormal(), np.sqrt(2 / 400), 2.28 * np.sqrt(2 / 400)),
    (HeUniform(), np.sqrt(2 / 400), np.sqrt(6 / 400)),
    (VarianceScaling(3.0, "fan_out", "untruncated_normal"), np.sqrt(3 / 100), np.inf),
    (Orthogonal(2.0), np.sqrt(4 / 400), 2),
]
FIXED = [
    Zeros(),
    Ones(),
    Constant(0.5),
    Identity(2.0),
]
ALL = [row[0] for row in RANDOM] + FIXED


@pytest.mark.parametrize(("initializer", "stddev", "bound"), RANDOM, ids=repr)
def test_mean_deviation_and_bound(initializer, stddev, bound):
    w = initializer(KEY, SHAPE)
    assert float(w.mean()) == pytest.approx(0, abs=4 * stddev / np.sqrt(w.size))
    assert float(w.std()) == pytest.approx(stddev, rel=4 / np.sqrt(w.size))
    assert abs(w).max() <= bound * (1 + 1e-6)
    assert bound == np.inf or abs(w).max() > 0.95 * bound or isinstance(initializer, Orthogonal)


# Contracts that every initializer keeps


def test_orthogonal_in_half_precision_is_the_single_precision_draw_rounded():
    half, single = (Orthogonal()(KEY, (4, 3), dtype) for dtype in ("bfloat16", "float32"))
    assert (half == single.astype("bfloat16")).all()


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16"])
@pytest.mark.parametrize("initializer", ALL, ids=repr)
def test_shape_and_dtype(initializer, dtype):
    def drawn(dtype=None):
        return jax.eval_shape(lambda key: initializer(key, (4, 3), dtype), KEY)

    with config.precision("float64"):
        assert (drawn(dtype).shape, drawn(dtype).dtype) == ((4, 3), dtype)
        assert drawn().dtype == "float64"
    assert drawn().dtype == "float32"


@pytest.mark.parametrize("initializer", ALL, ids=repr)
def test_the_key_decides_and_nothing_else(initializer):
    keys = jax.random.split(KEY, 3)
    alone = np.stack([initializer(key, (40, 10)) for key in keys])
    np.testing.assert_array_equal(alone[0], initializer(keys[0], (40, 10)))
    assert bool((alone[0] != alone[1]).any()) == (initializer not in FIXED)
    members = jax.vmap(lambda key: initializer(key, (40, 10)))(keys)
    np.testing.assert_allclose(members, alone, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("initializer", ALL, ids=repr)
def test_round_trips(initializer):
    again = type(initializer).from_config(initializer.get_config())
    assert repr(again) == repr(initializer) == repr(eval(repr(initializer), vars(initializers)))
    assert take_apart(again).structure == take_apart(initializer).structure
    assert take_apart(again).numbers == take_apart(initializer).numbers
    assert ">>>" in type(initializer).__doc__


@pytest.mark.parametrize("initializer", [row[0] for row in RANDOM], ids=repr)
def test_a_seed_makes_it_independent_of_the_key(initializer):
    seeded = initializer.replace(seed=3)
    w = seeded(KEY, SHAPE)
    np.testing.assert_array_equal(w, seeded(None, SHAPE))
    np.testing.assert_array_equal(w, initializer(jax.random.key(3), SHAPE))


def test_without_a_key_the_librarys_seed_decides():
    config.set_random_seed(1)
    first, second = HeNormal()(None, SHAPE), HeNormal()(None, SHAPE)
    config.set_random_seed(1)
    np.testing.assert_array_equal(first, HeNormal()(None, SHAPE))
    assert (first != second).any()


# What they start with


def test_fixed_values():
    np.testing.assert_array_equal(Zeros()(KEY, (2, 3)), np.zeros((2, 3)))
    np.testing.assert_array_equal(Ones()(KEY, (2, 3)), np.ones((2, 3)))
    np.testing.assert_array_equal(Constant(0.5)(KEY, (2, 3)), np.full((2, 3), 0.5))
    np.testing.assert_array_equal(Identity(2.0)(KEY, (2, 3)), 2 * np.eye(2, 3))
    np.testing.assert_array_equal(Constant(np.arange(3.0))(KEY, (3,)), [0, 1, 2])


@pytest.mark.parametrize("shape", [(3, 7), (7, 3), (5, 5), (2, 2, 3, 4), (2, 2, 1, 9)])
def test_orthogonal(shape):
    with config.precision("float64"):
        w = Orthogonal(2.0)(KEY, shape).reshape(-1, shape[-1])
        gram = w @ w.T if w.shape[0] < w.shape[1] else w.T @ w
        np.testing.assert_allclose(gram, 4 * np.eye(len(gram)), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (LecunNormal(), jax.nn.initializers.lecun_normal()),
        (LecunUniform(), jax.nn.initializers.lecun_uniform()),
        (GlorotNormal(), jax.nn.initializers.glorot_normal()),
        (GlorotUniform(), jax.nn.initializers.glorot_uniform()),
        (HeNormal(), jax.nn.initializers.he_normal()),
        (HeUniform(), jax.nn.initializers.he_uniform()),
        (Orthogonal(), jax.nn.initializers.orthogonal()),
    ],
    ids=written,
)
def test_same_numbers_as_jax(ours, theirs):
    for shape in (SHAPE, (3, 3, 2, 4)):
        np.testing.assert_allclose(ours(KEY, shape), theirs(KEY, shape, "float32"), rtol=1e-6)


@pytest.mark.parametrize("id", ["init.bounds_8_8", "init.bounds_784_512"])
def test_variances_and_bounds_of_the_lecture(id):
    f = fact(id)
    shape = n_in, n_out = f["inputs"]["n_in"], f["inputs"]["n_out"]
    many = (999, n_in, n_out) if n_in < 100 else (1, n_in, n_out)
    for name, normal, uniform in (
        ("lecun", LecunNormal, LecunUniform),
        ("xavier", GlorotNormal, GlorotUniform),
        ("he", HeNormal, HeUniform),
    ):
        variance, bound = f["expected"][f"{name}_var"], f["expected"][f"{name}_uniform"]
        assert normal.scale / normal()._fan(shape) == pytest.approx(variance, abs=f["tolerance"])
        assert np.sqrt(3 * uniform.scale / uniform()._fan(shape)) == pytest.approx(bound, abs=f["tolerance"])
        for kind in (normal, uniform):
            drawn = kind(input_axes=(1,), output_axes=(2,))(KEY, many)
            assert float(drawn.var()) == pytest.approx(variance, rel=0.02)
        assert abs(drawn).max() <= bound


def test_small_random_of_the_lecture():
    f = fact("init.random_range")["expected"]
    w = SmallRandom()(KEY, (400, 400))
    assert float(w.min()) >= f["low"]
    assert float(w.max()) <= f["high"]
    assert float(w.var()) == pytest.approx(f["var_if_uniform"], rel=0.02)


def test_zeros_leave_all_units_equal():
    f = fact("init.zero_symmetry")
    x, units = np.array([f["inputs"]["x"]]), f["inputs"]["h"]
    layer = Dense(units, "tanh", kernel_initializer="zeros")
    model = Sequential([Input((2,)), layer, Dense(1, kernel_initializer="ones")])
    assert layer(x)[0].tolist() == f["expected"]["outputs"]
    model.compile("sgd", "mse")
    model.fit(x, [[1.0]], epochs=5, verbose=0)
    kernel = layer.kernel.numpy()
    assert (kernel == kernel[:, :1]).all() == f["expected"]["all_equal"]
    assert (kernel != 0).all()  # they learned, all the same


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((), (1, 1)), ((5,), (5, 5)), ((3, 4), (3, 4)), ((7, 3, 4), (21, 28)), ((3, 5, 2, 6), (30, 90))],
)
def test_fans_are_keras(shape, expected):
    assert fans(shape) == expected


def test_fans_of_named_axes():
    assert fans((8, 2, 4), input_axes=(0,), output_axes=(1, 2)) == (8, 8)
    assert fans((2, 4, 8), input_axes=(0, 1), output_axes=(2,)) == (8, 8)


# Theory: through twenty layers of 512 units the variance is kept, where its condition holds


def variance_after(initializer, activation, layers=20, units=512, spread=1.0):
    x = start = spread * np.random.default_rng(1).normal(size=(256, units)).astype("float32")
    for key in jax.random.split(KEY, layers):
        x = activation(x @ initializer(key, (units, units)))
    return float(np.square(x).mean() / np.square(start).mean())


KEPT = [
    (LecunNormal(), lambda x: x, 1.0),
    (LecunUniform(), lambda x: x, 1.0),
    (GlorotNormal(), jnp.tanh, 0.01),  # small inputs, where tanh is the identity
    (GlorotUniform(), jnp.tanh, 0.01),
    (HeNormal(), jax.nn.relu, 1.0),
    (HeUniform(), jax.nn.relu, 1.0),
    (LecunNormal(), jax.nn.selu, 1.0),
]


@pytest.mark.parametrize(("initializer", "activation", "spread"), KEPT, ids=lambda v: repr(v) if v in ALL else "")
def test_variance_is_kept_through_depth(initializer, activation, spread):
    assert 0.5 < variance_after(initializer, activation, spread=spread) < 2


def test_orthogonal_keeps_every_length_exactly():
    assert variance_after(Orthogonal(), lambda x: x, units=64) == pytest.approx(1, rel=1e-4)


@pytest.mark.slow
def test_variance_vanishes_or_explodes_with_the_wrong_initializer():
    assert variance_after(SmallRandom(), jnp.tanh) < 1e-20
    assert variance_after(GlorotNormal(), jax.nn.relu) == pytest.approx(2**-20, rel=0.5)  # ReLU halves it each time
    assert variance_after(HeNormal(), lambda x: x) == pytest.approx(2**20, rel=0.5)


# Names


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("zeros", Zeros),
        ("Zeros", Zeros),
        ("one", Ones),
        ("normal", RandomNormal),
        ("small_random", SmallRandom),
        ("glorot_uniform", GlorotUniform),
        ("GlorotUniform", GlorotUniform),
        ("xavier_normal", GlorotNormal),
        ("kaiming_uniform", HeUniform),
        ("variance_scaling", VarianceScaling),
        ("identity", Identity),
        (None, GlorotUniform),
        (HeNormal, HeNormal),
        (HeNormal(), HeNormal),
        (0.5, Constant),
        (np.ones(3), Constant),
    ],
)
def test_get(name, expected):
    assert type(initializers.get(name)) is expected


def test_get_takes_functions_of_jax():
    theirs = jax.nn.initializers.he_normal()
    assert initializers.get(theirs) is theirs


def test_lower_case_names_are_the_classes():
    assert initializers.he_normal(seed=1)(None, (2, 2)).tolist() == HeNormal(seed=1)(None, (2, 2)).tolist()


def test_wrong_uses_are_refused():
    with pytest.raises(UnknownNameError, match="did you mean 'he_normal'"):
        initializers.get("he_norml")
    with pytest.raises(ArgumentError, match="function of"):
        initializers.get(["he_normal"])
    with pytest.raises(ShapeError, match=r"\(2, 2, 2\)"):
        Identity()(KEY, (2, 2, 2))
    with pytest.raises(ShapeError, match=r"\(2,\)"):
        Orthogonal()(KEY, (2,))
    with pytest.raises(ShapeError, match=r"shape \(2,\) cannot start as an array of shape \(3,\)"):
        Constant(np.ones(3))(KEY, (2,))
    with pytest.raises(UnknownNameError, match="did you mean 'fan_in'"):
        VarianceScaling(mode="fanin")(KEY, (2, 2))
    with pytest.raises(UnknownNameError, match="did you mean 'uniform'"):
        VarianceScaling(distribution="unifrom")(KEY, (2, 2))
