"""Tables, the order of trials, and importance against what is known of made-up studies."""

from __future__ import annotations

import builtins
import csv
import io
import math
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from caviar.errors import FileError, MissingExtraError
from caviar.ranges import Choice, LogUniform, Uniform
from caviar.studies.importance import importance
from caviar.studies.tables import Dimension, Table, as_text, ranked, shown, value_of, wrapped

ROWS: list[dict[str, Any]] = [
    {
        "trial": 0,
        "round": 1,
        "learning_rate": 0.00123456,
        "optimizer": "adam",
        "status": "finished",
        "epochs": 30,
        "acc": 0.75,
    },
    {
        "trial": 1,
        "round": 1,
        "learning_rate": None,
        "optimizer": 'a "b", c',
        "status": "diverged",
        "epochs": 2,
        "acc": math.nan,
    },
    {
        "trial": 2,
        "round": 2,
        "learning_rate": 1 / 3,
        "optimizer": "größe\n2",
        "status": "stopped",
        "epochs": 5,
        "acc": 0.875,
    },
    {"trial": 3, "round": 2, "learning_rate": 0.5, "optimizer": "sgd", "status": "finished", "epochs": 30, "acc": 0.75},
    {"trial": 4, "round": 2, "learning_rate": 0.5, "optimizer": "sgd", "status": "waiting", "epochs": 0},
]


def test_ranked_puts_the_best_first_ties_by_trial_and_what_failed_last() -> None:
    better = {"trial": 9, "status": "finished", "acc": 0.8}
    for rows in ([*ROWS, better], [better, *ROWS][::-1]):
        assert [row["trial"] for row in ranked(rows, "acc", sign=1)] == [2, 9, 0, 3, 4, 1]
        assert [row["trial"] for row in ranked(rows, "acc", sign=-1)] == [0, 3, 9, 2, 4, 1]


def test_best() -> None:
    best = Table(ROWS, "acc", 1).best(2)
    assert isinstance(best, Table)
    assert [row["trial"] for row in best] == [2, 0]
    assert [row["trial"] for row in best.best(1)] == [2]


def test_a_table_is_a_list_of_its_own_rows() -> None:
    table = Table(ROWS, "acc", 1)
    table[0]["acc"] = 1.0
    assert ROWS[0]["acc"] == 0.75
    again = pickle.loads(pickle.dumps(table))
    assert (again[0], again.monitor, again.sign) == (table[0], "acc", 1)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.000123456, "0.0001235"), (0.99953, "0.9995"), (12345.6, "1.235e+04"), (np.float32(0.5), "0.5"), (64, "64"),
     (np.int64(3), "3"), (True, "True"), (None, "-"), (math.nan, "nan"), ("adam", "adam")],
)  # fmt: skip
def test_values_as_shown(value: Any, text: str) -> None:
    assert shown(value) == text


def test_value_of_a_trial() -> None:
    assert [value_of(row, "acc") for row in ROWS[:1]] == [0.75]
    assert math.isnan(value_of(ROWS[4], "acc"))
    assert math.isnan(value_of({"acc": None}, "acc"))


def test_repr_is_aligned() -> None:
    lines = repr(Table([{"trial": 0, "rate": 0.25}, {"trial": 10, "rate": 0.00012345}], "rate", 1)).splitlines()
    assert lines == [" trial       rate", "──────────────────", "     0       0.25", "    10  0.0001234"]


def test_repr_of_nothing_and_of_very_much() -> None:
    assert repr(Table([], "acc", 1)) == "no trials"
    many = Table([{"trial": i, "acc": 0.5} for i in range(1000)], "acc", 1)
    assert repr(many).splitlines()[-1] == "980 more trials: to_csv and to_pandas give all"
    assert "980 more trials" in many._repr_html_()


@pytest.mark.parametrize("width", [200, 60, 45, 30, 1])
def test_no_line_of_the_table_is_wider_than_the_terminal(width: int) -> None:
    text, *left = as_text([ROWS[0], ROWS[3]], width).split("no room for: ")
    lines = text.splitlines()
    assert max(map(len, lines)) <= max(width, 14)  # the trial and its value are always there
    left_out = left[0].split(", ") if left else []
    row = [shown(value) for name, value in ROWS[0].items() if name not in left_out]
    assert lines[-2].split() == row
    assert {"trial", "acc"}.isdisjoint(left_out)


def test_the_value_outlives_its_standard_deviation() -> None:
    rows = [{"trial": 0, "a_hyperparameter": 1, "acc": 0.5, "acc_std": 0.1}]
    assert as_text(rows, 12).splitlines()[0].split() == ["trial", "acc"]


def test_long_names_are_broken_where_they_have_joints() -> None:
    assert wrapped("learning_rate", 20) == "learning_rate"
    for name in ("dense_1.kernel_regularizer.l2", "averyverylongnamewithoutanyjoint", "", "_x..y_"):
        assert wrapped(name).replace("\n", "") == name


def test_csv_is_read_back_by_pythons_own_reader() -> None:
    text = Table(ROWS, "acc", 1).to_csv()
    assert text is not None
    assert text.count("\r\n") == len(ROWS) + 1
    found = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [row["optimizer"] for row in found] == [row["optimizer"] for row in ROWS]
    assert [row["acc"] for row in found] == ["0.75", "nan", "0.875", "0.75", ""]
    assert float(found[2]["learning_rate"]) == 1 / 3
    assert found[1]["learning_rate"] == ""


def test_csv_in_a_file_is_the_same_to_the_byte(tmp_path: Path) -> None:
    table = Table(ROWS, "acc", 1)
    assert table.to_csv(tmp_path / "study.csv") is None
    assert (tmp_path / "study.csv").read_bytes() == table.to_csv().encode()  # type: ignore[union-attr]
    assert [path.name for path in tmp_path.iterdir()] == ["study.csv"]


def test_csv_that_cannot_be_written_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "study.csv").write_text("precious")

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("caviar.studies.tables.os.replace", full)
    with pytest.raises(FileError, match=r"study\.csv could not be written, and nothing was changed: No space left"):
        Table(ROWS, "acc", 1).to_csv(tmp_path / "study.csv")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("study.csv", "precious")]


def test_csv_into_no_folder(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="No such file"):
        Table(ROWS, "acc", 1).to_csv(tmp_path / "none" / "study.csv")


def test_pandas() -> None:
    frame = Table(ROWS, "acc", 1).to_pandas()
    assert frame.index.tolist() == [0, 1, 2, 3, 4]
    assert frame.columns.tolist() == ["round", "learning_rate", "optimizer", "status", "epochs", "acc"]
    assert frame.loc[2, "acc"] == 0.875
    assert frame["acc"].isna().tolist() == [False, True, False, False, True]


def test_without_pandas(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name == "pandas":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match=r"pip install 'caviar\[tables\]'"):
        Table(ROWS, "acc", 1).to_pandas()


def test_html_escapes_what_names_hold() -> None:
    html = Table([{"trial": 0, "<b>": "<script>"}], "acc", 1)._repr_html_()
    assert "<script>" not in html
    assert "<th>&lt;b&gt;</th>" in html


# Importance: three hyperparameters, of which the value hangs on one.

DIMENSIONS = [
    Dimension("momentum", Uniform(0, 1)),
    Dimension("learning_rate", LogUniform(1e-4, 1)),
    Dimension("optimizer", Choice("adam", "sgd", "rmsprop")),
]
EFFECTS = {
    "rising": ("learning_rate", lambda units: units),
    "U-shaped": ("learning_rate", lambda units: (units - 0.5) ** 2),
    "a step": ("momentum", lambda units: units > 0.8),
    "a choice": ("optimizer", lambda units: np.floor(units * 3) == 1),
}


def study(count: int, seed: int, effect: str | None = None, noise: float = 0.1) -> list[dict[str, Any]]:
    random = np.random.default_rng(seed)
    units = random.random((count, len(DIMENSIONS)))
    values = noise * random.normal(size=count)
    if effect:
        name, curve = EFFECTS[effect]
        along = curve(units[:, [d.name for d in DIMENSIONS].index(name)])
        values = values * np.std(along) + along
    names = [{d.name: d.range.at(u) for d, u in zip(DIMENSIONS, row, strict=True)} for row in units]
    return [{"trial": i, **names[i], "status": "finished", "loss": float(values[i])} for i in range(count)]


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("effect", EFFECTS)
def test_the_one_that_matters_is_found(effect: str, sign: int) -> None:
    found = importance(study(200, 0, effect), DIMENSIONS, "loss", sign)
    first, *others = found
    assert first == EFFECTS[effect][0]
    assert 0.4 < found[first] <= 1
    assert max(found[name] for name in others) < 0.1
    assert list(found.values()) == sorted(found.values(), reverse=True)
    assert set(found) == {d.name for d in DIMENSIONS}


@pytest.mark.parametrize("effect", ["rising", "U-shaped"])
def test_forty_trials_are_enough_for_a_clear_effect(effect: str) -> None:
    shares = [importance(study(40, seed, effect), DIMENSIONS, "loss", -1)["learning_rate"] for seed in range(50)]
    assert min(shares) > 0.4


@pytest.mark.parametrize("count", [10, 25, 100, 400])
def test_noise_has_no_importance(count: int) -> None:
    """Five studies in a hundred may show something; on average it is next to nothing."""
    shares = [list(importance(study(count, seed), DIMENSIONS, "loss", -1).values()) for seed in range(100)]
    assert np.mean(np.array(shares) > 0) < 0.08
    assert np.mean(shares) < 0.03


def test_a_share_is_not_biased_by_the_number_of_bins() -> None:
    """Half of the variance of a value that is the sum of two equal parts, whatever the number of trials."""
    rows = [study(count, 0, "rising", noise=1.0) for count in (100, 2000)]
    shares = [importance(r, DIMENSIONS, "loss", -1)["learning_rate"] for r in rows]
    assert shares == pytest.approx([0.5, 0.5], abs=0.12)


def test_too_few_trials_say_nothing() -> None:
    for rows in ([], study(1, 0), study(9, 0, "rising", noise=0)):
        assert set(importance(rows, DIMENSIONS, "loss", -1).values()) == {0.0}


def test_only_the_order_of_the_values_counts() -> None:
    rows = study(100, 0, "rising")
    steep = [{**row, "loss": math.exp(50 * row["loss"])} for row in rows]
    assert importance(steep, DIMENSIONS, "loss", -1) == importance(rows, DIMENSIONS, "loss", -1)


def test_inactive_trials_are_left_out() -> None:
    rows = study(100, 0, "rising")
    for row in rows[::2]:
        row.update(learning_rate=None, loss=1e6)
    assert importance(rows, DIMENSIONS, "loss", -1)["learning_rate"] > 0.8


def test_diverged_trials_rank_last() -> None:
    rows = study(100, 0)
    for row in rows:
        if row["learning_rate"] > 0.1:
            row.update(status="diverged", loss=math.nan)
    for sign in (1, -1):
        assert importance(rows, DIMENSIONS, "loss", sign)["learning_rate"] > 0.3
    waiting = [{**row, "status": "waiting"} if row["status"] == "diverged" else row for row in rows]
    assert importance(waiting, DIMENSIONS, "loss", -1)["learning_rate"] == 0.0


def test_values_that_are_all_equal_have_no_importance() -> None:
    rows = [{**row, "loss": 0.5} for row in study(50, 0)]
    assert set(importance(rows, DIMENSIONS, "loss", -1).values()) == {0.0}


def test_a_hyperparameter_with_one_value_has_no_importance() -> None:
    rows = [{**row, "learning_rate": 0.01, "optimizer": "adam"} for row in study(50, 0, "a step")]
    found = importance(rows, DIMENSIONS, "loss", -1)
    assert (found["learning_rate"], found["optimizer"]) == (0.0, 0.0)


def test_names_and_choices_are_text() -> None:
    rows = [{"trial": 0, "[/x].size": ":smile: [red]", "a\nb": "\x1b[31m", "loss": 0.5}]
    text = as_text(rows, 100)
    assert ":smile: [red]" in text
    assert r"\x1b[31m" in text
    assert "[/x].size" in text.splitlines()[0]
    assert r"a\nb" in text.splitlines()[0]
