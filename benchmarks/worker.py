"""One contender on one row, in a process of its own: `python -m benchmarks.worker ROW CONTENDER [SECONDS]`.

What is timed depends on the kind of the row.

steps    Seconds of `fit` divided by its steps, for enough epochs to take SECONDS, batches of the last, smaller step
         included. The network is built and trained before, with the very same call, so nothing compiles while the
         clock runs. Inside the time: shuffling, slicing batches, all that `fit` does around a step, the loss of every
         epoch. Outside: making the data, and its conversion to the library's own arrays where that is done once
         (Keras and caviar are handed NumPy arrays and convert within `fit`; PyTorch is handed tensors).
whole    What a person meets, in a process of its own for each round: seconds from before the network is written down to
         the end of its first epoch, building, compiling and making the data included; then of a step as under `steps`;
         of `predict` of one row and of all rows, the network having answered such a call before; and the peak of
         resident memory, imports included.
process  Seconds from just before the process was started to the end of the row's epochs.
search   Seconds of a search divided by its model-steps: the steps that its members trained, all together. A call is
         timed whole: building and compiling each member, drawing, training, choosing the best. The first answer is of
         the first call of the process, with all that it compiles.
facts    Seconds of the imports; seconds from the start of the process to the end of one epoch; then how long a second
         `fit` takes, and what it, and one of another number of epochs, compile.

Answers are lines of JSON on standard output: first what the warm-up told (steps), or the first measurement, then one for
each line read (steps, search).
"""

from __future__ import annotations

import contextlib
import importlib
import itertools
import json
import os
import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from benchmarks.contenders import CONTENDERS
from benchmarks.rows import ROWS, Made, Row, Search, Tune

Fit = Callable[[int], float]
ONE_ROW, ALL_ROWS = 300, 5  # how often they are asked for, at most
Answers = Iterator[dict[str, Any]]


def _timed(fit: Fit, epochs: int) -> float:
    start = time.perf_counter()
    fit(epochs)
    return time.perf_counter() - start


def _enough_epochs(fit: Fit, seconds: float) -> tuple[int, float]:
    """How many epochs take about so long, and how long they took, once nothing is compiled any more."""
    epochs = 1
    fit(epochs)
    while True:
        took = _timed(fit, epochs)
        if took >= 0.8 * seconds:
            return epochs, took
        epochs = max(epochs + 1, round(epochs * seconds / took))


def _peak_mb() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def _steps(row: Row, fit: Fit, seconds: float) -> Answers:
    loss = fit(row.epochs)
    epochs, _ = _enough_epochs(fit, seconds)
    yield {"loss": loss, "epochs_a_round": epochs, "peak_mb": _peak_mb()}
    for _ in sys.stdin:
        yield {"value": _timed(fit, epochs) / (epochs * row.steps)}


def _whole(row: Row, made: Made, seconds: float, began: float) -> Answers:
    fit, predict = made
    assert predict is not None
    facts = {"loss": fit(1), "first_epoch_s": time.perf_counter() - began}
    epochs, took = _enough_epochs(fit, seconds)
    facts["value"] = took / (epochs * row.steps)
    x = row.data()[0]
    facts["one_row_s"] = _asked(predict, x[:1], ONE_ROW, 2 * seconds)
    facts["all_rows_s"] = _asked(predict, x, ALL_ROWS, 2 * seconds)
    yield {**facts, "peak_mb": _peak_mb()}


def _asked(predict: Callable[[Any], Any], rows: Any, times: int, seconds: float) -> float:
    """The median time of so many calls, fewer if they take longer than so many seconds; the first call is not counted."""
    predict(rows)
    took: list[float] = []
    while len(took) < times and (len(took) < 3 or sum(took) < seconds):
        start = time.perf_counter()
        predict(rows)
        took.append(time.perf_counter() - start)
    return statistics.median(took)


def _process(row: Row, fit: Fit, started: float) -> Answers:
    loss = fit(row.epochs)
    yield {"value": time.time() - started, "loss": loss, "peak_mb": _peak_mb()}


def _facts(row: Row, fit: Fit, started: float, imports: float) -> Answers:
    fit(row.epochs)
    facts = {"value": time.time() - started, "import_s": imports, "peak_mb": _peak_mb()}
    facts["second_fit_s"] = _timed(fit, row.epochs)
    if _runs_on_jax():
        with _compiling() as programs:
            fit(row.epochs)
        facts["compiled_by_next_fit"] = len(programs)
        with _compiling() as programs:
            fit(7)
        facts["compiled_by_fit_of_7_epochs"] = len(programs)
    yield facts


def _search(row: Search, tune: Tune, members: int) -> Answers:
    for _ in itertools.chain([""], sys.stdin):
        with _compiling() as programs:
            start = time.perf_counter()
            loss, epochs = tune(members)
            took = time.perf_counter() - start
        facts = {"members_trained": members, "model_epochs": epochs, "best_loss": loss, "peak_mb": _peak_mb()}
        yield {"value": took / (epochs * row.steps), **facts, **_told_of(programs)}


class Program(NamedTuple):
    """A program that JAX compiled, or loaded from its cache, and when."""

    name: str
    begin: float
    end: float


@contextlib.contextmanager
def _compiling() -> Iterator[list[Program]]:
    """The programs compiled inside the block."""
    found: list[Program] = []
    if not _runs_on_jax():
        yield found
        return
    import jax

    def listen(event: str, seconds: float, **told: Any) -> None:
        if event == "/jax/core/compile/backend_compile_duration":
            now = time.perf_counter()
            found.append(Program(told.get("fun_name", ""), now - seconds, now))

    jax.monitoring.register_event_duration_secs_listener(listen)
    yield found
    jax.monitoring.unregister_event_duration_listener(listen)


def _runs_on_jax() -> bool:
    return "jax" in sys.modules and os.environ.get("KERAS_BACKEND", "jax") == "jax"


def _told_of(programs: list[Program]) -> dict[str, Any]:
    """How many there are, how many of them train caviar's members, and how long any was being compiled."""
    if not _runs_on_jax():
        return {}
    seconds = until = 0.0
    for program in sorted(programs, key=lambda program: program.begin):
        seconds += max(0.0, program.end - max(program.begin, until))
        until = max(until, program.end)
    facts: dict[str, Any] = {"programs": len(programs), "compiling_s": seconds}
    if "caviar" in sys.modules:
        facts["train_programs"] = sum("advance" in program.name for program in programs)
    return facts


def main(row_name: str, contender_name: str, seconds: str = "0.5") -> None:
    """Import, build, and answer."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print is no answer
    row, contender = ROWS[row_name], CONTENDERS[contender_name]
    started, before = float(os.environ.get("BENCHMARK_STARTED", time.time())), time.time()
    module = importlib.import_module(f"benchmarks.{contender.module}")
    imports = time.time() - before
    make = module.search if isinstance(row, Search) else module.make
    began = time.perf_counter()
    made = make(row, **contender.options)
    fit = made.fit if isinstance(made, Made) else made
    kinds = {
        "whole": lambda: _whole(row, made, float(seconds), began),
        "search": lambda: _search(row, fit, row.measured.get(contender_name, row.members)),
        "steps": lambda: _steps(row, fit, float(seconds)),
        "process": lambda: _process(row, fit, started),
        "facts": lambda: _facts(row, fit, started, imports),
    }
    for answer in kinds[row.kind]():
        print(json.dumps(answer), file=answers)


if __name__ == "__main__":
    main(*sys.argv[1:])
