"""Tools for the pictures of a study: places of trials, scales of axes, meanings of colours."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np

from caviar.errors import ArgumentError
from caviar.insight.picture import as_it_is, picture, save
from caviar.studies.tables import Dimension, ranked, shown, value_of, wrapped

Rows = Sequence[dict[str, Any]]
Path = str | os.PathLike[str] | None

BEST, GRAY, GRID = "#d1495b", "#8a8a8a", "#dddddd"
INACTIVE = -0.12  # the place of a trial along a hyperparameter that it does not have
_BEYOND = -0.06  # how far outside the axis diverged trials are drawn
_FAR = 5  # values this many times as far from the best as the median are drawn at the edge


def place(dimension: Dimension, value: Any) -> float:
    """The place of a value, from 0 to 1, on an axis with the scale of the range.

    >>> from caviar.studies.drawing import place
    >>> from caviar.studies.tables import Dimension
    >>> from caviar.ranges import LogUniform
    >>> place(Dimension("learning_rate", LogUniform(1e-4, 1)), 0.01)
    0.5
    """
    if dimension.range.scale == "choice":
        return float(dimension.range.unit(value))
    low, high = _ends(dimension.range)
    return (_stretched(value, dimension.range.scale) - low) / (high - low) if high > low else 0.5


def ticks(dimension: Dimension) -> list[tuple[float, str]]:
    """Places and labels for the axis: powers of ten; 0.9, 0.99, 0.999; round numbers; or the choices.

    >>> from caviar.studies.drawing import ticks
    >>> from caviar.studies.tables import Dimension
    >>> from caviar.ranges import LogUniform, OneMinus
    >>> [label for place, label in ticks(Dimension("momentum", OneMinus(LogUniform(1e-3, 1e-1))))]
    ['0.9', '0.99', '0.999']
    """
    span = dimension.range
    if span.scale == "choice":
        options = [span.at((i + 0.5) / 512) for i in range(512)]
        return sorted({place(dimension, option): as_it_is(shown(option)) for option in options}.items())
    low, high = _ends(span)
    if low == high:
        return [(0.5, shown(span.at(0.0)))]
    whole = isinstance(span.at(0.0), Integral)
    return [((at - low) / (high - low), label) for at, label in _marks(low, high, span.scale, whole)]


def _ends(span: Any) -> tuple[float, float]:
    """The ends of an axis, on its scale; for a range with long tails, those of the middle 99 % of its values."""
    low, low_tail, high_tail, high = (_stretched(span.at(u), span.scale) for u in (0.0, 0.005, 0.995, 1.0))
    if abs(high - low) > 1.5 * abs(high_tail - low_tail):
        low, high = low_tail, high_tail
    return min(low, high), max(low, high)


def _stretched(value: float, scale: str) -> float:
    """A value on its scale, where a decade, or another nine, has length 1."""
    if scale == "log":
        return math.log10(max(value, 1e-300))
    return -math.log10(max(1 - value, 1e-16)) if scale == "one_minus_log" else float(value)


def _marks(low: float, high: float, scale: str, whole: bool) -> list[tuple[float, str]]:
    """A few round values between two ends: the place of each on the scale, and its label."""
    if scale == "linear":
        size = 10.0 ** math.floor(math.log10((high - low) / 5))
        step = next(size * m for m in (1, 2, 5, 10) if size * m >= (high - low) / 5)
        step = max(step, 1) if whole else step
        return [(i * step, f"{i * step:.6g}") for i in _between(low / step, high / step)]
    decades = _between(low, high)
    if len(decades) > 1:
        label = "$10^{{{0}}}$" if scale == "log" else "{1:.10g}"
        return [(k, label.format(k, 1 - 10.0**-k)) for k in decades[:: math.ceil(len(decades) / 6)]]
    sign = 1 if scale == "log" else -1
    exponents = [(k, m) for k in range(math.floor(low) - 1, math.ceil(high) + 2) for m in (1, 2, 5)]
    tens = [m * 10.0 ** (sign * k) for k, m in exponents]
    values = tens if scale == "log" else sorted(1 - ten for ten in tens)
    inside = [(_stretched(v, scale), f"{v:.10g}") for v in values if low <= _stretched(v, scale) <= high]
    return inside if len(inside) > 1 else [(at, f"{_value(at, scale):.4g}") for at in (low, high)]


def _value(stretched: float, scale: str) -> float:
    return 10.0**stretched if scale == "log" else 1 - 10.0**-stretched


def _between(low: float, high: float) -> range:
    return range(math.ceil(low - 1e-9), math.floor(high + 1e-9) + 1)


class _Span(NamedTuple):
    """An interval of values, which serves as the range of an axis."""

    low: float
    high: float
    scale: str

    def at(self, unit: float) -> float:
        return self.high if unit > 0.5 else self.low


class DrawnTrials(NamedTuple):
    """The trials to draw: those with a value, best first, how high each stands, and those that diverged."""

    shown: list[dict[str, Any]]
    heights: np.ndarray
    diverged: list[dict[str, Any]]
    value: Dimension
    colors: str
    edge: float  # the height of crosses: beyond the worst value
    title: str

    @classmethod
    def of(cls, rows: Rows, monitor: str, sign: int) -> DrawnTrials:
        """Sort the rows of a study."""
        diverged = [row for row in rows if row.get("status") == "diverged"]
        alive = [row for row in ranked(rows, monitor, sign) if row.get("status") != "diverged"]
        drawn = [row for row in alive if math.isfinite(value_of(row, monitor))]
        if not drawn and not diverged:
            raise ArgumentError(f"there is nothing to draw: none of {len(rows)} trials has a {monitor} yet")
        values = np.array([value_of(row, monitor) for row in drawn])
        value = Dimension(monitor, _span(values, sign))
        heights = np.array([np.clip(place(value, v), 0, 1) for v in values])
        title = f"{monitor} of {len(rows)} trial{'s' * (len(rows) != 1)}"
        title += f", best {shown(values[0])} (trial {drawn[0]['trial']})" if drawn else ""
        title += f", {len(diverged)} diverged" if diverged else ""
        colors, edge = ("viridis_r", _BEYOND) if sign > 0 else ("viridis", 1 - _BEYOND)
        return cls(drawn, heights, diverged, value, colors, edge, title)


def _span(values: np.ndarray, sign: int) -> _Span:
    """From the best to the worst value, but not so far that a few very bad trials squeeze all others together."""
    if not len(values):
        return _Span(0.0, 1.0, "linear")
    scale = "log" if wants_log(values, sign) else "linear"
    spread = np.log10(values) if scale == "log" else values
    best, worst = sorted((spread.min(), spread.max()), key=lambda v: -sign * v)
    far = _FAR * abs(best - np.median(spread))
    if 0 < far < abs(best - worst):
        worst = best - sign * far
    low, high = sorted(10.0**v if scale == "log" else v for v in (best, worst))
    return _Span(float(low), float(high), scale)


def wants_log(values: np.ndarray, sign: int) -> bool:
    """Whether to use a logarithmic axis: for a loss that spans more than two decades."""
    return bool(sign < 0 and len(values) and values.min() > 0 and values.max() > 100 * values.min())


def active(row: dict[str, Any], pair: Sequence[Dimension]) -> bool:
    """Whether a trial has these hyperparameters."""
    return all(row.get(dimension.name) is not None for dimension in pair)


def place_of(dimension: Dimension, row: dict[str, Any]) -> float:
    """The place of a trial; those with the same choice are drawn beside each other, always in the same order."""
    value = row.get(dimension.name)
    if value is None:
        return INACTIVE
    aside = (row["trial"] * 0.618 % 1 - 0.5) * 0.05 if dimension.range.scale == "choice" else 0.0
    return float(np.clip(place(dimension, value), 0, 1)) + aside


def places_of(pair: Sequence[Dimension], rows: Rows) -> np.ndarray:
    """The places of trials in the plane of two hyperparameters."""
    return np.array([[place_of(dimension, row) for dimension in pair] for row in rows]).reshape(-1, 2)


def panels_of(axes: Any, count: int, size: tuple[float, float], columns: int = 1) -> list[Any]:
    """The axes that were given, or those of a new figure."""
    if axes is not None:
        return list(np.ravel(axes))
    figure = picture(*size)
    return [figure.add_subplot(math.ceil(count / columns), columns, i + 1) for i in range(count)]


def unit_norm() -> Any:
    """The norm by which colours are given to places from 0 to 1."""
    from matplotlib.colors import Normalize

    return Normalize(0, 1)


def faintness(count: int) -> float:
    """The opacity of lines: the more there are, the fainter each."""
    return float(np.clip(30 / max(count, 1), 0.15, 0.8))


def dot_size(count: int) -> float:
    """The size of dots: the more there are, the smaller each."""
    return float(np.clip(4000 / max(count, 1), 12, 50))


def draw_lines(axes: Any, lines: Sequence[np.ndarray], **style: Any) -> None:
    """Draw many lines at once."""
    from matplotlib.collections import LineCollection

    axes.add_collection(LineCollection(lines, linewidths=1.1, **style), autolim=False)


def draw_upright(axes: Any, x: int, dimension: Dimension, inactive: bool) -> None:
    """Draw one of the parallel axes, with its labels beside it."""
    axes.plot([x, x], [0, 1], color="black", linewidth=0.8, zorder=4)
    marks = ticks(dimension) + [(INACTIVE, "not used")] * inactive
    for y, label in marks:
        axes.plot([x - 0.02, x], [y, y], color="black", linewidth=0.8, zorder=4)
        text = axes.annotate(_short(label), (x, y), (-5, 0), textcoords="offset points", ha="right", va="center")
        text.set(fontsize=7.5, zorder=6, bbox={"facecolor": "white", "alpha": 0.75, "linewidth": 0, "pad": 0.6})


def _short(text: str) -> str:
    return text if len(text) <= 16 or "$" in text else f"{text[:15]}…"


def named(dimension: Dimension, width: int = 26) -> str:
    """The name of a hyperparameter, broken into lines."""
    return as_it_is(wrapped(dimension.name, width))


def rule(axes: Any, side: str, dimension: Dimension) -> None:
    """The scale of a hyperparameter, or of the value, along one side."""
    places, labels = zip(*ticks(dimension), strict=True)
    long = side == "x" and sum(map(len, labels)) > 30 and dimension.range.scale == "choice"
    style = {"rotation": 30, "ha": "right", "rotation_mode": "anchor"} if long else {}
    axis = axes.xaxis if side == "x" else axes.yaxis
    axis.set_ticks(places, [_short(label) for label in labels], fontsize=8, **style)
    axes.set(**{f"{side}lim": (-0.09, 1.09), f"{side}label": named(dimension)})
    axes.grid(color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def draw_ring(axes: Any, x: Any, y: Any) -> None:
    """Mark the best trial."""
    axes.scatter(x, y, s=140, facecolors="none", edgecolors=BEST, linewidths=2, zorder=5)


def finish(axes: Any, found: DrawnTrials, path: Path, bar: bool = False) -> Any:
    """Add the title and a bar that explains the colours, and write the file."""
    axes.set_title(as_it_is(found.title), fontsize=10)
    if bar:
        from matplotlib.cm import ScalarMappable

        colors = axes.figure.colorbar(ScalarMappable(unit_norm(), found.colors), ax=axes, pad=0.02)
        places, labels = zip(*ticks(found.value), strict=True)
        colors.set_ticks(places, labels=labels, fontsize=8)
        colors.set_label(as_it_is(found.value.name))
    return save(axes.figure, path)
