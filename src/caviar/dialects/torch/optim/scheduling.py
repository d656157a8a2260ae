"""The base of schedulers. They change numbers of the groups, which are arguments of the program, so nothing compiles again."""

from __future__ import annotations

from typing import Any

from caviar.arguments import Checked
from caviar.dialects.torch.optim.optimizer import Optimizer
from caviar.errors import ArgumentError, warn


class LRScheduler(Checked):
    """The base of every scheduler: `step()` after each epoch sets every group's learning rate.

    Your own scheduler defines `rate(base, epoch)`, or `get_lr()` if the rate depends on the one before.

    >>> from caviar.dialects.torch.optim.lr_scheduler import LRScheduler
    >>> import caviar.dialects.torch as torch
    >>> class Halving(LRScheduler):
    ...     def rate(self, base, epoch):
    ...         return base / 2**epoch
    >>> optimizer = torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=1.0)
    >>> scheduler = Halving(optimizer)
    >>> optimizer.step(); scheduler.step(); scheduler.get_last_lr()
    [0.5]
    """

    def __init__(self, optimizer: Any, last_epoch: int = -1) -> None:
        self.optimizer, self.last_epoch = checked(self, optimizer), last_epoch
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", float(group["lr"]))
            elif "initial_lr" not in group:
                raise ArgumentError(
                    f"to go on from last_epoch={last_epoch}, group {i} needs its initial_lr: load the optimizer's state dict first"
                )
        self.base_lrs = [float(group["initial_lr"]) for group in optimizer.param_groups]
        self._begin()

    def _begin(self) -> None:
        """Set the first rates."""
        self._step_count, self._is_initial = 1, True
        self._go(None if self.last_epoch == -1 else self.last_epoch + 1)
        self._is_initial = False

    def _undo(self) -> None:
        """Take back the first epoch, to begin it later."""
        self.last_epoch -= 1

    def rate(self, base: float, epoch: float) -> float:
        """The learning rate at an epoch, from the one at the start."""
        raise NotImplementedError(f"{type(self).__name__} needs a rate(self, base, epoch), or a get_lr(self)")

    def get_lr(self) -> list[float]:
        """The learning rates of all groups now."""
        return [self.rate(base, self.last_epoch) for base in self.base_lrs]

    def get_last_lr(self) -> list[float]:
        """The learning rates that were set last."""
        return self._last_lr

    def step(self, epoch: float | None = None) -> None:
        """Go on to the next epoch, or to this one."""
        if self._step_count == 1 and not self.optimizer._stepped:
            warn(
                "lr_scheduler.step() was called before optimizer.step(): call it after, or the first learning rate is skipped"
            )
        self._step_count += 1
        self._go(epoch)

    def _go(self, epoch: float | None) -> None:
        if epoch is None:
            self.last_epoch += 1
            self._set(self.get_lr())
        else:
            self.last_epoch = int(epoch)
            known = type(self).rate is not LRScheduler.rate
            self._set([self.rate(base, epoch) for base in self.base_lrs] if known else self.get_lr())

    def _set(self, rates: list[float]) -> None:
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            group["lr"] = rate
        self._last_lr = list(rates)

    def state_dict(self) -> dict[str, Any]:
        """All numbers of the scheduler; functions stay with the program."""
        left_out = ("optimizer", "lr_lambdas", "scale_fn", "_written")
        return {k: v for k, v in vars(self).items() if k not in left_out}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take the numbers of a state dict."""
        vars(self).update(state_dict)


def checked(scheduler: Any, optimizer: Any) -> Any:
    """The optimizer; raises if it is none."""
    if not isinstance(optimizer, Optimizer):
        raise ArgumentError(f"{type(scheduler).__name__} schedules an optimizer, and was given {optimizer!r:.60}")
    return optimizer


def of_groups(name: str, optimizer: Any, value: Any) -> list[Any]:
    """A value for each parameter group: one for all, or a list."""
    groups = optimizer.param_groups
    values = list(value) if isinstance(value, (list, tuple)) else [value] * len(groups)
    if len(values) != len(groups):
        raise ArgumentError(f"{name} was given {len(values)} values for {len(groups)} parameter groups: give one each")
    return values


class ScaledLR(LRScheduler):
    """The base of schedulers that multiply the present rate, so that several may be combined, and users may change the rate too."""

    eta_min = 0.0

    def share(self, epoch: float) -> float:
        """The rate at an epoch, as a share of the first rate."""
        raise NotImplementedError

    def rate(self, base: float, epoch: float) -> float:
        """The share of the first rate, above the lowest."""
        return self.eta_min + (base - self.eta_min) * self.share(epoch)

    def get_lr(self) -> list[float]:
        """The present rates, times the ratio of this epoch's share to the last one's."""
        now, before = self.share(self.last_epoch), self.share(self.last_epoch - 1) if self.last_epoch > 0 else 1.0
        if not before:
            return super().get_lr()
        rates = [group["lr"] for group in self.optimizer.param_groups]
        return [rate if now == before else self.eta_min + (rate - self.eta_min) * (now / before) for rate in rates]
