"""PyTorch's first values: their fans, bounds and deviations are those of theory, and a seed repeats them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

import caviar.dialects.torch as torch
from caviar.dialects.torch import nn
from caviar.dialects.torch.nn import init
from caviar.errors import CaviarError

SHAPE = (60, 20, 5, 5)  # fans: 500 in, 1500 out
RELU, LEAKY = math.sqrt(2), math.sqrt(2 / 1.04)
UNIFORM: dict[str, tuple[Any, float]] = {
    "uniform_": (lambda w: init.uniform_(w, -0.5, 0.5), 0.5),
    "xavier_uniform_": (init.xavier_uniform_, math.sqrt(6 / 2000)),
    "xavier_uniform_, gain": (lambda w: init.xavier_uniform_(w, 2.0), 2 * math.sqrt(6 / 2000)),
    "kaiming_uniform_": (init.kaiming_uniform_, RELU * math.sqrt(3 / 500)),
    "kaiming_uniform_, out": (lambda w: init.kaiming_uniform_(w, 0.2, "fan_out"), LEAKY * math.sqrt(3 / 1500)),
    "kaiming_uniform_, as layers begin": (lambda w: init.kaiming_uniform_(w, a=math.sqrt(5)), math.sqrt(1 / 500)),
}
NORMAL: dict[str, tuple[Any, float]] = {
    "normal_": (lambda w: init.normal_(w, 0.0, 0.1), 0.1),
    "xavier_normal_": (init.xavier_normal_, math.sqrt(2 / 2000)),
    "kaiming_normal_": (lambda w: init.kaiming_normal_(w, nonlinearity="relu"), math.sqrt(2 / 500)),
    "kaiming_normal_, out": (lambda w: init.kaiming_normal_(w, mode="fan_out", nonlinearity="tanh"), 5 / 3 / math.sqrt(1500)),
}  # fmt: skip
FIXED: dict[str, Any] = {
    "constant_": (lambda w: init.constant_(w, 0.25), np.full((2, 3), 0.25)),
    "ones_": (init.ones_, np.ones((2, 3))),
    "zeros_": (init.zeros_, np.zeros((2, 3))),
    "eye_": (init.eye_, np.eye(2, 3)),
}


def drawn(fill: Any, *shape: int) -> np.ndarray:
    torch.manual_seed(0)
    w = nn.Parameter(torch.ones(*(shape or SHAPE)))
    assert fill(w) is w
    assert (w.requires_grad, w.is_leaf, w.dtype) == (True, True, torch.float32)
    return w.detach().numpy()


@pytest.mark.parametrize("name", UNIFORM)
def test_a_uniform_has_its_bounds(name: str) -> None:
    fill, bound = UNIFORM[name]
    assert stats.kstest(drawn(fill).ravel() / bound, stats.uniform(-1, 2).cdf).pvalue > 1e-3


@pytest.mark.parametrize("name", NORMAL)
def test_a_normal_has_its_deviation(name: str) -> None:
    fill, std = NORMAL[name]
    assert stats.kstest(drawn(fill).ravel() / std, stats.norm.cdf).pvalue > 1e-3


@pytest.mark.parametrize(("a", "b"), [(-2.0, 2.0), (-0.5, 1.0), (0.5, 3.0)])
def test_a_truncated_normal_is_one_given_its_range(a: float, b: float) -> None:
    values = drawn(lambda w: init.trunc_normal_(w, 0.2, 0.8, a, b)).ravel()
    expected = stats.truncnorm((a - 0.2) / 0.8, (b - 0.2) / 0.8, 0.2, 0.8)
    assert a <= values.min() <= values.max() <= b
    assert stats.kstest(values, expected.cdf).pvalue > 1e-3


@pytest.mark.parametrize("name", FIXED)
def test_what_is_not_by_chance(name: str) -> None:
    fill, expected = FIXED[name]
    assert np.array_equal(drawn(fill, 2, 3), expected)


@pytest.mark.parametrize("shape", [(3, 5), (5, 3), (4, 2, 3)], ids=str)
def test_orthogonal_weights_keep_lengths(shape: tuple[int, ...]) -> None:
    matrix = drawn(lambda w: init.orthogonal_(w, 2.0), *shape).reshape(shape[0], -1)
    small = matrix if shape[0] <= matrix.shape[1] else matrix.T
    np.testing.assert_allclose(small @ small.T, 4 * np.eye(len(small)), atol=1e-5)


def test_directions_of_orthogonal_weights_are_uniform() -> None:
    torch.manual_seed(0)
    signs = [np.sign(init.orthogonal_(torch.empty(2, 2)).numpy()[0, 0]) for _ in range(400)]
    assert abs(np.mean(signs)) < 0.2


def test_sparse_weights_have_as_many_zeros_in_every_column() -> None:
    matrix = drawn(lambda w: init.sparse_(w, 0.25, 2.0), 50, 80)
    assert (np.sum(matrix == 0, 0) == 13).all()
    assert len(np.unique(np.argmin(matrix == 0, 0))) > 1
    assert matrix[matrix != 0].std() == pytest.approx(2, rel=0.1)


@pytest.mark.parametrize(("groups", "channels"), [(1, 3), (2, 2)])
def test_dirac_kernels_hand_on_their_inputs(groups: int, channels: int) -> None:
    conv = nn.Conv2d(channels * groups, 4 * groups, 3, padding=1, groups=groups, bias=False)
    init.dirac_(conv.weight, groups)
    x = torch.randn(2, channels * groups, 6, 6)
    out = conv(x).detach().numpy()
    for g in range(groups):
        np.testing.assert_allclose(
            out[:, 4 * g : 4 * g + channels], x.numpy()[:, channels * g : channels * (g + 1)], atol=1e-6
        )
        assert not out[:, 4 * g + channels : 4 * (g + 1)].any()


def test_a_seed_repeats_and_a_generator_is_apart() -> None:
    fills = [f for f, _ in (*UNIFORM.values(), *NORMAL.values())] + [init.trunc_normal_, init.orthogonal_]
    for fill in fills:
        assert np.array_equal(drawn(fill), drawn(fill))
    one, other = (init.normal_(torch.empty(5), generator=torch.Generator().manual_seed(3)) for _ in "ab")
    assert torch.equal(one, other)
    torch.manual_seed(1)
    first = torch.rand(3)
    torch.manual_seed(1)
    init.uniform_(torch.empty(9), generator=torch.Generator().manual_seed(3))
    assert torch.equal(torch.rand(3), first)


def test_generators_where_numbers_are_drawn() -> None:
    def draw() -> list[Any]:
        g = torch.Generator(device="cpu").manual_seed(7)
        return [
            torch.rand(3, generator=g), torch.randn(3, generator=g), torch.randint(9, (4,), generator=g),
            torch.randperm(8, generator=g), torch.normal(0.0, 2.0, (3,), generator=g),
        ]  # fmt: skip

    assert all(torch.equal(a, b) for a, b in zip(draw(), draw(), strict=True))
    assert torch.Generator().manual_seed(5).initial_seed() == 5
    assert torch.Generator().initial_seed() != torch.Generator().initial_seed()


def test_a_model_is_filled_by_apply() -> None:
    def begin(module: Any) -> None:
        if isinstance(module, nn.Linear):
            init.xavier_normal_(module.weight)
            init.zeros_(module.bias)

    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)).apply(begin)
    assert not model[2].bias.detach().numpy().any()
    model(torch.ones(1, 3)).sum().backward()
    assert model[0].weight.grad is not None


@pytest.mark.parametrize(
    ("name", "param", "gain"),
    [("linear", None, 1), ("conv2d", None, 1), ("sigmoid", None, 1), ("tanh", None, 5 / 3), ("relu", None, RELU),
     ("leaky_relu", None, math.sqrt(2 / 1.0001)), ("leaky_relu", 0.2, LEAKY), ("selu", None, 0.75)],
)  # fmt: skip
def test_gains(name: str, param: Any, gain: float) -> None:
    assert init.calculate_gain(name, param) == pytest.approx(gain, rel=1e-15)


@pytest.mark.parametrize(
    ("attempt", "message"),
    [
        (lambda: init.xavier_normal_(torch.ones(3)), "no fans"),
        (lambda: init.kaiming_normal_(torch.ones(3, 3), mode="fan_inn"), "did you mean 'fan_in'"),
        (lambda: init.calculate_gain("gelu"), "nonlinearity"),
        (lambda: init.eye_(torch.ones(3)), "eye_ fills matrices"),
        (lambda: init.sparse_(torch.ones(3), 0.5), "sparse_ fills matrices"),
        (lambda: init.dirac_(torch.ones(3, 3)), "kernels"),
        (lambda: init.trunc_normal_(torch.ones(3), a=2.0, b=1.0), "no values"),
        (lambda: init.xavier_uniform, "did you mean nn.init.xavier_uniform_"),
    ],
    ids=range(8),
)
def test_errors_say_what_to_do(attempt: Any, message: str) -> None:
    with pytest.raises((CaviarError, AttributeError), match=message):
        attempt()


def test_the_public_list_is_exact_and_documented() -> None:
    own = {n for n, v in vars(init).items() if getattr(v, "__module__", "") == init.__name__ and n[0] != "_"}
    assert own == set(init.__all__)
    assert all(getattr(init, name).__doc__ for name in own)


@pytest.mark.parametrize(
    "module", [(torch.nn.Linear, 64, 400), (torch.nn.Conv1d, 16, 400, 4)], ids=["Linear", "Conv1d"]
)
def test_a_modules_first_weights_lie_within_the_inverse_root_of_the_fan_in(module: Any) -> None:
    torch.manual_seed(0)
    kind, *sizes = module
    made = kind(*sizes)
    for weights in (made.weight, made.bias):
        drawn = weights.detach().numpy()
        assert 0.97 / 8 < abs(drawn).max() <= 1 / 8
        assert drawn.std() == pytest.approx(1 / 8 / np.sqrt(3), rel=0.1)
