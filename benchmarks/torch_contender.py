"""PyTorch as a good user of it writes a loop on a CPU.

The data are tensors from the start and a batch is a slice of one permuted copy an epoch (a DataLoader is slower).
Adam is the fused one, images are channels-last, losses are read once an epoch: each the fastest of what was tried.
Initial weights, Adam's epsilon and the batch-norm constants are Keras', so that all train the same problem.
"""

from __future__ import annotations

import contextlib
import importlib
import itertools
import os
from collections.abc import Callable
from typing import Any

from benchmarks.rows import Row, Search, Tune

torch: Any = importlib.import_module(os.environ.get("BENCHMARK_TORCH", "torch"))  # or caviar's dialect: the same loop
nn: Any = torch.nn


class _LSTM(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.dense = nn.LSTM(32, 64, batch_first=True), nn.Linear(64, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.dense(self.lstm(x)[1][0][0])


def _dense(*sizes: int, dropout: float = 0.0) -> nn.Module:
    layers: list[nn.Module] = []
    for inputs, outputs in itertools.pairwise(sizes[:-1]):
        layers += [nn.Linear(inputs, outputs), nn.ReLU(), *([nn.Dropout(dropout)] if dropout else [])]
    return nn.Sequential(*layers, nn.Linear(*sizes[-2:]))


def _cnn() -> nn.Module:
    constants = {"eps": 1e-3, "momentum": 0.01}
    return nn.Sequential(
        *(nn.Conv2d(3, 32, 3), nn.ReLU(), nn.BatchNorm2d(32, **constants), nn.MaxPool2d(2)),
        *(nn.Conv2d(32, 64, 3), nn.ReLU(), nn.BatchNorm2d(64, **constants), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(14 * 14 * 64, 128), nn.ReLU(), nn.BatchNorm1d(128, **constants), nn.Linear(128, 10)),
    ).to(memory_format=torch.channels_last)


def _cnn_digits() -> nn.Module:
    return nn.Sequential(
        *(nn.Conv2d(1, 16, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3), nn.ReLU()),
        *(nn.Flatten(), nn.Linear(32, 10)),
    ).to(memory_format=torch.channels_last)


_NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "mlp_small": lambda: _dense(10, 32, 32, 32, 16, 8, 1),
    "mlp_wide": lambda: _dense(784, 512, 512, 10, dropout=0.2),
    "cnn": _cnn,
    "lstm": _LSTM,
    "cnn_digits": _cnn_digits,
}


def _initialize(model: nn.Module) -> None:
    """Glorot's uniform kernels, orthogonal recurrent ones, zero biases but for the forget gate's."""
    for name, weight in model.named_parameters():
        if weight.dim() > 1:
            (nn.init.orthogonal_ if "weight_hh" in name else nn.init.xavier_uniform_)(weight)
        elif "bias" in name:
            nn.init.zeros_(weight)
        if "bias_ih" in name:
            nn.init.ones_(weight.detach()[64:128])


def _tensors(row: Row) -> tuple[torch.Tensor, torch.Tensor]:
    x, y = (torch.from_numpy(array) for array in row.data())
    if x.dim() == 4:
        x = x.permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)
    if row.classes:
        y = (y if y.dim() == 1 else y.argmax(1)).long()
    return x, y


def _loss(row: Row, model: nn.Module, l2: float, bf16: bool) -> Callable[..., tuple[torch.Tensor, torch.Tensor | None]]:
    """A function of a batch: its loss, and how many of it are right where the row asks for accuracy."""
    compare = nn.functional.cross_entropy if row.classes else nn.functional.mse_loss
    kernels = [m.weight for m in model.modules() if isinstance(m, nn.Linear)]
    decayed = kernels[:-1] if row.network == "mlp_small" and row.decays else []

    def loss(x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        with torch.autocast("cpu", torch.bfloat16) if bf16 else contextlib.nullcontext():
            output = model(x)
            value = compare(output, y)
        for kernel in decayed:
            value = value + l2 * kernel.square().sum()
        return value, (output.argmax(1) == y).sum() if row.metrics else None

    return loss


def make(row: Row, compiled: bool = False, bf16: bool = False) -> Callable[[int], float]:
    """`compiled`: forward and backward pass through torch.compile; `bf16`: products under autocast."""
    return _fitting(row, *_tensors(row), compiled=compiled, bf16=bf16)


def search(row: Search) -> Tune:
    """A loop over the members, which share the tensors."""
    data = _tensors(row)

    def train(values: dict[str, Any]) -> float:
        return _fitting(row, *data, **values)(row.epochs)

    return row.one_by_one(train)


def _fitting(
    row: Row,
    x: torch.Tensor,
    y: torch.Tensor,
    learning_rate: float = 1e-3,
    l2: float = 0.01,
    compiled: bool = False,
    bf16: bool = False,
) -> Callable[[int], float]:
    model = _NETWORKS[row.network]()
    _initialize(model)
    fused = {} if row.loader else {"fused": True}
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate, eps=1e-7, **fused)
    loss = _loss(row, model, l2, bf16)
    loss = torch.compile(loss, dynamic=False) if compiled else loss

    dataset = torch.utils.data.TensorDataset(x, y)
    loader = torch.utils.data.DataLoader(dataset, batch_size=row.batch, shuffle=True)

    def batches() -> Any:
        if row.loader:
            return loader
        order = torch.randperm(len(x))
        return zip(x[order].split(row.batch), y[order].split(row.batch), strict=True)

    def epoch() -> float:
        total, right = torch.zeros(()), torch.zeros(())
        for batch, targets in batches():
            optimizer.zero_grad(set_to_none=True)
            value, correct = loss(batch, targets)
            value.backward()
            optimizer.step()
            total += value.detach() * len(batch)
            if correct is not None:
                right += correct
        return total.item() / len(x)

    def fit(epochs: int) -> float:
        model.train()
        return [epoch() for _ in range(epochs)][-1]

    return fit
