"""What is new is computed call by call, what is small at once: nothing compiles before it repeats, and the numbers are the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from compiles import compiles

import caviar.dialects.torch as torch
import caviar.dialects.torch.nn.functional as F
from caviar.dialects.torch import nn, optim
from caviar.dialects.torch.utils.data import DataLoader, Dataset
from caviar.recording import stepwise, tree
from caviar.recording.recorder import recorder

rng = np.random.default_rng(0)


def writes_of_one_element() -> float:
    x = torch.zeros(1000)
    for i in range(1, 1000):
        x[i] = x[i - 1] * 0.9 + 1
    return x.sum().item()


def a_dataset_that_fills_tensors() -> float:
    class Filled(Dataset):
        def __len__(self) -> int:
            return 40

        def __getitem__(self, i: int) -> torch.Tensor:
            x = torch.zeros(5, 4)
            for row in range(5):
                x[row, (i + row) % 4] = row
            x[1:3] += 1
            return x

    return sum(float(x[:, 1].sum()) for x in DataLoader(Filled(), batch_size=8))


def a_dataset_of_rows() -> float:
    class Rows(Dataset):
        def __init__(self) -> None:
            self.x = torch.arange(400).float().view(100, 4)

        def __len__(self) -> int:
            return 100

        def __getitem__(self, i: int) -> tuple[torch.Tensor, torch.Tensor]:
            return self.x[i], self.x[i, 0]

    return sum(float(x.mean() + y.mean()) for x, y in DataLoader(Rows(), batch_size=10))


def many_small_steps() -> float:
    x, v = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
    for _ in range(1000):
        v = v - 0.001 * x / x.norm() ** 3
        x = x + 0.001 * v
    return x[0].item()


def a_growing_sentence() -> float:
    ids, table = torch.zeros(1, 1, dtype=torch.long), torch.arange(20).float().view(5, 4)
    for _ in range(10):
        x = table[ids[0]]
        attention = F.softmax((x @ x.T).masked_fill(torch.ones(len(x), len(x)).tril() == 0, float("-inf")), -1)
        ids = torch.cat([ids, (((attention @ x).sum(1).argmax() + len(x)) % 5).view(1, 1)], 1)
    return float(ids.sum())


def a_gradient_through_many_operations() -> float:
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    y = w
    for _ in range(3000):
        y = y * 0.999 + 0.001 * w
    y.sum().backward()
    return w.grad.sum().item()


AT_ONCE: dict[Callable[[], float], float] = {  # as PyTorch 2.13 gives them
    writes_of_one_element: 9899.9951171875,
    a_dataset_that_fills_tensors: 200.0,
    a_dataset_of_rows: 3975.0,
    many_small_steps: 0.5396876335144043,
    a_growing_sentence: 17.0,
    a_gradient_through_many_operations: 2.0000281,
}


@pytest.mark.parametrize(("compute", "expected"), AT_ONCE.items(), ids=[f.__name__ for f in AT_ONCE])
def test_what_is_small_or_runs_once_compiles_nothing(compute: Callable[[], float], expected: float) -> None:
    with compiles() as compiled:
        assert compute() == pytest.approx(expected, rel=1e-5)
    assert compiled() == 0


def trained(steps: int) -> tuple[list[float], Any]:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.BatchNorm1d(8), nn.Linear(8, 2))
    optimizer, x = optim.Adam(model.parameters(), 0.01), torch.randn(10, 4)
    losses = []
    for _ in range(steps):
        loss = F.cross_entropy(model(x), torch.arange(10) % 2)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        optimizer.step()
        losses.append(loss.item())
    return losses, model[0].weight.detach().numpy()


@pytest.mark.usefixtures("float64")
def test_a_loop_gives_the_same_numbers_call_by_call_and_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    with compiles() as compiled:
        losses, weight = trained(10)
    assert compiled() == 0
    monkeypatch.setattr(stepwise, "_TIMES", 0)
    expected, right = trained(10)
    np.testing.assert_allclose(losses, expected, rtol=1e-10)
    np.testing.assert_allclose(weight, right, rtol=1e-10)


def test_a_loop_that_repeats_is_compiled_and_stays_so() -> None:
    trained(60)
    with compiles() as compiled:
        losses, _ = trained(60)
    assert compiled() == 0
    assert losses == sorted(losses, reverse=True)


def test_a_gradient_of_a_result_and_of_one_that_is_not_reached() -> None:
    w, v = torch.tensor([1.0, 2.0], requires_grad=True), torch.tensor([3.0], requires_grad=True)
    h = w * w
    of_h, of_w, of_v = torch.autograd.grad((h * h).sum() + 0 * v.sum(), [h, w, v], retain_graph=True)
    assert (of_h.tolist(), of_w.tolist(), of_v.tolist()) == ([2.0, 8.0], [4.0, 32.0], [0.0])


def seen() -> int:
    """How many calls the tree of recordings knows."""
    paths = [tree.root()]
    for path in paths:
        paths.extend(path.branches.values())
    return len(paths)


def test_shapes_that_never_come_again_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    w = torch.ones(1, requires_grad=True)
    stepwise._kept.clear()
    monkeypatch.setattr(stepwise, "_KEPT", 40)
    before = seen()
    for n in range(30, 90):
        (w * torch.ones(n)).sum().backward()
        w.grad.item()
    assert sum(one.size for one in stepwise._kept.values()) <= 40
    assert seen() - before < 100


def test_recordings_that_nobody_looks_at_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    w = torch.ones(1, requires_grad=True)
    stepwise._kept.clear()
    monkeypatch.setattr(stepwise, "_KEPT", 40)
    before = seen()
    for n in range(100, 200):
        w * torch.ones(n)
        recorder().run()
    assert seen() - before <= 40
