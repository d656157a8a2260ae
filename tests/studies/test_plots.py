"""Pictures of studies of every size: they are drawn without a warning, and show what they say."""

from __future__ import annotations

import builtins
import math
import warnings
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from PIL import Image

from caviar.errors import ArgumentError, MissingExtraError, UnknownNameError
from caviar.ranges import Choice, IntUniform, LogNormal, LogUniform, Normal, OneMinus, Quantized, Uniform
from caviar.studies.drawing import BEST, DrawnTrials, place, ticks, unit_norm
from caviar.studies.importance import importance
from caviar.studies.plots import (
    plot_curves,
    plot_grid_versus_random,
    plot_parallel,
    plot_scatter,
    plot_study,
    plot_zoom,
)
from caviar.studies.tables import Dimension

DIMENSIONS = [
    Dimension("learning_rate", LogUniform(1e-4, 1)),
    Dimension("dense.units", IntUniform(16, 256)),
    Dimension("optimizer.momentum", OneMinus(LogUniform(1e-3, 1e-1))),
    Dimension("activation", Choice("relu", "tanh", "gelu")),
    Dimension("dropout.rate", Uniform(0, 0.6)),
    Dimension("batch_size", Choice(16, 32, 64)),
    Dimension("layers", IntUniform(2, 4)),
    Dimension("optimizer", Choice("StochasticGradientDescent", "Adam", "RMSprop", "AdamW")),
    Dimension("dense_2.units", Quantized(LogUniform(16, 512), 16)),
    Dimension("noise.stddev", LogNormal(-3, 1)),
    Dimension("filters", LogUniform(0.011, 0.019)),
    Dimension("a_long_layer_name.another_long_part.kernel_initializer.stddev", Normal(0, 1)),
]


class Study:
    """A made-up study in three rounds, in which the learning rate matters and large ones diverge."""

    def __init__(self, count: int, dimensions: int = 5, sign: int = -1):
        random = np.random.default_rng(0)
        self.dimensions, self.sign = DIMENSIONS[:dimensions], sign
        self.monitor = "val_loss" if sign < 0 else "val_accuracy"
        self.rows: list[dict[str, Any]] = []
        self.curves: dict[int, dict[str, np.ndarray]] = {}
        for trial in range(count):
            units = random.random(dimensions)
            values = {d.name: d.range.at(float(u)) for d, u in zip(self.dimensions, units, strict=True)}
            diverged, goodness = units[0] > 0.9 and count > 1, 1 - (units[0] - 0.4) ** 2 + 0.01 * random.normal()
            curve = goodness * (1 - np.exp(-np.arange(1, 11) / 3))
            curve = curve if sign > 0 else 10 ** (-3 * curve)
            curve[-1] = np.nan if diverged else curve[-1]
            self.curves[trial] = {self.monitor: curve}
            status = "diverged" if diverged else "finished"
            row = {"trial": trial, "round": 1 + 3 * trial // count, **values, "status": status, "epochs": 10}
            self.rows.append({**row, self.monitor: float(curve[-1])})

    @property
    def asked(self) -> tuple[Any, ...]:
        return self.rows, self.dimensions, self.monitor, self.sign


PLOTS: dict[str, Callable[..., Any]] = {
    "parallel": lambda s, **more: plot_parallel(*s.asked, **more),
    "scatter": lambda s, **more: plot_scatter(*s.asked, **more),
    "curves": lambda s, **more: plot_curves(s.curves, s.rows, s.monitor, s.sign, **more),
    "zoom": lambda s, **more: plot_zoom(*s.asked, **more),
    "study": lambda s, **more: plot_study(s.rows, s.curves, s.dimensions, s.monitor, s.sign, **more),
}


def overlaps(axis: Any) -> list[tuple[str, str]]:
    """Neighbouring labels of an axis that are drawn over one another, once the figure is laid out."""
    boxes = [(label.get_text(), label.get_window_extent()) for label in axis.get_ticklabels() if label.get_text()]
    return [(a, b) for (a, left), (b, right) in pairwise(boxes) if left.overlaps(right)]


SIZES = [(1, 3), (2, 1), (12, 5), (300, 12)]


@pytest.mark.parametrize(
    ("name", "count", "dimensions", "sign"),
    [(name, *size, -1) for name in PLOTS for size in SIZES if name != "zoom" or size[1] > 1]  # which has no plane
    + [(name, 12, 5, 1) for name in PLOTS],
)
def test_every_picture_of_every_size(name: str, count: int, dimensions: int, sign: int, tmp_path: Path) -> None:
    path = tmp_path / "study.png"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = PLOTS[name](Study(count, dimensions, sign), path=path)
    assert isinstance(figure, Figure)
    assert len(np.unique(np.asarray(Image.open(path).convert("L")))) > 10


@pytest.mark.parametrize("name", ["parallel", "scatter", "curves", "zoom"])
def test_titles_name_the_monitor_the_trials_the_best_and_the_diverged(name: str) -> None:
    study = Study(60)
    best = min((row for row in study.rows if row["status"] == "finished"), key=lambda row: row["val_loss"])
    lost = sum(row["status"] == "diverged" for row in study.rows)
    figure = PLOTS[name](study)
    title = figure.get_suptitle() or figure.axes[0].get_title()
    assert title == f"val_loss of 60 trials, best {best['val_loss']:.4g} (trial {best['trial']}), {lost} diverged"


@pytest.mark.parametrize("name", PLOTS)
def test_nothing_to_draw(name: str) -> None:
    study = Study(3)
    study.rows = [{**row, "status": "waiting", "val_loss": math.nan} for row in study.rows]
    with pytest.raises(ArgumentError, match="none of 3 trials has a val_loss yet"):
        PLOTS[name](study)


@pytest.mark.parametrize(
    ("name", "crosses"), [("parallel", 12), ("scatter", 5 * 12), ("curves", 12), ("zoom", 12), ("study", 3 * 12)]
)
def test_each_of_those_that_diverged_is_a_cross(name: str, crosses: int) -> None:
    study = Study(12)
    study.rows = [{**row, "status": "diverged", "val_loss": math.nan} for row in study.rows]
    figure = PLOTS[name](study)
    figure.draw_without_rendering()
    drawn = [line.get_xydata() for axes in figure.axes for line in axes.lines if line.get_marker() == "x"]
    assert sum(int(np.isfinite(points).all(axis=1).sum()) for points in drawn) == crosses


def test_a_study_without_hyperparameters() -> None:
    study = Study(12)
    study.dimensions = []
    PLOTS["study"](study).draw_without_rendering()
    with pytest.raises(ArgumentError, match="no hyperparameters"):
        plot_scatter(*study.asked)


@pytest.mark.parametrize("name", ["parallel", "curves", "zoom"])
def test_a_picture_into_axes_of_ones_own(name: str) -> None:
    figure = Figure()
    axes = figure.add_subplot()
    assert PLOTS[name](Study(12), axes=axes) is figure
    assert axes.has_data()


def test_scatter_into_axes_of_ones_own() -> None:
    figure = Figure()
    axes = [figure.add_subplot(1, 5, i + 1) for i in range(5)]
    assert plot_scatter(*Study(12).asked, axes=axes) is figure
    assert all(panel.has_data() for panel in axes)


def test_without_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    for plot in PLOTS.values():
        with pytest.raises(MissingExtraError, match=r"pip install 'caviar\[plots\]'"):
            plot(Study(12))
    with pytest.raises(MissingExtraError):
        plot_grid_versus_random()


# Scales


TICKS = {
    "learning_rate": ["$10^{-4}$", "$10^{-3}$", "$10^{-2}$", "$10^{-1}$", "$10^{0}$"],
    "dense.units": ["50", "100", "150", "200", "250"],
    "optimizer.momentum": ["0.9", "0.99", "0.999"],
    "activation": ["relu", "tanh", "gelu"],
    "dropout.rate": ["0", "0.2", "0.4", "0.6"],
    "batch_size": ["16", "32", "64"],
    "layers": ["2", "3", "4"],
    "dense_2.units": ["20", "50", "100", "200", "500"],
    "noise.stddev": ["$10^{-2}$", "$10^{-1}$"],
    "filters": ["0.011", "0.019"],
    "a_long_layer_name.another_long_part.kernel_initializer.stddev": ["-2", "0", "2"],
}


@pytest.mark.parametrize("name", TICKS)
def test_ticks(name: str) -> None:
    dimension = next(d for d in DIMENSIONS if d.name == name)
    found = ticks(dimension)
    assert [label for _, label in found] == TICKS[name]
    assert [at for at, _ in found] == sorted(at for at, _ in found)
    assert all(-1e-9 <= at <= 1 + 1e-9 for at, _ in found)


@pytest.mark.parametrize(
    ("span", "labels"),
    [
        (OneMinus(LogUniform(1e-2, 1e-1)), ["0.9", "0.99"]),
        (OneMinus(LogUniform(0.01, 0.05)), ["0.95", "0.98", "0.99"]),
        (OneMinus(Uniform(0, 1)), ["0", "0.2", "0.4", "0.6", "0.8", "1"]),
        (LogUniform(1e-12, 1), ["$10^{-12}$", "$10^{-9}$", "$10^{-6}$", "$10^{-3}$", "$10^{0}$"]),
        (Uniform(-1e6, 1e6), ["-1e+06", "-500000", "0", "500000", "1e+06"]),
        (IntUniform(7, 7), ["7"]),
        (IntUniform(0, 1), ["0", "1"]),
    ],
    ids=repr,
)
def test_ticks_of_odd_ranges(span: Any, labels: list[str]) -> None:
    assert [label for _, label in ticks(Dimension("x", span))] == labels


@pytest.mark.parametrize("dimension", DIMENSIONS, ids=lambda d: d.name)
def test_values_stand_where_their_ticks_do(dimension: Dimension) -> None:
    for at, label in ticks(dimension):
        value = label if dimension.name in ("activation", "optimizer") else None
        if value is None:
            value = 10.0 ** int(label[5:-2]) if label.startswith("$") else float(label)
            value = int(value) if dimension.name in ("batch_size", "layers", "dense.units") else value
        assert place(dimension, value) == pytest.approx(at, abs=1e-9)


def test_larger_values_stand_higher() -> None:
    for dimension in DIMENSIONS:
        if dimension.range.scale != "choice":
            values = sorted(dimension.range.at(u) for u in (0.1, 0.4, 0.6, 0.9))
            places = [place(dimension, value) for value in values]
            assert places == sorted(places)
            assert -0.01 <= places[0] < places[-1] <= 1.01


# What each picture shows


def lines_in(axes: Any, color: str) -> list[Any]:
    return [line for line in axes.lines if to_hex(line.get_color()) == color]


def test_parallel_draws_the_best_through_its_hyperparameters() -> None:
    study = Study(60)
    axes = plot_parallel(*study.asked).axes[0]
    best = min((row for row in study.rows if row["status"] == "finished"), key=lambda row: row["val_loss"])
    (line,) = lines_in(axes, BEST)
    heights = line.get_ydata()
    assert heights[0] == pytest.approx(place(DIMENSIONS[0], best["learning_rate"]))
    assert heights[-1] == 0  # the lowest loss
    assert [label.get_text().replace("\n", "") for label in axes.get_xticklabels()] == [
        *(d.name for d in study.dimensions), "val_loss",
    ]  # fmt: skip


@pytest.mark.parametrize("sign", [1, -1])
def test_diverged_trials_are_crosses_beyond_the_worst(sign: int) -> None:
    study = Study(60, sign=sign)
    lost = sum(row["status"] == "diverged" for row in study.rows)
    for axes in (plot_parallel(*study.asked).axes[0], plot_scatter(*study.asked).axes[0]):
        (crosses,) = [line for line in axes.lines if line.get_marker() == "x"]
        heights = crosses.get_ydata()
        assert len(heights) == lost > 0
        assert all(height < 0 for height in heights) if sign > 0 else all(height > 1 for height in heights)


def test_parallel_names_what_a_trial_does_not_have() -> None:
    study = Study(12)
    texts = [text.get_text() for text in plot_parallel(*study.asked).axes[0].texts]
    assert "not used" not in texts
    study.rows[3]["optimizer.momentum"] = None
    texts = [text.get_text() for text in plot_parallel(*study.asked).axes[0].texts]
    assert texts.count("not used") == 1


def test_scatter_begins_with_what_matters() -> None:
    study = Study(200)
    study.dimensions = study.dimensions[::-1]
    figure = plot_scatter(*study.asked)
    assert figure.axes[0].get_xlabel() == "learning_rate"
    assert figure.axes[0].get_title().startswith("explains ")
    assert len(figure.axes) == len(study.dimensions)


@pytest.mark.parametrize("dimensions", [1, 12])
@pytest.mark.parametrize("name", ["parallel", "scatter", "study"])
def test_labels_do_not_overlap(name: str, dimensions: int) -> None:
    figure = PLOTS[name](Study(60, dimensions))
    figure.draw_without_rendering()
    found = [overlaps(axis) for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)]
    assert [pairs for pairs in found if pairs] == []


def test_a_few_terrible_trials_do_not_press_the_others_together() -> None:
    rows = [{"trial": i, "status": "finished", "val_loss": 0.5 + i / 100} for i in range(50)]
    rows += [{"trial": 50 + i, "status": "finished", "val_loss": 30.0 + i} for i in range(3)]
    found = DrawnTrials.of(rows, "val_loss", -1)
    assert found.heights[49] > 0.3
    assert found.heights[50:].tolist() == [1.0, 1.0, 1.0]
    usual = DrawnTrials.of(rows[:50], "val_loss", -1)
    assert (usual.heights[0], usual.heights[-1]) == (0.0, 1.0)


def test_curves_tell_the_leaders() -> None:
    axes = plot_curves(Study(60).curves, Study(60).rows, "val_loss", -1).axes[0]
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    ranked = sorted((r for r in Study(60).rows if r["status"] == "finished"), key=lambda row: row["val_loss"])
    assert labels == [f"trial {row['trial']}: {row['val_loss']:.4g}" for row in ranked[:5]]
    assert len(lines_in(axes, BEST)) == 1


@pytest.mark.parametrize(
    ("values", "sign", "scale"),
    [([1.0, 0.001], -1, "log"), ([1.0, 0.1], -1, "linear"), ([1.0, 0.0], -1, "linear"), ([0.001, 1.0], 1, "linear")],
)
def test_losses_over_more_than_two_decades_are_drawn_on_a_log_scale(values: list[float], sign: int, scale: str) -> None:
    rows = [{"trial": 0, "status": "finished", "v": values[-1]}]
    assert plot_curves({0: {"v": np.array(values)}}, rows, "v", sign).axes[0].get_yscale() == scale


def test_a_diverging_curve_does_not_press_the_others_together() -> None:
    study = Study(60)
    study.curves[0] = {"val_loss": np.array([1.0, 1e20, 1e30, np.nan])}
    study.rows[0].update(status="diverged", val_loss=math.nan)
    axes = plot_curves(study.curves, study.rows, "val_loss", -1).axes[0]
    assert axes.get_ylim()[1] < 10
    assert any(line.get_marker() == "x" and line.get_ydata()[0] == axes.get_ylim()[1] for line in axes.lines)


def test_curves_of_trials_without_a_log_are_left_out() -> None:
    study = Study(3)
    axes = plot_curves({0: {"loss": np.ones(3)}}, study.rows, "val_loss", -1).axes[0]
    assert axes.lines[:] == []


def test_zoom_draws_a_box_around_each_later_round() -> None:
    study = Study(90)
    for row in study.rows:
        narrow = 0.5 ** (row["round"] - 1)
        row["learning_rate"] = 10.0 ** (-2 + narrow * (math.log10(row["learning_rate"]) + 2))
    axes = plot_zoom(*study.asked, names=("learning_rate", "dropout.rate")).axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("learning_rate", "dropout.rate")
    boxes = axes.patches
    assert len(boxes) == 2
    assert boxes[1].get_width() < boxes[0].get_width() < 0.6
    for number, box in enumerate(boxes, start=2):
        inside = [
            place(DIMENSIONS[0], r["learning_rate"])
            for r in study.rows
            if r["round"] == number and r["status"] == "finished"
        ]
        assert box.get_x() < min(inside)
        assert max(inside) < box.get_x() + box.get_width()
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["round 1", "round 2", "round 3"]


def test_zoom_chooses_the_two_numbers_that_matter_most() -> None:
    study = Study(200)
    for row in study.rows:
        row["val_loss"] = place(DIMENSIONS[4], row["dropout.rate"]) + 0.7 * place(
            DIMENSIONS[2], row["optimizer.momentum"]
        )
        row["val_loss"] += row["activation"] == "tanh"
        row["status"] = "finished"
    matters = importance(*study.asked)
    assert list(matters)[:3] == ["activation", "dropout.rate", "optimizer.momentum"]
    axes = plot_zoom(*study.asked).axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("dropout.rate", "optimizer.momentum")


def test_zoom_wants_two_hyperparameters_that_exist() -> None:
    study = Study(12)
    with pytest.raises(UnknownNameError, match="did you mean 'learning_rate'"):
        plot_zoom(*study.asked, names=("learning_rat", "dropout.rate"))
    with pytest.raises(ArgumentError, match="not 1: plot_scatter draws any number"):
        plot_zoom(*Study(12, dimensions=1).asked)


def heights(side: Any) -> np.ndarray:
    """How good each of the values is that the lines of a side mark."""
    return np.array([line.vertices[1][1] for line in side.collections[1].get_paths()])


def test_the_random_search_finds_better_values_with_as_many_trials() -> None:
    figure = plot_grid_versus_random()
    titles = [axes.child_axes[0].get_title() for axes in figure.axes]
    assert titles == ["grid: 25 trials, 5 values of what matters", "random: 25 trials, 25 values of what matters"]
    for axes, values in zip(figure.axes, (5, 25), strict=True):
        x, y = axes.lines[0].get_data()
        assert (len(x), len(set(x)), len(set(y))) == (25, values, values)
        top, right = axes.child_axes
        assert len({path.vertices[0][0] for path in top.collections[1].get_paths()}) == values
        assert len({path.vertices[0][1] for path in right.collections[1].get_paths()}) == values
    grid, random = (heights(axes.child_axes[0]) for axes in figure.axes)
    assert grid.max() < 0.4 < 0.9 < random.max()
    for axes in figure.axes:
        top, right = axes.child_axes
        worth = heights(top) + [line.vertices[1][0] for line in right.collections[1].get_paths()]
        assert axes.collections[-1].get_offsets()[0].tolist() == axes.lines[0].get_xydata()[worth.argmax()].tolist()


def test_the_overview_has_four_panels_and_room_for_many_names() -> None:
    figure = PLOTS["study"](Study(60, dimensions=12))
    titles = [axes.get_title() for axes in figure.axes if axes.get_title()]
    assert titles == ["learning curves", "where the good ones are", "the 6 that matter most", "importance"]
    assert len(PLOTS["study"](Study(60, 3)).axes) == 6  # with two colour bars


def test_the_overview_says_when_nothing_is_known_yet() -> None:
    def texts(study: Study) -> list[str]:
        return [text.get_text() for axes in PLOTS["study"](study).axes for text in axes.texts]

    assert "nothing beyond chance yet" in texts(Study(1))
    assert "nothing beyond chance yet" not in texts(Study(200))


@pytest.mark.parametrize("sign", [1, -1])
def test_one_curve_in_a_hundred_may_leave_the_picture(sign: int) -> None:
    curves = {i: {"score": [sign * float(i)]} for i in range(101)}
    rows = [{"trial": i, "status": "finished", "score": curves[i]["score"][0]} for i in range(101)]
    limits = plot_curves(curves, rows, "score", sign).axes[0].get_ylim()
    assert sorted(sign * np.array(limits)) == pytest.approx([1 - 0.05 * 99, 100 + 0.05 * 99])


def test_colours_run_from_the_first_place_to_the_last() -> None:
    assert [float(unit_norm()(at)) for at in (0, 0.25, 1)] == [0, 0.25, 1]
