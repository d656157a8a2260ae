"""Whether a monitored number has improved: the same rule on the host and inside a compiled program."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import jax.numpy as jnp

from caviar import config
from caviar.errors import unknown_name

MODES = ("auto", "min", "max")

# Metrics whose names contain one of these words are better when they are larger, as in Keras ("io" is from "mean_io_u").
_LARGER = {"acc", "accuracy", "auc", "correlation", "f1", "fbeta", "io", "iou", "precision", "r2", "recall"}
_LARGER |= {"sensitivity", "similarity", "specificity"}


def direction(monitor: str, mode: str = "auto") -> int:
    """+1 if a larger value of the monitored number is better, -1 if a smaller one is.

    >>> from caviar.training.monitor import direction
    >>> direction("val_loss"), direction("val_accuracy"), direction("val_error", mode="max")
    (-1, 1, 1)
    """
    if mode not in MODES:
        raise unknown_name("mode", mode, MODES)
    if mode != "auto":
        return 1 if mode == "max" else -1
    words = re.split(r"[^a-z0-9]+", monitor.lower())
    return 1 if words[-1] != "loss" and _LARGER.intersection(words) else -1


def better(value: Any, best: Any, sign: int, min_delta: Any = 0.0) -> Any:
    """Whether a value beats the best so far by more than `min_delta`; a NaN never does. Takes numbers and arrays.

    >>> from caviar.training.monitor import better, worst
    >>> better(0.30, 0.31, sign=-1), better(0.30, 0.31, sign=-1, min_delta=0.1), better(0.5, worst(1), sign=1)
    (True, False, True)
    """
    return sign * value - min_delta > sign * best


def worst(sign: int) -> float:
    """The first "best so far", than which every number is better; finite, as `jax_debug_infs` refuses programs with infinities.

    >>> from caviar.training.monitor import worst
    >>> worst(-1), worst(1)
    (3.4028234663852886e+38, -3.4028234663852886e+38)
    """
    return -sign * float(jnp.finfo(config.floatx()).max)


def check_monitor(monitor: str, log_names: Iterable[str]) -> None:
    """Raise, before any training, if the logs will not have the monitored number.

    >>> from caviar.training.monitor import check_monitor
    >>> check_monitor("val_los", ["loss", "val_loss"])
    Traceback (most recent call last):
    caviar.errors.UnknownNameError: unknown monitor 'val_los': did you mean 'val_loss'? Known: loss, val_loss
    """
    names = list(log_names)
    if monitor not in names:
        raise unknown_name("monitor", monitor, names)
