"""A day's work in minutes: structures, shapes and searches without end, and what they cost the process. `make soak` runs it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import caviar
from caviar.dialects import tensorflow as tf
from caviar.dialects import torch
from caviar.graph.programs import count_maps
from caviar.layers import Dense

X, Y = np.random.default_rng(0).normal(size=(2, 32, 4)).astype("float32")


def structure(i: int) -> None:
    """Another network: trained, evaluated, asked."""
    model = caviar.Sequential([Dense(2 + i), Dense(4)])
    model.compile("sgd", "mse")
    model.fit(X, Y, verbose=0)
    model.evaluate(X, Y, verbose=0)
    model.predict(X, verbose=0)


def shape(i: int) -> None:
    """Another length in a loop in PyTorch's words."""
    weight = torch.ones(3, requires_grad=True)
    (torch.ones(i + 1, 3) * weight).tanh().sum().backward()
    assert abs(weight.grad.sum().item() - 3 * (i + 1) * (1 - np.tanh(1.0) ** 2)) < 1e-3 * (i + 1)


def feed(i: int) -> None:
    """Another batch size in a session."""
    x = tf.placeholder("float32", [None, 3])
    with tf.Session() as session:
        assert session.run(tf.reduce_sum(x * 2), {x: np.ones((i + 1, 3))}) == 6 * (i + 1)


def search(i: int) -> None:
    """A search over other structures."""
    model = caviar.Sequential([Dense(caviar.Choice(i + 2, i + 200)), Dense(4)])
    model.compile(caviar.optimizers.SGD(caviar.LogUniform(1e-3, 1e-1)), "mse")
    caviar.search(model, X, Y, trials=4, epochs=1, verbose=0)


def megabytes() -> int:
    """The resident memory of this process."""
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) // 1024


def most(work: Callable[[int], None], rounds: range, show: bool = False) -> int:
    """Work so often; the most memory maps that the process ever had."""
    found, began = 0, time.perf_counter()
    for i in rounds:
        work(i)
        maps = count_maps() or 0
        found = max(found, maps)
        if show and (i + 1) % 50 == 0:
            seconds = time.perf_counter() - began
            print(f"{work.__name__:10} {i + 1:5}  {maps:6} maps  {megabytes():5} MB  {seconds:5.0f} s", flush=True)
    return found


if __name__ == "__main__":
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    highest = max(
        most(w, range(n * rounds), True) for w, n in ((structure, 250), (shape, 1500), (feed, 1000), (search, 50))
    )
    print(f"at most {highest} memory maps")
    sys.exit(highest > 20_000)
