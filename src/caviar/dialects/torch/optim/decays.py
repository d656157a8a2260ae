"""Schedulers that compute the rate from the epoch: as a share of the first rate, or by a function."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable
from typing import Annotated, Any

from caviar.declarations import Count, Each, Kind, Size
from caviar.dialects.torch.optim.scheduling import LRScheduler, ScaledLR, checked, of_groups
from caviar.errors import ArgumentError

__all__ = [
    "ConstantLR",
    "CosineAnnealingLR",
    "ExponentialLR",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "MultiplicativeLR",
    "PolynomialLR",
    "StepLR",
]

_Factors = Annotated[Any, Each(Kind(Callable, "a function of the epoch"))]


class LambdaLR(LRScheduler):
    """The first rate times a function of the epoch, or one function for each group."""

    def __init__(self, optimizer: Any, lr_lambda: _Factors, last_epoch: int = -1) -> None:
        self.lr_lambdas = of_groups("lr_lambda", checked(self, optimizer), lr_lambda)
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """The rate of each group."""
        return [base * share(self.last_epoch) for base, share in zip(self.base_lrs, self.lr_lambdas, strict=True)]


class MultiplicativeLR(LRScheduler):
    """The present rate times a function of the epoch, or one function for each group."""

    def __init__(self, optimizer: Any, lr_lambda: _Factors, last_epoch: int = -1) -> None:
        self.lr_lambdas = of_groups("lr_lambda", checked(self, optimizer), lr_lambda)
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """The present rate of each group times the function's value; at first, the rate itself."""
        rates = [group["lr"] for group in self.optimizer.param_groups]
        if self._is_initial:
            return rates
        return [rate * factor(self.last_epoch) for rate, factor in zip(rates, self.lr_lambdas, strict=True)]


class StepLR(ScaledLR):
    """The rate times `gamma` after every `step_size` epochs."""

    def __init__(self, optimizer: Any, step_size: Size, gamma: float = 0.1, last_epoch: int = -1) -> None:
        self.step_size, self.gamma = step_size, gamma
        super().__init__(optimizer, last_epoch)

    def share(self, epoch: float) -> float:
        """`gamma ** (epoch // step_size)`."""
        return self.gamma ** (epoch // self.step_size)


class MultiStepLR(ScaledLR):
    """The rate times `gamma` at each of the milestones."""

    def __init__(self, optimizer: Any, milestones: Iterable[int], gamma: float = 0.1, last_epoch: int = -1) -> None:
        self.milestones, self.gamma = sorted(milestones), gamma
        super().__init__(optimizer, last_epoch)

    def share(self, epoch: float) -> float:
        """`gamma ** (milestones reached)`."""
        return self.gamma ** bisect_right(self.milestones, epoch)


class ConstantLR(ScaledLR):
    """The rate times `factor` for the first `total_iters` epochs."""

    def __init__(self, optimizer: Any, factor: float = 1 / 3, total_iters: Count = 5, last_epoch: int = -1) -> None:
        self.factor, self.total_iters = _below_one("factor", factor), total_iters
        super().__init__(optimizer, last_epoch)

    def share(self, epoch: float) -> float:
        """`factor` before epoch `total_iters`, then 1."""
        return self.factor if epoch < self.total_iters else 1.0


class LinearLR(ScaledLR):
    """The rate times a factor on a line from `start_factor` to `end_factor`, over `total_iters` epochs."""

    def __init__(
        self, optimizer: Any, start_factor: float = 1 / 3, end_factor: float = 1.0, total_iters: Count = 5, last_epoch: int = -1
    ) -> None:  # fmt: skip
        self.start_factor = _below_one("start_factor", start_factor)
        self.end_factor = _below_one("end_factor", end_factor)
        if not start_factor:
            raise ArgumentError("start_factor must not be 0: give a small number, such as 1e-3")
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def share(self, epoch: float) -> float:
        """The point on the line, and later its end."""
        passed = min(self.total_iters, epoch) / self.total_iters
        return self.start_factor + (self.end_factor - self.start_factor) * passed


class ExponentialLR(ScaledLR):
    """The rate times `gamma` after every epoch."""

    def __init__(self, optimizer: Any, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def share(self, epoch: float) -> float:
        """`gamma ** epoch`."""
        return self.gamma**epoch


class PolynomialLR(ScaledLR):
    """Down to 0 over `total_iters` epochs, along a power."""

    def __init__(self, optimizer: Any, total_iters: Count = 5, power: float = 1.0, last_epoch: int = -1) -> None:
        self.total_iters, self.power = total_iters, power
        super().__init__(optimizer, last_epoch)

    def share(self, epoch: float) -> float:
        """`(1 - epoch / total_iters) ** power`."""
        return float((1 - min(self.total_iters, epoch) / self.total_iters) ** self.power)


class CosineAnnealingLR(ScaledLR):
    """Down to `eta_min` along half a cosine of `T_max` epochs, and up again."""

    def __init__(self, optimizer: Any, T_max: Size, eta_min: float = 0.0, last_epoch: int = -1) -> None:
        self.T_max, self.eta_min = T_max, eta_min
        super().__init__(optimizer, last_epoch)

    def share(self, epoch: float) -> float:
        """`(1 + cos(pi * epoch / T_max)) / 2`: the share of the way from `eta_min` to the first rate."""
        return (1 + math.cos(math.pi * epoch / self.T_max)) / 2


def _below_one(name: str, factor: float) -> float:
    if not 0 <= factor <= 1:
        raise ArgumentError(f"{name}={factor} is a share of the optimizer's rate: it lies between 0 and 1")
    return factor
