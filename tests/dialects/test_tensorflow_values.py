"""Every name of TensorFlow 1 that there is, with the value that NumPy gives."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import special
from sessions import A, B, P, value

import caviar.dialects.tensorflow as tf

pytestmark = pytest.mark.usefixtures("float64")


RNG = np.random.default_rng(0)
U = np.array([[0.1, 0.5, 0.9], [0.3, 0.2, 0.8]])
N = np.array([[1, 2, 3], [4, 5, 6]])
T = np.array([[True, False, True], [False, False, True]])
IMAGES, KERNEL = RNG.normal(size=(2, 5, 6, 3)), RNG.normal(size=(3, 2, 3, 4))
LOGS = special.log_softmax(A, axis=-1)
SPARSE = -LOGS[[0, 1], [2, 0]]
SIGMOID = np.maximum(A, 0) - A * P + np.log1p(np.exp(-abs(A)))


def windows(x: np.ndarray, size: tuple[int, int], stride: int = 1) -> np.ndarray:
    return np.lib.stride_tricks.sliding_window_view(x, size, (1, 2))[:, ::stride, ::stride]


# The name (with a number where it stands twice), what is written, what NumPy says.
VALUES: dict[str, tuple[Callable[..., Any], Any]] = {
    **{
        name: (lambda f: f(A), function(A))
        for name, function in {
            "abs": np.abs, "atan": np.arctan, "ceil": np.ceil, "cos": np.cos, "cosh": np.cosh, "erf": special.erf, "exp": np.exp,
            "expm1": np.expm1, "floor": np.floor, "identity": np.array, "is_finite": np.isfinite, "is_inf": np.isinf, "is_nan": np.isnan,
            "log_sigmoid": special.log_expit, "negative": np.negative, "ones_like": np.ones_like, "reciprocal": np.reciprocal,
            "round": np.round, "sigmoid": special.expit, "sign": np.sign, "sin": np.sin, "sinh": np.sinh, "square": np.square,
            "tan": np.tan, "tanh": np.tanh, "zeros_like": np.zeros_like, "math.tanh": np.tanh,
        }.items()
    },
    **{
        name: (lambda f: f(U), function(U))
        for name, function in {
            "acos": np.arccos, "asin": np.arcsin, "log": np.log, "log1p": np.log1p, "rsqrt": lambda x: 1 / np.sqrt(x), "sqrt": np.sqrt,
        }.items()
    },
    **{
        name: (lambda f: f(A, B), function(A, B))
        for name, function in {
            "add": np.add, "atan2": np.arctan2, "divide": np.divide, "equal": np.equal, "floordiv": np.floor_divide, "floormod": np.mod,
            "greater": np.greater, "greater_equal": np.greater_equal, "less": np.less, "less_equal": np.less_equal,
            "maximum": np.maximum, "minimum": np.minimum, "mod": np.mod, "multiply": np.multiply, "not_equal": np.not_equal,
            "squared_difference": lambda x, y: (x - y) ** 2, "subtract": np.subtract, "truediv": np.true_divide,
        }.items()
    },
    **{
        f"reduce_{name}": (lambda f: [f(A), f(A, 0), f(A, axis=[0, 1]), f(A, 1, keepdims=True), f(A, reduction_indices=[1])],
            [function(A), function(A, axis=0), function(A), function(A, axis=1, keepdims=True), function(A, axis=1)])
        for name, function in {
            "logsumexp": special.logsumexp, "max": np.max, "mean": np.mean, "min": np.min, "prod": np.prod, "sum": np.sum,
        }.items()
    },
    "reduce_all": (lambda f: f(T, axis=1), T.all(1)),
    "reduce_any": (lambda f: f(T, axis=1), T.any(1)),
    "reduce_mean of integers": (lambda f: f(tf.constant([1, 2, 2])), 1),
    "logical_and": (lambda f: f(T, ~T), T & ~T),
    "logical_not": (lambda f: f(T), ~T),
    "logical_or": (lambda f: f(T, ~T), T | ~T),
    "logical_xor": (lambda f: f(T, ~T), T ^ ~T),
    "div": (lambda f: [f(tf.constant([7, -7]), 2), f(7.0, 2.0)], [[3, -4], 3.5]),
    "pow": (lambda f: f(U, 3.0), U**3),
    "add_n": (lambda f: f([A, B, A]), 2 * A + B),
    "argmax": (lambda f: [f(A), f(A, 1), f(A, axis=1, output_type=tf.int32)], [A.argmax(0), A.argmax(1), A.argmax(1)]),
    "argmin": (lambda f: [f(A), f(A, dimension=1)], [A.argmin(0), A.argmin(1)]),
    "cast": (lambda f: f([-1.7, 1.7], tf.int32), [-1, 1]),
    "to_float": (lambda f: f([1, 2]), [1.0, 2.0]),
    "to_int32": (lambda f: f([1.9, 2.0]), [1, 2]),
    "clip_by_value": (lambda f: f(A, -0.5, 0.5), A.clip(-0.5, 0.5)),
    "clip_by_norm": (lambda f: [f(A, 1.0), f(A, 99.0)], [A / np.linalg.norm(A), A]),
    "clip_by_global_norm": (lambda f: [f([A, None, B], 2.0)[0][2], f([A, B], 2.0)[1]],
        [B * 2 / np.hypot(np.linalg.norm(A), np.linalg.norm(B)), np.hypot(np.linalg.norm(A), np.linalg.norm(B))]),
    "global_norm": (lambda f: f([A, B]), np.hypot(np.linalg.norm(A), np.linalg.norm(B))),
    "norm": (lambda f: [f(A), f(A, axis=1), f(A, 1, axis=0)],
        [np.linalg.norm(A), np.linalg.norm(A, axis=1), np.linalg.norm(A, 1, axis=0)]),
    "concat": (lambda f: f([A, tf.constant(B)], axis=1), np.concatenate([A, B], 1)),
    "stack": (lambda f: [f([A, B]), f([A, B], axis=2)], [np.stack([A, B]), np.stack([A, B], 2)]),
    "unstack": (lambda f: f(A, axis=1), list(A.T)),
    "split": (lambda f: f(A, 3, axis=1) + f(A, [1, 2], axis=1), np.split(A, 3, 1) + np.split(A, [1], 1)),
    "tile": (lambda f: f(A, [2, 1]), np.tile(A, [2, 1])),
    "gather": (lambda f: [f(A, [1, 0, 1]), f(A, [2], axis=1)], [A[[1, 0, 1]], A[:, [2]]]),
    "one_hot": (lambda f: [f([2, 0], 3), f([2, 0], 3, on_value=5, off_value=-1, axis=0)],
        [np.eye(3)[[2, 0]], np.where(np.eye(3)[[2, 0]].T == 1, 5, -1)]),
    "where": (lambda f: [f(T, A, B), f([True, False], A, B)], [np.where(T, A, B), np.stack([A[0], B[1]])]),
    "reshape": (lambda f: [f(A, [3, -1]), f(A, [tf.shape(A)[1], 2])], [A.reshape(3, 2)] * 2),
    "transpose": (lambda f: [f(A), f(IMAGES, [0, 3, 1, 2])], [A.T, IMAGES.transpose(0, 3, 1, 2)]),
    "expand_dims": (lambda f: [f(A, 1), f(A, -1)], [A[:, None], A[..., None]]),
    "squeeze": (lambda f: [f(A[None]), f(A[None, :, None], axis=[0])], [A, A[:, None]]),
    "pad": (lambda f: f(A, [[1, 0], [0, 2]], constant_values=7.0), np.pad(A, [(1, 0), (0, 2)], constant_values=7.0)),
    "reverse": (lambda f: f(A, [1]), A[:, ::-1]),
    "cumsum": (lambda f: f(A, axis=1), A.cumsum(1)),
    "cumprod": (lambda f: f(A), A.cumprod(0)),
    "shape": (lambda f: f(A), [2, 3]),
    "size": (lambda f: f(A), 6),
    "rank": (lambda f: f(A), 2),
    "zeros": (lambda f: f([2, 3]), np.zeros((2, 3))),
    "ones": (lambda f: f(3, tf.int32), [1, 1, 1]),
    "fill": (lambda f: f([2], 1.5), [1.5, 1.5]),
    "range": (lambda f: [f(3), f(2, 10, 3), f(0.0, 1.0, 0.25)], [range(3), range(2, 10, 3), [0, 0.25, 0.5, 0.75]]),
    "linspace": (lambda f: f(0.0, 1.0, 5), np.linspace(0, 1, 5)),
    "eye": (lambda f: f(2, 3), np.eye(2, 3)),
    "diag": (lambda f: f([1.0, 2.0]), np.diag([1.0, 2.0])),
    "trace": (lambda f: f(A[:, :2]), A[0, 0] + A[1, 1]),
    "constant": (lambda f: [f(A), f(1.5, shape=[2])], [A, [1.5, 1.5]]),
    "convert_to_tensor": (lambda f: f([1.0, tf.constant(2.0)]), [1.0, 2.0]),
    "stop_gradient": (lambda f: f(A), A),
    "matmul": (lambda f: [f(A, B, transpose_b=True), f(A, B, transpose_a=True)], [A @ B.T, A.T @ B]),
    "tensordot": (lambda f: f(A, B, [[1], [1]]), A @ B.T),
    "einsum": (lambda f: f("ij,kj->ik", A, B), A @ B.T),
    "nn.relu": (lambda f: f(A), np.maximum(A, 0)),
    "nn.relu6": (lambda f: f(4 * A), (4 * A).clip(0, 6)),
    "nn.leaky_relu": (lambda f: [f(A), f(A, alpha=0.5)], [np.where(A > 0, A, 0.2 * A), np.where(A > 0, A, 0.5 * A)]),
    "nn.elu": (lambda f: f(A), np.where(A > 0, A, np.expm1(A))),
    "nn.selu": (lambda f: f(A), 1.0507009873554805 * np.where(A > 0, A, 1.6732632423543772 * np.expm1(A))),
    "nn.sigmoid": (lambda f: f(A), special.expit(A)),
    "nn.tanh": (lambda f: f(A), np.tanh(A)),
    "nn.softplus": (lambda f: f(A), np.log1p(np.exp(A))),
    "nn.softsign": (lambda f: f(A), A / (1 + abs(A))),
    "nn.swish": (lambda f: f(A), A * special.expit(A)),
    "nn.silu": (lambda f: f(A), A * special.expit(A)),
    "nn.gelu": (lambda f: f(A), A * special.ndtr(A)),
    "nn.crelu": (lambda f: f(A), np.concatenate([np.maximum(A, 0), np.maximum(-A, 0)], -1)),
    "nn.softmax": (lambda f: [f(A), f(A, axis=0)], [special.softmax(A, -1), special.softmax(A, 0)]),
    "nn.log_softmax": (lambda f: f(A), LOGS),
    "nn.softmax_cross_entropy_with_logits": (lambda f: f(labels=P, logits=A), -(P * LOGS).sum(-1)),
    "nn.softmax_cross_entropy_with_logits_v2": (lambda f: f(P, A), -(P * LOGS).sum(-1)),
    "nn.sparse_softmax_cross_entropy_with_logits": (lambda f: f(labels=[2, 0], logits=A), SPARSE),
    "nn.sigmoid_cross_entropy_with_logits": (lambda f: f(labels=P, logits=A), SIGMOID),
    "nn.weighted_cross_entropy_with_logits": (lambda f: f(P, A, 2.5),
        -2.5 * P * special.log_expit(A) - (1 - P) * special.log_expit(-A)),
    "nn.l2_loss": (lambda f: f(A), (A**2).sum() / 2),
    "nn.batch_normalization": (lambda f: [f(A, A.mean(0), A.var(0), [1.0, 2, 3], [3.0, 2, 1], 1e-3), f(A, 0.5, 4.0, None, None, 0.0)],
        [(A - A.mean(0)) / np.sqrt(A.var(0) + 1e-3) * [3, 2, 1] + [1, 2, 3], (A - 0.5) / 2]),
    "nn.moments": (lambda f: f(A, [0]), (A.mean(0), A.var(0))),
    "nn.dropout": (lambda f: [f(A, keep_prob=1.0), f(A, rate=0.0)], [A, A]),
    "nn.bias_add": (lambda f: f(A, [1.0, 2, 3]), A + np.array([1, 2, 3])),
    "nn.xw_plus_b": (lambda f: f(A, B.T, [1.0, 2.0]), A @ B.T + [1, 2]),
    "nn.conv2d": (lambda f: [f(IMAGES, KERNEL, [1, 1, 1, 1], "VALID"), f(IMAGES, KERNEL, strides=[1, 2, 2, 1], padding="SAME")],
        [np.einsum("bhwcij,ijcf->bhwf", windows(IMAGES, (3, 2)), KERNEL),
         np.einsum("bhwcij,ijcf->bhwf", windows(np.pad(IMAGES, [(0, 0), (1, 1), (0, 0), (0, 0)]), (3, 2), 2), KERNEL)]),
    "nn.max_pool": (lambda f: f(IMAGES, [1, 2, 2, 1], [1, 2, 2, 1], "VALID"), windows(IMAGES, (2, 2), 2).max((-1, -2))),
    "nn.avg_pool": (lambda f: f(IMAGES, [1, 2, 2, 1], [1, 2, 2, 1], "VALID"), windows(IMAGES, (2, 2), 2).mean((-1, -2))),
    "nn.l2_normalize": (lambda f: f(A, 1), A / np.linalg.norm(A, axis=1, keepdims=True)),
    "nn.embedding_lookup": (lambda f: f(A, [[1, 0]]), A[[[1, 0]]]),
    "nn.in_top_k": (lambda f: [f(A, [0, 0], 1), f(A, [0, 0], 2)], [[False, True], [True, True]]),
    "nn.top_k": (lambda f: f(A, 2), (-np.sort(-A)[:, :2], np.argsort(-A)[:, :2])),
    "losses.mean_squared_error": (lambda f: [f(P, A), f(P, A, weights=[[3.0], [0.0]])],
        [((A - P) ** 2).mean(), 3 * ((A - P)[0] ** 2).mean()]),
    "losses.absolute_difference": (lambda f: f(P, A), abs(A - P).mean()),
    "losses.log_loss": (lambda f: f(P, U), (-P * np.log(U + 1e-7) - (1 - P) * np.log(1 - U + 1e-7)).mean()),
    "losses.huber_loss": (lambda f: f(P, 2 * A), np.where(abs(2 * A - P) < 1, (2 * A - P) ** 2 / 2, abs(2 * A - P) - 0.5).mean()),
    "losses.hinge_loss": (lambda f: f(T * 1.0, A), np.maximum(0, 1 - np.where(T, 1, -1) * A).mean()),
    "losses.softmax_cross_entropy": (lambda f: [f(P, A), f(P, A, label_smoothing=0.3)],
        [-(P * LOGS).sum(-1).mean(), -((P * 0.7 + 0.1) * LOGS).sum(-1).mean()]),
    "losses.sparse_softmax_cross_entropy": (lambda f: f([2, 0], A), SPARSE.mean()),
    "losses.sigmoid_cross_entropy": (lambda f: f(P, A), SIGMOID.mean()),
    "layers.flatten": (lambda f: f(IMAGES), IMAGES.reshape(2, -1)),
    "layers.dropout": (lambda f: f(A), A),
    "layers.dense": (lambda f: f(A, 2, tf.nn.tanh, kernel_initializer=tf.constant_initializer(0.5), bias_initializer=tf.ones_initializer()),
        np.tanh(0.5 * A.sum(1, keepdims=True) + 1) * [1, 1]),
    "train.exponential_decay": (lambda f: [f(0.1, 15, 10, 0.5), f(0.1, 15, 10, 0.5, staircase=True)], [0.1 * 0.5**1.5, 0.05]),
    "train.natural_exp_decay": (lambda f: f(0.1, 15, 10, 0.5), 0.1 * np.exp(-0.75)),
    "train.inverse_time_decay": (lambda f: f(0.1, 15, 10, 0.5), 0.1 / 1.75),
    "train.polynomial_decay": (lambda f: [f(0.1, 5, 10, 0.02, 2.0), f(0.1, 99, 10, 0.02, 2.0)], [0.08 * 0.25 + 0.02, 0.02]),
    "train.cosine_decay": (lambda f: [f(0.1, 5, 10, 0.2), f(0.1, 99, 10, 0.2)], [0.1 * (0.8 * 0.5 + 0.2), 0.02]),
    "train.piecewise_constant": (lambda f: [f(x, [10, 20], [3.0, 2.0, 1.0]) for x in (10, 11, 20, 21)], [3, 2, 2, 1]),
}  # fmt: skip


def named(name: str) -> Any:
    found: Any = tf
    for part in name.split(" ")[0].split("."):
        found = getattr(found, part)
    return found


@pytest.mark.parametrize("name", VALUES)
def test_value(name: str) -> None:
    written, expected = VALUES[name]
    found = value(written(named(name)))
    pairs = zip(found, expected, strict=True) if isinstance(found, (list, tuple)) else [(found, expected)]
    for one, other in pairs:
        np.testing.assert_allclose(one, np.asarray(other), rtol=1e-12, atol=1e-12)
        assert np.shape(one) == np.shape(other)


ELSEWHERE = {
    "AUTO_REUSE", "Graph", "GraphKeys", "InteractiveSession", "Session", "Variable", "as_dtype", "assign", "assign_add", "assign_sub",
    "bool", "compat", "control_dependencies", "disable_eager_execution", "disable_v2_behavior", "get_collection", "get_default_graph",
    "get_default_session", "get_variable", "global_variables", "global_variables_initializer", "gradients", "group",
    "initialize_all_variables", "keras", "layers", "linalg", "losses", "math", "name_scope", "nn", "no_op", "placeholder",
    "placeholder_with_default", "random", "random_normal", "random_shuffle", "random_uniform", "reset_default_graph", "set_random_seed",
    "train", "trainable_variables", "truncated_normal", "variable_scope", "variables_initializer",
}  # fmt: skip


def test_every_name_has_a_value_or_a_test() -> None:
    inside = [
        f"{m}.{n}" for m in ("nn", "losses", "layers") for n, f in vars(named(m)).items() if _own(f, m) and n[0] != "_"
    ]
    types = [n for n in dir(tf) if re.fullmatch(r"u?(int|float)\d+", n) or n.endswith("_initializer")]
    covered = (
        {name.split(" ")[0] for name in VALUES} | ELSEWHERE | {*types, "nn.ACTIVATIONS", "nn.Array", "losses.Array"}
    )
    assert sorted({*dir(tf), *inside} - covered) == []


def _own(function: Any, module: str) -> bool:
    return callable(function) and getattr(function, "__module__", "") == f"caviar.dialects.tensorflow.{module}"
