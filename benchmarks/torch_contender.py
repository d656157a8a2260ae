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

from benchmarks.rows import Made, Row, Search, Tune

torch: Any = importlib.import_module(os.environ.get("BENCHMARK_TORCH", "torch"))  # or caviar's dialect: the same loop
nn: Any = torch.nn


class _Last(nn.Module):
    """A recurrent layer, of which the last output of each direction goes on."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        last = self.layer(x)[1]
        last = last[0] if isinstance(last, tuple) else last
        return torch.cat([last[-2], last[-1]], 1) if self.layer.bidirectional else last[-1]


class _TransformerBlock(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(64, 4, batch_first=True)
        self.wide, self.narrow = nn.Linear(64, 256), nn.Linear(256, 64)
        self.first, self.second = nn.LayerNorm(64, eps=1e-3), nn.LayerNorm(64, eps=1e-3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.first(x + self.attention(x, x, x, need_weights=False)[0])
        return self.second(x + self.narrow(torch.relu(self.wide(x))))


class _Over(nn.Module):
    """A function of an axis: its mean, or its maximum."""

    def __init__(self, function: Any, axes: Any) -> None:
        super().__init__()
        self.function, self.axes = function, axes

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.function(x, self.axes)


class _Swapped(nn.Module):
    """Channels before places, as PyTorch's convolutions want them."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.transpose(1, 2)


class _ResidualBlock(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Sequential(
            *(nn.Conv2d(16, 16, 3, padding=1), nn.BatchNorm2d(16, **_BN), nn.ReLU()),
            *(nn.Conv2d(16, 16, 3, padding=1), nn.BatchNorm2d(16, **_BN)),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(x + self.inner(x))


_BN = {"eps": 1e-3, "momentum": 0.01}


def _repeated(count: int, sizes: tuple[int, int], norm: Callable[[], nn.Module]) -> nn.Module:
    """As often: dense, normalized, relu, dropout; and one unit at the end."""
    layers: list[nn.Module] = []
    for i in range(count):
        layers += [nn.Linear(sizes[0] if i == 0 else sizes[1], sizes[1]), norm(), nn.ReLU(), nn.Dropout(0.1)]
    return nn.Sequential(*layers, nn.Linear(sizes[1], 1))


def _residual_cnn() -> nn.Module:
    first = nn.Conv2d(3, 16, 3, padding=1), nn.BatchNorm2d(16, **_BN), nn.ReLU()
    last = _Over(torch.mean, (2, 3)), nn.Linear(16, 10)
    return nn.Sequential(*first, _ResidualBlock(), _ResidualBlock(), *last).to(memory_format=torch.channels_last)


def _dense(*sizes: int, dropout: float = 0.0) -> nn.Module:
    layers: list[nn.Module] = []
    for inputs, outputs in itertools.pairwise(sizes[:-1]):
        layers += [nn.Linear(inputs, outputs), nn.ReLU(), *([nn.Dropout(dropout)] if dropout else [])]
    return nn.Sequential(*layers, nn.Linear(*sizes[-2:]))


def _cnn() -> nn.Module:
    return nn.Sequential(
        *(nn.Conv2d(3, 32, 3), nn.ReLU(), nn.BatchNorm2d(32, **_BN), nn.MaxPool2d(2)),
        *(nn.Conv2d(32, 64, 3), nn.ReLU(), nn.BatchNorm2d(64, **_BN), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(14 * 14 * 64, 128), nn.ReLU(), nn.BatchNorm1d(128, **_BN), nn.Linear(128, 10)),
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
    "lstm": lambda: nn.Sequential(_Last(nn.LSTM(32, 64, batch_first=True)), nn.Linear(64, 1)),
    "mlp_large": lambda: _dense(256, 1024, 1024, 1024, 10),
    "autoencoder": lambda: nn.Sequential(_dense(784, 128, 32, 128, 784), nn.Sigmoid()),
    "blocks": lambda: _repeated(12, (32, 64), lambda: nn.BatchNorm1d(64, **_BN)),
    "tabular": lambda: _repeated(3, (30, 128), lambda: nn.LayerNorm(128, eps=1e-3)),
    "softmax_regression": lambda: nn.Linear(64, 10),
    "transformer": lambda: nn.Sequential(
        *(nn.Embedding(1000, 64), _TransformerBlock(), _TransformerBlock()), *(_Over(torch.mean, 1), nn.Linear(64, 2))
    ),
    "residual_cnn": _residual_cnn,
    "bilstm": lambda: nn.Sequential(
        nn.Embedding(1000, 32), _Last(nn.LSTM(32, 32, batch_first=True, bidirectional=True)), nn.Linear(64, 2)
    ),
    "gru": lambda: nn.Sequential(_Last(nn.GRU(8, 32, num_layers=2, batch_first=True)), nn.Linear(32, 1)),
    "text_cnn": lambda: nn.Sequential(
        *(nn.Embedding(2000, 32), _Swapped(), nn.Conv1d(32, 64, 5), nn.ReLU()),
        *(_Over(torch.amax, 2), nn.Linear(64, 2)),
    ),
    "cnn_digits": _cnn_digits,
}


def _initialize(model: nn.Module) -> None:
    """Glorot's uniform kernels, orthogonal recurrent ones, zero biases but for the forget gate's."""
    for name, weight in model.named_parameters():
        if weight.dim() > 1:
            (nn.init.orthogonal_ if "weight_hh" in name else nn.init.xavier_uniform_)(weight)
        elif "bias" in name:
            nn.init.zeros_(weight)
    for layer in model.modules():
        for name, bias in layer.named_parameters(recurse=False) if isinstance(layer, nn.LSTM) else ():
            if "bias_ih" in name:
                nn.init.ones_(bias.detach()[layer.hidden_size : 2 * layer.hidden_size])
        if isinstance(layer, nn.Embedding):
            nn.init.uniform_(layer.weight, -0.05, 0.05)


def _inputs(x: Any) -> torch.Tensor:
    x = torch.from_numpy(x)
    if x.dim() == 4:
        return x.permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)
    return x if x.is_floating_point() else x.long()


def _tensors(row: Row) -> tuple[torch.Tensor, torch.Tensor]:
    x, y = row.data()
    x, y = _inputs(x), torch.from_numpy(y)
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


def make(row: Row, compiled: bool = False, bf16: bool = False) -> Made:
    """`compiled`: forward and backward pass through torch.compile; `bf16`: products under autocast."""
    return _fitting(row, *_tensors(row), compiled=compiled, bf16=bf16)


def search(row: Search) -> Tune:
    """A loop over the members, which share the tensors."""
    data = _tensors(row)

    def train(values: dict[str, Any]) -> float:
        return _fitting(row, *data, **values).fit(row.epochs)

    return row.one_by_one(train)


def _fitting(
    row: Row,
    x: torch.Tensor,
    y: torch.Tensor,
    learning_rate: float = 1e-3,
    l2: float = 0.01,
    compiled: bool = False,
    bf16: bool = False,
) -> Made:
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

    network = torch.compile(model) if compiled else model

    def predict(x: Any) -> Any:
        model.eval()
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16) if bf16 else contextlib.nullcontext():
            return torch.cat([network(part).float() for part in _inputs(x).split(row.batch)]).numpy()

    return Made(fit, predict)
