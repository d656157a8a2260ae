"""PyTorch's words: tensors, gradients, modules and optimizers, against what PyTorch itself recorded."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from compiles import compiles
from conftest import recorded

import caviar.dialects.torch as torch
import caviar.dialects.torch.nn.functional as F
from caviar.dialects.torch import nn, optim
from caviar.errors import ArgumentError, CaviarError, FileError, ShapeError

LAYERS = recorded("torch_layers")
LOSSES = {"MSELoss", "CrossEntropyLoss"}
OPTIMIZERS = {"SGD", "Adam", "AdamW"}


def of(kind: str, names: set[str]) -> list[dict[str, Any]]:
    return [c for c in recorded(kind) if "torch" in c["source"] and c["source"].split(".")[-1] in names]


def array(entry: dict[str, Any]) -> np.ndarray:
    return np.reshape(entry["values"], entry["shape"])


def same(got: Any, expected: Any) -> None:
    got = got.detach().numpy() if isinstance(got, torch.Tensor) else got
    np.testing.assert_allclose(got, np.asarray(expected), rtol=1e-9, atol=1e-9)


def leaf(values: Any) -> torch.Tensor:
    return torch.tensor(np.asarray(values, float), requires_grad=True)


# -- against PyTorch --------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("case", LAYERS, ids=lambda c: c["id"])
def test_a_layer_is_that_of_pytorch(case: dict[str, Any]) -> None:
    given, expected = case["inputs"], case["expected"]
    module = getattr(nn, case["source"].split(".")[-1])(**case["config"])
    assert list(module.state_dict()) == list(given["state"])
    module.load_state_dict({k: array(v) for k, v in given["state"].items()})
    inputs = [leaf(array(x)) for x in given["x"]]
    outputs = [module(x) for x in inputs]
    (outputs[1] * torch.tensor(array(given["cotangent"]))).sum().backward()
    for y, recorded_y in zip(outputs, expected["y"], strict=True):
        same(y, array(recorded_y))
    same(inputs[1].grad, array(expected["dx"]))
    for name, p in module.named_parameters():
        same(p.grad, array(expected["gradients"][name]))
    for name, value in module.state_dict().items():
        same(value, array(expected["state"][name]))
    same(module.eval()(inputs[1]), array(expected["y_eval"]))


@pytest.mark.parametrize("case", [c for c in LAYERS if "AvgPool" not in c["source"]], ids=lambda c: c["id"])
def test_a_layer_prints_as_that_of_pytorch(case: dict[str, Any]) -> None:
    config = {k: tuple(v) if isinstance(v, list) else v for k, v in case["config"].items()}
    assert repr(getattr(nn, case["source"].split(".")[-1])(**config)) == case["expected"]["repr"]


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("case", of("losses", LOSSES), ids=lambda c: c["id"])
def test_a_loss_is_that_of_pytorch(case: dict[str, Any]) -> None:
    config = dict(case["config"])
    if "weight" in config:
        config["weight"] = torch.tensor(np.asarray(config["weight"]))
    pred, target = leaf(case["inputs"]["pred"]), torch.tensor(np.asarray(case["inputs"]["target"]))
    loss = getattr(nn, case["source"].split(".")[-1])(**config)(pred, target)
    same(loss, case["expected"]["loss"])
    loss.sum().backward()
    same(pred.grad, case["expected"]["dpred"])


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("case", of("optimizers", OPTIMIZERS), ids=lambda c: c["id"])
def test_an_optimizer_is_that_of_pytorch(case: dict[str, Any]) -> None:
    given = {k: np.asarray(v) for k, v in case["inputs"].items()}
    w = leaf(given["w0"])
    config = {k: tuple(v) if isinstance(v, list) else v for k, v in case["config"].items()}
    optimizer = getattr(optim, case["source"].split(".")[-1])([w], **config)
    path = []
    for _ in case["expected"]["trajectory"]:
        d = w.detach()
        w.grad = torch.tensor(given["H"]) @ d + torch.tensor(given["b"]) + 0.3 * torch.sin(3 * d)
        optimizer.step()
        path.append(w.detach().numpy())
    same(path, case["expected"]["trajectory"])


# -- gradients --------------------------------------------------------------------------------------------------------


def test_gradients_accumulate_until_they_are_zeroed() -> None:
    w = leaf([1.0, 2.0])
    for times in (1, 2, 3):
        (w * w).sum().backward()
        assert w.grad is not None
        assert w.grad.tolist() == [2.0 * times, 4.0 * times]
    optimizer = optim.SGD([w], lr=0.1)
    optimizer.zero_grad(set_to_none=False)
    assert w.grad.tolist() == [0, 0]
    optimizer.zero_grad()
    assert w.grad is None


def test_gradients_of_a_loss_that_was_looked_at_before() -> None:
    w = leaf([1.0, 2.0])
    hidden = w * w
    assert hidden.tolist() == [1, 4]
    loss = (hidden * hidden.detach()).sum()
    assert loss.item() == 17
    loss.backward()
    assert w.grad.tolist() == [2.0, 16.0]


def test_gradients_do_not_flow_through_what_is_detached_or_made_under_no_grad() -> None:
    w = leaf([3.0])
    with torch.no_grad():
        kept = w * 2
    assert not kept.requires_grad
    (w * w.detach() + kept * w).sum().backward()
    assert w.grad.tolist() == [3.0 + 6.0]

    @torch.no_grad()
    def double() -> torch.Tensor:
        return w * 2

    assert not double().requires_grad
    with torch.inference_mode():
        assert not (w * 2).requires_grad


def test_what_is_made_from_results_without_gradients_still_counts() -> None:
    w = leaf([1.0, -2.0])
    out = w * 3
    mask = (out > 0).float()
    (out * mask).sum().backward()
    assert w.grad.tolist() == [3.0, 0.0]


def test_gradients_of_results_and_of_chosen_leaves() -> None:
    w, v = leaf([2.0]), leaf([5.0])
    hidden = w * v
    found = torch.autograd.grad((hidden * hidden).sum(), [hidden, v])
    assert [f.tolist() for f in found] == [[20.0], [40.0]]
    assert w.grad is None


@pytest.mark.parametrize("seed", [[1.0, 10.0], [0.0, 0.0]], ids=["weights", "zeros"])
def test_a_gradient_may_be_given_whatever_its_numbers(seed: list[float]) -> None:
    w = leaf([2.0, 3.0])
    (w * w).backward(torch.tensor(seed))
    (found,) = torch.autograd.grad(w * w, w, torch.tensor(seed))
    assert w.grad.tolist() == found.tolist() == [4.0 * seed[0], 6.0 * seed[1]]


def test_a_gradient_of_zero_is_a_gradient() -> None:
    w = leaf([2.0, 3.0])
    (w * w).sum().backward(torch.tensor(0.0))
    assert w.grad.tolist() == [0.0, 0.0]


def test_two_leaves_that_began_as_one() -> None:
    w = leaf([2.0])
    copy = nn.Parameter(w.data)
    (w * 3 + copy * 5).sum().backward()
    assert (w.grad.tolist(), copy.grad.tolist()) == ([3.0], [5.0])


def test_backward_twice_needs_retain_graph() -> None:
    w = leaf([1.0])
    loss = (w * w).sum()
    loss.backward(retain_graph=True)
    loss.backward()
    assert w.grad.tolist() == [4.0]
    with pytest.raises(ArgumentError, match="retain_graph=True"):
        loss.backward()


@pytest.mark.slow
def test_a_long_chain_has_gradients() -> None:
    w = leaf([1.0])
    x = w
    for _ in range(1200):
        x = x + w
    x.sum().backward()
    assert w.grad.tolist() == [1201.0]


@pytest.mark.parametrize(
    ("attempt", "message"),
    [
        (lambda w: (w * w).backward(), "one number"),
        (lambda w: w.detach().sum().backward(), "requires_grad=True"),
        (lambda w: (w * w).sum().backward(create_graph=True), "create_graph"),
        (lambda w: w.add_(1), "no_grad"),
        (lambda w: w.numpy(), "detach"),
        (lambda w: torch.ones(2, 3) @ torch.ones(2), "matmul was given tensors of shapes"),
        (lambda w: (w * 2).__setitem__(slice(0, 1), torch.ones(5)), "shapes"),
        (lambda w: torch.ones(2).cuda(), "no GPU"),
        (lambda w: torch.ones(2, dtype=torch.float64), "set_default_dtype"),
        (lambda w: torch.foo, "torch.foo is not part"),
        (lambda w: nn.Linaer, "did you mean nn.Linear"),
        (lambda w: F.rellu, "did you mean F.relu"),
        (lambda w: optim.Adamm, "did you mean optim.Adam"),
        (lambda w: w.summ(), "Tensor.summ is not part"),
        (lambda w: optim.Adam([]), "no parameters"),
        (lambda w: optim.Adam([w], lrr=1), "lrr"),
        (lambda w: optim.Adam([w * 2]), "leaves"),
    ],
    ids=range(17),
)
def test_errors_say_what_to_do(attempt: Any, message: str) -> None:
    with pytest.raises((CaviarError, AttributeError), match=message):
        attempt(leaf([1.0, 2.0]))


# -- tensors ----------------------------------------------------------------------------------------------------------

X = np.array([[0.5, -1.0, 2.0], [1.5, 0.25, -0.75]], "float32")
TABLE = [
    (lambda x: x.sum(), X.sum()),
    (lambda x: x.sum(1, keepdim=True), X.sum(1, keepdims=True)),
    (lambda x: torch.mean(x, dim=0), X.mean(0)),
    (lambda x: x.var(), X.var(ddof=1)),
    (lambda x: x.std(0, unbiased=False), X.std(0)),
    (lambda x: x.max(), X.max()),
    (lambda x: x.max(1).values, X.max(1)),
    (lambda x: torch.min(x, 1)[1], X.argmin(1)),
    (lambda x: x.argmax(-1), X.argmax(-1)),
    (lambda x: torch.max(x, torch.zeros(3)), np.maximum(X, 0)),
    (lambda x: x.norm(), np.linalg.norm(X)),
    (lambda x: x.cumsum(1), X.cumsum(1)),
    (lambda x: x.clamp(min=0), X.clip(0)),
    (lambda x: torch.clamp(x, -0.5, 0.5), X.clip(-0.5, 0.5)),
    (lambda x: torch.where(x > 0, x, 0.0), np.where(X > 0, X, 0)),
    (lambda x: 1 - x, 1 - X),
    (lambda x: 2 / (x + 3), 2 / (X + 3)),
    (lambda x: x**2, X**2),
    (lambda x: 2**x, 2**X),
    (lambda x: -x.abs(), -np.abs(X)),
    (lambda x: (x > 0) & (x < 1), (X > 0) & (X < 1)),
    (lambda x: x.view(-1), X.reshape(-1)),
    (lambda x: x.reshape(3, 2).T, X.reshape(3, 2).T),
    (lambda x: x.unsqueeze(1).squeeze(), X),
    (lambda x: x.permute(1, 0), X.T),
    (lambda x: x.t() @ x, X.T @ X),
    (lambda x: torch.cat([x, x], dim=1), np.concatenate([X, X], 1)),
    (lambda x: torch.stack((x, x)), np.stack([X, X])),
    (lambda x: torch.einsum("ij,kj->ik", x, x), X @ X.T),
    (lambda x: x.chunk(2, 1)[1], X[:, 2:]),
    (lambda x: x.split([1, 2], dim=1)[1], X[:, 1:]),
    (lambda x: x[1], X[1]),
    (lambda x: x[:, -1], X[:, -1]),
    (lambda x: x[0, 1:], X[0, 1:]),
    (lambda x: x[..., None, ::2], X[..., None, ::2]),
    (lambda x: x[x > 0], X[X > 0]),
    (lambda x: x[torch.tensor([1, 0]), torch.tensor([2, 0])], X[[1, 0], [2, 0]]),
    (lambda x: x[[1, 0], 1:], X[[1, 0], 1:]),
    (lambda x: x.expand(2, 2, 3), np.broadcast_to(X, (2, 2, 3))),
    (lambda x: x.repeat(2, 1), np.tile(X, (2, 1))),
    (lambda x: x.sort(1, descending=True)[0], -np.sort(-X, 1)),
    (lambda x: x.topk(2).values, -np.sort(-X, 1)[:, :2]),
    (lambda x: x.long(), X.astype(int)),
    (lambda x: x.masked_fill(x < 0, -math.inf), np.where(X < 0, -np.inf, X)),
    (lambda x: x.gather(1, torch.tensor([[2], [0]])), X[[[0], [1]], [[2], [0]]]),
    (lambda x: x.softmax(1).sum(1), np.ones(2)),
    (lambda x: (x == x).all(), np.array(True)),
    (lambda x: torch.arange(2, 8, 2), np.arange(2, 8, 2)),
    (lambda x: torch.linspace(0, 1, 5), np.linspace(0, 1, 5)),
    (lambda x: torch.eye(2), np.eye(2)),
    (lambda x: torch.full((2,), 7), np.full(2, 7)),
    (lambda x: x.flatten(), X.ravel()),
    (lambda x: torch.outer(x[0], x[1]), np.outer(X[0], X[1])),
]


@pytest.mark.parametrize(("compute", "expected"), TABLE, ids=range(len(TABLE)))
def test_a_tensor_computes_as_an_array_does(compute: Any, expected: np.ndarray) -> None:
    got = compute(torch.tensor(X))
    assert got.shape == np.shape(expected)
    np.testing.assert_allclose(got.numpy(), expected, rtol=1e-6)


def test_types_are_reported_by_pytorchs_names() -> None:
    assert torch.tensor([1.0]).dtype == torch.float32 == torch.get_default_dtype()
    assert torch.tensor([1]).dtype == torch.long == torch.int64
    assert torch.tensor([True]).dtype == torch.bool
    assert torch.ones(2).long().dtype is torch.int64
    assert torch.ones(2).half().dtype is torch.float16
    assert (torch.tensor([1]) * 0.5).dtype is torch.float32
    assert torch.ones(2, 3).shape == torch.Size([2, 3]) == (2, 3)
    assert torch.ones(2, 3).size(-1) == 3


def test_writing_in_place() -> None:
    x = torch.zeros(2, 3)
    x[0] = 1
    x[:, 1] = torch.tensor([5.0, 6.0])
    x[x > 4] += 10
    x[1, 2] -= 1
    x += 1
    x.mul_(2).sub_(1)
    assert x.tolist() == [[3, 31, 3], [1, 33, -1]]
    row = x[0]
    row.fill_(0)
    x.view(-1)[5] = 9
    assert x.tolist() == [[0, 0, 0], [1, 33, 9]]
    x.zero_()
    assert row.tolist() == [0, 0, 0]
    y = x.clone()
    y.copy_(torch.ones(3))
    assert (x.sum().item(), y.sum().item()) == (0, 6)


def test_detached_tensors_share_their_values() -> None:
    w = leaf([1.0, 2.0])
    w.data.add_(1)
    w.detach()[0] = 7
    assert w.tolist() == [7, 3]
    with torch.no_grad():
        w -= 1
    w.data = w.data * 2
    assert w.tolist() == [12, 4]
    assert w.requires_grad
    assert w.is_leaf


def test_gradients_flow_through_writing() -> None:
    w = leaf([1.0, 2.0])
    x = torch.zeros(3)
    x[1:] = w * 2
    (x * x).sum().backward()
    assert w.grad.tolist() == [8.0, 16.0]


def test_tensors_print_as_in_pytorch() -> None:
    assert repr(torch.tensor([1.0, 2.0])) == "tensor([1., 2.])"
    assert repr(torch.tensor(0.5)) == "tensor(0.5000)"
    assert repr(torch.tensor([[1, 20], [3, 4]])) == "tensor([[ 1, 20],\n        [ 3,  4]])"
    assert repr(torch.tensor([1.5], requires_grad=True)) == "tensor([1.5000], requires_grad=True)"
    assert f"{torch.tensor(3.14159):.2f}" == "3.14"


def test_random_numbers_repeat_after_a_seed() -> None:
    def draw() -> list[Any]:
        torch.manual_seed(3)
        return [torch.rand(2), torch.randn(2), torch.randint(0, 9, (2,)), torch.randperm(5), F.dropout(torch.ones(50))]

    assert all(torch.equal(a, b) for a, b in zip(draw(), draw(), strict=True))
    drawn = F.dropout(torch.ones(2000), 0.25)
    assert sorted(set(drawn.tolist())) == pytest.approx([0, 4 / 3])
    assert abs((drawn == 0).float().mean().item() - 0.25) < 0.05


# -- nothing compiles twice -------------------------------------------------------------------------------------------


def test_the_same_operations_compile_once_whatever_the_numbers() -> None:
    x = torch.arange(100).float()
    assert x[3] == 3

    def use(i: int) -> float:
        part = x[i : i + 10] * (0.5 + i)
        return float((part / 3 + i).sum())

    use(0)
    with compiles() as count:
        assert use(20) == pytest.approx(sum((n * 20.5) / 3 + 20 for n in range(20, 30)), rel=1e-5)
    assert count() == 0


# -- modules ----------------------------------------------------------------------------------------------------------


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(4, 4) for _ in range(2)])
        self.norm = nn.BatchNorm1d(4)
        self.scale = nn.Parameter(torch.ones(4))
        self.register_buffer("offset", torch.zeros(4))
        self.heads = nn.ModuleDict({"out": nn.Linear(4, 2, bias=False)})

    def forward(self, x: Any) -> Any:
        for layer in self.layers:
            x = F.relu(layer(x))
        return self.heads["out"](self.norm(x) * self.scale + self.offset)


def test_names_of_parameters_and_state_are_pytorchs() -> None:
    net = Net()
    assert [n for n, _ in net.named_parameters()] == [
        "scale", "layers.0.weight", "layers.0.bias", "layers.1.weight", "layers.1.bias", "norm.weight", "norm.bias",
        "heads.out.weight",
    ]  # fmt: skip
    assert list(net.state_dict()) == [
        "scale", "offset", "layers.0.weight", "layers.0.bias", "layers.1.weight", "layers.1.bias", "norm.weight",
        "norm.bias", "norm.running_mean", "norm.running_var", "norm.num_batches_tracked", "heads.out.weight",
    ]  # fmt: skip
    assert [n for n, _ in net.named_modules()] == ["", "layers", "layers.0", "layers.1", "norm", "heads", "heads.out"]
    assert net.state_dict()["norm.num_batches_tracked"].dtype == torch.long


def test_modes_hooks_and_apply() -> None:
    net, seen = Net(), []
    assert not net.eval().norm.training
    assert net.train().norm.training
    hook = net.norm.register_forward_hook(lambda module, args, output: seen.append(output.shape))
    net(torch.ones(3, 4))
    hook.remove()
    net(torch.ones(3, 4))
    assert seen == [(3, 4)]
    net.apply(lambda m: nn.Linear in type(m).__mro__ and m.weight.data.fill_(0.5))
    assert net.layers[1].weight.unique().tolist() == [0.5]
    net.requires_grad_(False)
    assert not any(p.requires_grad for p in net.parameters())


def test_a_state_dict_that_does_not_fit_is_refused() -> None:
    net = Net()
    state = net.state_dict()
    lacking = {k: v for k, v in state.items() if k != "scale"}
    with pytest.raises(ArgumentError, match="missing scale"):
        net.load_state_dict(lacking)
    assert net.load_state_dict(lacking, strict=False).missing_keys == ["scale"]
    with pytest.raises(ShapeError, match="offset"):
        net.load_state_dict({**state, "offset": torch.ones(5)})


def test_saving_and_loading(tmp_path: Path) -> None:
    net, other = Net(), Net()
    optimizer = optim.Adam(net.parameters())
    net(torch.randn(3, 4)).sum().backward()
    optimizer.step()
    torch.save({"model": net.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3}, tmp_path / "all.pt")
    loaded = torch.load(tmp_path / "all.pt")
    other.load_state_dict(loaded["model"])
    again = optim.Adam(other.parameters(), lr=0.5)
    again.load_state_dict(loaded["optimizer"])
    x = torch.randn(3, 4)
    for module, own in ((net, optimizer), (other, again)):
        own.zero_grad()
        module(x).sum().backward()
        own.step()
    assert loaded["epoch"] == 3
    assert all(torch.equal(a, b) for a, b in zip(net.parameters(), other.parameters(), strict=True))
    (tmp_path / "pickle.pt").write_bytes(b"PK\x03\x04...")
    with pytest.raises(FileError, match="pickle"):
        torch.load(tmp_path / "pickle.pt")


@pytest.mark.parametrize("lazy", [nn.LazyLinear(3), nn.LazyBatchNorm1d()], ids=["linear", "norm"])
def test_lazy_modules_learn_their_size(lazy: Any) -> None:
    lazy(torch.ones(5, 4))
    assert lazy.weight.shape[-1] == 4
    assert len(list(lazy.parameters())) == 2


@pytest.mark.parametrize("make", [lambda: nn.Linear(64, 200), lambda: nn.Conv2d(16, 50, 2)], ids=["linear", "conv"])
def test_parameters_begin_as_pytorchs_do(make: Any) -> None:
    module = make()
    bound = 1 / math.sqrt(64)
    for p in module.parameters():
        values = p.detach().numpy()
        assert np.abs(values).max() <= bound
        assert np.abs(values).max() > 0.9 * bound
        assert abs(values.mean()) < 0.2 * bound
