"""PyTorch's optimizers: one table of members under every contract, then what PyTorch itself recorded."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from compiles import compiles
from conftest import recorded

import caviar.dialects.torch as torch
from caviar.dialects.torch import nn, optim
from caviar.errors import ArgumentError, CaviarError

MEMBERS: dict[str, dict[str, Any]] = {
    "ASGD": {"t0": 2.0},
    "SGD": {"momentum": 0.9, "weight_decay": 0.1},
    "Adadelta": {},
    "Adafactor": {"weight_decay": 0.1},
    "Adagrad": {"lr_decay": 0.1},
    "Adam": {"amsgrad": True},
    "AdamW": {},
    "Adamax": {},
    "Muon": {},
    "NAdam": {},
    "RAdam": {},
    "RMSprop": {"centered": True, "momentum": 0.9},
    "Rprop": {},
}
member = pytest.mark.parametrize("name", MEMBERS)


def leaf(values: Any) -> torch.Tensor:
    return torch.tensor(np.asarray(values, torch.get_default_dtype().numpy), requires_grad=True)


def weights() -> list[torch.Tensor]:
    return [leaf([[1.0, -2.0], [0.5, 3.0]]), leaf([[0.3, -0.7]])]


def descend(optimizer: Any, params: Any, steps: int = 1, scheduler: Any = None, sign: int = 1) -> list[float]:
    """The numbers after so many steps down a hilly function of two matrices."""
    w, v = params
    for _ in range(steps):
        optimizer.zero_grad()
        loss = (w**2).sum() * 0.5 + torch.sin(3 * w @ v.reshape(-1)).sum() + torch.cos(2 * v).sum()
        (sign * loss).backward()
        optimizer.step()
        if scheduler is not None:
            scheduler.step()
    return [x for p in params for x in p.detach().reshape(-1).tolist()]


# -- every optimizer --------------------------------------------------------------------------------------------------


def test_the_public_list_is_exact_and_documented() -> None:
    kinds = {n for n, v in vars(optim).items() if isinstance(v, type) and issubclass(v, optim.Optimizer)}
    assert kinds == {*MEMBERS, "Optimizer"}
    assert set(optim.__all__) == kinds | {"lr_scheduler", "swa_utils"}
    assert all(getattr(optim, name).__doc__ for name in kinds)


@member
def test_the_second_step_compiles_nothing_nor_do_other_numbers(name: str) -> None:
    params = weights()
    optimizer = getattr(optim, name)(params, **MEMBERS[name])
    descend(optimizer, params, 2)
    group = optimizer.param_groups[0]
    floats = [k for k, v in type(optimizer).defaults.items() if isinstance(v, float) and group[k]]
    with compiles() as count:
        for option in floats:
            group[option] *= 0.9
            descend(optimizer, params)
        if "betas" in group:
            group["betas"] = (0.8, 0.99)
            descend(optimizer, params)
        for option in floats:  # a schedule may reach 0
            group[option] = 0.0
        descend(optimizer, params)
    assert count() == 0


@pytest.mark.usefixtures("float64")
@member
def test_a_state_dict_resumes_exactly(name: str, tmp_path: Path) -> None:
    params, more = weights(), weights()
    optimizer = getattr(optim, name)(params, **MEMBERS[name])
    descend(optimizer, params, 3)
    torch.save({"weights": params, "optimizer": optimizer.state_dict()}, tmp_path / "state.pt")
    again = getattr(optim, name)(more, lr=7.0)
    loaded = torch.load(tmp_path / "state.pt")
    again.load_state_dict(loaded["optimizer"])
    for p, values in zip(more, loaded["weights"], strict=True):
        p.data = values
    assert again.param_groups[0]["lr"] == optimizer.param_groups[0]["lr"]
    assert descend(again, more, 3) == descend(optimizer, params, 3)


@pytest.mark.usefixtures("float64")
@member
def test_maximizing_is_minimizing_the_opposite(name: str) -> None:
    up, down = weights(), weights()
    ends = descend(getattr(optim, name)(up, maximize=True), up, 3, sign=-1)
    assert ends == pytest.approx(descend(getattr(optim, name)(down), down, 3), rel=1e-12)


@pytest.mark.usefixtures("float64")
@member
def test_groups_have_options_of_their_own(name: str) -> None:
    kind, params = getattr(optim, name), weights()
    optimizer = kind([{"params": [params[0]], "lr": 0.03}, {"params": params[1]}], lr=0.2)
    one, other = weights(), weights()
    separate = [kind([one[0]], lr=0.03), kind([one[1]], lr=0.2)]
    for _ in range(3):
        gradients = [torch.tensor([[0.5, -1.0], [2.0, 0.1]]), torch.tensor([[1.0, -3.0]])]
        for p, q, gradient in zip(params, one, gradients, strict=True):
            p.grad, q.grad = gradient, gradient
        optimizer.step()
        for alone in separate:
            alone.step()
    for p, q, start in zip(params, one, other, strict=True):
        np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), rtol=1e-12)
        assert not torch.equal(p, start)


@member
def test_switches_for_other_machines_change_nothing(name: str) -> None:
    ends = []
    for switches in ({}, {"foreach": True, "fused": False, "capturable": False, "differentiable": False}):
        params = weights()
        ends.append(descend(getattr(optim, name)(params, **switches), params, 2))
    assert ends[0] == ends[1]


@member
def test_every_group_prints_its_options(name: str) -> None:
    text = repr(getattr(optim, name)(weights(), lr=0.25))
    assert text.startswith(f"{name} (\nParameter Group 0\n")
    assert "    lr: 0.25\n" in text


# -- against PyTorch --------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("case", [c for c in recorded("optimizers") if "torch" in c["source"]], ids=lambda c: c["id"])
def test_a_recorded_trajectory(case: dict[str, Any]) -> None:
    given = {k: np.asarray(v) for k, v in case["inputs"].items()}
    config = {k: tuple(v) if isinstance(v, list) else v for k, v in case["config"].items()}
    w, path = leaf(given["w0"]), []
    optimizer = getattr(optim, case["source"].split(".")[-1])([w], **config)
    for i in range(len(case["expected"]["trajectory"])):
        at = w.detach()
        if "gradients" in given:
            w.grad = torch.tensor(given["gradients"][i])
        else:
            w.grad = torch.tensor(given["H"]) @ at + torch.tensor(given["b"]) + 0.3 * torch.sin(3 * at)
        optimizer.step()
        path.append(w.detach().numpy())
    np.testing.assert_allclose(path, case["expected"]["trajectory"], rtol=0, atol=1e-9)
    if "averaged" in case["expected"]:
        np.testing.assert_allclose(optimizer.state[w]["ax"].numpy(), case["expected"]["averaged"], rtol=0, atol=1e-9)


# PyTorch 2.13 in float64, eight steps of `descend` with ExponentialLR(optimizer, 0.8), which ASGD goes without.
ENDS = [
    ("SGD", {"lr": 0.1, "maximize": True, "momentum": 0.5, "weight_decay": 0.1},
     [1.797546918808, -3.521403579105, 1.215197493692, 4.602371523709, -0.106181726218, 0.744180547855]),
    ("Adam", {"lr": 0.1, "maximize": True, "weight_decay": 0.1, "amsgrad": True},
     [1.418763395731, -2.41809617544, 0.829882230495, 3.39991474315, 0.477374961996, -0.610348492848]),
    ("Adam", {"lr": 0.1, "weight_decay": 0.2, "decoupled_weight_decay": True},
     [0.534925054328, -1.456387068183, 0.105504915983, 2.37271378824, -0.049368035401, -1.041869863805]),
    ("AdamW", {"lr": 0.1, "amsgrad": True},
     [0.593762226267, -1.57806390922, 0.132592601576, 2.581288291251, -0.094769290326, -1.043564203734]),
    ("NAdam", {"lr": 0.1, "weight_decay": 0.2, "decoupled_weight_decay": True, "momentum_decay": 0.01},
     [0.629687158218, -1.543490807924, 0.199354966595, 2.467896657545, 0.059481636325, -0.972745215532]),
    ("NAdam", {"lr": 0.1, "weight_decay": 0.2},
     [0.685840729917, -1.661987808936, 0.238502901569, 2.632734917109, 0.005722183081, -0.977443803871]),
    ("RAdam", {"lr": 0.1, "weight_decay": 0.2, "betas": (0.8, 0.9)},
     [0.569190790775, -1.301074470444, 0.148090749878, 2.477078446024, 0.127592555954, -2.61314248924]),
    ("RAdam", {"lr": 0.1, "weight_decay": 0.2, "decoupled_weight_decay": True},
     [0.579069278551, -1.288199413703, 0.158045879838, 2.43760059359, 0.106666675072, -2.602816765379]),
    ("Adamax", {"lr": 0.1, "weight_decay": 0.2},
     [0.646557673635, -1.593775243858, 0.207505671191, 2.651425741755, -0.038790393329, -1.005834623741]),
    ("Adafactor", {"lr": 0.1, "weight_decay": 0.3},
     [0.602298560095, -1.38304595682, -0.349364810431, 2.378189187756, 0.400921895085, -0.836961666201]),
    ("Adafactor", {"lr": 0.1, "eps": (0.0001, 0.01), "d": 2.0, "beta2_decay": -0.7},
     [0.530812363825, -1.366115636248, -0.312971885897, 2.467510656839, 0.446371669151, -0.941302575674]),
    ("Rprop", {"lr": 0.1, "etas": (0.4, 1.3), "step_sizes": (0.001, 0.2)},
     [0.081, -1.0818, 0.2202, 1.601, -1.099, -1.5172412]),
    ("RMSprop", {"lr": 0.1, "centered": True, "weight_decay": 0.1, "maximize": True},
     [3.858651991252, -4.877721022943, 1.321926587796, 6.343073132668, 0.380371516668, -0.665331618635]),
    ("RMSprop", {"lr": 0.1, "momentum": 0.9},
     [1.514693441537, 3.980822713516, -8.306776460814, -4.520224381213, -8.923057124779, -2.749494292761]),
    ("SGD", {"lr": 0.1, "dampening": 0.5},
     [0.614723909464, -1.01651723572, 0.261827639919, 1.989668805922, 0.270938772352, -1.326855551241]),
    ("Adagrad", {"lr": 0.1, "lr_decay": 0.1},
     [0.781857991769, -1.766740090411, 0.307690265646, 2.759232563069, 0.083196325486, -0.91029412265]),
    ("ASGD", {"lr": 0.1, "t0": 2.0, "lambd": 0.1},
     [0.205933354165, 0.422797370159, 0.157435939806, 1.218804472167, 0.312920534081, -1.271810692496]),
]  # fmt: skip


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize(("name", "options", "end"), ENDS, ids=lambda v: str(v) if isinstance(v, (str, dict)) else "")
def test_a_descent_under_a_schedule(name: str, options: dict[str, Any], end: list[float]) -> None:
    params = [leaf([[1.0, -2.0], [0.5, 3.0]]), leaf([0.3, -0.7])]
    optimizer = getattr(optim, name)(params, **options)
    scheduler = None if name == "ASGD" else optim.lr_scheduler.ExponentialLR(optimizer, 0.8)
    np.testing.assert_allclose(descend(optimizer, params, 8, scheduler), end, rtol=0, atol=1e-9)


KEPT = {
    "SGD": ["momentum_buffer"], "Adam": ["exp_avg", "exp_avg_sq", "max_exp_avg_sq"], "AdamW": ["exp_avg", "exp_avg_sq"],
    "Adamax": ["exp_avg", "exp_inf"], "NAdam": ["exp_avg", "exp_avg_sq", "mu_product"], "RAdam": ["exp_avg", "exp_avg_sq"],
    "RMSprop": ["square_avg", "grad_avg", "momentum_buffer"], "Rprop": ["prev", "step_size"], "Adagrad": ["sum"],
    "Adadelta": ["square_avg", "acc_delta"], "ASGD": ["ax"], "Adafactor": ["row_var", "col_var"], "Muon": ["momentum_buffer"],
}  # fmt: skip


@member
def test_the_state_is_kept_under_pytorchs_names(name: str) -> None:
    params = weights()
    optimizer = getattr(optim, name)(params, **MEMBERS[name])
    assert optimizer.state == {}
    descend(optimizer, params, 3)
    assert [list(optimizer.state[p]) for p in params] == [["step", *KEPT[name]]] * 2
    assert optimizer.state[params[0]]["step"].item() == 3
    assert list(optimizer.state_dict()["state"]) == [0, 1]


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("adjust", [None, "match_rms_adamw"])
def test_muon_is_what_its_formula_says(adjust: str | None) -> None:
    """Float64 by hand: PyTorch makes the same steps orthogonal in bfloat16."""
    rng = np.random.default_rng(0)
    value, buffer = rng.normal(size=(6, 3)), np.zeros((6, 3))
    w = leaf(value)
    optimizer = optim.Muon([w], lr=0.1, weight_decay=0.2, momentum=0.9, adjust_lr_fn=adjust)
    length = 2**0.5 if adjust is None else 0.2 * 6**0.5
    for _ in range(3):
        gradient = rng.normal(size=(6, 3))
        buffer = 0.9 * buffer + 0.1 * gradient
        x = (0.1 * gradient + 0.9 * buffer).T
        x = x / np.linalg.norm(x)
        for _ in range(5):
            x = 3.4445 * x + (-4.775 * (x @ x.T) + 2.0315 * (x @ x.T) @ (x @ x.T)) @ x
        value = value * (1 - 0.1 * 0.2) - 0.1 * length * x.T
        w.grad = torch.tensor(gradient)
        optimizer.step()
    np.testing.assert_allclose(w.detach().numpy(), value, rtol=0, atol=1e-6)


@pytest.mark.parametrize("ema", [False, True], ids=["mean", "forgetting"])
def test_a_model_of_averages(ema: bool) -> None:
    model, path = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)), []
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    averaged = optim.swa_utils.AveragedModel(model, avg_fn=optim.swa_utils.get_ema_avg_fn(0.9) if ema else None)

    def step() -> None:
        optimizer.zero_grad()
        (model(torch.tensor([[1.0, 2.0], [0.0, 1.0]])) ** 3).sum().backward()
        optimizer.step()
        averaged.update_parameters(model)
        path.append(model[1].bias.detach().numpy())

    for _ in range(3):
        step()
    with compiles() as count:
        step()
    assert count() == 0
    expected = path[0]
    for p in path[1:]:
        expected = 0.9 * expected + 0.1 * p
    np.testing.assert_allclose(
        averaged.module[1].bias.detach().numpy(), expected if ema else np.mean(path, 0), rtol=1e-5
    )
    assert averaged.module[1].running_mean.tolist() == model[1].running_mean.tolist()
    assert averaged.state_dict()["n_averaged"].item() == 4
    assert "module.1.bias" in averaged.state_dict()
    assert averaged(torch.ones(2, 2)).shape == (2, 2)


# -- when options change ----------------------------------------------------------------------------------------------


def test_a_momentum_may_begin_and_end_later() -> None:
    w = leaf([1.0])
    optimizer, path = optim.SGD([w], lr=0.1), []
    for momentum in (0.0, 0.5, 0.5, 0.0, 0.5):
        optimizer.param_groups[0]["momentum"] = momentum
        w.grad = torch.ones(1)
        optimizer.step()
        path.append(w.item())
    assert path == pytest.approx([0.9, 0.8, 0.65, 0.55, 0.4])
    again = optim.SGD([w])
    optimizer.param_groups[0]["momentum"] = 0.0
    again.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    assert again.state[w]["momentum_buffer"].item() == pytest.approx(1.5)


def test_what_was_kept_is_not_lost_without_a_word() -> None:
    params = weights()
    optimizer = optim.RMSprop(params)
    descend(optimizer, params)
    optimizer.param_groups[0]["momentum"] = 0.9
    with pytest.raises(ArgumentError, match="make a new optimizer"):
        descend(optimizer, params)


def test_parameters_that_join_later_count_their_own_steps() -> None:
    w, v = weights()
    optimizer = optim.Adam([w])
    for step in range(3):
        if step == 1:
            optimizer.add_param_group({"params": [v], "lr": 0.5})
        for p in (w, v):
            p.grad = torch.ones(*p.shape)
        optimizer.step()
    assert [optimizer.state[p]["step"].item() for p in (w, v)] == [3, 2]
    again = optim.Adam([{"params": [w]}, {"params": [v]}])
    again.load_state_dict(optimizer.state_dict())
    assert [again.state[p]["step"].item() for p in (w, v)] == [3, 2]
    assert [g["lr"] for g in again.param_groups] == [1e-3, 0.5]


def test_tensors_as_learning_rates_and_arguments_in_order() -> None:
    w = leaf([1.0])
    w.grad = torch.ones(1)
    optim.SGD([w], torch.tensor(0.25), 0.5).step()
    assert w.item() == 0.75
    assert optim.Adam([("name", w)], 0.1, (0.5, 0.6)).param_groups[0]["betas"] == (0.5, 0.6)


@pytest.mark.parametrize(
    ("attempt", "message"),
    [
        (lambda w: optim.LBFGS, "LBFGS is not part.*Adam"),
        (lambda w: optim.SparseAdam, "never sparse"),
        (lambda w: optim.Adamm, "did you mean optim.Adam"),
        (lambda w: optim.SGD([w], lr=-0.1), "maximize=True"),
        (lambda w: optim.Adam([w], betas=(0.9, 1.0)), "below 1"),
        (lambda w: optim.SGD([w], nesterov=True), "nesterov=True needs a momentum"),
        (lambda w: optim.Muon([w]), "Muon moves matrices"),
        (lambda w: optim.Muon([leaf([[1.0]])], adjust_lr_fn="orig"), "did you mean 'original'"),
        (lambda w: optim.SGD([w], 0.1, 0.0, 0.0, 0.0, False, 1, 2), "name the rest"),
        (lambda w: optim.Adam([w]).load_state_dict(stepped(optim.SGD([w], momentum=0.5), w)), "Adam keeps exp_avg"),
        (lambda w: optim.Adam([w]).load_state_dict(optim.Adam([w, leaf([1.0])]).state_dict()), "does not fit"),
    ],
    ids=range(11),
)
def test_errors_say_what_to_do(attempt: Any, message: str) -> None:
    with pytest.raises((CaviarError, AttributeError), match=message):
        attempt(leaf([1.0]))


def stepped(optimizer: Any, w: Any) -> Any:
    w.grad = torch.ones(*w.shape)
    optimizer.step()
    return optimizer.state_dict()
