"""Schedulers that go up and down; some move the momentum against the rate."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from caviar.declarations import Positive, Share, Size
from caviar.dialects.torch.optim.scheduling import LRScheduler, checked, of_groups
from caviar.errors import ArgumentError, unknown_name

__all__ = ["CosineAnnealingWarmRestarts", "CyclicLR", "OneCycleLR"]


class CosineAnnealingWarmRestarts(LRScheduler):
    """Half a cosine down to `eta_min`, again and again, each time `T_mult` times as long; `step(epoch)` takes fractions."""

    def __init__(self, optimizer: Any, T_0: Size, T_mult: Size = 1, eta_min: float = 0.0, last_epoch: int = -1) -> None:
        if T_0 < 1 or T_mult < 1:
            raise ArgumentError(f"T_0={T_0} and T_mult={T_mult} are whole numbers of at least 1")
        self.T_0, self.T_mult, self.eta_min = T_0, T_mult, eta_min
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, epoch: float) -> float:
        """The cosine of the stretch that the epoch is in."""
        length = self.T_0
        if self.T_mult == 1:
            epoch %= length
        while epoch >= length:
            epoch, length = epoch - length, length * self.T_mult
        return self.eta_min + (base - self.eta_min) * (1 + math.cos(math.pi * epoch / length)) / 2


class _Cycle(LRScheduler):
    """The base of schedulers that change the momentum too: `betas[0]`, where there are betas."""

    cycle_momentum: bool

    def _with_momentum(self, optimizer: Any, base: Any, most: Any) -> None:
        """Prepare the groups."""
        if not {"momentum", "betas"} & set(optimizer.defaults):
            raise ArgumentError(f"{type(optimizer).__name__} has no momentum to cycle: say cycle_momentum=False")
        self.base_momentums = of_groups("base_momentum", optimizer, base)
        self.max_momentums = of_groups("max_momentum", optimizer, most)

    def _move_momentum(self, momentum: Callable[[float, float], float]) -> None:
        """Set every group's momentum, between its least and its most."""
        pairs = zip(self.base_momentums, self.max_momentums, strict=True)
        for group, (least, most) in zip(self.optimizer.param_groups, pairs, strict=True):
            now = momentum(least, most)
            group.update({"betas": (now, *group["betas"][1:])} if "betas" in group else {"momentum": now})


class CyclicLR(_Cycle):
    """Up from `base_lr` to `max_lr` and down again, along lines; step it after every batch.

    `mode` says how high the cycles are: all the same ("triangular"), half the one before ("triangular2"), or times
    `gamma` to the number of the step ("exp_range"). Or `scale_fn` says it, of the cycle or of the iteration.
    """

    def __init__(
        self, optimizer: Any, base_lr: Any, max_lr: Any, step_size_up: Positive = 2000, step_size_down: Positive | None = None,
        mode: str = "triangular", gamma: float = 1.0, scale_fn: Callable[[float], float] | None = None, scale_mode: str = "cycle",
        cycle_momentum: bool = True, base_momentum: Any = 0.8, max_momentum: Any = 0.9, last_epoch: int = -1,
    ) -> None:  # fmt: skip
        if scale_fn is None and mode not in ("triangular", "triangular2", "exp_range"):
            raise unknown_name("mode of CyclicLR", mode, ("triangular", "triangular2", "exp_range"))
        self.total_size = float(step_size_up + (step_size_up if step_size_down is None else step_size_down))
        self.step_ratio, self.mode, self.gamma = step_size_up / self.total_size, mode, gamma
        self.scale_fn, self.scale_mode, self.cycle_momentum = scale_fn, scale_mode, cycle_momentum
        base_lrs = of_groups("base_lr", checked(self, optimizer), base_lr)
        self.max_lrs = of_groups("max_lr", optimizer, max_lr)
        if cycle_momentum:
            self._with_momentum(optimizer, base_momentum, max_momentum)
        if last_epoch == -1:
            for group, rate in zip(optimizer.param_groups, base_lrs, strict=True):
                group["lr"] = group["initial_lr"] = rate
        super().__init__(optimizer, last_epoch)

    def height(self) -> float:
        """How far up it is now, of a full cycle."""
        cycle = math.floor(1 + self.last_epoch / self.total_size)
        x = 1 + self.last_epoch / self.total_size - cycle
        height = x / self.step_ratio if x <= self.step_ratio else (x - 1) / (self.step_ratio - 1)
        if self.scale_fn is not None:
            return height * self.scale_fn(cycle if self.scale_mode == "cycle" else self.last_epoch)
        scale = {"triangular": 1.0, "triangular2": 0.5 ** (cycle - 1), "exp_range": self.gamma**self.last_epoch}
        return height * scale[self.mode]

    def get_lr(self) -> list[float]:
        """The rates at this height, and the momentum against them."""
        height = self.height()
        if self.cycle_momentum:
            self._move_momentum(lambda least, most: most - (most - least) * height)
        return [base + (most - base) * height for base, most in zip(self.base_lrs, self.max_lrs, strict=True)]


class OneCycleLR(_Cycle):
    """Once up to `max_lr`, and down to almost 0; to be stepped after every batch, `total_steps` times."""

    def __init__(
        self, optimizer: Any, max_lr: Any, total_steps: Size | None = None, epochs: Size | None = None,
        steps_per_epoch: Size | None = None, pct_start: Share = 0.3, anneal_strategy: str = "cos", cycle_momentum: bool = True,
        base_momentum: Any = 0.85, max_momentum: Any = 0.95, div_factor: Positive = 25.0, final_div_factor: float = 1e4,
        three_phase: bool = False, last_epoch: int = -1,
    ) -> None:  # fmt: skip
        if anneal_strategy not in ("cos", "linear"):
            raise unknown_name("anneal_strategy", anneal_strategy, ("cos", "linear"))
        total = (epochs or 0) * (steps_per_epoch or 0) if total_steps is None else total_steps
        if total < 1:
            raise ArgumentError(
                "OneCycleLR needs to know where it ends: give total_steps, or epochs and steps_per_epoch"
            )
        self.total_steps, self.anneal_strategy, self.cycle_momentum = total, anneal_strategy, cycle_momentum
        self.div_factor, self.final_div_factor = div_factor, final_div_factor
        turn = pct_start * total - 1
        self.turns = [turn, 2 * turn, total - 1] if three_phase else [turn, total - 1]
        self.max_lrs = of_groups("max_lr", checked(self, optimizer), max_lr)
        if cycle_momentum:
            self._with_momentum(optimizer, base_momentum, max_momentum)
        if last_epoch == -1:
            for group, most in zip(optimizer.param_groups, self.max_lrs, strict=True):
                group["initial_lr"] = most / div_factor
        super().__init__(optimizer, last_epoch)

    def between(self, corners: list[float]) -> float:
        """The present value on a path through these corners."""
        at = next((i for i, turn in enumerate(self.turns) if self.last_epoch <= turn), len(self.turns) - 1)
        start, end = self.turns[at - 1] if at else 0.0, self.turns[at]
        passed = (self.last_epoch - start) / (end - start)
        if self.anneal_strategy == "linear":
            return corners[at] + (corners[at + 1] - corners[at]) * passed
        return corners[at + 1] + (corners[at] - corners[at + 1]) / 2 * (1 + math.cos(math.pi * passed))

    def get_lr(self) -> list[float]:
        """The rates now, and the momentum against them."""
        if self.last_epoch > self.total_steps:
            raise ArgumentError(f"OneCycleLR ends after {self.total_steps} steps, and was asked for one more")
        phases = len(self.turns)
        if self.cycle_momentum:
            self._move_momentum(lambda least, most: self.between([most, least, most, most][: phases + 1]))
        rates = []
        for most in self.max_lrs:
            first = most / self.div_factor
            last = first / self.final_div_factor
            rates.append(self.between([first, most, first, last] if phases == 3 else [first, most, last]))
        return rates
