"""How a module of the PyTorch dialect is held to what PyTorch recorded."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from conftest import DATA

import caviar.dialects.torch as torch
from caviar.dialects.torch import nn

Case = dict[str, Any]
DTYPES = {"float": float, "int": np.int64, "bool": bool}


def recorded(family: str) -> list[Case]:
    """The cases of a family of `torch_layers.json`: modules, losses, reprs."""
    return json.loads((DATA / "torch_layers.json").read_text())[family]


def array(entry: Any) -> np.ndarray:
    """A recorded tensor."""
    return np.asarray(entry["values"], DTYPES[entry["kind"]]).reshape(entry["shape"])


def given(value: Any) -> Any:
    """An argument as PyTorch was given it; tensors in the default type."""
    if isinstance(value, dict):
        found = array(value["tensor"])
        return torch.tensor(found, dtype=torch.get_default_dtype() if found.dtype == float else None)
    return tuple(value) if isinstance(value, list) else value


def made(case: Case) -> Any:
    """The module of a case, with its weights."""
    module = getattr(nn, case["source"].split(".")[-1])(**{k: given(v) for k, v in case["config"].items()})
    if "Lazy" in case["source"]:
        module(leaf(case["inputs"]["x"][0]))
    state = {k: array(v) for k, v in case["inputs"]["state"].items()}
    assert {k: tuple(v.shape) for k, v in module.state_dict().items()} == {k: v.shape for k, v in state.items()}
    module.load_state_dict(state)
    return module


def leaf(entry: Any) -> torch.Tensor:
    """A recorded input, with gradients if it is one of numbers."""
    found = array(entry)
    return torch.tensor(found, requires_grad=found.dtype == float)


def leaves(outputs: Any) -> list[torch.Tensor]:
    """All tensors of an output."""
    if isinstance(outputs, torch.Tensor):
        return [outputs]
    return [] if outputs is None else [x for part in outputs for x in leaves(part)]


def called(module: Any, case: Case, inputs: list[Any]) -> list[Any]:
    """The outputs for inputs, the recorded ones or others."""
    if case["inputs"].get("pairs"):
        inputs = [inputs[0], tuple(inputs[1:])]
    return leaves(module(*inputs, **{k: given(v) for k, v in case["inputs"]["options"].items()}))


def backward(outputs: list[Any], case: Case) -> None:
    """The gradients that were recorded."""
    terms = [
        (y * torch.tensor(array(c))).sum() for y, c in zip(outputs, case["inputs"]["cotangents"], strict=True) if c
    ]
    if terms:
        torch.stack(terms).sum().backward()


def same(got: Any, expected: Any, what: str = "") -> None:
    """Equal to 1e-9."""
    assert got is not None, what
    found = got.detach().numpy() if isinstance(got, torch.Tensor) else got
    assert found.shape == array(expected).shape, what
    np.testing.assert_allclose(found, array(expected), rtol=1e-9, atol=1e-9, err_msg=what)


def check(module: Any, case: Case) -> None:
    """Values, gradients of inputs and parameters, buffers: all as recorded."""
    expected = case["expected"]
    inputs = [leaf(x) for x in case["inputs"]["x"]]
    outputs = called(module, case, inputs)
    backward(outputs, case)
    assert len(outputs) == len(expected["y"])
    for i, (y, recorded_y) in enumerate(zip(outputs, expected["y"], strict=True)):
        same(y, recorded_y, f"output {i}")
    for i, (x, gradient) in enumerate(zip(inputs, expected["dx"], strict=True)):
        if gradient:
            same(x.grad, gradient, f"gradient of input {i}")
    parameters = dict(module.named_parameters())
    assert {k for k, p in parameters.items() if p.grad is not None} == set(expected["gradients"])
    for name, gradient in expected["gradients"].items():
        same(parameters[name].grad, gradient, f"gradient of {name}")
    for name, value in expected["buffers"].items():
        same(module.state_dict()[name], value, name)
