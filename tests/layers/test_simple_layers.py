"""Layers that activate, rearrange, merge, disturb or prepare: Keras' values, the lecture's numbers, and contracts."""

from __future__ import annotations

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import fact, recorded
from layer_classes import FUNCTIONS as FUNCTION_LAYERS
from layer_classes import SIMPLE as NAMES

from caviar import activations, config, layers
from caviar.errors import ArgumentError, DataError, NotBuiltError, ShapeError, UnknownNameError
from caviar.graph import Input, evaluate, fetch
from caviar.graph.evaluation import as_arrays
from caviar.layers.base import Layer, ensure_built
from caviar.layers.dense import Dense
from caviar.parts import take_apart

# A layer of each class, and the shapes of its inputs without the batch. Several inputs are given as a list.
NOISE = [
    (layers.Dropout(0.5), (4,)),
    (layers.Dropout(0.5, noise_shape=(None, 1, None), seed=3), (3, 4)),
    (layers.SpatialDropout1D(0.5), (5, 3)),
    (layers.SpatialDropout2D(0.5), (5, 4, 3)),
    (layers.SpatialDropout3D(0.5), (5, 4, 2, 3)),
    (layers.AlphaDropout(0.5), (4,)),
    (layers.GaussianDropout(0.5), (4,)),
    (layers.GaussianNoise(0.5), (4,)),
]
FUNCTIONS = [(cls(), (3, 4)) for cls in FUNCTION_LAYERS.values()]
SHAPING = [
    (layers.Identity(), (4,)),
    (layers.Flatten(), (2, 3, 4)),
    (layers.Reshape((-1, 2)), (6,)),
    (layers.Permute((2, 1)), (3, 4)),
    (layers.RepeatVector(3), (4,)),
    (layers.ZeroPadding1D((1, 2)), (5, 3)),
    (layers.ZeroPadding2D(((1, 2), (0, 1))), (5, 4, 3)),
    (layers.ZeroPadding3D(2), (3, 3, 3, 2)),
    (layers.Cropping1D((1, 2)), (5, 3)),
    (layers.Cropping2D(((1, 2), (0, 1))), (5, 4, 3)),
    (layers.Cropping3D(1), (3, 3, 3, 2)),
    (layers.UpSampling1D(3), (5, 3)),
    (layers.UpSampling2D((2, 3)), (5, 4, 3)),
    (layers.UpSampling2D(2, interpolation="bilinear"), (5, 4, 3)),
    (layers.UpSampling3D(2), (2, 2, 2, 3)),
]
MERGING = [
    *((cls(), [(3, 4), (3, 4)]) for cls in (layers.Add, layers.Subtract, layers.Multiply, layers.Average)),
    *((cls(), [(3, 4), (4,), (1, 4)]) for cls in (layers.Add, layers.Maximum, layers.Minimum)),
    (layers.Concatenate(), [(3, 4), (3, 2)]),
    (layers.Concatenate(1), [(3, 4), (2, 4)]),
    (layers.Dot(1), [(4,), (4,)]),
    (layers.Dot((2, 1), normalize=True), [(3, 4), (4, 2)]),
]
PREPARING = [
    (layers.Rescaling(0.5, -1.0), (4,)),
    (layers.Normalization(), (4,)),
    (layers.Normalization(None, 1.0, 4.0), (4,)),
    (layers.CategoryEncoding(5), (3,)),
    (layers.Discretization([-0.5, 0.0, 0.5], output_mode="one_hot"), (4,)),
    (layers.Lambda(jnp.tanh), (4,)),
]
PRODUCTS = [
    (layers.Dense(3, "tanh"), (4,)),
    (layers.Dense(3, use_bias=False), (2, 4)),
    (layers.EinsumDense("abc,cd->abd", output_shape=(None, 3), bias_axes="d"), (2, 4)),
]
ALL = [(layers.Activation("relu"), (4,)), *PRODUCTS, *FUNCTIONS, *NOISE, *SHAPING, *MERGING, *PREPARING]
ids = [repr(layer) for layer, _ in ALL]


def random_inputs(shape, batch=5, dtype="float32"):
    if isinstance(shape, list):
        return [random_inputs(s, batch, dtype) for s in shape]
    return jnp.array(np.random.default_rng(sum(shape)).normal(size=(batch, *shape)), dtype)


def outputs_and_gradients(layer, x, cotangent):
    """What the layer gives, and the gradients of the inputs and of the weights by name."""
    ensure_built(layer, *x)
    apart = take_apart(layer)

    def run(values, x):
        return evaluate(apart.structure, as_arrays(apart.numbers), values, call=lambda copy: copy(*x)).outputs

    def program(values, x, cotangent):
        y, pull_back = jax.vjp(run, values, x)
        return y, *pull_back(cotangent)

    y, dvalues, dx = jax.jit(program)([v.value for v in apart.variables], x, cotangent)
    return y, dx, {v.name.rpartition("/")[2]: d for v, d in zip(apart.variables, dvalues, strict=True)}


# Keras


CASES = [case for case in recorded("layers") if case["source"].rpartition(".")[2] in NAMES]
# Keras multiplied these matrices in float32: NumPy in float64 differs from the record by 1.7e-7.
ROUNDED = {"Dense": 1e-6}


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("case", CASES, ids=lambda c: c["id"])
def test_value_and_gradients_are_keras(case):
    name = case["source"].rpartition(".")[2]
    layer, near = NAMES[name](**case["config"]), {"rtol": ROUNDED.get(name, 1e-9), "atol": ROUNDED.get(name, 1e-12)}
    x = [jnp.array(x) for x in case["inputs"]["x"]]
    ensure_built(layer, *x)
    for name, value in case["inputs"]["weights"].items():
        getattr(layer, name).assign(value)
    y, dx, dweights = outputs_and_gradients(layer, x, jnp.array(case["inputs"]["cotangent"]))
    np.testing.assert_allclose(y, case["expected"]["y"], **near)
    np.testing.assert_allclose(dx, case["expected"]["dx"], **near)
    assert dweights.keys() == case["expected"]["dweights"].keys()
    for name, gradient in case["expected"]["dweights"].items():
        np.testing.assert_allclose(dweights[name], gradient, **near)


CUBES = (np.arange(8.0) ** 1.5).reshape(1, 2, 2, 2)
A, B = np.arange(12.0).reshape(2, 2, 3) - 4, np.sqrt(np.arange(1.0, 13.0)).reshape(2, 3, 2)
COLUMNS = np.array([[1.0, 2.0], [3.0, 7.0], [5.0, 6.0]])
CATEGORIES = np.array([[0, 1], [0, 0], [1, 2], [3, 1]])
# A layer, its input, and what Keras 3.15 makes of it; it computes some of these in float32 even in float64.
KERAS = [
    (
        layers.UpSampling2D(2, interpolation="bilinear"),
        CUBES[..., :1],
        [
            [0, 0.7071067811865476, 2.121320343559643, 2.8284271247461903],
            [2, 2.9488887394336025, 4.846666218300808, 5.79555495773441],
            [6, 7.432452655927712, 10.297357967783137, 11.729810623710849],
            [8, 9.674234614174766, 13.022703842524301, 14.696938456699067],
        ],
    ),
    (
        layers.Dot((2, 1)),
        [A, B],
        [
            [[-13.66828727722168, -16.55583381652832], [1.2360680103302002, 1.0352762937545776]],
            [[27.558002471923828, 29.00009536743164], [54.44512939453125, 57.3645133972168]],
        ],
    ),
    (
        layers.Dot((2, 1), normalize=True),
        [A, B],
        [
            [[-0.8460457921028137, -0.8874857425689697], [0.2913439869880676, 0.21132484078407288]],
            [[0.9848425388336182, 0.9831951856613159], [0.9990352392196655, 0.9985879063606262]],
        ],
    ),
    (layers.Dot(1, normalize=True), [A[:, 0], B[:, :, 0]], [[-0.8460457921028137], [0.9848425388336182]]),
    (layers.Add(), [np.arange(4.0).reshape(2, 2), np.ones((2, 3, 2))], [[[1, 2]] * 3, [[3, 4]] * 3]),
    (
        layers.Normalization(mean=[1.0, 2.0], variance=[4.0, 9.0]),
        COLUMNS,
        [[0, 0], [1, 1.6666666666666667], [2, 1.3333333333333333]],
    ),
    (
        layers.Normalization(mean=3.0, variance=2.0, invert=True),
        COLUMNS,
        [[4.414213538169861, 5.828427076339722], [7.2426406145095825, 12.899494767189026], [10.07106769, 11.48528123]],
    ),
    (layers.CategoryEncoding(4, "one_hot"), np.array([[3], [1]]), [[0, 0, 0, 1], [0, 1, 0, 0]]),
    (layers.CategoryEncoding(4), CATEGORIES, [[1, 1, 0, 0], [1, 0, 0, 0], [0, 1, 1, 0], [0, 1, 0, 1]]),
    (layers.CategoryEncoding(4, "count"), CATEGORIES, [[1, 1, 0, 0], [2, 0, 0, 0], [0, 1, 1, 0], [0, 1, 0, 1]]),
    (layers.CategoryEncoding(4, "count"), np.array([3, 1, 1]), [0, 2, 0, 1]),
    (layers.Flatten("channels_first"), np.arange(12.0).reshape(1, 3, 4), [[0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11]]),
]


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize(("layer", "x", "y"), KERAS, ids=lambda v: repr(v) if isinstance(v, Layer) else "")
def test_value_is_keras(layer, x, y):
    np.testing.assert_allclose(jnp.squeeze(layer(x)), np.squeeze(y), rtol=3e-7, atol=1e-7)


# Contracts that every layer keeps


@pytest.mark.parametrize(("layer", "shape"), ALL, ids=ids)
def test_nodes_have_the_shape_and_type_of_the_arrays(layer, shape):
    x = random_inputs(shape)
    node = layer([Input(s) for s in shape] if isinstance(shape, list) else Input(shape))
    y, gradients = jax.jit(jax.value_and_grad(lambda x: (lambda y: (y.sum(), y))(layer(x)), has_aux=True))(x)
    assert node.shape == (None, *y[1].shape[1:])
    assert node.dtype == y[1].dtype == "float32"
    assert all(np.isfinite(g).all() for g in jax.tree.leaves(gradients))


@pytest.mark.parametrize(("layer", "shape"), ALL, ids=ids)
def test_round_trips(layer, shape):
    again = type(layer).from_config(layer.get_config())
    assert repr(again) == repr(layer)
    assert again.name != layer.name
    written = again if isinstance(layer, layers.Lambda) else eval(repr(layer), dict(NAMES))
    for fresh in (again, written):
        assert take_apart(fresh).structure == take_apart(layer.replace()).structure
        assert repr(take_apart(fresh).numbers) == repr(take_apart(layer.replace()).numbers)
    assert ">>>" in type(layer).__doc__


def test_a_graph_of_many_layers_is_the_same_as_one_after_the_other():
    chain = [layers.Reshape((2, 3)), layers.PReLU("ones"), layers.Dropout(0.5), layers.Flatten(), layers.Softmax()]
    node = given = Input((6,))
    value = x = random_inputs((6,))
    for layer in chain:
        node, value = layer(node), layer(value)
    both = layers.concatenate([node, given])
    np.testing.assert_allclose(fetch(both, {given: x}), jnp.concatenate([value, x], -1), rtol=1e-6)


def test_every_class_is_in_the_table():
    assert {type(layer) for layer, _ in ALL} == set(NAMES.values())


@pytest.mark.parametrize("name", sorted(f.__name__ for family in activations.FAMILIES.values() for f in family))
def test_every_activation_of_the_lecture_is_a_layer(name):
    cls = next(cls for n, cls in NAMES.items() if n.lower() == name.replace("_", ""))
    x = random_inputs((3, 4))
    if name not in (
        "prelu",
        "leaky_relu",
    ):  # a weight that starts at 0, and Keras' two defaults, 0.3 here and 0.2 there
        np.testing.assert_allclose(cls()(x), jax.jit(getattr(activations, name))(x), rtol=1e-6)


@pytest.mark.parametrize("layer", [layers.LeakyReLU(0.1), layers.ReLU(6.0, 0.1, 0.5), layers.Softplus(2.0)], ids=repr)
def test_numbers_of_activations_are_controls(layer):
    other = layer.replace(**{k: 2 * v for k, v in layer.get_config().items()})
    assert take_apart(layer).structure == take_apart(other).structure
    assert take_apart(layer).numbers != take_apart(other).numbers


# Noise


@pytest.mark.parametrize(("layer", "shape"), NOISE, ids=[repr(layer) for layer, _ in NOISE])
def test_noise_is_off_outside_training_and_when_its_number_is_zero(layer, shape):
    x = random_inputs(shape)
    np.testing.assert_array_equal(layer(x), x)
    assert (layer(x, training=True) != x).any()
    first = next(iter(layer.get_config()))
    off, other, same = (layer.replace(**{first: value}) for value in (0.0, 0.25, 0.5))
    assert take_apart(other).structure == take_apart(same).structure  # a control: changing it compiles nothing
    assert take_apart(off).structure != take_apart(same).structure  # not compiled in
    np.testing.assert_array_equal(off(x, training=True), x)


@pytest.mark.parametrize(("layer", "shape"), NOISE, ids=[repr(layer) for layer, _ in NOISE])
def test_noise_follows_the_librarys_seed(layer, shape):
    x = random_inputs(shape, batch=64)
    first, second = layer(x, training=True), layer(x, training=True)
    config.set_random_seed(0)
    np.testing.assert_array_equal(layer(x, training=True), first)
    assert (first != second).any()


@pytest.mark.parametrize("rate", [0.05, 0.2, 0.5, 0.9])
def test_dropout_keeps_the_mean_and_scales(rate):
    y = np.asarray(layers.Dropout(rate)(jnp.ones((512, 501)), training=True))
    kept = y != 0
    deviation = math.sqrt(rate * (1 - rate) / y.size)
    assert kept.mean() == pytest.approx(1 - rate, abs=4 * deviation)
    np.testing.assert_allclose(y[kept], 1 / (1 - rate), rtol=1e-6)
    for axis in (0, 1):  # no row or column is favoured
        assert kept.mean(axis).std() == pytest.approx(deviation * math.sqrt(y.size / y.shape[axis]), rel=0.2)
    assert abs(np.corrcoef(kept[:, 1:].ravel(), kept[:, :-1].ravel())[0, 1]) < 4 / math.sqrt(y.size)


def test_dropout_passes_gradients_where_it_keeps():
    layer, x = layers.Dropout(0.25), jnp.ones((8, 8))
    ensure_built(layer, x)
    apart = take_apart(layer)

    def run(x):
        return evaluate(apart.structure, [0.25], [], training=True, rng=jax.random.key(0), call=lambda c: c(x)).outputs

    y, pull_back = jax.vjp(run, x)
    np.testing.assert_array_equal(pull_back(jnp.ones_like(y))[0], y)


def test_dropping_everything_gives_zeros_and_finite_gradients():
    layer, x = layers.Dropout(1.0), jnp.ones((8, 8))
    np.testing.assert_array_equal(layer(x, training=True), 0)
    np.testing.assert_array_equal(jax.grad(lambda x: layer(x, training=True).sum())(x), 0)


def test_spatial_dropout_drops_whole_channels_in_both_formats():
    x = jnp.ones((64, 4, 6, 8))
    last = layers.SpatialDropout2D(0.5)(x, training=True)
    np.testing.assert_array_equal(last, jnp.broadcast_to(last[:, :1, :1], x.shape))
    first = layers.SpatialDropout2D(0.5, "channels_first")(x, training=True)
    np.testing.assert_array_equal(first, jnp.broadcast_to(first[:, :, :1, :1], x.shape))
    assert 0.3 < (last[:, 0, 0] == 0).mean() < 0.7


def test_noise_shape_drops_together():
    y = layers.Dropout(0.5, (None, 1, None))(jnp.ones((64, 5, 8)), training=True)
    np.testing.assert_array_equal(y, jnp.broadcast_to(y[:, :1], y.shape))
    assert set(np.unique(y)) == {0, 2}


@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_alpha_dropout_keeps_mean_and_variance_of_normal_inputs(rate):
    y = layers.AlphaDropout(rate)(jax.random.normal(jax.random.key(0), (512, 512)), training=True)
    assert float(y.mean()) == pytest.approx(0, abs=0.02)
    assert float(y.std()) == pytest.approx(1, abs=0.02)


def test_gaussian_noises_have_their_variances():
    x = jnp.full((512, 512), 2.0)
    y = layers.GaussianDropout(0.2)(x, training=True)
    assert float(y.mean()) == pytest.approx(2, abs=0.02)
    assert float(y.std()) == pytest.approx(2 * math.sqrt(0.2 / 0.8), rel=0.02)
    y = layers.GaussianNoise(0.3)(x, training=True)
    assert float(y.mean()) == pytest.approx(2, abs=0.01)
    assert float(y.std()) == pytest.approx(0.3, rel=0.02)


def test_rrelu_draws_slopes_between_its_bounds():
    y = -np.asarray(layers.RReLU(0.25, 0.75)(jnp.full((200, 200), -1.0), training=True))
    assert y.min() >= 0.25
    assert y.max() <= 0.75
    assert y.mean() == pytest.approx(0.5, abs=0.01)
    assert len(np.unique(y)) > 1000


# The lecture's numbers


@pytest.mark.parametrize("id", ["dropout.counts_64", "dropout.counts_60"])
def test_dropped_neurons_of_the_lecture(id):
    f = fact(id)
    exact = f["expected"]["exact"] if id == "dropout.counts_64" else f["expected"]
    for rate, expected in zip(f["inputs"]["rates"], exact, strict=True):
        y = layers.Dropout(rate)(jnp.ones((4000, f["inputs"]["neurons"])), training=True)
        assert float((y == 0).sum(1).mean()) == pytest.approx(expected, abs=0.3)


def test_rates_and_scales_of_the_lecture():
    f = fact("dropout.p_vector")["expected"]
    for p, scale in zip(f["p"], f["scale"], strict=True):
        y = layers.Dropout(p)(jnp.ones((50, 50)), training=True)
        assert float(y.max()) == pytest.approx(scale, rel=1e-6)
    for rate in (*fact("dropout.layer_rates")["expected"], fact("dropout.max_rate")["expected"]):
        y = layers.Dropout(rate)(jnp.ones((500, 500)), training=True)
        assert float((y == 0).mean()) == pytest.approx(rate, abs=0.01)


def test_a_dropped_neuron_gives_zero():
    f = fact("dropout.zero")
    wx_b = f["inputs"]["w"] * f["inputs"]["x"] + f["inputs"]["b"]
    y = layers.Dropout(0.5)(jnp.full((10, 10), wx_b), training=True)
    assert {round(v, 5) for v in np.unique(y).tolist()} == {f["expected"], round(2 * wx_b, 5)}


def test_dropout_net_of_the_lecture():
    f = fact("dropout.mnist_net")
    sizes, p = f["inputs"]["sizes"], f["inputs"]["p"]
    counts = []
    for size, units in itertools.pairwise(sizes):
        layer = Dense(units)
        ensure_built(layer, jax.ShapeDtypeStruct((1, size), jnp.float32))
        counts.append(layer.count_params())
    assert counts == f["expected"]["params"]
    assert sum(counts) == f["expected"]["total"]
    dropout = layers.Dropout(p)
    dropped = (dropout(jnp.ones((400, 512)), training=True) == 0).sum(1).mean()
    assert float(dropped) == pytest.approx(f["expected"]["expected_dropped"], rel=0.02)
    assert dropout.count_params() == 0


@pytest.mark.usefixtures("float64")
def test_input_normalization_of_the_lecture():
    f = fact("norm.input")
    layer = layers.Normalization()
    x = np.array(f["inputs"]["x"])[:, None]
    layer.adapt(x)
    mean, variance = layer.get_weights()
    assert mean.item() == pytest.approx(f["expected"]["mu"], abs=f["tolerance"])
    assert variance.item() == pytest.approx(f["expected"]["var"], abs=f["tolerance"])
    np.testing.assert_allclose(layer(x)[:, 0], f["expected"]["by_std"], rtol=0, atol=f["tolerance"])


def test_one_hot_of_the_lecture():
    f = fact("onehot.Y_matrix")
    columns = layers.CategoryEncoding(f["inputs"]["C"], "one_hot")(jnp.array(f["inputs"]["labels"])).T
    np.testing.assert_array_equal(columns, f["expected"])
    f = fact("onehot.animals")
    counts = layers.CategoryEncoding(f["inputs"]["C"], "count")(jnp.array(f["inputs"]["labels"]))
    np.testing.assert_array_equal(counts, f["expected"]["counts"])


# Masks


def test_softmax_gives_masked_values_nothing():
    mask = np.array([[True, False, True], [False, False, False]])
    y = layers.Softmax()(np.array([[1.0, 2.0, 3.0], [1.0, 1.0, 1.0]], "float32"), mask=mask)
    np.testing.assert_allclose(y, [[0.11920292202211755, 0, 0.8807970779778823], [0, 0, 0]], rtol=1e-6)


def test_masks_of_merged_inputs():
    a, b = jnp.array([[True, False]]), jnp.array([[False, False]])
    x = jnp.ones((1, 2, 3))
    assert layers.Add().compute_mask([x, x], [a, b]).tolist() == [[True, False]]
    assert layers.Add().compute_mask([x, x], [a, None]) is None
    assert layers.Concatenate(1).compute_mask([x, x], [a, b]).tolist() == [[True, False, False, False]]
    assert layers.Concatenate(1).compute_mask([x, x], [a, None]).tolist() == [[True, False, True, True]]
    assert layers.Lambda(jnp.tanh, mask=lambda x, mask: "mine").compute_mask(x, a) == "mine"


# Details of single layers


def test_prelu_shares_its_slopes():
    layer = layers.PReLU(shared_axes=[1, 2])
    layer(jnp.ones((2, 5, 5, 3)))
    assert layer.alpha.shape == (1, 1, 3)


@pytest.mark.parametrize("cls", [layers.ZeroPadding2D, layers.Cropping2D, layers.UpSampling2D])
def test_channels_first(cls):
    x = jax.random.normal(jax.random.key(0), (2, 6, 5, 3))
    first, last = cls(2, data_format="channels_first"), cls(2)
    np.testing.assert_array_equal(first(x.transpose(0, 3, 1, 2)).transpose(0, 2, 3, 1), last(x))


def test_flatten_of_scalars_and_integers():
    assert layers.Flatten()(jnp.ones(3)).shape == (3, 1)
    assert layers.Flatten()(jnp.ones((3, 2), int)).dtype == jnp.ones(1, int).dtype


def test_functions_of_lists_are_the_layers():
    a, b = jnp.arange(6.0).reshape(2, 3), jnp.ones((2, 3))
    for name in ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate"):
        np.testing.assert_array_equal(getattr(layers, name.lower())([a, b]), NAMES[name]()([a, b]))
    np.testing.assert_array_equal(layers.dot([a, b], axes=1), layers.Dot(1)([a, b]))
    np.testing.assert_array_equal(layers.average([a, b, b]), (a + 2 * b) / 3)


def test_rescaling_makes_integers_floats():
    y = layers.Rescaling(1 / 255, offset=-0.5)(np.array([[0, 255]], "uint8"))
    assert y.dtype == "float32"
    np.testing.assert_allclose(y, [[-0.5, 0.5]], rtol=1e-6)


@pytest.mark.parametrize("axis", [-1, 1, (1, 2), None])
def test_normalization_adapts_to_batches_as_to_the_whole(axis):
    x = np.random.default_rng(0).normal(3, 2, (60, 4, 3)).astype("float32")
    whole, batches = layers.Normalization(axis), layers.Normalization(axis)
    whole.adapt(x)
    batches.adapt((part, None) for part in (x[:7], x[7:40], x[40:]))
    for ours, theirs in zip(whole.get_weights(), batches.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5)
    y = np.asarray(whole(x))
    others = tuple(set(range(3)) - set(whole._own_axes(3)))
    np.testing.assert_allclose(y.mean(others), 0, atol=1e-5)
    np.testing.assert_allclose(y.std(others), 1, rtol=1e-5)
    inverse = layers.Normalization(axis, invert=True)
    inverse.adapt(x)
    np.testing.assert_allclose(inverse(y), x, rtol=1e-4, atol=1e-4)


def test_normalization_of_a_constant_column_stays_finite():
    layer = layers.Normalization()
    layer.adapt(np.ones((5, 1), "float32"))
    np.testing.assert_array_equal(layer(np.ones((5, 1), "float32")), 0)


def test_discretization_adapts_to_quantiles():
    x = np.array([[-1.5, 1.0, 3.4, 0.5], [0.0, 3.0, 1.3, 0.0]], "float32")
    layer = layers.Discretization(num_bins=4)
    layer.adapt(x)
    assert layer.bin_boundaries == pytest.approx([0.0, 0.5, 1.3])  # Keras'
    np.testing.assert_array_equal(layer(x), [[0, 2, 3, 2], [1, 3, 3, 1]])
    assert layer(x).dtype == "int32"
    again = layers.Discretization.from_config(layer.get_config())
    np.testing.assert_array_equal(again(x), layer(x))
    many = np.random.default_rng(0).normal(size=4000)
    layer.adapt([many[:1000], many[1000:]])
    np.testing.assert_allclose(np.bincount(np.asarray(layer(many))), 1000, atol=2)


def test_category_encoding_counts_with_weights():
    layer = layers.CategoryEncoding(4, "count")
    weights = np.array([[0.1, 0.2], [0.1, 0.1], [0.2, 0.3], [0.4, 0.2]], "float32")
    y = layer(CATEGORIES, count_weights=weights)
    np.testing.assert_allclose(y, [[0.1, 0.2, 0, 0], [0.2, 0, 0, 0], [0, 0.2, 0.3, 0], [0, 0.2, 0, 0.4]], rtol=1e-6)


def test_lambda_is_told_what_it_asks_for():
    layer = layers.Lambda(lambda x, training, times: x * times * (2 if training else 1), arguments={"times": 3})
    assert layer(jnp.ones((1, 1))).item() == 3
    assert layer(jnp.ones((1, 1)), training=True).item() == 6


# What is refused

X = np.ones((2, 3), "float32")


@pytest.mark.parametrize(
    ("wrong", "error", "says"),
    [
        (
            lambda: layers.Dropout(1.5)(X),
            ArgumentError,
            "rate of Dropout must be a number of at least 0 and at most 1, and is 1.5",
        ),
        (lambda: layers.Dropout(0.5, (3, 3))(X, training=True), ArgumentError, "noise_shape"),
        (lambda: layers.Activation("rellu")(X), UnknownNameError, "did you mean 'relu'"),
        (lambda: layers.Reshape((2, 2))(X), ShapeError, r"\(3,\) do not fit the target shape \(2, 2\)"),
        (lambda: layers.Reshape((-1, -1))(X), ShapeError, "target shape"),
        (lambda: layers.Permute((1, 2))(X), ShapeError, "axes 1 to 1"),
        (lambda: layers.RepeatVector(2)(X[None]), ShapeError, "repeats vectors"),
        (lambda: layers.Cropping1D(2)(X[None]), ShapeError, r"crops 2 \+ 2 from axis 1 of \(1, 2, 3\)"),
        (lambda: layers.ZeroPadding2D(1)(X[None]), ShapeError, "wants 4 axes"),
        (lambda: layers.ZeroPadding2D((1, 2, 3))(X[None, None]), ArgumentError, "for 2 axes"),
        (lambda: layers.Flatten("channel_last")(X), UnknownNameError, "did you mean 'channels_last'"),
        (lambda: layers.UpSampling2D(interpolation="cubic")(X[None, None]), UnknownNameError, "bicubic"),
        (lambda: layers.Add()(X), ArgumentError, r"Add\(\)\(\[a, b\]\)"),
        (lambda: layers.Subtract()([X, X, X]), ArgumentError, "list of 2 inputs"),
        (lambda: layers.Add()([X, X[:, :2]]), ShapeError, r"sizes \[2, 3\] differ at axis 1"),
        (lambda: layers.Concatenate(-1)([X[None], X[None, :1]]), ShapeError, "differ at axis 1"),
        (lambda: layers.Concatenate(2)([X, X]), ShapeError, "axis 2"),
        (lambda: layers.Dot(1)([X, X[:, :2]]), ShapeError, "axis 1 has 3, and axis 1 2"),
        (lambda: layers.Dot(0)([X, X]), ArgumentError, "batch"),
        (lambda: layers.Normalization(mean=1.0)(X), ArgumentError, "both mean and variance"),
        (lambda: layers.Normalization(0)(X), ShapeError, "no known size"),
        (lambda: layers.Normalization().adapt(np.full((2, 2), np.nan)), DataError, "NaN"),
        (lambda: layers.Normalization().adapt([]), DataError, "no data"),
        (lambda: layers.Discretization(num_bins=3)(X), NotBuiltError, "adapt"),
        (lambda: layers.Discretization([1.0, 0.0])(X), ArgumentError, "must increase"),
        (lambda: layers.CategoryEncoding(3, "onehot")(X), UnknownNameError, "did you mean 'one_hot'"),
    ],
)
def test_refused(wrong, error, says):
    with pytest.raises(error, match=says):
        wrong()


def test_merged_inputs_count_where_they_are_there():
    x, y = np.array([[[2.0], [3.0], [5.0]]], "float32"), np.array([[[7.0], [1.0], [4.0]]], "float32")
    masks = [np.array([[True, True, False]]), np.array([[True, False, False]])]
    for layer, expected in ((layers.Multiply, [14, 3, 0]), (layers.Maximum, [7, 3, 5]), (layers.Minimum, [2, 3, 5])):
        assert layer()([x, y], mask=masks)[0, :, 0].tolist() == expected
    assert layers.Multiply()([x, y], mask=[None, masks[1]])[0, :, 0].tolist() == [14, 3, 5]


def test_the_mean_of_no_steps_is_zero():
    x, mask = np.ones((2, 3, 4), "float32"), np.array([[False] * 3, [True, True, False]])
    assert layers.GlobalAveragePooling1D()(x, mask=mask).tolist() == [[0.0] * 4, [1.0] * 4]
