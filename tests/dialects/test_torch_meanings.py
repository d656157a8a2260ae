"""What PyTorch's words mean where it is easy to mean something else. The expected values are PyTorch 2.13's."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import caviar.dialects.torch as torch
import caviar.dialects.torch.nn.functional as F
from caviar.dialects.torch import nn
from caviar.errors import BoundsError, CaviarError, DataError

X = torch.arange(24).reshape(2, 3, 4)


def slopes(function: Callable[[Any], Any], *at: float) -> list[float]:
    x = torch.tensor(at, requires_grad=True)
    function(x).sum().backward()
    return x.grad.tolist()


KINKS: dict[str, tuple[Callable[[Any], Any], list[float], list[float]]] = {
    "abs": (torch.abs, [-1.0, 0.0, 1.0], [-1.0, 0.0, 1.0]),
    "norm with p=1": (lambda x: x.norm(1), [0.0, 0.0, 2.0], [0.0, 0.0, 1.0]),
    "norm of zeros": (lambda x: x.norm(), [0.0, 0.0], [0.0, 0.0]),
    "norm of rows": (lambda x: x.view(2, 2).norm(dim=1), [0.0, 0.0, 3.0, 4.0], [0.0, 0.0, 0.6, 0.8]),
    "norm with p=3 of zeros": (lambda x: x.norm(3), [0.0, 0.0], [0.0, 0.0]),
    "the largest norm": (lambda x: x.norm(float("inf")), [1.0, 2.0, -2.0], [0.0, 0.5, -0.5]),
    "clamp at its lower edge": (lambda x: x.clamp(min=0), [-1.0, 0.0, 1.0], [0.0, 1.0, 1.0]),
    "clamp at both edges": (lambda x: x.clamp(0, 1), [0.0, 0.5, 1.0], [1.0, 1.0, 1.0]),
    "std of equal numbers": (lambda x: x.std(), [1.0, 1.0], [0.0, 0.0]),
    "max of equal numbers": (lambda x: x.max(), [1.0, 1.0, 0.0], [0.5, 0.5, 0.0]),
    "l1_loss of nothing": (lambda x: F.l1_loss(x, torch.zeros(2)), [0.0, 3.0], [0.0, 0.5]),
}


@pytest.mark.parametrize(("function", "at", "expected"), KINKS.values(), ids=KINKS)
def test_the_gradient_at_a_kink(function: Callable[[Any], Any], at: list[float], expected: list[float]) -> None:
    assert slopes(function, *at) == pytest.approx(expected)


def written(*index: Any, value: Any) -> Any:
    z = torch.zeros(2, 3, 4)
    z[index] = value
    return z.sum((0, 2)).tolist()


def detached() -> Any:
    a = torch.zeros(3)
    b = a.detach()
    b[0] = 1
    b.add_(1)
    return a.tolist()


def diagonals() -> Any:
    a = torch.zeros(3, 3)
    a.diagonal().fill_(2)
    torch.diagonal(a).add_(1)
    a.diagonal(1)[0] = 7
    return a.tolist()


def into_out() -> Any:
    a, b, c = torch.zeros(2), torch.zeros(2, 2), torch.zeros(4)
    made = torch.add(torch.ones(2), torch.ones(2), out=a)
    torch.matmul(torch.ones(2, 2), torch.ones(2, 2), out=b)
    torch.cat([torch.ones(2), torch.zeros(2)], out=c)
    return made is a, a.tolist(), b.tolist(), c.tolist()


VALUES: dict[str, tuple[Callable[[], Any], Any]] = {
    "norm along two dimensions": (lambda: torch.arange(6.0).view(1, 2, 3).norm(dim=(1, 2)).tolist(), [pytest.approx(55**0.5)]),
    "norm with p=1 along two dimensions": (lambda: torch.arange(6.0).view(1, 2, 3).norm(1, dim=(1, 2)).tolist(), [15.0]),
    "norm keeps all dimensions": (lambda: tuple(torch.ones(2, 3).norm(keepdim=True).shape), (1, 1)),
    "isclose by place": (lambda: torch.isclose(torch.tensor([1.0]), torch.tensor([1.4]), 0.5).tolist(), [True]),
    "std(False)": (lambda: torch.tensor([1.0, 2.0, 4.0]).std(False).item(), pytest.approx(1.2472, abs=1e-4)),
    "out=": (into_out, (True, [2.0, 2.0], [[2.0, 2.0], [2.0, 2.0]], [1.0, 1.0, 0.0, 0.0])),
    "a number beside a tensor": (lambda: X[0, :, torch.tensor([1, 3])].tolist(), [[1, 3], [5, 7], [9, 11]]),
    "a new axis and a number beside a tensor": (lambda: tuple(X[None, 0, :, torch.tensor([[1, 3]])].shape), (1, 3, 1, 2)),
    "tensors apart": (lambda: tuple(X[torch.tensor([0, 1]), :, torch.tensor([1, 3])].shape), (2, 3)),
    "writing beside a number": (lambda: written(0, slice(None), torch.tensor([1, 3]), value=torch.ones(3, 2)), [2.0, 2.0, 2.0]),
    "writing into a slice": (lambda: written(1, slice(2), torch.tensor([2]), value=7.0), [7.0, 7.0, 0.0]),
    "a range of rows": (lambda: written(range(2), [0, 2], value=1.0), [4.0, 0.0, 4.0]),
    "softmax of nothing": (lambda: F.softmax(torch.zeros(2, 0), 1).shape, (2, 0)),
    "a product of vectors": (lambda: torch.dot(torch.ones(2), torch.ones(2)).item(), 2.0),
    "from the end": (lambda: X[:, torch.tensor([-3])].tolist(), X[:, :1].tolist()),
    "writing into a detached tensor": (detached, [2.0, 1.0, 1.0]),
    "writing into a diagonal": (diagonals, [[3.0, 7.0, 0.0], [0.0, 3.0, 0.0], [0.0, 0.0, 3.0]]),
    "the mean of no targets": (lambda: str(F.cross_entropy(torch.ones(2, 3), torch.tensor([-100, -100])).item()), "nan"),
    "the sum of no targets": (lambda: F.cross_entropy(torch.ones(2, 3), torch.tensor([-100, -100]), reduction="sum").item(), 0.0),
    "a gradient of zero": (lambda: slopes(lambda x: x * torch.tensor(0.0), 3.0), [0.0]),
    "one number in a text": (lambda: f"{torch.tensor(2.5)} {torch.tensor(3)} {torch.tensor(2.5):.3f}", "2.5 3 2.500"),
    "several numbers in a text": (lambda: f"{torch.tensor([1.0, 2.0])}", "tensor([1., 2.])"),
}  # fmt: skip


@pytest.mark.parametrize(("compute", "expected"), VALUES.values(), ids=VALUES)
def test_it_means_what_it_means_in_pytorch(compute: Callable[[], Any], expected: Any) -> None:
    assert compute() == expected


REFUSED: dict[str, tuple[Callable[[], Any], type[Exception]]] = {
    "an index": (lambda: X[torch.tensor([2])], BoundsError),
    "an index from the end": (lambda: X[:, torch.tensor([-4])], BoundsError),
    "writing at an index": (lambda: written(torch.tensor([2]), value=1.0), BoundsError),
    "a class": (lambda: F.cross_entropy(torch.ones(3, 4), torch.tensor([0, 1, 4])), BoundsError),
    "a negative class": (lambda: F.nll_loss(torch.ones(3, 4), torch.tensor([0, 1, -1])), BoundsError),
    "gather": (lambda: torch.ones(3, 4).gather(1, torch.tensor([[4]])), BoundsError),
    "index_select": (lambda: torch.ones(3, 4).index_select(0, torch.tensor([3])), BoundsError),
    "one_hot": (lambda: F.one_hot(torch.tensor([3]), 3), BoundsError),
    "a slice backwards": (lambda: X[::-1], ValueError),
    "too many arguments": (lambda: torch.exp(torch.ones(2), 3), TypeError),
    "a whole number beyond 32 bits beside a gradient": (
        lambda: torch.tensor([2**40]) * torch.ones(1, requires_grad=True),
        DataError,
    ),
    "out= of another shape": (lambda: torch.add(torch.ones(2), 1, out=torch.zeros(3)), CaviarError),
}


@pytest.mark.parametrize(("give", "kind"), REFUSED.values(), ids=REFUSED)
def test_what_stands_for_nothing_is_told(give: Callable[[], Any], kind: type[Exception]) -> None:
    with pytest.raises(kind):
        give()


def written_beyond_32_bits() -> Any:
    x = torch.tensor([1, 2])
    x[0] = 2**40
    x.mul_(1000)
    return x.tolist()


def factorial(n: int) -> int:
    x = torch.tensor(1)
    for i in range(1, n + 1):
        x = x * i
    return x.item()


WIDE: dict[str, tuple[Callable[[], Any], Any]] = {
    "a product": (lambda: (torch.tensor([100000]) * 100000).tolist(), [10_000_000_000]),
    "a factorial": (lambda: factorial(20), 2432902008176640000),
    "a sum": (lambda: torch.full((3,), 2**30).sum().item(), 3 * 2**30),
    "a number from outside": (
        lambda: (torch.tensor(2**40) // 3, str(torch.tensor(2**40).dtype)),
        (366503875925, "torch.int64"),
    ),
    "a range": (lambda: torch.arange(2**33, 2**33 + 2).tolist(), [2**33, 2**33 + 1]),
    "of NumPy": (lambda: torch.from_numpy(np.array([2**40])).tolist(), [2**40]),
    "a large factor": (lambda: (torch.tensor([1, 2]) * 2**40).tolist(), [2**40, 2**41]),
    "a quotient": (lambda: (torch.tensor([2**40]) / 2).tolist(), [2.0**39]),
    "small again": (lambda: (torch.tensor([2**40]) // 2**30 + torch.tensor([1])).tolist(), [1025]),
    "written": (written_beyond_32_bits, [2**40 * 1000, 2000]),
}


@pytest.mark.parametrize(("compute", "expected"), WIDE.values(), ids=WIDE)
def test_whole_numbers_have_64_bits(compute: Callable[[], Any], expected: Any) -> None:
    assert compute() == expected


class Sums(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(2, 1)

    def build(self, count: int) -> int:
        return 2 * count

    def forward(self, given: Any) -> Any:
        parts = given.values() if isinstance(given, dict) else given if isinstance(given, (list, tuple)) else [given]
        return self.linear(
            sum(torch.from_numpy(p) if isinstance(p, np.ndarray) else p * torch.ones(1, 2) for p in parts)
        )


ONE = torch.ones(1, 2)
GIVEN = [[ONE, ONE], (ONE,), {"a": ONE}, 3, 2.5, True, np.ones((1, 2), np.float32), [np.ones((1, 2), np.float32)]]


@pytest.mark.parametrize("given", GIVEN, ids=lambda given: type(given).__name__)
def test_a_module_takes_whatever_its_forward_takes(given: Any) -> None:
    module = Sums()
    module(given).sum().backward()
    assert module.linear.weight.grad is not None


def test_a_module_passes_on_what_is_no_tensor() -> None:
    same = nn.Identity()
    assert (same("text"), same(None), same(3)) == ("text", None, 3)
    assert Sums().build(4) == 8


def test_a_seed_is_no_seed_of_numpys_or_pythons() -> None:
    random.seed(7)
    np.random.seed(7)
    expected = random.random(), np.random.rand()
    random.seed(7)
    np.random.seed(7)
    torch.manual_seed(1)
    assert (random.random(), np.random.rand()) == expected


def through_a_slice(w: Any) -> Any:
    a = w * 2
    a[:2].mul_(3)
    return a**2


def through_a_row_of_a_view(w: Any) -> Any:
    y = (w * 2).view(2, 2)
    y[0] += 1
    return y**2


def into_what_needed_no_gradient(w: Any) -> Any:
    x = torch.zeros(3, 4)
    row = x[1]
    row += w
    row *= 2
    return x


def a_view_of_what_is_written(w: Any) -> Any:
    h = w * 2
    v = h.view(2, 2)
    h.mul_(3)
    return v**2


def through_a_diagonal(w: Any) -> Any:
    h = w.view(2, 2) * 1
    h.diagonal().mul_(5)
    h.t()[0, 1] = w[0]
    return h


WRITTEN: dict[Callable[[Any], Any], list[float]] = {
    through_a_slice: [72.0, 144.0, 24.0, 32.0],
    through_a_row_of_a_view: [12.0, 20.0, 24.0, 32.0],
    into_what_needed_no_gradient: [2.0, 2.0, 2.0, 2.0],
    a_view_of_what_is_written: [72.0, 144.0, 216.0, 288.0],
    through_a_diagonal: [6.0, 1.0, 0.0, 5.0],
}


@pytest.mark.parametrize(("function", "expected"), WRITTEN.items(), ids=[f.__name__ for f in WRITTEN])
def test_gradients_flow_through_writing_into_views(function: Callable[[Any], Any], expected: list[float]) -> None:
    assert slopes(function, 1.0, 2.0, 3.0, 4.0) == expected


# -- memory shared with NumPy -----------------------------------------------------------------------------------------


def test_from_numpy_shares_its_memory() -> None:
    array = np.zeros((2, 2), np.float32)
    tensor = torch.from_numpy(array)
    row, flat = tensor[0], tensor.view(-1)
    array[0, 0] = 1
    tensor[1] = 2
    flat[3] = 3
    row += 10
    assert array.tolist() == tensor.tolist() == [[11.0, 10.0], [2.0, 3.0]]
    assert (row.tolist(), flat.tolist()) == ([11.0, 10.0], [11.0, 10.0, 2.0, 3.0])


def test_whole_numbers_share_their_memory_too() -> None:
    array = np.array([1, 2, 3])
    tensor = torch.from_numpy(array)
    tensor *= 2
    array[0] = 7
    assert (array.tolist(), tensor.tolist(), array.dtype, tensor.dtype) == ([7, 4, 6], [7, 4, 6], np.int64, torch.int64)


def test_numpy_shares_its_memory() -> None:
    tensor = torch.zeros(2, 2)
    array = tensor.numpy()
    tensor += 1
    array[0] = 5
    copy = tensor.clone()
    tensor.detach().numpy()[1, 1] = 9
    assert array.tolist() == tensor.tolist() == [[5.0, 5.0], [1.0, 9.0]]
    assert copy.tolist() == [[5.0, 5.0], [1.0, 1.0]]
    assert torch.arange(2).numpy().dtype == np.int64


def test_what_was_computed_from_shared_memory_stays() -> None:
    w, array = torch.ones(3, requires_grad=True), np.ones(3, np.float32)
    x = torch.from_numpy(array)
    before = w * x
    array[:] = 5
    after = (w * x).sum() + before.sum()
    assert after.item() == 18.0


def test_gradients_flow_through_a_tensor_that_shared_its_memory() -> None:
    x, w = torch.zeros(3), torch.ones(3, requires_grad=True)
    x.numpy()[1] = 2
    x[0] = w[0] * 2
    x.sum().backward()
    assert (w.grad.tolist(), x.tolist()) == ([2.0, 0.0, 0.0], [2.0, 2.0, 0.0])


def test_writing_into_the_copy_of_a_parameter_is_told() -> None:
    weight = nn.Linear(2, 1).weight.detach().numpy()
    with pytest.raises(ValueError, match="read-only"):
        weight[0] = 1
