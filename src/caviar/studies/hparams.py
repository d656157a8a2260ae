"""A study for TensorBoard's HParams tab, whose messages (plugin_data.proto, api.proto) are encoded here by hand."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from caviar.files import as_path
from caviar.studies.tables import Dimension, value_of
from caviar.training.events import EventWriter, message

_STRING, _BOOL, _NUMBER = 1, 2, 3  # DataType
_OUTCOMES = {"finished": 1, "stopped": 1, "diverged": 2, "failed": 2, "running": 3}  # Status


def write_hparams(
    folder: str | os.PathLike[str],
    rows: Sequence[Mapping[str, Any]],
    curves: Mapping[int, Mapping[str, Any]],
    dimensions: Sequence[Dimension],
    monitor: str,
) -> Path:
    """Write a study as TensorBoard reads it, a folder for each trial; what an earlier call wrote there is replaced.

    The metric of a trial is named "trial/" and the monitor: its value in the row, where the curve of the monitor
    itself ends wherever training ended.

    >>> from caviar.studies.hparams import write_hparams
    >>> from caviar.studies.tables import Dimension
    >>> import tempfile
    >>> from caviar.ranges import Uniform
    >>> rows = [{"trial": 7, "momentum": 0.5, "status": "finished", "val_loss": 0.25}]
    >>> dimensions = [Dimension("momentum", Uniform(0, 1))]
    >>> folder = write_hparams(tempfile.mkdtemp(), rows, {7: {"val_loss": [0.5, 0.25]}}, dimensions, "val_loss")
    >>> [path.name for path in folder.iterdir() if path.is_dir()]
    ['trial_0007']
    """
    folder = as_path(folder)
    kinds = {name: _kind([row.get(name) for row in rows]) for name, _ in dimensions}
    with EventWriter(folder) as writer:
        _plugin(writer, "experiment", 2, _experiment(rows, dimensions, kinds, monitor))
    _settle(writer)
    for row in rows:
        logs = curves.get(row["trial"], {})
        with EventWriter(folder / f"trial_{row['trial']:04d}") as writer:
            _write_trial(writer, row, logs, kinds, monitor)
        _settle(writer)
    return folder


def _write_trial(
    writer: EventWriter, row: Mapping[str, Any], logs: Mapping[str, Any], kinds: Mapping[str, int], monitor: str
) -> None:
    now = time.time()
    used = {name: kind for name, kind in kinds.items() if row.get(name) is not None}
    settings = [(1, message((1, name), (2, _value(row[name], kind)))) for name, kind in used.items()]
    _plugin(writer, "session_start_info", 3, message(*settings, (4, f"trial {row['trial']}"), (5, now)))
    for name, log in logs.items():
        for epoch, value in enumerate(np.asarray(log, float)):
            writer.scalar(name, value, step=epoch)
    value = value_of(row, monitor)
    if math.isfinite(value):  # the tab cannot show NaN or infinity: such a trial gets no value
        writer.scalar(f"trial/{monitor}", value, step=int(row.get("epochs", 0)))
    outcome = _OUTCOMES.get(row.get("status", "finished"))
    if outcome is not None:
        _plugin(writer, "session_end_info", 4, message((1, outcome), (2, now)))


def _plugin(writer: EventWriter, name: str, field: int, content: bytes) -> None:
    writer.for_plugin("hparams", f"_hparams_/{name}", message((field, content)))


def _experiment(
    rows: Sequence[Mapping[str, Any]], dimensions: Sequence[Dimension], kinds: Mapping[str, int], monitor: str
) -> bytes:
    """The message about the experiment: its hyperparameters and its metric."""
    infos = []
    for name, span in dimensions:
        values = [row[name] for row in rows if row.get(name) is not None]
        listed = span.scale == "choice" or kinds[name] != _NUMBER
        infos.append((4, message((1, name), (4, kinds[name]), *_domain(values, kinds[name], listed), (7, 1))))
    metric = message((1, message((1, ""), (2, f"trial/{monitor}"))), (3, monitor))
    return message((3, time.time()), *infos, (5, metric))


def _domain(values: Sequence[Any], kind: int, listed: bool) -> list[tuple[int, bytes]]:
    """The domain of a hyperparameter: all its values, or the smallest and the largest."""
    if not values:
        return []
    if listed:
        distinct = sorted({str(v) if kind == _STRING else v for v in values})
        return [(5, message(*[(1, _value(v, kind)) for v in distinct]))]
    return [(6, message((1, float(min(values))), (2, float(max(values)))))]


def _kind(values: Sequence[Any]) -> int:
    """The type of a hyperparameter's values: numbers, booleans, or else text; None values do not count."""
    present = [value for value in values if value is not None]
    if present and all(isinstance(value, bool | np.bool_) for value in present):
        return _BOOL
    numbers = int | float | np.integer | np.floating
    return _NUMBER if all(isinstance(v, numbers) and not isinstance(v, bool) for v in present) else _STRING


def _value(value: Any, kind: int) -> bytes:
    """A google.protobuf.Value."""
    if kind == _STRING:
        return message((3, str(value)))
    return message((4, bool(value))) if kind == _BOOL else message((2, float(value)))


def _settle(writer: EventWriter) -> None:
    """Give the file a fixed name, so that a study written again is not shown twice."""
    writer.path.replace(writer.path.with_name("events.out.tfevents.study"))
