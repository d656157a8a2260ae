"""Run the benchmarks: `python -m benchmarks [--rows mlp_small,cnn] [--rounds 5] [--quick]`. See README.md."""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from benchmarks import record
from benchmarks.contenders import CONTENDERS
from benchmarks.rows import ROWS, Row

FOLDER = Path(__file__).parent
PATIENCE = {"whole": 240, "search": 3600}  # seconds without an answer, after which a worker is given up


class Failed(Exception):
    """A contender that gave no answer."""


class Worker:
    """A contender's process."""

    def __init__(self, row: Row, name: str, cores: list[int], seconds: float, scratch: Path):
        kept, fresh = scratch / f"{row.name}-{name}", tempfile.mkdtemp(dir=scratch)
        own = {key: value.format(kept=kept, fresh=fresh) for key, value in CONTENDERS[name].env.items()}
        self.patience = PATIENCE.get(row.kind, 900)
        self.errors = Path(fresh + ".err")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", row.name, name, str(seconds)],
            cwd=FOLDER.parent,
            env={**os.environ, **_same_for_all(len(cores)), **own},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors.open("w"),
            text=True,
        )
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(self.process.pid, cores)

    def read(self) -> dict[str, Any]:
        """The next answer."""
        began, watchdog = time.perf_counter(), threading.Timer(self.patience, self.process.kill)
        watchdog.start()
        line = self.process.stdout.readline()
        watchdog.cancel()
        if line:
            return json.loads(line)
        self.process.wait()
        if time.perf_counter() - began >= self.patience:
            raise Failed(f"no answer in {self.patience} s")
        raise Failed((self.errors.read_text().strip() or "no answer").splitlines()[-1][:300])

    def go(self) -> dict[str, Any]:
        """Ask for one more measurement."""
        with contextlib.suppress(BrokenPipeError):  # `read` says what happened
            print("go", file=self.process.stdin, flush=True)
        return self.read()

    def close(self) -> None:
        """End the process; what it had to say is said."""
        self.process.kill()
        self.process.wait()


def _same_for_all(cores: int) -> dict[str, str]:
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
    quiet = {"JAX_PLATFORMS": "cpu", "CUDA_VISIBLE_DEVICES": "", "TF_CPP_MIN_LOG_LEVEL": "2"}
    return {**dict.fromkeys(names, str(cores)), **quiet, "BENCHMARK_STARTED": str(time.time())}


class Session:
    """One row: who takes part, who cannot and why, and what was measured."""

    def __init__(self, row: Row, names: list[str], cores: list[int], seconds: float, scratch: Path):
        self.row, self.settings = row, (cores, seconds, scratch)
        self.names = [name for name in row.contenders if name in names]
        self.rounds: dict[str, list[float]] = {name: [] for name in self.names}
        self.figures: dict[str, dict[str, list[float]]] = {name: {} for name in self.names}  # of every round, too
        self.notes: dict[str, dict[str, Any]] = {}
        self.failed: dict[str, str] = {}
        self.load, self.began = [os.getloadavg()[0]], time.perf_counter()

    def run(self, rounds: int) -> dict[str, Any]:
        """Measure in turns, every other round in the opposite order, so that drift of the machine hits all alike."""
        workers = self._warm_up()
        for number in range(rounds):
            for name in self.names[:: 1 if number % 2 == 0 else -1]:
                if name not in self.failed and not (number and self.row.kind == "whole" and CONTENDERS[name].once):
                    self._measure(name, workers.get(name))
            latest = (f"{n} {record.scaled(v[number], self.row)}" for n, v in self.rounds.items() if len(v) > number)
            _say(f"  round {number + 1}/{rounds}: " + "  ".join(latest))
        for worker in workers.values():
            worker.close()
        self.load.append(os.getloadavg()[0])
        kept = {name: values for name, values in self.rounds.items() if name not in self.failed}
        figures = {name: self.figures[name] for name in kept}
        told = {"notes": self.notes, "failed": self.failed, "load": self.load}
        return {"rounds": kept, "figures": figures, **told, "took_s": time.perf_counter() - self.began}

    def _warm_up(self) -> dict[str, Worker]:
        """Start the workers that last; run whole processes once, which fills the caches."""
        workers = {}
        for name in self.names if self.row.kind != "whole" else ():  # where each round is a process, nothing is warm
            worker = Worker(self.row, name, *self.settings)
            try:
                start = time.perf_counter()
                self.notes[name] = worker.read()
                self.notes[name].pop("value", None)
                workers[name] = worker
                _say(f"  {name} is warm after {time.perf_counter() - start:.1f} s")
            except Failed as why:
                self._give_up(name, why)
            if not self._lasts(name):
                workers.pop(name, worker).close()
        return workers

    def _lasts(self, name: str) -> bool:
        """Whether one process makes all of a contender's measurements."""
        return self.row.kind in ("steps", "search") and not CONTENDERS[name].fresh

    def _measure(self, name: str, worker: Worker | None) -> None:
        single = worker or Worker(self.row, name, *self.settings)
        try:
            answer = single.go() if worker else single.read()
            for key, value in answer.items() if self.row.kind == "whole" else ():
                self.figures[name].setdefault(key, []).append(value)
            self.rounds[name].append(answer.pop("value"))
            self.notes.setdefault(name, {}).update(answer)
        except Failed as why:
            self._give_up(name, why)
        if not worker:
            single.close()

    def _give_up(self, name: str, why: Failed) -> None:
        self.failed[name] = str(why)
        _say(f"  {name} failed: {why}")


def _say(text: str) -> None:
    print(text, flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="caviar and its peers, side by side.")
    names = lambda text: text.split(",")  # noqa: E731
    rows = f"of {','.join(ROWS)}, or what several begin with, or networks; all by default, searches not if quick"
    parser.add_argument("--rows", type=names, help=rows)
    parser.add_argument("--contenders", type=names, default=list(CONTENDERS), help=f"of {','.join(CONTENDERS)}")
    parser.add_argument("--rounds", type=int, help="how often each contender is measured (5)")
    parser.add_argument("--seconds", type=float, help="the least time of one measurement (0.5)")
    parser.add_argument("--cores", type=int, help="processor cores for everyone; all by default")
    parser.add_argument("--quick", action="store_true", help="2 rounds of 0.2 s, no record unless --records is given")
    parser.add_argument("--records", type=Path, help="where the record goes (benchmarks/records)")
    parser.add_argument("--name", help="the record's name (the processor); rows that one of this name has are kept")
    args = parser.parse_args()
    all_rows = [name for name, row in ROWS.items() if not (args.quick and row.kind == "search")]
    args.rows = [name for given in args.rows or all_rows for name in _beginning_with(given)]
    for given, known in ((args.rows, ROWS), (args.contenders, CONTENDERS)):
        if unknown := [name for name in given if name not in known]:
            parser.error(f"unknown {', '.join(unknown)}; there are {', '.join(known)}")
    args.rounds = args.rounds or (2 if args.quick else 5)
    args.seconds = args.seconds or (0.2 if args.quick else 0.5)
    return args


def _beginning_with(given: str) -> list[str]:
    """The row of this name, or all that begin with it: `search` is `search_small`, ...; `networks` are all whole networks."""
    if given == "networks":
        return [name for name, row in ROWS.items() if row.kind == "whole"]
    return [given] if given in ROWS else [name for name in ROWS if name.startswith(f"{given}_")] or [given]


def _cores(wanted: int | None) -> list[int]:
    here = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
    return sorted(here)[:wanted]


def _installed(names: list[str]) -> list[str]:
    """The contenders that can take part; the others are named, with the packages they lack."""
    missing = {name: [p for p in CONTENDERS[name].needs if not importlib.util.find_spec(p)] for name in names}
    if without := [f"{name} ({', '.join(packages)})" for name, packages in missing.items() if packages]:
        _say(f"without {', '.join(without)}: not installed")
    return [name for name in names if not missing[name]]


def main() -> None:
    """Measure what was asked for, print the tables, and write the record."""
    args = _arguments()
    cores, names = _cores(args.cores), _installed(args.contenders)
    path, about, results = record.begun(args.records or FOLDER / "records", args.name, record.about(cores, args))
    if (load := os.getloadavg()[0]) > 0.5:
        _say(f"the load average is {load:.1f}: something else is running, so do not trust the times below")
    with tempfile.TemporaryDirectory() as scratch:
        for row in (ROWS[name] for name in args.rows):
            if row.name in results:
                _say(f"\n{row.name}: kept as {path} has it")
                continue
            _say(f"\n{row.name}: {row.title}")
            results[row.name] = Session(row, names, cores, args.seconds, Path(scratch)).run(args.rounds)
            _say("\n" + record.table(row, results[row.name]))
            if args.records or not args.quick:  # whoever is interrupted goes on by the same command
                record.write(path, about, results)
                _say(f"\nwritten: {path} and its .json")


if __name__ == "__main__":
    main()
