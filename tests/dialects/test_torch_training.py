"""Loops in PyTorch's words: one program a step, nothing compiled twice, and the same numbers as caviar's own training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from compiles import compiles
from conftest import DATA

import caviar
import caviar.dialects.torch as torch
import caviar.dialects.torch.nn.functional as F
from caviar.dialects.torch import nn, optim
from caviar.dialects.torch.utils.data import DataLoader, Dataset, Subset, TensorDataset, random_split
from caviar.errors import ArgumentError
from caviar.recording import recorder, stepwise
from caviar.recording.tree import Path as Structure

rng = np.random.default_rng(1)
X, Y = rng.normal(size=(20, 4)), rng.normal(size=(20, 2))


def network(*more: Any) -> nn.Sequential:
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), *more, nn.Linear(8, 2))


def data(dtype: Any = None) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.tensor(X, dtype=dtype or torch.get_default_dtype()), torch.tensor(
        Y, dtype=dtype or torch.get_default_dtype()
    )


@pytest.fixture
def programs(monkeypatch: pytest.MonkeyPatch) -> list[Structure]:
    """The structures that were run as programs, in order; they are compiled at their first time already."""
    monkeypatch.setattr(stepwise, "_TIMES", 0)
    ran: list[Structure] = []
    compiled = recorder.compiled

    def noted(structure: Structure, *args: Any) -> Any:
        ran.append(structure)
        return compiled(structure, *args)

    monkeypatch.setattr(recorder, "compiled", noted)
    return ran


def rounds(step: Any, programs: list[Structure], times: int = 4) -> list[int]:
    """How many programs each round ran; from the second on nothing may compile."""
    counts = []
    step()
    for i in range(times):
        before = len(programs)
        with compiles() as compiled:
            step()
        assert (i, compiled()) == (i, 0)
        counts.append(len(programs) - before)
    return counts


# -- one program a step -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("look", [False, True], ids=["unseen", "looked at"])
def test_a_step_is_one_program(programs: list[Structure], look: bool) -> None:
    torch.manual_seed(0)
    model, loader = network(nn.BatchNorm1d(8), nn.Dropout(0.2)), DataLoader(TensorDataset(*data()), 10, shuffle=True)
    optimizer, criterion = optim.Adam(model.parameters()), nn.MSELoss()
    scheduler = optim.lr_scheduler.StepLR(optimizer, 1, 0.5)
    seen: list[float] = []

    def epoch() -> None:
        for xb, yb in loader:
            optimizer.zero_grad()
            loss = criterion(model(xb), yb)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            if look:
                seen.append(loss.item())
        scheduler.step()

    assert rounds(epoch, programs) == [2] * 4
    assert not recorder.recorder().calls
    assert optimizer.param_groups[0]["lr"] == pytest.approx(1e-3 * 0.5**5)
    assert len(seen) == 10 * look


def test_a_loss_looked_at_before_the_step_makes_two_programs(programs: list[Structure]) -> None:
    model, (x, y) = network(), data()
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    seen = []

    def step() -> None:
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), y)
        seen.append(loss.item())
        loss.backward()
        optimizer.step()

    assert rounds(step, programs) == [2] * 4
    assert seen == sorted(seen, reverse=True)


def test_descent_by_hand_is_one_program_a_step(programs: list[Structure]) -> None:
    w, (x, y) = torch.zeros(4, 2, requires_grad=True), data()
    assert (x + y.sum()).sum().item()
    losses = []

    def step() -> None:
        loss = ((x @ w - y) ** 2).mean()
        loss.backward()
        with torch.no_grad():
            w.sub_(0.1 * w.grad)
            w.grad = None
        losses.append(loss.detach())

    step()
    assert rounds(step, programs) == [1] * 4
    values = [float(loss) for loss in losses]
    assert values == sorted(values, reverse=True)


def test_gradients_that_accumulate_for_ever_do_not_grow_the_program(programs: list[Structure]) -> None:
    w = torch.ones(3, requires_grad=True)
    optimizer = optim.SGD([w], lr=0.0)

    def step() -> None:
        (w * 2).sum().backward()
        optimizer.step()

    for _ in range(3):
        step()
    assert rounds(step, programs) == [1] * 4
    assert w.grad.tolist() == [16.0] * 3


def test_gradients_can_be_looked_at_after_the_step(programs: list[Structure]) -> None:
    model, (x, y) = network(), data()
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    before = model[0].weight.detach().numpy()

    def step() -> float:
        optimizer.zero_grad()
        F.mse_loss(model(x), y).backward()
        optimizer.step()
        return float(model[0].weight.grad.norm())

    step()
    np.testing.assert_allclose(before - 0.1 * model[0].weight.grad.numpy(), model[0].weight.detach().numpy(), rtol=1e-5)
    step()
    assert rounds(step, programs) == [1] * 4  # the step with its gradients; their norm is computed at once


def test_asking_without_training_is_computed_at_once(programs: list[Structure]) -> None:
    model, loader = network(), DataLoader(TensorDataset(*data()), 5)

    def evaluate() -> float:
        model.eval()
        total = torch.tensor(0.0)
        with torch.no_grad():
            for xb, yb in loader:
                total += F.mse_loss(model(xb), yb, reduction="sum")
        return float(total)

    assert rounds(evaluate, programs) == [0] * 4
    x, y = data()
    assert evaluate() == pytest.approx(float(((model(x) - y) ** 2).sum()), rel=1e-5)


def test_what_nobody_looks_at_runs_now_and_then(programs: list[Structure]) -> None:
    x = torch.zeros(1)
    w = torch.ones(1, requires_grad=True)
    for _ in range(1500):
        x = x + w
    assert len(programs) == 1
    assert x.item() == 1500


def test_dropout_draws_anew_every_step_and_again_in_the_backward() -> None:
    x = torch.ones(40, requires_grad=True)
    masks = []
    for _ in range(2):
        out = F.dropout(x, 0.5)
        mask = out.detach().numpy()
        x.grad = None
        out.sum().backward()
        assert (x.grad.numpy() == mask).all()
        masks.append(mask)
    assert (masks[0] != masks[1]).any()


# -- optimizers -------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("float64")
def test_parameters_without_gradients_rest_and_their_steps_are_not_counted() -> None:
    def descend(optimizer_of: Any, moves: str) -> list[float]:
        weights = [torch.tensor([1.0], requires_grad=True) for _ in "ab"]
        optimizer = optimizer_of(weights)
        for move in moves:
            for w, name in zip(weights, "ab", strict=True):
                w.grad = torch.tensor([2.0]) * w.detach() if move in (name, "c") else None
            optimizer.step()
        return [w.item() for w in weights]

    adam = lambda weights: optim.Adam(weights, lr=0.1)  # noqa: E731
    together, apart = descend(adam, "cacbc"), [descend(adam, "cccc")[0], descend(adam, "cccc")[1]]
    assert together == pytest.approx(apart, rel=1e-12)


def test_groups_have_numbers_of_their_own(programs: list[Structure]) -> None:
    model, (x, y) = network(), data()
    optimizer = optim.SGD([{"params": model[0].parameters()}, {"params": model[2].parameters(), "lr": 0.0}], lr=0.1)
    first, last = model[0].weight.clone(), model[2].weight.clone()
    F.mse_loss(model(x), y).backward()
    optimizer.step()
    assert not torch.equal(first, model[0].weight)
    assert torch.equal(last, model[2].weight)
    with pytest.raises(ArgumentError, match="more than one group"):
        optimizer.add_param_group({"params": model[0].weight})
    optimizer.add_param_group({"params": torch.ones(2, requires_grad=True)})
    assert [g["lr"] for g in optimizer.param_groups] == [0.1, 0.0, 0.1]


def test_a_closure_is_called_and_maximizing_goes_up() -> None:
    w = torch.tensor([1.0], requires_grad=True)
    optimizer = optim.SGD([w], lr=0.5, maximize=True)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = (w * 3).sum()
        loss.backward()
        return loss

    assert optimizer.step(closure).item() == 3
    assert w.item() == 2.5


@pytest.mark.usefixtures("float64")
def test_clipping_gradients() -> None:
    w, v = torch.ones(2, requires_grad=True), torch.ones(1, requires_grad=True)
    (w * 2 + v).sum().backward()
    norm = nn.utils.clip_grad_norm_([w, v], 1.0)
    assert norm.item() == pytest.approx(12**0.5)
    assert w.grad.tolist() == pytest.approx([2 / (12**0.5 + 1e-6)] * 2, rel=1e-12)
    nn.utils.clip_grad_value_([w, v], 0.1)
    assert w.grad.tolist() == [0.1, 0.1]


def test_old_values_survive_a_step() -> None:
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    optimizer = optim.Adam([w], lr=0.1)
    for _ in range(3):
        before, array = w.clone(), w.detach().numpy()
        (w * w).sum().backward()
        optimizer.step()
        assert before.tolist() == array.tolist() != w.tolist()


# -- with the rest of caviar ------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW"])
def test_the_loop_and_fit_are_the_same_training(name: str) -> None:
    torch.manual_seed(0)
    model, other = network(nn.BatchNorm1d(8)), network(nn.BatchNorm1d(8))
    other.load_state_dict(model.state_dict())
    optimizer, losses = getattr(optim, name)(model.parameters(), lr=0.05), []
    for _ in range(3):
        total = 0.0
        for xb, yb in DataLoader(TensorDataset(*data()), 8):
            optimizer.zero_grad()
            loss = F.mse_loss(model(xb), yb)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(xb)
        losses.append(total / len(X))
    same = {"SGD": {}, "Adam": {"epsilon": 1e-8, "epsilon_at": "outside"}}
    arguments = {**same, "AdamW": {**same["Adam"], "weight_decay": 0.01}}[name]
    other.compile(getattr(caviar.optimizers, name)(0.05, **arguments), "mse")
    history = other.fit(X, Y, batch_size=8, epochs=3, shuffle=False, verbose=0)
    np.testing.assert_allclose(losses, history.history["loss"], rtol=1e-9)
    for key, value in model.state_dict().items():
        if key != "2.num_batches_tracked":
            np.testing.assert_allclose(value.numpy(), other.state_dict()[key].numpy(), rtol=1e-9, err_msg=key)


@pytest.mark.usefixtures("float64")
def test_a_module_predicts_and_saves_as_a_model_does(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, other = network(nn.Dropout()), network(nn.Dropout())
    model.eval()
    expected = model(data()[0]).detach().numpy()
    np.testing.assert_allclose(model.predict(X, verbose=0), expected, rtol=1e-5)
    model.save_weights(tmp_path / "weights")
    other.load_weights(tmp_path / "weights")
    np.testing.assert_allclose(other.predict(X, verbose=0), expected, rtol=1e-5)
    model.summary()
    assert "58" in capsys.readouterr().out.split("Total parameters")[1].split("(")[0]
    model.save(tmp_path / "model")
    classes = {kind.__name__: kind for kind in (nn.Sequential, nn.Linear, nn.ReLU, nn.Dropout)}
    again = caviar.models.load_model(tmp_path / "model", custom_objects=classes)
    np.testing.assert_allclose(again.eval()(data()[0]).detach().numpy(), expected, rtol=1e-5)


@pytest.mark.usefixtures("float64")
def test_a_module_is_a_layer_among_caviars() -> None:
    linear = nn.Linear(4, 2)
    mixed = caviar.Sequential([caviar.layers.Dense(4, input_dim=4), linear])
    mixed.compile("sgd", "mse")
    before = linear.weight.detach().numpy()
    mixed.fit(X, Y, verbose=0)
    assert not np.array_equal(before, linear.weight.detach().numpy())
    x = caviar.Input((4,))
    model = caviar.Model(x, linear(x))
    np.testing.assert_allclose(model.predict(X, verbose=0), linear(data()[0]).detach().numpy(), rtol=1e-5)


def test_a_module_of_ones_own_fits() -> None:
    class Residual(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.ModuleList([nn.Linear(4, 4), nn.Linear(4, 4)])
            self.out = nn.LazyLinear(2)
            self.scale = nn.Parameter(torch.ones(4))

        def forward(self, x: Any) -> Any:
            for layer in self.layers:
                x = x + F.relu(layer(x)) * self.scale
            return self.out(x.view(x.size(0), -1))

    model = nn.Sequential(Residual(), nn.Dropout(0.1), nn.Softmax(1))
    model(data()[0])
    model.compile(caviar.optimizers.Adam(0.01), "mse")
    losses = model.fit(X, Y, epochs=20, verbose=0).history["loss"]
    assert losses[-1] < losses[0]  # by more than dropout's noise
    assert abs(float(model[0].scale.mean()) - 1) > 1e-4


@pytest.mark.usefixtures("float64")
def test_a_model_of_caviars_trains_in_a_loop() -> None:
    layers = caviar.layers
    model = caviar.Sequential([layers.Dense(8, "relu", input_dim=4), layers.BatchNormalization(), layers.Dense(2)])
    twin = caviar.Sequential([layers.Dense(8, "relu", input_dim=4), layers.BatchNormalization(), layers.Dense(2)])
    model.build((None, 4))
    twin.build((None, 4))
    twin.set_weights(model.get_weights())
    module = torch.from_caviar(model)
    optimizer, losses = optim.Adam(module.parameters(), lr=0.05), []
    x, y = data()
    for _ in range(3):
        optimizer.zero_grad()
        loss = F.mse_loss(module(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    twin.compile(caviar.optimizers.Adam(0.05, epsilon=1e-8, epsilon_at="outside"), "mse")
    history = twin.fit(X, Y, batch_size=20, epochs=3, shuffle=False, verbose=0)
    np.testing.assert_allclose(losses, history.history["loss"], rtol=1e-9)
    for a, b in zip(model.get_weights(), twin.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


# -- data -------------------------------------------------------------------------------------------------------------


def test_batches_hold_every_row_once() -> None:
    x, y = torch.arange(10), torch.arange(10) * 2
    for options, sizes in (({}, [4, 4, 2]), ({"drop_last": True}, [4, 4]), ({"shuffle": True}, [4, 4, 2])):
        loader = DataLoader(TensorDataset(x, y), batch_size=4, **options)
        batches = list(loader)
        assert [len(a) for a, _ in batches] == sizes
        assert len(loader) == len(sizes)
        assert all((b == 2 * a).all() for a, b in batches)
        if "drop_last" not in options:
            assert sorted(torch.cat([a for a, _ in batches]).tolist()) == list(range(10))


def test_datasets_of_ones_own_are_collated() -> None:
    class Squares(Dataset):
        def __len__(self) -> int:
            return 5

        def __getitem__(self, i: int) -> Any:
            return {"x": torch.tensor([float(i)]), "y": i * i}

    batch = next(iter(DataLoader(Squares(), batch_size=3)))
    assert batch["x"].shape == (3, 1)
    assert batch["y"].tolist() == [0, 1, 4]
    parts = random_split(Squares(), [0.6, 0.4])
    assert sorted(p["y"] for part in parts for p in part) == [0, 1, 4, 9, 16]
    subset = DataLoader(Subset(TensorDataset(torch.arange(5)), [4, 2]), batch_size=2)
    assert [b.tolist() for (b,) in subset] == [[4, 2]]


# -- what people write ------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("float64")
def test_a_session_prints_what_pytorch_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """Two networks against each other, accumulation, recurrence, descent by hand, convolutions, sampling, two networks."""
    source = (DATA / "torch_session.py").read_text()
    for line, new in (
        ("import torch\n", "import caviar.dialects.torch as torch\n"),
        ("import torch.nn", "import caviar.dialects.torch.nn"),
        ("from torch", "from caviar.dialects.torch"),
    ):
        source = source.replace(line, new)
    exec(compile(source, "session", "exec"), {"__name__": "session"})
    assert capsys.readouterr().out == (DATA / "torch_session.txt").read_text()
