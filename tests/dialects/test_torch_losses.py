"""Every loss of PyTorch, as a module and as a function: values and gradients, reduced in each way."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest
from compiles import compiles
from conftest import recorded as of_caviar
from torch_cases import Case, check, made, recorded

import caviar.dialects.torch as torch
import caviar.dialects.torch.nn.functional as F
from caviar.dialects.torch import nn
from caviar.dialects.torch.nn.applied import Loss
from caviar.errors import CaviarError

RECORDED = recorded("losses")
SHARED = [c for c in of_caviar("losses") if c["source"].startswith("torch.nn")]
LOSSES = {n: k for n, k in vars(nn).items() if inspect.isclass(k) and issubclass(k, Loss)}


def tensor(value: Any) -> torch.Tensor:
    return torch.tensor(np.asarray(value))


def configured(case: Case) -> dict[str, Any]:
    return {k: tensor(v) if isinstance(v, list) else v for k, v in case["config"].items()}


def test_every_loss_was_recorded() -> None:
    assert {c["source"].split(".")[-1] for c in (*RECORDED, *SHARED)} == set(LOSSES)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("case", RECORDED, ids=lambda c: c["id"])
def test_a_loss_is_that_of_pytorch(case: Case) -> None:
    check(made(case), case)
    again = made(case)
    with compiles() as compiled:
        check(again, case)
    assert compiled() == 0
    assert repr(again) == case["expected"]["repr"]


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("case", SHARED, ids=lambda c: c["id"])
@pytest.mark.parametrize("form", ["module", "function"])
def test_caviars_losses_are_those_of_pytorch(case: Case, form: str) -> None:
    kind, options = LOSSES[case["source"].split(".")[-1]], configured(case)
    loss = kind(**options) if form == "module" else lambda x, y: kind.function(x, y, **options)
    pred, target = tensor(case["inputs"]["pred"]).requires_grad_(), tensor(case["inputs"]["target"])
    value = loss(pred, target)
    np.testing.assert_allclose(value.detach().numpy(), case["expected"]["loss"], rtol=1e-9, atol=1e-9)
    value.sum().backward()
    np.testing.assert_allclose(pred.grad.numpy(), case["expected"]["dpred"], rtol=1e-9, atol=1e-9)


def test_weights_of_a_loss_are_its_state() -> None:
    loss = nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0]))
    assert {k: v.tolist() for k, v in loss.state_dict().items()} == {"weight": [1.0, 2.0]}
    assert not list(loss.parameters())


X, CLASSES = torch.zeros(4, 3), torch.tensor([0, 1, 2, 0])


@pytest.mark.parametrize(
    ("attempt", "message"),
    [
        (lambda: nn.BCEwithLogitsLoss, "did you mean nn.BCEWithLogitsLoss"),
        (lambda: nn.NLLoss, "did you mean nn.NLLLoss"),
        (lambda: F.nl_loss, "did you mean F.nll_loss"),
        (lambda: nn.MSELoss()(torch.zeros(4, 1), torch.zeros(4)), r"say target.reshape\(4, 1\)"),
        (lambda: nn.BCELoss()(torch.ones(4, 1), torch.ones(4)), r"say target.reshape\(4, 1\)"),
        (lambda: nn.BCEWithLogitsLoss()(X, torch.zeros(3)), "one shape"),
        (lambda: nn.MSELoss(reduction="avg")(X, X), "unknown reduction 'avg'"),
        (lambda: nn.MSELoss(size_average=True), "takes no size_average; it takes reduction"),
        (lambda: nn.MultiMarginLoss(p=3)(X, CLASSES), "p=1 or p=2"),
        (lambda: nn.CrossEntropyLoss()(X, CLASSES[:3]), "labels"),
        (lambda: nn.CTCLoss()(X, CLASSES, (4,), (3,)), "ctc_loss takes"),
    ],
    ids=range(11),
)
def test_what_cannot_work_says_what_can(attempt: Any, message: str) -> None:
    with pytest.raises((CaviarError, AttributeError, TypeError), match=message):
        attempt()
