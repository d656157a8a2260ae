"""PyTorch's datasets, samplers and loaders, and its files."""

from __future__ import annotations

import collections
import io
import pickle
import time
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import caviar
import caviar.dialects.torch as torch
from caviar.dialects.torch import nn, optim
from caviar.dialects.torch.utils import data
from caviar.dialects.torch.utils.data import DataLoader, Dataset, TensorDataset
from caviar.errors import CaviarError, FileError

N = 10
PAIR = collections.namedtuple("PAIR", ["x", "y"])


class Rows(Dataset[int]):
    """Rows of one's own, of whatever kind a function makes of their numbers."""

    def __init__(self, make: Any, n: int = N) -> None:
        self.make, self.n = make, n

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, index: int) -> Any:
        if not 0 <= index < self.n:
            raise IndexError(index)
        return self.make(index)


class Stream(data.IterableDataset):
    """Numbers one after the other."""

    def __iter__(self) -> Any:
        return iter(range(N))


def tensors() -> TensorDataset:
    return TensorDataset(torch.arange(N), torch.arange(N) * 2)


DATASETS: dict[str, Any] = {
    "tensors": tensors,
    "own": lambda: Rows(lambda i: (i, 2 * i)),
    "own, of tensors": lambda: Rows(lambda i: tensors()[i]),
    "own, of arrays": lambda: Rows(lambda i: (np.array(i), np.array(2 * i))),
    "a list": lambda: [(i, 2 * i) for i in range(N)],
    "a subset": lambda: data.Subset(TensorDataset(torch.arange(99), torch.arange(99) * 2), range(N)),
    "a subset of one's own": lambda: data.Subset(Rows(lambda i: (i, 2 * i), 99), range(N)),
    "several": lambda: Rows(lambda i: (i, 2 * i), 4) + Rows(lambda i: (i + 4, 2 * i + 8), N - 4),
}
dataset = pytest.mark.parametrize("name", DATASETS)


def numbers(loader: Any) -> list[list[int]]:
    """The rows of each batch, after seeing that what belongs together is together."""
    batches = list(loader)
    assert all((y == 2 * x).all() for x, y in batches)
    return [x.tolist() for x, _ in batches]


# -- loaders ----------------------------------------------------------------------------------------------------------


@dataset
def test_batches_in_order(name: str) -> None:
    make = DATASETS[name]
    assert numbers(DataLoader(make(), 4)) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert numbers(DataLoader(make(), batch_size=4, drop_last=True)) == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert [len(DataLoader(make(), 4, drop_last=d)) for d in (False, True)] == [3, 2]
    assert len(numbers(DataLoader(make()))) == N


@dataset
def test_shuffled_batches_hold_every_row_once_and_a_generator_repeats_them(name: str) -> None:
    make = DATASETS[name]
    loader = DataLoader(make(), 4, shuffle=True)
    first, second = numbers(loader), numbers(loader)
    assert first != second
    assert sorted(chain(*first)) == sorted(chain(*second)) == list(range(N))
    again = [numbers(DataLoader(make(), 4, shuffle=True, generator=torch.Generator().manual_seed(1))) for _ in "ab"]
    assert again[0] == again[1] != first
    torch.manual_seed(5)
    seeded = numbers(loader)
    torch.manual_seed(5)
    assert numbers(loader) == seeded


@dataset
def test_samplers_choose_the_rows(name: str) -> None:
    make = DATASETS[name]
    backwards = list(range(N))[::-1]
    assert numbers(DataLoader(make(), 4, sampler=backwards)) == [[9, 8, 7, 6], [5, 4, 3, 2], [1, 0]]
    assert numbers(DataLoader(make(), 4, sampler=backwards, drop_last=True)) == [[9, 8, 7, 6], [5, 4, 3, 2]]
    loader = DataLoader(make(), batch_sampler=[[1, 2], [7]])
    assert numbers(loader) == [[1, 2], [7]]
    assert len(loader) == 2
    chosen = data.BatchSampler(data.SubsetRandomSampler([3, 5, 7]), 2, drop_last=False)
    assert sorted(chain(*numbers(DataLoader(make(), batch_sampler=chosen)))) == [3, 5, 7]


@dataset
def test_a_collate_fn_takes_the_samples(name: str) -> None:
    batches = list(DataLoader(DATASETS[name](), 4, collate_fn=lambda rows: [int(x) + int(y) for x, y in rows]))
    assert batches == [[0, 3, 6, 9], [12, 15, 18, 21], [24, 27]]


@dataset
def test_no_batches_at_all(name: str) -> None:
    assert [(int(x), int(y)) for x, y in DataLoader(DATASETS[name](), batch_size=None)] == [
        (i, 2 * i) for i in range(N)
    ]


def test_a_stream_is_cut_into_batches() -> None:
    assert [b.tolist() for b in DataLoader(Stream(), 4)] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert [b.tolist() for b in DataLoader(Stream(), 4, drop_last=True)] == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert list(DataLoader(Stream(), batch_size=None)) == list(range(N))
    with pytest.raises(TypeError):
        len(DataLoader(Stream(), 4))
    assert data.get_worker_info() is None


def test_a_dataset_of_tensors_that_says_itself_what_a_row_is() -> None:
    class Doubled(TensorDataset):
        def __getitem__(self, index: Any) -> Any:
            x, y = super().__getitem__(index)
            return x, y + x * 0

    class Noisy(TensorDataset):
        def __getitem__(self, index: Any) -> Any:
            return self.tensors[0][index] + 100

    assert numbers(DataLoader(Doubled(*tensors().tensors), 5)) == [list(range(5)), list(range(5, 10))]
    assert [b.tolist() for b in DataLoader(data.Subset(Noisy(torch.arange(3)), [2, 0]), 2)] == [[102, 100]]


def test_a_dataset_sees_pythons_ints() -> None:
    seen: list[Any] = []
    rows = Rows(lambda i: seen.append(type(i)) or i)
    for options in ({}, {"shuffle": True}, {"sampler": data.RandomSampler(rows, True)}):
        list(DataLoader(rows, 4, **options))
    assert set(seen) == {int}


def test_writing_into_a_dataset_s_tensor_is_seen() -> None:
    x = torch.zeros(4)
    loader = DataLoader(TensorDataset(x), 4)
    assert next(iter(loader))[0].tolist() == [0] * 4
    x[1] = 7
    assert next(iter(loader))[0].tolist() == [0, 7, 0, 0]


def test_workers_and_pinned_memory_change_nothing() -> None:
    options = {"num_workers": 2, "pin_memory": True, "timeout": 0, "worker_init_fn": None, "prefetch_factor": 2,
               "persistent_workers": True, "pin_memory_device": "", "in_order": True}  # fmt: skip
    assert numbers(DataLoader(tensors(), 4, **options)) == numbers(DataLoader(tensors(), 4))


def test_an_epoch_over_tensors_costs_little() -> None:
    loader = DataLoader(TensorDataset(torch.rand(700, 8), torch.arange(700)), 32, shuffle=True)
    times = []
    for _ in range(20):
        start = time.perf_counter()
        count = sum(1 for _ in loader)
        times.append((time.perf_counter() - start) / count)
    assert min(times) < 100e-6  # 8 us on the machine that it was written on


# -- collating --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "check"),
    [
        (lambda i: i, lambda b: b.tolist() == [0, 1, 2] and b.dtype == torch.int64),
        (lambda i: i / 2, lambda b: b.tolist() == [0, 0.5, 1] and b.dtype == torch.float32),
        (lambda i: i > 1, lambda b: b.tolist() == [False, False, True] and b.dtype == torch.bool),
        (lambda i: np.full((2,), i, "float32"), lambda b: b.shape == (3, 2) and b.dtype == torch.float32),
        (lambda i: np.float32(i), lambda b: b.dtype == torch.float32),
        (lambda i: torch.full((2, 2), i), lambda b: b.shape == (3, 2, 2) and b[2, 0, 0] == 2),
        (lambda i: torch.ones(2) * i, lambda b: b[:, 1].tolist() == [0, 1, 2]),
        (lambda i: f"row {i}", lambda b: b == ["row 0", "row 1", "row 2"]),
        (lambda i: {"x": i, "more": {"y": -i}}, lambda b: b["more"]["y"].tolist() == [0, -1, -2]),
        (lambda i: [i, (i, "a")], lambda b: b[1][0].tolist() == [0, 1, 2] and b[1][1] == ["a"] * 3),
        (lambda i: PAIR(i, 2 * i), lambda b: isinstance(b, PAIR) and b.y.tolist() == [0, 2, 4]),
    ],
    ids=range(11),
)
def test_samples_become_a_batch(make: Any, check: Any) -> None:
    assert check(next(iter(DataLoader(Rows(make), batch_size=3))))


# -- samplers ---------------------------------------------------------------------------------------------------------


def test_random_samplers() -> None:
    assert sorted(data.RandomSampler(range(7))) == list(range(7))
    assert (
        len(data.RandomSampler(range(7), num_samples=3)) == len(list(data.RandomSampler(range(7), num_samples=3))) == 3
    )
    more = list(data.RandomSampler(range(3), num_samples=7))
    assert sorted(more[:3]) == sorted(more[3:6]) == [0, 1, 2]
    anew = list(data.RandomSampler(range(50), replacement=True))
    assert len(set(anew)) < 45
    g = [data.RandomSampler(range(9), generator=torch.Generator().manual_seed(2)) for _ in "ab"]
    assert list(g[0]) == list(g[1]) != list(g[0])
    assert list(data.SequentialSampler(range(3))) == [0, 1, 2]


def test_weighted_samplers() -> None:
    torch.manual_seed(0)
    weights = torch.tensor([1.0, 0.0, 3.0])
    counts = np.bincount(list(data.WeightedRandomSampler(weights, 4000)), minlength=3) / 4000
    assert counts == pytest.approx([0.25, 0.0, 0.75], abs=0.03)
    assert sorted(data.WeightedRandomSampler([1, 0, 3], 2, replacement=False)) == [0, 2]
    labels = np.array([0] * 90 + [1] * 10)
    balanced = data.WeightedRandomSampler(1 / np.bincount(labels)[labels], 1000)
    loader = DataLoader(TensorDataset(torch.tensor(labels)), 100, sampler=balanced)
    assert float(sum(y.float().sum() for (y,) in loader)) / 1000 == pytest.approx(0.5, abs=0.06)


# -- datasets ---------------------------------------------------------------------------------------------------------


def test_parts_of_a_dataset() -> None:
    parts = data.random_split(tensors(), [0.75, 0.25])
    assert [len(p) for p in parts] == [8, 2]
    assert sorted(int(x) for p in parts for x, _ in p) == list(range(N))
    same = [data.random_split(range(9), [4, 5], torch.Generator().manual_seed(3)) for _ in "ab"]
    assert [list(p) for p in same[0]] == [list(p) for p in same[1]]
    assert [x.tolist() for x in data.Subset(tensors(), [5, 6])[[1, 0]]] == [[6, 5], [12, 10]]
    both = data.ConcatDataset([range(3), range(10, 12), []])
    assert (list(both), both[-1], len(both)) == ([0, 1, 2, 10, 11], 11, 5)


@pytest.mark.parametrize(
    ("attempt", "message"),
    [
        (lambda: TensorDataset(torch.ones(2), torch.ones(3)), "same number of rows"),
        (lambda: DataLoader(tensors(), shuffle=True, sampler=[1]), "a sampler decides the order"),
        (lambda: DataLoader(Stream(), shuffle=True), "an IterableDataset decides the order"),
        (lambda: DataLoader(tensors(), 4, batch_sampler=[[1]]), "decides all"),
        (lambda: DataLoader(tensors(), 0), "at least 1"),
        (lambda: DataLoader(tensors(), 4, shufle=True), "takes no shufle"),
        (lambda: data.random_split(range(9), [4, 4]), "do not sum"),
        (lambda: data.WeightedRandomSampler([1.0, -1.0], 3), "at least 0"),
        (lambda: data.WeightedRandomSampler([1.0, 0.0], 2, replacement=False), "without replacement"),
        (lambda: list(DataLoader(Rows(lambda i: np.ones(i)), 3)), r"shapes \(0,\), \(1,\), \(2,\).*collate_fn"),
        (lambda: list(DataLoader(Rows(lambda i: (0,) * i), 3)), "different numbers of entries"),
        (lambda: list(DataLoader(Rows(lambda i: object()), 3)), "gave object"),
        (lambda: Dataset()[0], "needs a `__getitem__"),
        (lambda: iter(data.IterableDataset()), "needs an `__iter__"),
        (lambda: data.DataLoder, "did you mean torch.utils.data.DataLoader"),
    ],
    ids=range(15),
)  # fmt: skip
def test_errors_say_what_to_do(attempt: Any, message: str) -> None:
    with pytest.raises((CaviarError, AttributeError, NotImplementedError), match=message):
        attempt()


# -- files ------------------------------------------------------------------------------------------------------------

VALUES: dict[str, Any] = {
    "numbers": {"epoch": 3, "loss": 0.1, "best": float("inf"), "name": "a", "none": None, "done": True},
    "nested": [1, (2, [3, ()]), {"a": {"b": []}}, {}],
    "keys": {0: "zero", "0": "string", (1, 2): "pair"},
    "numpy": {"n": np.int64(3), "x": np.float32(0.5)},
}


@pytest.mark.parametrize("name", VALUES)
def test_plain_values_come_back(name: str, tmp_path: Path) -> None:
    torch.save(VALUES[name], tmp_path / "values.pt")
    assert torch.load(tmp_path / "values.pt") == VALUES[name]


@pytest.mark.parametrize(
    "value",
    [
        torch.tensor([1.5, -2.0]), torch.tensor(3), torch.tensor([True, False]), torch.zeros(0, 3), torch.ones(2).half(),
        torch.ones(2).bfloat16(), torch.arange(6).reshape(2, 3).T, nn.Parameter(torch.ones(2)),
    ],
    ids=range(8),
)  # fmt: skip
def test_tensors_come_back(value: torch.Tensor) -> None:
    buffer = io.BytesIO()
    torch.save(value, buffer)
    buffer.seek(0)
    again = torch.load(buffer, map_location="cpu", weights_only=True)
    assert (again.dtype, again.shape) == (value.dtype, value.shape)
    assert again.tolist() == value.tolist()
    assert not again.requires_grad


@pytest.mark.usefixtures("float64")
def test_a_checkpoint_goes_on_as_if_nothing_had_happened(tmp_path: Path) -> None:
    def begin() -> Any:
        model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))
        optimizer = optim.Adam(model.parameters(), lr=0.1)
        return model, optimizer, optim.lr_scheduler.OneCycleLR(optimizer, 0.1, 20)

    def train(model: Any, optimizer: Any, scheduler: Any, batches: Any) -> list[float]:
        losses = []
        for (x,) in batches:
            optimizer.zero_grad()
            loss = (model(x) ** 2).mean()
            loss.backward()
            optimizer.step()
            scheduler.step()
            losses.append(loss.item())
        return losses

    torch.manual_seed(0)
    batches = list(DataLoader(TensorDataset(torch.randn(40, 3)), 5))
    parts = begin()
    train(*parts, batches[:4])
    names = ("model", "optimizer", "scheduler")
    torch.save({**{n: p.state_dict() for n, p in zip(names, parts, strict=True)}, "epoch": 4}, tmp_path / "all.pt")
    loaded, again = torch.load(tmp_path / "all.pt"), begin()
    for name, part in zip(names, again, strict=True):
        part.load_state_dict(loaded[name])
    assert train(*again, batches[loaded["epoch"] :]) == train(*parts, batches[4:])


class Evil:
    """What runs when a pickle of it is loaded."""

    ran: list[bool] = []

    def __reduce__(self) -> Any:
        return Evil.ran.append, (True,)


def test_nothing_that_loads_can_run(tmp_path: Path) -> None:
    for protocol in range(2, 6):
        (tmp_path / "evil.pt").write_bytes(pickle.dumps(Evil(), protocol=protocol))
        with pytest.raises(FileError, match="loading it could run anything"):
            torch.load(tmp_path / "evil.pt", weights_only=False)
    assert Evil.ran == []


def test_files_that_are_no_checkpoints(tmp_path: Path) -> None:
    (tmp_path / "real.pt").write_bytes(b"PK\x03\x04" + b"archive/data.pkl" * 9)
    with pytest.raises(FileError, match=r"safetensors\.torch\.save_file"):
        torch.load(tmp_path / "real.pt")
    with pytest.raises(FileError, match="could not be read"):
        torch.load(tmp_path / "nothing.pt")
    model = caviar.Sequential([caviar.layers.Dense(1, input_dim=1)])
    model.save(tmp_path / "model.caviar")
    with pytest.raises(FileError, match="load_model"):
        torch.load(tmp_path / "model.caviar")
    torch.save({"w": torch.ones(9)}, tmp_path / "half.pt")
    whole = (tmp_path / "half.pt").read_bytes()
    for content in (whole[:-5], whole[:12], b"", whole.replace(b"tensor", b"tensXr")):
        (tmp_path / "half.pt").write_bytes(content)
        with pytest.raises(FileError, match="not a complete safetensors file"):
            torch.load(tmp_path / "half.pt")


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.save({"epoch": 1}, tmp_path / "state.pt")

    def full(*_: Any) -> Any:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(FileError, match="nothing was changed: No space left"):
        torch.save({"epoch": 2}, tmp_path / "state.pt")
    monkeypatch.undo()
    assert torch.load(tmp_path / "state.pt") == {"epoch": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["state.pt"]
    with pytest.raises(CaviarError, match=r"model\.state_dict"):
        torch.save(nn.Linear(1, 1), tmp_path / "state.pt")


def test_a_file_of_another_library_s_safetensors(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    save_file({"weight": np.ones((2, 3)), "steps": np.array(4)}, tmp_path / "other.safetensors")
    loaded = torch.load(tmp_path / "other.safetensors")
    assert (loaded["weight"].dtype, loaded["steps"].dtype) == (torch.float32, torch.int64)
    assert loaded["steps"].item() == 4
