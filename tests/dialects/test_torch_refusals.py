"""Whatever nonsense PyTorch's words are given is refused in caviar's own: no error of JAX, NumPy or Python's insides."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import caviar.dialects.torch as torch
from caviar import layers
from caviar.errors import BoundsError, CaviarError

F, nn, init, data = torch.nn.functional, torch.nn, torch.nn.init, torch.utils.data
A, B = torch.ones(2, 3), torch.ones(4, 5)
WHOLE = torch.ones(2, 3, dtype=torch.int64)


def weights() -> Any:
    return nn.Linear(2, 1).parameters()


def scheduled(kind: Any, *args: Any) -> Any:
    return kind(torch.optim.SGD(weights(), 0.1), *args)


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "text for a function": (lambda: torch.exp("a"), "expected a tensor"),
    "nothing to reshape": (lambda: torch.reshape(None, 2), "input of reshape must be a Tensor, and is None"),
    "too large a number": (lambda: torch.abs(10**30), "abs of 1000.* makes no sense here"),
    "a dimension that is text": (lambda: torch.sum(A, "a"), "makes no sense here"),
    "a flag that is text": (lambda: torch.softmax(A, "a"), "dim of softmax must be a whole number or None, and is 'a'"),
    "less than no repeats": (lambda: torch.Tensor.repeat(A, -9), "repeats of repeat must be"),
    "nothing to concatenate": (lambda: torch.cat(3), "cat of 3 makes no sense here"),
    "a shape of text": (lambda: torch.zeros("a"), "zeros of 'a' makes no sense here"),
    "a shape beyond memory": (lambda: torch.zeros(10**13), "zeros of 1.* makes no sense here"),
    "a normal without a shape": (lambda: torch.normal(0.0, 1.0), "give size="),
    "no numbers to count": (lambda: torch.arange(-3), "no numbers lead from 0 to -3"),
    "less than none in order": (lambda: torch.randperm(-1), "n of randperm must be"),
    "a seed of text": (lambda: torch.manual_seed("a"), "seed of manual_seed must be a whole number"),
    "half an index": (lambda: A[0.5], "an index of .* makes no sense here"),
    "a flag as an index": (lambda: A[True], "True is not an index"),
    "an index beyond": (lambda: A[5], "out of bounds"),
    "a view of text": (lambda: A.view("a"), "view of .* makes no sense here"),
    "no device": (lambda: A.to(""), "unknown device ''"),
    "an array as a type": (lambda: A.to(np.ones(3)), "unknown device"),
    "a gradient of text": (lambda: (torch.ones(2, requires_grad=True) * 2).backward("a"), "backward of .* makes no sense"),
    "tensors for one of text": (lambda: nn.LSTM(3, 2)(A, "a"), r"LSTM\(\) of \(2, 3\), 'a' makes no sense here"),
    "windows of text": (lambda: nn.MaxPool2d("a"), "kernel_size of MaxPool2d must be"),
    "windows of nothing": (lambda: F.avg_pool1d(A, 0), "kernel_size of avg_pool1d must be"),
    "windows too large": (lambda: F.avg_pool1d(A, 9), "do not fit into space"),
    "no image": (lambda: F.adaptive_avg_pool2d(A, 2), "over 2 axes of space the input has 4 dimensions"),
    "a shape of nothing": (lambda: nn.LayerNorm(None), "normalized_shape of LayerNorm must be"),
    "a factor of text": (lambda: nn.Upsample(scale_factor="b"), "scale_factor of Upsample must be"),
    "a normalized whole number": (lambda: nn.LayerNorm(3)(WHOLE), r"takes floats, and was given int32: say x.float\(\)"),
    "whole numbers into softmax": (lambda: F.softmax(WHOLE, 1), "softmax takes floats"),
    "whole numbers dropped": (lambda: F.dropout(WHOLE), "dropout takes floats"),
    "a list in a Sequential": (lambda: nn.Sequential([nn.ReLU()]), r"write Sequential\(\*modules\)"),
    "a layer in a Sequential": (lambda: nn.Sequential(layers.Dense(2)), "wrap it in torch.from_caviar"),
    "text in a ModuleDict": (lambda: nn.ModuleDict({"a": "b"}), "ModuleDict holds modules, and was given 'b'"),
    "no state dict": (lambda: nn.Linear(2, 1).load_state_dict(3), "load_state_dict of 3 makes no sense here"),
    "a number to initialize": (lambda: init.normal_(0.5), "tensor of normal_ must be a Tensor, and is 0.5"),
    "a deviation below 0": (lambda: init.normal_(A, 0.0, -1.0), "std of normal_ must be a number of at least 0"),
    "nothing as a constant": (lambda: init.constant_(A, None), "val of constant_ must be a number"),
    "more than all": (lambda: init.sparse_(A, 5.0), "sparsity of sparse_ must be"),
    "nothing to optimize": (lambda: torch.optim.Adam(None), "Optimizer of None makes no sense here"),
    "text to optimize": (lambda: torch.optim.SGD("a", 0.1), "moves leaves"),
    "a group without parameters": (lambda: torch.optim.SGD([{"param": []}], 0.1), "add_param_group of"),
    "no optimizer state": (lambda: torch.optim.SGD(weights(), 0.1).load_state_dict(3), "load_state_dict of 3 makes no"),
    "no function of the epoch": (lambda: scheduled(torch.optim.lr_scheduler.LambdaLR, 3), "lr_lambda of LambdaLR must be"),
    "milestones of text": (lambda: scheduled(torch.optim.lr_scheduler.MultiStepLR, "ab").step(), "makes no sense here"),
    "a number as data": (lambda: list(data.DataLoader(3)), "what a DataLoader was given makes no sense here"),
    "text to collate with": (lambda: data.DataLoader([1], collate_fn="a"), "collate_fn of DataLoader must be a function"),
    "half a batch": (lambda: data.DataLoader([1], batch_size=0.5), "batch_size of DataLoader must be"),
    "no generator": (lambda: data.DataLoader([1], generator=0.5), "generator of DataLoader must be a Generator"),
    "batches of numbers": (lambda: list(data.DataLoader([1], batch_sampler=[1])), "what a DataLoader was given makes no"),
    "arrays in a TensorDataset": (lambda: data.TensorDataset(np.ones(3)), r"say torch.as_tensor\(...\)"),
    "a part of nothing": (lambda: data.Subset(data.TensorDataset(A), None)[0], "makes no sense here"),
    "parts of text": (lambda: data.random_split(data.TensorDataset(A), "ab"), "random_split of .* makes no sense"),
    "a limit of text": (lambda: nn.utils.clip_grad_norm_(list(weights()), "a"), "max_norm of clip_grad_norm_ must be a number"),
    "a file that is a number": (lambda: torch.load(0.5), "a file is named by"),
}  # fmt: skip


@pytest.mark.parametrize(("give", "says"), REFUSED.values(), ids=REFUSED)
def test_nonsense_is_refused_in_our_words(give: Callable[[], Any], says: str) -> None:
    with pytest.raises(CaviarError, match=says):
        give()


def test_a_call_that_lacks_an_argument_is_pythons_own_error() -> None:
    with pytest.raises(TypeError, match=r"mse_loss.* missing required arguments: target"):
        F.mse_loss(A)
    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        torch.reshape()


def test_labels_in_a_column_are_no_class_numbers() -> None:
    """PyTorch 2.13: RuntimeError, multi-target not supported."""
    with pytest.raises(CaviarError, match=r"say target.squeeze\(1\)"):
        nn.CrossEntropyLoss()(torch.zeros(2, 3), torch.tensor([[0], [1]]))


def test_a_class_that_does_not_exist_is_no_loss() -> None:
    """PyTorch 2.13: IndexError, target 7 is out of bounds; NaN where the labels are known to a program alone."""
    logits = torch.zeros(2, 3)
    for loss in (nn.CrossEntropyLoss(), nn.NLLLoss()):
        for wrong in ([0, 7], [-2, 1]):
            with pytest.raises(IndexError, match=r"class .* does not exist"):
                loss(logits, torch.tensor(wrong))
            pending = (torch.zeros(1, requires_grad=True) * 0).detach().long()
            assert np.isnan(loss(logits, torch.tensor(wrong) + pending).item())
    ignored = nn.CrossEntropyLoss()(logits, torch.tensor([0, -100])).item()
    assert ignored == pytest.approx(np.log(3), rel=1e-6)


class Broken(data.Dataset):
    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> Any:
        raise KeyError("mine")


class Raising(nn.Module):
    def forward(self, x: Any) -> Any:
        return {"a": x}["b"]


def test_what_a_users_own_code_raises_stays() -> None:
    with pytest.raises(KeyError, match="mine"):
        list(data.DataLoader(Broken()))
    with pytest.raises(KeyError, match="b"):
        nn.Sequential(Raising())(A)
    with pytest.raises(ZeroDivisionError):
        scheduled(torch.optim.lr_scheduler.LambdaLR, lambda epoch: 1 / 0)


def test_an_index_beyond_ends_a_loop_that_counts() -> None:
    rows = data.TensorDataset(A)
    assert len(list(iter(rows))) == 2
    assert issubclass(BoundsError, IndexError)
    with pytest.raises(TypeError, match="no length"):
        len(torch.tensor(1.0))
