"""Convolutions, pooling and normalization: Keras' values, JAX's plain operations, the lecture's numbers, and contracts."""

from __future__ import annotations

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import AS_SHIPPED, fact, recorded
from layer_classes import SLIDING as NAMES

from caviar import config, layers
from caviar.errors import ArgumentError, ShapeError, UnknownNameError
from caviar.graph import Input, evaluate
from caviar.graph.evaluation import as_arrays
from caviar.layers.base import Layer, ensure_built
from caviar.layers.dense import Dense
from caviar.layers.lowering import convolution, sums
from caviar.layers.lowering import pooling as windows
from caviar.layers.lowering.normalize import batch_normalize
from caviar.layers.lowering.platform import materialized, without_own_lowering
from caviar.models import Sequential
from caviar.parts import take_apart

# A layer of each class, and the shape of its input without the batch.
ALL = [
    (layers.Conv1D(4, 3, padding="causal", activation="relu"), (9, 3)),
    (layers.Conv2D(4, (3, 2), strides=2, padding="same", kernel_regularizer="l2"), (8, 7, 3)),
    (layers.Conv2D(4, 3, data_format="channels_first", groups=2), (2, 6, 6)),
    (layers.Conv3D(2, 2), (4, 4, 4, 2)),
    (layers.Conv1DTranspose(2, 3, strides=2), (5, 3)),
    (layers.Conv2DTranspose(2, 3, strides=2, padding="same", output_padding=1), (4, 5, 3)),
    (layers.Conv3DTranspose(2, 2, strides=2), (2, 3, 2, 2)),
    (layers.DepthwiseConv1D(3, depth_multiplier=2), (6, 3)),
    (layers.DepthwiseConv2D(3, padding="same"), (6, 6, 3)),
    (layers.SeparableConv1D(4, 3), (6, 3)),
    (layers.SeparableConv2D(4, 3, use_bias=False), (6, 6, 3)),
    (layers.MaxPooling1D(3), (9, 3)),
    (layers.MaxPooling2D(3, strides=2, padding="same"), (7, 7, 3)),
    (layers.MaxPooling3D(), (4, 6, 4, 2)),
    (layers.AveragePooling1D(2), (9, 3)),
    (layers.AveragePooling2D(3, strides=2, padding="same"), (7, 7, 3)),
    (layers.AveragePooling3D(2, data_format="channels_first"), (2, 4, 6, 4)),
    *((NAMES[f"Global{kind}Pooling{n}D"](), (*(4, 3, 5)[:n], 2)) for kind in ("Max", "Average") for n in (1, 2, 3)),
    *((NAMES[f"Adaptive{kind}Pooling{n}D"](2), (*(4, 3, 5)[:n], 2)) for kind in ("Max", "Average") for n in (1, 2, 3)),
    (layers.BatchNormalization(), (4, 3)),
    (layers.BatchNormalization(axis=1, center=False, scale=False), (4, 3)),
    (layers.LayerNormalization(), (4, 3)),
    (layers.GroupNormalization(2, scale=False), (4, 4)),
    (layers.RMSNormalization(axis=(1, 2)), (4, 3)),
    (layers.UnitNormalization(), (4, 3)),
]
ids = [repr(layer) for layer, _ in ALL]


def normal(*shape, seed=0, dtype=None):
    return jnp.asarray(np.random.default_rng(seed + sum(shape)).normal(size=shape), dtype or config.floatx())


def run(layer, x, cotangent, training=False, calls=1):
    """What the layer gives, the gradients of the input and of the weights by name, and its state after some calls."""
    ensure_built(layer, x)
    apart = take_apart(layer)
    names = [v.name.rpartition("/")[2] for v in apart.variables]

    def once(values, x):
        found = evaluate(
            apart.structure, as_arrays(apart.numbers), values, training=training, call=lambda copy: copy(x)
        )
        return found.outputs, found.values

    def program(values, x, cotangent):
        y, pull_back, after = jax.vjp(once, values, x, has_aux=True)
        for _ in range(calls - 1):
            after = once(after, x)[1]
        return y, after, *pull_back(cotangent)

    y, after, dvalues, dx = jax.jit(program)([v.value for v in apart.variables], x, cotangent)
    return y, dx, dict(zip(names, dvalues, strict=True)), dict(zip(names, after, strict=True))


# Keras

CASES = [case for case in recorded("layers") if case["source"].rpartition(".")[2] in NAMES]
# Keras computes these in float32 even where all else is float64.
ROUNDED = {name: 1e-6 for name in NAMES if "Normalization" in name or "GlobalAverage" in name}


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("case", CASES, ids=lambda c: c["id"])
def test_value_gradients_and_state_are_keras(case):
    name, inputs, expected = case["source"].rpartition(".")[2], case["inputs"], case["expected"]
    layer, (x,) = NAMES[name](**case["config"]), inputs["x"]
    ensure_built(layer, jnp.array(x))
    for weight, value in inputs["weights"].items():
        getattr(layer, weight).assign(value)
    y, dx, dweights, after = run(
        layer, jnp.array(x), jnp.array(inputs["cotangent"]), inputs["training"], inputs["calls"]
    )
    close = {"rtol": ROUNDED.get(name, 1e-9), "atol": ROUNDED.get(name, 1e-12)}
    np.testing.assert_allclose(y, expected["y"], **close)
    np.testing.assert_allclose(dx, expected["dx"][0], **close)
    for weight, gradient in expected["dweights"].items():
        np.testing.assert_allclose(dweights[weight], gradient, **close)
    for weight, value in expected.get("state_after", {}).items():
        np.testing.assert_allclose(after[weight], value, **close)


# The formulas themselves, in float64


def over(axes, epsilon):
    def normalized(x):
        mean = x.mean(axes, keepdims=True)
        return (x - mean) / jnp.sqrt(((x - mean) ** 2).mean(axes, keepdims=True) + epsilon)

    return normalized


FORMULAS = [
    (layers.BatchNormalization(), (6, 5, 4), True, over((0, 1), 1e-3)),
    (layers.BatchNormalization(axis=1, epsilon=1e-5), (6, 5, 4), True, over((0, 2), 1e-5)),
    (layers.BatchNormalization(), (6, 5, 4), False, lambda x: x / jnp.sqrt(1 + 1e-3)),
    (layers.BatchNormalization(trainable=False), (6, 5, 4), True, lambda x: x / jnp.sqrt(1 + 1e-3)),
    (layers.LayerNormalization(), (6, 5, 4), True, over(-1, 1e-3)),
    (layers.LayerNormalization(axis=(2, 1)), (6, 5, 4), True, over((1, 2), 1e-3)),
    (layers.GroupNormalization(-1), (6, 5, 4), True, over(1, 1e-3)),
    (layers.GroupNormalization(1, axis=1), (6, 5, 4), True, over((1, 2), 1e-3)),
    (layers.RMSNormalization(), (6, 5, 4), True, lambda x: x / jnp.sqrt((x * x).mean(-1, keepdims=True) + 1e-6)),
    (layers.UnitNormalization(1), (6, 5, 4), True, lambda x: x / jnp.sqrt((x * x).sum(1, keepdims=True))),
]


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize(
    ("layer", "shape", "training", "formula"), FORMULAS, ids=lambda v: repr(v) if isinstance(v, Layer) else ""
)
def test_normalization_is_its_formula(layer, shape, training, formula):
    x, cotangent = normal(*shape), normal(*shape, seed=1)
    y, dx, _, _ = run(layer, x, cotangent, training)
    expected, pull_back = jax.vjp(formula, x)
    np.testing.assert_allclose(y, expected, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(dx, pull_back(cotangent)[0], rtol=1e-9, atol=1e-12)


@pytest.mark.usefixtures("float64")
@pytest.mark.slow
def test_gradients_through_the_batch_statistics_themselves():
    arguments = normal(6, 4), normal(4), normal(4), jnp.array(1e-3)

    def scalar(x, gamma, beta, epsilon):
        y, mean, variance = batch_normalize(x, gamma, beta, epsilon)
        return (y * jnp.sin(x)).sum() + (mean**3).sum() + (variance**2).sum()

    ours = jax.grad(scalar, (0, 1, 2, 3))(*arguments)
    with without_own_lowering():
        theirs = jax.grad(scalar, (0, 1, 2, 3))(*arguments)
    for our, their in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(our, their, rtol=1e-9, atol=1e-12)


def test_batch_normalization_stays_exact_far_from_zero():
    x = normal(32, 14, 14, 8)
    layer = layers.BatchNormalization(momentum=0.5)
    far = layers.BatchNormalization(momentum=0.5)
    np.testing.assert_allclose(far(x + 4096, training=True), layer((x + 4096) - 4096, training=True), atol=1e-5)
    np.testing.assert_allclose(far.moving_variance.numpy(), layer.moving_variance.numpy(), rtol=1e-5)


def test_masked_steps_do_not_count():
    x, mask = normal(4, 5, 3), np.arange(5) < np.array([[5], [3], [1], [4]])
    layer = layers.BatchNormalization(momentum=0.0)
    layer(x, mask=jnp.array(mask), training=True)
    np.testing.assert_allclose(layer.moving_mean.numpy(), x[mask].mean(0), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(layer.moving_variance.numpy(), x[mask].var(0), rtol=1e-5)
    np.testing.assert_allclose(layers.GlobalAveragePooling1D()(x, mask=jnp.array(mask))[1], x[1, :3].mean(0), rtol=1e-5)


def test_unit_normalization_of_zeros_has_a_gradient():
    assert np.isfinite(jax.grad(lambda x: layers.UnitNormalization()(x).sum())(jnp.zeros((1, 3)))).all()


# Our ways against JAX's plain ones, in float64

SHAPES = [  # rank, input size, window, strides, padding, dilation, channels, filters, groups
    (1, 9, 3, 1, "causal", 2, 6, 4, 1),
    (1, 8, 4, 3, "same", 1, 6, 4, 2),
    (2, 7, 3, 1, "valid", 1, 6, 4, 1),
    (2, 8, 3, 2, "valid", 1, 6, 4, 1),
    (2, 7, 2, 3, "same", 1, 6, 4, 1),
    (2, 8, 3, 1, "same", 2, 6, 4, 1),
    (2, 7, 3, 2, "same", 1, 2, 4, 1),
    (2, 7, 1, 2, "valid", 1, 6, 4, 1),
    (2, 7, 3, 1, "same", 1, 6, 4, 2),
    (2, 7, 3, 2, "same", 1, 4, 8, 4),
    (3, 5, 3, 1, "same", 1, 3, 2, 1),
    (3, 6, 2, 2, "valid", 1, 4, 2, 2),
]


def check_against_plain(function, *arguments, twice=False):
    """The same value, gradients and, if wanted, gradients of the gradients."""

    def first(*arguments):
        y, pull_back = jax.vjp(function, *arguments)
        return y, *pull_back(jnp.cos(y))

    def second(*arguments):
        return jax.grad(lambda *a: sum(jnp.sin(g).sum() for g in first(*a)[1:]), range(len(arguments)))(*arguments)

    def both_ways(*arguments):
        with without_own_lowering():
            theirs = first(*arguments), second(*arguments) if twice else ()
        return (first(*arguments), second(*arguments) if twice else ()), theirs

    ours, theirs = jax.jit(both_ways, compiler_options={"xla_backend_optimization_level": 0})(*arguments)
    for our, their in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        np.testing.assert_allclose(our, their, rtol=1e-9, atol=1e-9)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_convolution_is_the_plain_one(shape):
    rank, size, window, strides, padding, dilation, channels, filters, groups = shape
    x, kernel = normal(2, *range(size, size + rank), channels), normal(*[window] * rank, channels // groups, filters)
    several = [(v,) * rank for v in (strides, dilation)]
    check_against_plain(
        lambda x, w: convolution.conv(x, w, several[0], padding, several[1], groups),
        x,
        kernel,
        twice=shape in SHAPES[::3],
    )


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("shape", [s for s in SHAPES if s[4] != "causal" and s[8] == 1][::2], ids=str)
def test_transposed_convolution_is_the_plain_one(shape):
    rank, size, window, strides, padding, _, channels, filters, _ = shape
    x, kernel = normal(2, *range(size, size + rank), channels), normal(*[window] * rank, filters, channels)
    check_against_plain(
        lambda x, w: convolution.conv_transpose(x, w, (strides,) * rank, padding, (1,) * rank), x, kernel
    )


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(
    ("rank", "window", "strides"), [(1, 3, 2), (2, 2, 2), (2, 3, 2), (2, 3, 1), (2, 2, 3), (3, 2, 2)]
)
def test_pooling_is_the_plain_one_also_among_equals(rank, window, strides, padding):
    x = jnp.maximum(normal(2, *range(7, 7 + rank), 3), 0)  # many zeros: the first of equal maxima gets the gradient
    for pool in (windows.max_pool, windows.mean_pool):
        check_against_plain(lambda x, pool=pool: pool(x, (window,) * rank, (strides,) * rank, padding), x)


@pytest.mark.usefixtures("float64")
def test_sums_and_their_gradients_for_every_batch_size():
    for batch, function in itertools.product((1, 11, 32), (sums.add, sums.scale)):
        check_against_plain(function, normal(batch, 3, 4), normal(4))


@pytest.mark.usefixtures("float64")
def test_large_arrays_are_kept():
    x = normal(8, 64, 64, 3).at[0].set(jnp.nan)  # NaN in the place that is looked at changes nothing
    program = jax.jit(lambda x: materialized(x) * 2).lower(x).compile(AS_SHIPPED)
    np.testing.assert_array_equal(program(x), x * 2)
    assert "conditional(" in program.as_text()
    check_against_plain(lambda x: windows.max_pool(x, (2, 2), (2, 2)), normal(8, 64, 64, 3), twice=True)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("mapped", [(0, 0), (0, None), (None, 0)])
def test_convolution_mapped_over_a_population(mapped):
    shapes = (2, 6, 6, 5), (3, 3, 5, 4)
    arguments = [normal(3, *s) if m == 0 else normal(*s) for s, m in zip(shapes, mapped, strict=True)]

    def gradients(x, kernel):
        return jax.grad(lambda *a: jnp.sin(convolution.conv(*a, (1, 1), "same", (1, 1))).sum(), (0, 1))(x, kernel)

    together, gradients = jax.jit(jax.vmap(gradients, mapped))(*arguments), jax.jit(gradients)
    for i in range(3):
        alone = gradients(*(a[i] if m == 0 else a for a, m in zip(arguments, mapped, strict=True)))
        for ours, one in zip(together, alone, strict=True):
            np.testing.assert_allclose(ours[i], one, rtol=1e-9, atol=1e-12)


@pytest.mark.slow
def test_mixed_precision_keeps_float32_outside():
    """A CPU, which has no fast convolution of half-precision numbers, computes in float32; others in bfloat16."""
    x, kernel = normal(2, 6, 6, 8), normal(3, 3, 8, 4)

    def both(x, kernel):
        total = lambda w: convolution.conv(x, w, (1, 1), "same", (1, 1)).sum()  # noqa: E731
        return convolution.conv(x, kernel, (1, 1), "same", (1, 1)), jax.grad(total)(kernel)

    exact, of_sizes = both(x, kernel), both(abs(x), abs(kernel))
    with config.precision("mixed_bfloat16"):
        ours, plainly = both(x, kernel), without_own_lowering()(both)(x, kernel)
    for alone, rounded, wanted, sizes in zip(ours, plainly, exact, of_sizes, strict=True):
        assert alone.dtype == rounded.dtype == "float32"
        np.testing.assert_array_equal(alone, wanted)
        assert (rounded == rounded.astype("bfloat16")).all()
        assert (abs(rounded - wanted) <= 2**-7 * sizes).all()  # two factors and their sum, rounded to 8 bits each


# The lecture's numbers


@pytest.mark.slow
def test_shapes_and_weights_of_the_lecture_network():
    expected = fact("cnn.listing_shapes")["expected"]
    built = [
        layers.Conv2D(32, (3, 3), activation="relu"),
        layers.BatchNormalization(),
        layers.MaxPooling2D((2, 2)),
        layers.Conv2D(64, (3, 3), activation="relu"),
        layers.BatchNormalization(),
        layers.MaxPooling2D((2, 2)),
        layers.Flatten(),
        Dense(128, activation="relu"),
        layers.BatchNormalization(),
        Dense(10, activation="softmax"),
    ]
    nodes = [Input((64, 64, 3))]
    for layer in built:
        nodes.append(layer(nodes[-1]))
    assert [list(nodes[i].shape[1:]) for i in (1, 3, 4, 6, 7)] == expected["shapes"]
    assert [n for n in (layer.count_params() for layer in built) if n] == expected["params"]
    model = Sequential(built)
    assert model.count_params() == expected["total"]
    assert sum(int(np.prod(v.shape)) for v in model.non_trainable_variables) == expected["non_trainable"]


@pytest.mark.usefixtures("float64")
def test_batch_normalization_of_the_lecture():
    example = fact("bn.train")
    z, expected = jnp.array(example["inputs"]["z"], float)[:, None], example["expected"]
    layer = layers.BatchNormalization(epsilon=example["inputs"]["eps"], momentum=0.0)
    np.testing.assert_allclose(layer(z, training=True)[:, 0], expected["z_norm"], rtol=0, atol=1e-12)
    assert layer.moving_mean.numpy() == expected["mu"]
    assert layer.moving_variance.numpy() == expected["var"]
    layer.gamma.assign([example["inputs"]["gamma"]])
    layer.beta.assign([example["inputs"]["beta"]])
    np.testing.assert_allclose(layer(z, training=True)[:, 0], expected["z_tilde"], rtol=0, atol=1e-12)


@pytest.mark.usefixtures("float64")
@pytest.mark.slow
def test_a_bias_before_batch_normalization_does_nothing():
    case = fact("bn.bias_cancels")
    z, epsilon = jnp.array(case["inputs"]["z"], float)[:, None], case["inputs"]["eps"]
    biased = Dense(1, kernel_initializer="ones")
    layer = layers.BatchNormalization(epsilon=epsilon, momentum=0.0)
    outputs = []
    for bias in (0.0, case["inputs"]["b"]):
        ensure_built(biased, z)
        biased.bias.assign([bias])
        outputs.append(layer(biased(z), training=True))
        assert layer.moving_mean.numpy() == z.mean() + bias  # the normalization did see it
    np.testing.assert_allclose(outputs[1] - outputs[0], case["expected"], rtol=0, atol=case["tolerance"])
    assert abs(outputs[0]).max() > 1
    model = Sequential([biased, layer, Dense(1, kernel_initializer="ones")])
    model.compile("sgd", "mse")
    model.train_on_batch(z, z**2)
    np.testing.assert_allclose(biased.bias.numpy(), [case["inputs"]["b"]], rtol=0, atol=case["tolerance"])


@pytest.mark.usefixtures("float64")
def test_batch_normalization_can_be_the_identity():
    example = fact("bn.identity")
    z, epsilon = jnp.array(example["inputs"]["z"], float)[:, None], example["inputs"]["eps"]
    layer = layers.BatchNormalization(epsilon=epsilon)
    ensure_built(layer, z)
    layer.gamma.assign([np.sqrt(z.var() + epsilon)])
    layer.beta.assign([z.mean()])
    np.testing.assert_allclose(layer(z, training=True)[:, 0], example["expected"], rtol=0, atol=example["tolerance"])


@pytest.mark.usefixtures("float64")
def test_moving_averages_of_the_lecture():
    example = fact("bn.running_stats")
    given, expected = example["inputs"], example["expected"]
    layer = layers.BatchNormalization(momentum=given["beta"])
    for i, (mean, variance) in enumerate(zip(given["batch_means"], given["batch_vars"], strict=True)):
        layer(mean + np.sqrt(variance) * jnp.array([[-1.0], [1.0]]), training=True)
        np.testing.assert_allclose(layer.moving_mean.numpy(), expected["running_mean"][i], rtol=0, atol=1e-12)
        np.testing.assert_allclose(layer.moving_variance.numpy(), expected["running_var"][i], rtol=0, atol=1e-12)


def test_learned_numbers_of_batch_normalization():
    example = fact("bn.param_shapes")
    layer = layers.BatchNormalization()
    layer(Input((example["inputs"]["n_units"],)))
    assert sum(int(np.prod(v.shape)) for v in layer.trainable_variables) == example["expected"]["learned"]


# Contracts that every layer keeps


def test_the_table_has_every_layer():
    assert {type(layer).__name__ for layer, _ in ALL} == set(NAMES)


@pytest.mark.parametrize(("layer", "shape"), ALL, ids=ids)
def test_nodes_arrays_and_mapped_arrays_agree(layer, shape):
    x = normal(2, 3, *shape)
    node, y = layer(Input(shape)), layer(x[1])
    together = jax.jit(jax.vmap(layer))(x)
    assert node.shape == (None, *y.shape[1:])
    assert node.dtype == y.dtype == "float32"
    np.testing.assert_allclose(together[1], y, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("layer", "shape"), ALL, ids=ids)
def test_written_down_and_made_again(layer, shape):
    again = eval(repr(layer), vars(np) | NAMES)
    assert repr(again) == repr(layer) == repr(type(layer).from_config(layer.get_config()))


def test_space_of_unknown_size():
    node = layers.Conv2D(4, 3, padding="same")(Input((None, None, 3)))
    assert layers.GlobalAveragePooling2D()(layers.MaxPooling2D()(node)).shape == (None, 4)
    assert node.shape == (None, None, None, 4)


@pytest.mark.parametrize("cls", NAMES.values(), ids=NAMES)
def test_documented(cls):
    assert cls.__doc__
    assert ">>>" in cls.__doc__


WRONG = [
    (lambda: layers.Conv2D(4, 3), (28, 28), ShapeError, "add a channel axis"),
    (lambda: layers.Conv2D(4, 3), (2, 2, 3), ShapeError, r"kernel_size \(3, 3\) .* larger than its input \(2, 2\)"),
    (lambda: layers.Conv1D(4, 3, dilation_rate=4), (8, 3), ShapeError, r"spans \(9,\)"),
    (lambda: layers.Conv2D(4, 3, groups=2), (8, 8, 3), ArgumentError, "2 groups .* do not divide its 3 channels"),
    (lambda: layers.Conv2D(3, 3, groups=2), (8, 8, 4), ArgumentError, "2 groups .* do not divide its 3 filters"),
    (lambda: layers.Conv2D(4, (3, 3, 3)), (8, 8, 3), ArgumentError, "kernel_size of Conv2D"),
    (lambda: layers.Conv2D(4, 3, strides=0), (8, 8, 3), ArgumentError, "strides of Conv2D .* is 0"),
    (lambda: layers.Conv2D(4, 3, padding="smae"), (8, 8, 3), UnknownNameError, "did you mean 'same'"),
    (lambda: layers.Conv2D(4, 3, padding="causal"), (8, 8, 3), UnknownNameError, "padding"),
    (lambda: layers.Conv2D(4, 3), (8, 8, None), ShapeError, "known number of channels"),
    (lambda: layers.Conv2DTranspose(4, 3, strides=2, output_padding=2), (8, 8, 3), ArgumentError, "output_padding"),
    (lambda: layers.MaxPooling2D(4), (3, 3, 1), ShapeError, "pool_size"),
    (lambda: layers.GlobalMaxPooling2D(), (3, 3), ShapeError, "GlobalMaxPooling2D"),
    (lambda: layers.GroupNormalization(), (8,), ArgumentError, "32 groups"),
    (lambda: layers.BatchNormalization(axis=3), (8,), ShapeError, "axis"),
    (lambda: layers.LayerNormalization(), (8, None), ShapeError, "no known size"),
]


@pytest.mark.parametrize(("layer", "shape", "error", "words"), WRONG, ids=[words for *_, words in WRONG])
def test_what_cannot_work_is_refused_with_words(layer, shape, error, words):
    with pytest.raises(error, match=words):
        layer()(Input(shape))
