"""Pictures of a study. Every hyperparameter is drawn on its own scale; what is better is darker, the best is red."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import numpy as np

from caviar.arguments import check
from caviar.declarations import Number, Seed
from caviar.errors import ArgumentError, unknown_name
from caviar.insight.picture import as_it_is, picture, save
from caviar.studies.drawing import (
    BEST,
    GRAY,
    GRID,
    INACTIVE,
    DrawnTrials,
    Path,
    Rows,
    active,
    dot_size,
    draw_lines,
    draw_ring,
    draw_upright,
    faintness,
    finish,
    named,
    panels_of,
    place_of,
    places_of,
    rule,
    unit_norm,
    wants_log,
)
from caviar.studies.importance import importance
from caviar.studies.tables import Dimension, shown, value_of

__all__ = ["plot_grid_versus_random"]

_LEADERS = [BEST, "#1f5f8b", "#2e9e6b", "#e3963e", "#7d5ba6"]
_MARKERS = "os^DvP*"
_MOST_UPRIGHT = 6  # how many parallel axes fit into a quarter of an overview


def plot_parallel(
    rows: Rows, dimensions: Sequence[Dimension], monitor: str, sign: int, axes: Any = None, path: Path = None
) -> Any:
    """Every trial as a line through its hyperparameters to its value; those of the best trial are in red.

    >>> from caviar.studies.plots import plot_parallel
    >>> from caviar.studies.tables import Dimension
    >>> from caviar.ranges import LogUniform
    >>> rows = [{"trial": 0, "learning_rate": 1e-3, "status": "finished", "val_loss": 0.5}]
    >>> figure = plot_parallel(rows, [Dimension("learning_rate", LogUniform(1e-4, 1))], "val_loss", -1)
    >>> [label.get_text() for label in figure.axes[0].get_xticklabels()]
    ['learning_rate', 'val_loss']
    """
    found = DrawnTrials.of(rows, monitor, sign)
    columns = [*dimensions, found.value]
    (axes,) = panels_of(axes, 1, (max(6.5, 1.5 * len(columns)), 4.6))
    places = [[place_of(d, row) for d in dimensions] for row in found.shown + found.diverged]
    ends = [*found.heights, *[found.edge] * len(found.diverged)]
    lines = [np.column_stack([np.arange(len(columns)), [*p, end]]) for p, end in zip(places, ends, strict=True)]
    count, faint = len(found.shown), faintness(len(found.shown))
    draw_lines(axes, lines[count:], colors=GRAY, linestyles="--", alpha=faint)
    draw_lines(axes, lines[:count][::-1], array=found.heights[::-1], cmap=found.colors, norm=unit_norm(), alpha=faint)
    axes.plot([len(dimensions)] * len(lines[count:]), ends[count:], "x", color=GRAY, clip_on=False)
    for line in lines[: min(count, 1)]:
        axes.plot(*line.T, color=BEST, linewidth=2.4, marker="o", markersize=4, clip_on=False, zorder=5)
    for i, dimension in enumerate(columns):
        draw_upright(axes, i, dimension, inactive=i < len(dimensions) and INACTIVE in [place[i] for place in places])
    axes.set_xticks(range(len(columns)), [named(d, 14) for d in columns], fontsize=9)
    axes.set(xlim=(-0.4, len(columns) - 0.6), ylim=(min([0.0, *np.ravel(places), *ends]) - 0.04, 1.08), yticks=[])
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    return finish(axes, found, path, bar=True)


def plot_scatter(
    rows: Rows, dimensions: Sequence[Dimension], monitor: str, sign: int, axes: Any = None, path: Path = None
) -> Any:
    """The value against each hyperparameter, the most important first; `axes` are as many as hyperparameters.

    >>> from caviar.studies.plots import plot_scatter
    >>> from caviar.studies.tables import Dimension
    >>> from caviar.ranges import Uniform
    >>> rows = [{"trial": i, "momentum": i / 4, "status": "finished", "val_loss": 0.5 + i} for i in range(4)]
    >>> plot_scatter(rows, [Dimension("momentum", Uniform(0, 1))], "val_loss", -1).axes[0].get_xlabel()
    'momentum'
    """
    if not dimensions:
        raise ArgumentError("there is nothing to draw: the study has no hyperparameters")
    found = DrawnTrials.of(rows, monitor, sign)
    matters = importance(rows, dimensions, monitor, sign)
    columns = min(len(dimensions), 4)
    size = (max(3.2 * columns, 4.6), 3.1 * math.ceil(len(dimensions) / columns))
    new, axes = axes is None, panels_of(axes, len(dimensions), size, columns)
    for i, dimension in enumerate(sorted(dimensions, key=lambda d: -matters[d.name])):
        panel = axes[i]
        _scatter(panel, found, dimension)
        panel.set_ylabel(as_it_is(monitor) if i % columns == 0 else "")
        if matters[dimension.name]:
            panel.set_title(f"explains {matters[dimension.name]:.0%}", fontsize=9)
    if new:
        axes[0].figure.suptitle(as_it_is(found.title), fontsize=11)
    return save(axes[0].figure, path)


def plot_curves(
    curves: Mapping[int, Mapping[str, Any]], rows: Rows, monitor: str, sign: int, axes: Any = None, path: Path = None
) -> Any:
    """The learning curves of all trials, thin; those of the best five in colour; a cross where one diverged.

    >>> from caviar.studies.plots import plot_curves
    >>> rows = [{"trial": 0, "status": "finished", "val_loss": 0.5}]
    >>> plot_curves({0: {"val_loss": [1.0, 0.5]}}, rows, "val_loss", -1).axes[0].get_xlabel()
    'epoch'
    """
    found = DrawnTrials.of(rows, monitor, sign)
    (axes,) = panels_of(axes, 1, (6.5, 4.2))
    logs = {trial: np.asarray(log[monitor], float) for trial, log in curves.items() if monitor in log}
    diverged = {row["trial"] for row in found.diverged}
    for log in logs.values():
        axes.plot(np.arange(1, len(log) + 1), log, color=GRAY, linewidth=0.8, alpha=faintness(len(logs)))
    leaders = [row for row in found.shown if row["trial"] in logs][: len(_LEADERS)]
    kept = [log for trial, log in logs.items() if trial not in diverged] or list(logs.values())
    _limit(axes, kept, [logs[row["trial"]] for row in leaders], sign)
    for log in [log for trial, log in logs.items() if trial in diverged and np.isfinite(log).any()]:
        last = np.flatnonzero(np.isfinite(log))[-1]
        axes.plot(last + 1, np.clip(log[last], *axes.get_ylim()), "x", color=GRAY, clip_on=False)
    for i, row in reversed(list(enumerate(leaders))):
        log, label = logs[row["trial"]], f"trial {row['trial']}: {shown(value_of(row, monitor))}"
        marker = "o" if len(log) == 1 else None
        axes.plot(np.arange(1, len(log) + 1), log, color=_LEADERS[i], linewidth=1.8, label=label, marker=marker)
    axes.set(xlabel="epoch", ylabel=as_it_is(monitor))
    axes.grid(color=GRID, linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    if leaders:
        handles, labels = axes.get_legend_handles_labels()
        axes.legend(handles[::-1], labels[::-1], frameon=False, fontsize=8)
    return finish(axes, found, path)


def plot_zoom(
    rows: Rows,
    dimensions: Sequence[Dimension],
    monitor: str,
    sign: int,
    names: Sequence[str] | None = None,
    axes: Any = None,
    path: Path = None,
) -> Any:
    """From coarse to fine: the trials of each round over two hyperparameters, a box around those of each later round.

    Without `names` the two most important hyperparameters are drawn, numbers before choices.

    >>> from caviar.studies.plots import plot_zoom
    >>> from caviar.studies.tables import Dimension
    >>> from caviar.ranges import Uniform
    >>> rows = [{"trial": i, "round": 1, "a": i / 9, "b": 0.5, "status": "finished", "val_loss": i} for i in range(9)]
    >>> figure = plot_zoom(rows, [Dimension("a", Uniform(0, 1)), Dimension("b", Uniform(0, 1))], "val_loss", -1)
    >>> figure.axes[0].get_xlabel(), figure.axes[0].get_ylabel()
    ('a', 'b')
    """
    found = DrawnTrials.of(rows, monitor, sign)
    pair = _two(rows, dimensions, monitor, sign, names)
    (axes,) = panels_of(axes, 1, (6.2, 5))
    rounds = sorted({row.get("round", 1) for row in found.shown + found.diverged})
    for i, number in enumerate(rounds):
        inside = [j for j, row in enumerate(found.shown) if row.get("round", 1) == number and active(row, pair)][::-1]
        places = places_of(pair, [found.shown[j] for j in inside])
        style = {"marker": _MARKERS[i % len(_MARKERS)], "cmap": found.colors, "norm": unit_norm(), "linewidths": 0}
        axes.scatter(*places.T, c=found.heights[inside], s=dot_size(len(found.shown)), label=f"round {number}", **style)
        if i and len(places):
            _box(axes, places, f"round {number}", above=i % 2 == 1)
    axes.plot(*places_of(pair, [row for row in found.diverged if active(row, pair)]).T, "x", color=GRAY, markersize=5)
    draw_ring(axes, *places_of(pair, [row for row in found.shown[:1] if active(row, pair)]).T)
    for side, dimension in zip("xy", pair, strict=True):
        rule(axes, side, dimension)
    if len(rounds) > 1:
        legend = axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(0, -0.12), ncols=4, frameon=False)
        for handle in legend.legend_handles:
            handle.set(array=None, facecolor=GRAY)
    return finish(axes, found, path, bar=True)


_Side = Annotated[int, Number(least=1, most=100, whole=True)]


def plot_grid_versus_random(side: _Side = 5, seed: Seed = 0, axes: Any = None, path: Path = None) -> Any:
    """Why not a grid: as many trials test `side` values of the hyperparameter that matters, or side * side values.

    >>> from caviar.studies import plot_grid_versus_random
    >>> [axes.child_axes[0].get_title() for axes in plot_grid_versus_random(side=3).axes]
    ['grid: 9 trials, 3 values of what matters', 'random: 9 trials, 9 values of what matters']
    """
    check(plot_grid_versus_random, {"side": side, "seed": seed})
    pair = panels_of(axes, 2, (10, 5), 2)
    middles = (np.arange(side) + 0.5) / side
    grid = np.stack(np.meshgrid(middles, middles), -1).reshape(-1, 2)
    random = np.random.default_rng(seed).random((side * side, 2))
    for panel, points, name in zip(pair, (grid, random), ("grid", "random"), strict=True):
        values = len(np.unique(points[:, 0]))
        _projected(panel, points)
        panel.child_axes[0].set_title(f"{name}: {len(points)} trials, {values} values of what matters", fontsize=10)
    return save(pair[0].figure, path)


def plot_study(
    rows: Rows,
    curves: Mapping[int, Mapping[str, Any]],
    dimensions: Sequence[Dimension],
    monitor: str,
    sign: int,
    path: Path = None,
) -> Any:
    """A study at a glance: learning curves, the two most important hyperparameters, all of them, and their importance.

    >>> from caviar.studies.plots import plot_study
    >>> from caviar.studies.tables import Dimension
    >>> from caviar.ranges import Uniform
    >>> rows = [{"trial": 0, "a": 0.5, "status": "finished", "val_loss": 0.5}]
    >>> figure = plot_study(rows, {0: {"val_loss": [1.0, 0.5]}}, [Dimension("a", Uniform(0, 1))], "val_loss", -1)
    >>> figure.get_suptitle()
    'val_loss of 1 trial, best 0.5 (trial 0)'
    """
    matters = importance(rows, dimensions, monitor, sign)
    leading = sorted(dimensions, key=lambda dimension: -matters[dimension.name])[:_MOST_UPRIGHT]
    figure = picture(15, 9.5)
    figure.suptitle(as_it_is(DrawnTrials.of(rows, monitor, sign).title), fontsize=13)
    # one subfigure each, so that long names in one take no room from the others
    panels = [part.add_subplot() for part in figure.subfigures(2, 2).flat]
    plot_curves(curves, rows, monitor, sign, axes=panels[0])
    if len(dimensions) > 1:
        plot_zoom(rows, dimensions, monitor, sign, axes=panels[1])
    elif dimensions:
        plot_scatter(rows, dimensions, monitor, sign, axes=panels[1])
    plot_parallel(rows, leading, monitor, sign, axes=panels[2])
    _bars(panels[3], matters)
    every = "every trial" if len(leading) == len(dimensions) else f"the {len(leading)} that matter most"
    for panel, title in zip(panels, ("learning curves", "where the good ones are", every, "importance"), strict=True):
        panel.set_title(title, fontsize=11)
    return save(figure, path)


def _two(
    rows: Rows, dimensions: Sequence[Dimension], monitor: str, sign: int, names: Sequence[str] | None
) -> list[Dimension]:
    """The two hyperparameters of a plane."""
    known = {dimension.name: dimension for dimension in dimensions}
    matters = importance(rows, dimensions, monitor, sign)
    if names is None:
        names = sorted(matters, key=lambda name: known[name].range.scale == "choice")[:2]
    for name in names:
        if name not in known:
            raise unknown_name("hyperparameter", name, known)
    if len(names) != 2:
        raise ArgumentError(f"a plane has two hyperparameters, not {len(names)}: plot_scatter draws any number")
    return [known[name] for name in names]


def _scatter(axes: Any, found: DrawnTrials, dimension: Dimension) -> None:
    inside = [j for j, row in enumerate(found.shown) if active(row, [dimension])][::-1]
    x = [place_of(dimension, found.shown[j]) for j in inside]
    style = {"s": dot_size(len(inside)), "cmap": found.colors, "norm": unit_norm(), "linewidths": 0}
    axes.scatter(x, found.heights[inside], c=found.heights[inside], **style)
    lost = [place_of(dimension, row) for row in found.diverged if active(row, [dimension])]
    axes.plot(lost, [found.edge] * len(lost), "x", color=GRAY, markersize=5)
    if inside and inside[-1] == 0:
        draw_ring(axes, [x[-1]], [found.heights[0]])
    rule(axes, "x", dimension)
    rule(axes, "y", found.value)


def _bars(axes: Any, matters: Mapping[str, float]) -> None:
    names = [name if len(name) < 32 else f"…{name[-30:]}" for name in list(matters)[::-1]]
    axes.barh(range(len(names)), list(matters.values())[::-1], height=min(0.8, 0.2 * len(names)), color="#1f5f8b")
    axes.set_yticks(range(len(names)), [as_it_is(name) for name in names], fontsize=9)
    axes.set_ylim(-0.6, len(names) - 0.4)
    axes.set(xlim=(0, 1), xlabel="share of the variance that it explains by itself")
    axes.spines[["top", "right"]].set_visible(False)
    if not any(matters.values()):
        axes.text(0.5, 0.5, "nothing beyond chance yet", transform=axes.transAxes, ha="center", color=GRAY)


def _box(axes: Any, places: np.ndarray, label: str, above: bool) -> None:
    from matplotlib.patches import Rectangle

    low, high = places.min(axis=0) - 0.015, places.max(axis=0) + 0.015
    axes.add_patch(Rectangle(low, *(high - low), fill=False, edgecolor="black", linewidth=1, linestyle="--"))
    corner, offset = ((low[0], high[1]), (2, 2)) if above else ((high[0], low[1]), (-2, -3))
    side = {"ha": "left", "va": "bottom"} if above else {"ha": "right", "va": "top"}
    text = axes.annotate(label, corner, offset, textcoords="offset points", fontsize=8, **side)
    text.set_bbox({"facecolor": "white", "alpha": 0.75, "linewidth": 0, "pad": 0.6})


def _limit(axes: Any, logs: Sequence[np.ndarray], leaders: Sequence[np.ndarray], sign: int) -> None:
    """Limit the axis to nearly all values of the curves and all of the leaders'; a few that diverge leave the picture."""
    values, best = (np.concatenate([np.zeros(0), *(log[np.isfinite(log)] for log in some)]) for some in (logs, leaders))
    if not len(values):
        return
    if wants_log(values, sign):
        axes.set_yscale("log")
    nearly = np.quantile(values, [0.01, 1] if sign > 0 else [0, 0.99])
    low, high = min([*nearly, *best]), max([*nearly, *best])
    if axes.get_yscale() == "log":
        axes.set_ylim(low / 1.2, high * 1.2)
    elif high > low:
        axes.set_ylim(low - 0.05 * (high - low), high + 0.05 * (high - low))


def _projected(axes: Any, points: np.ndarray) -> None:
    """Points over two hyperparameters, with the results for each value of one drawn along the sides."""
    line = np.linspace(0, 1, 201)
    along, across = np.exp(-(((line - 0.61) / 0.09) ** 2)), 0.1 + 0.05 * np.sin(3 * line)
    matters, hardly = np.interp(points[:, 0], line, along), np.interp(points[:, 1], line, across)
    top, right = axes.inset_axes([0, 1.03, 1, 0.22]), axes.inset_axes([1.03, 0, 0.14, 1])
    top.fill_between(line, along, color="#cfe3c8")
    top.vlines(points[:, 0], 0, matters, color="#1f5f8b", linewidth=1)
    right.fill_betweenx(line, across, color="#f3e3a8")
    right.hlines(points[:, 1], 0, hardly, color="#1f5f8b", linewidth=1)
    top.set(xlim=(0, 1), ylim=(0, 1.05))
    right.set(ylim=(0, 1), xlim=(0, 1.05))
    for side in (top, right):
        side.set_axis_off()
    axes.plot(*points.T, "o", color="#1f5f8b", markersize=5, clip_on=False)
    draw_ring(axes, *points[np.argmax(matters + hardly)])
    axes.set(xlim=(0, 1), ylim=(0, 1), xticks=[], yticks=[], aspect="equal")
    axes.set(xlabel="hyperparameter that matters", ylabel="hyperparameter that does not")
