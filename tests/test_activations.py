"""Activations: PyTorch's and Keras' values and derivatives, the lecture's numbers, and one set of contracts for all."""

from __future__ import annotations

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import fact, recorded

from caviar import activations, public
from caviar.errors import ArgumentError, UnknownNameError

pytestmark = pytest.mark.usefixtures("float64")

ALL = sorted({f.__name__ for f in public.functions("caviar.activations").values()})
LAYERS = {"prelu", "rrelu"}  # that learn or draw their slopes, so `get` does not give them
OVERFLOWS = {"exponential"}  # exp(1e4) has no float
HIDES_NAN = {"hardmax"}  # an argmax
STEPS = {"sign", "hardmax"}  # whose derivative is 0 by nature
# PyTorch's hard sigmoid divides by a 6 in float32, and its softplus is the line from beta x = 20 on.
PYTORCH_NOISE = {"hardsigmoid": 3e-8, "softplus{'beta': 2.5}": math.exp(-20)}
PYTORCH_NAMES = {"lambd": "threshold", "value": "default_value", "weight": "alpha"}

A = [0.1, -0.3, 0.6, 1.7]


def activation(name: str):
    return getattr(activations, name)


def case_function(case):
    name = case["source"].rpartition(".")[2]
    config = {PYTORCH_NAMES.get(k, k): v for k, v in case["config"].items() if k != "training"}
    if "approximate" in config:
        config["approximate"] = config["approximate"] == "tanh"
    function = getattr(activations, name, None) or activations.get(name)
    return functools.partial(function, **config)


def value_and_derivative(function, x, cotangent=None):
    """As one compiled program, which is what users run, and quick."""

    def program(x, cotangent):
        y, pull_back = jax.vjp(function, x)
        return y, pull_back(jnp.ones_like(y) if cotangent is None else cotangent)[0]

    return jax.tree.map(np.asarray, jax.jit(program)(x, cotangent))


@pytest.mark.parametrize("case", recorded("activations"), ids=lambda c: c["id"])
def test_value_and_derivative_are_pytorchs(case):
    x, cotangent = (jnp.array(case["inputs"].get(name, [1.0])) for name in ("x", "cotangent"))
    y, dx = value_and_derivative(case_function(case), x, jnp.broadcast_to(cotangent, x.shape))
    rtol = PYTORCH_NOISE.get(case["id"], 1e-9)
    np.testing.assert_allclose(y, case["expected"]["y"], rtol=rtol, atol=1e-12)
    np.testing.assert_allclose(dx, case["expected"].get("dx", np.zeros(x.shape)), rtol=rtol, atol=1e-12)


def test_slope_of_prelu_has_pytorchs_derivative():
    case = next(c for c in recorded("activations") if c["id"] == "prelu")
    x, cotangent = jnp.array(case["inputs"]["x"]), jnp.array(case["inputs"]["cotangent"])
    slope = jax.grad(lambda alpha: jnp.sum(activations.prelu(x, alpha) * cotangent))(case["config"]["weight"])
    assert slope == pytest.approx(case["expected"]["dweight"], rel=1e-9)


# What PyTorch 2.13 takes as the derivative exactly at a kink.
KINKS = [
    ("threshold", {"threshold": 0.5, "default_value": -2.0}, {0.5: 0}),
    ("soft_shrink", {}, {-0.5: 0, 0.5: 0}),
    ("hard_shrink", {}, {-0.5: 0, 0.5: 0}),
    ("hard_sigmoid", {}, {-3: 0, 3: 0}),
    ("hard_tanh", {}, {-1: 0, 1: 0}),
    ("relu", {}, {0: 0}),
    ("leaky_relu", {"negative_slope": 0.3}, {0: 0.3}),
    ("prelu", {"alpha": 0.25}, {0: 0.25}),
    ("relu6", {}, {0: 0, 6: 0}),
    ("hard_silu", {}, {-3: 0, 3: 1}),
    ("elu", {"alpha": 0.4}, {0: 0.4}),
    ("selu", {}, {0: 1.0507009873554805 * 1.6732632423543772}),
    ("celu", {"alpha": 2.0}, {0: 1}),
]


@pytest.mark.parametrize(("name", "config", "kinks"), KINKS, ids=lambda v: v if isinstance(v, str) else "")
def test_derivative_at_a_kink_is_pytorchs(name, config, kinks):
    _, dx = value_and_derivative(functools.partial(activation(name), **config), jnp.array(list(kinks), float))
    np.testing.assert_allclose(dx, list(kinks.values()), rtol=1e-12)


# Keras 3.15 at [-2.5, -0.75, 0.25, 1.5]: values, and derivatives of their sum weighted by 1, 2, 3, 4.
KERAS = [
    ("linear", {}, [-2.5, -0.75, 0.25, 1.5], [1, 2, 3, 4]),
    (
        "exponential",
        {},
        [0.0820849986238988, 0.4723665527410147, 1.2840254166877414, 4.4816890703380645],
        [0.0820849986238988, 0.9447331054820294, 3.852076250063224, 17.926756281352258],
    ),
    (
        "glu",
        {},
        [-1.4054412522144952, -0.6131808571452327],
        [0.5621765008857981, 1.6351489523872873, -0.6153352068439959, -0.2237196781054993],
    ),
    ("sparsemax", {}, [0, 0, 0, 1], [0, 0, 0, 0]),
    ("sparse_plus", {}, [0, 0.015625, 0.390625, 1.5], [0, 0.25, 1.875, 4]),
    ("sparse_sigmoid", {}, [0, 0.125, 0.625, 1], [0, 1, 1.5, 0]),
    (
        "squareplus",
        {},
        [0.35078105935821213, 0.6930004681646913, 1.1327822185373186, 2.0],
        [0.1095655952784848, 0.6488765584116083, 1.6860521018838126, 3.2],
    ),
    (
        "relu",
        {"negative_slope": 0.1, "max_value": 1.0, "threshold": 0.5},
        [-0.3, -0.125, -0.025, 1],
        [0.1, 0.2, 0.3, 0],
    ),
    ("relu", {"threshold": 0.5}, [0, 0, 0, 1.5], [0, 0, 0, 4]),
    ("relu", {"max_value": 1.0}, [0, 0, 0.25, 1], [0, 0, 3, 0]),
]


@pytest.mark.parametrize(("name", "config", "y", "dx"), KERAS, ids=lambda v: v if isinstance(v, str) else "")
def test_value_and_derivative_are_keras(name, config, y, dx):
    x, function = jnp.array([-2.5, -0.75, 0.25, 1.5]), functools.partial(activation(name), **config)
    ours, gradient = value_and_derivative(function, x, jnp.array(np.arange(1.0, len(y) + 1)))
    np.testing.assert_allclose(ours, y, rtol=1e-9)
    np.testing.assert_allclose(gradient, dx, rtol=1e-9, atol=1e-12)


# Contracts that every activation keeps


@pytest.mark.parametrize("name", ALL)
def test_derivative_is_that_of_the_value(name):
    x, step = np.array([A, [2.2, -2.1, 0.7, -0.8]]), 1e-6
    _, dx = value_and_derivative(activation(name), jnp.array(x))
    along = np.random.default_rng(0).normal(size=x.shape)
    function = jax.jit(activation(name))
    measured = np.subtract(function(x + step * along), function(x - step * along)).sum() / (2 * step)
    assert (dx * along).sum() == pytest.approx(measured, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("name", sorted(set(ALL) - OVERFLOWS))
def test_large_inputs_keep_value_and_derivative_finite_in_float32(name):
    x = jnp.array([-1e4, -100.0, 0.0, 100.0, 1e4, 1e4], "float32")
    y, dx = value_and_derivative(activation(name), x)
    assert np.isfinite(y).all()
    assert np.isfinite(dx).all()


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16"])
@pytest.mark.parametrize("name", ALL)
def test_dtype_is_kept(name, dtype):
    assert jax.eval_shape(activation(name), jax.ShapeDtypeStruct((4,), dtype)).dtype == dtype


@pytest.mark.parametrize("name", ALL)
def test_mapped_it_is_the_same(name):
    y, mapped = jax.jit(lambda x: (activation(name)(x), jax.vmap(activation(name))(x)))(jnp.array([A, A[::-1]]))
    np.testing.assert_allclose(mapped, y, rtol=1e-12)


@pytest.mark.parametrize("name", sorted(set(ALL) - HIDES_NAN))
def test_nan_is_not_hidden(name):
    assert np.isnan(jax.jit(activation(name))(jnp.array([math.nan, 1.0]))).any()


@pytest.mark.parametrize("name", sorted(STEPS))
def test_steps_teach_nothing(name):
    np.testing.assert_array_equal(value_and_derivative(activation(name), jnp.array(A))[1], 0)


@pytest.mark.parametrize("name", ALL)
def test_is_documented(name):
    assert ">>>" in (activation(name).__doc__ or "")


# The lecture's table and numbers


def test_families_are_the_lectures():
    families = fact("table.activations")["inputs"]["families"]
    for family, names in families.items():
        ours = [f.__name__.replace("_", "") for f in activations.FAMILIES[family]]
        spelled = [{"swish": "silu", "hardswish": "hardsilu"}.get(n.lower(), n.lower()) for n in names]
        assert sorted(ours) == sorted(spelled)
    assert sum(map(len, activations.FAMILIES.values())) == fact("table.activations")["expected"]["total"]


SAMPLES = {
    "hardshrink_0p5": activations.hard_shrink,
    "softshrink_0p5": activations.soft_shrink,
    "leaky_relu_0p01": functools.partial(activations.leaky_relu, negative_slope=0.01),
    "prelu_0p25": functools.partial(activations.prelu, alpha=0.25),
    "softplus_beta1": activations.softplus,
    "softplus_beta2": functools.partial(activations.softplus, beta=2),
    "gelu_tanh": functools.partial(activations.gelu, approximate=True),
    "gelu_erf": activations.gelu,
    "elu_alpha1": activations.elu,
    "celu_alpha2": functools.partial(activations.celu, alpha=2),
}


@pytest.mark.parametrize("name", fact("act.samples")["expected"])
def test_samples_of_the_lecture(name):
    function = jax.jit(SAMPLES.get(name) or activations.get(name))
    samples = fact("act.samples")
    np.testing.assert_allclose(
        function(jnp.array(samples["inputs"]["x"])), samples["expected"][name], rtol=0, atol=1e-9
    )


def test_hard_tanh_of_the_lecture():
    f = fact("act.hardtanh_default")
    np.testing.assert_array_equal(activations.hard_tanh(jnp.array(f["inputs"]["x"])), f["expected"])


def test_slope_above_one_needs_the_piecewise_form():
    f = fact("act.leaky_max_form")
    x, alpha = jnp.array(f["inputs"]["x"]), f["inputs"]["alpha"]
    np.testing.assert_array_equal(jnp.maximum(x, alpha * x), f["expected"]["max_form"])
    np.testing.assert_array_equal(activations.leaky_relu(x, alpha), f["expected"]["piecewise"])
    np.testing.assert_array_equal(activations.prelu(x, alpha), f["expected"]["piecewise"])


@pytest.mark.parametrize(
    ("id", "given", "expected"),
    [
        ("softmax.2_1_0p1", "x", "softmax"),
        ("logsoftmax.2_1_0p1", "x", "logsoftmax"),
        ("softmin.2_1_0p1", "x", "softmin"),
        ("softmax.5_2_m1_3", "z", "softmax"),
    ],
)
def test_softmax_of_the_lecture(id, given, expected):
    f = fact(id)
    ours = activations.get(expected)(jnp.array(f["inputs"][given], float))
    np.testing.assert_allclose(ours, f["expected"][expected], rtol=0, atol=f["tolerance"])


def test_the_slides_quotients_are_softmax_up_to_their_rounding():
    """The slides cut each exponential after two digits, 7.38 of 7.389, and divide by a rounded sum."""
    x = np.array([2, 1, 0.1])
    for function, sign in ((activations.softmax, 1), (activations.softmin, -1)):
        slide, ours = fact(f"{function.__name__}.slide_quotients"), np.asarray(function(jnp.array(x)))
        exponentials = np.exp(sign * x)
        assert (np.floor(100 * exponentials) / 100).tolist() == slide["inputs"]["num"]
        np.testing.assert_allclose(ours, exponentials / exponentials.sum(), rtol=1e-6)
        np.testing.assert_allclose(ours, slide["expected"], rtol=0.015, atol=0.005)


def test_hardmax_of_the_lecture():
    f = fact("hardmax.5_2_m1_3")
    np.testing.assert_array_equal(activations.hardmax(jnp.array(f["inputs"]["z"])), f["expected"])


def test_softmax_of_two_classes_is_the_sigmoid_of_their_difference():
    f = fact("softmax.c2_equals_sigmoid")
    z = jnp.array(f["inputs"]["z"])
    assert activations.softmax(z)[0] == pytest.approx(f["expected"]["softmax0"], abs=1e-12)
    assert activations.sigmoid(z[0] - z[1]) == pytest.approx(f["expected"]["sigmoid_of_difference"], abs=1e-12)
    f = fact("softmax.c2_logistic")
    logits = jnp.array([f["expected"]["logit"], 0.0])
    np.testing.assert_allclose(activations.softmax(logits), f["expected"]["two_class"], rtol=0, atol=1e-12)


@pytest.mark.parametrize("id", ["vanish.0p9_150", "vanish.1p1_150"])
def test_gradients_vanish_or_explode_through_150_layers(id):
    f = fact(id)
    factor, layers = f["inputs"]["factor"], f["inputs"]["layers"]
    deep = lambda x: jax.lax.fori_loop(0, layers, lambda _, x: activations.leaky_relu(x, factor), x)  # noqa: E731
    assert jax.jacfwd(deep)(-1.0) == pytest.approx(f["expected"], abs=f["tolerance"])


# Properties


def test_softmax_sums_to_one_and_forgets_an_offset():
    x = np.random.default_rng(0).normal(size=(4, 3, 5))
    softmax, log_softmax, softmin = (jax.jit(f, static_argnums=1) for f in activations.FAMILIES["Softmax like"])
    for axis in (0, -1, (1, 2)):
        y = np.asarray(softmax(x, axis))
        np.testing.assert_allclose(y.sum(axis), 1, rtol=1e-12)
        np.testing.assert_allclose(softmax(x + 1e3, axis), y, rtol=1e-9)
        np.testing.assert_allclose(softmin(-x, axis), y, rtol=1e-12)
        np.testing.assert_allclose(np.exp(log_softmax(x, axis)), y, rtol=1e-12)


def test_sparsemax_is_the_nearest_point_of_the_simplex():
    x = np.random.default_rng(0).normal(size=(5, 4, 6))
    y = np.asarray(jax.jit(lambda x: activations.sparsemax(x, 1))(x))
    np.testing.assert_allclose(y.sum(1), 1, rtol=1e-12)
    assert (y >= 0).all()
    shift = np.where(y > 0, x - y, -np.inf).max(1, keepdims=True)  # one for all of the support, by the KKT conditions
    np.testing.assert_allclose(y, np.maximum(x - shift, 0), rtol=0, atol=1e-12)


def test_hardmax_and_glu_take_any_axis():
    x = jnp.array(np.random.default_rng(0).normal(size=(4, 3, 2)))
    np.testing.assert_array_equal(activations.hardmax(x, 0).argmax(0), x.argmax(0))
    assert activations.glu(x, 0).shape == (2, 3, 2)


# Names


@pytest.mark.parametrize("spelling", ["hard_shrink", "hardshrink", "HardShrink", "Hardshrink"])
def test_spellings(spelling):
    assert activations.get(spelling) is activations.hard_shrink


def test_get_by_every_name():
    for name in set(ALL) - LAYERS:
        assert activations.get(name) is activation(name)
    assert activations.get("swish") is activations.get("SiLU") is activations.swish
    assert activations.get("hard_swish") is activations.hard_silu
    assert activations.get(None) is activations.linear
    assert activations.get(jnp.sin) is jnp.sin


def test_unknown_names_are_refused_with_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean 'relu'"):
        activations.get("rellu")
    with pytest.raises(ArgumentError, match=r"PReLU\(\) learns its slope"):
        activations.get("prelu")
    with pytest.raises(UnknownNameError, match="unknown activation 3"):
        activations.get(3)
