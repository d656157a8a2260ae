"""`caviar.ops` means what Keras means: the signature of every operation, and values and types of some calls of each.

Recorded from Keras 3.15.1 on JAX (`data/ops.json`). Every call runs on nodes of one graph, and on lists.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import pytest
from conftest import DATA
from scipy import ndimage

from caviar import activations, config, engine, ops
from caviar.graph import Graph, Input, Node
from caviar.graph.node import nodes_in
from caviar.models import Model, as_json, load_model

A = np.arange(-3, 3, dtype="float32").reshape(2, 3)
I = np.arange(6).reshape(2, 3)  # noqa: E741
RECORDED = json.loads((DATA / "ops.json").read_text())
OPERATIONS = {name: getattr(ops, name) for name in ops.__all__}
# What these give depends on values in its very shape, so no program can hold them; they are computed from arrays.
NEED_VALUES = ("bincount(array", "bincount(J)", "nonzero", "repeat(V, array", "unique", "vectorize", "where(V > 0)")
NOT_WRITTEN = ("dtype", "shape", "ndim")  # answered at once, of nodes too


def array(recorded: Any) -> np.ndarray:
    values = np.array([np.nan if v is None else float(v) if isinstance(v, str) else v for v in recorded["values"]])
    values = values.reshape(recorded["shape"])
    if recorded["dtype"].startswith("complex"):
        values = values[..., 0] + 1j * values[..., 1]
    return values.astype(recorded["dtype"])


ARRAYS = {name: array(recorded) for name, recorded in RECORDED["arrays"].items()}
FED = {name: a for name, a in ARRAYS.items() if a.dtype.kind != "c"}  # no input is complex
CASES = {case["expression"]: case for case in RECORDED["cases"]}
WRITTEN = [
    e for e in CASES if not e.startswith((*NEED_VALUES, *NOT_WRITTEN)) and "(C)" not in e and "lambda: " not in e
]


def leaves(value: Any) -> list[Any]:
    whole = isinstance(value, tuple) and all(isinstance(v, int) for v in value)
    return [value] if whole else jax.tree.leaves(value, is_leaf=lambda v: isinstance(v, Node))


def agrees(expression: str, value: Any) -> None:
    case = CASES[expression]
    if "text" in case:
        assert value == case["text"]
        return
    for found, recorded in zip(map(np.asarray, leaves(value)), case["expected"], strict=True):
        expected = array(recorded)
        if not isinstance(value, tuple) or not isinstance(value[0], int):
            assert (expression, str(found.dtype)) == (expression, recorded["dtype"])
        np.testing.assert_allclose(found, expected, rtol=2e-6, atol=2e-6, err_msg=expression)


@pytest.fixture(scope="module")
def graph() -> Graph:
    nodes = {n: Input(batch_shape=a.shape, dtype=str(a.dtype), name=n) for n, a in FED.items()}
    return Graph(list(nodes.values()), [eval(e, {**OPERATIONS, **nodes}) for e in WRITTEN])


def test_every_operation_of_keras_is_here_with_its_signature() -> None:
    for name, recorded in RECORDED["signatures"].items():
        for module in recorded["modules"]:
            space = getattr(ops, module) if module else ops
            assert name in space.__all__
            signature = inspect.signature(getattr(space, name))
            bare = [p.replace(annotation=inspect.Parameter.empty) for p in signature.parameters.values()]
            assert f"{name}{inspect.Signature(bare)}" == f"{name}{recorded['text']}"


def test_every_operation_has_a_case() -> None:
    used = " ".join(CASES)
    apart = {
        "convert_to_numpy",
        "custom_gradient",
        "eig",
        "elastic_transform",
        "empty",
        "gaussian_blur",
        "is_tensor",
    }  # tested below
    assert {n for n in RECORDED["signatures"] if f"{n}(" not in used} - apart == {"sparsemax"}


@pytest.mark.slow
def test_values_and_types_are_keras_on_nodes(graph: Graph) -> None:
    with engine.own_rules():
        found = jax.jit(graph.__call__, compiler_options=engine.options(runs_once=True))(*FED.values())
    for expression, value in zip(WRITTEN, found, strict=True):
        agrees(expression, value)


@pytest.mark.parametrize("expression", [e for e in CASES if e not in WRITTEN])
def test_what_needs_values_is_keras_on_arrays(expression: str) -> None:
    agrees(expression, eval(expression, {**OPERATIONS, **{n: jax.numpy.asarray(a) for n, a in ARRAYS.items()}}))


# Operations that Keras does not have, one line each: what it gives for 1, 2 and 4.
OWN: dict[str, tuple[Callable[[Any], Any], list[float]]] = {
    "mish": (lambda x: ops.mish(x), [0.8650984, 1.943959, 3.997413]),
}


@pytest.mark.parametrize("name", OWN)
def test_an_operation_of_our_own_is_one_of_arrays_and_nodes_and_is_saved(name: str) -> None:
    compute, expected = OWN[name]
    x = Input(batch_shape=(3,), name="x")
    graph = Graph([x], [compute(x)])
    for made in (
        compute([1.0, 2.0, 4.0]),
        as_json.Reader()(as_json.Writer()(graph))(jax.numpy.array([1.0, 2.0, 4.0]))[0],
    ):
        np.testing.assert_allclose(made, expected, rtol=1e-6)


LISTED = [e for e in WRITTEN if "[" not in e and "." not in e.replace("image.", "") and "lambda" not in e]


@pytest.mark.parametrize("names", ["ABIPV"])
def test_lists_are_arrays(names: str) -> None:
    """Traced only: what they compute is that of arrays."""
    lists = {n: ARRAYS[n].tolist() if n in names else ARRAYS[n] for n in ARRAYS}
    listed = [
        e for e in LISTED if not any(sign in e for sign in "+-*/><") and not e.startswith(("fft", "ifft", "view("))
    ]
    for expression in listed:
        made = jax.eval_shape(lambda e=expression: eval(e, {**OPERATIONS, **lists}))
        for found, recorded in zip(jax.tree.leaves(made), CASES[expression]["expected"], strict=True):
            shape = recorded["shape"][:-1] if "complex" in recorded["dtype"] else recorded["shape"]
            assert (expression, list(found.shape)) == (expression, shape)
    assert len(listed) > 150


def test_results_inside_results_are_nodes() -> None:
    x = Input(batch_shape=(4,))
    (total, count), sums = ops.scan(lambda c, v: ((c[0] + v, c[1] + 1), c[0]), (0.0, 0), x)
    assert (total.shape, count.dtype, sums.shape) == ((), "int32", (4,))


@pytest.mark.slow
def test_operations_are_saved(graph: Graph) -> None:
    """All that hold no function of the test's own."""
    plain = [node for e, node in zip(WRITTEN, graph.outputs, strict=True) if "lambda" not in e]
    written = json.loads(json.dumps(as_json.Writer()(Graph(graph.inputs, plain))))
    again = as_json.Reader()(written)
    assert [(n.shape, n.dtype) for n in nodes_in(again.outputs)] == [(n.shape, n.dtype) for n in nodes_in(plain)]


def test_functional_model_of_operations_is_saved(tmp_path: Any) -> None:
    x = Input((3,))
    model = Model(x, ops.relu(ops.clip(ops.sum(x=abs(x) + 1, axis=1, keepdims=True), x_min=0, x_max=7)))
    model.save(tmp_path / "m.caviar")
    loaded = load_model(tmp_path / "m.caviar")
    assert loaded.predict(A, verbose=0).ravel().tolist() == model.predict(A, verbose=0).ravel().tolist() == [7, 6]


def test_types_are_keras() -> None:
    floats = [ops.full((2,), 3), ops.ceil(I), ops.floor(I), ops.mean(I), ops.one_hot(I, 6), ops.divide(I, 2)]
    assert {str(x.dtype) for x in floats} == {"float32"}
    assert [str(x.dtype) for x in (ops.sum(I), ops.full_like(I, 2.5), ops.argmax(A))] == ["int32"] * 3
    assert isinstance(ops.convert_to_numpy(jax.numpy.ones(2)), np.ndarray)
    assert ops.empty((2, 3)).shape == (2, 3)
    assert ops.is_tensor(ops.ones(1))
    assert not ops.is_tensor(A)


def test_sparsemax_gives_probabilities() -> None:
    """Keras 3.15.1 gives rows that do not sum to one."""
    assert ops.sparsemax(A / 2).tolist() == [[0, 0.25, 0.75]] * 2


def test_eigenvalues_of_any_square_matrix() -> None:
    values, vectors = ops.eig(np.array([[0.0, 1.0], [-1.0, 0.0]], "float32"))
    np.testing.assert_allclose(np.sort(values.imag), [-1, 1], rtol=1e-6)
    assert vectors.shape == (2, 2)


def test_a_gradient_of_ones_own() -> None:
    @ops.custom_gradient
    def clipped(x: Any) -> Any:
        return x, lambda *args, upstream=None: ops.clip(args[0] if args else upstream, -1, 1)

    assert float(jax.grad(lambda x: 5 * clipped(x))(2.0)) == 1


def test_a_blur_is_two_weighted_means() -> None:
    """Keras 3.15.1 loses rows here: JAX 0.10 on a CPU convolves channels first wrongly in groups."""

    def bell(sigma: float) -> np.ndarray:
        weights = np.exp(-((np.arange(3) - 1) ** 2) / (2 * sigma**2))
        return weights / weights.sum()

    across = ndimage.convolve1d(ARRAYS["G"], bell(1.0), axis=2, mode="constant")
    both = ndimage.convolve1d(across, bell(0.7), axis=1, mode="constant")
    np.testing.assert_allclose(ops.image.gaussian_blur(ARRAYS["G"], (3, 3), (1.0, 0.7)), both, atol=1e-6)


@pytest.mark.slow
def test_elastic_deformations_move_every_pixel_a_little() -> None:
    image = np.linspace(0, 1, 64, dtype="float32").reshape(8, 8, 1)
    first, again = (ops.image.elastic_transform(image, alpha=4.0, sigma=1.0, seed=3) for _ in range(2))
    assert first.shape == image.shape
    assert np.array_equal(first, again)
    assert 0 < np.abs(first - image).max() < 0.5


def test_channels_may_come_first_by_default() -> None:
    image = np.ones((1, 3, 4, 5), "float32")
    config.set_image_data_format("channels_first")
    try:
        assert ops.max_pool(image, 2, 2).shape == (1, 3, 2, 2)
        assert ops.image.resize(image, (2, 2)).shape == (1, 3, 2, 2)
    finally:
        config.set_image_data_format("channels_last")


def test_every_name_is_an_operation_or_a_module_of_them() -> None:
    assert [n for n, v in OPERATIONS.items() if not callable(v)] == ["image", "linalg", "nn", "numpy"]


def test_the_activation_is_exact_and_the_operation_approximate() -> None:
    assert float(activations.gelu(A)[1, 2]) == pytest.approx(1.9544998)
    assert float(ops.gelu(A, approximate=False)[1, 2]) == pytest.approx(1.9544998)


def test_too_many_arguments_are_told() -> None:
    with pytest.raises(TypeError, match=r"sum takes x, axis, keepdims, and was given 5 arguments"):
        ops.sum(A, 1, True, None, None)
    with pytest.raises(TypeError, match=r"sum takes x, axis, keepdims, and .* unexpected keyword argument 'dim'"):
        ops.sum(A, dim=1)
