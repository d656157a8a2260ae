"""Every activation of PyTorch, as a module and as a function, against what PyTorch recorded."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from conftest import recorded

import caviar.dialects.torch as torch
import caviar.dialects.torch.nn.functional as F
from caviar.dialects.torch import nn

CASES = [c for c in recorded("activations") if c["source"].startswith("torch")]
MODULES = {
    "celu": "CELU", "elu": "ELU", "gelu": "GELU", "glu": "GLU", "hardshrink": "Hardshrink", "hardsigmoid": "Hardsigmoid",
    "hardswish": "Hardswish", "hardtanh": "Hardtanh", "leaky_relu": "LeakyReLU", "log_softmax": "LogSoftmax",
    "logsigmoid": "LogSigmoid", "mish": "Mish", "prelu": "PReLU", "relu": "ReLU", "relu6": "ReLU6", "rrelu": "RReLU",
    "selu": "SELU", "sigmoid": "Sigmoid", "silu": "SiLU", "softmax": "Softmax", "softmin": "Softmin", "softplus": "Softplus",
    "softshrink": "Softshrink", "softsign": "Softsign", "tanh": "Tanh", "tanhshrink": "Tanhshrink", "threshold": "Threshold",
}  # fmt: skip
ROUNDED = {
    "hardsigmoid": float(np.float32(1 / 6)) * 6
}  # PyTorch's slope is 1/6 in single precision, whatever the input


def leaf(values: Any) -> torch.Tensor:
    return torch.tensor(np.asarray(values, float), requires_grad=True)


def applied(case: dict[str, Any], form: str, x: torch.Tensor) -> tuple[Any, Any]:
    """What the function, or the module, gives, and the weight if there is one."""
    name = case["source"].split(".")[-1]
    options = {{"axis": "dim"}.get(k, k): v for k, v in case["config"].items() if k not in ("training", "weight")}
    if name != "prelu":
        module = getattr(nn, MODULES[name])(**options).eval() if form == "module" else None
        return module(x) if module else getattr(F, name)(x, **options), None
    weight = case["config"]["weight"]
    module = nn.PReLU(init=weight)
    return (module(x), module.weight) if form == "module" else (F.prelu(x, w := leaf([weight])), w)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("form", ["module", "function"])
@pytest.mark.parametrize("case", [c for c in CASES if "dx" in c["expected"]], ids=lambda c: c["id"])
def test_an_activation_is_that_of_pytorch(case: dict[str, Any], form: str) -> None:
    x, expected = leaf(case["inputs"]["x"]), case["expected"]
    y, weight = applied(case, form, x)
    (y * torch.tensor(np.asarray(case["inputs"]["cotangent"]))).sum().backward()
    np.testing.assert_allclose(y.detach().numpy(), expected["y"], rtol=1e-9, atol=1e-9)
    slope = np.asarray(expected["dx"]) / ROUNDED.get(case["id"], 1)
    np.testing.assert_allclose(x.grad.numpy(), slope, rtol=1e-9, atol=1e-9)
    if weight is not None:
        np.testing.assert_allclose(weight.grad.sum().item(), np.sum(expected["dweight"]), rtol=1e-9)


@pytest.mark.usefixtures("float64")
def test_the_sign_is_that_of_pytorch() -> None:
    case = next(c for c in CASES if c["source"] == "torch.sign")
    assert torch.sign(leaf(case["inputs"]["x"])).tolist() == case["expected"]["y"]


def test_every_activation_was_recorded() -> None:
    recorded = {c["source"].split(".")[-1] for c in CASES}
    assert set(MODULES) - {"glu"} == recorded - {"sign"}  # GLU is recorded with the layers
    assert all(hasattr(nn, kind) and hasattr(F, name) for name, kind in MODULES.items())


@pytest.mark.parametrize(("shape", "dim"), [((3,), 0), ((2, 3), 1), ((2, 3, 2), 0), ((2, 3, 2, 2), 1)])
@pytest.mark.parametrize("kind", [nn.Softmax, nn.Softmin, nn.LogSoftmax])
def test_the_classes_are_where_pytorch_takes_them_to_be(kind: Any, shape: tuple[int, ...], dim: int) -> None:
    x = torch.randn(*shape)
    assert torch.equal(kind()(x), kind(dim)(x))


def test_activations_train_in_a_model() -> None:
    x, y = np.random.default_rng(0).normal(size=(2, 40, 6))
    modules = [getattr(nn, n) for n in MODULES.values() if n not in ("GLU", "Threshold", "Hardshrink", "Softmin")]
    model = nn.Sequential(*(kind(-1) if "Softmax" in kind.__name__ else kind() for kind in modules), nn.Linear(6, 6))
    model.compile("adam", "mse")
    losses = model.fit(x, y, epochs=3, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
