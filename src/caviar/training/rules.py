"""Rules: callbacks that decide at the end of each epoch on the device, inside the compiled program.

A rule keeps its state in the run. Many epochs go into one dispatch, and early stopping still stops at its epoch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from caviar import config
from caviar.declarations import Count, Limit, NotNegative, Number, OneOf, Verbosity
from caviar.errors import ArgumentError
from caviar.parts import Part
from caviar.training.callbacks.base import Callback, Logs
from caviar.training.monitor import MODES, better, check_monitor, direction, worst

__all__ = ["EarlyStopping", "ReduceLROnPlateau", "TerminateOnNaN"]


class Ruling(NamedTuple):
    """What a rule decides: whether to stop, and the learning rate of the next epoch."""

    stop: Any
    rate: Any


def watched(logs: Logs) -> Any:
    """The number that must stay finite: the loss, or what the user's own `train_step` reports first.

    >>> from caviar.training.rules import watched
    >>> watched({"doubled": 4.0, "mae": 1.0})
    4.0
    """
    return logs["loss"] if "loss" in logs else next(iter(logs.values()))


class Rule(Callback, Part):
    """The base of rules; `initial` and `epoch_end` are pure and run inside the program."""

    unwalked = Part.unwalked | {"model", "params"}
    monitor: str | None = None

    def check(self, log_names: list[str]) -> None:
        """Raise for arguments that cannot work, before anything compiles."""
        if self.monitor is not None:
            check_monitor(self.monitor, log_names)

    def initial(self, weights: Any) -> Any:
        """The state before the first epoch."""
        return ()

    def epoch_end(self, state: Any, epoch: Any, logs: Logs, weights: Any, rate: Any) -> tuple[Any, Ruling]:
        """The state after an epoch, and the ruling."""
        raise ArgumentError(f"rule {type(self).__name__} defines no `epoch_end`")

    def final_weights(self, state: Any, weights: Any) -> Any:
        """The weights to keep when training ends."""
        return weights

    def report(self, state: Any) -> list[str]:
        """What to print when training ends."""
        return []


@dataclass(eq=False, repr=False)
class EarlyStopping(Rule):
    """Stop when the monitored number has not improved for `patience` epochs; Keras' options and defaults.

    >>> from caviar.callbacks import EarlyStopping
    >>> EarlyStopping(monitor="val_loss", patience=5, restore_best_weights=True)
    EarlyStopping(patience=5, restore_best_weights=True)
    """

    monitor: str = "val_loss"
    min_delta: float = 0
    patience: Count = 0
    verbose: Verbosity = 0
    mode: Annotated[str, OneOf(*MODES)] = "auto"
    baseline: Limit | None = None
    restore_best_weights: bool = False
    start_from_epoch: Count = 0

    def initial(self, weights: Any) -> Any:
        """No best yet."""
        minus_one = jnp.full((), -1, jnp.int32)
        return {
            "best": jnp.asarray(worst(direction(self.monitor, self.mode)), config.floatx()),
            "wait": jnp.zeros((), jnp.int32),
            "best_epoch": minus_one,
            "stopped_epoch": minus_one + 0,
            "weights": jax.tree.map(jnp.copy, weights) if self.restore_best_weights else (),
        }

    def epoch_end(self, state: Any, epoch: Any, logs: Logs, weights: Any, rate: Any) -> tuple[Any, Ruling]:
        """Compare with the best; count the epochs without improvement."""
        sign, delta = direction(self.monitor, self.mode), abs(self.min_delta)
        value = logs[self.monitor]
        counts = epoch >= self.start_from_epoch
        improved = counts & better(value, state["best"], sign, delta)
        # The first value is stored even if it is NaN: there is no better one.
        taken = improved | (counts & (state["best_epoch"] < 0))
        restarts = improved if self.baseline is None else improved & better(value, self.baseline, sign, delta)
        wait = jnp.where(restarts, 0, state["wait"] + counts.astype(jnp.int32))
        stop = counts & ~improved & (wait >= self.patience) & (epoch > 0)
        after = {
            "best": jnp.where(improved, value, state["best"]),
            "wait": wait,
            "best_epoch": jnp.where(taken, epoch, state["best_epoch"]),
            "stopped_epoch": jnp.where(stop, epoch, state["stopped_epoch"]),
            "weights": jax.tree.map(lambda new, old: jnp.where(taken, new, old), weights, state["weights"])
            if self.restore_best_weights
            else (),
        }
        return after, Ruling(stop, rate)

    def final_weights(self, state: Any, weights: Any) -> Any:
        """The best weights, if they are to be restored."""
        return state["weights"] if self.restore_best_weights and int(state["best_epoch"]) >= 0 else weights

    def report(self, state: Any) -> list[str]:
        """Keras' two lines."""
        self.stopped_epoch, self.best_epoch = max(0, int(state["stopped_epoch"])), max(0, int(state["best_epoch"]))
        self.best, self.wait = np.asarray(state["best"]).item(), int(state["wait"])
        if not self.verbose:
            return []
        stopped = [f"Epoch {self.stopped_epoch + 1}: early stopping"] if self.stopped_epoch else []
        restored = f"Restoring model weights from the end of the best epoch: {self.best_epoch + 1}."
        return [*stopped, restored] if self.restore_best_weights else stopped

    unwalked = Rule.unwalked | {"stopped_epoch", "best_epoch", "best", "wait"}


@dataclass(eq=False, repr=False)
class ReduceLROnPlateau(Rule):
    """Lower the learning rate when the monitored number has not improved for `patience` epochs; as Keras'.

    >>> from caviar.callbacks import ReduceLROnPlateau
    >>> ReduceLROnPlateau(factor=0.5, patience=3)
    ReduceLROnPlateau(factor=0.5, patience=3)
    """

    monitor: str = "val_loss"
    factor: Annotated[float, Number(above=0, below=1)] = 0.1
    patience: Count = 10
    verbose: Verbosity = 0
    mode: Annotated[str, OneOf(*MODES)] = "auto"
    min_delta: NotNegative = 1e-4
    cooldown: Count = 0
    min_lr: NotNegative = 0.0

    reads_rate = True

    def initial(self, weights: Any) -> Any:
        """No best yet."""
        zero = jnp.zeros((), jnp.int32)
        best = jnp.asarray(worst(direction(self.monitor, self.mode)), config.floatx())
        # `zero + 0`: an array that stood in the state twice would share one buffer, which cannot be donated twice.
        return {"best": best, "wait": zero, "cooldown": zero + 0, "reductions": zero + 0}

    def epoch_end(self, state: Any, epoch: Any, logs: Logs, weights: Any, rate: Any) -> tuple[Any, Ruling]:
        """Count the epochs without improvement, not those of the cooldown."""
        value, sign = logs[self.monitor], direction(self.monitor, self.mode)
        cooldown = jnp.maximum(state["cooldown"] - 1, 0)
        improved = better(value, state["best"], sign, self.min_delta)
        wait = jnp.where(improved, 0, jnp.where(state["cooldown"] > 0, 0, state["wait"]) + 1)
        reduces = ~improved & (cooldown == 0) & (wait >= self.patience) & (rate > self.min_lr)
        after = {
            "best": jnp.where(improved, value, state["best"]),
            "wait": jnp.where(reduces, 0, wait),
            "cooldown": jnp.where(reduces, self.cooldown, cooldown),
            "reductions": state["reductions"] + reduces.astype(jnp.int32),
        }
        return after, Ruling(
            jnp.zeros((), bool), jnp.where(reduces, jnp.maximum(rate * self.factor, self.min_lr), rate)
        )

    def report(self, state: Any) -> list[str]:
        """How often the rate was lowered."""
        count = int(state["reductions"])
        return [f"ReduceLROnPlateau lowered the learning rate {count} times"] if self.verbose and count else []


@dataclass(eq=False, repr=False)
class TerminateOnNaN(Rule):
    """Stop at the end of an epoch whose loss is NaN or infinite.

    >>> from caviar.callbacks import TerminateOnNaN
    >>> TerminateOnNaN()
    TerminateOnNaN()
    """

    def initial(self, weights: Any) -> Any:
        """Not stopped."""
        return {"stopped_epoch": jnp.full((), -1, jnp.int32)}

    def epoch_end(self, state: Any, epoch: Any, logs: Logs, weights: Any, rate: Any) -> tuple[Any, Ruling]:
        """Stop if the loss is no number."""
        broken = ~jnp.isfinite(watched(logs))
        return {"stopped_epoch": jnp.where(broken, epoch, state["stopped_epoch"])}, Ruling(broken, rate)

    def report(self, state: Any) -> list[str]:
        """Where it stopped."""
        epoch = int(state["stopped_epoch"])
        return [f"Epoch {epoch + 1}: the loss is not a finite number, terminating training"] if epoch >= 0 else []
