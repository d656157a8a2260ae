"""From measurements to a table, and to the dated record of a run."""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import json
import os
import platform
import re
import statistics
import subprocess
from pathlib import Path
from typing import Any

from benchmarks.rows import ROWS, Row, Search

_UNITS = {"us": 1e6, "ms": 1e3, "s": 1.0}
_PACKAGES = ("caviar", "jax", "jaxlib", "optax", "numpy", "keras", "tensorflow", "torch")
_PACKAGES += ("keras-tuner", "optuna", "joblib", "scikit-learn")


def scaled(seconds: float, row: Row) -> str:
    """Seconds in the unit of the row."""
    return f"{_digits(seconds * _UNITS[row.unit])} {row.unit}"


def _digits(value: float | None) -> str:
    """Three digits, and never an exponent."""
    if value is None:
        return ""
    return f"{value:.0f}" if isinstance(value, int) or value >= 100 else f"{value:.3g}"


def summary(result: dict[str, Any]) -> dict[str, Any]:
    """Medians, and each contender's [lowest, median, highest] ratio to the fastest float32 peer of the same round."""
    medians = {name: statistics.median(values) for name, values in result["rounds"].items() if values}
    peers = [name for name in medians if not name.startswith("caviar") and not name.endswith("bf16")]
    fastest = min(peers, key=medians.__getitem__, default=None)
    rounds = result["rounds"]
    ratios = {name: _ratios(rounds[name], rounds[fastest]) for name in medians} if fastest else {}
    return {"medians": medians, "fastest_peer": fastest, "ratios": ratios}


def _ratios(own: list[float], other: list[float]) -> list[float]:
    """The lowest, the median and the highest ratio of times of the same round."""
    each = [
        mine / theirs for mine, theirs in zip(own, other, strict=False)
    ]  # some are measured in the first round alone
    return [min(each), statistics.median(each), max(each)]


def table(row: Row, result: dict[str, Any]) -> str:
    """One row as a markdown table, the fastest first, with what it says about caviar above it."""
    if row.kind == "whole":
        return whole_table(row, result)
    numbers = summary(result)
    told = _whole_searches(row, result, numbers) if isinstance(row, Search) else result["notes"]
    notes = sorted({key for note in told.values() for key in note} - {"value", "epochs_a_round", "model_epochs"})
    of = {"steps": f" a step, {row.steps} steps an epoch", "search": " a model-step"}.get(row.kind, "")
    verdicts = _search_verdicts(row, result, numbers) if isinstance(row, Search) else _verdicts(row, numbers)
    lines = [*verdicts, "", f"| {row.name}{of} | median | lowest - highest | x fastest peer |"]
    titles = {"loss": f"loss after {row.epochs} epochs", "peak_mb": "peak MB"}
    lines[-1] += "".join(f" {titles.get(key, key.replace('_', ' '))} |" for key in notes)
    lines.append("|---|" + "---:|" * (3 + len(notes)))
    for name, median in sorted(numbers["medians"].items(), key=lambda item: item[1]):
        values, ratio = result["rounds"][name], numbers["ratios"].get(name, (None, None, None))
        spread = f"{scaled(min(values), row)} - {scaled(max(values), row)}"
        cells = [name, scaled(median, row), spread, _digits(ratio[1])]
        cells += [_digits(told[name].get(key)) for key in notes]
        lines.append(f"| {' | '.join(cells)} |")
    lines += [f"| {name} | failed: {why.replace('|', '/')} |" for name, why in result["failed"].items()]
    return "\n".join(lines)


FIGURES = {"value": "a step", "first_epoch_s": "first epoch", "one_row_s": "one row", "all_rows_s": "all rows"}
FIGURES |= {"peak_mb": "peak MB"}


def whole_table(row: Row, result: dict[str, Any]) -> str:
    """A row whose contenders were measured in all that a person meets: medians, and where caviar stands in each."""
    figures = {name: found for name, found in result["figures"].items() if found}
    lines = [_stand(key, title, figures) for key, title in FIGURES.items() if "caviar" in figures and len(figures) > 1]
    of = ", ".join([f"a step of {row.steps} an epoch", f"all of {row.samples} rows", "loss after the first"])
    before, after = result["load"]
    lines += [
        f"- The load average went from {before:.1f} to {after:.1f}; measuring took {result.get('took_s', 0):.0f} s.",
        "",
        f"| {row.name}: {of} | {' | '.join([*FIGURES.values(), 'loss'])} |",
        f"|---|{'---:|' * 6}",
    ]
    for name, found in sorted(figures.items(), key=lambda item: statistics.median(item[1]["value"])):
        times = [_time(statistics.median(found[key])) for key in FIGURES if key != "peak_mb"]
        rest = [_digits(statistics.median(found[key])) for key in ("peak_mb", "loss")]
        lines.append(f"| {' | '.join([name, *times, *rest])} |")
    lines += [f"| {name} | failed: {why.replace('|', '/')} |" for name, why in result["failed"].items()]
    return "\n".join(lines)


def _stand(key: str, title: str, figures: dict[str, Any]) -> str:
    """Where caviar stands in one figure: its share of what the best float32 peer takes, round by round."""
    peer, (low, middle, high) = best_peer(key, figures)
    where = "ahead of" if high < 1 else "BEHIND" if low > 1 else "about level with"
    return f"- **{title}**: caviar takes {middle:.2f} ({low:.2f} - {high:.2f}) of {peer}'s, and is {where} it."


def best_peer(key: str, figures: dict[str, Any]) -> tuple[str, list[float]]:
    """The peer that takes least of something, and the [lowest, median, highest] share of it that caviar takes."""
    medians = {
        n: statistics.median(f[key]) for n, f in figures.items() if not n.startswith("caviar") and "bf16" not in n
    }
    if not medians:
        return "nobody", [1.0, 1.0, 1.0]
    peer = min(medians, key=medians.__getitem__)
    return peer, _ratios(figures["caviar"][key], figures[peer][key])


def losses(results: dict[str, Any]) -> list[str]:
    """Where caviar loses: every figure of every row in which its median round is behind the best peer, the worst first."""
    found = []
    for name, result in results.items():
        figures = {n: f for n, f in result.get("figures", {}).items() if f}
        for key, title in FIGURES.items() if "caviar" in figures else ():
            peer, (low, middle, high) = best_peer(key, figures)
            if middle > 1:
                found.append((middle, f"- {name}, {title}: {middle:.2f} ({low:.2f} - {high:.2f}) of {peer}'s"))
    return [line for _, line in sorted(found, reverse=True)]


def _time(seconds: float) -> str:
    """Seconds in the unit that needs fewest digits."""
    unit, factor = next((u, f) for u, f in (("s", 1.0), ("ms", 1e3), ("us", 1e6)) if seconds * f >= 1 or u == "us")
    return f"{_digits(seconds * factor)} {unit}"


def _verdicts(row: Row, numbers: dict[str, Any]) -> list[str]:
    """What the numbers say about caviar: against the fastest float32 peer, and a bfloat16 one against its like too."""
    medians = numbers["medians"]
    like = min((n for n in medians if "bf16" in n and "caviar" not in n), key=medians.get, default=None)
    lines = []
    for name, (low, middle, high) in numbers["ratios"].items():
        if not name.startswith("caviar"):
            continue
        line = f"- **{name}** takes {middle:.2f} ({low:.2f} - {high:.2f}) of the time of {numbers['fastest_peer']}"
        if "bf16" in name and like:
            line += f", {medians[name] / medians[like]:.2f} of {like}'s"
        aim = row.aim if name == row.contenders[0] else None
        lines.append(line + (f"; the aim is {aim:.3g}" if aim else "") + ".")
    return lines


def _whole_searches(row: Search, result: dict[str, Any], numbers: dict[str, Any]) -> dict[str, Any]:
    """The notes, and how long the search takes with all its members: who trained fewer is multiplied."""
    told = {}
    for name, median in numbers["medians"].items():
        note = result["notes"][name]
        epochs = note["model_epochs"] * row.members / note["members_trained"]
        told[name] = {**note, f"all_{row.members}_s": median * epochs * row.steps}
    return told


def _search_verdicts(row: Search, result: dict[str, Any], numbers: dict[str, Any]) -> list[str]:
    """How many times as fast caviar's searches are as each of the others, and what they spare and take."""
    rounds, notes = result["rounds"], result["notes"]
    lines = []
    for own in ("caviar", "caviar-first"):
        others = [n for n in numbers["medians"] if not n.startswith("caviar") or n == "caviar-alone"]
        told = [_times_as_fast(rounds[own], rounds[n], n, row.aims.get(n)) for n in others if rounds.get(own)]
        lines += [f"- **{own}** is, by time a model-step, {', '.join(told)}."] if told else []
    if rounds.get("caviar") and rounds.get("caviar-halving"):
        share = notes["caviar-halving"]["model_epochs"] / notes["caviar"]["model_epochs"]
        spent = share * _ratios(rounds["caviar-halving"], rounds["caviar"])[1]
        lines.append(f"- **caviar-halving** trains {share:.4f} of caviar's model-epochs, in {spent:.4f} of its time.")
    if row.aim_mb and "caviar" in notes:
        lines.append(
            f"- **caviar** takes {notes['caviar']['peak_mb']:.0f} MB at its peak; the aim is {row.aim_mb:.0f}."
        )
    return lines


def _times_as_fast(own: list[float], other: list[float], name: str, aim: float | None) -> str:
    low, middle, high = _ratios(other, own)
    ratio = f"{_digits(middle)} ({_digits(low)} - {_digits(high)}) times as fast as {name}"
    return f"{ratio} (the aim is {aim:.3g})" if aim else ratio


def about(cores: list[int], args: argparse.Namespace) -> dict[str, Any]:
    """When, where and with what."""
    return {
        "date": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
        "processor": _processor(),
        "cores": f"{len(cores)} of {os.cpu_count()}",
        "system": platform.platform(),
        "load_average_before": [round(load, 2) for load in os.getloadavg()],
        "versions": {"python": platform.python_version(), **{name: _version(name) for name in _PACKAGES}},
        "XLA_FLAGS": os.environ.get("XLA_FLAGS", ""),
        "commit": _commit(),
        "rounds": args.rounds,
        "seconds": args.seconds,
    }


def _processor() -> str:
    try:
        facts = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor()
    found = re.search(r"model name\s*: (.*)", facts)
    return found[1] if found else platform.processor()


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "source tree" if package == "caviar" else "not installed"


def _commit() -> str:
    def git(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=Path(__file__).parent, capture_output=True, text=True).stdout.strip()

    try:
        return git("rev-parse", "HEAD") + (" and uncommitted changes" if git("status", "--porcelain") else "")
    except OSError:
        return "unknown"


def begun(folder: Path, name: str | None, about: dict[str, Any]) -> tuple[Path, dict[str, Any], dict[str, Any]]:
    """Where the record goes, what it says about the machine, and the rows that one of this name has already."""
    slug = re.sub(
        r"[^a-z0-9]+", "-", (name or f"{about['processor']} {about['cores'].split()[0]} cores").lower()
    ).strip("-")
    known = sorted(folder.glob(f"????-??-??-{slug}.json")) if name else []
    if not known:
        return folder / f"{about['date'][:10]}-{slug}.md", about, {}
    return known[-1].with_suffix(".md"), *read(known[-1])


def read(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a record says about the machine, and its rows."""
    found = json.loads(path.with_suffix(".json").read_text())
    return found["about"], found["rows"]


def write(path: Path, about: dict[str, Any], results: dict[str, Any]) -> None:
    """The record twice: all numbers as JSON, and the tables to read as markdown."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for result in results.values():
        result.setdefault("commit", _commit())
    about = {**about, "commit": ", ".join(dict.fromkeys(result["commit"] for result in results.values()))}
    full = {row: {"title": ROWS[row].title, **result, **summary(result)} for row, result in results.items()}
    path.with_suffix(".json").write_text(json.dumps({"about": about, "rows": full}, indent=1) + "\n")
    facts = [f"- {key.replace('_', ' ')}: {_words(value)}" for key, value in about.items() if value]
    tables = [f"## {row}: {ROWS[row].title}\n\n{table(ROWS[row], result)}" for row, result in results.items()]
    behind = ["## Where caviar loses\n\n" + "\n".join(losses(results) or ["Nowhere."])] if _has_whole(results) else []
    path.write_text("\n\n".join([f"# {path.stem}", "\n".join(facts), *behind, *tables]) + "\n")


def _has_whole(results: dict[str, Any]) -> bool:
    return any(ROWS[name].kind == "whole" for name in results)


def _words(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {item}" for key, item in value.items())
    return " / ".join(map(str, value)) if isinstance(value, list) else str(value)
