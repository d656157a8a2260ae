"""Handwritten digits in PyTorch's words: an ordinary training script, on scikit-learn's 1797 real scans.

It runs under PyTorch as well, when its three import lines are changed to

    import torch
    from torch import nn
    from torch.utils.data import DataLoader, TensorDataset, random_split
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from sklearn.datasets import load_digits

import caviar.dialects.torch as torch
from caviar.dialects.torch import nn
from caviar.dialects.torch.utils.data import DataLoader, TensorDataset, random_split


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(2),
        )  # fmt: skip
        self.dropout = nn.Dropout(0.3)
        self.out = nn.Linear(64 * 2 * 2, 10)
        nn.init.xavier_uniform_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.out(self.dropout(torch.flatten(self.features(x), 1)))


def train(
    model: nn.Module, loader: DataLoader, criterion: nn.Module, optimizer: torch.optim.Optimizer, scheduler: object
) -> float:
    model.train()
    total = 0.0
    for images, labels in loader:
        optimizer.zero_grad()
        loss = criterion(model(images), labels)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        scheduler.step()
        total += loss.item() * len(labels)
    return total / len(loader.dataset)


def accuracy(model: nn.Module, loader: DataLoader) -> float:
    model.eval()
    right = 0
    with torch.no_grad():
        for images, labels in loader:
            right += (model(images).argmax(dim=1) == labels).sum().item()
    return right / len(loader.dataset)


def main() -> None:
    torch.manual_seed(0)
    digits = load_digits()
    images = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 16
    labels = torch.tensor(digits.target, dtype=torch.long)
    parts = random_split(TensorDataset(images, labels), [0.8, 0.2], generator=torch.Generator().manual_seed(0))
    train_loader = DataLoader(parts[0], batch_size=32, shuffle=True)
    test_loader = DataLoader(parts[1], batch_size=128)

    model, epochs = Net(), 15
    criterion = nn.CrossEntropyLoss(label_smoothing=0.05)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, weight_decay=1e-4)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=5e-3, epochs=epochs, steps_per_epoch=len(train_loader)
    )
    print(model)

    start = time.perf_counter()
    for epoch in range(epochs):
        loss = train(model, train_loader, criterion, optimizer, scheduler)
        rate = scheduler.get_last_lr()[0]
        print(f"epoch {epoch + 1:2d}  loss {loss:.4f}  accuracy {accuracy(model, test_loader):.4f}  rate {rate:.6f}")
    print(f"trained for {time.perf_counter() - start:.1f} s")

    path = Path(tempfile.gettempdir()) / "digits.pt"
    torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": epochs}, path)
    again = Net()
    again.load_state_dict(torch.load(path)["model"])
    path.unlink()
    print(f"accuracy {accuracy(model, test_loader):.4f}, loaded again {accuracy(again, test_loader):.4f}")


if __name__ == "__main__":
    main()
