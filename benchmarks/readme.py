"""The README's table from a record: `python -m benchmarks.readme benchmarks/records/NAME.md` prints it."""

from __future__ import annotations

import statistics
import sys
from pathlib import Path
from typing import Any

from benchmarks import record

BRIEFLY = {
    "mlp_small": "small MLP, 10-32-32-32-16-8-1",
    "mlp_wide": "wide MLP, 784-512-512-10, dropout",
    "mlp_large": "256-1024-1024-1024-10, batch 1024",
    "softmax_regression": "softmax of 64 features",
    "autoencoder": "autoencoder 784-128-32-128-784",
    "tabular": "3 x (dense 128, layer norm, relu, dropout)",
    "blocks": "12 x (dense 64, batch norm, relu, dropout)",
    "cnn": "CNN on 64x64x3, two convolutions",
    "residual_cnn": "residual CNN on 32x32x3",
    "text_cnn": "embedding, convolution over 100 tokens",
    "transformer": "two transformer blocks, 64 tokens",
    "lstm": "LSTM 64, 100 steps",
    "bilstm": "embedding, bidirectional LSTM 32",
    "gru": "two GRU 32, 50 steps",
}
_UNITS = {"us": 1e6, "ms": 1e3, "s": 1.0}


def table(rows: dict[str, Any]) -> str:
    """The networks of a record, in each figure: caviar, the best of Keras, the best of PyTorch; bold where caviar is first."""
    lines = [
        f"| caviar / Keras / PyTorch | {' | '.join(record.FIGURES.values())} |",
        "|---|" + "---:|" * len(record.FIGURES),
    ]
    for name, brief in BRIEFLY.items():
        figures = rows.get(name, {}).get("figures", {})
        if "caviar" in figures:
            lines.append(f"| {' | '.join([brief, *(_cell(key, figures) for key in record.FIGURES)])} |")
    return "\n".join(lines)


def _cell(key: str, figures: dict[str, Any]) -> str:
    medians = {name: statistics.median(found[key]) for name, found in figures.items() if "bf16" not in name}
    peers = [[value for name, value in medians.items() if name.startswith(kind)] for kind in ("keras", "torch")]
    best = [medians["caviar"], *(min(values) for values in peers if values)]
    unit = "MB" if key == "peak_mb" else _unit(max(best))
    own, *others = (_digits(value * _UNITS.get(unit, 1)) for value in best)
    return " / ".join([f"**{own}**" if best[0] == min(best) else own, *others]) + f" {unit}"


def _unit(seconds: float) -> str:
    return next((unit for unit, factor in reversed(_UNITS.items()) if seconds * factor >= 1), "us")


def _digits(value: float) -> str:
    """Two digits, or all before the point."""
    return f"{value:.0f}" if value >= 10 else f"{value:.2g}"


if __name__ == "__main__":
    print(table(record.read(Path(sys.argv[1]))[1]))
