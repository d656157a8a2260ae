"""What the planner of a search reckons with: seconds of a processor to compile a program, and to train in it.

`python -m benchmarks.prices` measures them, in seconds of processors, so that a busy machine measures them too. What it prints
stands in `caviar/studies/families.py`; a search plans with those numbers on every machine, and so alike on all of them.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import Any

os.environ["CAVIAR_CACHE"] = "off"

import numpy as np

import caviar
from caviar import layers
from caviar.studies.blocks import Member, Seat
from caviar.studies.families import Family
from caviar.studies.frames import ends, is_functions
from caviar.studies.groups import Group
from caviar.studies.space import Space, Template
from caviar.studies.task import Task, first_that_works
from caviar.training.source import Source, with_validation

ROWS, BATCH = 640, 32
Network = tuple[tuple[int, ...], list[Any]]


def dense(depth: int, width: int, activation: Any = "relu") -> Network:
    """A network of dense layers, the last sizes of which are searched."""
    hidden = [layers.Dense(caviar.Choice(8, width), activation) for _ in range(depth)]
    return (width,), [*hidden, layers.Dense(1)]


def convolutional(width: int) -> Network:
    """Two convolutions."""
    given = {"kernel_size": 3, "padding": "same", "activation": "relu"}
    first, second = (layers.Conv2D(caviar.Choice(4, width), **given) for _ in range(2))
    return (16, 16, 3), [first, layers.MaxPooling2D(), second, layers.Flatten(), layers.Dense(1)]


def recurrent(width: int) -> Network:
    """An LSTM."""
    return (30, 8), [layers.LSTM(caviar.Choice(4, width)), layers.Dense(1)]


THREE = caviar.Choice("relu", "tanh", "sigmoid")
NETWORKS: dict[str, Callable[[], Network]] = {
    **{f"{depth} dense of 32": lambda depth=depth: dense(depth, 32) for depth in (1, 2, 4)},
    **{f"2 dense of {width}": lambda width=width: dense(2, width) for width in (16, 64, 128, 256, 512, 1024)},
    "2 dense of 64, 3 activations": lambda: dense(2, 64, THREE),
    "2 dense of 256, 3 activations": lambda: dense(2, 256, THREE),
    **{f"2 convolutions of {width}": lambda width=width: convolutional(width) for width in (8, 16, 32)},
    **{f"LSTM of {width}": lambda width=width: recurrent(width) for width in (16, 64)},
}


def measured(shape: tuple[int, ...], network: list[Any]) -> dict[str, float]:
    """Seconds to compile, and for a member's training on a row; what the planner counts for the same."""
    rng = np.random.default_rng(0)
    model = caviar.Sequential(network)
    model.compile(caviar.optimizers.Adam(), "mse")
    x = rng.normal(size=(ROWS, *shape)).astype("float32")
    space = Space(Template(model, model.compiled_with, [], BATCH))
    source = Source(model, x, x.reshape(ROWS, -1)[:, :1], None, None, BATCH, True)
    rows, _ = with_validation(source, first_that_works(space, source.first.x)[1], 0.0, None)
    task = Task(space, rows, None, None, "loss", "min")
    values = space.at([0.99] * len(space.found))
    names = [h.name for h in space.found if ends(h.range) or is_functions(h.range)]
    family = Family(task, "key", values, names)
    family.boxes = {family.apart(values): [tuple(family.sizes.values())]}
    frame = family.frame_of(values)[1]
    assert frame is not None
    seats = [Seat(Member(i, 0), i, [0.99] * len(names), values) for i in range(12)]
    group = task.make(seats[0], frame)
    began = time.process_time()
    group.prepare(seats)
    compiling = time.process_time() - began
    group.start(seats)
    each = seconds_of(group) / ROWS / len(group.blocks[0].seats)
    fit = frame.place(values)
    return {"compiling": compiling, "row": each, "work": fit.work, "elements": fit.elements}


def seconds_of(group: Group) -> float:
    """An epoch of a block."""
    block, done = group.blocks[0], 0
    while block.epoch < 2:
        group.advance(block, 2)
    began = time.process_time()
    while done == 0 or time.process_time() - began < 1:
        done += 1
        while block.epoch < 2 + done:
            group.advance(block, 2 + done)
    return (time.process_time() - began) / done


def main() -> None:
    """Print a line for each network whose name holds the words given."""
    print(f"{'network':32} {'compile':>8} {'ns a row':>9} {'products':>9} {'values':>7} {'G products/s':>12}")
    for name, network in ((n, made) for n, made in NETWORKS.items() if " ".join(sys.argv[1:]) in n):
        found = measured(*network())
        speed = found["work"] / found["row"] / 1e9
        print(
            f"{name:32} {found['compiling']:7.2f}s {1e9 * found['row']:9.0f} {found['work']:9.0f} {found['elements']:7.0f} {speed:12.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
