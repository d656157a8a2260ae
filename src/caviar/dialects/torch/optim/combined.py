"""Schedulers made of schedulers, and the one that follows a metric."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from caviar.declarations import Count
from caviar.dialects.torch.optim.scheduling import LRScheduler, checked, of_groups
from caviar.errors import ArgumentError, unknown_name

__all__ = ["ChainedScheduler", "ReduceLROnPlateau", "SequentialLR"]


class _Several(LRScheduler):
    """The base of schedulers made of schedulers."""

    _schedulers: list[Any]

    def _take(self, schedulers: Sequence[Any], optimizer: Any) -> None:
        """Schedulers of one optimizer, none of which needs a metric."""
        self._schedulers, self.optimizer = list(schedulers), optimizer
        for scheduler in schedulers:
            if isinstance(scheduler, ReduceLROnPlateau):
                raise ArgumentError(
                    f"{type(self).__name__} has no metric to give to ReduceLROnPlateau: step that by itself"
                )
            if isinstance(self, SequentialLR) and isinstance(scheduler, SequentialLR):
                raise ArgumentError("a SequentialLR inside another: write one, with all schedulers and milestones")
            if scheduler.optimizer is not optimizer:
                raise ArgumentError(f"all schedulers of a {type(self).__name__} belong to the same optimizer")

    def state_dict(self) -> dict[str, Any]:
        """All numbers, those of the schedulers too."""
        return {**super().state_dict(), "_schedulers": [s.state_dict() for s in self._schedulers]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take the numbers of a state dict."""
        super().load_state_dict({k: v for k, v in state_dict.items() if k != "_schedulers"})
        for scheduler, own in zip(self._schedulers, state_dict["_schedulers"], strict=True):
            scheduler.load_state_dict(own)


class ChainedScheduler(_Several):
    """Several schedulers at the same time: each changes the rate that the one before it set."""

    def __init__(self, schedulers: Sequence[Any], optimizer: Any = None) -> None:
        if not schedulers:
            raise ArgumentError("ChainedScheduler was given no schedulers")
        self._take(schedulers, optimizer or schedulers[0].optimizer)
        self._last_lr = [group["lr"] for group in self.optimizer.param_groups]

    def _begin(self) -> None:
        for scheduler in self._schedulers:
            scheduler._begin()

    def _undo(self) -> None:
        for scheduler in self._schedulers:
            scheduler._undo()

    def _go(self, epoch: float | None) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = group["initial_lr"]
        self._undo()
        self._begin()
        self._last_lr = [group["lr"] for group in self.optimizer.param_groups]

    def step(self, epoch: Any = None) -> None:
        """Advance all of them."""
        for scheduler in self._schedulers:
            scheduler.step()
        self._last_lr = [group["lr"] for group in self.optimizer.param_groups]


class SequentialLR(_Several):
    """Several schedulers one after another; each begins at its milestone, from its own first epoch."""

    def __init__(self, optimizer: Any, schedulers: Sequence[Any], milestones: list[int], last_epoch: int = -1) -> None:
        if not schedulers or len(milestones) != len(schedulers) - 1:
            raise ArgumentError(
                f"SequentialLR was given {len(schedulers)} schedulers and {len(milestones)} milestones: "
                "there must be one scheduler more than milestones"
            )
        self._take(schedulers, optimizer)
        self._milestones, self.last_epoch = list(milestones), last_epoch + 1
        for group in optimizer.param_groups:
            group["lr"] = group["initial_lr"]
        first = self._schedulers[bisect_right(self._milestones, 0)]
        first._undo()
        first._begin()
        self._last_lr = [group["lr"] for group in optimizer.param_groups]

    def step(self, epoch: Any = None) -> None:
        """Advance the one whose turn it is."""
        self.last_epoch += 1
        at = bisect_right(self._milestones, self.last_epoch)
        if at and self._milestones[at - 1] == self.last_epoch:
            self._schedulers[at]._go(0)
        else:
            self._schedulers[at].step()
        self._last_lr = self._schedulers[at].get_last_lr()


class ReduceLROnPlateau(LRScheduler):
    """The rate times `factor` after more than `patience` epochs without improvement: `scheduler.step(loss)`."""

    def __init__(
        self, optimizer: Any, mode: str = "min", factor: float = 0.1, patience: Count = 10, threshold: float = 1e-4,
        threshold_mode: str = "rel", cooldown: Count = 0, min_lr: Any = 0.0, eps: float = 1e-8,
    ) -> None:  # fmt: skip
        if factor >= 1:
            raise ArgumentError(f"factor={factor} reduces nothing: it lies below 1")
        for name, given, known in (("mode", mode, ("min", "max")), ("threshold_mode", threshold_mode, ("rel", "abs"))):
            if given not in known:
                raise unknown_name(f"{name} of ReduceLROnPlateau", given, known)
        self.optimizer, self.mode, self.factor, self.patience = checked(self, optimizer), mode, factor, patience
        self.threshold, self.threshold_mode, self.cooldown, self.eps = threshold, threshold_mode, cooldown, eps
        self.min_lrs = of_groups("min_lr", optimizer, min_lr)
        self.best = math.inf if mode == "min" else -math.inf
        self.last_epoch = self.num_bad_epochs = self.cooldown_counter = 0
        self._last_lr = [group["lr"] for group in optimizer.param_groups]

    def step(self, metrics: Any, epoch: int | None = None) -> None:  # type: ignore[override]
        """Advance by an epoch with this metric."""
        metric, self.last_epoch = float(metrics), self.last_epoch + 1 if epoch is None else epoch
        self.num_bad_epochs += 1
        if self.improved(metric):
            self.best, self.num_bad_epochs = metric, 0
        if self.cooldown_counter > 0:
            self.cooldown_counter, self.num_bad_epochs = self.cooldown_counter - 1, 0
        if self.num_bad_epochs > self.patience:
            self._reduce()
            self.cooldown_counter, self.num_bad_epochs = self.cooldown, 0
        self._last_lr = [group["lr"] for group in self.optimizer.param_groups]

    def improved(self, metric: float) -> bool:
        """Whether the metric is better than the best one by more than the threshold."""
        sign = 1 if self.mode == "max" else -1
        relative = self.threshold_mode == "rel"
        bar = self.best * (1 + sign * self.threshold) if relative else self.best + sign * self.threshold
        return metric > bar if self.mode == "max" else metric < bar

    def _reduce(self) -> None:
        for group, least in zip(self.optimizer.param_groups, self.min_lrs, strict=True):
            lower = max(group["lr"] * self.factor, least)
            if group["lr"] - lower > self.eps:
                group["lr"] = lower
